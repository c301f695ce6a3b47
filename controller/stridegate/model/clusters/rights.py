"""Who holds which rights: roles and bindings of RBAC, taken together as the authorizer takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stridegate.model.clusters.views import Cluster, Kind, Obj, maps, name, namespace, text, texts

# Groups that everybody, or every service account, is a member of.
EVERYBODY = frozenset({"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"})
# Groups and users that installers bind, beside those of Kubernetes itself (`system:…`).
_INSTALLERS = ("system:", "kubeadm:", "eks:")
CLUSTER_ADMIN = "cluster-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Somebody who is given rights (rbac.authorization.k8s.io/v1 Subject)."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} " + "/".join(filter(None, (self.namespace, self.name)))

    @property
    def everybody(self) -> bool:
        """Whether that is everybody, or every service account of the cluster or of a namespace."""
        return self.kind != "ServiceAccount" and (
            self.name in EVERYBODY or self.name.startswith("system:serviceaccounts:")
        )

    @property
    def expected(self) -> bool:
        """Whether Kubernetes or its installer gives rights to this subject: its own components."""
        if self.kind == "ServiceAccount":
            return self.namespace == "kube-system"
        return not self.everybody and self.name.startswith(_INSTALLERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What a role allows (rbac.authorization.k8s.io/v1 PolicyRule)."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    urls: frozenset[str]

    def allows(self, verbs: Iterable[str], group: str, resource: str) -> bool:
        """Whether it allows any of these verbs on every object of a resource."""
        subresource = resource.partition("/")[2]
        wanted = {"*", resource, f"*/{subresource}" if subresource else resource}
        return (
            not self.names
            and bool(self.verbs & {"*", *verbs})
            and bool(self.groups & {"*", group})
            and bool(self.resources & wanted)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A subject that a binding gives a role. `where` is the namespace in which it holds, empty for the whole cluster."""

    subject: Subject
    binding: str
    role: str
    rights: tuple[Right, ...]
    where: str

    def __str__(self) -> str:
        return f"{self.binding} gives {self.role}"


def rights_of(role: Obj) -> tuple[Right, ...]:
    """Return what a role allows."""
    return tuple(
        Right(
            verbs=texts(each, "verbs"),
            groups=texts(each, "apiGroups"),
            resources=texts(each, "resources"),
            names=texts(each, "resourceNames"),
            urls=texts(each, "nonResourceURLs"),
        )
        for each in maps(role, "rules")
    )


def grants(cluster: Cluster) -> Iterator[Grant]:
    """Yield who is given what. A binding to a role that does not exist gives nothing. Raises NotReadable."""
    cluster_roles = {name(each): rights_of(each) for each in cluster[Kind.CLUSTER_ROLE]}
    roles = {name(each): rights_of(each) for each in cluster[Kind.ROLE]}
    for binding in (*cluster[Kind.CLUSTER_ROLE_BINDING], *cluster[Kind.ROLE_BINDING]):
        where, kind, role = namespace(binding), text(binding, "roleRef", "kind"), text(binding, "roleRef", "name")
        rights = cluster_roles.get(role) if kind == "ClusterRole" else roles.get(f"{where}/{role}")
        for subject in subjects(binding) if rights is not None else ():
            yield Grant(
                subject=subject,
                binding=f"{'RoleBinding' if where else 'ClusterRoleBinding'} {name(binding)}",
                role=role,
                rights=rights or (),
                where=where,
            )


def subjects(binding: Obj) -> Iterator[Subject]:
    """Yield whom a binding gives its role to."""
    for each in maps(binding, "subjects"):
        yield Subject(
            kind=text(each, "kind"),
            name=text(each, "name"),
            namespace=text(each, "namespace") if text(each, "kind") == "ServiceAccount" else "",
        )


def broad(cluster: Cluster) -> Iterator[Grant]:
    """Yield what is given widely: in the whole cluster, or to everybody in a namespace, and not to what Kubernetes is made of.

    What cluster-admin gives is left out, since its bindings are found by a rule of their own.
    """
    for grant in grants(cluster):
        wide = not grant.where or grant.subject.everybody
        if wide and not grant.subject.expected and grant.role != CLUSTER_ADMIN:
            yield grant
