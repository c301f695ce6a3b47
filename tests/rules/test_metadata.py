"""What rules read of a pod's metadata: its annotations and nothing else, so that updates of the rest need not be asked about."""

from __future__ import annotations

import pytest

from specimens import broken_by, judged, pod_of, setting_of
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap
from stridegate.model.rules import Example, PodRule

SHOWN = [(rule, example) for rule in POD_RULES.values() for example in rule.examples]
OTHER: JsonMap = {
    "name": "other",
    "generateName": "oth-",
    "labels": {"app": "other", "pod-template-hash": "5d4f"},
    "finalizers": ["example.com/kept"],
    "ownerReferences": [{"kind": "ReplicaSet", "name": "other-5d4f", "controller": True}],
    "deletionTimestamp": "2030-01-01T00:00:00Z",
}


@pytest.mark.parametrize(("rule", "example"), SHOWN, ids=[f"{rule.slug}: {example.title}" for rule, example in SHOWN])
def test_no_finding_depends_on_names_labels_owners_or_finalizers(rule: PodRule, example: Example) -> None:
    pod = pod_of(example)
    other: JsonMap = {**pod, "metadata": {**OTHER, "annotations": dict(example.annotations)}}

    found, found_in_other = (
        judged(each, example.given, named=broken_by(rule, example), setting=setting_of(example))
        for each in (pod, other)
    )

    assert [each.key for each in found_in_other] == [each.key for each in found]
