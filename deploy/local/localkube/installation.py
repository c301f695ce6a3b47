"""Installing Stridegate on a cluster with its own chart, as its users do."""

import json
import re
import sys
import time
from collections.abc import Callable, Sequence

from localkube.binaries import Binaries
from localkube.cluster import Cluster
from localkube.commands import run
from localkube.errors import CommandFailed, NotInTime
from localkube.kind_cluster import KindCluster
from localkube.places import CHECKOUT
from localkube.product_image import build_image
from localkube.progress import say, step

CHART = CHECKOUT / "charts" / "stridegate"
NAMESPACE = "stridegate-system"
RELEASE = "stridegate"
VERSION = re.findall(
    r'__version__ = "(.+)"', (CHECKOUT / "controller/stridegate/__init__.py").read_text(encoding="utf-8")
)[0]
IMAGE = f"localhost/stridegate:{VERSION}"
SLIM_IMAGE = f"{IMAGE}-slim"

_ARMED_SECONDS = 120.0


def put_image(cluster: KindCluster) -> None:
    """Build both images from this checkout and load them into a cluster's nodes. Raises CommandFailed."""
    for target, tag in (("slim", SLIM_IMAGE), ("full", IMAGE)):
        build_image(cluster.engine, cluster.binaries.cache, target, tag)
        cluster.load_image(tag)


def install(cluster: Cluster, binaries: Binaries, *, values: Sequence[str] = ()) -> None:
    """Install the chart, or upgrade to it, and wait until its pods are ready. Raises CommandFailed."""
    settings = [word for value in values for word in ("--set", value)]
    with step(f"helm upgrade --install {RELEASE} charts/stridegate -n {NAMESPACE}"):
        try:
            _helm(
                cluster, binaries, "upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE,
                "--create-namespace", "--wait", "--timeout", "3m", *settings,
            )  # fmt: skip
        except CommandFailed:
            say("it did not become ready; what its pods say:")
            print(_complaints(cluster), file=sys.stderr)
            raise


def _complaints(cluster: Cluster) -> str:
    """Collect what tells why pods are not ready: their state, events and last words."""
    questions = (
        ("get", "pods"),
        ("get", "events", "--field-selector=type=Warning"),
        ("logs", "--tail=5", "--prefix", "--all-containers", "-l", "app.kubernetes.io/name=stridegate"),
    )
    answers: list[str] = []
    for question in questions:
        try:
            answers.append(cluster.kubectl("-n", NAMESPACE, *question))
        except CommandFailed as failure:
            answers.append(failure.last_words)
    return "\n".join(answers)


def uninstall(cluster: Cluster, binaries: Binaries) -> None:
    """Uninstall the release and wait until its objects are gone. Raises CommandFailed."""
    with step(f"helm uninstall {RELEASE} -n {NAMESPACE}"):
        _helm(cluster, binaries, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--ignore-not-found")


def helm_test(cluster: Cluster, binaries: Binaries) -> str:
    """Run the chart's own test and return what helm said. Raises CommandFailed where it fails."""
    return _helm(cluster, binaries, "test", RELEASE, "--namespace", NAMESPACE, "--logs")


def _helm(cluster: Cluster, binaries: Binaries, *arguments: str) -> str:
    return run([binaries.program("helm"), "--kubeconfig", cluster.kubeconfig, *arguments])


def armed_entries(cluster: Cluster) -> list[str]:
    """Name the webhook entries that the API server calls now, with what happens when nobody answers."""
    entries: list[str] = []
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
        configuration = json.loads(cluster.kubectl("get", kind, "stridegate", "-o", "json"))
        entries += (
            f"{entry['name'].removesuffix('.stridegate.dev')} ({entry['failurePolicy']})"
            for entry in configuration.get("webhooks") or ()
        )
    return entries


def wait_until_armed(cluster: Cluster) -> list[str]:
    """Wait until the operator has filled in both configurations, and name their entries. Raises NotInTime."""
    entries: list[str] = []

    def armed() -> bool:
        entries[:] = armed_entries(cluster)
        return len(entries) >= 3

    until("Stridegate is armed", armed, seconds=_ARMED_SECONDS)
    return entries


def until(what: str, happened: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Wait for something to happen. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise NotInTime(what, seconds)
        time.sleep(0.2)
