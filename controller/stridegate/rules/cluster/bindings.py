"""Roles that allow everything, and subjects that nobody can take rights from."""

from __future__ import annotations

from stridegate.model.clusters.rights import CLUSTER_ADMIN, EVERYBODY, grants, rights_of, subjects
from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import Cluster, Kind, labels, name, text
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})
_BINDINGS = "clusterrolebindings and rolebindings"
# What RBAC itself binds to everybody (kubernetes plugin/pkg/auth/authorizer/rbac/bootstrappolicy), and kubeadm to those
# who join a node: reading what the API offers, and one's own rights.
_DISCOVERY = frozenset(
    {
        "system:basic-user",
        "system:discovery",
        "system:public-info-viewer",
        "system:service-account-issuer-discovery",
        "kubeadm:bootstrap-signer-clusterinfo",
    }
)
_ANONYMOUS = EVERYBODY - {"system:serviceaccounts"}
_STOCK = ("kubernetes.io/bootstrapping", "rbac-defaults")


def _cluster_admin(cluster: Cluster) -> Verdict:
    offenders = (
        (str(grant.subject), str(grant))
        for grant in grants(cluster)
        if grant.role == CLUSTER_ADMIN and not grant.where and not grant.subject.expected
    )
    return verdict(offenders, _BINDINGS, "only system:masters and what the installer bound")


def _wildcards(cluster: Cluster) -> Verdict:
    offenders = []
    for role in (*cluster[Kind.CLUSTER_ROLE], *cluster[Kind.ROLE]):
        stock = labels(role).get(_STOCK[0]) == _STOCK[1] or name(role).startswith("system:")
        for right in rights_of(role):
            stars = [
                what
                for what, values in (("verbs", right.verbs), ("resources", right.resources), ("groups", right.groups))
                if "*" in values
            ]
            if stars and not stock:
                offenders.append((f"{text(role, 'kind') or 'Role'} {name(role)}", f"* in {' and '.join(stars)}"))
    return verdict(offenders, "clusterroles and roles", "no role of its own has a wildcard")


def _masters(cluster: Cluster) -> Verdict:
    offenders = [
        (f"{kind.value} {name(binding)}", "binds system:masters")
        for kind in (Kind.CLUSTER_ROLE_BINDING, Kind.ROLE_BINDING)
        for binding in cluster[kind]
        for subject in subjects(binding)
        if subject.name == "system:masters" and name(binding) != CLUSTER_ADMIN
    ]
    offenders += [
        (f"CertificateSigningRequest {name(request)}", "asks for system:masters")
        for request in cluster[Kind.CERTIFICATE_REQUEST]
        if "system:masters" in str(request.get("spec"))
    ]
    return verdict(
        offenders, f"{_BINDINGS}, certificatesigningrequests", "bound by cluster-admin alone, as it always is"
    )


def _anonymous(cluster: Cluster) -> Verdict:
    offenders = (
        (str(grant.subject), str(grant))
        for grant in grants(cluster)
        if grant.subject.name in _ANONYMOUS and grant.role not in _DISCOVERY
    )
    return verdict(offenders, _BINDINGS, "the stock roles for discovery alone")


def _binding(role: str, subject: str, name: str = "mine") -> str:
    return f"""
kind: ClusterRole
metadata: {{name: '{role}'}}
rules: []
---
kind: ClusterRoleBinding
metadata: {{name: '{name}'}}
roleRef: {{kind: ClusterRole, name: '{role}'}}
subjects: [{subject}]
"""


_STARS = "rules: [{apiGroups: [apps], resources: [deployments], verbs: ['*']}]"
_UNREADABLE = ClusterExample(title="bindings that may not be read", state=State.UNKNOWN, absent=("ClusterRoleBinding",))

RULES = (
    ClusterRule(
        slug="cluster-admin-binding",
        severity=Severity.CRITICAL,
        stride=_ELEVATION,
        references=(CisKubernetes("5.1.1"),),
        threats=frozenset({"path-to-cluster-admin", "docker-client-compromise", "client-authorization-abuse"}),
        wrong="Somebody beyond the expected is bound to cluster-admin.",
        threat="Whoever gets hold of that subject's credentials owns the cluster.",
        wants="be bound to system:masters and to what Kubernetes' installer binds alone",
        fix="Delete the ClusterRoleBinding, and bind a role with the rights that are used.",
        judge=_cluster_admin,
        examples=(
            ClusterExample(
                title="a service account",
                state=State.FAIL,
                objects=_binding("cluster-admin", "{kind: ServiceAccount, namespace: ci, name: deployer}"),
            ),
            ClusterExample(
                title="everybody",
                state=State.FAIL,
                objects=_binding("cluster-admin", "{kind: Group, name: 'system:authenticated'}"),
            ),
            ClusterExample(
                title="as kubeadm does",
                state=State.PASS,
                objects=_binding("cluster-admin", "{kind: Group, name: 'kubeadm:cluster-admins'}"),
            ),
            _UNREADABLE,
        ),
    ),
    ClusterRule(
        slug="wildcard-role",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisKubernetes("5.1.3"),),
        threats=frozenset({"path-to-cluster-admin"}),
        wrong="A role allows by wildcard: also what will be added tomorrow.",
        threat="New verbs, kinds and subresources are allowed the moment that they appear, and nobody decides it.",
        wants="name every verb, resource and API group",
        fix="Write out the verbs, resources and groups that are used; the API server's audit log shows them.",
        judge=_wildcards,
        examples=(
            ClusterExample(
                title="verbs", state=State.FAIL, objects=f"kind: ClusterRole\nmetadata: {{name: a}}\n{_STARS}"
            ),
            ClusterExample(
                title="in a namespace",
                state=State.FAIL,
                objects=f"kind: Role\nmetadata: {{name: a, namespace: b}}\n{_STARS}",
            ),
            ClusterExample(
                title="Kubernetes' own",
                state=State.PASS,
                objects="kind: ClusterRole\nmetadata: {name: cluster-admin, labels: {kubernetes.io/bootstrapping: rbac-defaults}}\n"
                + _STARS,
            ),
            ClusterExample(title="roles that may not be read", state=State.UNKNOWN, absent=("Role",)),
        ),
    ),
    ClusterRule(
        slug="system-masters-subject",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(CisKubernetes("5.1.7"),),
        threats=frozenset({"path-to-cluster-admin"}),
        wrong="The group system:masters is bound or asked for.",
        threat="Its members pass every authorizer, and no change of RBAC takes that from them.",
        wants="be in no binding but the stock one, and in no request for a certificate",
        fix="Use a group of your own, bound to cluster-admin; keep certificates of system:masters offline.",
        judge=_masters,
        examples=(
            ClusterExample(
                title="a binding", state=State.FAIL, objects=_binding("view", "{kind: Group, name: 'system:masters'}")
            ),
            ClusterExample(
                title="a request",
                state=State.FAIL,
                objects="kind: CertificateSigningRequest\nmetadata: {name: a}\nspec: {username: eve, groups: ['system:masters']}",
            ),
            ClusterExample(
                title="the stock binding",
                state=State.PASS,
                objects=_binding("cluster-admin", "{kind: Group, name: 'system:masters'}", "cluster-admin"),
            ),
            _UNREADABLE,
        ),
    ),
    ClusterRule(
        slug="anonymous-role-binding",
        severity=Severity.CRITICAL,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        threats=frozenset({"spoofed-api-caller", "public-api-exposure"}),
        wrong="Everybody, with or without credentials, is bound to a role.",
        threat="Whoever reaches the API server uses that role, from a browser or from any pod.",
        wants="bind system:anonymous, unauthenticated and authenticated to the stock discovery roles alone",
        fix="Delete the binding, or name the users and groups that need the role.",
        judge=_anonymous,
        examples=(
            ClusterExample(
                title="without credentials",
                state=State.FAIL,
                objects=_binding("view", "{kind: User, name: 'system:anonymous'}"),
            ),
            ClusterExample(
                title="with any",
                state=State.FAIL,
                objects=_binding("view", "{kind: Group, name: 'system:authenticated'}"),
            ),
            ClusterExample(
                title="discovery",
                state=State.PASS,
                objects=_binding("system:discovery", "{kind: Group, name: 'system:authenticated'}"),
            ),
            _UNREADABLE,
        ),
    ),
)
