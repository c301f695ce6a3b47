"""The guide to exemptions, followed line by line on a real API server by its administrator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from charts import Helm
from exempting import Cluster
from localkube.api_server import ApiServer
from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import CHECKOUT, Places
from localkube.versions import KubernetesVersion
from stridegate.operator.exemptions import ACTIVE_REASONS

GUIDE = (CHECKOUT / "docs" / "exemptions.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(sh|yaml)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a person with kubectl, stridegate and a cluster that has the chart's guard."""
    binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
    folder = tmp_path_factory.mktemp("guide")
    command = folder / "stridegate"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT / "controller"} exec {sys.executable} -m stridegate "$@"\n')
    command.chmod(0o755)
    with ApiServer(state_dir=folder / "api") as server:
        cluster = Cluster(server)
        cluster.install(Helm.built().render())
        server.kubectl("create", "namespace", "shop")
        cluster.wait_for_the_guard("shop")
        cluster.close()
        path = os.pathsep.join([str(folder), str(Path(binaries.program("kubectl")).parent), os.environ["PATH"]])
        yield {**os.environ, "PATH": path, "KUBECONFIG": str(server.kubeconfig)}


@pytest.mark.api_server
def test_every_command_of_the_guide_works_in_its_order(reader: dict[str, str]) -> None:
    said: dict[str, str] = {}

    for kind, text in BLOCKS:
        command = text if kind == "sh" else f"kubectl apply -f - <<'END'\n{text}END"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            env=reader, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        said[text] = done.stdout

    rights = next(answer for text, answer in said.items() if "can-i" in text)
    assert re.search(r"hardeningrules\.stridegate\.dev .*\[dangerous-capability\].*\[exempt\]", rights)
    made = next(yaml.safe_load(answer) for text, answer in said.items() if "-o yaml" in text)
    assert (made["metadata"]["name"], made["spec"]["ticket"]) == ("web-vpn", "SEC-4711")
    assert any("Active     shop/web-vpn: Deployment 'web'" in answer for answer in said.values())


def test_the_guide_explains_every_reason() -> None:
    rows = set(re.findall(r"^\| `([A-Z]\w+)` \|", GUIDE, re.MULTILINE))

    assert rows == {each.value for each in ACTIVE_REASONS}


def test_every_block_of_the_guide_is_one_that_is_followed() -> None:
    # The one without a language shows what a person sees at a terminal.
    assert len(re.findall(r"^```", GUIDE, re.MULTILINE)) // 2 == len(BLOCKS) + 1
