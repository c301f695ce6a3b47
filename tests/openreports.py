"""The kind ClusterReport of OpenReports as its own module defines it, and objects of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import yaml

from localkube.api_server import ApiServer
from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import Places
from localkube.versions import KubernetesVersion


@cache
def _definition() -> str:
    binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
    module = binaries.module_source("openreports")
    return (module / "config" / "crd" / "openreports.io_clusterreports.yaml").read_text(encoding="utf-8")


def kind() -> dict[str, Any]:
    """Return the definition of the kind."""
    definition: dict[str, Any] = yaml.safe_load(_definition())
    return definition


def serve(server: ApiServer, definition: dict[str, Any] | None = None) -> None:
    """Let a server serve the kind, as it is or as it is given."""
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(definition or kind()))
    server.kubectl("wait", "--for=condition=Established", "crd/clusterreports.openreports.io", "--timeout=30s")


def open_reports(server: ApiServer) -> dict[str, dict[str, Any]]:
    """Return every ClusterReport by name."""
    found = json.loads(server.kubectl("get", "clusterreports.openreports.io", "-o", "json"))["items"]
    return {each["metadata"]["name"]: each for each in found}
