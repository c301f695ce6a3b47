"""From changed objects to a changed text, proven by reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stridegate.cli.fixes.editors import Editor, same
from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.splices import spliced
from stridegate.cli.fixes.syntax import read_document, split_documents
from stridegate.cli.manifests.errors import ManifestError
from stridegate.cli.manifests.nodes import compose, json_texts
from stridegate.cli.manifests.values import value_of


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A text in which documents have changed, and for each document that could not be, by its index, the reason."""

    text: str
    refused: Mapping[int, str]


def rewrite(text: str, wanted: Mapping[int, object]) -> Rewriting:
    """Return a text in which some documents, by their index, hold other values, and all else is as it was.

    A document that cannot be changed so that it reads as wanted, and no other way, stays as it is. The text has been
    read before, and has no byte order mark.
    """
    before = split_documents(text)
    after = list(before)
    refused: dict[int, str] = {}
    for index, value in wanted.items():
        try:
            after[index] = _rewritten(before[index], value)
        except Unwritable as reason:
            refused[index] = str(reason)
    rewritten = "".join(after)
    if split_documents(rewritten) != after:
        return Rewriting(text, dict.fromkeys(wanted, "the documents of the file would run into each other"))
    return Rewriting(rewritten, refused)


def _rewritten(text: str, wanted: object) -> str:
    """Return one document with another value. Raises Unwritable."""
    root, value = read_document(text), read_value(text)
    reason = Unwritable("an anchor shares what is to be changed")
    for apart in (False, True):
        editor = Editor(text, root, apart=apart)
        try:
            editor.change(root, value, wanted)
            changed = spliced(text, editor.splices)
            if same(read_value(changed), wanted) and bool(json_texts(changed)) is bool(json_texts(text)):
                return changed
        except Unwritable as refusal:
            reason = reason if apart else refusal
        except ManifestError:
            reason = Unwritable("the text, with the edit in it, would not read as wanted")
    raise reason


def read_value(text: str) -> object:
    """Return the value of the one document of a text. Raises ManifestError, and Unwritable where there is not one."""
    part = (json_texts(text) or [(0, text)])[0][1]
    values = [value_of(root, len(part)) for root in compose(part)]
    if len(values) != 1:
        raise Unwritable("the document would become several")
    return values[0]
