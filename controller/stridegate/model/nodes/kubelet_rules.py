"""Making the rules about a kubelet's settings, and the hosts of their examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.fields import Field, Setting
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.kubelet import setting
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import KubeletConfigz
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import State, Verdict

T = TypeVar("T")

# Where kubeadm puts the kubelet's configuration.
CONFIG = "/var/lib/kubelet/config.yaml"
# Every rule about kubelet and kube-proxy answers these claims.
RUNTIME_EXPOSURE = frozenset({MISCONFIGURED_HOST, "node-runtime-exposure"})
# Those about settings of the kubelet, which count with their defaults where they are unset, answer these too.
KUBELET_DEFAULTS = RUNTIME_EXPOSURE | {"insecure-kubernetes-defaults", "insecure-docker-defaults"}


def kubelet_process(*flags: str) -> Process:
    """Return a node's kubelet, started with such flags."""
    return Process(
        pid=700,
        comm="kubelet",
        argv=("/usr/bin/kubelet", *flags),
        cgroup="/system.slice/kubelet.service",
        namespace_pids=(700,),
    )


def filed(title: str, state: State, text: str, *flags: str, files: Mapping[str, HostFile] | None = None) -> NodeExample:
    """Return a host whose kubelet reads a configuration file with this text, and has these flags beside it."""
    return NodeExample(
        title=title,
        state=state,
        files={CONFIG: HostFile(text=text), **(files or {})},
        processes=(kubelet_process(f"--config={CONFIG}", *flags),),
    )


def flagged(title: str, state: State, *flags: str, files: Mapping[str, HostFile] | None = None) -> NodeExample:
    """Return a host whose kubelet has these flags and no configuration file."""
    return NodeExample(title=title, state=state, files=files or {}, processes=(kubelet_process(*flags),))


def served(title: str, state: State, live: Mapping[str, object]) -> NodeExample:
    """Return a host whose kubelet serves its live configuration, which comes before the file on the disk: an empty one."""
    return NodeExample(
        title=title,
        state=state,
        files={CONFIG: HostFile()},
        processes=(kubelet_process(f"--config={CONFIG}"),),
        answers={KubeletConfigz(): live},
    )


NO_KUBELET = NodeExample(title="no kubelet", state=State.NOT_APPLICABLE)


def must_be(field: Field[T], wanted: T, otherwise: State = State.FAIL) -> Callable[[Node], Verdict]:
    """Return the judgement that a setting has one value."""
    return that(field, lambda value: value == wanted, field.reading.words(wanted), otherwise)


def that(
    field: Field[T], holds: Callable[[T], bool], wanted: str, otherwise: State = State.FAIL
) -> Callable[[Node], Verdict]:
    """Return the judgement that something holds of a setting's value."""

    def judge(found: Setting[T]) -> Verdict:
        return found.verdict(State.PASS if holds(found.value) else otherwise, wanted=wanted)

    return of(field, judge)


def of(field: Field[T], judge: Callable[[Setting[T]], Verdict]) -> Callable[[Node], Verdict]:
    """Return the judgement of a node by one setting."""
    return lambda node: judge(setting(node, field))
