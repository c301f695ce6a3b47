"""How the API server and kubelets know each other."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.answers import Absent, Handshake, Unreadable
from stridegate.model.nodes.certificates import is_issued_by, shown_certificate
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import flag_rule, lacking_files, must_name_files, shown, starts
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import CertificatesIn, Query, TlsHandshake
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(
    flag_rule,
    "kube-apiserver",
    severity=Severity.HIGH,
    stride=Stride.SPOOFING,
    threats=("apiserver-kubelet-spoofing",),
)
_case = partial(starts, "kube-apiserver")

_PORT = 10250


def _kubelet_is_verified(started: Started, node: Node) -> Verdict:
    flag = "kubelet-certificate-authority"
    lacking = lacking_files(started, node, flag)
    if lacking is not None:
        return lacking
    authorities = node[CertificatesIn(started.on_host(started.flags.text(flag) or ""))]
    address = next(iter(node.circumstances.addresses), "127.0.0.1")
    handshake = node.look(TlsHandshake(address, _PORT))
    if isinstance(handshake, Unreadable):
        raise NotReadable(handshake)
    if isinstance(handshake, Absent) or not handshake.certificates:
        note = "No kubelet answered here, so that its certificate was not compared."
        return started.verdict(State.WARN, shown(started, flag), note)
    served = handshake.certificates[0]
    evidence = Evidence(source=Source.PROBE, path=f"{address}:{_PORT}")
    if is_issued_by(served, authorities):
        return Verdict(
            state=State.PASS, observed=f"{shown(started, flag)}, issuer {served.issuer}"[:128], evidence=evidence
        )
    observed = f"the kubelet's certificate is issued by {served.issuer}, not by that CA"[:128]
    return Verdict(state=State.FAIL, observed=observed, evidence=evidence)


_CA = "/etc/kubernetes/pki/ca.crt"
_SET = f"--kubelet-certificate-authority={_CA}"
_AUTHORITY = shown_certificate(subject="CN=kubernetes", issuer="CN=kubernetes")


def _answers(issuer: str) -> dict[Query[object], object]:
    served = shown_certificate(subject="O=system:nodes, CN=system:node:a", issuer=issuer, digest="b" * 64)
    shake = Handshake(oldest_version="TLSv1.2", cipher="", certificates=(served,), demands_client_certificate=False)
    return {CertificatesIn(_CA): (_AUTHORITY,), TlsHandshake("127.0.0.1", _PORT): shake}


_CERTIFICATE = "/etc/kubernetes/pki/apiserver-kubelet-client.crt"
_KEY = "/etc/kubernetes/pki/apiserver-kubelet-client.key"
_PAIR = (f"--kubelet-client-certificate={_CERTIFICATE}", f"--kubelet-client-key={_KEY}")

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="missing-kubelet-client-certificate",
        references=(CisKubernetes("1.2.4"),),
        wrong="The API server has no certificate towards kubelets.",
        threat="Kubelets must then serve callers that prove nothing: exec and logs of every pod stand open to all.",
        wants="have --kubelet-client-certificate and --kubelet-client-key with files that exist",
        fix=f"--kubelet-client-certificate={_CERTIFICATE} --kubelet-client-key={_KEY}",
        judge=must_name_files("kubelet-client-certificate", "kubelet-client-key"),
        examples=(
            _case(State.PASS, *_PAIR, files={_CERTIFICATE: HostFile(), _KEY: HostFile()}),
            _case(State.FAIL, *_PAIR, title="no such files"),
            _case(State.FAIL, _PAIR[0], files={_CERTIFICATE: HostFile()}),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="unverified-kubelet-certificate",
        references=(CisKubernetes("1.2.5"),),
        wrong="The API server does not check that it talks to a kubelet.",
        threat="Something else in a kubelet's place gets what is typed into exec, and answers with logs of its own.",
        wants="have --kubelet-certificate-authority with the CA of the kubelets' serving certificates",
        fix=f"{_SET}, with serverTLSBootstrap: true in every kubelet",
        judge=_kubelet_is_verified,
        examples=(
            _case(State.PASS, _SET, files={_CA: HostFile()}, answers=_answers("CN=kubernetes")),
            _case(
                State.FAIL,
                _SET,
                title="the kubelet's certificate is its own",
                files={_CA: HostFile()},
                answers=_answers("CN=a-ca@1700000000"),
            ),
            _case(
                State.WARN,
                _SET,
                title="no kubelet answers",
                files={_CA: HostFile()},
                answers={CertificatesIn(_CA): (_AUTHORITY,)},
            ),
            _case(State.FAIL, _SET, title="no such file"),
            _case(State.FAIL),
        ),
    ),
)
