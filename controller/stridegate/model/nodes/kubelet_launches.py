"""How the node's kubelet was started: as a process, inside another program, or by the unit that would start it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, FileStatus, Process, Unreadable
from stridegate.model.nodes.files import first_existing
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.k3s import K3s, k3s_of
from stridegate.model.nodes.nodes import Installation, Node, NotReadable, NotThere
from stridegate.model.nodes.paths import KUBELET_CONFIGURATION, MICROK8S_ARGUMENTS
from stridegate.model.nodes.programs import arguments, host_processes
from stridegate.model.nodes.queries import FileStatusOf, FileText
from stridegate.model.nodes.units import command, unit
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
    for role in ("server", "agent"):
        try:
            return _of_k3s(node, k3s_of(node, role))
        except NotThere:
            continue
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


def _of_k3s(node: Node, k3s: K3s) -> Launch:
    """Return how k3s starts the kubelet inside itself: by drop-ins that it writes, and --kubelet-arg.

    Before it wrote drop-ins (Kubernetes 1.32) it kept its settings to itself.
    """
    if k3s.hidden:
        raise NotReadable(Unreadable("kubelet", "runs inside k3s, which hides its arguments, and has no unit"))
    directory = f"{k3s.data}/agent/etc/kubelet.conf.d"
    if not isinstance(node.look(FileStatusOf(directory)), FileStatus):
        raise NotReadable(Unreadable("kubelet", f"runs inside k3s, and {directory} could not be seen"))
    flags = Flags.of([f"--{argument.removeprefix('--')}" for argument in k3s.options.get("kubelet-arg", ())])
    return Launch(
        flags=flags,
        evidence=Evidence(source=Source.PROC, path="k3s kubelet-arg"),
        config=flags.text("config") or "",
        drop_ins=flags.text("config-dir") or directory,
    )


def _of_unit(node: Node) -> Launch | None:
    """Return how the unit would start a kubelet that does not run now."""
    try:
        found = unit(node, "kubelet.service")
    except NotThere:
        return None
    words = command(node, found)
    if not words:
        return None
    flags = Flags.of(arguments(words, "kubelet"))
    return Launch.with_flags(flags, Evidence(source=Source.FILE, path=found.path))


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
