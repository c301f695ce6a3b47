"""Shapes that nobody hopes for: nulls, unknown things, odd names, a thousand containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from specimens import HERE, judged, laid_over, patched, pod_of, policy, regime, setting_of, slugs, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.engine.mend import mend
from stridegate.model.edits import Json
from stridegate.model.rules import Given
from stridegate.model.vocabulary import Patching, Profile
from work import TENFOLD, calls

EVERYTHING = regime(policy(patching=Patching.ALL, override=True))


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"metadata": None, "spec": None},
        {"spec": {}},
        {"spec": {"containers": None, "initContainers": None, "ephemeralContainers": None, "volumes": None}},
        {"spec": {"containers": [], "volumes": []}},
        {"spec": {"securityContext": None, "containers": [{"name": "app", "securityContext": None}]}},
        {"spec": {"securityContext": {}, "containers": [{"securityContext": {"capabilities": {}}, "resources": None}]}},
        {"spec": {"containers": [{"resources": {"limits": None, "requests": None}, "ports": None}]}},
        {"spec": {"containers": [{"livenessProbe": None, "lifecycle": {"preStop": None}, "volumeMounts": None}]}},
        {"metadata": {"annotations": None, "labels": None}, "spec": {"containers": [{"name": ""}], "os": None}},
    ],
)
def test_nothing_and_null_are_the_same_and_break_no_rule_off(pod: JsonMap) -> None:
    found = judged(pod)

    assert not [finding.error for finding in found if finding.error]
    operations = mend(EVERYTHING, view(pod), HERE).operations
    assert not mend(EVERYTHING, view(patched(pod, operations)), HERE).operations


def test_a_pod_without_a_spec_is_not_patched() -> None:
    assert not mend(EVERYTHING, view({"metadata": {"name": "x"}}), HERE).operations


def test_unknown_fields_are_ignored() -> None:
    pod = laid_over("{future: {x: 1}, containers: [{name: app, future: [1], securityContext: {future: true}}]}")

    assert not judged(pod)


@pytest.mark.parametrize(
    ("spec", "slug"),
    [
        ("containers: [{name: app, securityContext: {procMount: Half}}]", "unmasked-proc-mount"),
        ("securityContext: {seccompProfile: {type: Kernel}}", "unconfined-seccomp"),
        ("securityContext: {appArmorProfile: {type: Kernel}}", "unconfined-apparmor"),
        ("securityContext: {seLinuxOptions: {type: container_x_t}}", "custom-selinux-options"),
        ("containers: [{name: app, securityContext: {capabilities: {add: [FUTURE]}}}]", "dangerous-capability"),
        ("volumes: [{name: x, future: {}}]", "unlisted-volume-type"),
        ("securityContext: {sysctls: [{name: net.future, value: x}]}", "unsafe-sysctl"),
    ],
)
def test_what_the_next_version_may_bring_fails(spec: str, slug: str) -> None:
    assert slugs(judged(laid_over(spec))) == {slug}


def test_an_unknown_operating_system_is_not_windows() -> None:
    pod = laid_over("{os: {name: Windows}, containers: [{name: app, securityContext: null}]}")

    assert "privilege-escalation" in slugs(judged(pod))


@pytest.mark.parametrize("volume", [{"name": "x"}, {"name": "x", "hostPath": None}, {"name": "x", "emptyDir": {}}])
def test_a_volume_without_a_source_is_an_empty_one(volume: Json) -> None:
    pod = hardened_pod()
    spec = pod["spec"]
    assert isinstance(spec, dict)
    spec["volumes"] = [volume]

    assert not judged(pod)
    assert view(pod).volumes[0].sources == ("emptyDir",)


def test_one_name_in_three_lists_is_three_containers() -> None:
    bare = "[{name: twin, image: x}]"
    pod = laid_over(f"{{initContainers: {bare}, ephemeralContainers: {bare}, containers: {bare}}}")

    owners = {finding.key[1] for finding in judged(pod) if finding.rule.slug == "privilege-escalation"}

    assert owners == {"initContainers[twin]", "containers[twin]", "ephemeralContainers[twin]"}


def test_a_container_without_a_name_is_named_by_its_place() -> None:
    pod: JsonMap = {"spec": {"containers": [{"name": "app"}, {}]}}

    owners = {finding.key[1] for finding in judged(pod) if finding.rule.slug == "privilege-escalation"}

    assert owners == {"containers[app]", "containers[1]"}


def _careless(size: int) -> JsonMap:
    """Return a pod with so many containers, volumes, annotations, and mounts of each volume in one container."""
    names = [f"n{index}" for index in range(size)]
    mounts: list[Json] = [{"name": name, "mountPath": f"/{name}", "subPath": "x"} for name in names]
    return {
        "metadata": {"annotations": {f"example.org/{name}": "" for name in names}},
        "spec": {
            "containers": [{"name": name} for name in names],
            "initContainers": [{"name": "all", "volumeMounts": mounts}],
            "volumes": [{"name": name, "hostPath": {"path": f"/srv/{name}"}} for name in names],
        },
    }


def _judge_and_mend(size: int) -> None:
    pod = view(_careless(size))
    assert len(mend(EVERYTHING, pod, HERE).operations) >= 3 * size
    evaluate(EVERYTHING.questions, pod)


def test_the_work_grows_with_the_pod_and_no_faster() -> None:
    assert calls(lambda: _judge_and_mend(1000)) < TENFOLD * calls(lambda: _judge_and_mend(100))


def _multiplied(pod: JsonMap, size: int) -> JsonMap:
    """Return a pod with every container, volume and annotation so many times, each under a name of its own."""
    spec = dict(cast("JsonMap", pod["spec"]))
    for key, listed in spec.items():
        if isinstance(listed, list) and listed and all(isinstance(each, dict) for each in listed):
            maps = cast("list[JsonMap]", listed)
            spec[key] = [{**each, "name": f"{each.get('name', '')}{n}"} for n in range(size) for each in maps]
    metadata = cast("dict[str, JsonMap]", pod["metadata"])
    marks: JsonMap = {
        f"{key}{n}": value for key, value in (metadata.get("annotations") or {}).items() for n in range(size)
    }
    return {"metadata": {"annotations": marks}, "spec": spec}


@pytest.mark.parametrize("slug", POD_RULES)
def test_the_work_of_a_rule_grows_with_what_it_looks_at_and_no_faster(slug: str) -> None:
    rule = POD_RULES[slug]
    example = next(each for each in rule.examples if each.verdict == "bad")

    def judge(size: int) -> Callable[[], object]:
        pod = _multiplied(pod_of(example), size)
        return lambda: list(rule.check(view(pod, (), setting_of(example)), example.given))

    assert calls(judge(200)) < TENFOLD * calls(judge(20))


def test_a_declaration_is_not_read_further_than_it_may_go() -> None:
    declaration = "app=" + ",".join(f"/srv/{index}" for index in range(10_000))
    pod = laid_over("containers: [{name: app, securityContext: null}]", {"stridegate.dev/writable-paths": declaration})

    (warning,) = [finding for finding in judged(pod) if finding.key[1:3] == ("pod", _ANNOTATED)]

    assert warning.sentence.endswith("must name at most 32 paths")


_ANNOTATED = "metadata.annotations[stridegate.dev/writable-paths]"


@pytest.mark.parametrize("slug", POD_RULES)
def test_every_rule_judges_a_careless_pod_without_an_error(slug: str) -> None:
    bare: JsonMap = {"spec": {"containers": [{"name": "app", "image": "x"}], "volumes": [{}]}}
    rule = POD_RULES[slug]

    found = list(rule.check(view(bare), Given(profile=Profile.HARDENED)))

    assert all(violation.observed and violation.wanted for violation in found)
