"""What a pod was admitted as, against what it runs as: the spec that the kubelet serves, and the kernel's truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stridegate.model.nodes.answers import Arrival, ContainerProcess, RunningContainer, Unreadable, Users
from stridegate.model.nodes.container_specimens import HOST_ROOT, HOST_RUN, ROOT, bound, shown
from stridegate.model.nodes.containers import (
    CAPABILITIES,
    DEFAULT_SET,
    capabilities,
    concluded,
    host_paths,
    needed,
    promised,
    section,
)
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import HostMounts
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ANSWERS = {HostMounts(): (HOST_ROOT, HOST_RUN)}


def _beyond_spec(container: RunningContainer, node: Node) -> Verdict:
    if container.spec is None:
        return _unpromised(container)
    own = promised(container)
    if not own:
        wrong = "its pod's spec has no such container"
        return concluded(container, wrong, "", "the kubelet's pods, status")
    needed(container, "processes", "mounts", "effective_capabilities", "no_new_privileges", "seccomp", "host_network")
    found = [
        f"admitted as {admitted}, runs as {runs}"
        for admitted, runs in (
            *_of_pod(container, container.spec),
            *_of_container(container, own),
            *_of_mounts(container, node, container.spec),
            *(pair for process in container.processes for pair in _of_process(container.spec, own, process)),
        )
    ]
    return concluded(
        container, "; ".join(dict.fromkeys(found)), "as its spec promises", "the kubelet's pods, status, mountinfo"
    )


def _unpromised(container: RunningContainer) -> Verdict:
    if container.arrival is Arrival.UNKNOWN_TO_KUBELET:
        return concluded(container, "in a pod that the kubelet does not know", "", "cgroup")
    if container.arrival is Arrival.OUTSIDE:
        return Verdict(state=State.NOT_APPLICABLE, observed="not started by Kubernetes: nothing was promised")
    raise NotReadable(Unreadable(container.name, "the kubelet could not be asked for its spec"))


def _of_pod(container: RunningContainer, spec: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if container.host_network and spec.get("hostNetwork") is not True:
        yield "hostNetwork: false", "in the host's network"
    alone = any(len(each.namespace_pids) == 1 for each in container.processes)
    if alone and spec.get("hostPID") is not True:
        yield "hostPID: false", "in the host's process namespace"


def _of_container(container: RunningContainer, own: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    security = section(own, "securityContext")
    if security.get("readOnlyRootFilesystem") is True and not container.root_read_only:
        yield "readOnlyRootFilesystem: true", "/ mounted rw"
    limit = section(own, "resources", "limits").get("memory")
    if (
        limit is not None
        and container.memory_limit is None
        and not any(gap.startswith("memory_limit") for gap in container.gaps)
    ):
        yield f"limits.memory: {limit}", "memory.max max"


def _of_mounts(container: RunningContainer, node: Node, spec: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    volumes = spec.get("volumes")
    listed = volumes if isinstance(volumes, list) else []
    # Claims, too, can be of local volumes, which are the host's paths.
    kinds = {"hostPath", "persistentVolumeClaim", "ephemeral", "csi"}
    if any(isinstance(each, Mapping) and kinds & set(each) for each in listed):
        return
    for found in host_paths(container, node[HostMounts()]):
        yield "no hostPath", f"{found.path} of the host at {found.point}"


def _of_process(
    spec: Mapping[str, object], own: Mapping[str, object], process: ContainerProcess
) -> Iterator[tuple[str, str]]:
    pod, security = section(spec, "securityContext"), section(own, "securityContext")
    non_root, user = (security.get(key, pod.get(key)) for key in ("runAsNonRoot", "runAsUser"))
    # As the spec's author sees it: in a user namespace, root is another number on the host.
    root = process.uid == 0 or process.own_uid == 0
    if root and (non_root is True or (isinstance(user, int) and user > 0)):
        yield "runAsNonRoot: true" if non_root is True else f"runAsUser: {user}", "uid 0"
    if spec.get("hostUsers") is False and process.users is Users.HOST:
        yield "hostUsers: false", "in the host's user namespace"
    if security.get("allowPrivilegeEscalation") is False and not process.no_new_privileges:
        yield "allowPrivilegeEscalation: false", "NoNewPrivs 0"
    if security.get("privileged") is True:
        return
    beyond = capabilities(process) - _granted(security)
    if beyond:
        yield _asked(security), ", ".join(name for name in CAPABILITIES if name in beyond)
    seccomp = section(security, "seccompProfile") or section(pod, "seccompProfile")
    if seccomp.get("type") in {"RuntimeDefault", "Localhost"} and process.seccomp != 2:
        yield f"seccompProfile: {seccomp['type']}", f"Seccomp {process.seccomp}"
    armor = section(security, "appArmorProfile") or section(pod, "appArmorProfile")
    if armor.get("type") in {"RuntimeDefault", "Localhost"} and process.label in {"", "unconfined"}:
        yield f"appArmorProfile: {armor['type']}", "unconfined"


def _granted(security: Mapping[str, object]) -> frozenset[str]:
    """Return the most capabilities that a spec lets a process have."""
    added, dropped = (_names(security, key) for key in ("add", "drop"))
    if "ALL" in added:
        return frozenset(CAPABILITIES) - dropped | added
    return (frozenset() if "ALL" in dropped else DEFAULT_SET - dropped) | added


def _names(security: Mapping[str, object], key: str) -> frozenset[str]:
    listed = section(security, "capabilities").get(key)
    return (
        frozenset(str(each).upper().removeprefix("CAP_") for each in listed)
        if isinstance(listed, list)
        else frozenset()
    )


def _asked(security: Mapping[str, object]) -> str:
    parts = [f"{key}: {', '.join(sorted(names))}" for key in ("drop", "add") if (names := _names(security, key))]
    return f"capabilities {' and '.join(parts)}" if parts else "the default capabilities"


def _spec(security: Mapping[str, object], **pod: object) -> Mapping[str, object]:
    return {"containers": [{"name": "app", "securityContext": security}], **pod}


RULES = (
    ContainerRule(
        slug="running-beyond-spec",
        severity=Severity.HIGH,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=frozenset({"container-escape"}),
        wrong="A container runs with more than its spec promised.",
        threat="What admission judged is not what runs: a broken runtime, a plugin, or somebody who changed it on the node.",
        wants="be nothing weaker than the spec that the kubelet serves: admitted as X, running as X",
        fix="Look at the runtime, its hooks and plugins, and at who has access to the node; delete the pod.",
        remedy=Remedy.POD,
        judge=_beyond_spec,
        examples=(
            shown(
                "a promise of no new privileges",
                State.FAIL,
                spec=_spec({"allowPrivilegeEscalation": False}),
                process={"no_new_privileges": False},
                answers=_ANSWERS,
            ),
            shown(
                "a promise of no root",
                State.FAIL,
                spec=_spec({}, securityContext={"runAsNonRoot": True}),
                process={"uid": 0},
                answers=_ANSWERS,
            ),
            shown(
                "more capabilities than asked for",
                State.FAIL,
                spec=_spec({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}),
                process={"effective_capabilities": 1 << 10 | 1 << 21},
                answers=_ANSWERS,
            ),
            shown(
                "what was asked for",
                State.PASS,
                spec=_spec({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}),
                process={"effective_capabilities": 1 << 10},
                answers=_ANSWERS,
            ),
            shown(
                "all but what was dropped, and that",
                State.FAIL,
                spec=_spec({"capabilities": {"add": ["ALL"], "drop": ["SYS_ADMIN"]}}),
                process={"effective_capabilities": 1 << 21},
                answers=_ANSWERS,
            ),
            shown(
                "capabilities in a user namespace that a program made",
                State.PASS,
                spec=_spec({"capabilities": {"drop": ["ALL"]}}),
                process={"effective_capabilities": (1 << 41) - 1, "users": Users.NESTED},
                answers=_ANSWERS,
            ),
            shown(
                "a promise of a user namespace",
                State.FAIL,
                spec=_spec({}, hostUsers=False),
                answers=_ANSWERS,
            ),
            shown(
                "a user namespace as promised",
                State.PASS,
                spec=_spec({}, hostUsers=False),
                process={"users": Users.CONTAINER},
                answers=_ANSWERS,
            ),
            shown(
                "root of a user namespace, and a promise of no root",
                State.FAIL,
                spec=_spec({"runAsNonRoot": True}, hostUsers=False),
                process={"users": Users.CONTAINER, "uid": 165536, "own_uid": 0},
                answers=_ANSWERS,
            ),
            shown(
                "a promise of a filter",
                State.FAIL,
                spec=_spec({}, securityContext={"seccompProfile": {"type": "RuntimeDefault"}}),
                process={"seccomp": 0},
                answers=_ANSWERS,
            ),
            shown(
                "a read-only promise",
                State.FAIL,
                spec=_spec({"readOnlyRootFilesystem": True}),
                root_read_only=False,
                answers=_ANSWERS,
            ),
            shown("the host's network unasked", State.FAIL, spec=_spec({}), host_network=True, answers=_ANSWERS),
            shown(
                "a path of the host unasked",
                State.FAIL,
                spec=_spec({}),
                mounts=(ROOT, bound("/x", "/etc")),
                answers=_ANSWERS,
            ),
            shown(
                "a path of the host as asked",
                State.PASS,
                spec=_spec({}, volumes=[{"name": "x", "hostPath": {"path": "/etc"}}]),
                mounts=(ROOT, bound("/x", "/etc")),
                answers=_ANSWERS,
            ),
            shown("a pod that the kubelet does not know", State.FAIL, spec=None, arrival=Arrival.UNKNOWN_TO_KUBELET),
            shown("a container that its pod does not know", State.FAIL, container="", answers=_ANSWERS),
            shown("a container of Docker", State.NOT_APPLICABLE, spec=None, arrival=Arrival.OUTSIDE),
            shown("no kubelet to ask", State.UNKNOWN, spec=None, arrival=Arrival.UNTOLD),
        ),
    ),
)
