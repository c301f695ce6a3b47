"""How the scheduler is started."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.addresses import is_loopback
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import flag_rule, must_be, named_document, shown, starts
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-scheduler", severity=Severity.LOW, stride=Stride.INFORMATION_DISCLOSURE)
_case = partial(starts, "kube-scheduler")


def _offers_profiles(started: Started, node: Node) -> Verdict:
    """Judge `enableProfiling` of the configuration file, which comes before the flag (kubescheduler.config.k8s.io/v1)."""
    config = named_document(started, node, "config")
    if config is None and started.flags.text("config"):
        return started.verdict(State.FAIL, f"{shown(started, 'config')}, which does not exist")
    if config is None:
        return must_be("profiling", wanted=False, default=True)(started, node)
    enabled = config.get("enableProfiling")
    words = "unset (true)" if enabled is None else str(enabled).lower()
    evidence = Evidence(source=Source.FILE, path=started.on_host(started.flags.text("config") or ""))
    return Verdict(
        state=State.PASS if enabled is False else State.FAIL, observed=f"enableProfiling is {words}", evidence=evidence
    )


def _is_local(started: Started, _: Node) -> Verdict:
    address = started.flags.text("bind-address")
    local = address is not None and is_loopback(address)
    return started.verdict(State.PASS if local else State.FAIL, shown(started, "bind-address", "0.0.0.0"))


_CONFIG = "/etc/kubernetes/scheduler-config.yaml"


def _file(text: str) -> dict[str, HostFile]:
    return {_CONFIG: HostFile(text=f"kind: KubeSchedulerConfiguration\n{text}")}


RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="scheduler-profiling",
        references=(CisKubernetes("1.4.1"),),
        wrong="The scheduler offers profiles of itself.",
        threat="A profile shows how the program works inside and what is in its memory, and making one costs it time.",
        wants="have --profiling=false, or enableProfiling: false in its configuration file",
        fix="--profiling=false, or enableProfiling: false in the file of --config",
        judge=_offers_profiles,
        examples=(
            _case(State.PASS, "--profiling=false"),
            _case(State.FAIL, "--profiling=true"),
            _case(State.FAIL),
            _case(State.PASS, f"--config={_CONFIG}", title="off in the file", files=_file("enableProfiling: false")),
            _case(State.FAIL, "--config=/etc/gone.yaml", "--profiling=false"),
            _case(
                State.FAIL,
                f"--config={_CONFIG}",
                "--profiling=false",
                title="the file is silent",
                files=_file("profiles: []"),
            ),
        ),
    ),
    _rule(
        slug="exposed-scheduler-port",
        references=(CisKubernetes("1.4.2"),),
        wrong="The scheduler listens on the network.",
        threat="Its port 10259 answers health checks to all and metrics to callers with rights: one more door for no need.",
        wants="have --bind-address 127.0.0.1 or ::1",
        fix="--bind-address=127.0.0.1",
        judge=_is_local,
        examples=(
            _case(State.PASS, "--bind-address=127.0.0.1"),
            _case(State.PASS, "--bind-address", "::1"),
            _case(State.FAIL, "--bind-address=0.0.0.0"),
            _case(State.FAIL),
        ),
    ),
)
