"""What rules about etcd's settings share: how they judge, and the hosts of their examples."""

from __future__ import annotations

from collections.abc import Callable

from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.etcd import Etcd, judge_etcd
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.flag_rules import manifest_text, sentence
from stridegate.model.nodes.nodes import Circumstances, Installation, Node, Role
from stridegate.model.nodes.queries import FileStatusOf
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

# Certificates and keys as kubeadm lays them out.
PKI = "/etc/kubernetes/pki/etcd"
CERTIFICATE, KEY, CA = f"{PKI}/server.crt", f"{PKI}/server.key", f"{PKI}/ca.crt"
PEER_CERTIFICATE, PEER_KEY = f"{PKI}/peer.crt", f"{PKI}/peer.key"
PAIR = (f"--cert-file={CERTIFICATE}", f"--key-file={KEY}")
PEER_PAIR = (f"--peer-cert-file={PEER_CERTIFICATE}", f"--peer-key-file={PEER_KEY}")
FILES = {path: HostFile() for path in (CERTIFICATE, KEY, PEER_CERTIFICATE, PEER_KEY, CA)}

_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
_ABSENT = NodeExample(title="no etcd here", state=State.NOT_APPLICABLE)


def lacking_file(etcd: Etcd, node: Node, *flags: str) -> str:
    """Return which of the files that settings name is missing, in words; empty where all are there."""
    for flag in flags:
        path = etcd.text(flag)
        if not path:
            return etcd.shown(flag)
        if node.get(FileStatusOf(etcd.on_host(path))) is None:
            return f"{etcd.shown(flag)}, which does not exist"
    return ""


def must_be(flag: str, *, wanted: bool) -> Callable[[Etcd, Node], Verdict]:
    """Return the judgement that a boolean setting is as wanted."""

    def judge(etcd: Etcd, _: Node) -> Verdict:
        state = State.PASS if etcd.truth(flag) is wanted else State.FAIL
        return etcd.verdict(state, etcd.shown(flag, "false"))

    return judge


def by_variables(state: State, **variables: str) -> NodeExample:
    """Return the example of an etcd that ETCD_* variables of its container set up."""
    text = manifest_text("etcd", environment={f"ETCD_{name}": value for name, value in variables.items()})
    return NodeExample(
        title="by variables: " + ", ".join(f"{name}={value}" for name, value in variables.items()),
        state=state,
        files={"/etc/kubernetes/manifests/etcd.yaml": HostFile(text=text), **FILES},
        circumstances=_CONTROL_PLANE,
    )


def by_file(state: State, text: str, title: str = "by a file") -> NodeExample:
    """Return the example of an etcd inside k3s, which writes it a file."""
    path = "/var/lib/rancher/k3s/server/db/etcd/config"
    return NodeExample(
        title=title,
        state=state,
        files={path: HostFile(text=text), **FILES},
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.K3S),
    )


def by_unit(state: State, line: str, *words: str) -> NodeExample:
    """Return the example of an etcd that systemd starts, with a line in its file of variables."""
    unit = "[Service]\nEnvironmentFile=-/etc/etcd.env\nExecStart=/usr/bin/etcd\n"
    process = Process(
        pid=50,
        comm="etcd",
        argv=("/usr/bin/etcd", *words),
        cgroup="/system.slice/etcd.service",
        namespace_pids=(50,),
    )
    return NodeExample(
        title=f"by its unit: {line} {' '.join(words)}",
        state=state,
        files={"/etc/systemd/system/etcd.service": HostFile(text=unit), "/etc/etcd.env": HostFile(text=f"{line}\n")},
        processes=(process,),
        circumstances=_CONTROL_PLANE,
    )


def etcd_rule(  # noqa: PLR0913 - a declaration has a word for each of these
    *,
    slug: str,
    number: str | None,
    severity: Severity,
    stride: Stride,
    threats: tuple[str, ...],
    wrong: str,
    threat: str,
    wants: str,
    fix: str,
    judge: Callable[[Etcd, Node], Verdict],
    examples: tuple[NodeExample, ...],
) -> NodeRule:
    """Return the rule about how etcd is set up."""
    return NodeRule(
        slug=slug,
        severity=severity,
        stride=frozenset({stride}),
        references=(CisKubernetes(number),) if number else (),
        threats=frozenset({*threats, MISCONFIGURED_HOST}),
        wrong=wrong,
        threat=threat,
        wants=wants,
        fix=sentence(fix),
        remedy=Remedy.ETCD_TLS,
        judge=judge_etcd(judge),
        examples=(*examples, _ABSENT),
    )
