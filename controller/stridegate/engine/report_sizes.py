"""Keeping a report small: what is worth least is cut first, and nothing is cut without being counted."""

from __future__ import annotations

import json

from stridegate.model.reports import FindingEntry, StatusEntry

# The most bytes of JSON of a finding without its offenders, and of a whole status: the object around it, with what the
# API server notes of its fields, stays below 256 KiB. What rules say of themselves fits, with a path and values of usual
# length; and so do the findings of all rules about a node into a status.
FINDING_BYTES = 800
STATUS_BYTES = 240 * 1024

# How many offenders stay in each finding where a report is too large.
_FEW = 3

# In this order a finding's texts are shortened to so many bytes, until it fits: its title says what its rule's page
# says, its fix leads there, and what was seen is what it is about.
_SHORTER = (
    ("title", 60),
    ("note", 60),
    ("fix", 100),
    ("wanted", 80),
    ("observed", 80),
    ("note", 0),
    ("title", 30),
    ("fix", 60),
    ("wanted", 40),
    ("observed", 48),
)


def size(value: object) -> int:
    """Return the bytes of a value as JSON without blanks."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


def squeezed(entry: FindingEntry, most: int) -> None:
    """Shorten a finding in place until it has at most so many bytes."""
    texts: dict[str, object] = entry  # type: ignore[assignment] # the keys below are those of texts
    if size(entry) > most and "references" in entry:
        # One benchmark's numbers of older editions stand on the rule's page.
        newest = {each["benchmark"]: each for each in reversed(entry["references"])}
        entry["references"] = [each for each in entry["references"] if each is newest[each["benchmark"]]]
    for key, longest in _SHORTER:
        if size(entry) <= most:
            return
        text = texts.get(key)
        if isinstance(text, str) and not longest:
            del texts[key]
        elif isinstance(text, str):
            texts[key] = shortened(text, longest)
    if "evidence" in entry:
        entry["evidence"]["path"] = shortened(entry["evidence"]["path"], 80)
    if size(entry) > most:
        entry.pop("references", None)


def shortened(text: str, most: int) -> str:
    """Return a text cut to so many bytes of JSON, its end marked."""
    if size(text) <= most:
        return text
    kept = text[:most]
    while kept and size(kept) > most - 3:
        kept = kept[:-1]
    return f"{kept}…"


def fitted(status: StatusEntry, most: int = STATUS_BYTES) -> None:
    """Cut a status in place until it has at most so many bytes: first offenders, then files, then the least bad findings, which are counted."""
    if size(status) <= most:
        return
    for finding in status["findings"]:
        if "offenders" in finding:
            finding["offenders"] = finding["offenders"][:_FEW]
    if size(status) > most:
        status.pop("files", None)
    excess = size(status) - most
    while excess > 0 and status["findings"]:
        excess -= size(status["findings"].pop()) + 1
        status["dropped"] += 1
