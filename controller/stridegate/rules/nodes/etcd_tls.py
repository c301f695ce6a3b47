"""Who may talk to etcd, and how both sides prove it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial

from stridegate.model.nodes.answers import Certificate
from stridegate.model.nodes.certificates import shown_certificate
from stridegate.model.nodes.ciphers import is_aead, is_at_least_tls_1_2
from stridegate.model.nodes.components import component
from stridegate.model.nodes.etcd import Etcd
from stridegate.model.nodes.etcd_rules import (
    CA,
    CERTIFICATE,
    FILES,
    KEY,
    PAIR,
    PEER_PAIR,
    by_file,
    by_unit,
    by_variables,
    etcd_rule,
    lacking_file,
    must_be,
)
from stridegate.model.nodes.files import excess, found_first
from stridegate.model.nodes.flag_rules import manifest_text, starts
from stridegate.model.nodes.nodes import Circumstances, Node, NotThere, Role
from stridegate.model.nodes.paths import CLIENT_CA
from stridegate.model.nodes.queries import CertificatesIn, FileStatusOf
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_case = partial(starts, "etcd")


def _serves_with_certificate(etcd: Etcd, node: Node) -> Verdict:
    lacking = lacking_file(etcd, node, "cert-file", "key-file")
    if lacking:
        return etcd.verdict(State.FAIL, lacking)
    key = node[FileStatusOf(etcd.on_host(etcd.text("key-file")))]
    if excess(key.mode, 0o600):
        return etcd.verdict(State.FAIL, f"{key.path} is {key.mode:04o}, at most 0600 wanted")
    return etcd.verdict(State.PASS, f"{etcd.shown('cert-file')}, key {key.mode:04o}")


def _has_own_ca(etcd: Etcd, node: Node) -> Verdict:
    flag = "trusted-ca-file"
    lacking = lacking_file(etcd, node, flag)
    if lacking:
        return etcd.verdict(State.FAIL, lacking)
    own = node[CertificatesIn(etcd.on_host(etcd.text(flag)))]
    others = _other_authorities(node)
    shared = [
        path
        for path, authorities in others.items()
        if {each.digest for each in own} & {each.digest for each in authorities}
        or {each.key_digest for each in own} & {each.key_digest for each in authorities}
    ]
    if shared:
        return etcd.verdict(State.FAIL, f"the CA in {etcd.text(flag)} is that in {', '.join(shared)} too")
    if not own or not others:
        return etcd.verdict(State.WARN, etcd.shown(flag), "No CA of the cluster is on this node to compare it with.")
    return etcd.verdict(State.PASS, f"{etcd.shown(flag)}, a CA of its own")


def _other_authorities(node: Node) -> Mapping[str, tuple[Certificate, ...]]:
    """Return the CAs whose certificates other callers have, by path: the API server's for its clients, and the kubelet's."""
    paths: list[str] = []
    with contextlib.suppress(NotThere):
        server = component(node, "kube-apiserver")
        if path := server.flags.text("client-ca-file"):
            paths.append(server.on_host(path))
    with contextlib.suppress(NotThere):
        paths.append(found_first(node, CLIENT_CA).path)
    found = {path: node.get(CertificatesIn(path)) for path in dict.fromkeys(paths)}
    return {path: certificates for path, certificates in found.items() if certificates}


def _has_strong_tls(etcd: Etcd, _: Node) -> Verdict:
    version = etcd.text("tls-min-version")
    if version and not is_at_least_tls_1_2(version):
        return etcd.verdict(State.FAIL, etcd.shown("tls-min-version"))
    suites = etcd.members("cipher-suites")
    weak = [suite for suite in suites if not is_aead(suite)]
    if weak:
        return etcd.verdict(State.FAIL, f"offers {', '.join(weak)}")
    if not suites:
        note = "Go's own choice then: it has suites in CBC mode, without authenticated encryption."
        return etcd.verdict(State.WARN, etcd.shown("cipher-suites"), note)
    return etcd.verdict(State.PASS, f"{len(suites)} strong suites, {etcd.shown('tls-min-version', 'TLS1.2')}")


_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)


def _sharing(state: State, title: str, digest: str, key_digest: str) -> NodeExample:
    server = manifest_text("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/ca.crt")
    shown = _case(state, f"--trusted-ca-file={CA}")
    other = shown_certificate(subject="CN=kubernetes", digest=key_digest)
    return NodeExample(
        title=title,
        state=state,
        files={
            **shown.files,
            **FILES,
            "/etc/kubernetes/manifests/kube-apiserver.yaml": HostFile(text=server),
            "/etc/kubernetes/pki/ca.crt": HostFile(),
        },
        answers={
            CertificatesIn(CA): (shown_certificate(subject="CN=etcd-ca", digest=digest),),
            CertificatesIn("/etc/kubernetes/pki/ca.crt"): (other,),
        },
        circumstances=_CONTROL_PLANE,
    )


RULES: tuple[NodeRule, ...] = (
    etcd_rule(
        slug="missing-etcd-server-certificate",
        number="2.1",
        severity=Severity.CRITICAL,
        stride=Stride.INFORMATION_DISCLOSURE,
        threats=("etcd-disclosure", "etcd-reachable-by-others", "etcd-plaintext-traffic"),
        wrong="etcd has no certificate towards its clients, or others can read its key.",
        threat="Everything that the cluster stores travels in clear text, and who has the key passes for etcd.",
        wants="have cert-file and key-file with files that exist, the key at most 0600",
        fix=f"--cert-file={CERTIFICATE} --key-file={KEY}, chmod 600 {KEY}",
        judge=_serves_with_certificate,
        examples=(
            _case(State.PASS, *PAIR, files=FILES),
            _case(State.PASS, "-cert-file", CERTIFICATE, "-key-file", KEY, files=FILES),
            by_variables(State.PASS, CERT_FILE=CERTIFICATE, KEY_FILE=KEY),
            by_file(State.PASS, f"client-transport-security: {{cert-file: {CERTIFICATE}, key-file: {KEY}}}"),
            by_file(State.FAIL, f"cert-file: {CERTIFICATE}\nclient-transport-security: {{}}", "the key is nowhere"),
            _case(State.FAIL, *PAIR, title="others read the key", files={**FILES, KEY: HostFile(mode=0o640)}),
            _case(State.FAIL, *PAIR, title="no such files"),
            _case(State.FAIL, *PEER_PAIR, files=FILES),
            _case(State.FAIL),
        ),
    ),
    etcd_rule(
        slug="etcd-without-client-auth",
        number="2.2",
        severity=Severity.CRITICAL,
        stride=Stride.SPOOFING,
        threats=("etcd-disclosure", "etcd-config-tampering", "etcd-reachable-by-others"),
        wrong="etcd serves clients that show no certificate.",
        threat="Whoever reaches port 2379 reads every Secret and writes himself cluster-admin, past the API server and its log.",
        wants="have client-cert-auth true",
        fix="--client-cert-auth=true",
        judge=must_be("client-cert-auth", wanted=True),
        examples=(
            _case(State.PASS, "--client-cert-auth=true"),
            _case(State.PASS, "--client-cert-auth"),
            _case(State.FAIL, "--client-cert-auth=true", "--client-cert-auth=false"),
            _case(State.FAIL, "--peer-client-cert-auth=true"),
            _case(State.FAIL),
            by_variables(State.PASS, CLIENT_CERT_AUTH="true"),
            by_file(State.PASS, "client-transport-security: {client-cert-auth: true}"),
            by_file(State.FAIL, "peer-transport-security: {client-cert-auth: true}", "between members alone"),
            by_unit(State.PASS, "ETCD_CLIENT_CERT_AUTH=true"),
            by_unit(State.FAIL, "ETCD_CLIENT_CERT_AUTH=true", "--client-cert-auth=false"),
            by_file(State.UNKNOWN, "[]", "no settings"),
            _case(State.UNKNOWN, "--client-cert-auth=perhaps"),
        ),
    ),
    etcd_rule(
        slug="etcd-auto-tls",
        number="2.3",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        threats=("etcd-plaintext-traffic",),
        wrong="etcd signs its own certificate for its clients.",
        threat="Nobody can verify a certificate that is new at each start: whoever is in between passes for etcd.",
        wants="not have auto-tls",
        fix="remove --auto-tls, and give etcd a certificate",
        judge=must_be("auto-tls", wanted=False),
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--auto-tls=false"),
            _case(State.FAIL, "--auto-tls"),
            by_file(State.FAIL, "client-transport-security: {auto-tls: true}"),
        ),
    ),
    etcd_rule(
        slug="shared-etcd-ca",
        number="2.7",
        severity=Severity.HIGH,
        stride=Stride.ELEVATION,
        threats=("etcd-reachable-by-others",),
        wrong="etcd trusts the CA that signs the cluster's other certificates.",
        threat="Every user and every kubelet with a certificate of the cluster then talks to etcd directly, past all of RBAC.",
        wants="have a trusted-ca-file whose CA, by its contents, is not that of the API server's or kubelets' clients",
        fix="give etcd a CA of its own, and issue its certificates anew from it",
        judge=_has_own_ca,
        examples=(
            _sharing(State.PASS, "a CA of its own", "1" * 64, "2" * 64),
            _sharing(State.FAIL, "the cluster's CA under another path", "1" * 64, "1" * 64),
            _case(
                State.WARN,
                f"--trusted-ca-file={CA}",
                title="nothing to compare with",
                files=FILES,
                answers={CertificatesIn(CA): (shown_certificate(),)},
            ),
            _case(State.FAIL, f"--trusted-ca-file={CA}", title="no such file"),
            _case(State.FAIL),
        ),
    ),
    etcd_rule(
        slug="weak-etcd-tls",
        number=None,
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        threats=("weak-tls-ciphers",),
        wrong="etcd agrees to weak cipher suites, or to TLS older than 1.2.",
        threat="Both can be forced upon the two sides and broken: whoever is between them reads what the cluster stores.",
        wants="offer suites with AEAD alone, and TLS 1.2 at least",
        fix="--cipher-suites with TLS_ECDHE_* suites in GCM or CHACHA20_POLY1305 alone, --tls-min-version=TLS1.2",
        judge=_has_strong_tls,
        examples=(
            _case(State.PASS, "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "--tls-min-version=TLS1.3"),
            _case(State.PASS, "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
            _case(
                State.FAIL, "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
            ),
            _case(State.FAIL, "--tls-min-version=TLS1.1"),
            by_file(State.FAIL, "cipher-suites: [TLS_RSA_WITH_AES_128_CBC_SHA]"),
            _case(State.WARN),
        ),
    ),
)
