"""What a node's ports say to somebody who has no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stridegate.model.nodes.addresses import Reach, reach
from stridegate.model.nodes.answers import Absent, Handshake, HttpAnswer, Socket, SocketState, Unreadable
from stridegate.model.nodes.ciphers import is_aead, is_at_least_tls_1_2
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import HostSockets, HttpGet, Query, TlsHandshake
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import NodeExample, NodeRule
from stridegate.model.nodes.seen_certificates import TLS_PORTS, tls_listeners
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_THREATS = frozenset({"docker-host-misconfiguration", "unauthenticated-management-access"})
_DOCKER_PLAIN = 2375
_DOCKER_TLS = 2376
# Whoever comes without a certificate is not served.
_WANT_CERTIFICATES = frozenset({_DOCKER_TLS, 2379, 2380})
_TABLE = Evidence(source=Source.PROC, path="/proc/1/net/tcp")


class _Port(NamedTuple):
    """A port of a component: how it is asked, and which statuses are as wanted, beside those that refuse."""

    component: str
    scheme: str
    path: str
    refusals: frozenset[int] = frozenset({401, 403})
    # Answering everybody is what it is for.
    by_design: bool = False


_PORTS: Mapping[int, _Port] = {
    # 403 would mean that the kubelet took a caller without credentials for somebody.
    10250: _Port("kubelet", "https", "/pods", frozenset({401})),
    10255: _Port("kubelet, read-only", "http", "/pods"),
    10248: _Port("kubelet health", "http", "/healthz"),
    10249: _Port("kube-proxy metrics", "http", "/metrics"),
    10256: _Port("kube-proxy health", "http", "/healthz", by_design=True),
    2379: _Port("etcd", "https", "/version"),
    2381: _Port("etcd metrics", "http", "/metrics"),
    _DOCKER_PLAIN: _Port("dockerd", "http", "/_ping"),
    8080: _Port("kube-apiserver, insecure", "http", "/api"),
    8001: _Port("kubectl proxy", "http", "/api"),
    9090: _Port("metrics", "http", "/metrics"),
    9099: _Port("calico health", "http", "/liveness"),
    10010: _Port("containerd streaming", "http", "/"),
    10257: _Port("kube-controller-manager", "https", "/metrics"),
    10259: _Port("kube-scheduler", "https", "/metrics"),
}


def _listening(node: Node, *ports: int) -> tuple[Socket, ...]:
    return tuple(each for each in node[HostSockets()] if each.state is SocketState.LISTEN and each.local_port in ports)


def _named(socket: Socket, component: str) -> str:
    host = f"[{socket.local_address}]" if ":" in socket.local_address else socket.local_address
    return f"{host}:{socket.local_port} ({component})"


def _judge_docker(node: Node) -> Verdict:
    plain = _listening(node, _DOCKER_PLAIN)
    encrypted = _listening(node, _DOCKER_TLS)
    offenders = [Offender(name=_named(each, "dockerd"), observed="listens without TLS") for each in plain]
    hidden: list[Unreadable] = []
    shown = node.look_at([TlsHandshake(each.local_address, each.local_port) for each in encrypted])
    for socket, answer in zip(encrypted, shown, strict=True):
        if isinstance(answer, Unreadable):
            hidden.append(answer)
        elif isinstance(answer, Absent):
            offenders.append(Offender(name=_named(socket, "dockerd"), observed="speaks no TLS"))
        elif not answer.demands_client_certificate:
            offenders.append(Offender(name=_named(socket, "dockerd"), observed="asks nobody for a certificate"))
    if not offenders and hidden:
        raise NotReadable(hidden[0])
    nothing = "demands a client certificate" if encrypted else "neither 2375 nor 2376 listens"
    return Verdict(
        state=State.FAIL if offenders else State.PASS,
        observed=f"{offenders[0].name} {offenders[0].observed}" if offenders else nothing,
        evidence=Evidence(source=Source.PROBE, path=f"port {_DOCKER_TLS}") if encrypted and not plain else _TABLE,
        offenders=tuple(offenders),
    )


def _judge_ports(node: Node) -> Verdict:
    open_to_others = [each for each in _listening(node, *_PORTS) if reach(each.local_address) is not Reach.LOOPBACK]
    sockets = sorted(set(open_to_others), key=lambda each: (each.local_port, each.local_address))
    asked = [(each, _PORTS[each.local_port]) for each in sockets]
    answers = node.look_at(
        [HttpGet(port.scheme, each.local_address, each.local_port, port.path) for each, port in asked]
    )
    found: dict[State, list[Offender]] = {State.FAIL: [], State.WARN: []}
    for (socket, port), answer in zip(asked, answers, strict=True):
        state, words = _of_answer(port, answer)
        if state in found:
            found[state].append(Offender(name=_named(socket, port.component), observed=words))
    hidden = next((answer for answer in answers if isinstance(answer, Unreadable)), None)
    if not found[State.FAIL] and hidden is not None:
        raise NotReadable(hidden)
    state = next((each for each in found if found[each]), State.PASS)
    offenders = (*found[State.FAIL], *found[State.WARN])
    sound = f"{len(asked)} ports refuse" if asked else "no management port is open to the network"
    return Verdict(
        state=state,
        observed=f"{offenders[0].name} {offenders[0].observed}" if offenders else sound,
        evidence=Evidence(source=Source.PROBE, path="GET without credentials") if asked else _TABLE,
        offenders=offenders,
    )


def _of_answer(port: _Port, answer: HttpAnswer | Absent | Unreadable) -> tuple[State, str]:
    """Return what an answer to somebody without credentials means; 0 is a connection that ended for lack of a certificate."""
    if isinstance(answer, Absent | Unreadable) or answer.status == 0 or answer.status in port.refusals:
        return State.PASS, ""
    words = f"answers {answer.status} without credentials"
    served = answer.status < 300 or answer.status in {401, 403}  # of the latter, those that are no refusal here
    return (State.FAIL if served and not port.by_design else State.WARN), words


def _judge_tls(node: Node) -> Verdict:
    listeners = tls_listeners(node)
    offenders: list[Offender] = []
    hidden: list[Unreadable] = []
    spoken = 0
    shown = node.look_at([TlsHandshake(address, port) for address, port in listeners])
    for (address, port), answer in zip(listeners, shown, strict=True):
        if isinstance(answer, Unreadable):
            hidden.append(answer)
        elif not isinstance(answer, Absent):
            spoken += 1
            if words := _weakness(answer, port):
                socket = Socket(state=SocketState.LISTEN, local_address=address, local_port=port)
                offenders.append(Offender(name=_named(socket, TLS_PORTS[port]), observed=words))
    if not offenders and hidden:
        raise NotReadable(hidden[0])
    if not spoken:
        raise NotThere(Absent("a listener of a component that speaks TLS"))
    return Verdict(
        state=State.FAIL if offenders else State.PASS,
        observed=f"{offenders[0].name} {offenders[0].observed}" if offenders else f"{spoken} listeners are strong",
        evidence=Evidence(source=Source.PROBE, path="TLS handshake"),
        offenders=tuple(offenders),
    )


def _weakness(shown: Handshake, port: int) -> str:
    faults = (
        "" if is_at_least_tls_1_2(shown.oldest_version) else f"agrees to {shown.oldest_version}",
        "" if is_aead(shown.cipher) else f"agrees to {shown.cipher}",
        "" if shown.demands_client_certificate or port not in _WANT_CERTIFICATES else "asks nobody for a certificate",
    )
    return ", ".join(filter(None, faults))


_EVERYWHERE = "0.0.0.0"


def _socket(port: int, address: str = _EVERYWHERE) -> Socket:
    return Socket(state=SocketState.LISTEN, local_address=address, local_port=port)


def _strong(
    version: str = "TLSv1.2", cipher: str = "ECDHE-RSA-AES128-GCM-SHA256", *, demands: bool = True
) -> Handshake:
    return Handshake(oldest_version=version, cipher=cipher, certificates=(), demands_client_certificate=demands)


def _handshake(title: str, state: State, port: int, shown: object, *others: Socket) -> NodeExample:
    answers: dict[Query[object], object] = {
        HostSockets(): (_socket(port), *others),
        TlsHandshake(_EVERYWHERE, port): shown,
    }
    return NodeExample(title=title, state=state, answers=answers)


def _get(title: str, state: State, port: int, status: int | None, *others: Socket) -> NodeExample:
    """Return a node that answers a GET with a status, or not at all."""
    asked = _PORTS[port]
    answers: dict[Query[object], object] = {
        HostSockets(): (_socket(port), *others),
        HttpGet(asked.scheme, _EVERYWHERE, port, asked.path): (
            Unreadable(f"{_EVERYWHERE}:{port}", "does not answer") if status is None else HttpAnswer(status=status)
        ),
    }
    return NodeExample(title=title, state=state, answers=answers)


def _silent(title: str, state: State, *sockets: Socket) -> NodeExample:
    return NodeExample(title=title, state=state, answers={HostSockets(): sockets})


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="unauthenticated-docker-port",
        severity=Severity.CRITICAL,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisDocker("2.7"),),
        threats=_THREATS | {"docker-client-spoofing", "client-traffic-interception"},
        wrong="Docker's API listens on a port, and serves whoever comes.",
        threat="One request to the port starts a privileged container: whoever reaches it is root on the node.",
        wants="not listen on 2375, and demand a client certificate on 2376",
        fix='Remove tcp:// from hosts in daemon.json, or set "tlsverify": true with its files.',
        remedy=Remedy.DOCKER_DAEMON,
        judge=_judge_docker,
        examples=(
            _silent("closed", State.PASS, _socket(22)),
            _silent("open without TLS", State.FAIL, _socket(2375)),
            _silent(
                "open without TLS on loopback, where every process reaches it", State.FAIL, _socket(2375, "127.0.0.1")
            ),
            _handshake("with client certificates", State.PASS, 2376, _strong()),
            _handshake("for everybody", State.FAIL, 2376, _strong(demands=False)),
            _handshake("no TLS on its port", State.FAIL, 2376, Absent("TLS at 0.0.0.0:2376")),
            _handshake("does not answer", State.UNKNOWN, 2376, Unreadable("0.0.0.0:2376", "does not answer")),
            _handshake("both", State.FAIL, 2376, _strong(), _socket(2375)),
        ),
    ),
    NodeRule(
        slug="unauthenticated-management-port",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("4.2.1"), CisKubernetes("4.2.4")),
        threats=_THREATS | {"etcd-other-traffic-accepted", "internet-reachable-control-plane"},
        wrong="A management port of the node serves callers without credentials.",
        threat="Whoever reaches the node's network reads pods, metrics or keys there, or runs commands, in nobody's name.",
        wants="be closed to the network, or refuse whoever has no credentials (401 or 403; the kubelet 401)",
        fix="Bind it to 127.0.0.1, switch it off, or demand credentials there.",
        remedy=Remedy.NETWORK,
        judge=_judge_ports,
        examples=(
            _silent("closed", State.PASS, _socket(22)),
            _silent("on loopback alone", State.PASS, _socket(10248, "127.0.0.1"), _socket(10249, "::1")),
            _get("a kubelet that refuses", State.PASS, 10250, 401),
            _get("a kubelet that takes anybody for somebody", State.FAIL, 10250, 403),
            _get("a kubelet that serves", State.FAIL, 10250, 200),
            _get("the read-only port", State.FAIL, 10255, 200),
            _get("a scheduler that refuses", State.PASS, 10259, 403),
            _get("etcd that wants a certificate", State.PASS, 2379, 0),
            _get("etcd that serves", State.FAIL, 2379, 200),
            _get("metrics for all", State.FAIL, 10249, 200),
            _get("health checks, by design", State.WARN, 10256, 200),
            _get("something else that answers", State.WARN, 8080, 404),
            _get("does not answer", State.UNKNOWN, 10257, None),
            _get("closed on loopback beside it", State.PASS, 10257, 403, _socket(10248, "127.0.0.1")),
        ),
    ),
    NodeRule(
        slug="weak-tls-listener",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("1.2.29"), CisKubernetes("4.2.12")),
        threats=frozenset({"docker-host-misconfiguration", "weak-tls-ciphers", "client-traffic-without-tls"}),
        wrong="A component of the node agrees to weak TLS, or asks nobody for a certificate where it must.",
        threat="Whoever is on the way makes both sides agree to what can be broken, and reads or changes what they say.",
        wants="agree to TLS 1.2 and AEAD ciphers at least, and demand client certificates for etcd and Docker",
        fix="Set tls-min-version VersionTLS12 and strong tls-cipher-suites, or tlsMinVersion in the kubelet's file.",
        remedy=Remedy.CONTROL_PLANE_FLAG,
        judge=_judge_tls,
        examples=(
            _handshake("strong", State.PASS, 10250, _strong(demands=False)),
            _handshake("TLS 1.3", State.PASS, 6443, _strong("TLSv1.3", "TLS_AES_128_GCM_SHA256", demands=False)),
            _handshake("an old version", State.FAIL, 6443, _strong("TLSv1.1", "ECDHE-RSA-AES128-SHA")),
            _handshake("a weak cipher", State.FAIL, 10250, _strong(cipher="ECDHE-RSA-AES128-SHA")),
            _handshake("etcd for everybody", State.FAIL, 2379, _strong(demands=False)),
            _handshake("Docker with certificates", State.PASS, 2376, _strong()),
            _handshake("Docker for everybody", State.FAIL, 2376, _strong(demands=False)),
            _handshake("no TLS", State.NOT_APPLICABLE, 8443, Absent("TLS at 0.0.0.0:8443")),
            _handshake("does not answer", State.UNKNOWN, 10250, Unreadable("0.0.0.0:10250", "does not answer")),
            _silent("on loopback alone", State.NOT_APPLICABLE, _socket(10257, "127.0.0.1")),
        ),
    ),
)
