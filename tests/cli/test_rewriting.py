"""A text in which an object changed reads as wanted, and everything else in it is as it was."""

from __future__ import annotations

import difflib
import re
from typing import cast

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from manifest_styles import Changes, Manifest, json_manifests, manifests
from stridegate.cli.fixes.editors import same
from stridegate.cli.fixes.rewriting import Rewriting, rewrite


def read(text: str) -> list[object]:
    braced = text.lstrip()[:1] in {"{", "["}
    return list(yaml.load_all(text.replace("\t", " ") if braced else text, Loader=yaml.CSafeLoader))  # noqa: S506 - it is the safe one


def changed(draw: st.DrawFn, manifest: Manifest) -> tuple[Rewriting, list[object], Changes]:
    changes = Changes(draw)
    after = cast("list[object]", [changes.make(each) for each in manifest.objects])
    return rewrite(manifest.text, read(manifest.text), after, read), after, changes


def lost(before: str, after: str) -> int:
    """Return how many lines of a text are no more in another."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(True), after.splitlines(True), autojunk=False)
    return sum(end - start for what, start, end, _, _ in matcher.get_opcodes() if what in {"delete", "replace"})


@given(st.data(), manifests())
@settings(max_examples=1500)
def test_a_text_reads_as_wanted_and_keeps_what_was_not_changed(data: st.DataObject, manifest: Manifest) -> None:
    rewriting, after, changes = changed(data.draw, manifest)

    if rewriting.refused:
        assert changes.removing or manifest.text[-1:] not in "\r\n", rewriting.refused
        after = [
            old if n in rewriting.refused else new
            for n, (old, new) in enumerate(zip(manifest.objects, after, strict=True))
        ]
    assert same(read(rewriting.text), after)
    # An edit touches one line, and what is taken out its own, which in braces may be several.
    assert lost(manifest.text, rewriting.text) <= changes.places + (3 if changes.removing else 0)
    assert re.findall("# remark [0-9]+", rewriting.text) == [each.partition(" {")[0] for each in manifest.comments]
