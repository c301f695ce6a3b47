"""Arming as a function: when a configuration is written, with what, and when it stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from certificate_world import entry
from stridegate.kube.objects import ConfigurationKind
from stridegate.operator.arming import (
    Settled,
    bundle_of,
    differences,
    read_webhooks,
    to_write,
    trial,
    with_bundle,
    without_bundle,
)
from stridegate.operator.errors import BadWebhooksFile

PODS = entry("pods.validate.stridegate.dev")
TEMPLATES = entry("templates.stridegate.dev")
WANTED = with_bundle([PODS, TEMPLATES], b"CA")


def test_an_empty_configuration_stays_empty_until_a_replica_serves() -> None:
    assert to_write(WANTED, [], settled=None, serving=False, proven=False) is None


def test_an_empty_configuration_is_first_tried_out_where_no_pod_runs() -> None:
    written = to_write(WANTED, [], settled=None, serving=True, proven=False)

    assert written == [
        WANTED[0] | {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "stridegate-canary"}}}
    ]


def test_a_configuration_without_the_judging_entry_waits_for_the_proof() -> None:
    assert to_write([WANTED[1]], [], settled=None, serving=True, proven=False) is None
    assert to_write([WANTED[1]], [], settled=None, serving=True, proven=True) == [WANTED[1]]


def test_the_trial_goes_on_until_a_dry_run_is_refused() -> None:
    tried = trial(WANTED)

    assert to_write(WANTED, tried, settled=None, serving=True, proven=False) is None
    assert to_write(WANTED, tried, settled=None, serving=True, proven=True) == WANTED


def test_a_trial_whose_replicas_are_gone_stays_one() -> None:
    assert to_write(WANTED, trial(WANTED), settled=None, serving=False, proven=True) is None


def test_a_trial_is_given_another_bundle() -> None:
    tried = trial(with_bundle([PODS, TEMPLATES], b"old CA"))

    assert to_write(WANTED, tried, settled=None, serving=True, proven=False) == trial(WANTED)


def test_a_list_that_is_not_a_trial_is_restored_without_a_proof() -> None:
    narrowed = [WANTED[0] | {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}]

    assert to_write(WANTED, narrowed, settled=None, serving=False, proven=False) == WANTED


def test_a_configuration_that_is_as_it_must_be_stays() -> None:
    assert to_write(WANTED, WANTED, settled=None, serving=True, proven=True) is None


@pytest.mark.parametrize("serving", [True, False])
def test_a_damaged_list_is_restored_whether_or_not_a_replica_serves(serving: bool) -> None:
    damaged = [WANTED[0]]

    assert to_write(WANTED, damaged, settled=None, serving=serving, proven=True) == WANTED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("failurePolicy", "Ignore"),
        ("timeoutSeconds", 30),
        ("matchPolicy", "Exact"),
        ("namespaceSelector", {"matchLabels": {"no": "namespace"}}),
        ("objectSelector", {"matchLabels": {"no": "object"}}),
        ("matchConditions", [{"name": "never", "expression": "false"}]),
        ("rules", [{"operations": ["DELETE"]}]),
        ("sideEffects", "NoneOnDryRun"),
        ("admissionReviewVersions", ["v1beta1"]),
        ("clientConfig", {"url": "https://example.com"}),
    ],
)
def test_every_changed_field_is_noticed(field: str, value: object) -> None:
    live = [WANTED[0] | {field: value}, WANTED[1]]

    assert list(differences(WANTED, live, None)) == [f"pods.validate.stridegate.dev has another {field}"]
    assert to_write(WANTED, live, settled=None, serving=True, proven=True) == WANTED


def test_a_missing_and_a_foreign_entry_are_named() -> None:
    foreign = WANTED[1] | {"name": "evil.example.com"}

    told = list(differences(WANTED, [WANTED[0], foreign], None))

    assert told == ["evil.example.com does not belong here", "templates.stridegate.dev is missing"]


def test_another_bundle_is_written() -> None:
    live = with_bundle([PODS, TEMPLATES], b"old CA")

    assert to_write(WANTED, live, settled=None, serving=False, proven=True) == WANTED


def test_what_the_api_server_fills_in_is_no_difference() -> None:
    terse: dict[str, Any] = {
        "name": PODS["name"],
        "clientConfig": {"service": {"name": "w", "namespace": "n", "path": "/validate"}, "caBundle": "Q0E="},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    filled = terse | {
        "clientConfig": {
            "service": {"name": "w", "namespace": "n", "path": "/validate", "port": 443},
            "caBundle": "Q0E=",
        },
        "rules": [terse["rules"][0] | {"scope": "*"}],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "timeoutSeconds": 10,
    }

    assert list(differences([terse], [filled], None)) == []


def test_a_field_of_a_newer_api_server_is_no_damage_once_it_answered_with_it() -> None:
    answered = [each | {"fieldOfTomorrow": "default"} for each in WANTED]

    assert to_write(WANTED, answered, settled=None, serving=True, proven=True) == WANTED
    assert (
        to_write(WANTED, answered, settled=Settled(written=WANTED, answered=answered), serving=True, proven=True)
        is None
    )


def test_what_changed_after_the_answer_is_damage() -> None:
    settled = Settled(written=WANTED, answered=WANTED)

    live = [WANTED[0] | {"failurePolicy": "Ignore"}, WANTED[1]]

    assert to_write(WANTED, live, settled=settled, serving=True, proven=True) == WANTED


def test_a_bundle_goes_in_and_comes_out() -> None:
    (armed,) = with_bundle([PODS], b"CA")

    assert bundle_of(armed) == b"CA"
    assert without_bundle([armed]) == [PODS]
    assert bundle_of(PODS) == b""


def test_the_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(json.dumps({"validating": [PODS], "mutating": [TEMPLATES]}))

    wanted = read_webhooks(file)

    assert wanted == {ConfigurationKind.VALIDATING: [PODS], ConfigurationKind.MUTATING: [TEMPLATES]}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"validating": [], "mutating": []}',
        '{"validating": [{"name": "x"}], "mutating": [{"name": "y", "clientConfig": {}}]}',
        json.dumps({"validating": [PODS], "mutating": [TEMPLATES], "other": []}),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(content)

    with pytest.raises(BadWebhooksFile, match=r"webhooks\.json: wanted the webhook entries"):
        read_webhooks(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWebhooksFile, match="No such file"):
        read_webhooks(tmp_path / "missing.json")
