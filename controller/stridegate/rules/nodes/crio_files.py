"""Who may read and write what CRI-O is made of: its configuration, its socket, its hooks and the programs that it runs."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.crio import CONFIGURATION, DROP_INS, crio
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Limit, judge_modes, judge_owners, listed
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.readings import TEXT, TEXTS
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.runtime_rules import NO_RUNTIME, RUNTIME_DEFAULTS, daemon_process, with_crio
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_SOCKET = "/run/crio/crio.sock"
_LISTEN = Field(at="crio.api.listen", reading=TEXT, default=_SOCKET, flag="listen")
_HOOKS = Field(at="crio.runtime.hooks_dir", reading=TEXTS, default=("/usr/share/containers/oci/hooks.d",))
_CONMON = Field(at="crio.runtime.conmon", reading=TEXT, default="")
# Where packages put them, if the configuration leaves it to the search path.
_PROGRAMS = tuple(
    f"{directory}/{name}"
    for directory in ("/usr/libexec/crio", "/usr/bin", "/usr/local/bin")
    for name in ("conmon", "crun", "runc")
)
_CLAIMS = RUNTIME_DEFAULTS | {"host-filesystem-exposure"}


def _configurations(node: Node) -> Iterable[str]:
    crio(node)
    return (CONFIGURATION, DROP_INS, *(path for path, _ in crio(node).layers))


def _socket(node: Node) -> Iterable[str]:
    return (crio(node).setting(_LISTEN).value.removeprefix("unix://"),)


def _hooks(node: Node) -> Verdict:
    directories = crio(node).setting(_HOOKS).value
    return _judge(node, (*directories, *(path for each in directories for path in listed(node, each))), 0o775)


def _programs(node: Node) -> Verdict:
    found = crio(node)
    named = [found.setting(_CONMON).value]
    for table in found.tables("crio.runtime.runtimes").values():
        named += [str(table.get(key) or "") for key in ("runtime_path", "monitor_path")]
    return _judge(node, tuple(dict.fromkeys((*(path for path in named if path), *_PROGRAMS))), 0o755)


def _judge(node: Node, paths: tuple[str, ...], most: int) -> Verdict:
    modes = judge_modes(node, paths, Limit(files=most))
    return modes if modes.state is State.FAIL else judge_owners(node, paths)


_CONFIGURATION = GuardedFiles(
    what="CRI-O's configuration",
    find=_configurations,
    severity=Severity.HIGH,
    stride=Stride.TAMPERING,
    threat="Whoever can write it decides what program starts containers, as root.",
    example=CONFIGURATION,
    processes=(daemon_process("crio"),),
    threats=_CLAIMS,
)
_GUARDED_SOCKET = GuardedFiles(
    what="CRI-O's socket",
    find=_socket,
    severity=Severity.CRITICAL,
    stride=Stride.ELEVATION,
    threat="Whoever speaks to CRI-O starts privileged containers: they are root on the node.",
    example=_SOCKET,
    kind=FileKind.SOCKET,
    processes=(daemon_process("crio"),),
    remedy=Remedy.RUNTIME,
    threats=RUNTIME_DEFAULTS | {"unauthenticated-management-access"},
)
_DROP_IN = with_crio(
    "a drop-in that others may write", State.FAIL, "", files={f"{DROP_INS}/10-a.conf": HostFile(mode=0o666)}
)

RULES = (
    permissions_rule(
        "crio-config-file-permissions", _CONFIGURATION, Limit(files=0o644, directories=0o755), more=(_DROP_IN,)
    ),
    ownership_rule("crio-config-file-ownership", _CONFIGURATION),
    permissions_rule("crio-socket-file-permissions", _GUARDED_SOCKET, Limit(files=0o660), (CisDocker("3.24"),)),
    NodeRule(
        slug="crio-hooks-ownership",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="Others than root can change what CRI-O runs around containers.",
        threat="A hook runs as root on the host with every container that starts.",
        wants="keep the hooks' directories root's, and writable by nobody else",
        fix="chown -R 0:0 /usr/share/containers/oci/hooks.d && chmod -R o-w /usr/share/containers/oci/hooks.d",
        remedy=Remedy.FILE,
        judge=_hooks,
        examples=(
            with_crio(
                "a user's hook",
                State.FAIL,
                "",
                files={"/usr/share/containers/oci/hooks.d/a.json": HostFile(mode=0o644, uid=1000)},
            ),
            with_crio(
                "a directory that others may write, elsewhere",
                State.FAIL,
                '[crio.runtime]\nhooks_dir = ["/srv/hooks"]\n',
                files={"/srv/hooks": HostFile(kind=FileKind.DIRECTORY, mode=0o777)},
            ),
            with_crio(
                "root's", State.PASS, "", files={"/usr/share/containers/oci/hooks.d/a.json": HostFile(mode=0o644)}
            ),
            with_crio("none", State.NOT_APPLICABLE, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-runtime-binary-ownership",
        severity=Severity.HIGH,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=RUNTIME_DEFAULTS,
        wrong="Others than root can change the programs that start containers.",
        threat="Whoever replaces the runtime is root with the next container.",
        wants="keep conmon and the runtimes root's, and writable by nobody else",
        fix="chown 0:0 and chmod go-w conmon and every runtime_path",
        remedy=Remedy.FILE,
        judge=_programs,
        examples=(
            with_crio("a user's conmon", State.FAIL, "", files={"/usr/bin/conmon": HostFile(mode=0o755, uid=1000)}),
            with_crio(
                "a runtime that others may write",
                State.FAIL,
                '[crio.runtime.runtimes.kata]\nruntime_path = "/opt/kata/bin/shim"\n',
                files={"/opt/kata/bin/shim": HostFile(mode=0o757)},
            ),
            with_crio("root's", State.PASS, "", files={"/usr/bin/crun": HostFile(mode=0o755)}),
            NO_RUNTIME,
        ),
    ),
)
