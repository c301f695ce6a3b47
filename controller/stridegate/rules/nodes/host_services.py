"""Whether the node's daemons survive what their clients do to them."""

from __future__ import annotations

from stridegate.model.nodes.answers import Absent
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import Unit, unit
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_SERVICES = ("docker.service", "containerd.service", "kubelet.service")


def _judge(node: Node) -> Verdict:
    units = [found for name in _SERVICES if (found := _unit(node, name)) is not None]
    if not units:
        raise NotThere(Absent(", ".join(_SERVICES)))
    lacking = [(each, missing) for each in units if (missing := _missing(each))]
    first = lacking[0][0] if lacking else units[0]
    return Verdict(
        state=State.WARN if lacking else State.PASS,
        observed=f"{len(lacking)} of {len(units)} units" if lacking else f"{len(units)} units have limits",
        evidence=Evidence(source=Source.FILE, path=first.path),
        offenders=tuple(Offender(name=each.path, observed=f"lacks {', '.join(missing)}") for each, missing in lacking),
    )


def _unit(node: Node, name: str) -> Unit | None:
    try:
        return unit(node, name)
    except NotThere:
        return None


def _missing(service: Unit) -> list[str]:
    """Return which settings a unit lacks, as they would be written."""
    missing = [f"{name}=" for name in ("LimitNOFILE", "TasksMax") if not service.value("Service", name)]
    if not (service.value("Service", "OOMScoreAdjust") or "").startswith("-"):
        missing.append("OOMScoreAdjust= below 0")
    if service.value("Service", "Restart") != "always":
        missing.append("Restart=always")
    return missing


_LIMITED = "[Service]\nLimitNOFILE=1048576\nTasksMax=infinity\nOOMScoreAdjust=-500\nRestart=always\n"


def _service(title: str, state: State, text: str, drop_in: str = "", name: str = "docker.service") -> NodeExample:
    files = {f"/usr/lib/systemd/system/{name}": HostFile(text=text, mode=0o644)}
    if drop_in:
        files[f"/etc/systemd/system/{name}.d/limits.conf"] = HostFile(text=f"[Service]\n{drop_in}\n", mode=0o644)
    return NodeExample(title=title, state=state, files=files)


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="missing-service-limits",
        severity=Severity.LOW,
        stride=frozenset({Stride.DENIAL_OF_SERVICE}),
        references=(),
        threats=frozenset({"docker-daemon-overload", "client-compromise-after-crash", MISCONFIGURED_HOST}),
        wrong="A daemon of the node has no limits, is killed like any other process, or stays down.",
        threat="A flood of requests, or a node short of memory, takes down what all containers depend on.",
        wants="have LimitNOFILE, TasksMax, OOMScoreAdjust below 0 and Restart=always in the units of Docker, containerd and kubelet",
        fix="Set LimitNOFILE, TasksMax, OOMScoreAdjust=-500 and Restart=always in a drop-in of the unit.",
        remedy=Remedy.HOST,
        judge=_judge,
        examples=(
            _service("all set", State.PASS, _LIMITED),
            _service("set by a drop-in", State.PASS, _LIMITED.replace("-500", "0"), "OOMScoreAdjust=-999"),
            _service("taken back by a drop-in", State.WARN, _LIMITED, "TasksMax="),
            _service("only restarted", State.WARN, "[Service]\nRestart=always\n", name="kubelet.service"),
            _service("restarted on failure alone", State.WARN, _LIMITED.replace("always", "on-failure")),
            NodeExample(title="no such units", state=State.NOT_APPLICABLE),
        ),
    ),
)
