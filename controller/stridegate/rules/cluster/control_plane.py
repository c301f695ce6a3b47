"""What keeps the API server answering, and credentials that outlive their purpose."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator

from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import Cluster, Kind, Obj, at, labels, maps, name, text
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.times import read_time
from stridegate.model.vocabulary import Severity, Stride

_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_DAY = 86_400
# The schemas that Kubernetes makes itself (kubernetes pkg/apis/flowcontrol/bootstrap); `exempt` and `probes` lead to the
# level that is never queued.
_STOCK_SCHEMAS = frozenset(
    {
        "exempt", "probes", "system-leader-election", "endpoint-controller", "workload-leader-election", "system-node-high",
        "system-nodes", "kube-controller-manager", "kube-scheduler", "kube-system-service-accounts", "service-accounts",
        "global-default", "catch-all",
    }
)  # fmt: skip
_STOCK_LEVELS = frozenset(
    {"exempt", "system", "node-high", "leader-election", "workload-high", "workload-low", "global-default", "catch-all"}
)
_UPDATED = "apf.kubernetes.io/autoupdate-spec"


def _flow(cluster: Cluster) -> Verdict:
    offenders = [*_schemas(cluster), *_levels(cluster)]
    return verdict(offenders, "flowschemas and prioritylevelconfigurations", "as Kubernetes makes them, or stricter")


def _schemas(cluster: Cluster) -> Iterator[tuple[str, str]]:
    for each in cluster[Kind.FLOW_SCHEMA]:
        about = f"FlowSchema {name(each)}"
        if any(
            text(one, "type") == "Dangling" and text(one, "status") == "True"
            for one in maps(each, "status", "conditions")
        ):
            yield about, "Dangling: its priority level does not exist"
        exempt = text(each, "spec", "priorityLevelConfiguration", "name") == "exempt"
        if exempt and name(each) not in {"exempt", "probes"}:
            yield about, "never queued: leads to the level exempt"
        if name(each) in _STOCK_SCHEMAS and _altered(each):
            yield about, "altered: no longer kept as Kubernetes makes it"


def _levels(cluster: Cluster) -> Iterator[tuple[str, str]]:
    for each in cluster[Kind.PRIORITY_LEVEL]:
        about = f"PriorityLevelConfiguration {name(each)}"
        if text(each, "spec", "type") == "Exempt" and name(each) != "exempt":
            yield about, "Exempt: never queued"
        if name(each) in _STOCK_LEVELS and _altered(each):
            yield about, "altered: no longer kept as Kubernetes makes it"


def _altered(obj: Obj) -> bool:
    return labels(obj, "metadata", "annotations").get(_UPDATED) == "false"


def _certificates(cluster: Cluster) -> Verdict:
    return verdict(
        (
            (f"CertificateSigningRequest {name(each)}", f"{text(each, 'spec', 'username')}: {seen}")
            for each in cluster[Kind.CERTIFICATE_REQUEST]
            if (seen := _lasting(each))
        ),
        "certificatesigningrequests",
        "no request for a client certificate of more than a day, of those not yet collected",
    )


def _lasting(request: Obj) -> str:
    if text(request, "spec", "signerName") != _CLIENT_SIGNER or text(request, "spec", "username").startswith("system:"):
        return ""
    seconds = at(request, "spec", "expirationSeconds")
    if not isinstance(seconds, int):
        return "for as long as the signer allows"
    return f"for {seconds // 3600} hours" if seconds > _DAY else ""


def _static_tokens(cluster: Cluster) -> Verdict:
    return verdict(
        (
            (f"Secret {name(each)}", f"token of {labels(each, 'metadata', 'annotations').get(_ACCOUNT, 'an account')}")
            for each in cluster[Kind.SECRET]
            if text(each, "type") == "kubernetes.io/service-account-token"
        ),
        "secrets",
        "no Secret holds a token of a service account",
    )


def _bootstrap_tokens(cluster: Cluster) -> Verdict:
    return verdict(
        (
            (f"Secret {name(each)}", seen)
            for each in cluster[Kind.SECRET]
            if text(each, "type") == "bootstrap.kubernetes.io/token" and (seen := _over(each, cluster.now))
        ),
        "secrets",
        "no bootstrap token is past its end",
    )


def _over(secret: Obj, now: float) -> str:
    try:
        written = b64decode(text(secret, "data", "expiration"), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "its end cannot be read"
    if not written:
        return "it never ends"
    ends = read_time(written)
    if ends is None:
        return "its end cannot be read"
    return f"ended {written}" if ends <= now else ""


_ACCOUNT = "kubernetes.io/service-account.name"
_SECRETS_HIDDEN = ClusterExample(title="Secrets are not read", state=State.UNKNOWN, absent=("Secret",))


def _schema(spec: str, status: str = "{}", schema: str = "mine", annotations: str = "{}") -> str:
    return f"kind: FlowSchema\nmetadata: {{name: {schema}, annotations: {annotations}}}\nspec: {spec}\nstatus: {status}"


def _request(expires: str, username: str = "alice", signer: str = _CLIENT_SIGNER) -> str:
    return f"kind: CertificateSigningRequest\nmetadata: {{name: a}}\nspec: {{signerName: {signer}, username: '{username}'{expires}}}"


def _secret(kind: str, data: str = "{}") -> str:
    return f"kind: Secret\nmetadata: {{name: a, namespace: kube-system}}\ntype: {kind}\ndata: {data}"


RULES = (
    ClusterRule(
        slug="weakened-flow-control",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.DENIAL_OF_SERVICE}),
        references=(),
        threats=frozenset({"apiserver-overload"}),
        wrong="What queues requests to the API server was weakened.",
        threat="A flood of one tenant's requests keeps the API server from answering anybody.",
        wants="be as Kubernetes makes it, and give the level exempt to nobody else",
        fix="Delete the altered object, which Kubernetes makes again, and let the schema name a level with limits.",
        judge=_flow,
        examples=(
            ClusterExample(
                title="exempt tenants",
                state=State.FAIL,
                objects=_schema("{priorityLevelConfiguration: {name: exempt}}"),
            ),
            ClusterExample(
                title="dangling",
                state=State.FAIL,
                objects=_schema("{}", "{conditions: [{type: Dangling, status: 'True'}]}"),
            ),
            ClusterExample(
                title="altered",
                state=State.FAIL,
                objects=_schema("{}", schema="catch-all", annotations=f"{{{_UPDATED}: 'false'}}"),
            ),
            ClusterExample(
                title="a level without a limit",
                state=State.FAIL,
                objects="kind: PriorityLevelConfiguration\nmetadata: {name: mine}\nspec: {type: Exempt}",
            ),
            ClusterExample(
                title="a level of one's own",
                state=State.PASS,
                objects="kind: PriorityLevelConfiguration\nmetadata: {name: mine}\nspec: {type: Limited}",
            ),
            ClusterExample(
                title="the stock one",
                state=State.PASS,
                objects=_schema("{priorityLevelConfiguration: {name: exempt}}", schema="exempt"),
            ),
            ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=("FlowSchema",)),
        ),
    ),
    ClusterRule(
        slug="long-lived-client-certificate",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING, Stride.REPUDIATION}),
        references=(CisKubernetes("3.1.1"),),
        threats=frozenset({"unrevocable-certificate"}),
        wrong="Somebody asks for a client certificate that lasts longer than a day.",
        threat="A certificate that leaked stays good until it ends: Kubernetes cannot revoke one.",
        wants="have expirationSeconds of at most 86400",
        fix="Use tokens of an identity provider for people, and expirationSeconds where it must be a certificate.",
        judge=_certificates,
        examples=(
            ClusterExample(title="a year", state=State.FAIL, objects=_request(", expirationSeconds: 31536000")),
            ClusterExample(title="without an end", state=State.FAIL, objects=_request("")),
            ClusterExample(title="an hour", state=State.PASS, objects=_request(", expirationSeconds: 3600")),
            ClusterExample(title="a node", state=State.PASS, objects=_request("", username="system:node:a")),
            ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=("CertificateSigningRequest",)),
        ),
    ),
    ClusterRule(
        slug="static-service-account-token",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("3.1.2"),),
        threats=frozenset({"unrevocable-certificate"}),
        wrong="A Secret holds a token of a service account that never ends.",
        threat="Whoever reads the Secret once is that account until somebody deletes it.",
        wants="not exist: tokens are requested, live for an hour and belong to a pod",
        fix="Delete the Secret; pods use projected tokens, others `kubectl create token` with --duration.",
        judge=_static_tokens,
        examples=(
            ClusterExample(title="a token", state=State.FAIL, objects=_secret("kubernetes.io/service-account-token")),
            ClusterExample(title="another Secret", state=State.PASS, objects=_secret("Opaque")),
            _SECRETS_HIDDEN,
        ),
    ),
    ClusterRule(
        slug="expired-bootstrap-token",
        severity=Severity.LOW,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("3.1.3"),),
        threats=frozenset({"spoofed-api-caller"}),
        wrong="A bootstrap token is still there after its end, or has none.",
        threat="Where the cleaner does not run, tokens to join nodes pile up; one without an end joins nodes for ever.",
        wants="have an end, and be gone after it",
        fix="Delete the Secret: `kubeadm token delete`, and make new ones with --ttl.",
        judge=_bootstrap_tokens,
        examples=(
            ClusterExample(
                title="over",
                state=State.FAIL,
                objects=_secret("bootstrap.kubernetes.io/token", "{expiration: MjAyNi0wMS0wMVQwMDowMDowMFo=}"),
                now=1_800_000_000.0,
            ),
            ClusterExample(title="without an end", state=State.FAIL, objects=_secret("bootstrap.kubernetes.io/token")),
            ClusterExample(
                title="in force",
                state=State.PASS,
                objects=_secret("bootstrap.kubernetes.io/token", "{expiration: MjAyNi0wMS0wMVQwMDowMDowMFo=}"),
                now=1_700_000_000.0,
            ),
            _SECRETS_HIDDEN,
        ),
    ),
)
