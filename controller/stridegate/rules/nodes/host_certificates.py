"""What the certificates of a node are worth: how long they last, how strong they are, and what they permit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stridegate.model.nodes.answers import Certificate, Handshake, Socket, SocketState, Unreadable
from stridegate.model.nodes.certificates import days_left, shown_certificate
from stridegate.model.nodes.nodes import Circumstances, Node, NotReadable
from stridegate.model.nodes.queries import CertificatesIn, FilesUnder, HostSockets, TlsHandshake
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import NodeExample, NodeRule
from stridegate.model.nodes.seen_certificates import leaves
from stridegate.model.nodes.verdicts import Evidence, Offender, State, Verdict
from stridegate.model.references import CisKubernetes, Reference
from stridegate.model.vocabulary import Severity, Stride

_SECONDS_OF_A_DAY = 86_400
# Enough for a person to act in, and for what renews itself to have done so.
_DAYS_LEFT = 30
_RSA_BITS = 2048
_CURVE_BITS = 256
_BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
_MASTERS = "system:masters"

# What is wrong with a certificate at a time, in a few words; nothing where nothing is.
Fault = Callable[[Certificate, float], str]


def _judged(fault: Fault, wanted: str) -> Callable[[Node], Verdict]:
    """Return the judgement of every leaf certificate of a node by one question."""

    def judge(node: Node) -> Verdict:
        seen = leaves(node)
        now = node.circumstances.now
        wrong = [(each, words) for each in seen.leaves if (words := fault(each.certificate, now))]
        if not wrong and seen.hidden:
            raise NotReadable(seen.hidden[0])
        first = wrong[0][0] if wrong else seen.leaves[0]
        return Verdict(
            state=State.FAIL if wrong else State.PASS,
            observed=f"{len(wrong)} of {len(seen.leaves)} certificates"
            if wrong
            else f"{len(seen.leaves)} certificates",
            wanted=wanted,
            evidence=Evidence(source=first.source, path=first.place),
            offenders=tuple(Offender(name=each.place, observed=words) for each, words in wrong),
        )

    return judge


def _expiring(certificate: Certificate, now: float) -> str:
    left = days_left(certificate, now)
    if left > _DAYS_LEFT:
        return ""
    return f"expired {-left} days ago" if left < 0 else f"{left} days left"


def _weak(certificate: Certificate, _: float) -> str:
    wildcards = [name for name in certificate.alternative_names if name.startswith("*")]
    faults = [
        f"{certificate.key_kind} of {certificate.key_bits} bits" if _is_weak_key(certificate) else "",
        f"signed with {certificate.signature_hash}" if certificate.signature_hash in _BROKEN_HASHES else "",
        f"valid for {wildcards[0]}" if wildcards else "",
    ]
    return ", ".join(filter(None, faults))


def _is_weak_key(certificate: Certificate) -> bool:
    least = {"RSA": _RSA_BITS, "ECDSA": _CURVE_BITS}.get(certificate.key_kind)
    return certificate.key_bits < least if least else certificate.key_kind not in {"Ed25519", "Ed448"}


def _of_masters(certificate: Certificate, now: float) -> str:
    if _MASTERS not in certificate.organizations:
        return ""
    return f"{certificate.subject}, {days_left(certificate, now)} days left"


_LEAF = replace(shown_certificate(), not_after=400.0 * _SECONDS_OF_A_DAY, subject="CN=kube-apiserver")
_FILE = "/etc/kubernetes/pki/apiserver.crt"
_PUBLIC = Socket(state=SocketState.LISTEN, local_address="0.0.0.0", local_port=10250)
_LOOPBACK = replace(_PUBLIC, local_address="127.0.0.1", local_port=10257)
_CIRCUMSTANCES = Circumstances(now=10.0 * _SECONDS_OF_A_DAY)


def _in_file(title: str, state: State, certificate: Certificate, path: str = _FILE) -> NodeExample:
    return NodeExample(
        title=title,
        state=state,
        answers={
            FilesUnder("/etc/kubernetes/pki", "*.crt", depth=8): (_FILE,),
            CertificatesIn(_FILE): (_LEAF,),
            CertificatesIn(path): (certificate,),
        },
        circumstances=_CIRCUMSTANCES,
    )


def _on_wire(title: str, state: State, certificate: Certificate | Unreadable) -> NodeExample:
    shown = (
        certificate
        if isinstance(certificate, Unreadable)
        else Handshake(
            oldest_version="TLSv1.2",
            cipher="ECDHE-RSA-AES128-GCM-SHA256",
            certificates=(certificate, replace(_LEAF, authority=True, not_after=0, digest="c" * 64)),
            demands_client_certificate=False,
        )
    )
    return NodeExample(
        title=title,
        state=state,
        answers={
            **_in_file(title, state, _LEAF).answers,
            HostSockets(): (_PUBLIC, _LOOPBACK),
            TlsHandshake("0.0.0.0", 10250): shown,
        },
        circumstances=_CIRCUMSTANCES,
    )


def _rule(  # noqa: PLR0913 - a declaration, by keyword
    slug: str,
    stride: Stride,
    fault: Fault,
    *,
    wrong: str,
    threat: str,
    wants: str,
    fix: str,
    bad: Certificate,
    more: tuple[NodeExample, ...],
    threats: frozenset[str] = frozenset(),
    references: tuple[Reference, ...] = (),
) -> NodeRule:
    bad = replace(bad, digest="b" * 64)
    return NodeRule(
        slug=slug,
        severity=Severity.HIGH,
        stride=frozenset({stride}),
        references=references,
        threats=threats | {"docker-host-misconfiguration"},
        wrong=wrong,
        threat=threat,
        wants=wants,
        fix=fix,
        remedy=Remedy.CERTIFICATE,
        judge=_judged(fault, wants),
        examples=(
            _in_file("a sound certificate in a file", State.PASS, _LEAF),
            _in_file("an unsound one in a file", State.FAIL, bad),
            _in_file("an unsound one in a kubeconfig", State.FAIL, bad, "/etc/kubernetes/admin.conf"),
            _on_wire("a sound one on the wire", State.PASS, replace(_LEAF, digest="b" * 64)),
            _on_wire("an unsound one on the wire", State.FAIL, bad),
            _on_wire("a listener that does not answer", State.UNKNOWN, Unreadable("0.0.0.0:10250", "does not answer")),
            _in_file("an authority is no leaf", State.PASS, replace(bad, authority=True), "/etc/kubernetes/admin.conf"),
            NodeExample(title="no certificates", state=State.NOT_APPLICABLE),
            *more,
        ),
    )


RULES: tuple[NodeRule, ...] = (
    _rule(
        "expiring-certificate",
        Stride.REPUDIATION,
        _expiring,
        wrong="A certificate ends within 30 days, or has ended.",
        threat="What it proves stops being believed, and in the hurry people replace it by one that lasts too long, or check nothing.",
        wants="have more than 30 days left, each leaf certificate on disk and on the wire",
        fix="Renew it: `kubeadm certs renew all`, or let its owner rotate it.",
        bad=replace(_LEAF, not_after=40.0 * _SECONDS_OF_A_DAY),
        more=(
            _in_file("one day more", State.PASS, replace(_LEAF, not_after=41.0 * _SECONDS_OF_A_DAY)),
            _in_file("expired", State.FAIL, replace(_LEAF, not_after=float(_SECONDS_OF_A_DAY))),
        ),
        threats=frozenset({"unrevocable-certificate", "docker-client-compromise"}),
    ),
    _rule(
        "weak-certificate",
        Stride.SPOOFING,
        _weak,
        wrong="A certificate can be forged, or is valid for names that are not its owner's.",
        threat="Whoever breaks the key or the signature, or holds any name under the wildcard, passes for the component.",
        wants="have an RSA key of 2048 bits or an equal one, no SHA-1 signature and no wildcard name",
        fix="Issue a new one with a longer key, SHA-256 and full names.",
        bad=replace(_LEAF, key_bits=1024),
        more=(
            _in_file("signed with SHA-1", State.FAIL, replace(_LEAF, signature_hash="sha1")),
            _in_file("a wildcard", State.FAIL, replace(_LEAF, alternative_names=("a.example.com", "*.example.com"))),
            _in_file("a short curve", State.FAIL, replace(_LEAF, key_kind="ECDSA", key_bits=224)),
            _in_file("a long curve", State.PASS, replace(_LEAF, key_kind="ECDSA", key_bits=256)),
            _in_file("a curve of one size", State.PASS, replace(_LEAF, key_kind="Ed25519", key_bits=0)),
            _in_file("an old kind of key", State.FAIL, replace(_LEAF, key_kind="DSA", key_bits=0)),
        ),
    ),
    _rule(
        "system-masters-certificate",
        Stride.ELEVATION,
        _of_masters,
        wrong="A certificate's owner is a cluster administrator whatever RBAC says.",
        threat="Who copies it rules the cluster until it ends: system:masters passes by RBAC, and certificates cannot be revoked.",
        wants="not name system:masters as its organization (O)",
        fix="Issue it for a group that RBAC knows (kubeadm:cluster-admins), and destroy this one.",
        bad=replace(_LEAF, organizations=("system:masters",), subject="CN=kubernetes-admin,O=system:masters"),
        more=(
            _in_file(
                "a group that RBAC knows", State.PASS, replace(_LEAF, organizations=("kubeadm:cluster-admins", "x"))
            ),
        ),
        threats=frozenset({"unrevocable-certificate"}),
        references=(CisKubernetes("5.1.7"),),
    ),
)
