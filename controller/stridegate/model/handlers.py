"""What the kubelet does for a container, by its probes and at its start and end, named and nested as in the Kubernetes API."""

from __future__ import annotations

from dataclasses import dataclass, field

# The field names are Kubernetes' own, so that a rule reads like a manifest and decoding needs no renaming.
# ruff: noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """v1.HTTPHeader."""

    name: str | None = None
    # It may be a secret: nothing that is written out may contain it.
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTarget:
    """v1.HTTPGetAction and v1.TCPSocketAction; only the first has headers."""

    host: str | None = None
    httpHeaders: tuple[Header, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecAction:
    """v1.ExecAction."""

    # It may contain secrets: nothing that is written out may contain them.
    command: tuple[str, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """v1.Probe and v1.LifecycleHandler."""

    exec: ExecAction | None = None
    httpGet: HostTarget | None = None
    tcpSocket: HostTarget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """v1.Lifecycle."""

    postStart: Probe | None = None
    preStop: Probe | None = None
