"""What a finding says beside that there is one: its place, its value, its rank, and how safe its patch is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from specimens import broken_by, judged, laid_over, pod_of, setting_of
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import CONTAINER, JsonMap, hardened_container
from stridegate.model.edits import Json
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Example, Given, Parameters, PodRule, Quantity
from stridegate.model.vocabulary import Safety

BAD = [
    pytest.param(rule, example, id=f"{rule.slug}: {example.title}")
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.verdict == "bad"
]


def found(rule: PodRule, example: Example, pod: JsonMap) -> list[Finding]:
    """Return what the rule itself finds in a pod."""
    setting = setting_of(example)
    everything = judged(pod, example.given, named=broken_by(rule, example), setting=setting)
    return [finding for finding in everything if finding.rule is rule]


def broken_off(document: Json, pointer: Pointer) -> Iterator[Pointer]:
    """Yield the parts of a pointer that lead to an element that is not there; a field may be absent."""
    current = document
    for length, part in enumerate(pointer, 1):
        if isinstance(part, int):
            listed = current if isinstance(current, list) else []
            if part >= len(listed):
                yield pointer[:length]
                return
            current = listed[part]
        else:
            assert part
            current = current.get(part) if isinstance(current, dict) else None


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_finding_points_into_the_pod_by_steps_that_are_there(rule: PodRule, example: Example) -> None:
    pod = pod_of(example)

    for finding in found(rule, example, pod):
        if finding.violation is not None:
            place = finding.violation.place
            assert not list(broken_off(pod, place.pointer))
            assert all(isinstance(part, str | int) for part in place.pointer)
            assert isinstance(finding.violation.value, str)


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_patch_says_how_safe_it_is(rule: PodRule, example: Example) -> None:
    for finding in found(rule, example, pod_of(example)):
        patch = finding.violation.patch if finding.violation else None
        assert patch is None or isinstance(patch.safety, Safety)


@pytest.mark.parametrize(("rule", "example"), BAD)
def test_a_neighbour_that_keeps_to_everything_hides_nothing(rule: PodRule, example: Example) -> None:
    pod = pod_of(example)
    spec = cast("dict[str, list[JsonMap]]", pod["spec"])
    alone = {finding.key for finding in found(rule, example, pod)}
    neighbour = hardened_container("neighbour")
    neighbour["resources"] = {
        "limits": {"memory": "64Mi", "cpu": "1", "ephemeral-storage": "1Gi"},
        "requests": {"memory": "64Mi", "cpu": "1"},
    }
    neighbour["image"] = f"registry.example/neighbour@sha256:{'0' * 64}"
    neighbour["imagePullPolicy"] = "Always"
    probe: JsonMap = {"httpGet": {"port": 80}}
    spec["containers"] = [{**neighbour, "livenessProbe": probe, "readinessProbe": probe}, *spec["containers"]]
    spec["initContainers"] = [{**neighbour, "name": "before"}, *spec.get("initContainers", [])]

    assert {finding.key for finding in found(rule, example, pod)} >= alone


def spoken(spec: str, annotations: dict[str, str] | None = None, given: Given | None = None, *, rule: str) -> set[str]:
    """Return the values that a rule finds wrong."""
    pod = laid_over(spec, annotations)
    return {
        finding.violation.value
        for finding in judged(pod, given, named={rule})
        if finding.rule.slug == rule and finding.violation is not None
    }


def _app(fields: str) -> str:
    return f"containers: [{{name: {CONTAINER}, {fields}}}]"


_LOGS = f"{_app('volumeMounts: [{name: x, mountPath: /logs, subPath: pods}]')}\nvolumes: [{{name: x, hostPath: {{path: /var//log/}}}}]"
_PORTS = "ports: [{containerPort: 1, hostPort: 80}, {containerPort: 2, hostPort: 80, protocol: UDP}]"


# An exemption may be for these values alone, and two violations of one place are told apart by them.
@pytest.mark.parametrize(
    ("rule", "spec", "values"),
    [
        (
            "container-runtime-socket",
            "volumes: [{name: x, hostPath: {path: /var/run/docker.sock}}]",
            {"/run/docker.sock"},
        ),
        ("container-runtime-socket", "volumes: [{name: x, hostPath: {path: null, type: Socket}}]", {""}),
        ("control-plane-toleration", "tolerations: [{operator: Exists}]", {""}),
        ("control-plane-toleration", "tolerations: [{operator: Exists, effect: NoExecute}]", {"NoExecute"}),
        ("custom-selinux-options", "securityContext: {seLinuxOptions: {type: spc_t}}", {"spc_t"}),
        ("custom-selinux-options", "securityContext: {seLinuxOptions: {user: u, role: r}}", {"u", "r"}),
        ("dangerous-capability", _app("securityContext: {capabilities: {add: [BPF, SYS_TIME]}}"), {"BPF", "SYS_TIME"}),
        ("excess-capability", _app("securityContext: {capabilities: {add: [CHOWN, SETUID]}}"), {"CHOWN", "SETUID"}),
        ("host-alias-override", "hostAliases: [{ip: 1.2.3.4, hostnames: [a, b]}]", {"[a, b]"}),
        ("host-device", "volumes: [{name: x, hostPath: {path: /dev/sda}}]", {"/dev/sda"}),
        ("host-path-volume", "volumes: [{name: x, hostPath: {path: /data}}]", {"/data"}),
        ("host-path-volume", "volumes: [{name: x, hostPath: {path: null}}]", {""}),
        ("host-port", _app(_PORTS), {"80/TCP", "80/UDP"}),
        ("host-port-on-every-address", _app(_PORTS), {"80/TCP", "80/UDP"}),
        ("mutable-image-tag", _app("image: 'x:latest'"), {"x:latest"}),
        ("mutable-image-tag", _app("image: null"), {""}),
        ("net-raw-capability", _app("securityContext: {capabilities: {add: [cap_net_raw]}}"), {"NET_RAW"}),
        ("pinned-node", "nodeName: node1", {"node1"}),
        ("probe-host-override", _app("livenessProbe: {httpGet: {port: 1, host: 1.2.3.4}}"), {"1.2.3.4"}),
        ("proc-working-directory", _app("workingDir: /proc/self"), {"/proc/self"}),
        ("secret-in-environment", _app("envFrom: [{secretRef: {name: db}}]"), {"db"}),
        ("sensitive-host-path", _LOGS, {"/var/log/pods"}),
        ("subpath-expression", _app("volumeMounts: [{name: x, mountPath: /x, subPathExpr: $(A)}]"), {"$(A)"}),
        ("system-path-mount", _app("volumeMounts: [{name: x}]"), {""}),
        ("system-priority-class", "priorityClassName: system-node-critical", {"system-node-critical"}),
        ("targeted-ephemeral-container", "ephemeralContainers: [{name: x, targetContainerName: app}]", {"app"}),
        ("undigested-image", _app("image: 'x:1'"), {"x:1"}),
        ("unlisted-volume-type", "volumes: [{name: x, nfs: {server: x}}]", {"nfs"}),
        ("unsafe-sysctl", "securityContext: {sysctls: [{name: kernel.sem}]}", {"kernel.sem"}),
        ("untrusted-registry", _app("image: 'x:1'"), {"x:1"}),
        ("writable-host-path", _LOGS, {"/var/log/pods"}),
    ],
)
def test_a_finding_has_the_value_that_an_exemption_may_name(rule: str, spec: str, values: set[str]) -> None:
    given = Given(parameters=Parameters(allow=("registry.example",))) if rule == "untrusted-registry" else Given()

    assert spoken(spec, given=given, rule=rule) == values


def test_a_tag_that_the_policy_does_not_list_is_let_pass() -> None:
    given = Given(parameters=Parameters(tags=("stable", "Edge")))

    assert not spoken(_app("image: 'x:1'"), given=given, rule="mutable-image-tag")
    assert spoken(_app("image: 'x:EDGE'"), given=given, rule="mutable-image-tag") == {"x:EDGE"}


@pytest.mark.parametrize("medium", ["HugePages", "HugePages-2Mi", "''"])
def test_what_is_no_memory_medium_is_bounded_by_others(medium: str) -> None:
    found = judged(
        laid_over(f"volumes: [{{name: x, emptyDir: {{medium: {medium}}}}}]"), named={"unlimited-memory-volume"}
    )

    assert not [finding for finding in found if finding.rule.slug == "unlimited-memory-volume"]


def test_what_the_pod_requests_for_all_hides_nothing_else() -> None:
    pod = laid_over("resources: {requests: {cpu: '1'}}\ncontainers: [{name: app, resources: null}]")

    found = judged(pod, named={"missing-resource-requests"})

    assert [each.sentence for each in found if each.rule.slug == "missing-resource-requests"] == [
        "containers[app]: resources.requests.memory is absent → must be above 0"
    ]


def _token(seconds: int) -> str:
    return f"volumes: [{{name: x, projected: {{sources: [{{serviceAccountToken: {{path: t, expirationSeconds: {seconds}}}}}]}}}}]"


@pytest.mark.parametrize(
    ("rule", "bad", "worse"),
    [
        ("overlong-projected-token", _token(10_000), _token(20_000)),
        (
            "excessive-memory-limit",
            _app("resources: {limits: {memory: 9Gi}}"),
            _app("resources: {limits: {memory: 10Gi}}"),
        ),
    ],
)
def test_more_of_the_same_ranks_higher(rule: str, bad: str, worse: str) -> None:
    given = Given(parameters=Parameters(ceiling=Quantity("8Gi", parse_quantity("8Gi"))))

    def rank(spec: str) -> int:
        (finding,) = [each for each in judged(laid_over(spec), given, named={rule}) if each.rule.slug == rule]
        assert finding.violation is not None
        return finding.violation.rank

    assert 0 < rank(bad) < rank(worse)


def test_everybody_who_runs_as_root_by_the_pods_word_is_named() -> None:
    pod = laid_over("securityContext: {runAsUser: 0}\ninitContainers: [{name: first, image: 'x:1'}]")

    (finding,) = [each for each in judged(pod) if each.rule.slug == "root-user"]

    assert "first, app run as root by it" in finding.sentence


def test_a_limit_of_a_volume_that_is_no_quantity_is_told() -> None:
    pod = laid_over("volumes: [{name: x, emptyDir: {medium: Memory, sizeLimit: []}}]")

    (finding,) = [each for each in judged(pod) if each.rule.slug == "unlimited-memory-volume"]

    assert "must be a quantity such as 64Mi" in finding.sentence


def test_a_limit_that_is_none_is_shown() -> None:
    pod = laid_over("volumes: [{name: x, emptyDir: {sizeLimit: '0'}}]")

    (finding,) = [each for each in judged(pod, named={"unlimited-ephemeral-storage"}) if "volumes[x]" in each.sentence]

    assert "sizeLimit is 0 →" in finding.sentence
