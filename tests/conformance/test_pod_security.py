"""Our levels are Kubernetes' own: the same pods fail the same checks, at every level and version."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from localkube.api_server import ApiServer
from localkube.versions import KubernetesVersion
from pod_security_oracle import Answer, Level, Oracle
from pod_steps import STANDARD_STEPS, containers
from pod_strategies import pods
from pod_values import SINGLE_VALUES
from specimens import judged, laid_over, pod_of
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.model.findings import Finding
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR, Given
from stridegate.model.vocabulary import Profile

pytestmark = pytest.mark.api_server

PODS_PER_RUN: Final = 2000
DEBUGGERS_PER_RUN: Final = 500
AT_ONCE: Final = 25

NEWEST: Final = min(KubernetesVersion.chosen().minor, NEWEST_POD_SECURITY_MINOR)
LEVELS: Final = (Profile.BASELINE, Profile.RESTRICTED)
# The versions that changed a check, by what the check reads; the beginning counts as one.
EDGES: Final[Mapping[str, tuple[int, ...]]] = {
    "{": (1,),
    "allowPrivilegeEscalation": (8,),
    "capabilities": (22,),
    "Probe": (34,),
    "lifecycle": (34,),
    "hostUsers": (35,),
    "os": (25,),
    "runAsUser": (23,),
    "seLinuxOptions": (31,),
    "seccomp": (19,),
    "sysctls": (27, 29, 32, 37),
}
MINORS: Final = sorted({each for minors in EDGES.values() for edge in minors for each in (edge - 1, edge)} | {36})
ASKED: Final = [
    *(Level(profile, minor) for profile in LEVELS for minor in MINORS if minor <= NEWEST),
    *(Level(profile, NEWEST, latest=True) for profile in LEVELS),
]

CHECKS: Final = {
    "privileged-container": "privileged",
    "host-network": "host namespaces",
    "host-pid": "host namespaces",
    "host-ipc": "host namespaces",
    "host-port": "hostPort",
    "probe-host-override": "probe or lifecycle host",
    "windows-host-process": "hostProcess",
    "excess-capability": "unrestricted capabilities",
    "undropped-capabilities": "unrestricted capabilities",
    "unmasked-proc-mount": "procMount",
    "custom-selinux-options": "seLinuxOptions",
    "unconfined-apparmor": "forbidden AppArmor profile",
    "unconfined-seccomp": "seccompProfile",
    "missing-seccomp-profile": "seccompProfile",
    "unsafe-sysctl": "forbidden sysctls",
    "unlisted-volume-type": "restricted volume types",
    "privilege-escalation": "allowPrivilegeEscalation != false",
    "possible-root-user": "runAsNonRoot != true",
    "root-user": "runAsUser=0",
}


def checks(findings: Iterable[Finding], level: Level) -> frozenset[str]:
    """Return what PodSecurity calls the checks that findings belong to."""
    restricted = level.profile is Profile.RESTRICTED
    replaced = {
        "host-path-volume": "restricted volume types" if restricted else "hostPath volumes",
        "dangerous-capability": (
            "unrestricted capabilities" if restricted and level.minor >= 22 else "non-default capabilities"
        ),
    }
    return frozenset((CHECKS | replaced)[finding.rule.slug] for finding in findings)


@pytest.fixture(scope="module")
def oracle(api_server: ApiServer) -> Iterator[Oracle]:
    with contextlib.closing(Oracle(api_server)) as oracle:
        oracle.prepare(ASKED)
        yield oracle


# Generated pods are asked in batches, and the first disagreement names pod and level: nothing is left to shrink.
generated = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate)
)


class Comparison:
    """What was compared, and proof that it was enough."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def agree(self, pod: JsonMap, level: Level, answer: Answer) -> None:
        """Assert that the server and our rules find the same checks failed."""
        assert answer.code in {200, 201, 403, 422}, answer.message
        if answer.checks is None:
            self.seen["invalid"] += 1
            return
        ours = judged(pod, Given(pod_security=level.minor, profile=level.profile))
        sentences = [f"{finding.rule.slug}: {finding.sentence}" for finding in ours]
        assert checks(ours, level) == answer.checks, f"{level}\n{answer.message}\n{sentences}\n{json.dumps(pod)}"
        self.seen["comparable"] += 1
        self.seen.update(answer.checks or ["accepted"])

    def prove_share(self, *, comparable: float, accepted: float) -> None:
        """Assert that enough pods were valid, and enough of these harmless."""
        asked = self.seen["comparable"] + self.seen["invalid"]
        assert self.seen["comparable"] > comparable * asked, self.seen
        assert self.seen["accepted"] > accepted * self.seen["comparable"], self.seen


def edges_of(pod: JsonMap) -> list[int]:
    """Return the versions that changed what a pod touches."""
    text = json.dumps(pod["spec"]) + json.dumps(pod["metadata"])
    return [edge for marker, minors in EDGES.items() if marker in text for edge in minors if edge <= NEWEST]


@st.composite
def levels_for(draw: st.DrawFn, pod: JsonMap) -> list[Level]:
    """Return the levels on both sides of a version that changed what the pod touches, and one at random."""
    edge = draw(st.sampled_from(edges_of(pod)))
    asked = {Level(draw(st.sampled_from(LEVELS)), edge - 1), draw(st.sampled_from(ASKED))}
    return [*asked, *(Level(profile, edge) for profile in LEVELS)]


def test_generated_pods_fail_the_same_checks(oracle: Oracle) -> None:
    comparison = Comparison()
    asked_pods = pods(steps=STANDARD_STEPS).flatmap(lambda pod: levels_for(pod).map(lambda levels: (pod, levels)))

    @settings(generated, max_examples=PODS_PER_RUN // AT_ONCE)
    @given(st.lists(asked_pods, min_size=AT_ONCE, max_size=AT_ONCE))
    def compare(drawn: list[tuple[JsonMap, list[Level]]]) -> None:
        questions = [(pod, level) for pod, levels in drawn for level in levels]
        answers = oracle.ask((pod, level.namespace) for pod, level in questions)
        for (pod, level), answer in zip(questions, answers, strict=True):
            comparison.agree(pod, level, answer)

    compare()

    comparison.prove_share(comparable=0.6, accepted=0.05)
    wanted = {*CHECKS.values(), "hostPath volumes", "non-default capabilities"}
    assert not wanted - comparison.seen.keys(), comparison.seen


def test_generated_ephemeral_containers_fail_the_same_checks(oracle: Oracle) -> None:
    comparison = Comparison()

    @settings(generated, max_examples=DEBUGGERS_PER_RUN // AT_ONCE)
    @given(
        st.lists(
            st.tuples(pods(steps=STANDARD_STEPS, most=3), st.sampled_from(ASKED)), min_size=AT_ONCE, max_size=AT_ONCE
        )
    )
    def compare(drawn: list[tuple[JsonMap, Level]]) -> None:
        for pod, level in drawn:
            context = containers(pod)[0].get("securityContext")
            debugger: JsonMap = {"name": "debugger", "image": "debug:1", "securityContext": context}
            answer = oracle.debug(debugger, level.namespace)
            comparison.agree(with_debugger(debugger), level, answer)

    compare()

    comparison.prove_share(comparable=0.6, accepted=0.05)


def with_debugger(debugger: JsonMap) -> JsonMap:
    """Return the harmless pod with an ephemeral container."""
    pod = hardened_pod()
    spec = pod["spec"]
    assert isinstance(spec, dict)
    spec["ephemeralContainers"] = [debugger]
    return pod


def test_every_single_value_fails_the_same_checks_at_every_version(oracle: Oracle) -> None:
    comparison = Comparison()
    questions = [(laid_over(spec, annotations), level) for spec, annotations in SINGLE_VALUES for level in ASKED]

    answers = oracle.ask((pod, level.namespace) for pod, level in questions)

    for (pod, level), answer in zip(questions, answers, strict=True):
        comparison.agree(pod, level, answer)
    comparison.prove_share(comparable=1 - 1 / len(questions), accepted=0.2)


def test_every_example_fails_the_same_checks_around_every_version_that_concerns_it(oracle: Oracle) -> None:
    comparison = Comparison()
    shown = [pod_of(example) for rule in POD_RULES.values() for example in rule.examples if example.valid]
    questions = [
        (pod, Level(profile, minor))
        for pod in shown
        for edge in edges_of(pod)
        for minor in (edge - 1, edge)
        for profile in LEVELS
    ]

    answers = oracle.ask((pod, level.namespace) for pod, level in questions)

    for (pod, level), answer in zip(questions, answers, strict=True):
        comparison.agree(pod, level, answer)
    comparison.prove_share(comparable=1 - 1 / len(questions), accepted=0.2)
