"""What a scan reads of a node, as rules get it: plain facts, without a judgement.

Paths are the node's own, as a person on it would write them. An answer is a fact, or Absent, or Unreadable.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

# What stands in an answer in place of a secret: not empty, since rules ask whether there is one.
REDACTED = "(redacted)"


@dataclass(frozen=True, slots=True)
class Absent:
    """What was asked for is not there: no such file, no such process, a port that nobody listens on."""

    what: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was asked for may be there, but could not be read: `reason` says why (EACCES, too large, not a regular file …)."""

    what: str
    reason: str


class FileKind(enum.Enum):
    """What a path leads to."""

    FILE = "file"
    DIRECTORY = "directory"
    SOCKET = "socket"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """A file's metadata (stat), links followed.

    `path` is as it was asked for, `target` where links lead inside the host's root; `mode` has the permission bits alone
    (07777).
    """

    path: str
    target: str
    kind: FileKind
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An X.509 certificate; times are Unix seconds, `key_bits` is 0 for keys that have no choice of size."""

    subject: str
    issuer: str
    organizations: tuple[str, ...]
    alternative_names: tuple[str, ...]
    not_before: float
    not_after: float
    key_kind: str
    key_bits: int
    signature_hash: str
    authority: bool
    # SHA-256 of its DER form, in hexadecimal; of its subject's public key (SPKI), too.
    digest: str
    key_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A line of group(5)."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The host's own users and groups, never an image's."""

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process, as /proc tells it to a reader in another pid namespace.

    `uid` and `gid` are the effective ones, seen from the host. `pod_uid` is that of the pod its cgroup belongs to, empty
    for a process of the host; `static` says that the kubelet serves that pod as a static one.
    """

    pid: int
    comm: str
    argv: tuple[str, ...]
    uid: int = 0
    gid: int = 0
    cgroup: str = "/"
    namespace_pids: tuple[int, ...] = ()
    pod_uid: str = ""
    static: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A line of mountinfo (proc_pid_mountinfo(5)).

    `root` is what of the file system is mounted, `propagation` its tags, `device` the file system's own number ("8:1"):
    the same in every mount namespace.
    """

    point: str
    root: str
    source: str
    file_system: str
    options: tuple[str, ...] = ()
    propagation: tuple[str, ...] = ()
    device: str = ""


class SocketState(enum.Enum):
    """What a TCP socket is doing, of what rules ask about."""

    LISTEN = "listen"
    ESTABLISHED = "established"


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A TCP socket of the host's network namespace."""

    state: SocketState
    local_address: str
    local_port: int
    remote_address: str = ""
    remote_port: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a TLS server showed: the oldest version it agrees to (`TLSv1.2`), the cipher suite then, and its chain."""

    oldest_version: str
    cipher: str
    certificates: tuple[Certificate, ...]
    demands_client_certificate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What an HTTP server said to a GET without credentials; status 0 where it broke off for lack of a client certificate."""

    status: int


class Users(enum.Enum):
    """Whose user namespace a process is in: capabilities count there, and nowhere above (user_namespaces(7))."""

    # The host's; also where that could not be told.
    HOST = "host"
    # One that the runtime made for the container or its pod, as `hostUsers: false` asks for.
    CONTAINER = "container"
    # One that a process of the container made itself, as browsers and builders do: its capabilities reach nothing outside.
    NESTED = "nested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProcess:
    """A process in a container: the kernel's truth (proc_pid_status(5)).

    `uid` and `gid` are as the host sees them, `own_uid` as the container does, None where it sees them as the host.
    `seccomp` is 0 off, 1 strict, 2 filter; `label` is what attr/current says, None where it could not be read. What is
    permitted a process makes effective whenever it wants; a program that is setuid root is permitted all that is bounding.
    """

    pid: int
    comm: str
    argv: tuple[str, ...]
    uid: int
    gid: int
    effective_capabilities: int
    no_new_privileges: bool
    seccomp: int
    label: str | None
    namespace_pids: tuple[int, ...]
    # The soft limits, "unlimited" or a number, by name as in /proc/PID/limits: "Max open files", "Max processes".
    limits: Mapping[str, str] = field(default_factory=dict)
    permitted_capabilities: int = 0
    bounding_capabilities: int = 0
    users: Users = Users.HOST
    own_uid: int | None = None


class Arrival(enum.Enum):
    """How a container came to run on a node, as far as that can be told."""

    # By the API server, and so past admission, by its policies of that day.
    API = "api"
    # From a manifest on the node: no admission sees those.
    STATIC = "static"
    # In the cgroup of a pod that the kubelet does not know: somebody went around it.
    UNKNOWN_TO_KUBELET = "unknown-to-kubelet"
    # Not by Kubernetes at all: Docker, containerd's ctr, Podman …
    OUTSIDE = "outside"
    # In a pod, and the kubelet could not be asked about it, or does not say yet which of its containers it is.
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningContainer:
    """A container as it runs, whatever started it.

    `name` is "namespace/pod/container", or what is known of it. `spec` is the pod that the kubelet serves for it and
    `container` the name in that spec; both are absent where the kubelet knows nothing of it. Limits are in bytes and
    counts, None where there is none; `cpu_limited` says whether weight or quota differ from the default. `host_network`
    says that it stands in the host's network namespace. `gaps` has what could not be read, "field: reason". `sandboxed`
    is a container in a virtual machine or a user-space kernel, about which the host's kernel tells nothing.
    `host_capabilities` are all that a process can have here: what the host's first process and whatever started the
    container are bounded by; None where that could not be read. `resizing` says that its pod waits for a resize in place.
    """

    name: str
    pod_uid: str
    container_id: str
    processes: tuple[ContainerProcess, ...]
    root_read_only: bool
    mounts: tuple[Mount, ...]
    interfaces: frozenset[str]
    listening_ports: frozenset[int]
    memory_limit: int | None
    pids_limit: int | None
    cpu_limited: bool
    container: str = ""
    spec: Mapping[str, object] | None = None
    sandboxed: bool = False
    host_network: bool = False
    arrival: Arrival = Arrival.UNTOLD
    gaps: tuple[str, ...] = ()
    host_capabilities: int | None = None
    resizing: bool = False
