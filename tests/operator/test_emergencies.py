"""What the README says to do when pods are refused and nobody answers, on a real API server."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from charts import CHART, Helm
from localkube.api_server import ApiServer
from localkube.errors import CommandFailed
from localkube.places import CHECKOUT
from operated import CONFIGURATIONS, NAMESPACE, Operated, eventually

pytestmark = pytest.mark.api_server

POD = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "any"},
        "spec": {"containers": [{"name": "a", "image": "registry.example/a:1"}]},
    }
)
DELETION = "delete validatingwebhookconfiguration stridegate"


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Operated]:
    """A release that is armed."""
    with ApiServer(state_dir=tmp_path / "api") as server:
        operated = Operated(server, Helm.built(), tmp_path)
        operated.install()
        operated.start_operator("first")
        try:
            operated.start_webhook()
            eventually(lambda: len((operated.armed() or {}).get(CONFIGURATIONS[0], ())) > 1)
            yield operated
        finally:
            operated.stop()


def refusal(release: Operated) -> str:
    """Return why a pod is refused; empty where it is not."""
    try:
        release.server.kubectl("create", "--dry-run=server", "-f", "-", stdin=POD)
    except CommandFailed as failure:
        return failure.last_words
    return ""


def test_pods_pass_once_the_configuration_is_deleted_and_an_upgrade_brings_it_back(release: Operated) -> None:
    release.processes["webhook"].stop(signal.SIGKILL)
    refused = eventually(lambda: refusal(release))

    release.server.kubectl(*DELETION.split())
    eventually(lambda: not refusal(release))
    release.processes["webhook"].start()
    release.helm.run(
        "upgrade", "stridegate", CHART, "--namespace", NAMESPACE, "--kubeconfig", release.server.kubeconfig
    )

    assert 'failed calling webhook "pods.validate.stridegate.dev"' in refused
    eventually(lambda: len((release.armed() or {}).get(CONFIGURATIONS[0], ())) > 1)
    assert refusal(release) == ""


def test_the_readme_says_so() -> None:
    assert f"kubectl {DELETION}" in (CHECKOUT / "README.md").read_text()
