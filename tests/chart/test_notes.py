"""What Helm tells the person who installed Stridegate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from authorities import Authority
from charts import CHART, Helm


def notes(helm: Helm, values: dict[str, Any]) -> str:
    said = helm.run(
        *("install", "stridegate", CHART, "-n", "stridegate-system", "--dry-run=client", "--values", "-"),
        stdin=json.dumps(values),
    )
    return said.split("NOTES:\n")[1]


def test_the_notes_say_what_is_enforced_where_and_what_to_type_next(helm: Helm) -> None:
    golden = Path(__file__).with_name("notes.txt").read_text(encoding="utf-8")

    assert notes(helm, {}) == golden


def test_the_notes_speak_of_reports_where_a_scanner_makes_them(helm: Helm) -> None:
    said = [notes(helm, {"scanner": {"enabled": enabled}}) for enabled in (True, False)]

    assert ["kubectl get hardeningreports" in each for each in said] == [True, False]


def test_the_notes_name_every_namespace_that_is_left_out(helm: Helm) -> None:
    said = notes(helm, {"excludedNamespaces": ["calico-system"]})

    assert "  kube-system, stridegate-system, stridegate-scanner, calico-system\n" in said


def test_the_notes_say_how_to_find_an_excluded_namespace_that_nobody_owns(helm: Helm) -> None:
    said = notes(helm, {"platform": ["calico"], "excludedNamespaces": ["my-cni"]})

    assert "  kubectl get namespace calico-system tigera-operator my-cni\n" in said


def test_the_notes_are_silent_about_addresses_that_are_listed(helm: Helm) -> None:
    said = notes(helm, {"networkPolicy": {"apiServerAddresses": ["192.0.2.10/32"]}})

    assert "apiServerAddresses" not in said


def test_the_notes_say_that_the_network_policy_names_no_address(helm: Helm) -> None:
    said = notes(helm, {})

    assert "Its pods may reach any address on port 443 or 6443." in said


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"preset": "local"}, "WARNING: the preset local runs 1 replica"),
        ({"webhook": {"hostNetwork": True}}, "WARNING: the webhook is on its nodes' network"),
        ({"networkPolicy": {"enabled": False}}, "WARNING: no NetworkPolicy"),
        ({"exemptions": {"guard": False}}, "WARNING: the chart does not install the ValidatingAdmissionPolicy"),
    ],
    ids=str,
)
def test_the_notes_warn_of_what_weakens_the_installation(helm: Helm, values: dict[str, Any], warning: str) -> None:
    assert warning in notes(helm, values)


def test_the_notes_say_who_alone_may_call_the_webhook(helm: Helm) -> None:
    callers = {"clientCA": Authority().bundle.decode(), "clientNames": ["one", "two"]}

    assert "nobody but who shows a certificate of tls.clientCA for one or two" in notes(helm, {"tls": callers})
