"""What the tests of the chart share: Helm, the chart rendered with its own values, and a server that knows our kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from charts import KINDS, Helm, Rendered
from hardeningpolicies import COLLECTION, COMPLETE, Client
from localkube.api_server import ApiServer
from promtool import Promtool


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm.built()


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    return Promtool.built()


@pytest.fixture(scope="session")
def release(helm: Helm) -> Rendered:
    return helm.render()


@pytest.fixture(scope="module")
def client(api_server: ApiServer) -> Iterator[Client]:
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(KINDS))
    api_server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    client = Client(api_server)
    yield client
    client.close()


@pytest.fixture(scope="module")
def stored(client: Client) -> Iterator[dict[str, Any]]:
    """The complete object as the server has it."""
    code, made = client.ask("POST", COLLECTION, COMPLETE)
    assert code == 201, made
    code, reported = client.ask("PUT", f"{COLLECTION}/chart-complete/status", {**made, "status": COMPLETE["status"]})
    assert code == 200, reported
    yield reported
    client.ask("DELETE", f"{COLLECTION}/chart-complete")
