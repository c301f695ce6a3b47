"""Who can reach etcd, and who does."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from functools import partial

from stridegate.model.nodes.addresses import Reach, parse_endpoint
from stridegate.model.nodes.answers import Process, Socket, SocketState
from stridegate.model.nodes.etcd import Etcd, judge_etcd
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.flag_rules import starts
from stridegate.model.nodes.k3s import CONFIGURATION, k3s_of
from stridegate.model.nodes.nodes import Circumstances, Installation, Node, Role
from stridegate.model.nodes.queries import HostSockets, Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

# What database drivers take for TLS that nobody can talk them out of (lib/pq sslmode, go-sql-driver/mysql tls, NATS tls).
_TLS = frozenset({"sslmode=require", "sslmode=verify-ca", "sslmode=verify-full", "tls=true", "tls=kine"})

_PORTS = frozenset({2379, 2380})
_case = partial(starts, "etcd")


def _listens_safely(etcd: Etcd, _: Node) -> Verdict:
    urls = (
        *(etcd.members("listen-client-urls") or ("http://localhost:2379",)),
        *etcd.members("listen-client-http-urls"),
    )
    bad = [url for url in urls if not _is_safe(url)]
    shown = etcd.shown("listen-client-urls", "http://localhost:2379")
    return etcd.verdict(State.FAIL if bad else State.PASS, f"listens at {', '.join(bad)}" if bad else shown)


def _is_safe(url: str) -> bool:
    if url.startswith(("unix://", "unixs://")):
        return True
    endpoint = parse_endpoint(url)
    return endpoint is not None and endpoint.scheme == "https" and endpoint.reach is not Reach.EVERYWHERE


def _measures_locally(etcd: Etcd, _: Node) -> Verdict:
    urls = etcd.members("listen-metrics-urls")
    if not urls:
        note = "Metrics are then served to clients alone, as they prove themselves."
        return etcd.verdict(State.PASS, etcd.shown("listen-metrics-urls"), note)
    exposed = [url for url in urls if not _is_local(url)]
    state = State.FAIL if exposed else State.PASS
    return etcd.verdict(state, f"metrics at {', '.join(exposed or urls)}")


def _is_local(url: str) -> bool:
    endpoint = parse_endpoint(url)
    return endpoint is not None and endpoint.reach is Reach.LOOPBACK


def _talks_to_known(node: Node) -> Verdict:
    sockets = [each for each in node[HostSockets()] if each.local_port in _PORTS]
    evidence = Evidence(source=Source.PROC, path="/proc/1/net/tcp")
    if not sockets:
        return Verdict(state=State.NOT_APPLICABLE, observed="nothing listens at 2379 or 2380")
    circumstances = node.circumstances
    known = {_plain(each) for each in (*circumstances.control_plane_addresses, *circumstances.addresses)}
    remote = {_plain(each.remote_address) for each in sockets if each.state is SocketState.ESTABLISHED}
    # What a node says to itself comes from the address it says it to.
    known |= {_plain(each.local_address) for each in sockets if each.state is SocketState.ESTABLISHED}
    strangers = sorted(each for each in remote if each not in known and not _is_loopback(each))
    if not strangers:
        observed = f"connected: {', '.join(sorted(remote)) or 'nobody'}"[:128]
        return Verdict(state=State.PASS, observed=observed, evidence=evidence)
    offenders = tuple(Offender(name=each, observed="connected to etcd") for each in strangers)
    observed = f"connected: {', '.join(strangers)}"[:128]
    if not circumstances.control_plane_addresses:
        note = "The addresses of the control plane are not known here, so that a person must judge."
        return Verdict(state=State.WARN, observed=observed, evidence=evidence, offenders=offenders, note=note)
    return Verdict(state=State.FAIL, observed=observed, evidence=evidence, offenders=offenders)


def _is_private(node: Node) -> Verdict:
    """Judge how k3s reaches a database of somebody else's. The endpoint itself is never shown: it may hold a password."""
    k3s = k3s_of(node)
    endpoint = k3s.text("datastore-endpoint")
    evidence = Evidence(source=Source.FILE, path=CONFIGURATION)
    kind, mark, rest = endpoint.partition("://")
    if not endpoint or kind == "sqlite" or not mark:
        return Verdict(state=State.NOT_APPLICABLE, observed="k3s keeps its data on this node", evidence=evidence)
    settings = dict(each.partition("=")[::2] for each in rest.partition("?")[2].split("&"))
    said = " ".join(f"{key}={settings[key]}" for key in ("sslmode", "tls") if key in settings)
    names_ca = bool(k3s.text("datastore-cafile"))
    if kind == "https" or said in _TLS or (names_ca and not said):
        how = said or ("datastore-cafile is set" if names_ca else "https")
        return Verdict(state=State.PASS, observed=f"{kind[:20]} with TLS: {how}", evidence=evidence)
    observed = f"{kind[:20]}: {said[:60] or 'nothing says TLS'}"
    return Verdict(state=State.FAIL, observed=observed, evidence=evidence)


def _plain(address: str) -> str:
    """Return an address in one form: IPv4 as such where IPv6 carries it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _connected(
    title: str, state: State, *remote: str, known: tuple[str, ...] = ("192.0.2.1", "192.0.2.2")
) -> NodeExample:
    listener = Socket(state=SocketState.LISTEN, local_address="192.0.2.1", local_port=2379)
    peers = tuple(
        Socket(
            state=SocketState.ESTABLISHED,
            local_address="192.0.2.1",
            local_port=2380,
            remote_address=each,
            remote_port=40_000,
        )
        for each in remote
    )
    answers: Mapping[Query[object], object] = {HostSockets(): (listener, *peers)}
    circumstances = Circumstances(role=Role.CONTROL_PLANE, control_plane_addresses=known)
    return NodeExample(title=title, state=state, answers=answers, circumstances=circumstances)


_K3S = Process(pid=70, comm="k3s-server", argv=("/usr/local/bin/k3s server",), namespace_pids=(70,))


def _stores(state: State, endpoint: str, title: str = "", *, more: str = "", unit: str = "") -> NodeExample:
    files = {CONFIGURATION: HostFile(text=f"datastore-endpoint: {endpoint}\n{more}" if endpoint else more)}
    if unit:
        files["/etc/systemd/system/k3s.service"] = HostFile(text=f"[Service]\n{unit}\n")
    return NodeExample(
        title=title or endpoint.partition("@")[2],
        state=state,
        files=files,
        processes=(_K3S,),
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.K3S),
    )


_ABSENT = NodeExample(title="no etcd here", state=State.NOT_APPLICABLE)

RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="exposed-etcd-listener",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({"etcd-other-traffic-accepted", MISCONFIGURED_HOST}),
        wrong="etcd listens to its clients on every address, or without TLS.",
        threat="Every network of the node can reach the cluster's data, where one would do; without TLS it can read along.",
        wants="have https in every listen-client-urls, and no 0.0.0.0 or [::]",
        fix="Set --listen-client-urls=https://127.0.0.1:2379,https://<this node's address>:2379.",
        remedy=Remedy.ETCD_TLS,
        judge=judge_etcd(_listens_safely),
        examples=(
            _case(State.PASS, "--listen-client-urls=https://127.0.0.1:2379,https://192.0.2.1:2379"),
            _case(State.PASS, "--listen-client-urls=https://[::1]:2379"),
            _case(State.FAIL, "--listen-client-urls=https://0.0.0.0:2379"),
            _case(State.FAIL, "--listen-client-urls=https://192.0.2.1:2379,https://[::]:2379"),
            _case(State.FAIL, "--listen-client-urls=http://192.0.2.1:2379"),
            _case(
                State.FAIL,
                "--listen-client-urls=https://192.0.2.1:2379",
                "--listen-client-http-urls=http://192.0.2.1:2382",
                title="HTTP beside gRPC",
            ),
            _case(State.FAIL),
            _ABSENT,
        ),
    ),
    NodeRule(
        slug="exposed-etcd-metrics",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({"unauthenticated-management-access", MISCONFIGURED_HOST}),
        wrong="etcd's metrics stand open on the network.",
        threat="That listener asks nobody who he is: it tells sizes, members and keys' rates, and takes time to answer.",
        wants="listen for metrics on loopback alone",
        fix="Set --listen-metrics-urls=http://127.0.0.1:2381.",
        remedy=Remedy.ETCD_TLS,
        judge=judge_etcd(_measures_locally),
        examples=(
            _case(State.PASS, "--listen-metrics-urls=http://127.0.0.1:2381"),
            _case(State.PASS),
            _case(State.FAIL, "--listen-metrics-urls=http://0.0.0.0:2381"),
            _case(State.FAIL, "--listen-metrics-urls=http://127.0.0.1:2381,http://192.0.2.1:2381"),
            _ABSENT,
        ),
    ),
    NodeRule(
        slug="unexpected-etcd-peer",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({"etcd-disclosure", "etcd-other-traffic-accepted", MISCONFIGURED_HOST}),
        wrong="Something outside the control plane is connected to etcd.",
        threat="Only API servers and members have business with etcd: another connection reads the cluster's data, or writes it.",
        wants="have connections at 2379 and 2380 from loopback and control plane nodes alone",
        fix="Find out what is connected, and close ports 2379 and 2380 to all but the control plane.",
        remedy=Remedy.NETWORK,
        judge=_talks_to_known,
        examples=(
            _connected("members and itself", State.PASS, "127.0.0.1", "192.0.2.2", "192.0.2.1", "::ffff:192.0.2.2"),
            _connected("nobody yet", State.PASS),
            _connected("a stranger", State.FAIL, "192.0.2.2", "198.51.100.9"),
            _connected("a stranger over IPv6", State.FAIL, "2001:db8::9"),
            _connected("nobody knows who belongs", State.WARN, "192.0.2.2", known=()),
            NodeExample(
                title="nothing listens",
                state=State.NOT_APPLICABLE,
                answers={
                    HostSockets(): (Socket(state=SocketState.LISTEN, local_address="192.0.2.1", local_port=6443),)
                },
            ),
        ),
    ),
    NodeRule(
        slug="insecure-kine-datastore",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({MISCONFIGURED_HOST}),
        wrong="k3s talks to its database without TLS.",
        threat="Everything that the cluster stores travels in clear text to the database, and what comes back can be changed.",
        wants="have TLS in datastore-endpoint (https, sslmode=verify-full, tls=true), or a datastore-cafile",
        fix="Set sslmode=verify-full or tls=true in datastore-endpoint, and datastore-cafile.",
        remedy=Remedy.ETCD_TLS,
        judge=_is_private,
        examples=(
            _stores(State.PASS, "postgres://k3s:secret@db.example:5432/k3s?sslmode=verify-full"),
            _stores(State.PASS, "mysql://k3s:secret@tcp(db.example:3306)/k3s?tls=true"),
            _stores(State.PASS, "https://etcd.example:2379", "etcd elsewhere"),
            _stores(
                State.PASS,
                "postgres://k3s:secret@db.example/k3s",
                "a CA for the database",
                more="datastore-cafile: /etc/db/ca.crt\n",
            ),
            _stores(State.FAIL, "postgres://k3s:secret@db.example:5432/k3s?sslmode=disable"),
            _stores(State.FAIL, "postgres://k3s:secret@db.example:5432/k3s?sslmode=prefer"),
            _stores(State.FAIL, "mysql://k3s:secret@tcp(db.example:3306)/k3s?tls=skip-verify"),
            _stores(State.FAIL, "mysql://k3s:secret@tcp(db.example:3306)/k3s"),
            _stores(State.FAIL, "http://etcd.example:2379", "etcd elsewhere without TLS"),
            _stores(
                State.FAIL,
                "",
                "on its command line",
                unit="ExecStart=/usr/local/bin/k3s server '--datastore-endpoint=nats://db.example:4222'",
            ),
            _stores(
                State.FAIL, "", "by a variable", unit='Environment="K3S_DATASTORE_ENDPOINT=postgres://db.example/k3s"'
            ),
            _stores(State.NOT_APPLICABLE, "", "on this node"),
            NodeExample(title="no k3s here", state=State.NOT_APPLICABLE),
        ),
    ),
)
