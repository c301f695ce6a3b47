"""What a pod was admitted as, against what it runs as: the spec that the kubelet serves, and the kernel's truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stridegate.model.nodes.answers import Arrival, FileKind, FileStatus, Mount, RunningContainer, Unreadable, Users
from stridegate.model.nodes.container_specimens import HOST_ROOT, HOST_RUN, ROOT, bound, shown
from stridegate.model.nodes.containers import concluded, needed, promised
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.promises import broken_promises
from stridegate.model.nodes.queries import FileStatusOf, HostMounts
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import ContainerRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ANSWERS = {HostMounts(): (HOST_ROOT, HOST_RUN)}


def _beyond_spec(container: RunningContainer, node: Node) -> Verdict:
    if container.spec is None:
        return _unpromised(container)
    own = promised(container)
    if not own and container.arrival is Arrival.UNTOLD:
        raise NotReadable(Unreadable(container.name, "the kubelet does not say yet which container of its pod it is"))
    if not own:
        wrong = "its pod's spec has no such container"
        return concluded(container, wrong, "", "the kubelet's pods, status")
    needed(container, "processes", "mounts", "effective_capabilities", "no_new_privileges", "seccomp", "host_network")
    found: list[str] = []
    try:
        for admitted, runs in broken_promises(container, node, container.spec, own):
            found.append(f"admitted as {admitted}, runs as {runs}")
    except NotReadable:
        if not found:
            raise
    return concluded(
        container, "; ".join(dict.fromkeys(found)), "as its spec promises", "the kubelet's pods, status, mountinfo"
    )


def _unpromised(container: RunningContainer) -> Verdict:
    if container.arrival is Arrival.UNKNOWN_TO_KUBELET:
        return concluded(container, "in a pod that the kubelet does not know", "", "cgroup")
    if container.arrival is Arrival.OUTSIDE:
        return Verdict(state=State.NOT_APPLICABLE, observed="not started by Kubernetes: nothing was promised")
    raise NotReadable(Unreadable(container.name, "the kubelet could not be asked for its spec"))


def _spec(
    security: Mapping[str, object], own: Mapping[str, object] | None = None, **pod: object
) -> Mapping[str, object]:
    return {"containers": [{"name": "app", "securityContext": security, **(own or {})}], **pod}


# A container that mounts the volume x, and volumes of that name.
_MOUNTING = {"volumeMounts": [{"name": "x", "mountPath": "/x"}]}
_ETC = [{"name": "x", "hostPath": {"path": "/etc"}}]
_LINK = [{"name": "x", "hostPath": {"path": "/link"}}]
_LED = FileStatus(path="/link", target="/etc", kind=FileKind.DIRECTORY, mode=0o755, uid=0, gid=0)
_HAS_ETC = (ROOT, bound("/x", "/etc"))
_LIMITED = {"resources": {"limits": {"memory": "256Mi"}}}
_KERNEL = Mount(point="/proc", root="/", source="proc", file_system="proc", options=("rw",), device="0:70")


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
            shown(
                "the host's shared memory as asked",
                State.PASS,
                spec=_spec({}, hostIPC=True),
                mounts=(ROOT, bound("/dev/shm", "/dev/shm")),  # noqa: S108 - where it is
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
                spec=_spec({}, _MOUNTING, volumes=_ETC),
                mounts=_HAS_ETC,
                answers=_ANSWERS,
            ),
            shown(
                "below a path of the host as asked",
                State.PASS,
                spec=_spec({}, _MOUNTING, volumes=_ETC),
                mounts=(ROOT, bound("/x", "/etc/ssl")),
                answers=_ANSWERS,
            ),
            shown(
                "another path of the host than asked",
                State.FAIL,
                spec=_spec({}, _MOUNTING, volumes=_ETC),
                mounts=(*_HAS_ETC, bound("/y", "/etcd")),
                answers={**_ANSWERS, FileStatusOf("/etc"): replace(_LED, path="/etc")},
            ),
            shown(
                "a path of the host that is another container's",
                State.FAIL,
                spec=_spec({}, volumes=_ETC),
                mounts=_HAS_ETC,
                answers=_ANSWERS,
            ),
            shown(
                "a path of the host by a link",
                State.PASS,
                spec=_spec({}, _MOUNTING, volumes=_LINK),
                mounts=_HAS_ETC,
                answers={**_ANSWERS, FileStatusOf("/link"): _LED},
            ),
            shown(
                "a path of the host that cannot be looked at",
                State.UNKNOWN,
                spec=_spec({}, _MOUNTING, volumes=_LINK),
                mounts=_HAS_ETC,
                answers={**_ANSWERS, FileStatusOf("/link"): Unreadable("/link", "is not mounted in the scanner")},
            ),
            shown(
                "a path of the host where its system keeps it",
                State.PASS,
                spec=_spec({}, _MOUNTING, volumes=[{"name": "x", "hostPath": {"path": "/lib/modules"}}]),
                mounts=(ROOT, bound("/x", "/usr/lib/modules")),
                answers=_ANSWERS,
            ),
            shown(
                "a path of the host that may be the one asked for",
                State.UNKNOWN,
                spec=_spec({}, _MOUNTING, volumes=_ETC),
                mounts=(ROOT, bound("/x", "/data/etc")),
                answers={**_ANSWERS, FileStatusOf("/etc"): replace(_LED, path="/etc")},
            ),
            shown(
                "a claim, which may be of a path of the host",
                State.PASS,
                spec=_spec({}, _MOUNTING, volumes=[{"name": "x", "persistentVolumeClaim": {"claimName": "x"}}]),
                mounts=_HAS_ETC,
                answers=_ANSWERS,
            ),
            shown(
                "what a device plugin mounts",
                State.PASS,
                spec=_spec({}, {"resources": {"limits": {"example.com/gpu": "1"}}}),
                mounts=_HAS_ETC,
                answers=_ANSWERS,
            ),
            shown(
                "more memory than promised",
                State.FAIL,
                spec=_spec({}, _LIMITED),
                memory_limit=1 << 30,
                answers=_ANSWERS,
            ),
            shown("memory as promised", State.PASS, spec=_spec({}, _LIMITED), answers=_ANSWERS),
            shown(
                "a pod's promise of memory",
                State.FAIL,
                spec=_spec({}, **_LIMITED),
                memory_limit=None,
                answers=_ANSWERS,
            ),
            shown(
                "a resize in place that is not made yet",
                State.PASS,
                spec=_spec({}, _LIMITED),
                memory_limit=1 << 30,
                resizing=True,
                answers=_ANSWERS,
            ),
            shown(
                "the kernel's settings writable", State.FAIL, spec=_spec({}), mounts=(ROOT, _KERNEL), answers=_ANSWERS
            ),
            shown(
                "the kernel's settings read-only",
                State.PASS,
                spec=_spec({}),
                mounts=(ROOT, _KERNEL, replace(_KERNEL, point="/proc/sys", options=("ro",))),
                answers=_ANSWERS,
            ),
            shown(
                "the kernel's settings writable, as asked",
                State.PASS,
                spec=_spec({"procMount": "Unmasked"}),
                mounts=(ROOT, _KERNEL),
                answers=_ANSWERS,
            ),
            shown("a pod that the kubelet does not know", State.FAIL, spec=None, arrival=Arrival.UNKNOWN_TO_KUBELET),
            shown("a container that its pod does not know", State.FAIL, container="", answers=_ANSWERS),
            shown(
                "a container that its kubelet does not name yet",
                State.UNKNOWN,
                container="",
                arrival=Arrival.UNTOLD,
                answers=_ANSWERS,
            ),
            shown("a container of Docker", State.NOT_APPLICABLE, spec=None, arrival=Arrival.OUTSIDE),
            shown("no kubelet to ask", State.UNKNOWN, spec=None, arrival=Arrival.UNTOLD),
        ),
    ),
)
