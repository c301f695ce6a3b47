"""From changed objects to a changed text, proven by reading it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stridegate.cli.fixes.editors import Editor, same
from stridegate.cli.fixes.errors import Unwritable
from stridegate.cli.fixes.splices import spliced
from stridegate.cli.fixes.syntax import read_document, split_documents

# Reads a text into the objects of its documents.
Reading = Callable[[str], Sequence[object]]

_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A text in which documents have changed, and for each document that could not be, by its number, the reason."""

    text: str
    refused: Mapping[int, str]


def rewrite(text: str, before: Sequence[object], after: Sequence[object], read: Reading) -> Rewriting:
    """Return a text whose documents hold other objects, with everything else as it was.

    A document that cannot be changed so that it reads as wanted, and no other way, stays as it is.
    """
    mark = _MARK if text.startswith(_MARK) else ""
    documents = split_documents(text.removeprefix(_MARK))
    if len(documents) != len(before):
        return Rewriting(text, dict.fromkeys(range(len(before)), "the documents of the file cannot be told apart"))
    refused: dict[int, str] = {}
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if not same(old, new):
            try:
                documents[number] = _rewritten(documents[number], old, new, read)
            except Unwritable as reason:
                refused[number] = str(reason)
    wanted = [old if number in refused else new for number, (old, new) in enumerate(zip(before, after, strict=True))]
    rewritten = mark + "".join(documents)
    if not same(list(read(rewritten)), wanted):
        return Rewriting(text, dict.fromkeys(range(len(before)), "the file would read otherwise than it should"))
    return Rewriting(rewritten, refused)


def _rewritten(text: str, before: object, after: object, read: Reading) -> str:
    """Return one document with its object changed. Raises Unwritable."""
    root = read_document(text)
    reason = Unwritable("what is to be changed is shared through anchors")
    for apart in (False, True):
        editor = Editor(text, root, apart=apart)
        try:
            editor.change(root, before, after)
            changed = spliced(text, editor.splices)
        except Unwritable as refusal:
            reason = refusal if not apart else reason
            continue
        if same(list(read(changed)), [after]):
            return changed
    raise reason
