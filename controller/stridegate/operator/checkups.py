"""Is it enforcing, now? Every link of the chain looked at from outside, without changing anything: what holds, what does not, and the cure.

The operator looks at the same links, but it may be what is broken.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial

from cryptography import x509

from stridegate.kube.cluster import EXEMPTIONS, NAMESPACES, Cluster
from stridegate.kube.errors import KubeError, NotFound
from stridegate.kube.objects import ConfigurationKind, Json
from stridegate.model.clusters.views import at, labels, maps, name, text
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.policies import CANARY_NAMESPACE
from stridegate.operator.arming import bundle_of, differences, on_trial, parse_webhooks, without_bundle
from stridegate.operator.canaries import run_canary
from stridegate.operator.errors import OperatorError
from stridegate.operator.exemptions import read
from stridegate.operator.guards import GUARD, REPORT_GUARD, find_gap, parse_guard
from stridegate.operator.issuing import fingerprint, issuer_of, read_certificates
from stridegate.operator.links import Link, Standing, broken, holds
from stridegate.operator.looks import CONFIGURATION, LEAF_SECRET, Place
from stridegate.operator.powers import lost_grants, who_may_switch_off
from stridegate.operator.report_checkups import look_at_reports

_WANTED = "stridegate-webhooks"
# Seconds without a renewal after which nobody holds the Lease, and by which clocks may differ.
_LEASE, _SKEW = 60.0, 15.0
_SOON = dt.timedelta(days=3)
# How the API server begins to say that RBAC gives no right.
_NO_RIGHT = "is forbidden: User "


Look = Callable[[], Iterator[Link]]


def examine(cluster: Cluster, place: Place, now: dt.datetime) -> Iterator[Link]:
    """Yield every link. What may not be looked at is Unknown, and never holds."""
    looks: tuple[tuple[str, Look], ...] = (
        ("webhooks", partial(_webhooks, cluster, place)),
        ("bundle", partial(_bundle, cluster, place, now)),
        ("endpoints", partial(_endpoints, cluster, place)),
        ("operator", partial(_operator, cluster, place, now)),
        ("guards", partial(_guards, cluster, place)),
        ("canary", partial(_canary, cluster, now)),
        ("policies", partial(_policies, cluster)),
        ("exemptions", partial(_exemptions, cluster, now)),
        ("reports", partial(look_at_reports, cluster, place)),
        ("namespace", partial(_namespace, cluster, place)),
        ("who may switch it off", partial(_powers, cluster, place)),
    )
    for about, look in looks:
        try:
            yield from look()
        except (KubeError, OperatorError) as error:
            yield Link(name=about, standing=Standing.UNKNOWN, said=str(error), cure="ask as somebody who may read it")


def _written(cluster: Cluster, place: Place, key: str) -> bytes:
    """Return what the chart wants. Raises KubeError."""
    found = cluster.one(f"{NAMESPACES}/{place.namespace}/configmaps/{_WANTED}")
    return text(found, "data", key).encode()


def _log_of(place: Place) -> str:
    return f"`kubectl -n {place.namespace} logs deploy/stridegate-operator` says why"


def _webhooks(cluster: Cluster, place: Place) -> Iterator[Link]:
    for kind, wanted in parse_webhooks(_written(cluster, place, "webhooks.json"), _WANTED).items():
        about = kind.value.removesuffix("webhookconfigurations") + " webhooks"
        try:
            live = cluster.webhooks(kind, CONFIGURATION).webhooks or []
        except NotFound:
            yield broken(about, f"{kind.value} {CONFIGURATION} does not exist", "`helm upgrade` makes it again")
            continue
        others = next(differences(without_bundle(wanted), without_bundle(live), None), None)
        if not live:
            yield broken(
                about, "not armed: nothing is judged", f"the operator arms it once a replica serves; {_log_of(place)}"
            )
        elif on_trial(live):
            yield broken(
                about,
                f"on trial in {CANARY_NAMESPACE} alone",
                f"the API server must reach the webhook; {_log_of(place)}",
            )
        elif others is not None:
            cure = "the operator restores it; if it comes back, `kubectl get -o yaml --show-managed-fields` says who writes"
            yield broken(about, others, cure)
        else:
            armed = ", ".join(f"{each['name']} ({each.get('failurePolicy')})" for each in live)
            yield holds(about, f"armed: {armed}")


def _bundle(cluster: Cluster, place: Place, now: dt.datetime) -> Iterator[Link]:
    restart = f"`kubectl -n {place.namespace} rollout restart deploy/stridegate-operator` makes it look again"
    certificates = read_certificates(cluster.secret(place.namespace, LEAF_SECRET).value("tls.crt"))
    if not certificates:
        yield broken("certificate", f"Secret {LEAF_SECRET} holds none", restart)
        return
    leaf = certificates[0]
    ends = f"ends {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if leaf.not_valid_after_utc - now < _SOON:
        yield broken("certificate", f"{ends}, and was not renewed", restart)
    else:
        yield holds("certificate", ends)
    for kind in ConfigurationKind:
        for entry in cluster.webhooks(kind, CONFIGURATION).webhooks or []:
            trusted = _trusts(bundle_of(entry), leaf, place, now)
            about = f"bundle of {entry.get('name')}"
            yield (
                holds(about, "verifies the certificate")
                if trusted
                else broken(about, "does not verify the certificate: every call fails", restart)
            )


def _trusts(bundle: bytes, leaf: x509.Certificate, place: Place, now: dt.datetime) -> bool:
    authorities = {fingerprint(each): each for each in read_certificates(bundle)}
    return issuer_of(leaf, authorities, place.names[0], now) is not None


def _endpoints(cluster: Cluster, place: Place) -> Iterator[Link]:
    slices = cluster.endpoint_slices(place.namespace, place.service)
    found = [each.conditions for one in slices for each in one.endpoints or ()]
    ready = sum(each is None or each.ready is not False for each in found)
    look = f"`kubectl -n {place.namespace} get pods -l app.kubernetes.io/component=webhook` says why"
    if not ready:
        yield broken("endpoints", "no replica of the webhook is ready: pods in scope are refused", look)
    elif ready == 1:
        said = "one replica is ready: while it restarts, pods in scope are refused"
        yield Link(name="endpoints", standing=Standing.NOTICE, said=said, cure="set webhook.replicas to 2 or more")
    else:
        yield holds("endpoints", f"{ready} replicas are ready")


def _operator(cluster: Cluster, place: Place, now: dt.datetime) -> Iterator[Link]:
    spec = cluster.lease(place.namespace, "stridegate-operator").spec
    renewed = spec.renew_time if spec else None
    there = cluster.server_time() or now.timestamp()
    if spec is None or not spec.holder_identity or renewed is None:
        yield broken("operator", "no replica holds the Lease: nothing is renewed, restored or reported", _log_of(place))
        return
    age = there - dt.datetime.fromisoformat(renewed).timestamp()
    if age > _LEASE:
        yield broken("operator", f"{spec.holder_identity} has not renewed the Lease for {age:.0f} s", _log_of(place))
    else:
        yield holds("operator", f"{spec.holder_identity} is active")
    if age < -_SKEW:
        said = f"the operator's node is {-age:.0f} s ahead of the API server: certificates and exemptions begin and end wrongly"
        yield broken("clock", said, "let NTP set the clocks of the nodes")
    else:
        yield holds("clock", "operator and API server agree")


def _guards(cluster: Cluster, place: Place) -> Iterator[Link]:
    for guard, key in ((GUARD, "guard.json"), (REPORT_GUARD, "report-guard.json")):
        gap = find_gap(cluster, parse_guard(_written(cluster, place, key), _WANTED), guard)
        about = f"guard {guard}"
        if gap is None:
            yield holds(about, "as the chart wants it")
        else:
            yield broken(about, gap, "delete what is there, then `helm upgrade`")


def _canary(cluster: Cluster, now: dt.datetime) -> Iterator[Link]:
    for case, problem in run_canary(cluster, now).problems.items():
        about = f"canary, {case.value} pod"
        if problem is None:
            yield holds(about, "answered as it should be")
        elif _NO_RIGHT in problem:
            # RBAC answers before any webhook is asked.
            said = f"whoever asks may not try pods in {CANARY_NAMESPACE}"
            yield Link(
                name=about, standing=Standing.UNKNOWN, said=said, cure="ask as somebody who may create pods there"
            )
        else:
            cure = "the links above say which one; the API server's log names the webhook that it could not call"
            yield broken(about, problem, cure)


def _policies(cluster: Cluster) -> Iterator[Link]:
    policies = cluster.policies().items or []
    if not policies:
        yield Link(
            name="policies", standing=Standing.NOTICE, said="there is none: baseline is audited, nothing is refused",
            cure="`kubectl apply -f deploy/samples/threat-model.yaml`",
        )  # fmt: skip
    for each in policies:
        faults = [
            f"{text(one, 'type')} is {text(one, 'status')} ({text(one, 'reason')}): {text(one, 'message')}"
            for one in maps(each, "status", "conditions")
            if text(one, "type") in {"Ready", "Enforcing"} and text(one, "status") != "True"
        ]
        about = f"policy {name(each)}"
        for fault in faults:
            yield broken(about, fault, f"`kubectl describe hpol {name(each)}`")
        if not faults and maps(each, "status", "conditions"):
            action, namespaces = text(each, "spec", "action"), at(each, "status", "namespaces")
            yield holds(about, f"{action} in {namespaces} namespaces")
        elif not faults:
            yield broken(about, "nobody has looked at it yet", "see the link operator")


def _exemptions(cluster: Cluster, now: dt.datetime) -> Iterator[Link]:
    found = [read(each) for each in cluster.objects(EXEMPTIONS)]
    valid = [each for each in found if isinstance(each, Exemption)]
    ending = [each for each in valid if each.ending(now.timestamp())]
    for each in ending:
        end = dt.datetime.fromtimestamp(each.expires, dt.UTC)
        yield Link(
            name=f"exemption {each.namespace}/{each.name}", standing=Standing.NOTICE,
            said=f"ends {end:%Y-%m-%d %H:%M} UTC: {', '.join(sorted(each.rules))} then hold again",
            cure="mend the workload, or grant another with `stridegate exemption create`",
        )  # fmt: skip
    lost = list(lost_grants(cluster, (each for each in valid if each.state(now.timestamp()) is ExemptionState.ACTIVE)))
    for each, slugs in lost:
        yield Link(
            name=f"exemption {each.namespace}/{each.name}", standing=Standing.NOTICE,
            said=f"{each.granted_by} granted it, and may not exempt from {', '.join(slugs)} any more; it holds until its end",
            cure="`stridegate exemption revoke` ends it, or somebody who may grants another",
        )  # fmt: skip
    if not ending and not lost:
        yield holds("exemptions", f"{len(found)}, none of them ends within a week")


def _namespace(cluster: Cluster, place: Place) -> Iterator[Link]:
    found: Json = cluster.one(f"{NAMESPACES}/{place.namespace}")
    label = "pod-security.kubernetes.io/enforce"
    level = labels(found).get(label)
    if level == "restricted":
        yield holds("namespace", f"{place.namespace} is held to restricted")
    else:
        cure = f"`kubectl label namespace {place.namespace} {label}=restricted`"
        said = f"{place.namespace} has {label}: {level or 'absent'}, and the webhook does not judge it"
        yield Link(name="namespace", standing=Standing.NOTICE, said=said, cure=cure)


def _powers(cluster: Cluster, place: Place) -> Iterator[Link]:
    for power, subjects in who_may_switch_off(cluster, place.namespace).items():
        said = f"{power}: {', '.join(subjects[:10]) or 'nobody beyond Kubernetes itself and its administrators'}"
        more = f" and {len(subjects) - 10} more" if len(subjects) > 10 else ""
        standing = Standing.NOTICE if subjects else Standing.HOLDS
        cure = "take the right from whoever does not need it" if subjects else ""
        yield Link(name="who may switch it off", standing=standing, said=said + more, cure=cure)
