"""Who may switch Stridegate off, by RBAC, and who may still grant what they granted.

Off switches it whoever may change its configurations, its guards, or what runs in its namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stridegate.kube.cluster import Cluster
from stridegate.model.clusters.rights import Grant, Right, grants
from stridegate.model.clusters.views import Cluster as View
from stridegate.model.clusters.views import Kind, Obj
from stridegate.model.exemptions import Exemption

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    Kind.ROLE: f"{_RBAC}/roles",
    Kind.ROLE_BINDING: f"{_RBAC}/rolebindings",
    Kind.CLUSTER_ROLE: f"{_RBAC}/clusterroles",
    Kind.CLUSTER_ROLE_BINDING: f"{_RBAC}/clusterrolebindings",
}
_CHANGE = frozenset({"update", "patch", "delete", "deletecollection", "*"})
_ADMISSION = "admissionregistration.k8s.io"
# Users with the rights of a group that no binding of theirs shows.
_ADMINISTRATORS = frozenset({"kubernetes-admin", "kubernetes-super-admin", "system:admin"})
_OURS = frozenset(
    {"stridegate", "stridegate-exemptions", "stridegate-reports", "stridegate-webhook", "stridegate-operator"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Power:
    """A way to switch it off; `local` is one that holds in Stridegate's namespace alone."""

    what: str
    group: str
    resources: frozenset[str]
    local: bool = False


_POWERS = (
    _Power(
        what="change the webhook configurations",
        group=_ADMISSION,
        resources=frozenset({"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}),
    ),
    _Power(
        what="change the guards",
        group=_ADMISSION,
        resources=frozenset({"validatingadmissionpolicies", "validatingadmissionpolicybindings"}),
    ),
    _Power(
        what="change policies",
        group="stridegate.dev",
        resources=frozenset({"hardeningpolicies"}),
    ),
    _Power(
        what="stop webhook and operator",
        group="apps",
        resources=frozenset({"deployments", "deployments/scale"}),
        local=True,
    ),
)


def who_may_switch_off(cluster: Cluster, home: str) -> Mapping[str, list[str]]:
    """Return who holds each power, beside Kubernetes' own components and Stridegate's. Raises KubeError."""
    given = [grant for grant in _grants(cluster) if not grant.subject.expected and grant.subject.namespace != home]
    return {
        power.what: sorted(
            {
                str(grant.subject)
                for grant in given
                if (not grant.where or (power.local and grant.where == home)) and _gives(grant.rights, power)
            }
        )
        for power in _POWERS
    }


def _gives(rights: Iterable[Right], power: _Power) -> bool:
    return any(
        bool(each.verbs & _CHANGE)
        and bool(each.groups & {"*", power.group})
        and bool(each.resources & ({"*"} | power.resources))
        and (not each.names or bool(each.names & _OURS))
        for each in rights
    )


def lost_grants(cluster: Cluster, exemptions: Iterable[Exemption]) -> Iterator[tuple[Exemption, list[str]]]:
    """Yield exemptions with those of their rules that whoever granted them could not exempt from today. Raises KubeError.

    The groups of a user stand nowhere, so a right that some group has counts as theirs; those of administrators do not, since
    every right is theirs, but users whom installers make for administrators are believed.
    """
    given = [
        grant
        for grant in _grants(cluster)
        if not (grant.subject.kind == "Group" and grant.subject.expected and not grant.subject.everybody)
    ]
    for each in exemptions:
        lost = sorted(slug for slug in each.rules if not any(_lets(grant, each, slug) for grant in given))
        if lost and each.granted_by not in _ADMINISTRATORS:
            yield each, lost


def _lets(grant: Grant, exemption: Exemption, slug: str) -> bool:
    subject = grant.subject
    account = f"system:serviceaccount:{subject.namespace}:{subject.name}"
    called = account if subject.kind == "ServiceAccount" else subject.name
    if grant.where not in {"", exemption.namespace} or (subject.kind != "Group" and called != exemption.granted_by):
        return False
    return any(
        bool(each.verbs & {"*", "exempt"})
        and bool(each.groups & {"*", "stridegate.dev"})
        and bool(each.resources & {"*", "hardeningrules"})
        and (not each.names or slug in each.names)
        for each in grant.rights
    )


def _grants(cluster: Cluster) -> list[Grant]:
    objects: dict[Kind, list[Obj]] = {kind: list(cluster.objects(path)) for kind, path in _PATHS.items()}
    return list(grants(View(objects=objects)))
