"""What the journal counts, and what it never holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leaves import NOW
from reviewing import PRIVILEGED, Asked, policy, rulebook
from stridegate.admission.reviews import read_review
from stridegate.admission.validation import validate
from stridegate.webhook.journals import Entry, Journal, entry_of


def samples(journal: Journal) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in journal.collect():
        yield from ((sample.name, sample.labels, sample.value) for sample in family.samples)


def journal_of(*requests: Asked) -> Journal:
    journal = Journal()
    for asked in requests:
        request = read_review(asked.body())
        journal.validated(Entry.VALIDATION, request, validate(request, rulebook(policy()), now=NOW), 0.001)
    return journal


def test_a_dry_run_is_counted_as_one() -> None:
    journal = journal_of(Asked(object=PRIVILEGED), Asked(object=PRIVILEGED, dry_run=True))

    reviews = {
        labels["dry_run"]: value
        for name, labels, value in samples(journal)
        if name == "stridegate_admission_reviews_total"
    }

    assert reviews == {"true": 1, "false": 1}


def test_no_label_holds_what_a_user_wrote() -> None:
    journal = journal_of(
        Asked(object=PRIVILEGED, namespace="a-namespace", name="a-name", user="a-user", operation="UPDATE", old={})
    )

    told = {text for _, labels, _ in samples(journal) for text in labels.values()}

    assert not told & {"a-namespace", "a-name", "a-user", "web"}


@pytest.mark.parametrize(
    ("kind", "subresource", "entry"),
    [
        ("Pod", "", Entry.VALIDATION),
        ("Pod", "ephemeralcontainers", Entry.VALIDATION),
        ("Pod", "exec", Entry.EXEC),
        ("Pod", "attach", Entry.EXEC),
        ("Service", "", Entry.OBJECTS),
        ("PersistentVolume", "", Entry.OBJECTS),
        ("CronJob", "", Entry.TEMPLATES),
        ("Rollout", "", Entry.TEMPLATES),
    ],
)
def test_a_review_is_counted_under_the_entry_that_it_came_by(kind: str, subresource: str, entry: Entry) -> None:
    request = read_review(Asked(kind=kind, subresource=subresource).body())

    assert entry_of(request) is entry
