"""What users see on a real cluster: refused, patched, warned, and what the kernel says about the result."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from installations import Installation
from localkube.installation import IMAGE
from traffic import Client, pod

pytestmark = pytest.mark.kind
SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
THREAT_MODEL = yaml.safe_load((SAMPLES / "threat-model.yaml").read_text(encoding="utf-8"))["spec"]
SYSTEM = "stridegate-system"
REPLICAS = 10
DEMANDS = {key: value for key, value in THREAT_MODEL.items() if key != "namespaceSelector"}


def plain_deployment() -> str:
    text = (SAMPLES / "plain-deployment.yaml").read_text(encoding="utf-8")
    return text.replace("image: python:3.13-slim", f"image: {IMAGE}")


def test_a_bad_pod_is_refused_with_every_violation_worst_first(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    name = policy(**DEMANDS)

    said = stridegate.refusal("-n", namespace, "apply", "-f", str(SAMPLES / "bad-pod.yaml"))

    assert f'Stridegate denied pod "web" in "{namespace}" (policy {name}): 7 violations' in said
    slugs = re.findall(r"^\d+\. ([a-z-]+) \[", said, re.MULTILINE)
    assert slugs[:2] == ["container-runtime-socket", "privileged-container"]
    assert set(slugs) >= {"host-network", "host-pid", "host-path-volume"}
    assert "stridegate explain" in said


def test_a_careless_deployment_runs_with_what_its_patches_promise(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**DEMANDS)
    manifest = plain_deployment()

    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=manifest)
    stridegate.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s")

    status, mounts, limit = process_facts(stridegate, namespace, "web")
    assert status["CapEff"] == "0000000000000000"
    assert status["CapBnd"] == "0000000000000000"
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split()[0] == "65532"
    assert mounts["/"].split(",")[0] == "ro"
    assert mounts["/tmp"].split(",")[0] == "rw"  # noqa: S108 - the path that the policy declares writable
    assert limit == str(256 * 2**20)


def test_the_replicas_of_a_deployment_are_judged_once_by_each_replica_of_the_webhook(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**DEMANDS)
    before = reviews_recalled(stridegate)

    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=plain_deployment())
    stridegate.kubectl("-n", namespace, "scale", "deployment/web", f"--replicas={REPLICAS}")
    stridegate.kubectl(
        "-n", namespace, "wait", "deployment/web", f"--for=jsonpath={{.status.replicas}}={REPLICAS}", "--timeout=60s"
    )

    recalled = [after - before.get(name, 0) for name, after in reviews_recalled(stridegate).items()]
    # Every pod is reviewed twice, to patch and to judge it; the first of each is new to whoever reviews it.
    assert sum(recalled) >= 2 * (REPLICAS - len(recalled))


def reviews_recalled(stridegate: Installation) -> dict[str, int]:
    """Return how many reviews each replica of the webhook has answered as it answered one that was alike."""
    pods = f"/api/v1/namespaces/{SYSTEM}/pods"
    found = json.loads(
        stridegate.kubectl("get", "--raw", f"{pods}?labelSelector=app.kubernetes.io/component%3Dwebhook")
    )
    names = [each["metadata"]["name"] for each in found["items"] if "deletionTimestamp" not in each["metadata"]]
    told = {name: stridegate.kubectl("get", "--raw", f"{pods}/{name}:9090/proxy/metrics") for name in names}
    counted = re.compile(r"^stridegate_admission_recalled_total ([0-9]+)", re.MULTILINE)
    return {name: int(found[1]) for name, text in told.items() if (found := counted.search(text))}


def process_facts(stridegate: Installation, namespace: str, app: str) -> tuple[dict[str, str], dict[str, str], str]:
    """Read the kernel's truth about a pod's first process on the node that runs it."""
    found = stridegate.kubectl("-n", namespace, "get", "pods", "-l", f"app.kubernetes.io/name={app}", "-o", "json")
    running = next(each for each in json.loads(found)["items"] if "deletionTimestamp" not in each["metadata"])
    node = running["spec"]["nodeName"]
    container = running["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    inspected = json.loads(stridegate.cluster.on_node(node, "crictl", "inspect", container))
    pid = str(inspected["info"]["pid"])
    read = stridegate.cluster.on_node
    status = dict(
        line.split(":\t", 1) for line in read(node, "cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
    )
    mounts = {line.split()[1]: line.split()[3] for line in read(node, "cat", f"/proc/{pid}/mounts").splitlines()}
    groups = [line.split(":", 2) for line in read(node, "cat", f"/proc/{pid}/cgroup").splitlines()]
    version_1 = next((path for _, controllers, path in groups if "memory" in controllers.split(",")), None)
    if version_1 is not None:
        limit = read(node, "cat", f"/sys/fs/cgroup/memory{version_1}/memory.limit_in_bytes")
    else:
        limit = read(node, "cat", f"/sys/fs/cgroup{groups[0][2]}/memory.max")
    return {key: value.strip() for key, value in status.items()}, mounts, limit.strip()


def test_a_deployment_that_breaks_the_policy_is_warned_about_when_it_is_applied(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**DEMANDS)
    manifest = yaml.safe_load(plain_deployment())
    manifest["spec"]["template"]["spec"]["hostNetwork"] = True

    applied = stridegate.kubectl_aloud("-n", namespace, "apply", "-f", "-", stdin=json.dumps(manifest))

    assert "deployment.apps/web created" in applied.stdout
    assert re.search(r"Warning: pods of this Deployment will be denied: .*host-network", applied.stderr)


def test_what_is_patched_in_the_pods_of_a_template_is_not_warned_about(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**DEMANDS)

    applied = stridegate.kubectl_aloud(
        "-n", namespace, "apply", "--dry-run=server", "-f", "-", stdin=plain_deployment()
    )

    warned = re.findall(r"^Warning: pods of this Deployment would violate: ([a-z-]+) \[", applied.stderr, re.MULTILINE)
    assert warned
    assert set(warned) <= {slug for slug, setting in DEMANDS["rules"].items() if setting.get("action") == "warn"}


def test_the_fix_in_a_denial_heals_the_deployment_when_it_is_pasted(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**{**DEMANDS, "patching": "none"})
    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=plain_deployment())
    event = denial_of_replicas(stridegate, namespace)

    fix = re.search(r"^fix \(Deployment \"web\".*?\): kubectl (.+)$", event, re.MULTILINE)
    assert fix is not None
    stridegate.kubectl(*shlex.split(fix[1]))

    stridegate.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s")


def denial_of_replicas(stridegate: Installation, namespace: str) -> str:
    """Return the message that the Deployment's ReplicaSet got, which its condition carries."""
    stridegate.kubectl("-n", namespace, "wait", "--for=condition=ReplicaFailure", "deployment/web", "--timeout=60s")
    path = '{.status.conditions[?(@.type=="ReplicaFailure")].message}'
    return stridegate.kubectl("-n", namespace, "get", "deployment", "web", "-o", f"jsonpath={path}")


def test_an_ephemeral_container_is_judged_like_any_other(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(**DEMANDS)
    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=plain_deployment())
    stridegate.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s")
    target = stridegate.kubectl("-n", namespace, "get", "pods", "-o", "name").split()[0]

    said = stridegate.refusal("-n", namespace, "debug", target, f"--image={IMAGE}", "--profile=sysadmin", "-q")

    assert "privileged-container [E, critical] ephemeralContainers[debugger-" in said


def test_a_resize_above_the_ceiling_is_refused_and_one_below_is_not(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    ceiling = {"excessive-memory-limit": {"parameters": {"ceiling": "512Mi"}}}
    policy(**{**DEMANDS, "rules": {**DEMANDS["rules"], **ceiling}})
    stridegate.kubectl("-n", namespace, "apply", "-f", "-", stdin=plain_deployment())
    stridegate.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=120s")
    target = stridegate.kubectl("-n", namespace, "get", "pods", "-o", "name").split()[0]

    def resize(limit: str) -> list[str]:
        change = {"spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": limit}}}]}}
        return ["-n", namespace, "patch", target, "--subresource=resize", "--dry-run=server", "-p", json.dumps(change)]

    stridegate.kubectl(*resize("300Mi"))
    said = stridegate.refusal(*resize("1Gi"))

    assert "excessive-memory-limit [D, medium] containers[web]" in said


def test_labels_and_finalizers_of_a_pod_from_before_the_policy_can_still_change(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    violator = pod(privileged=True)
    violator["metadata"] = {"name": "old", "finalizers": ["example.com/hold"]}
    stridegate.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(violator))
    policy(**DEMANDS)

    stridegate.kubectl("-n", namespace, "label", "pod", "old", "touched=yes")
    stridegate.kubectl("-n", namespace, "delete", "pod", "old", "--wait=false")
    stridegate.kubectl(
        "-n", namespace, "patch", "pod", "old", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]'
    )

    stridegate.kubectl("-n", namespace, "wait", "--for=delete", "pod/old", "--timeout=60s")


def test_a_change_of_policy_is_live_in_every_replica_within_two_seconds(
    stridegate: Installation, namespace: str, policy: Callable[..., str]
) -> None:
    policy(profile="baseline", action="audit")
    with Client(stridegate.cluster.kubeconfig) as client:
        before = [client.create(namespace, pod(privileged=True)) for _ in range(6)]

    policy(profile="baseline", action="deny")
    with stridegate.stream(namespace, privileged=True, per_second=50) as stream:
        time.sleep(2)
        settled = len(stream.answers)
        time.sleep(3)

    assert all(answer.admitted for answer in before)
    assert len(stream.answers) - settled >= 50
    assert all(answer.denied for answer in stream.answers[settled:])
