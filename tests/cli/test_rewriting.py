"""A text in which values changed reads as wanted, and everything else in it is as it was."""

from __future__ import annotations

import difflib
import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from manifest_styles import Changes, Manifest, json_manifests, manifests
from stridegate.cli.fixes.editors import same
from stridegate.cli.fixes.rewriting import read_value, rewrite
from stridegate.cli.fixes.syntax import split_documents


def values(text: str) -> list[object]:
    return [read_value(each) for each in split_documents(text)]


def lost(before: str, after: str) -> int:
    """Return how many lines of a text are no more in another."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(True), after.splitlines(True), autojunk=False)
    return sum(end - start for what, start, end, _, _ in matcher.get_opcodes() if what in {"delete", "replace"})


def remarks(text: str) -> list[str]:
    return re.findall("# remark [0-9]+", text)


@given(st.data(), manifests())
@settings(max_examples=300)
def test_a_text_reads_as_wanted_and_keeps_what_was_not_changed(data: st.DataObject, manifest: Manifest) -> None:
    before = values(manifest.text)
    changes = Changes(data.draw)
    wanted = {index: changes.make(value) for index, value in enumerate(before)}

    rewriting = rewrite(manifest.text, wanted)

    if not changes.removing and manifest.text.endswith("\n"):
        assert not rewriting.refused
    made = {index: value for index, value in wanted.items() if index not in rewriting.refused}
    assert same(values(rewriting.text), [made.get(index, value) for index, value in enumerate(before)])
    # An edit touches one line, and what is taken out its own, which in braces may be several.
    assert lost(manifest.text, rewriting.text) <= changes.places + (3 if changes.removing else 0)
    assert remarks(rewriting.text) == remarks(manifest.text)


@given(st.data(), manifests(anchored=True))
@settings(max_examples=200)
def test_what_anchors_share_is_changed_for_all_or_for_one_or_not_at_all(
    data: st.DataObject, manifest: Manifest
) -> None:
    before = values(manifest.text)
    changes = Changes(data.draw)
    wanted = {index: changes.make(value) for index, value in enumerate(before)}

    rewriting = rewrite(manifest.text, wanted)

    made = {index: value for index, value in wanted.items() if index not in rewriting.refused}
    assert same(values(rewriting.text), [made.get(index, value) for index, value in enumerate(before)])
    assert remarks(rewriting.text) == remarks(manifest.text)


@given(st.data(), json_manifests())
@settings(max_examples=300)
def test_json_stays_json(data: st.DataObject, manifest: Manifest) -> None:
    before = values(manifest.text)
    changes = Changes(data.draw)
    wanted = {index: changes.make(value) for index, value in enumerate(before)}

    rewriting = rewrite(manifest.text, wanted)

    assert changes.removing or not rewriting.refused
    assert same(json.loads(rewriting.text), before[0] if rewriting.refused else wanted[0])
    if "\n" not in manifest.text.strip():
        assert "\n" not in rewriting.text.strip()
