"""TLS of the API server: towards its callers, and towards etcd."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.certificates import is_valid, shown_certificate
from stridegate.model.nodes.ciphers import is_at_least_tls_1_2, weak_suites
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import (
    StartJudgement,
    flag_rule,
    lacking_files,
    must_name_files,
    shown,
    starts,
    status_of,
)
from stridegate.model.nodes.nodes import Circumstances, Node, Role
from stridegate.model.nodes.queries import CertificatesIn
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-apiserver")
_case = partial(starts, "kube-apiserver")


def _servers(started: Started) -> tuple[str, ...]:
    """Return the URLs of etcd, those for single resources (`group/resource#url;url`) too."""
    flags = started.flags
    overrides = (each.rpartition("#")[2].split(";") for each in flags.members("etcd-servers-overrides") or ())
    return (*(flags.members("etcd-servers") or ()), *(url for urls in overrides for url in urls))


def _unless_local(judge: StartJudgement) -> StartJudgement:
    """Return the judgement for data that travels: a socket of this node needs no certificates."""

    def judge_connection(started: Started, node: Node) -> Verdict:
        servers = _servers(started)
        if servers and all(url.startswith("unix:") for url in servers):
            return started.verdict(State.NOT_APPLICABLE, "the API server's data is behind a socket of this node")
        return judge(started, node)

    return judge_connection


def _is_encrypted(started: Started, _: Node) -> Verdict:
    servers = _servers(started)
    if not servers:
        return started.verdict(State.FAIL, shown(started, "etcd-servers"))
    plain = [url for url in servers if not url.startswith(("https://", "unix:"))]
    if plain:
        return started.verdict(State.FAIL, f"--etcd-servers has {', '.join(map(_bare, plain))}"[:128])
    return started.verdict(State.PASS, f"--etcd-servers has {', '.join(map(_bare, servers))}"[:128])


def _bare(url: str) -> str:
    """Return a URL without a user's name and password."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _serves_with_its_own(started: Started, node: Node) -> Verdict:
    flags = started.flags
    certificate, key = "tls-cert-file", "tls-private-key-file"
    directory = flags.text("cert-dir")
    if directory and certificate not in flags and key not in flags:
        path = f"{directory.rstrip('/')}/apiserver.crt"
        if status_of(started, node, path) is None:
            return started.verdict(State.FAIL, f"{shown(started, 'cert-dir')} has no apiserver.crt")
    else:
        lacking = lacking_files(started, node, certificate, key)
        if lacking is not None:
            return lacking
        path = flags.text(certificate) or ""
    certificates = node[CertificatesIn(started.on_host(path))]
    if not certificates:
        return started.verdict(State.FAIL, f"{path} holds no certificate")
    if not is_valid(certificates[0], node.circumstances.now):
        return started.verdict(State.FAIL, f"{path} holds a certificate that is not valid now")
    return started.verdict(State.PASS, f"{path}, valid")


def _has_new_tls(started: Started, _: Node) -> Verdict:
    version = started.flags.text("tls-min-version")
    new = version is None or is_at_least_tls_1_2(version)
    return started.verdict(State.PASS if new else State.FAIL, shown(started, "tls-min-version", "VersionTLS12"))


def _has_strong_ciphers(started: Started, _: Node) -> Verdict:
    suites = started.flags.members("tls-cipher-suites")
    if not suites:
        note = "Go's own choice then: since Go 1.22 without RSA key exchange, yet with suites in CBC mode."
        return started.verdict(State.WARN, shown(started, "tls-cipher-suites"), note)
    weak = weak_suites(suites)
    if weak:
        return started.verdict(State.FAIL, f"offers {', '.join(weak)}"[:128])
    return started.verdict(State.PASS, f"{len(suites)} strong suites")


_CERTIFICATE, _KEY = "/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/apiserver.key"
_OWN = (f"--tls-cert-file={_CERTIFICATE}", f"--tls-private-key-file={_KEY}")
_OWN_FILES = {_CERTIFICATE: HostFile(), _KEY: HostFile()}
_AT_100 = Circumstances(role=Role.CONTROL_PLANE, now=100)
_TOO_LATE = Circumstances(role=Role.CONTROL_PLANE, now=20_000)


def _serving(
    state: State, title: str, circumstances: Circumstances, *flags: str, path: str = _CERTIFICATE
) -> NodeExample:
    shown_host = starts("kube-apiserver", state, *flags)
    return NodeExample(
        title=title,
        state=state,
        files={**shown_host.files, **_OWN_FILES, path: HostFile()},
        answers={CertificatesIn(path): (shown_certificate(),)},
        circumstances=circumstances,
    )


_ETCD_CERTIFICATE, _ETCD_KEY = (
    "/etc/kubernetes/pki/apiserver-etcd-client.crt",
    "/etc/kubernetes/pki/apiserver-etcd-client.key",
)
_ETCD_CA = "/etc/kubernetes/pki/etcd/ca.crt"
_CLIENT_CA = "/etc/kubernetes/pki/ca.crt"
_SOCKET = "--etcd-servers=unix:///run/kine.sock"

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="missing-etcd-client-certificate",
        severity=Severity.CRITICAL,
        stride=Stride.INFORMATION_DISCLOSURE,
        references=(CisKubernetes("1.2.23"),),
        threats=("etcd-reachable-by-others", "etcd-plaintext-traffic"),
        wrong="The API server has no certificate towards etcd.",
        threat="etcd must then serve whoever connects, and hands out and takes every object of the cluster.",
        wants="have --etcd-certfile and --etcd-keyfile with files that exist",
        fix=f"--etcd-certfile={_ETCD_CERTIFICATE} --etcd-keyfile={_ETCD_KEY}",
        remedy=Remedy.ETCD_TLS,
        judge=_unless_local(must_name_files("etcd-certfile", "etcd-keyfile")),
        examples=(
            _case(
                State.PASS,
                f"--etcd-certfile={_ETCD_CERTIFICATE}",
                f"--etcd-keyfile={_ETCD_KEY}",
                files={_ETCD_CERTIFICATE: HostFile(), _ETCD_KEY: HostFile()},
            ),
            _case(
                State.FAIL,
                f"--etcd-certfile={_ETCD_CERTIFICATE}",
                f"--etcd-keyfile={_ETCD_KEY}",
                title="no key there",
                files={_ETCD_CERTIFICATE: HostFile()},
            ),
            _case(State.FAIL, f"--etcd-certfile={_ETCD_CERTIFICATE}", files={_ETCD_CERTIFICATE: HostFile()}),
            _case(State.FAIL),
            _case(State.NOT_APPLICABLE, _SOCKET),
        ),
    ),
    _rule(
        slug="plaintext-etcd-connection",
        severity=Severity.CRITICAL,
        stride=Stride.INFORMATION_DISCLOSURE,
        references=(CisKubernetes("1.2.23"), CisKubernetes("1.2.26")),
        threats=("etcd-reachable-by-others", "etcd-plaintext-traffic"),
        wrong="The API server talks to etcd without encryption.",
        threat="Whoever is on the network between them reads every Secret as it is stored, and can change what comes back.",
        wants="name etcd by https URLs alone",
        fix="--etcd-servers=https://…",
        remedy=Remedy.ETCD_TLS,
        judge=_is_encrypted,
        examples=(
            _case(State.PASS, "--etcd-servers=https://192.0.2.1:2379,https://192.0.2.2:2379"),
            _case(State.PASS, _SOCKET),
            _case(State.FAIL, "--etcd-servers=https://192.0.2.1:2379,http://192.0.2.2:2379"),
            _case(State.FAIL, "--etcd-servers=http://127.0.0.1:2379"),
            _case(
                State.FAIL,
                "--etcd-servers=https://192.0.2.1:2379",
                "--etcd-servers-overrides=/events#https://192.0.2.3:2379;http://192.0.2.4:2379",
                title="events elsewhere",
            ),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="unverified-etcd-certificate",
        severity=Severity.CRITICAL,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.26"),),
        threats=("etcd-reachable-by-others", "etcd-plaintext-traffic"),
        wrong="The API server does not check that it talks to etcd.",
        threat="Something else in etcd's place gets every Secret, and can answer with roles and pods of its own.",
        wants="have --etcd-cafile with a file that exists",
        fix=f"--etcd-cafile={_ETCD_CA}",
        remedy=Remedy.ETCD_TLS,
        judge=_unless_local(must_name_files("etcd-cafile")),
        examples=(
            _case(State.PASS, f"--etcd-cafile={_ETCD_CA}", files={_ETCD_CA: HostFile()}),
            _case(State.FAIL, f"--etcd-cafile={_ETCD_CA}", title="no such file"),
            _case(State.FAIL),
            _case(State.NOT_APPLICABLE, _SOCKET),
        ),
    ),
    _rule(
        slug="missing-apiserver-serving-certificate",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.24"),),
        threats=("spoofed-api-caller", "apiserver-without-tls-tunnel"),
        wrong="The API server has no valid certificate of its own.",
        threat="It signs one for itself, which nobody can verify: clients learn to skip the check, and anybody can pass for it.",
        wants="have --tls-cert-file and --tls-private-key-file, or --cert-dir, with a certificate that is valid",
        fix=f"--tls-cert-file={_CERTIFICATE} --tls-private-key-file={_KEY}",
        judge=_serves_with_its_own,
        examples=(
            _serving(State.PASS, "valid", _AT_100, *_OWN),
            _serving(State.FAIL, "expired", _TOO_LATE, *_OWN),
            _serving(
                State.PASS,
                "in a directory",
                _AT_100,
                "--cert-dir=/var/run/kubernetes/",
                path="/var/run/kubernetes/apiserver.crt",
            ),
            _case(State.FAIL, "--cert-dir=/var/run/kubernetes"),
            _case(State.FAIL, *_OWN, title="no such files"),
            _case(State.FAIL, f"--tls-cert-file={_CERTIFICATE}", files=_OWN_FILES),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="weak-apiserver-tls-version",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.24"),),
        threats=("weak-tls-ciphers", "apiserver-without-tls-tunnel"),
        wrong="The API server agrees to TLS older than 1.2.",
        threat="TLS 1.0 and 1.1 can be forced upon both sides and broken: whoever is between them reads tokens and Secrets.",
        wants="have --tls-min-version VersionTLS12 or VersionTLS13, or none",
        fix="--tls-min-version=VersionTLS12",
        judge=_has_new_tls,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--tls-min-version=VersionTLS13"),
            _case(State.FAIL, "--tls-min-version=VersionTLS11"),
            _case(State.FAIL, "--tls-min-version=newest"),
        ),
    ),
    _rule(
        slug="missing-apiserver-client-ca",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.25"),),
        threats=("spoofed-api-caller", "apiserver-without-tls-tunnel"),
        wrong="The API server knows no CA for its clients' certificates.",
        threat="Components cannot prove who they are by certificate, so weaker credentials take their place.",
        wants="have --client-ca-file with a file that exists",
        fix=f"--client-ca-file={_CLIENT_CA}",
        judge=must_name_files("client-ca-file"),
        examples=(
            _case(State.PASS, f"--client-ca-file={_CLIENT_CA}", files={_CLIENT_CA: HostFile()}),
            _case(State.FAIL, f"--client-ca-file={_CLIENT_CA}", title="no such file"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="weak-apiserver-ciphers",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.29"),),
        threats=("weak-tls-ciphers",),
        wrong="The API server offers weak cipher suites.",
        threat="Suites without forward secrecy or without authenticated encryption can be broken later, or by who is in between.",
        wants="offer suites of TLS 1.3 and those with ECDHE and AEAD alone",
        fix="--tls-cipher-suites with TLS_AES_* and TLS_ECDHE_* suites in GCM or CHACHA20_POLY1305 alone",
        judge=_has_strong_ciphers,
        examples=(
            _case(
                State.PASS,
                "--tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            ),
            _case(State.FAIL, "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_RSA_WITH_AES_128_CBC_SHA"),
            _case(
                State.FAIL,
                "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                "--tls-cipher-suites=TLS_AES_128_GCM_SHA256",
            ),
            _case(State.WARN),
        ),
    ),
)
