"""The kind ClusterReport of OpenReports as its own module defines it, and objects of it."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from localkube.api_server import ApiServer
from localkube.binaries import Binaries
from localkube.cache import Cache, digest
from localkube.places import RECIPES, Places
from localkube.versions import KubernetesVersion
from operated import eventually

_FILE = "openreports.io_clusterreports.yaml"


@cache
def _definition() -> str:
    shared = Cache(root=Places.of().cache)
    binaries = Binaries(cache=shared, kubernetes=KubernetesVersion.chosen())

    def fetch(place: Path) -> None:
        shutil.copy(binaries.module_source("openreports") / "config" / "crd" / _FILE, place)

    # Kept as programs are: who has it needs neither Go nor a network.
    folder = shared.built("openreports", digest([RECIPES / "modules" / "openreports"]), fetch)
    return (folder / _FILE).read_text(encoding="utf-8")


def kind() -> dict[str, Any]:
    """Return the definition of the kind."""
    definition: dict[str, Any] = yaml.safe_load(_definition())
    return definition


def serve(server: ApiServer, definition: dict[str, Any] | None = None) -> None:
    """Let a server serve the kind, as it is or as it is given."""
    given = definition or kind()
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(given))
    # A kind that was there before answers 429 for a while.
    eventually(lambda: '"items"' in _answer(server, given["spec"]["versions"][0]["name"]))


def unserve(server: ApiServer) -> None:
    """Let a server know nothing of the kind any more, nor of its objects."""
    server.kubectl("delete", "crd", "clusterreports.openreports.io", "--ignore-not-found", "--timeout=30s")
    eventually(lambda: "(NotFound)" in _answer(server, "v1alpha1"))


def _answer(server: ApiServer, version: str) -> str:
    return server.kubectl("get", "--raw", f"/apis/openreports.io/{version}/clusterreports", check=False)


def open_reports(server: ApiServer) -> dict[str, dict[str, Any]]:
    """Return every ClusterReport by name."""
    found = json.loads(server.kubectl("get", "clusterreports.openreports.io", "-o", "json"))["items"]
    return {each["metadata"]["name"]: each for each in found}
