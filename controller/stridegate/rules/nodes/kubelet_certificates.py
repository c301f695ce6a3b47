"""The kubelet's TLS: its own certificate, how it is renewed, and what versions and ciphers it offers."""

from __future__ import annotations

from stridegate.model.nodes.answers import Absent, Certificate, Handshake
from stridegate.model.nodes.ciphers import is_at_least_tls_1_2, weak_suites
from stridegate.model.nodes.fields import Setting
from stridegate.model.nodes.kubelet import gate, setting
from stridegate.model.nodes.kubelet_fields import (
    CIPHERS,
    CLIENT_CA,
    PORT,
    ROTATE_CERTIFICATES,
    SERVER_BOOTSTRAP,
    TLS_CERTIFICATE,
    TLS_KEY,
    TLS_VERSION,
)
from stridegate.model.nodes.kubelet_rules import KUBELET_DEFAULTS, NO_KUBELET, filed, flagged, must_be, of, served
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.queries import CertificatesIn, TlsHandshake
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import Benchmark, CisKubernetes, in_clouds
from stridegate.model.vocabulary import Severity, Stride

_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_AKS)
_GATE = "RotateKubeletServerCertificate"
_SPOOFING = frozenset({Stride.SPOOFING})
_CLUSTER_CA = "/etc/kubernetes/pki/ca.crt"


def _serving_certificate(node: Node) -> Verdict:
    bootstrap = setting(node, SERVER_BOOTSTRAP)
    if bootstrap.value:
        return bootstrap.verdict(State.PASS)
    certificate, key = setting(node, TLS_CERTIFICATE), setting(node, TLS_KEY)
    if certificate.value and key.value:
        return certificate.verdict(State.PASS)
    lacking = certificate if key.value else key
    what = "tlsPrivateKeyFile unset" if certificate.value else "tlsCertFile unset" if key.value else "neither is set"
    return Verdict(state=State.FAIL, observed=what, evidence=lacking.evidence)


def _self_signed(node: Node) -> Verdict:
    addresses = node.circumstances.addresses
    address, port = addresses[0] if addresses else "127.0.0.1", setting(node, PORT).value
    handshake = node[TlsHandshake(address, port)]
    evidence = Evidence(source=Source.PROBE, path=f"TLS {address}:{port}")
    if not handshake.certificates:
        raise NotThere(Absent("serving certificate of the kubelet"))
    leaf = handshake.certificates[0]
    # A kubelet that signs for itself makes a CA first, named after the node and the time (client-go, util/cert).
    if leaf.issuer == leaf.subject or "-ca@" in leaf.issuer:
        return Verdict(state=State.FAIL, observed=f"signed by {leaf.issuer}", evidence=evidence)
    authorities = node[CertificatesIn(setting(node, CLIENT_CA).value or _CLUSTER_CA)]
    if any(authority.subject == leaf.issuer for authority in authorities):
        return Verdict(state=State.PASS, observed=f"signed by {leaf.issuer}", evidence=evidence)
    return Verdict(
        state=State.WARN, observed=f"signed by {leaf.issuer}, not by the node's client CA", evidence=evidence
    )


def _gate(node: Node) -> Verdict:
    found = gate(node, _GATE, default=True)
    return found.verdict(State.PASS if found.value else State.FAIL, wanted="true")


def _ciphers(found: Setting[tuple[str, ...]]) -> Verdict:
    if not found.value:
        return Verdict(
            state=State.WARN,
            observed="unset, so what Go offers",
            evidence=found.evidence,
            note="Go's own list changes with its versions, and has suites without authenticated encryption for TLS 1.2.",
        )
    weak = weak_suites(found.value)
    if not weak:
        return found.verdict(State.PASS)
    return Verdict(
        state=State.FAIL,
        observed=f"{len(weak)} of {len(found.value)} are weak: {weak[0]}",
        evidence=found.evidence,
        offenders=tuple(Offender(name=suite, observed="weak") for suite in weak),
    )


def _version(found: Setting[str]) -> Verdict:
    if not found.value:
        return Verdict(state=State.WARN, observed="unset, so TLS 1.2 by Go's default", evidence=found.evidence)
    state = State.PASS if is_at_least_tls_1_2(found.value) else State.FAIL
    return found.verdict(state, wanted="VersionTLS12 or VersionTLS13")


def _certificate(subject: str, issuer: str) -> Certificate:
    return Certificate(
        subject=subject,
        issuer=issuer,
        organizations=(),
        alternative_names=(),
        not_before=0.0,
        not_after=2e9,
        key_kind="EC",
        key_bits=256,
        signature_hash="sha256",
        authority=subject == issuer,
        digest="00",
        key_digest="00",
    )


def _shown(title: str, state: State, issuer: str) -> NodeExample:
    handshake = Handshake(
        oldest_version="TLSv1.2",
        cipher="TLS_AES_128_GCM_SHA256",
        certificates=(_certificate("CN=system:node:node1,O=system:nodes", issuer),),
        demands_client_certificate=False,
    )
    host = filed(title, state, f"authentication: {{x509: {{clientCAFile: {_CLUSTER_CA}}}}}\n")
    authority = (_certificate("CN=kubernetes", "CN=kubernetes"),)
    return NodeExample(
        title=title,
        state=state,
        files={**host.files, _CLUSTER_CA: HostFile(mode=0o644)},
        processes=host.processes,
        answers={TlsHandshake("127.0.0.1", 10250): handshake, CertificatesIn(_CLUSTER_CA): authority},
    )


RULES = (
    NodeRule(
        slug="missing-kubelet-serving-certificate",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.9"),),
        threats=KUBELET_DEFAULTS | {"apiserver-kubelet-spoofing", "kubelet-authentication-without-tls"},
        wrong="The kubelet signs its serving certificate itself.",
        threat="The API server cannot tell the kubelet from somebody in between, who reads logs and commands.",
        wants="have tlsCertFile and tlsPrivateKeyFile, or serverTLSBootstrap",
        fix="serverTLSBootstrap: true, and approve the node's certificate requests",
        remedy=Remedy.KUBELET,
        judge=_serving_certificate,
        examples=(
            filed("neither", State.FAIL, ""),
            filed("a certificate without its key", State.FAIL, "tlsCertFile: /etc/kubelet.crt\n"),
            filed("both", State.PASS, "tlsCertFile: /etc/kubelet.crt\ntlsPrivateKeyFile: /etc/kubelet.key\n"),
            filed("one of them by flag", State.PASS, "tlsCertFile: /a.crt\n", "--tls-private-key-file=/a.key"),
            filed("requested from the cluster", State.PASS, "serverTLSBootstrap: true\n"),
            served("neither as it runs", State.FAIL, {}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="self-signed-kubelet-certificate",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.9"),),
        threats=KUBELET_DEFAULTS | {"apiserver-kubelet-spoofing"},
        wrong="The kubelet shows a certificate that the cluster's CA did not sign.",
        threat="Nobody who connects to the kubelet can tell it from somebody in between.",
        wants="show a certificate that the cluster's CA signed",
        fix="serverTLSBootstrap: true, and approve the node's certificate requests",
        remedy=Remedy.CERTIFICATE,
        judge=_self_signed,
        examples=(
            _shown("by a CA of its own", State.FAIL, "CN=node1-ca@1700000000"),
            _shown("by itself", State.FAIL, "CN=system:node:node1,O=system:nodes"),
            _shown("by the cluster's CA", State.PASS, "CN=kubernetes"),
            _shown("by another CA", State.WARN, "CN=company"),
            filed("nobody listens", State.NOT_APPLICABLE, ""),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-disabled-client-certificate-rotation",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.10"), *in_clouds("3.2.8", *_CLOUDS)),
        threats=KUBELET_DEFAULTS | {"kubelet-authentication-without-tls"},
        wrong="The kubelet does not renew its client certificate.",
        threat="A stolen node certificate is good until it expires, and the node is lost when it does.",
        wants="rotate its client certificate; unset it does not",
        fix="rotateCertificates: true",
        remedy=Remedy.KUBELET,
        judge=must_be(ROTATE_CERTIFICATES, wanted=True),
        examples=(
            filed("unset", State.FAIL, ""),
            filed("off", State.FAIL, "rotateCertificates: false\n"),
            filed("on", State.PASS, "rotateCertificates: true\n"),
            filed("on by flag", State.PASS, "", "--rotate-certificates"),
            served("left out as it runs, which is off", State.FAIL, {}),
            served("on as it runs", State.PASS, {"rotateCertificates": True}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-disabled-server-certificate-rotation",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.11"), *in_clouds("3.2.9", *_CLOUDS)),
        threats=KUBELET_DEFAULTS | {"apiserver-kubelet-spoofing", "kubelet-authentication-without-tls"},
        wrong="The kubelet does not renew its serving certificate.",
        threat="The certificate expires, and who then connects learns to ignore the error.",
        wants=f"not have the feature gate {_GATE} off",
        fix=f"Remove {_GATE}: false from featureGates",
        remedy=Remedy.KUBELET,
        judge=_gate,
        examples=(
            filed("off in the file", State.FAIL, f"featureGates: {{{_GATE}: false}}\n"),
            filed("unset", State.PASS, ""),
            filed("off by flag", State.FAIL, "", f"--feature-gates=A=true,{_GATE}=false"),
            filed("the flag wins", State.PASS, f"featureGates: {{{_GATE}: false}}\n", f"--feature-gates={_GATE}=true"),
            served("off as it runs", State.FAIL, {"featureGates": {_GATE: False}}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="weak-kubelet-ciphers",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.12"),),
        threats=KUBELET_DEFAULTS | {"weak-tls-ciphers"},
        wrong="The kubelet offers weak TLS ciphers.",
        threat="Traffic that was recorded, or that somebody sits in the middle of, can be read or changed.",
        wants="offer ECDHE suites with AES-GCM or ChaCha20-Poly1305 alone",
        fix="tlsCipherSuites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
        remedy=Remedy.KUBELET,
        judge=of(CIPHERS, _ciphers),
        examples=(
            filed("one with CBC", State.FAIL, "tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]\n"),
            filed("one without forward secrecy", State.FAIL, "tlsCipherSuites: [TLS_RSA_WITH_AES_128_GCM_SHA256]\n"),
            filed("strong ones", State.PASS, "tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n"),
            filed("unset", State.WARN, ""),
            flagged(
                "a weak one among them",
                State.FAIL,
                "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_RC4_128_SHA",
            ),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="weak-kubelet-tls-version",
        severity=Severity.MEDIUM,
        stride=_SPOOFING,
        references=(CisKubernetes("4.2.12"),),
        threats=KUBELET_DEFAULTS | {"weak-tls-ciphers"},
        wrong="The kubelet agrees to TLS before 1.2.",
        threat="Old versions can be broken into or forced upon both sides.",
        wants="demand TLS 1.2 or later",
        fix="tlsMinVersion: VersionTLS12",
        remedy=Remedy.KUBELET,
        judge=of(TLS_VERSION, _version),
        examples=(
            filed("1.0", State.FAIL, "tlsMinVersion: VersionTLS10\n"),
            filed("1.3", State.PASS, "tlsMinVersion: VersionTLS13\n"),
            filed("unset", State.WARN, ""),
            flagged("1.2 by flag", State.PASS, "--tls-min-version=VersionTLS12"),
            NO_KUBELET,
        ),
    ),
)
