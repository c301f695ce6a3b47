"""Every link in the documentation leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from localkube.places import CHECKOUT

README = CHECKOUT / "README.md"
FOLDERS = ("docs", "charts", "deploy", "bench")
PAGES = sorted(
    {*CHECKOUT.glob("*.md"), *(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*.md"))},
)

_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([^"]+)">')


@cache
def prose_of(page: Path) -> str:
    """Return a page without its code, in which brackets link nothing."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield where the relative links of a page lead: a file, and a place in it."""
    for target in _LINK.findall(_CODE.sub("", prose_of(page))):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), anchor


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """Return the places in a page that can be linked to; headings are called as GitHub calls them."""
    text = prose_of(page)
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text))
    return frozenset({*headings, *_ANCHOR.findall(text)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [
        f"{path.relative_to(CHECKOUT)}#{anchor}"
        for path, anchor in links_of(page)
        if not path.exists() or (anchor and anchor not in anchors_of(path))
    ]

    assert not dead


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {README}
    ahead = [README]
    while ahead:
        found = {page for path, _ in links_of(ahead.pop()) for page in pages_at(path)} - reached
        reached |= found
        ahead += found

    assert [str(page.relative_to(CHECKOUT)) for page in PAGES if page not in reached] == []


def pages_at(path: Path) -> Iterator[Path]:
    """Yield the page that a link leads to: the README of a folder, or the page itself."""
    page = path / "README.md" if path.is_dir() else path
    if page in PAGES:
        yield page


def test_there_are_links_to_look_at() -> None:
    assert sum(1 for page in PAGES for _ in links_of(page)) > 100
