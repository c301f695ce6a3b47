"""Nothing that a name or a value holds can break an output, or make it say what it does not: each is read back as its readers read it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from localkube.places import CHECKOUT
from results import HOSTILE, RESULTS, TEXTS, finding, result, subject
from stridegate.cli.outputs import github, html, junit, markdown, sarif, table
from stridegate.cli.outputs import json as programs
from stridegate.cli.outputs.sentences import text
from stridegate.cli.results import Position, Result, Standing
from stridegate.cli.terminals import Sheet

PLAIN = Sheet()
READ = {
    name: jsonschema.Draft4Validator if "sarif" in name else jsonschema.Draft202012Validator
    for name in ("docs/schemas/check-result-v1.json", "tests/schemas/sarif-2.1.0-rtm.5.json")
}
SCHEMAS = {
    name: validator(json.loads((CHECKOUT / name).read_text(encoding="utf-8")), format_checker=validator.FORMAT_CHECKER)
    for name, validator in READ.items()
}

# What ends a line, moves a cursor or turns the direction of writing.
CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def controls(shown: str) -> set[str]:
    return {sign for sign in shown if sign != "\n" and unicodedata.category(sign) in CONTROLS}


@given(RESULTS)
def test_json_is_read_back_with_every_value_as_it_was(shown: Result) -> None:
    written = programs.render(shown, PLAIN)

    document = json.loads(written)
    SCHEMAS["docs/schemas/check-result-v1.json"].validate(document)
    assert written.isascii()
    assert [each["name"] for each in document["subjects"]] == [each.name for each in shown.subjects]


@given(RESULTS)
def test_sarif_stays_valid_and_its_uris_lead_to_files_alone(shown: Result) -> None:
    written = sarif.render(shown, PLAIN)

    log = json.loads(written)
    SCHEMAS["tests/schemas/sarif-2.1.0-rtm.5.json"].validate(log)
    assert written.isascii()
    for uri in uris(log):
        assert re.fullmatch(r"(file:///)?[A-Za-z0-9/._~%-]*", uri), uri
        assert not uri.startswith("//")


def uris(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [each for key, each in value.items() if key == "uri"]
        return own + [each for inner in value.values() for each in uris(inner)]
    return [each for inner in value for each in uris(inner)] if isinstance(value, list) else []


@given(RESULTS)
def test_junit_is_well_formed_and_counts_right(shown: Result) -> None:
    root = ET.fromstring(junit.render(shown, PLAIN).encode())  # noqa: S314 - our own document

    cases = list(root.iter("testcase"))
    expected = sum(len(each.findings) or 1 for each in shown.subjects) + len(shown.problems)
    assert len(cases) == expected == int(root.attrib["tests"])
    assert {child.tag for case in cases for child in case} <= {"failure", "error", "skipped"}
    assert int(root.attrib["failures"]) == sum(1 for _ in root.iter("failure"))


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text of the cells."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


OURS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "ul", "li", "table"} | {
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "span",
    "code",
}


@given(RESULTS)
def test_a_page_has_no_element_but_ours(shown: Result) -> None:
    written = html.render(shown, PLAIN)

    page = Page()
    page.feed(written)
    page.close()
    assert page.open == []
    assert set(page.elements) <= OURS
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "scope", "title"}
    assert page.elements.count("style") == page.elements.count("title") == 1
    assert controls(written) == set()


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    written = html.render(result(subject(finding())), PLAIN)

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', written)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert re.findall(r"(?:src|href)=|url\(|@import", written) == []


@given(RESULTS)
def test_markdown_keeps_its_tables_and_has_no_markup_but_ours(shown: Result) -> None:
    written = markdown.render(shown, PLAIN)

    tokens = MarkdownIt("commonmark").enable("table").parse(written)
    inline = [child for token in tokens for child in token.children or ()]
    rows = sum(1 for token in tokens if token.type == "tr_open")
    tables = sum(1 for token in tokens if token.type == "table_open")
    counted = sum(len(each.findings) for each in shown.subjects)
    assert rows - tables == counted
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<code>", "</code>"}
    assert {token.type for token in inline} <= {"text", "code_inline", "html_inline", "text_special", "softbreak"}
    assert not any(token.type in {"html_block", "fence", "code_block", "hr"} for token in tokens)
    assert controls(written) == set()


@given(TEXTS)
def test_markdown_shows_as_code_exactly_what_was_written(written: str) -> None:
    (paragraph, cells, _) = MarkdownIt("commonmark").parse(f"x {markdown.code(written)} y")

    shown = "".join(child.content for child in cells.children or () if child.type != "html_inline")
    assert paragraph.type == "paragraph_open"
    assert shown == f"x {text(written).strip()} y"


@given(RESULTS)
def test_annotations_are_one_line_each_and_no_name_makes_another(shown: Result) -> None:
    written = github.render(shown, PLAIN)

    lines = written.splitlines()
    counting = sum(each.counts for subject_ in shown.subjects for each in subject_.findings)
    assert len(lines) == counting + len(shown.problems) + 1
    assert all(re.match(r"::(error|warning|notice) [a-z]+=", line) for line in lines[:-1])
    for line in lines[:-1]:
        properties, _, _ = line[2:].partition("::")
        pairs = properties.partition(" ")[2].split(",")
        assert {pair.partition("=")[0] for pair in pairs} <= {"file", "line", "col", "title"}
    assert controls(written) == set()


@given(RESULTS)
@pytest.mark.parametrize("width", [None, 40, 120])
def test_a_table_moves_no_cursor(width: int | None, shown: Result) -> None:
    written = table.render(shown, Sheet(width=width))

    assert controls(written) == set()


def test_hostile_files_are_checked_in_every_format_and_none_is_lost(tmp_path: Path) -> None:
    pod = (
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "web\\e[2J<b>", namespace: "a|b"}\n'
        'spec: {containers: [{name: "<script>\\u202e", image: "x`|\\n::error::x", securityContext: {privileged: true}}]}\n'
    )
    names = [
        "a\n::error::owned.yaml",
        "\x1b[2Jx.yaml",
        "\u202eevil.yaml",
        "<script>.yaml",
        "a|b`c`.yaml",
        "-o.yaml",
        "a b#c?d%41.yaml",
    ]
    for name in (*(each.encode() for each in names), b"\xff\xfe.yaml"):
        (tmp_path / os.fsdecode(name)).write_text(pod, encoding="utf-8")
    written = tmp_path / "out"
    written.mkdir()
    formats = ("json", "sarif", "junit", "markdown", "github", "html")

    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "stridegate",
            "check",
            ".",
            "-otable",
            *(f"-o{each}={written / each}" for each in formats),
        ],
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )

    document = json.loads((written / "json").read_text(encoding="utf-8"))
    read = {each: (written / each).read_text(encoding="utf-8") for each in formats}
    assert ended.returncode == 1
    assert document["summary"]["judged"] == len(names) + 1
    for text_ in (ended.stdout.decode(), ended.stderr.decode(), *read.values()):
        assert controls(text_) == set()
    SCHEMAS["docs/schemas/check-result-v1.json"].validate(document)
    SCHEMAS["tests/schemas/sarif-2.1.0-rtm.5.json"].validate(json.loads(read["sarif"]))
    assert ET.fromstring(read["junit"].encode()).attrib["tests"] == str(document["summary"]["findings"])  # noqa: S314 - ours
    assert "<script" not in read["html"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_name_is_no_command_in_a_table(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = result(subject(finding(standing=Standing.DENIED), source=name, at=Position(line=1, column=1)))

    # No such file is there, so that there is nothing to mend; a file of such a name is quoted.
    assert "\nstridegate fix" not in table.render(shown, PLAIN)
