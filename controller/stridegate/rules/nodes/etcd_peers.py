"""How the members of etcd know each other."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.etcd import Etcd
from stridegate.model.nodes.etcd_rules import (
    FILES,
    PAIR,
    PEER_CERTIFICATE,
    PEER_KEY,
    PEER_PAIR,
    by_file,
    by_variables,
    etcd_rule,
    lacking_file,
    must_be,
)
from stridegate.model.nodes.flag_rules import starts
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.rules import NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_case = partial(starts, "etcd")
_THREE = "--initial-cluster=a=https://192.0.2.1:2380,b=https://192.0.2.2:2380,c=https://192.0.2.3:2380"


def _has_peer_certificate(etcd: Etcd, node: Node) -> Verdict:
    lacking = lacking_file(etcd, node, "peer-cert-file", "peer-key-file")
    if not lacking:
        return etcd.verdict(State.PASS, etcd.shown("peer-cert-file"))
    if len(etcd.members("initial-cluster")) <= 1:
        return etcd.verdict(State.WARN, lacking, "It is the only member, and has no peer to talk to until one joins.")
    return etcd.verdict(State.FAIL, lacking)


RULES: tuple[NodeRule, ...] = (
    etcd_rule(
        slug="missing-etcd-peer-certificate",
        number="2.4",
        severity=Severity.HIGH,
        stride=Stride.INFORMATION_DISCLOSURE,
        threats=("etcd-plaintext-traffic",),
        wrong="The members of etcd have no certificates towards each other.",
        threat="What is written to one member travels to the others in clear text: every Secret of the cluster.",
        wants="have peer-cert-file and peer-key-file with files that exist",
        fix=f"--peer-cert-file={PEER_CERTIFICATE} --peer-key-file={PEER_KEY}",
        judge=_has_peer_certificate,
        examples=(
            _case(State.PASS, *PEER_PAIR, files=FILES),
            by_file(State.PASS, f"peer-transport-security: {{cert-file: {PEER_CERTIFICATE}, key-file: {PEER_KEY}}}"),
            _case(State.FAIL, *PAIR, _THREE, title="of three members", files=FILES),
            _case(State.WARN, "--initial-cluster=a=https://192.0.2.1:2380"),
            _case(State.WARN),
        ),
    ),
    etcd_rule(
        slug="etcd-without-peer-auth",
        number="2.5",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        threats=("etcd-plaintext-traffic",),
        wrong="etcd takes peers that show no certificate.",
        threat="Whoever reaches port 2380 speaks as a member: reads what is replicated, and votes.",
        wants="have peer-client-cert-auth true",
        fix="--peer-client-cert-auth=true",
        judge=must_be("peer-client-cert-auth", wanted=True),
        examples=(
            _case(State.PASS, "--peer-client-cert-auth"),
            _case(State.FAIL, "--client-cert-auth"),
            _case(State.FAIL),
            by_file(State.PASS, "peer-transport-security: {client-cert-auth: true}"),
        ),
    ),
    etcd_rule(
        slug="etcd-peer-auto-tls",
        number="2.6",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        threats=("etcd-plaintext-traffic",),
        wrong="The members of etcd sign their own certificates for each other.",
        threat="Nobody can verify them: whoever reaches port 2380 joins in.",
        wants="not have peer-auto-tls",
        fix="remove --peer-auto-tls, and give the members certificates",
        judge=must_be("peer-auto-tls", wanted=False),
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--auto-tls"),
            _case(State.FAIL, "--peer-auto-tls=true"),
            by_variables(State.FAIL, PEER_AUTO_TLS="true"),
        ),
    ),
)
