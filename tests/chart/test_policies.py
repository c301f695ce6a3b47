"""HardeningPolicy objects on a real API server: what is filled in, kept apart and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from charts import SAMPLES
from hardeningpolicies import COLLECTION, Client, policy, tried
from localkube.api_server import ApiServer


@pytest.mark.api_server
def test_what_a_policy_leaves_out_is_filled_in(client: Client) -> None:
    _, answer = tried(client, policy())

    assert answer["spec"] == {
        "profile": "baseline",
        "action": "audit",
        "patching": "none",
        "templates": "warn",
        "podSecurityVersion": "latest",
    }


@pytest.mark.api_server
def test_writing_the_spec_cannot_change_the_status(client: Client, stored: dict[str, Any]) -> None:
    forged = {**stored, "status": {"wouldDeny": 0}}

    _, answer = client.ask("PUT", f"{COLLECTION}/chart-complete?dryRun=All", forged)

    assert answer["status"] == stored["status"]


@pytest.mark.api_server
@pytest.mark.usefixtures("stored")
def test_kubectl_shows_a_policy_in_one_line(api_server: ApiServer) -> None:
    said = api_server.kubectl("get", "hpol", "chart-complete")

    header, line = said.strip().splitlines()
    assert header.split("   ")[0] == "NAME"
    assert [word.strip() for word in header.split("  ") if word] == [
        *("NAME", "PROFILE", "ACTION", "PATCHING", "NAMESPACES", "WOULD DENY", "ENFORCING", "AGE")
    ]
    assert line.split()[:-1] == ["chart-complete", "hardened", "warn", "safe", "14", "3", "True"]


@pytest.mark.api_server
@pytest.mark.usefixtures("stored")
def test_policies_are_found_under_security_and_never_under_all(api_server: ApiServer, tmp_path: Path) -> None:
    # What kubectl discovered before the kind was there knows no such category.
    fresh = ("-o", "name", f"--cache-dir={tmp_path}")

    assert "hardeningpolicy.stridegate.dev/chart-complete" in api_server.kubectl("get", "security", *fresh)
    assert "chart-complete" not in api_server.kubectl("get", "all", *fresh)


@pytest.mark.api_server
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("client")
def test_every_sample_is_accepted_by_the_api_server(api_server: ApiServer, path: Path) -> None:
    said = api_server.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(path))

    assert "created" in said
