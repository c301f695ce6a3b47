"""Whom Docker's daemon talks to, and who may talk to it over a network."""

from __future__ import annotations

import ipaddress

from stridegate.model.nodes.addresses import is_loopback
from stridegate.model.nodes.docker import Daemon
from stridegate.model.nodes.docker_rules import configured, daemon_rule, judged, running, verdict
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.units import unit
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

# What a daemon listens on that is no network; an address without a scheme is one (docker/cli `opts.ParseHost`).
_LOCAL = ("unix://", "fd://", "npipe://")
_TLS_FILES = ("tlscacert", "tlscert", "tlskey")
_CERTIFICATES = {"tlscacert": "/etc/docker/ca.pem", "tlscert": "/etc/docker/cert.pem", "tlskey": "/etc/docker/key.pem"}
_REMOTE = "tcp://0.0.0.0:2376"


def _tcp(docker: Daemon, node: Node) -> tuple[tuple[str, ...], Evidence]:
    """Return the network addresses that the daemon listens on, by its own settings or by its socket unit's, and where that stands."""
    hosts = docker.members("hosts")
    said = (*hosts.value, *(hosts.contradicted or ()))
    addresses = tuple(host for host in said if host and not host.lower().startswith(_LOCAL))
    if addresses or not any(host.startswith("fd://") for host in said):
        return addresses, hosts.evidence
    try:
        handed = unit(node, "docker.socket")
    except NotThere:
        return (), hosts.evidence
    streams = handed.values("Socket", "ListenStream")
    return tuple(each for each in streams if each[:1] not in {"/", "@"}), Evidence(source=Source.FILE, path=handed.path)


def _tls(docker: Daemon, node: Node) -> Verdict:
    addresses, evidence = _tcp(docker, node)
    if not addresses:
        return verdict(docker, State.NOT_APPLICABLE, "listens on no network", evidence)
    where = addresses[0] if len(addresses) == 1 else f"{addresses[0]} and {len(addresses) - 1} more"
    verify = docker.truth("tlsverify", default=False)
    wanted = "tlsverify with tlscacert, tlscert and tlskey"
    if not verify.value:
        how = "TLS without tlsverify" if docker.truth("tls", default=False).value else "no TLS"
        return verdict(docker, State.FAIL, f"{where}: {how}", verify.evidence, wanted=wanted)
    if verify.contradicted is not None:
        observed = f"{where}: tlsverify, but not in {docker.path}: dockerd will not start again"
        return verdict(docker, State.WARN, observed, verify.evidence, wanted=wanted)
    lacking = [name for name in _TLS_FILES if not docker.text(name, "").value]
    if lacking:
        return verdict(
            docker, State.WARN, f"{where}: tlsverify, {', '.join(lacking)} by default", verify.evidence, wanted=wanted
        )
    return verdict(docker, State.PASS, f"{where}: tlsverify", verify.evidence)


def _registries(docker: Daemon, _: Node) -> Verdict:
    insecure = docker.members("insecure-registries")
    mirrors = docker.members("registry-mirrors")
    remote = {each for each in (*insecure.value, *(insecure.contradicted or ())) if not _is_loopback(each)}
    plain = {each for each in (*mirrors.value, *(mirrors.contradicted or ())) if each.lower().startswith("http://")}
    if not remote and not plain:
        return verdict(docker, State.PASS, f"{insecure.said}, {mirrors.said}", insecure.evidence)
    return Verdict(
        state=State.FAIL,
        observed=", ".join([*(["insecure-registries"] if remote else []), *(["registry-mirrors"] if plain else [])]),
        evidence=insecure.evidence if remote else mirrors.evidence,
        offenders=(
            *(Offender(name=each, observed="insecure registry") for each in sorted(remote)),
            *(Offender(name=each, observed="mirror without TLS") for each in sorted(plain)),
        ),
    )


def _is_loopback(registry: str) -> bool:
    """Return whether an insecure registry, which is a name, an address or a network, is on this host."""
    if "/" not in registry:
        return is_loopback(registry)
    try:
        return ipaddress.ip_network(registry, strict=False).is_loopback
    except ValueError:
        return False


def _iptables(docker: Daemon, _: Node) -> Verdict:
    verdicts = [
        judged(docker, docker.truth(name, default=True), lambda value: value, wanted=f"{name}=true")
        for name in ("iptables", "ip6tables")
    ]
    return next((each for each in verdicts if each.state is not State.PASS), verdicts[0])


RULES: tuple[NodeRule, ...] = (
    daemon_rule(
        "docker-tcp-without-tls",
        (Severity.CRITICAL, Stride.SPOOFING),
        (CisDocker("2.7"),),
        wrong="Docker's API is on the network, and asks nobody for a certificate.",
        threat="Whoever reaches the port starts a privileged container, and is root on the node.",
        wants="demand client certificates (tlsverify with tlscacert, tlscert and tlskey) wherever it listens on a network",
        fix='Remove tcp:// from hosts, or set "tlsverify": true with tlscacert, tlscert and tlskey.',
        judge=_tls,
        threats=frozenset(
            {
                "docker-client-spoofing",
                "docker-daemon-spoofing",
                "client-traffic-interception",
                "client-traffic-without-tls",
            }
        ),
        examples=(
            running("no network", State.NOT_APPLICABLE),
            running(
                "verified in daemon.json",
                State.PASS,
                files=configured(tlsverify=True, hosts=[_REMOTE], **_CERTIFICATES),
            ),
            running(
                "verified by flags",
                State.PASS,
                "-H",
                _REMOTE,
                "--tlsverify",
                *(f"--{name}={path}" for name, path in _CERTIFICATES.items()),
            ),
            running("plain", State.FAIL, "-H", "tcp://0.0.0.0:2375"),
            running(
                "plain in daemon.json", State.FAIL, files=configured(hosts=["unix:///run/docker.sock", "tcp://:2375"])
            ),
            running("plain, the flag and its value in one word", State.FAIL, "-Htcp://0.0.0.0:2375"),
            running("plain on loopback", State.FAIL, "--host=tcp://127.0.0.1:2375"),
            running("an address without a scheme", State.FAIL, "--host=0.0.0.0:2375"),
            running("TLS that verifies nobody", State.FAIL, "--tls", "-H", _REMOTE),
            running(
                "TLS that verifies nobody, in daemon.json", State.FAIL, files=configured(tls=True, hosts=[_REMOTE])
            ),
            running("verification switched off", State.FAIL, "--tlsverify=false", "-H", _REMOTE),
            running("certificates by default", State.WARN, files=configured(tlsverify=True, hosts=[_REMOTE])),
            running(
                "by the socket unit",
                State.FAIL,
                files={
                    "/usr/lib/systemd/system/docker.socket": HostFile(
                        text="[Socket]\nListenStream=/run/docker.sock\nListenStream=2375\n", mode=0o644
                    )
                },
            ),
        ),
    ),
    daemon_rule(
        "insecure-docker-registry",
        (Severity.HIGH, Stride.SPOOFING),
        (CisDocker("2.5"),),
        wrong="Docker pulls from a registry that it does not authenticate.",
        threat="Whoever is between node and registry, or answers in its place, hands out images of their own.",
        wants="have no insecure registry but on loopback, and no mirror over http",
        fix="Remove it from insecure-registries in daemon.json, and put its CA into /etc/docker/certs.d.",
        judge=_registries,
        threats=frozenset(
            {"malicious-registry-image", "registry-spoofing", "registry-compromise", "client-traffic-interception"}
        ),
        examples=(
            running("by default", State.PASS),
            running("on loopback", State.PASS, files=configured(insecure_registries=["127.0.0.0/8", "localhost:5000"])),
            running("a registry", State.FAIL, files=configured(insecure_registries=["registry.example.com:5000"])),
            running("a network", State.FAIL, "--insecure-registry", "10.0.0.0/8"),
            running("every address", State.FAIL, "--insecure-registry=0.0.0.0/0"),
            running("a name that begins as loopback does", State.FAIL, "--insecure-registry=127.0.0.1.example.com"),
            running(
                "one of two", State.FAIL, "--insecure-registry=127.0.0.1:5000", "--insecure-registry=10.1.2.3:5000"
            ),
            running(
                "a mirror without TLS", State.FAIL, files=configured(registry_mirrors=["http://mirror.example.com"])
            ),
            running("a mirror with TLS", State.PASS, files=configured(registry_mirrors=["https://mirror.example.com"])),
        ),
    ),
    daemon_rule(
        "disabled-docker-iptables",
        (Severity.MEDIUM, Stride.TAMPERING),
        (CisDocker("2.4"),),
        wrong="Docker does not set the firewall rules of its networks.",
        threat="Networks of containers are not kept apart, and published ports follow rules that nobody keeps up to date.",
        wants="run with iptables and ip6tables on, as they are by default",
        fix='Remove "iptables": false and "ip6tables": false from daemon.json.',
        judge=_iptables,
        examples=(
            running("by default", State.PASS),
            running("off", State.FAIL, files=configured(iptables=False)),
            running("off for IPv6", State.FAIL, files=configured(ip6tables=False)),
            running("off by flag", State.FAIL, "--iptables=false"),
            running("on by flag", State.PASS, "--iptables=true"),
            running("no boolean", State.UNKNOWN, files=configured(iptables="false")),
        ),
    ),
)
