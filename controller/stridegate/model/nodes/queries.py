"""What a rule may ask of a node. A query is a value: it says what is wanted, and a scanner finds out how to know it.

Everything a rule learns comes through these, so that what a scanner reads is a closed list, and a rule can be judged
again from what was recorded. No query returns the contents of a key, a token or a kubeconfig.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from stridegate.model.nodes import answers

T_co = TypeVar("T_co", covariant=True)


class Query(Generic[T_co]):
    """A question about a node whose answer is a T."""

    __slots__ = ()


class Syntax(enum.Enum):
    """How a configuration file is written."""

    YAML = "yaml"
    JSON = "json"
    TOML = "toml"
    # systemd units and their drop-ins: {section: {option: [value, …]}}.
    UNIT = "unit"
    # NAME=value lines, as EnvironmentFile= and /etc/default have them: {name: value}.
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class FileStatusOf(Query[answers.FileStatus]):
    """A path's metadata, links followed inside the host's root."""

    path: str


@dataclass(frozen=True, slots=True)
class FilesUnder(Query[tuple[str, ...]]):
    """The paths of what a directory holds whose names match a pattern (fnmatch), sorted, directories too.

    `depth` 1 is the directory itself, more goes down into it; links to directories are listed and not followed.
    """

    directory: str
    pattern: str = "*"
    depth: int = 1


@dataclass(frozen=True, slots=True)
class FileText(Query[str]):
    """The text of a configuration file, or of a value under /proc/sys and the like; at most 1 MiB."""

    path: str


@dataclass(frozen=True, slots=True)
class Document(Query[object]):
    """A parsed configuration file: maps, lists, strings, numbers, booleans and None."""

    path: str
    syntax: Syntax


@dataclass(frozen=True, slots=True)
class FileDigest(Query[str]):
    """The SHA-256 of a file's contents, in hexadecimal."""

    path: str


@dataclass(frozen=True, slots=True)
class CertificatesIn(Query[tuple[answers.Certificate, ...]]):
    """The certificates of a PEM file, or of the client certificate inside a kubeconfig."""

    path: str


@dataclass(frozen=True, slots=True)
class HoldsPrivateKey(Query[bool]):
    """Whether a PEM file holds a private key."""

    path: str


@dataclass(frozen=True, slots=True)
class HostAccounts(Query[answers.Accounts]):
    """The host's passwd and group."""


@dataclass(frozen=True, slots=True)
class HostProcesses(Query[tuple[answers.Process, ...]]):
    """Every process on the node: the host's own, and those of pods."""


@dataclass(frozen=True, slots=True)
class HostMounts(Query[tuple[answers.Mount, ...]]):
    """What is mounted on the host (pid 1's mountinfo)."""


@dataclass(frozen=True, slots=True)
class HostSockets(Query[tuple[answers.Socket, ...]]):
    """The host's TCP sockets, IPv4 and IPv6 (pid 1's net/tcp)."""


@dataclass(frozen=True, slots=True)
class HostInterfaces(Query[frozenset[str]]):
    """The names of the host's network interfaces."""


@dataclass(frozen=True, slots=True)
class TlsHandshake(Query[answers.Handshake]):
    """A TLS handshake with a port of this node."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class HttpGet(Query[answers.HttpAnswer]):
    """A GET without credentials of a port of this node; `scheme` is http or https."""

    scheme: str
    address: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Containers(Query[tuple[answers.RunningContainer, ...]]):
    """Every container that runs, whoever started it."""


@dataclass(frozen=True, slots=True)
class KubeletPods(Query[tuple[Mapping[str, object], ...]]):
    """The pods that the node's kubelet serves (its `/pods`), static ones among them."""


@dataclass(frozen=True, slots=True)
class KubeletConfigz(Query[Mapping[str, object]]):
    """The live KubeletConfiguration that the kubelet serves (its `/configz`)."""


@dataclass(frozen=True, slots=True)
class ConfigMapEntry(Query[object]):
    """A parsed entry of a ConfigMap in kube-system: `kube-proxy` and `kube-proxy-config` alone are ever asked for."""

    name: str
    key: str
    syntax: Syntax


@dataclass(frozen=True, slots=True)
class ComponentVersion(Query[str]):
    """The version of an installed program, such as `1.2.8`: docker, containerd, runc, kubelet, crio."""

    component: str
