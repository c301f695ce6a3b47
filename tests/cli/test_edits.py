"""What an edit looks like: like its neighbours."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from stridegate.cli.fixes.rewriting import read_value, rewrite

Change = Callable[[Any], None]


def edited(text: str, change: Change) -> str:
    value = copy.deepcopy(read_value(text))
    change(value)
    rewriting = rewrite(text, {0: value})
    assert not rewriting.refused
    return rewriting.text


def refusal(text: str, change: Change) -> str:
    value = copy.deepcopy(read_value(text))
    change(value)
    rewriting = rewrite(text, {0: value})
    assert rewriting.text == text
    return rewriting.refused[0]


def forbid(value: Any) -> None:  # noqa: ANN401 - whatever the text says
    value["context"] = {**(value.get("context") or {}), "escalation": False}


def drop(value: Any) -> None:  # noqa: ANN401 - as above
    value["context"] = {"capabilities": {"drop": ["ALL"]}}


def append(value: Any) -> None:  # noqa: ANN401 - as above
    value["drop"].append("ALL")


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("context:\n  user: 1\nimage: x\n", forbid, "context:\n  user: 1\n  escalation: false\nimage: x\n"),
        ("context:\n    user: 1 # why", forbid, "context:\n    user: 1 # why\n    escalation: false"),
        ("context:\r\n  user: 1\r\n", forbid, "context:\r\n  user: 1\r\n  escalation: false\r\n"),
        ("context: { user: 1 } # why\n", forbid, "context: { user: 1, escalation: false } # why\n"),
        ("context: {} # why\n", forbid, "context: {escalation: false} # why\n"),
        ("context: {} # why\n", drop, "context: # why\n  capabilities:\n    drop:\n    - ALL\n"),
        ("context: # why\nimage: x\n", forbid, "context: # why\n  escalation: false\nimage: x\n"),
        ("context: ~\n", forbid, "context:\n  escalation: false\n"),
        ("context: {escalation: true} # why\n", forbid, "context: {escalation: false} # why\n"),
        ("context: &own {}\n", forbid, "context: &own {escalation: false}\n"),
        ("image: x\n", drop, "image: x\ncontext:\n  capabilities:\n    drop:\n    - ALL\n"),
        ("a:\n    b:\n      - c\n", drop, "a:\n    b:\n      - c\ncontext:\n    capabilities:\n        drop:\n          - ALL\n"),
        ("drop: [KILL]\n", append, "drop: [KILL, ALL]\n"),
        ("drop: ['KILL']\n", append, "drop: ['KILL', 'ALL']\n"),
        ("drop:\n-   KILL\n# next\nx: 1\n", append, "drop:\n-   KILL\n-   ALL\n# next\nx: 1\n"),
        ('drop:\n  - "KILL"\n  # - MKNOD\n', append, 'drop:\n  - "KILL"\n  # - MKNOD\n  - "ALL"\n'),
        ("drop: []\n", append, "drop: [ALL]\n"),
        ("drop: [\n  KILL, # why\n]\n", append, "drop: [\n  KILL, # why\n  ALL,\n]\n"),
        ("drop: [\n  KILL # why\n]\n", append, "drop: [\n  KILL, # why\n  ALL\n]\n"),
        ('{"context":{"user":1}}', forbid, '{"context":{"user":1,"escalation":false}}'),
        ('{"drop":[]}', append, '{"drop":["ALL"]}'),
        ('{\n\t"image": "x"\n}\n', forbid, '{\n\t"image": "x",\n\t"context": {\n\t\t"escalation": false\n\t}\n}\n'),
        ("image: |\n  x\n\n# end\n", forbid, "image: |\n  x\ncontext:\n  escalation: false\n\n# end\n"),
        ("image: |+\n  x\n\n", forbid, "image: |+\n  x\n\ncontext:\n  escalation: false\n"),
        ("base: &b\n  user: 1\ncontext:\n  <<: *b\n", forbid, "base: &b\n  user: 1\ncontext:\n  <<: *b\n  escalation: false\n"),
        ("base: &b {user: 1}\ncontext: *b\n", forbid, "base: &b {user: 1}\ncontext:\n  user: 1\n  escalation: false\n"),
    ],
)  # fmt: skip
def test_an_edit_looks_like_what_stands_around_it(before: str, change: Change, after: str) -> None:
    assert edited(before, change) == after


def test_what_an_anchor_shares_is_changed_once_where_all_need_it() -> None:
    def forbid_both(value: Any) -> None:  # noqa: ANN401 - as above
        value["a"] = value["b"] = {"escalation": False}

    assert edited("a: &a {escalation: true}\nb: *a\n", forbid_both) == "a: &a {escalation: false}\nb: *a\n"


def test_a_comment_never_goes_with_what_is_taken_out() -> None:
    text = "probe:\n  host: x # why\n  port: 1\n"

    assert edited(text, lambda value: value["probe"].pop("host")) == "probe:\n  # why\n  port: 1\n"


def test_what_cannot_be_edited_is_left_and_named() -> None:
    assert "question marks" in refusal("? image\n: x\n", forbid)
    assert "block of text" in refusal("image: |\n  x", forbid)
    assert "comment" in refusal("context: { # why\n}\n", forbid)


def test_documents_beside_a_changed_one_stay_as_they_are() -> None:
    text = "# one\na: 1\n---\n---\nb: {\n}\n...\n---\n# two\nimage: x\n...\n# three\n"

    rewriting = rewrite(text, {3: {"image": "x", "tag": "v1"}})

    assert rewriting.text == text.replace("image: x\n", "image: x\ntag: v1\n")


def test_json_documents_that_follow_each_other_are_told_apart() -> None:
    rewriting = rewrite('{"a": 1}\n{"b": "\\ud83d\\ude00"}\n', {1: {"b": "😀", "c": True}})

    assert rewriting.text == '{"a": 1}\n{"b": "\\ud83d\\ude00", "c": true}\n'
