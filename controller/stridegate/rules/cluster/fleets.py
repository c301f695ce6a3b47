"""What only all nodes together show, and containers that never come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import Cluster, NodeStanding, Restarts
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_RESTARTS = 5
_REPORTS = "hardeningreports: status.findings and status.passed"
# What depends on the pods of a node, or on when it was first looked at, differs between equal nodes.
_LOCAL = ("running-", "inspected-file-drift")
_COMPARED = frozenset({"Pass", "Fail", "Warn"})


def _restarts(cluster: Cluster) -> Verdict:
    if cluster.restarts is None:
        evidence = Evidence(source=Source.API, path="pods: restartCount")
        return Verdict(state=State.UNKNOWN, observed="nobody has watched for an hour", evidence=evidence)
    return verdict(
        (
            (f"Container {each.name}", f"{each.times} restarts within an hour")
            for each in cluster.restarts
            if each.times > _RESTARTS
        ),
        "pods: restartCount",
        "no container was restarted more than 5 times within an hour",
    )


def _skew(cluster: Cluster) -> Verdict:
    pools: dict[tuple[object, ...], list[tuple[NodeStanding, Mapping[str, str]]]] = {}
    for each in cluster.nodes:
        if each.results is not None:
            pools.setdefault((each.installation, each.role, each.pool), []).append((each, each.results))
    if not any(len(nodes) > 1 for nodes in pools.values()):
        evidence = Evidence(source=Source.API, path=_REPORTS)
        return Verdict(state=State.NOT_APPLICABLE, observed="no pool has two nodes with a report", evidence=evidence)
    return verdict(
        (each for nodes in pools.values() for each in _outliers(nodes)), _REPORTS, "the nodes of each pool are alike"
    )


def _outliers(nodes: list[tuple[NodeStanding, Mapping[str, str]]]) -> Iterator[tuple[str, str]]:
    """Yield the nodes on which a rule came out otherwise than on most of their pool; all of them where there is no majority."""
    for rule in sorted({rule for _, results in nodes for rule in results if not rule.startswith(_LOCAL)}):
        states = [(node, results.get(rule, "NotApplicable")) for node, results in nodes]
        counted = Counter(state for _, state in states if state in _COMPARED or state == "NotApplicable")
        if len(counted) < 2 or not counted.keys() & _COMPARED:
            continue
        (usual, most), (_, next_) = counted.most_common(2)
        for node, state in states:
            if state in counted and (most == next_ or state != usual):
                yield f"Node {node.name}", f"{rule}: {state}" + ("" if most == next_ else f", on the others {usual}")


def _copies(cluster: Cluster) -> Verdict:
    place = "hardeningreports: status.files"
    if not any(each.results is not None for each in cluster.nodes):
        evidence = Evidence(source=Source.API, path=place)
        return Verdict(state=State.UNKNOWN, observed="no node has a report", evidence=evidence)
    having = [(f"Node {each.name}", "has super-admin.conf") for each in cluster.nodes if each.super_admin]
    offenders = having if len(having) > 1 else []
    return verdict(offenders, place, f"on {len(having)} nodes", state=State.WARN)


def _pool(*states: str) -> tuple[NodeStanding, ...]:
    """Return nodes of one pool, with how one rule came out on each."""
    return tuple(
        NodeStanding(name=f"node{number}", pool="a", results={} if state == "NotApplicable" else {"loose-file": state})
        for number, state in enumerate(states)
    )


def _admins(*nodes: bool) -> tuple[NodeStanding, ...]:
    return tuple(
        NodeStanding(
            name=f"cp{number}", installation=Installation.KUBEADM, role=Role.CONTROL_PLANE, super_admin=has, results={}
        )
        for number, has in enumerate(nodes)
    )


RULES = (
    ClusterRule(
        slug="restart-loop",
        severity=Severity.LOW,
        stride=frozenset({Stride.DENIAL_OF_SERVICE}),
        references=(CisDocker("5.15", before_1_6="5.14"),),
        threats=frozenset({"unlimited-container-restarts"}),
        wrong="A container is restarted over and over.",
        threat="What crashes for ever burns processors and log space, and hides what makes it crash.",
        wants="be restarted at most 5 times within an hour",
        fix="Look at its last log with `kubectl logs --previous`, and mend what ends it.",
        judge=_restarts,
        examples=(
            ClusterExample(title="six", state=State.FAIL, restarts=(Restarts(name="shop/web/app", times=6),)),
            ClusterExample(title="five", state=State.PASS, restarts=(Restarts(name="shop/web/app", times=5),)),
            ClusterExample(title="not watched", state=State.UNKNOWN),
        ),
    ),
    ClusterRule(
        slug="node-config-skew",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.TAMPERING, Stride.REPUDIATION}),
        references=(),
        threats=frozenset({"unauthorized-apiserver-change"}),
        wrong="A node is configured otherwise than the others of its pool.",
        threat="Nodes of a pool are made alike: one that differs was changed by hand, or by somebody who broke in.",
        wants="come out like the others of its pool on every rule",
        fix="Replace the node by a new one of its pool, and find out who changed it.",
        judge=_skew,
        examples=(
            ClusterExample(title="one of three", state=State.FAIL, nodes=_pool("Pass", "Fail", "Pass")),
            ClusterExample(title="one of two", state=State.FAIL, nodes=_pool("Pass", "Fail")),
            ClusterExample(
                title="a file that others lack", state=State.FAIL, nodes=_pool("NotApplicable", "NotApplicable", "Fail")
            ),
            ClusterExample(title="alike", state=State.PASS, nodes=_pool("Fail", "Fail", "Fail")),
            ClusterExample(title="what could not be read", state=State.PASS, nodes=_pool("Pass", "Unknown", "Pass")),
            ClusterExample(title="one node", state=State.NOT_APPLICABLE, nodes=_pool("Fail")),
        ),
    ),
    ClusterRule(
        slug="duplicated-super-admin-kubeconfig",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=frozenset({"path-to-cluster-admin"}),
        wrong="The kubeconfig of system:masters lies on several nodes.",
        threat="Each copy is a way to all rights that nobody can take back.",
        wants="lie on one node at most",
        fix="Remove the copies of super-admin.conf, then accept that: annotate their reports with stridegate.dev/accept=PATH=absent.",
        judge=_copies,
        examples=(
            ClusterExample(title="two", state=State.WARN, nodes=_admins(True, True, False)),
            ClusterExample(title="one", state=State.PASS, nodes=_admins(True, False)),
            ClusterExample(title="no report", state=State.UNKNOWN),
        ),
    ),
)
