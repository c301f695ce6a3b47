"""What people may type about an exemption, and the object that it amounts to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import click
import pytest

from exempting import exemption
from stridegate.cli import exemption_words as words
from stridegate.engine.catalogue import RULES
from stridegate.model.policies import Workload


@pytest.mark.parametrize(
    ("text", "workload"),
    [
        ("deployment/web", Workload("Deployment", "web")),
        ("deploy/web", Workload("Deployment", "web")),
        ("Deployment/web", Workload("Deployment", "web")),
        ("statefulsets/db", Workload("StatefulSet", "db")),
        ("cronjob/nightly", Workload("CronJob", "nightly")),
        ("pod/batch-", Workload("Pod", "batch-")),
        ("Rollout/web", Workload("Rollout", "web")),
    ],
)
def test_a_workload_is_written_as_for_kubectl(text: str, workload: Workload) -> None:
    assert words.workload(text) == workload


@pytest.mark.parametrize("text", ["web", "deployment", "deployment/", "/web", "rollout/web", ""])
def test_what_is_no_workload_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="wanted KIND/NAME such as deployment/web"):
        words.workload(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("capability=NET_ADMIN", {"capability": "NET_ADMIN"}),
        ("path=/srv/logs", {"path": "/srv/logs"}),
        ("port=8443", {"port": 8443}),
        ("image=registry.example/web:1.0", {"image": "registry.example/web:1.0"}),
        ("memory=16Gi", {"memory": "16Gi"}),
    ],
)
def test_a_value_has_a_key(text: str, value: Mapping[str, object]) -> None:
    assert words.value(text) == value


@pytest.mark.parametrize(
    "text", ["NET_ADMIN", "capability=", "capabilities=NET_ADMIN", "port=https", "digest=sha256:0"]
)
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="wanted "):
        words.value(text)


@pytest.mark.parametrize(("text", "days"), [("30d", 30), ("12h", 0.5), ("2w", 14), ("90d", 90)])
def test_a_span_ends_from_now(text: str, days: float) -> None:
    end = dt.datetime.fromisoformat(words.end(text))

    assert abs(end - dt.datetime.now(dt.UTC) - dt.timedelta(days=days)) < dt.timedelta(minutes=1)


def test_a_date_is_its_first_moment_in_utc() -> None:
    day = (dt.datetime.now(dt.UTC) + dt.timedelta(days=40)).date().isoformat()

    assert (words.end(day), words.end(f"{day}T12:00:00+02:00")) == (f"{day}T00:00:00Z", f"{day}T10:00:00Z")


@pytest.mark.parametrize("text", ["91d", "13w", "0d", "2020-01-31", "9999w"])
def test_an_end_is_within_ninety_days(text: str) -> None:
    with pytest.raises(click.BadParameter, match="within the next 90 days"):
        words.end(text)


@pytest.mark.parametrize("text", ["soon", "30", "30 d", "-1d", "1.5d", "٣d", ""])
def test_what_is_no_end_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="wanted 30d, 12h, 2w, 2027-01-31"):
        words.end(text)


def test_an_exemption_without_a_name_is_named_after_its_workload() -> None:
    spec = {
        **exemption("alice", "dangerous-capability", workload={"kind": "Deployment", "name": "w" * 80})["spec"],
        "ticket": None,
        "containers": [],
    }

    made = words.draft("shop", None, spec, dt.datetime.now(dt.UTC))

    assert made["metadata"] == {"namespace": "shop", "generateName": "w" * 57 + "-"}
    assert "ticket" not in str(made)
    assert "containers" not in str(made)


def test_every_rule_can_be_named() -> None:
    assert [words.rule(slug) for slug in RULES] == list(RULES)
