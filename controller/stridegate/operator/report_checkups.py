"""Are the reports on nodes fresh, and are there any to be? Looked at from outside, for `stridegate doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stridegate.kube.cluster import REPORTS, Cluster
from stridegate.kube.errors import NotFound
from stridegate.kube.objects import Json
from stridegate.model.clusters.views import at, maps, name, text
from stridegate.model.reports import CLUSTER_REPORT
from stridegate.operator.links import Link, Standing, broken, holds
from stridegate.operator.looks import Place

# With what the chart tells the operator that no scanner runs.
_WITHOUT = "--without-scanner"
# Objects of a page, and how many names a sentence has.
_PAGE, _SHOWN = 50, 10


def look_at_reports(cluster: Cluster, place: Place) -> Iterator[Link]:
    """Yield whether every report is fresh that is to be. Raises KubeError."""
    wanted = _nodes_are_scanned(cluster, place)
    reports, left, stale = 0, [], []
    for each in cluster.objects(REPORTS, _PAGE):
        if not wanted and name(each) != CLUSTER_REPORT:
            left.append(name(each))
            continue
        reports += 1
        fresh = next((one for one in maps(each, "status", "conditions") if text(one, "type") == "Fresh"), None)
        if fresh is None or text(fresh, "status") != "True":
            stale.append(f"{name(each)} ({text(fresh, 'reason') or 'not scanned'})")
    if stale:
        cure = "`kubectl -n stridegate-scanner get pods -o wide` says which scanner does not run" if wanted else ""
        said = f"{len(stale)} of {reports} are not fresh: {_some(stale)}"
        yield broken("reports", said, cure or "see the link operator")
    elif wanted:
        yield holds("reports", f"{reports}, all of them fresh")
    else:
        yield holds(
            "reports", "no node is scanned, as the chart wants it (scanner.enabled: false), so none has a report"
        )
    if left:
        said = f"{len(left)} of nodes that are not scanned any more: {_some(left)}"
        yield Link(name="reports", standing=Standing.NOTICE, said=said, cure="the operator deletes them")


def _nodes_are_scanned(cluster: Cluster, place: Place) -> bool:
    """Whether the operator is told that a scanner runs; where there is no operator, nobody has said that none does."""
    path = f"/apis/apps/v1/namespaces/{place.namespace}/deployments/stridegate-operator"
    try:
        deployment: Json = cluster.one(path)
    except NotFound:
        return True
    containers = maps(deployment, "spec", "template", "spec", "containers")
    told = (at(each, "args") for each in containers)
    return not any(isinstance(arguments, list) and _WITHOUT in arguments for arguments in told)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
