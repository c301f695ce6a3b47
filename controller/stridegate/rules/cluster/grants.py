"""Rights that lead to more than they say, held by many or in the whole cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stridegate.model.clusters.rights import broad
from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import Cluster
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_WHERE = "clusterrolebindings and rolebindings"
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_WRITE = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Power:
    """What somebody may do: verbs on a resource, with its API group before a slash if it has one (`group/resource`)."""

    verbs: tuple[str, ...]
    group: str = ""
    resources: tuple[str, ...]


def _judging(powers: tuple[_Power, ...]) -> Callable[[Cluster], Verdict]:
    def judge(cluster: Cluster) -> Verdict:
        offenders = (
            (str(grant.subject), str(grant))
            for grant in broad(cluster)
            for power in powers
            if any(right.allows(power.verbs, power.group, each) for right in grant.rights for each in power.resources)
        )
        return verdict(offenders, _WHERE, "nobody beyond Kubernetes' own components")

    return judge


def _bound(rule: str, *, kind: str = "ClusterRoleBinding", subject: str = "{kind: User, name: alice}") -> str:
    """Return a role with one rule, and what binds it to a subject."""
    place = ", namespace: shop" if kind == "RoleBinding" else ""
    return f"""
kind: ClusterRole
metadata: {{name: broad}}
rules: [{rule}]
---
kind: {kind}
metadata: {{name: broad{place}}}
roleRef: {{kind: ClusterRole, name: broad}}
subjects: [{subject}]
"""


def _rule(  # noqa: PLR0913 - what a rule says, each a word of its own
    slug: str,
    power: _Power,
    *further: _Power,
    wrong: str,
    threat: str,
    cis: str | None,
    fix: str = "Bind it in single namespaces, to single service accounts, for single objects by resourceNames.",
    severity: Severity = Severity.HIGH,
    stride: frozenset[Stride] = frozenset({Stride.ELEVATION}),
    threats: frozenset[str] = frozenset({"path-to-cluster-admin"}),
) -> ClusterRule:
    """Return the rule that finds everybody who holds one of some powers widely."""
    written = f"{{apiGroups: ['{power.group}'], resources: ['{power.resources[0]}'], verbs: ['{power.verbs[0]}']}}"
    named = written.replace("}", ", resourceNames: [one]}")
    stars = "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"
    component = "{kind: ServiceAccount, namespace: kube-system, name: controller}"
    everybody = "{kind: Group, name: 'system:serviceaccounts'}"
    return ClusterRule(
        slug=slug,
        severity=severity,
        stride=stride,
        references=(CisKubernetes(cis),) if cis else (),
        threats=threats,
        wrong=wrong,
        threat=threat,
        wants="be held by nobody in the whole cluster, nor by a group of everybody, but by Kubernetes' own components",
        fix=fix,
        judge=_judging((power, *further)),
        examples=(
            ClusterExample(title="a user, in the whole cluster", state=State.FAIL, objects=_bound(written)),
            ClusterExample(title="by wildcards", state=State.FAIL, objects=_bound(stars)),
            ClusterExample(
                title="every service account, in a namespace",
                state=State.FAIL,
                objects=_bound(written, kind="RoleBinding", subject=everybody),
            ),
            ClusterExample(title="in one namespace", state=State.PASS, objects=_bound(written, kind="RoleBinding")),
            ClusterExample(title="one object by name", state=State.PASS, objects=_bound(named)),
            ClusterExample(title="a controller", state=State.PASS, objects=_bound(written, subject=component)),
            ClusterExample(title="roles that may not be read", state=State.UNKNOWN, absent=("ClusterRole",)),
        ),
    )


RULES = (
    _rule(
        "secret-read-grant",
        _Power(verbs=("get", "list", "watch"), resources=("secrets",)),
        wrong="Somebody may read the Secrets of every namespace.",
        threat="Whoever reads all Secrets has every credential in the cluster; list shows their contents like get.",
        cis="5.1.2",
    ),
    _rule(
        "pod-create-grant",
        _Power(verbs=("create",), resources=("pods",)),
        wrong="Somebody may create pods in every namespace.",
        threat="A pod gets any service account and any Secret of its namespace, in kube-system those of controllers.",
        cis="5.1.4",
    ),
    _rule(
        "escalation-verb-grant",
        _Power(verbs=("escalate", "bind"), group=_RBAC, resources=("clusterroles", "roles")),
        _Power(verbs=("impersonate",), resources=("users", "groups", "serviceaccounts")),
        wrong="Somebody may give himself rights, or act in another's name.",
        threat="The verbs bind and escalate set aside that nobody hands out what he lacks; impersonate makes anybody of him.",
        cis="5.1.8",
        fix="Take bind, escalate and impersonate out of the role; name single roles or users by resourceNames.",
        severity=Severity.CRITICAL,
    ),
    _rule(
        "persistent-volume-grant",
        _Power(verbs=("create",), resources=("persistentvolumes",)),
        wrong="Somebody may create PersistentVolumes.",
        threat="A PersistentVolume of kind hostPath mounts any path of a node past what is checked of pods.",
        cis="5.1.9",
        fix="Let a StorageClass provision volumes; keep create on persistentvolumes to its provisioner.",
    ),
    _rule(
        "nodes-proxy-grant",
        _Power(verbs=("get", "create", "update", "patch", "delete"), resources=("nodes/proxy",)),
        wrong="Somebody may reach every kubelet through nodes/proxy.",
        threat="The kubelet's API runs commands in any pod, past admission and the audit log of exec.",
        cis="5.1.10",
        fix="Grant nodes/metrics, nodes/stats, nodes/pods or nodes/configz instead, which suffice since 1.33.",
        threats=frozenset({"path-to-cluster-admin", "kubelet-privilege-elevation"}),
    ),
    _rule(
        "csr-approval-grant",
        _Power(verbs=("update", "patch"), group=_CERTIFICATES, resources=("certificatesigningrequests/approval",)),
        wrong="Somebody may approve requests for certificates.",
        threat="With approve on the signer, he issues himself a client certificate of any name and group, which cannot be revoked.",
        cis="5.1.11",
        fix="Leave approval to the approving controllers, and name the signers that somebody may approve for.",
        stride=frozenset({Stride.SPOOFING, Stride.ELEVATION}),
        threats=frozenset({"path-to-cluster-admin", "client-authorization-abuse"}),
    ),
    _rule(
        "webhook-write-grant",
        _Power(
            verbs=_WRITE,
            group=_ADMISSION,
            resources=("validatingwebhookconfigurations", "mutatingwebhookconfigurations"),
        ),
        wrong="Somebody may write webhook configurations.",
        threat="A webhook of his own reads and changes every object that is created; others he can switch off.",
        cis="5.1.12",
        fix="Name single configurations by resourceNames, with get and patch alone.",
        stride=frozenset({Stride.TAMPERING, Stride.ELEVATION}),
    ),
    _rule(
        "token-creation-grant",
        _Power(verbs=("create",), resources=("serviceaccounts/token",)),
        wrong="Somebody may make tokens of every service account.",
        threat="A token of a controller's account gives all that the controller may.",
        cis="5.1.13",
    ),
    _rule(
        "pod-exec-grant",
        _Power(verbs=("create", "get"), resources=("pods/exec", "pods/attach", "pods/ephemeralcontainers")),
        _Power(verbs=("update", "patch"), resources=("pods/ephemeralcontainers",)),
        wrong="Somebody may run commands in the pods of every namespace.",
        threat="A shell in a pod has its token, its Secrets and its network, and leaves no other trace than the audit log.",
        cis=None,
    ),
)
