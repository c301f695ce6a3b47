"""What a node's runtime, whichever it is, gives a pod that asks for nothing: raw sockets, and whether it can have users of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.containerd import Containerd, Part, cri
from stridegate.model.nodes.crio import crio
from stridegate.model.nodes.fields import Field, find
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import ComponentVersion, Document, FileText, Query, Syntax
from stridegate.model.nodes.readings import TEXT, TEXTS
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import (
    NO_RUNTIME,
    RUNTIME_DEFAULTS,
    VERSION_2,
    judged,
    with_containerd,
    with_crio,
)
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_CRIO_CAPABILITIES = Field(
    at="crio.runtime.default_capabilities", reading=TEXTS, default=(), flag="default-capabilities"
)
_DEFAULT_RUNTIME = Field(at="containerd.default_runtime_name", reading=TEXT, default="runc")
_VERSION = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)
_KERNEL = "/proc/sys/kernel/osrelease"
_SUBORDINATES = "/etc/subuid"
# The releases since which pods can have users of their own: KEP-127 (on by default), id-mapped mounts of tmpfs.
_LEAST = {"kubelet": (1, 33), "containerd": (2, 0), "runc": (1, 2)}
_LEAST_KERNEL = (6, 3)


def _raw_sockets(node: Node) -> Verdict:
    try:
        found = crio(node)
    except NotThere:
        return _of_containerd(node, cri(node))
    given = found.setting(_CRIO_CAPABILITIES)
    if any(name.upper().removeprefix("CAP_") in {"NET_RAW", "ALL"} for name in given.value):
        return given.verdict(State.WARN, wanted="without NET_RAW")
    return Verdict(state=State.PASS, observed="CRI-O, without NET_RAW", evidence=given.evidence)


def _of_containerd(node: Node, found: Containerd) -> Verdict:
    name = found.setting(Part.RUNTIME, _DEFAULT_RUNTIME).value
    _, runtimes = find(found.table(Part.RUNTIME), "containerd.runtimes")
    runtime = runtimes.get(name) if isinstance(runtimes, Mapping) else None
    path = runtime.get("base_runtime_spec") if isinstance(runtime, Mapping) else None
    if not isinstance(path, str) or not path:
        return Verdict(state=State.WARN, observed="containerd's own list, with NET_RAW", evidence=found.evidence)
    answer = node.look(Document(path, Syntax.JSON))
    if isinstance(answer, Unreadable | Absent):
        raise NotReadable(answer if isinstance(answer, Unreadable) else Unreadable(path, "not there"))
    given, bounding = find(answer, "process.capabilities.bounding") if isinstance(answer, Mapping) else (False, None)
    if not given or not isinstance(bounding, list):
        raise NotReadable(Unreadable(path, "wanted a specification with process.capabilities.bounding"))
    evidence = Evidence(source=Source.FILE, path=f"{path} process.capabilities.bounding")
    state = State.WARN if "CAP_NET_RAW" in bounding else State.PASS
    words = "with" if state is State.WARN else "without"
    return Verdict(state=state, observed=f"containerd's base specification, {words} NET_RAW", evidence=evidence)


def _user_namespaces(node: Node) -> Verdict:
    found = cri(node)
    told = dict(zip(_LEAST, node.look_at([ComponentVersion(name) for name in _LEAST]), strict=True))
    offenders = []
    hidden = [answer for answer in told.values() if isinstance(answer, Unreadable)]
    for name, answer in told.items():
        if isinstance(answer, Unreadable):
            continue
        seen = "not found" if isinstance(answer, Absent) else answer
        if _numbers(seen) < _LEAST[name]:
            offenders.append(Offender(name=name, observed=f"{seen[:30]}, {'.'.join(map(str, _LEAST[name]))} wanted"))
    kernel = node[FileText(_KERNEL)].strip()
    if _numbers(kernel) < _LEAST_KERNEL:
        offenders.append(Offender(name="kernel", observed=f"{kernel[:30]}, 6.3 wanted"))
    subordinates = node.get(FileText(_SUBORDINATES)) or ""
    if not any(line.startswith("kubelet:") for line in subordinates.splitlines()):
        offenders.append(Offender(name=_SUBORDINATES, observed="no range for kubelet"))
    if hidden and not offenders:
        raise NotReadable(hidden[0])
    return judged(found.evidence, offenders, f"all of it: kernel {kernel[:30]}", State.WARN)


def _numbers(version: str) -> tuple[int, int]:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _based(title: str, state: State, specification: str) -> NodeExample:
    return with_containerd(
        title,
        state,
        f'{VERSION_2}[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\nbase_runtime_spec = "/etc/base.json"\n',
        files={"/etc/base.json": HostFile(text=specification)},
    )


def _able(
    title: str, state: State, kernel: str = "6.8.0-generic", subuid: str = "kubelet:65536:7208960\n", **versions: str
) -> NodeExample:
    told: dict[Query[object], object] = {
        ComponentVersion(name): version
        for name, version in {"kubelet": "1.34.1", "containerd": "2.1.4", "runc": "1.3.3", **versions}.items()
    }
    files = {_KERNEL: HostFile(text=f"{kernel}\n"), _SUBORDINATES: HostFile(text=subuid)}
    return with_containerd(title, state, VERSION_2, files=files, answers=told)


RULES = (
    NodeRule(
        slug="net-raw-runtime-default",
        severity=Severity.LOW,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"net-raw-by-default"},
        wrong="Every container may send packets that it makes up.",
        threat="A container spoofs its neighbours on the node's network, and redirects their traffic.",
        wants="not give NET_RAW to containers that do not ask for it",
        fix="Drop NET_RAW in pods, or set a base_runtime_spec without it; CRI-O's own list has none",
        remedy=Remedy.RUNTIME,
        judge=_raw_sockets,
        examples=(
            with_containerd("containerd as it comes", State.WARN, VERSION_2),
            _based("a base without it", State.PASS, '{"process": {"capabilities": {"bounding": ["CAP_CHOWN"]}}}'),
            _based("a base with it", State.WARN, '{"process": {"capabilities": {"bounding": ["CAP_NET_RAW"]}}}'),
            _based("a base that says nothing", State.UNKNOWN, "{}"),
            with_crio("CRI-O as it comes", State.PASS, ""),
            with_crio("CRI-O with it", State.WARN, '[crio.runtime]\ndefault_capabilities = ["NET_RAW"]\n'),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="unusable-user-namespaces",
        severity=Severity.LOW,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("2.9"),),
        threats=RUNTIME_DEFAULTS | {"cross-container-access", "container-escape"},
        wrong="Pods cannot have users of their own here.",
        threat="Root in a container is root on the node, should it ever get out.",
        wants="have a kubelet 1.33, containerd 2.0, runc 1.2 and kernel 6.3 or later, and a range for kubelet in /etc/subuid",
        fix="Upgrade what is older, and add kubelet:65536:7208960 to /etc/subuid and /etc/subgid",
        remedy=Remedy.UPGRADE,
        judge=_user_namespaces,
        examples=(
            _able("all of it", State.PASS),
            _able("an older containerd", State.WARN, containerd="1.7.27"),
            _able("an older kernel", State.WARN, kernel="5.15.0"),
            _able("no range", State.WARN, subuid="ubuntu:100000:65536\n"),
            NO_RUNTIME,
        ),
    ),
)
