"""The read-only view of one container of a pod, whatever list it stands in."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from stridegate.model.handlers import HostTarget, Probe
from stridegate.model.places import Pointer, Spot
from stridegate.model.pods import Container, SecurityContext
from stridegate.model.vocabulary import capability_name

_NO_CONTEXT = SecurityContext()


class ContainerKind(enum.Enum):
    """Which list of the pod spec a container stands in; a sidecar is an init container that restarts always (KEP-753)."""

    INIT = "init"
    SIDECAR = "sidecar"
    REGULAR = "regular"
    EPHEMERAL = "ephemeral"


class ContainerView(Spot):
    """One container of whatever kind.

    It does not know its pod: what stands in no circle is freed at once, and leaves nothing to the garbage collector.
    """

    __slots__ = ("context", "kind")
    shape: Container

    def __init__(self, prefix: Pointer, shape: Container, kind: ContainerKind, listed: str, index: int) -> None:
        name = shape.name or ""
        super().__init__(shape, (*prefix, "spec", listed, index), f"{listed}[{name or index}]", concerned=(name,))
        # Never missing, so that the fields that most rules read are one step away.
        self.context = shape.securityContext or _NO_CONTEXT
        self.kind = kind

    @property
    def name(self) -> str:
        """The container's name; empty where a template or an unvalidated pod has none."""
        return self.shape.name or ""

    @property
    def ephemeral(self) -> bool:
        """Whether it is an ephemeral container, for which the API forbids resources, ports, probes and lifecycle."""
        return self.kind is ContainerKind.EPHEMERAL

    @property
    def privileged(self) -> bool:
        """Whether it runs privileged, which makes the other confinements moot."""
        return self.context.privileged is True

    @property
    def added_capabilities(self) -> frozenset[str]:
        """The capabilities it adds, in canonical spelling, read against the author: any case, a `CAP_` prefix and blanks count."""
        capabilities = self.context.capabilities
        added = capabilities.add if capabilities else None
        return frozenset(capability_name(name) for name in added or ())

    @property
    def needs_escalation(self) -> bool:
        """Whether the API server refuses `allowPrivilegeEscalation: false` here: privileged, or SYS_ADMIN added (`ValidateSecurityContext`)."""
        return self.privileged or not self.added_capabilities.isdisjoint({"SYS_ADMIN", "ALL"})

    def handlers(self) -> Iterator[tuple[tuple[str, ...], Probe]]:
        """Yield everything that the kubelet does for the container, with its path: probes, and hooks at its start and end."""
        shape = self.shape
        handlers: list[tuple[tuple[str, ...], Probe | None]] = [
            (("livenessProbe",), shape.livenessProbe),
            (("readinessProbe",), shape.readinessProbe),
            (("startupProbe",), shape.startupProbe),
        ]
        if shape.lifecycle is not None:
            handlers.append((("lifecycle", "postStart"), shape.lifecycle.postStart))
            handlers.append((("lifecycle", "preStop"), shape.lifecycle.preStop))
        for path, handler in handlers:
            if handler is not None:
                yield path, handler

    def host_targets(self) -> Iterator[tuple[tuple[str, ...], str, HostTarget]]:
        """Yield every request that the kubelet makes for the container, with the path of its handler and the kind of request."""
        for path, handler in self.handlers():
            if handler.httpGet is not None:
                yield path, "httpGet", handler.httpGet
            if handler.tcpSocket is not None:
                yield path, "tcpSocket", handler.tcpSocket
