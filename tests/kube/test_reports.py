"""What a scanner reads from its report, and what it sends."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hardeningreports import COMPLETE
from stridegate.kube.errors import InvalidField
from stridegate.kube.reports import read_task, written_exemptions
from stridegate.model.exemptions import ExemptedValue
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.vocabulary import ValueKind

NOW = 1_800_000_000.0


def stored(**spec: object) -> dict[str, Any]:
    report = copy.deepcopy(COMPLETE)
    report["metadata"] |= {"uid": "u1", "generation": 3}
    report["spec"] = {key: value for key, value in {**report["spec"], **spec}.items() if value is not None}
    return report


def test_a_complete_report_tells_everything() -> None:
    report = stored()
    report["metadata"]["annotations"] = {
        "stridegate.dev/rescan": "now",
        "stridegate.dev/accept": "/etc/a=absent /etc/b=0123",
    }

    task = read_task(report, NOW)

    assert (task.name, task.uid, task.generation, task.interval) == ("node1", "u1", 3, 600.0)
    assert (task.circumstances.installation, task.circumstances.role) == (Installation.KUBEADM, Role.CONTROL_PLANE)
    assert task.circumstances.control_plane_addresses == ("192.0.2.10",)
    assert (task.rescan, task.accept) == ("now", ("/etc/a=absent", "/etc/b=0123"))
    assert task.live == report["status"]


def test_exemptions_are_read_as_they_are_written() -> None:
    (exemption,) = read_task(stored(), NOW).exemptions

    assert set(exemption.values) == {
        ExemptedValue(ValueKind.DIGEST, "0123456789abcdef"),
        ExemptedValue(ValueKind.PATH, "/etc/kubernetes/x"),
    }
    assert written_exemptions([exemption]) == COMPLETE["spec"]["exemptions"]


def test_what_is_absent_has_a_default() -> None:
    report = {"metadata": {"name": "n", "uid": "u"}, "spec": {"nodeName": "n", "profile": "generic"}}

    task = read_task(report, NOW)

    assert (task.interval, task.circumstances.role, task.exemptions, task.live) == (600.0, Role.WORKER, (), {})


@pytest.mark.parametrize(("written", "seconds"), [("30s", 30), ("1h30m", 5400), ("24h", 86_400), ("90m", 5400)])
def test_an_interval_is_a_time_span(written: str, seconds: float) -> None:
    assert read_task(stored(interval=written), NOW).interval == seconds


@pytest.mark.parametrize(
    "spec",
    [
        {"interval": "29s"},
        {"interval": "25h"},
        {"interval": "soon"},
        {"interval": "10"},
        {"profile": "toaster"},
        {"profile": None},
        {"role": "boss"},
        {"exemptions": [{"name": "a", "rules": ["b"], "expires": "never"}]},
        {"exemptions": [{"name": "a", "rules": [5], "expires": "2027-01-31T00:00:00Z"}]},
    ],
    ids=str,
)
def test_anything_else_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(InvalidField):
        read_task(stored(**spec), NOW)
