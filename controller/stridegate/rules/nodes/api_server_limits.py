"""What the API server bears, and what it tells of itself."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.components import Started
from stridegate.model.nodes.durations import parse_duration
from stridegate.model.nodes.flag_rules import flag_rule, must_be, number, shown, starts
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.rules import NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-apiserver")
_case = partial(starts, "kube-apiserver")

_LONGEST_REQUEST = 300


def _is_bounded(started: Started, _: Node) -> Verdict:
    text = started.flags.text("request-timeout")
    seconds = parse_duration("1m0s" if text is None else text)
    bounded = seconds is not None and 0 < seconds <= _LONGEST_REQUEST
    return started.verdict(State.PASS if bounded else State.FAIL, shown(started, "request-timeout", "1m0s"))


def _is_fair(started: Started, _: Node) -> Verdict:
    flag, most = "enable-priority-and-fairness", "max-requests-inflight"
    if started.flags.truth(flag) is False:
        return started.verdict(State.FAIL, shown(started, flag))
    inflight = number(started, most)
    if inflight is not None and inflight <= 0:
        return started.verdict(State.FAIL, shown(started, most))
    return started.verdict(State.PASS, f"{shown(started, flag, 'true')}, {shown(started, most, '400')}")


RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="apiserver-profiling",
        severity=Severity.LOW,
        stride=Stride.INFORMATION_DISCLOSURE,
        references=(CisKubernetes("1.2.15"),),
        wrong="The API server offers profiles of itself.",
        threat="A profile shows how the program works inside and what is in its memory, and making one costs it time.",
        wants="have --profiling=false",
        fix="--profiling=false",
        judge=must_be("profiling", wanted=False, default=True),
        examples=(
            _case(State.PASS, "--profiling=false"),
            _case(State.PASS, "--profiling=true", "--profiling=false"),
            _case(State.FAIL, "--profiling=false", "--profiling"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="unbounded-request-timeout",
        severity=Severity.LOW,
        stride=Stride.DENIAL_OF_SERVICE,
        references=(CisKubernetes("1.2.20"),),
        threats=("apiserver-overload",),
        wrong="Requests to the API server may last for more than five minutes.",
        threat="A few slow callers hold its workers and memory until nobody else gets through.",
        wants="have --request-timeout above 0 and at most 300s",
        fix="remove --request-timeout, or set it to 300s or less",
        judge=_is_bounded,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--request-timeout=300s"),
            _case(State.FAIL, "--request-timeout=5m1s"),
            _case(State.FAIL, "--request-timeout=0s"),
            _case(State.FAIL, "--request-timeout=long"),
        ),
    ),
    _rule(
        slug="disabled-priority-and-fairness",
        severity=Severity.MEDIUM,
        stride=Stride.DENIAL_OF_SERVICE,
        threats=("apiserver-overload",),
        wrong="One caller can take all of the API server's time.",
        threat="Without priority and fairness a loop in one controller, or an attacker's, starves kubelets and leader election.",
        wants="keep --enable-priority-and-fairness, and --max-requests-inflight above 0",
        fix="remove --enable-priority-and-fairness=false and --max-requests-inflight=0",
        judge=_is_fair,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--max-requests-inflight=1500"),
            _case(State.FAIL, "--enable-priority-and-fairness=false"),
            _case(State.FAIL, "--max-requests-inflight=0"),
        ),
    ),
)
