"""What has switched other gatekeepers off: faults, hostile shapes, marks on the object, and being sent to fetch something."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localkube.places import CHECKOUT
from reviewing import PRIVILEGED, Asked, container, pod, response_of, validated
from specimens import pod_of
from specimens import policy as policy_for
from stridegate.admission.responses import Reply
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap
from stridegate.kube.rosters import Version
from stridegate.model.edits import Json
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.model.rules import Example, PodRule
from stridegate.webhook.admission import Admission, Call
from stridegate.webhook.journals import Journal
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet

SOURCE = CHECKOUT / "controller" / "stridegate"
CARELESS = pod(container(allowPrivilegeEscalation=None))
POLICY = {
    "metadata": {"name": "production", "uid": "p", "generation": 1},
    "spec": {"profile": "hardened", "action": "deny", "patching": "all"},
}


def admission(journal: Journal | None = None) -> Admission:
    """Return what answers calls under one policy that denies and patches everything."""
    live = LivePolicySet(POD_RULES)
    live.replace(
        [ListedPolicy(Version(name="production", uid="p", revision=1), POLICY)],
        [ListedNamespace(Version(name="shop", uid="n", revision=1), {IMMUTABLE_LABEL: "shop"})],
        (1, 1),
    )
    return Admission(live, journal or Journal(), lambda: 0.0)


def answered(answer: Callable[[Call], Reply | None], body: bytes) -> Reply:
    """Return the reply to a body, which must not be put off."""
    reply = answer(Call(body=body, arrived=0.0, timeout=None))
    assert reply is not None
    return reply


class Injected(Exception):
    """A fault of the test's own."""


def functions_called(act: Callable[[], object]) -> list[tuple[str, str]]:
    """Return the functions of the product that something calls, each once: by file and name."""
    called: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(SOURCE)):
            called[frame.f_code.co_filename, frame.f_code.co_qualname] = None

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return list(called)


@contextmanager
def broken(function: tuple[str, str]) -> Iterator[None]:
    """Make the first call of a function fail at its first line."""
    broke = False

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - what sys.settrace wants
        nonlocal broke
        if event == "call" and not broke and (frame.f_code.co_filename, frame.f_code.co_qualname) == function:
            broke = True
            raise Injected

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


class TestFaults:
    def test_whatever_breaks_a_privileged_pod_is_not_allowed(self) -> None:
        body = Asked(object=PRIVILEGED).body()
        asked = admission()
        functions = functions_called(lambda: answered(asked.validate_at_once, body))

        for function in functions:
            reply = None
            # What leaves the admission is answered by the server: with 500, which allows nothing.
            with suppress(Injected), broken(function):
                reply = answered(asked.validate_at_once, body)

            assert reply is None or reply.status != 200 or response_of(reply.body)["allowed"] is False, function
        assert len(functions) > 50

    def test_whatever_breaks_mutation_never_denies(self) -> None:
        body = Asked(object=CARELESS).body()
        asked = admission()

        for function in functions_called(lambda: answered(asked.mutate_at_once, body)):
            reply = None
            with suppress(Injected), broken(function):
                reply = answered(asked.mutate_at_once, body)

            assert reply is None or reply.status != 200 or response_of(reply.body)["allowed"] is True, function


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["metadata", "annotations", "labels", "spec", "containers", "initContainers", "volumes", "securityContext", "name"]
)
SHAPES = st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner, max_size=5) | st.lists(inner, max_size=3))


class TestHostileShapes:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(document=SHAPES, old=SHAPES, operation=st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT"]))
    def test_every_shape_is_answered_and_a_denial_is_a_failure(self, document: Json, old: Json, operation: str) -> None:
        asked = admission()
        body = Asked(object=document, old=old, operation=operation).body()

        judged = response_of(answered(asked.validate_at_once, body).body)
        mended = response_of(answered(asked.mutate_at_once, body).body)

        assert mended["allowed"] is True
        if not judged["allowed"]:
            assert judged["status"]["status"] == "Failure"
            assert judged["status"]["code"] >= 400
        if operation == "CREATE" and not isinstance(document, dict):
            assert judged["allowed"] is False

    @settings(max_examples=300, deadline=None)
    @given(at=st.floats(0, 1), cut=st.integers(0, 40), put=st.binary(max_size=8))
    def test_every_damaged_body_is_refused_or_judged(self, at: float, cut: int, put: bytes) -> None:
        whole = Asked(object=PRIVILEGED).body()
        place = int(at * len(whole))
        asked = admission()

        call = Call(body=whole[:place] + put + whole[place + cut :], arrived=0.0, timeout=None)

        # A body whose namespace is damaged names one that is waited for first.
        reply = asked.validate_at_once(call) or asyncio.run(asked.validate(call))

        assert reply.status in {200, 400}


# What a program does that reads, calls or makes code, by the names of Python's own audit events.
_FORBIDDEN = re.compile(r"open|exec|compile|import|socket\..*|os\..*|subprocess\..*|urllib\..*|http\..*|ctypes\..*")


class _Watch:
    """Notes what the interpreter does while it is watched; an audit hook can never be taken out again."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, _: tuple[object, ...]) -> None:
        if self.on and _FORBIDDEN.fullmatch(event):
            self.seen.append(event)


class TestDeputies:
    def test_judging_and_mending_fetch_read_and_run_nothing(self) -> None:
        asked = admission()
        bodies = [
            Asked(object=pod_of(example)).body()
            for rule in POD_RULES.values()
            for example in rule.examples
            if example.verdict == "bad"
        ]
        watch = _Watch()

        for watched in (False, True):  # What is loaded once, on the first use, is loaded before.
            watch.on = watched
            for body in bodies:
                answered(asked.validate_at_once, body)
                answered(asked.mutate_at_once, body)
        watch.on = False

        assert not watch.seen


def keys_that_the_product_knows() -> set[str]:
    """Return every text in the product that could be the key of an annotation or a label."""
    key = re.compile(r"([a-z0-9.-]+\.[a-z]+/)[A-Za-z0-9._-]*")
    texts = (
        node.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return {text if not text.endswith("/") else f"{text}app" for text in texts if key.fullmatch(text)}


# What has opened doors elsewhere, beside everything that the product itself looks at.
TEMPTING = {
    *keys_that_the_product_knows(),
    "stridegate.dev/exempt",
    "stridegate.dev/ignore",
    "stridegate.dev/skip",
    "pod-security.kubernetes.io/enforce",
    "policies.kyverno.io/exclude",
    "admission.gatekeeper.sh/ignore",
    "control-plane",
    "kubernetes.io/bootstrapping",
}
BAD = [
    pytest.param(rule, example, id=f"{rule.slug}: {example.title}")
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.verdict == "bad" and not example.annotations and example.setting is None
]


def found(document: JsonMap, example: Example, rule: PodRule) -> set[str]:
    """Return the rules that speak of a pod under a policy that names this one."""
    verdict = validated(Asked(object=document), policy_for(given=example.given, named={rule.slug}))
    return {count.slug for count in verdict.counts}


class TestMarks:
    def test_the_product_looks_at_keys(self) -> None:
        assert {"stridegate.dev/patched", "kubernetes.io/config.mirror"} <= keys_that_the_product_knows()

    @pytest.mark.parametrize(("rule", "example"), BAD)
    def test_no_annotation_and_no_label_takes_a_finding_away(self, rule: PodRule, example: Example) -> None:
        plain = pod_of(example)
        for value in ("true", "privileged", "*"):
            marks: JsonMap = dict.fromkeys(TEMPTING, value)
            metadata: JsonMap = {"name": "web", "annotations": marks, "labels": marks}

            assert found({**plain, "metadata": metadata}, example, rule) >= found(plain, example, rule), value
