"""Where containerd listens: its own interface, debugging, metrics, and the streams of exec and logs."""

from __future__ import annotations

from stridegate.model.nodes.addresses import Reach, is_loopback, reach
from stridegate.model.nodes.containerd import Part, containerd, cri
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.readings import NUMBER, TEXT, TRUTH
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.runtime_rules import (
    NO_RUNTIME,
    RUNTIME_DEFAULTS,
    VERSION_2,
    judged,
    with_containerd,
)
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_ELEVATION = frozenset({Stride.ELEVATION})
_TCP_ADDRESS = Field(at="tcp_address", reading=TEXT, default="")
_ADDRESS = Field(at="address", reading=TEXT, default="")
_GROUP = Field(at="gid", reading=NUMBER, default=0)
_NO_TCP = Field(at="disable_tcp_service", reading=TRUTH, default=True)
_STREAM_ADDRESS = Field(at="stream_server_address", reading=TEXT, default="127.0.0.1")
_STREAM_TLS = Field(at="enable_tls_streaming", reading=TRUTH, default=False)


def _endpoints(node: Node) -> Verdict:
    found = containerd(node)
    offenders = []
    for part, field in ((Part.GRPC, _TCP_ADDRESS), (Part.TCP_SERVER, _ADDRESS)):
        if address := found.setting(part, field).value:
            offenders.append(Offender(name="gRPC over TCP", observed=address))
    for part in (Part.GRPC, Part.GRPC_SERVER):
        group = found.setting(part, _GROUP).value
        offenders += [Offender(name="group of the socket", observed=str(group))] if group else []
    for part in (Part.DEBUG, Part.DEBUG_SERVER, Part.METRICS, Part.METRICS_SERVER):
        address = found.setting(part, _ADDRESS).value
        if address and not _local(address):
            offenders.append(Offender(name=part.value[0][-1].rpartition(".")[2], observed=address))
    return judged(found.evidence, offenders, "a socket of root's alone")


def _local(address: str) -> bool:
    return address.startswith("/") or is_loopback(address)


def _streaming(node: Node) -> Verdict:
    found = cri(node)
    offenders = []
    if not found.setting(Part.STREAMING, _NO_TCP).value:
        offenders.append(Offender(name="CRI over TCP", observed="disable_tcp_service = false"))
    address = found.setting(Part.STREAMING, _STREAM_ADDRESS).value
    if reach(address) is not Reach.LOOPBACK and not found.setting(Part.STREAMING, _STREAM_TLS).value:
        offenders.append(Offender(name="streaming without TLS", observed=address or "every address"))
    return judged(found.evidence, offenders, f"streams on {address}")


RULES = (
    NodeRule(
        slug="containerd-network-endpoint",
        severity=Severity.HIGH,
        stride=_ELEVATION,
        references=(),
        threats=RUNTIME_DEFAULTS | {"unauthenticated-management-access"},
        wrong="containerd listens for others than root on this node.",
        threat="Whoever speaks to containerd starts privileged containers: they are root on the node.",
        wants="have no tcp_address, a socket of group 0, and debug and metrics on loopback or a socket",
        fix='[grpc] tcp_address = "" and gid = 0; [metrics] address = "127.0.0.1:1338"',
        remedy=Remedy.RUNTIME,
        judge=_endpoints,
        examples=(
            with_containerd("gRPC over TCP", State.FAIL, 'version = 2\n[grpc]\ntcp_address = "127.0.0.1:1234"\n'),
            with_containerd("a group's socket", State.FAIL, "version = 2\n[grpc]\ngid = 998\n"),
            with_containerd("metrics for everybody", State.FAIL, 'version = 3\n[metrics]\naddress = ":1338"\n'),
            with_containerd(
                "gRPC over TCP in version 4",
                State.FAIL,
                'version = 4\n[plugins."io.containerd.server.v1.grpc-tcp"]\naddress = "0.0.0.0:1234"\n',
            ),
            with_containerd("metrics on loopback", State.PASS, 'version = 3\n[metrics]\naddress = "127.0.0.1:1338"\n'),
            with_containerd(
                "a socket for debugging", State.PASS, 'version = 2\n[debug]\naddress = "/run/debug.sock"\n'
            ),
            with_containerd("no configuration file", State.PASS, None),
            with_containerd("a file that does not parse", State.UNKNOWN, "[grpc\n"),
            with_containerd(
                "an imported file",
                State.FAIL,
                'version = 2\nimports = ["conf.d/*.toml"]\n',
                files={"/etc/containerd/conf.d/tcp.toml": HostFile(text='[grpc]\ntcp_address = "0.0.0.0:1"\n')},
            ),
            with_containerd(
                "where its flag says",
                State.FAIL,
                None,
                "-c",
                "/srv/c.toml",
                files={"/srv/c.toml": HostFile(text="version = 2\n[grpc]\ngid = 1\n")},
            ),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="containerd-exposed-streaming",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"unauthenticated-management-access"},
        wrong="containerd streams exec and logs where the network can listen.",
        threat="Whoever is on the network reads or takes over a session in a container.",
        wants="keep disable_tcp_service, and stream on loopback or with TLS",
        fix='disable_tcp_service = true and stream_server_address = "127.0.0.1"',
        remedy=Remedy.RUNTIME,
        judge=_streaming,
        examples=(
            with_containerd("every address", State.FAIL, f'{VERSION_2}stream_server_address = "0.0.0.0"\n'),
            with_containerd(
                "no address, which is one of the host's", State.FAIL, f'{VERSION_2}stream_server_address = ""\n'
            ),
            with_containerd("CRI over TCP", State.FAIL, f"{VERSION_2}disable_tcp_service = false\n"),
            with_containerd(
                "every address with TLS",
                State.PASS,
                f'{VERSION_2}stream_server_address = ""\nenable_tls_streaming = true\n',
            ),
            with_containerd(
                "in version 3, where the old table still has it",
                State.FAIL,
                'version = 3\n[plugins."io.containerd.grpc.v1.cri"]\nstream_server_address = "192.0.2.1"\n',
            ),
            with_containerd("unset", State.PASS, "version = 2\n"),
            with_containerd("no CRI", State.NOT_APPLICABLE, 'disabled_plugins = ["cri"]\n'),
            NO_RUNTIME,
        ),
    ),
)
