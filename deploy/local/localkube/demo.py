"""The demo: Stridegate on a real cluster, shown with the commands that a person would type.

A pod that breaks the threat model is refused, a careless Deployment is patched and runs, and the kernel says what its
process really may do.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localkube.binaries import Binaries
from localkube.cluster import Cluster, ExistingCluster
from localkube.errors import CommandFailed, DemoBroken
from localkube.installation import IMAGE, NAMESPACE, SLIM_IMAGE, install, put_image, until, wait_until_armed
from localkube.kind_cluster import KindCluster
from localkube.places import CHECKOUT
from localkube.progress import say

SAMPLES = CHECKOUT / "deploy" / "samples"
SHOP = "shop"

_KERNEL = r"""
import re
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
root = next(line.split()[3].split(",")[0] for line in open("/proc/1/mounts") if line.split()[1] == "/")
for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
    try:
        limit = open(path).read().strip()
        break
    except OSError:
        limit = "unknown"
said = {name: status[name].split()[0] for name in ("CapEff", "NoNewPrivs", "Uid")}
print(" · ".join(f"{name} {value}" for name, value in {**said, "root": root, "memory limit": limit}.items()))
"""


def demonstrate(existing: Path | None, binaries: Binaries) -> None:
    """Run the whole demo, on the user's own cluster where one is named. Raises LocalError."""
    cluster = _existing(existing, binaries) if existing else _own()
    install(cluster, binaries, values=("preset=local",))
    say(f"  armed: {', '.join(wait_until_armed(cluster))}")
    _policy(cluster)
    _refused(cluster)
    _patched(cluster)
    with _told("kubectl get hpol"):
        print(cluster.kubectl("get", "hpol"))
    _reported(cluster)
    _farewell(cluster)


def _own() -> Cluster:
    cluster = KindCluster()
    cluster.create()
    put_image(cluster)
    return cluster


def _existing(kubeconfig: Path, binaries: Binaries) -> Cluster:
    cluster = ExistingCluster(kubeconfig=kubeconfig, kubectl_program=binaries.program("kubectl"))
    print(
        f"KUBECONFIG names the cluster {cluster.name}. The demo installs Stridegate there (namespace {NAMESPACE}, two\n"
        f"webhook configurations, cluster roles) and makes the namespace {SHOP}; its nodes must be able to get the\n"
        f"images {IMAGE} and {SLIM_IMAGE}."
    )
    if not sys.stdin.isatty() or input("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise DemoBroken("nothing was changed: unset KUBECONFIG, and the demo makes a cluster of its own")
    return cluster


def _policy(cluster: Cluster) -> None:
    with _told("kubectl apply -f deploy/samples/threat-model.yaml"):
        cluster.kubectl("apply", "-f", str(SAMPLES / "threat-model.yaml"))
        cluster.kubectl("apply", "-f", "-", stdin=_namespace(SHOP))
        _wait_until_selected(cluster)


def _wait_until_selected(cluster: Cluster) -> None:
    """The operator says in the policy's status when it has seen the namespace; replicas watch the same events."""
    until("the policy selects the namespace", lambda: _field(cluster, "{.status.namespaces}") == "1")
    enforcing = '{.status.conditions[?(@.type=="Enforcing")].status}'
    until("the policy is enforced", lambda: _field(cluster, enforcing) == "True")


def _field(cluster: Cluster, path: str) -> str:
    return cluster.kubectl("get", "hpol", "threat-model", "-o", f"jsonpath={path}")


def _refused(cluster: Cluster) -> None:
    with _told(f"kubectl -n {SHOP} apply -f deploy/samples/bad-pod.yaml"):
        try:
            cluster.kubectl(
                "-n", SHOP, "apply", "-f", "-", stdin=(SAMPLES / "bad-pod.yaml").read_text(encoding="utf-8")
            )
        except CommandFailed as refusal:
            if "Stridegate denied" not in refusal.last_words:
                raise
            print(refusal.last_words)
            return
    raise DemoBroken("the API server admitted deploy/samples/bad-pod.yaml: Stridegate is not enforcing")


def _patched(cluster: Cluster) -> None:
    manifest = (SAMPLES / "plain-deployment.yaml").read_text(encoding="utf-8")
    # The sample's image comes from a registry, which a machine need not reach; ours has a Python as well.
    manifest = manifest.replace("image: python:3.13-slim", f"image: {IMAGE}")
    with _told(f"kubectl -n {SHOP} apply -f deploy/samples/plain-deployment.yaml    (image {IMAGE})"):
        cluster.kubectl("-n", SHOP, "apply", "-f", "-", stdin=manifest)
        cluster.kubectl("-n", SHOP, "rollout", "status", "deployment/web", "--timeout=120s")
    pods = json.loads(cluster.kubectl("-n", SHOP, "get", "pods", "-l", "app.kubernetes.io/name=web", "-o", "json"))
    pod = next(each for each in pods["items"] if "deletionTimestamp" not in each["metadata"])
    print(f"  admitted, patched by {pod['metadata']['annotations']['stridegate.dev/patched']}")
    for line in _changes(pod["spec"]):
        print(f"  {line}")
    with _told("what the kernel says about its process, by kubectl exec"):
        print("  " + cluster.kubectl("-n", SHOP, "exec", "deployment/web", "--", "python3", "-c", _KERNEL).strip())


def _reported(cluster: Cluster) -> None:
    """Show what the scanner says of each node, once it has looked."""
    fresh = '{.items[*].status.conditions[?(@.type=="Fresh")].status}'
    nodes = len(cluster.kubectl("get", "nodes", "-o", "name").split())

    def reported() -> bool:
        return cluster.kubectl("get", "hardeningreports", "-o", f"jsonpath={fresh}").split().count("True") >= nodes

    with _told("kubectl get hardeningreports"):
        until("every node has a fresh report", reported, seconds=120)
        print(cluster.kubectl("get", "hardeningreports"))


def _changes(spec: Mapping[str, object]) -> Iterator[str]:
    """What Stridegate filled in, read from the running pod."""
    for container in _maps(spec.get("containers")):
        yield f"securityContext of {container['name']}: {json.dumps(container.get('securityContext'))}"
        yield f"resources of {container['name']}: {json.dumps(container.get('resources'))}"
    yield f"securityContext of the pod: {json.dumps(spec.get('securityContext'))}"


def _maps(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _farewell(cluster: Cluster) -> None:
    say(f"try it yourself: export KUBECONFIG={cluster.kubeconfig}")
    say("make demo-down takes everything away")


def _namespace(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@contextmanager
def _told(command: str) -> Iterator[None]:
    """Show the command that a person would type, and how long it took."""
    started = time.monotonic()
    say(command)
    yield
    print(f"  ({time.monotonic() - started:.1f} s)")
