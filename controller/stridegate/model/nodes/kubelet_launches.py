"""How the node's kubelet was started: as a process, inside another program, or by the unit that would start it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, FileStatus, Process, Unreadable
from stridegate.model.nodes.files import first_existing
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Installation, Node, NotReadable, NotThere
from stridegate.model.nodes.paths import KUBELET_CONFIGURATION, MICROK8S_ARGUMENTS
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, FileText, Syntax
from stridegate.model.nodes.units import Unit, command, unit
from stridegate.model.nodes.verdicts import Evidence, Source

_MICROK8S_FLAGS = f"{MICROK8S_ARGUMENTS}/kubelet"
# What MicroK8s' own argument files say for its directories (snapcraft.io).
_SNAP = {"${SNAP_DATA}": "/var/snap/microk8s/current", "${SNAP_COMMON}": "/var/snap/microk8s/common"}
_SNAP |= {name.replace("{", "").replace("}", ""): directory for name, directory in _SNAP.items()}
# Units that start a kubelet, alone or inside another program.
UNITS = (
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "snap.microk8s.daemon-kubelite.service",
    "snap.microk8s.daemon-kubelet.service",
)
# k3s hides its arguments, which may hold tokens, behind a title of its own: `/usr/local/bin/k3s server` in one word.
_K3S_TITLES = ("k3s server", "k3s agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A kubelet's flags and what tells them; its configuration file and directory of drop-ins, empty where it has none."""

    flags: Flags
    evidence: Evidence
    config: str = ""
    drop_ins: str = ""

    @classmethod
    def with_flags(cls, flags: Flags, evidence: Evidence) -> Launch:
        """Return a launch whose flags name its files."""
        return cls(
            flags=flags,
            evidence=evidence,
            config=flags.text("config") or "",
            drop_ins=flags.text("config-dir") or "",
        )


def launch_of(node: Node) -> Launch:
    """Return how the node's kubelet was started. Raises NotAnswered, NotThere without a kubelet, NotReadable."""
    for process in host_processes(node, "kubelet"):
        return Launch.with_flags(_flags(process), Evidence(source=Source.PROC, path="process kubelet"))
    if host_processes(node, "kubelite"):
        return _of_microk8s(node)
    for process in host_processes(node, "k3s", *_K3S_TITLES):
        if process.argv[0].endswith(_K3S_TITLES) or process.argv[1:2] in (("server",), ("agent",)):
            return _of_k3s(node, process)
    return _of_unit(node) or _of_file(node)


def _flags(process: Process) -> Flags:
    return Flags.of(arguments(process.argv, "kubelet"))


def _of_microk8s(node: Node) -> Launch:
    """Return the flags that MicroK8s' one process for everything reads from a file."""
    text = node.look(FileText(_MICROK8S_FLAGS))
    if not isinstance(text, str):
        reason = (
            text.reason if isinstance(text, Unreadable) else "kubelite runs, and the kubelet's arguments are not there"
        )
        raise NotReadable(Unreadable(_MICROK8S_FLAGS, reason))
    for name, directory in _SNAP.items():
        text = text.replace(name, directory)
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        raise NotReadable(Unreadable(_MICROK8S_FLAGS, "quotes that never end")) from error
    return Launch.with_flags(Flags.of(words), Evidence(source=Source.FILE, path=_MICROK8S_FLAGS))


def _of_k3s(node: Node, process: Process) -> Launch:
    """Return how k3s starts the kubelet inside itself: by drop-ins that it writes, and --kubelet-arg.

    Before it wrote drop-ins (Kubernetes 1.32) it kept its settings to itself.
    """
    own = Flags.of(_k3s_words(node, process))
    directory = f"{own.text('data-dir') or '/var/lib/rancher/k3s'}/agent/etc/kubelet.conf.d"
    if not isinstance(node.look(FileStatusOf(directory)), FileStatus):
        raise NotReadable(Unreadable("kubelet", f"runs inside k3s, and {directory} could not be seen"))
    given = [*_k3s_file_arguments(node), *own.every("kubelet-arg")]
    flags = Flags.of([f"--{argument.removeprefix('--')}" for argument in given])
    evidence = Evidence(source=Source.PROC, path="k3s kubelet-arg")
    return Launch(
        flags=flags,
        evidence=evidence,
        config=flags.text("config") or "",
        drop_ins=flags.text("config-dir") or directory,
    )


def _k3s_words(node: Node, process: Process) -> tuple[str, ...]:
    """Return k3s' own arguments: the process', or, where it hides them, those of its unit."""
    if not process.argv[0].endswith(_K3S_TITLES):
        return arguments(process.argv, "k3s")
    for name in ("k3s.service", "k3s-agent.service"):
        if (found := _unit(node, name)) is not None:
            return arguments(command(node, found), "k3s")
    raise NotReadable(Unreadable("kubelet", "runs inside k3s, which hides its arguments, and has no unit"))


def _k3s_file_arguments(node: Node) -> Iterable[str]:
    main = "/etc/rancher/k3s/config.yaml"
    listing = node.look(FilesUnder(f"{main}.d", "*.yaml"))
    paths = [main, *(listing if isinstance(listing, tuple) else ())]
    found: list[str] = []
    for path, answer in zip(paths, node.look_at([Document(path, Syntax.YAML) for path in paths]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if not isinstance(answer, Mapping):
            continue
        for key in ("kubelet-arg", "kubelet-arg+"):  # a `+` adds to the files before
            said = answer.get(key)
            members = said if isinstance(said, list) else [said] if isinstance(said, str) else []
            if not all(isinstance(each, str) for each in members):
                raise NotReadable(Unreadable(f"{path} {key}", "wanted a list of strings"))
            if key in answer:
                found = [*(found if key.endswith("+") else []), *members]
    return found


def _of_unit(node: Node) -> Launch | None:
    """Return how the unit would start a kubelet that does not run now."""
    found = _unit(node, "kubelet.service")
    words = command(node, found) if found else ()
    if not found or not words:
        return None
    flags = Flags.of(arguments(words, "kubelet"))
    return Launch.with_flags(flags, Evidence(source=Source.FILE, path=found.path))


def _unit(node: Node, name: str) -> Unit | None:
    try:
        return unit(node, name)
    except NotThere:
        return None


def _of_file(node: Node) -> Launch:
    """Return what a kubelet's configuration file, which nothing reads now, says. Raises NotThere without one."""
    installation = node.circumstances.installation
    paths = KUBELET_CONFIGURATION.on(installation)
    try:
        path = first_existing(node, [each for each in paths if _is_configuration(each, installation)]).path
    except NotThere as missing:
        raise NotThere(Absent("kubelet")) from missing
    return Launch(flags=Flags(), evidence=Evidence(source=Source.FILE, path=path), config=path)


def _is_configuration(path: str, installation: Installation) -> bool:
    """Tell whether a path is a configuration: what is one on OpenShift is a kubeconfig, with its key, everywhere else."""
    return installation is Installation.OPENSHIFT or path != "/etc/kubernetes/kubelet.conf"
