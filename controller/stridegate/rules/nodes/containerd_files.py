"""Who may read and write what containerd is made of: its configuration, its directories, and its plugins and devices."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.containerd import DEFAULT_CONFIGURATION, Part, containerd
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Limit, judge_modes, judge_owners, listed
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.paths import parent
from stridegate.model.nodes.readings import TEXT, TEXTS, TRUTH
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import (
    NO_RUNTIME,
    RUNTIME_DEFAULTS,
    VERSION_3,
    daemon_process,
    with_containerd,
)
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ROOT = Field(at="root", reading=TEXT, default="/var/lib/containerd")
_STATE = Field(at="state", reading=TEXT, default="/run/containerd")
_CDI = Field(at="cdi_spec_dirs", reading=TEXTS, default=("/etc/cdi", "/var/run/cdi"))
_NRI_OFF = Field(at="disable", reading=TRUTH, default=False)
_NRI_SOCKET = Field(at="socket_path", reading=TEXT, default="/var/run/nri/nri.sock")
_NRI_PLUGINS = Field(at="plugin_path", reading=TEXT, default="/opt/nri/plugins")
_NRI_CONFIGURATION = Field(at="plugin_config_path", reading=TEXT, default="/etc/nri/conf.d")


def _configurations(node: Node) -> Iterable[str]:
    found = containerd(node)
    directories = dict.fromkeys(parent(path) for path in found.files) or ("/etc/containerd",)
    return (*found.files, *directories)


def _directories(node: Node) -> Verdict:
    found = containerd(node)
    paths = (
        found.flags.text("root") or found.setting(Part.WHOLE, _ROOT).value,
        found.flags.text("state") or found.setting(Part.WHOLE, _STATE).value,
    )
    modes = judge_modes(node, paths, Limit(files=0o711))
    return modes if modes.state is State.FAIL else judge_owners(node, paths)


def _plugins(node: Node) -> Verdict:
    found = containerd(node)
    directories = [*found.setting(Part.RUNTIME, _CDI).value]
    sockets = []
    if not found.setting(Part.NRI, _NRI_OFF).value:
        directories += [found.setting(Part.NRI, field).value for field in (_NRI_PLUGINS, _NRI_CONFIGURATION)]
        sockets = [found.setting(Part.NRI, _NRI_SOCKET).value]
    paths = [*sockets, *directories, *(path for each in directories for path in listed(node, each))]
    limit = Limit(files=0o755, by_pattern=dict.fromkeys(sockets, 0o775))
    modes = judge_modes(node, paths, limit)
    return modes if modes.state is State.FAIL else judge_owners(node, paths)


_CONFIGURATION = GuardedFiles(
    what="containerd's configuration",
    find=_configurations,
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Whoever can write it decides what program starts containers, as root.",
    example=DEFAULT_CONFIGURATION,
    processes=(daemon_process("containerd"),),
    threats=RUNTIME_DEFAULTS | {"host-filesystem-exposure"},
)
_IMPORTED = with_containerd(
    "an imported file that others may write",
    State.FAIL,
    'imports = ["/srv/containerd/*.toml"]\n',
    files={"/srv/containerd/a.toml": HostFile(mode=0o666)},
)
_OPEN_DIRECTORY = with_containerd(
    "a directory that others may write",
    State.FAIL,
    "",
    files={"/etc/containerd": HostFile(kind=FileKind.DIRECTORY, mode=0o777)},
)


def _directory(path: str, mode: int = 0o711, uid: int = 0) -> dict[str, HostFile]:
    return {path: HostFile(kind=FileKind.DIRECTORY, mode=mode, uid=uid)}


def _socket(title: str, state: State, mode: int, text: str = VERSION_3) -> NodeExample:
    socket = HostFile(kind=FileKind.SOCKET, mode=mode)
    return with_containerd(title, state, text, files={"/run/nri/nri.sock": socket})


RULES = (
    permissions_rule(
        "containerd-config-file-permissions",
        _CONFIGURATION,
        Limit(files=0o644, directories=0o755),
        more=(_IMPORTED, _OPEN_DIRECTORY),
    ),
    ownership_rule("containerd-config-file-ownership", _CONFIGURATION),
    NodeRule(
        slug="containerd-directory-permissions",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.TAMPERING}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"host-filesystem-exposure"},
        wrong="Others than root get at containerd's data.",
        threat="Whoever reads it has the files of every container; whoever writes it changes them while they run.",
        wants="keep its root and state directories 0711 or stricter, and root's",
        fix="chmod 711 /var/lib/containerd /run/containerd && chown 0:0 /var/lib/containerd /run/containerd",
        remedy=Remedy.FILE,
        judge=_directories,
        examples=(
            with_containerd("others may read", State.FAIL, "", files=_directory("/var/lib/containerd", 0o755)),
            with_containerd("a user's", State.FAIL, "", files=_directory("/run/containerd", uid=1000)),
            with_containerd(
                "elsewhere by configuration", State.FAIL, 'root = "/srv/c"\n', files=_directory("/srv/c", 0o777)
            ),
            with_containerd("elsewhere by flag", State.FAIL, "", "--root=/srv/c", files=_directory("/srv/c", 0o777)),
            with_containerd("root's", State.PASS, "", files=_directory("/var/lib/containerd")),
            with_containerd("none", State.NOT_APPLICABLE, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="runtime-plugin-ownership",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="Others than root can plug into containerd.",
        threat="A plugin (NRI) or a device description (CDI) changes every container before it starts, with root's rights.",
        wants="keep plugins, their socket and device descriptions root's, and the socket not writable by others",
        fix="chown -R 0:0 /opt/nri /etc/nri /etc/cdi /var/run/cdi && chmod -R go-w those, and the socket o-w",
        remedy=Remedy.FILE,
        judge=_plugins,
        examples=(
            _socket("a socket for everybody", State.FAIL, 0o777),
            _socket("root's socket", State.PASS, 0o700),
            _socket("a socket that others cannot write to, nor so connect to", State.PASS, 0o755),
            _socket(
                "NRI off",
                State.NOT_APPLICABLE,
                0o777,
                'version = 3\n[plugins."io.containerd.nri.v1.nri"]\ndisable = true\n',
            ),
            with_containerd(
                "device descriptions that others may write", State.FAIL, "", files=_directory("/etc/cdi", 0o777)
            ),
            with_containerd(
                "a user's plugin", State.FAIL, "", files={"/opt/nri/plugins/10-a": HostFile(mode=0o755, uid=5)}
            ),
            with_containerd(
                "descriptions elsewhere",
                State.FAIL,
                f'{VERSION_3}cdi_spec_dirs = ["/srv/cdi"]\n',
                files=_directory("/srv/cdi", 0o777),
            ),
            with_containerd("none", State.NOT_APPLICABLE, ""),
            NO_RUNTIME,
        ),
    ),
)
