"""Every output says what the result says, looks as it was reviewed, and goes where it was told to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from localkube.places import CHECKOUT
from rendering import everything, rendered, snapshot_of
from results import CLEAN, EVERYTHING, finding, result, subject
from stridegate.cli.outputs import sarif, table
from stridegate.cli.outputs.targets import Format, Target, outputs, write
from stridegate.cli.results import Fixable, Position, Result, Standing
from stridegate.cli.terminals import Color, Sheet
from stridegate.engine.catalogue import RULES
from stridegate.model.vocabulary import Severity


def documents(shown: Result, *formats: Format) -> list[Any]:
    return [json.loads(rendered(each, shown)) for each in formats]


@pytest.mark.parametrize("format_", Format)
def test_an_output_looks_as_it_was_reviewed(format_: Format) -> None:
    shown = everything(format_)

    assert shown == snapshot_of(format_).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_fits_its_terminal(width: int) -> None:
    shown = rendered(Format.TABLE, EVERYTHING, Sheet(width=width))

    # A field's path is not broken: it is copied as a whole.
    assert [line for line in shown.splitlines() if len(line) > width and " " in line.strip()] == []
    for words in ("privileged-container", "securityContext.privileged", "fixable, risky"):
        assert words in " ".join(shown.split())


def test_a_table_in_colours_says_the_same() -> None:
    colored = rendered(Format.TABLE, EVERYTHING, Sheet(color=True))

    assert "\x1b[" in colored
    assert click.unstyle(colored) == rendered(Format.TABLE, EVERYTHING)


def test_a_clean_run_says_so_in_every_format() -> None:
    assert rendered(Format.TABLE, CLEAN) == "1 object, 0 with findings.\n"
    assert 'failures="0"' in rendered(Format.JUNIT, CLEAN)
    assert "1 object, 0 with findings." in rendered(Format.MARKDOWN, CLEAN)
    assert rendered(Format.GITHUB, CLEAN) == "Stridegate: 1 object, 0 with findings.\n"
    assert "Nothing found" in rendered(Format.HTML, CLEAN)
    (log,) = documents(CLEAN, Format.SARIF)
    assert log["runs"][0]["results"] == []


def test_the_table_names_the_command_that_mends_what_can_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k8s $(x)").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "k8s $(x)" / name).touch()
    both = result(*(subject(finding(), source=f"k8s $(x)/{name}") for name in ("a.yaml", "b.yaml")))

    assert table.mending(both) == "stridegate fix 'k8s $(x)' --diff"
    assert table.mending(result(subject(finding(fixable=Fixable.RISKY), source="k8s $(x)/a.yaml"))) == (
        "stridegate fix 'k8s $(x)/a.yaml' --risky --diff"
    )
    (tmp_path / "-o.yaml").touch()
    assert table.mending(result(subject(finding(), source="-o.yaml"))) == "stridegate fix ./-o.yaml --diff"
    assert table.mending(result(subject(finding(), source="standard input"))) == ""
    assert table.mending(result(subject(finding(), source="cluster", at=None))) == ""
    assert table.mending(CLEAN) == ""


@pytest.mark.parametrize("shown", [EVERYTHING, CLEAN], ids=["everything", "clean"])
def test_json_follows_its_schema(shown: Result) -> None:
    schema = json.loads((CHECKOUT / "docs/schemas/check-result-v1.json").read_text(encoding="utf-8"))

    (document,) = documents(shown, Format.JSON)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert document["$schema"] == schema["$id"]


@pytest.mark.parametrize("shown", [EVERYTHING, CLEAN], ids=["everything", "clean"])
def test_sarif_follows_its_schema(shown: Result) -> None:
    schema = json.loads((CHECKOUT / "tests/schemas/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))

    (log,) = documents(shown, Format.SARIF)

    jsonschema.Draft4Validator(schema).validate(log)


def test_a_result_of_sarif_stands_at_its_container_and_names_its_rule() -> None:
    (log,) = documents(EVERYTHING, Format.SARIF)

    run = log["runs"][0]
    for told in run["results"]:
        assert run["tool"]["driver"]["rules"][told["ruleIndex"]]["id"] == told["ruleId"]
    places = [told["locations"][0]["physicalLocation"] for told in run["results"]]
    assert [place["region"]["startLine"] for place in places] == [23, 23, 23, 31, 31, 3, 23]
    assert places[0]["artifactLocation"]["uri"] == "k8s/web.yaml"


def test_every_rule_has_its_help_in_sarif() -> None:
    everything = result(subject(*(finding(slug) for slug in RULES)))

    (log,) = documents(everything, Format.SARIF)

    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert rule["shortDescription"]["text"] == RULES[rule["id"]].title
        assert "Fix: " in rule["help"]["text"]
        assert "**Fix**: " in rule["help"]["markdown"]


def test_what_does_not_count_is_suppressed_in_sarif_with_the_reason() -> None:
    (log,) = documents(EVERYTHING, Format.SARIF)

    suppressed = {
        told["ruleId"]: told["suppressions"][0] for told in log["runs"][0]["results"] if "suppressions" in told
    }
    assert set(suppressed) == {"dangerous-capability", "privilege-escalation"}
    assert suppressed["dangerous-capability"]["justification"].startswith("exempted by shop/web-vpn until 2026-")
    assert suppressed["privilege-escalation"]["justification"] == "known: it is in the baseline file"


def test_fingerprints_outlive_moved_lines() -> None:
    moved = result(subject(finding(at=Position(line=99, column=1), owner_at=Position(line=98, column=1))))

    before, after = documents(result(subject(finding())), Format.SARIF), documents(moved, Format.SARIF)

    prints = [log["runs"][0]["results"][0]["partialFingerprints"] for log in (*before, *after)]
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("k8s/web.yaml", "k8s/web.yaml"),
        ("./k8s/web.yaml", "k8s/web.yaml"),
        ("a b#c?d%41.yaml", "a%20b%23c%3Fd%2541.yaml"),
        ("http://evil.example/x", "http%3A//evil.example/x"),
        ("/etc/x.yaml", "file:///etc/x.yaml"),
        ("//evil.example/x", "file:///evil.example/x"),
        ("standard input", "standard%20input"),
        ("", "."),
    ],
)
def test_a_path_becomes_a_uri_that_leads_nowhere_else(source: str, uri: str) -> None:
    assert sarif.uri(source) == uri


def test_annotations_come_worst_first_since_few_are_shown() -> None:
    lines = rendered(Format.GITHUB, EVERYTHING).splitlines()

    kinds = [line.split()[0] for line in lines]
    assert kinds == ["::error", "::error", "::error", "::error", "::warning", "::notice", "Stridegate:"]
    assert lines[0].startswith("::error title=not judged") or "file=k8s/broken.yaml,line=7" in lines[0]
    assert "title=privileged-container [E%2C critical]" in lines[1]


def test_markdown_fits_a_comment_with_the_worst_first() -> None:
    mild = [subject(finding(severity=Severity.LOW), name=f"mild-{number}") for number in range(2000)]
    worst = subject(finding("privileged-container", severity=Severity.CRITICAL), name="worst")

    shown = rendered(Format.MARKDOWN, result(*mild, worst))

    assert len(shown) < 65_536
    assert shown.index("worst") < shown.index("mild-0")
    assert re.search(r"… and 1\d{3} more, which `-o html` and `-o json` show\.\n$", shown)


def test_what_is_only_audited_fails_no_test_case() -> None:
    audited = result(subject(finding(standing=Standing.AUDITED)))

    shown = rendered(Format.JUNIT, audited)

    assert 'failures="0"' in shown
    assert 'skipped="1"' in shown


@click.command()
@outputs
def show(outputs: tuple[Target, ...]) -> None:
    write(EVERYTHING, outputs, Color.AUTO)


def shown(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(show, list(arguments))
    return ran.exit_code, ran.output


def test_without_a_format_people_read_a_table() -> None:
    assert shown() == (0, rendered(Format.TABLE, EVERYTHING))
    assert shown("-o", "table=-") == shown()


def test_several_formats_are_written_in_one_run(tmp_path: Path) -> None:
    files = {each: tmp_path / each.value for each in Format}

    code, output = shown("-o", "table", *(f"-o{each.value}={file}" for each, file in files.items()))

    assert (code, output) == (0, rendered(Format.TABLE, EVERYTHING))
    for each, file in files.items():
        assert file.read_text(encoding="utf-8") == rendered(each, EVERYTHING)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "yaml"], "wanted one of table, json, sarif, junit, markdown, github, html"),
        (["-o", "sarif="], "wanted a file after sarif="),
        (["-o", "sarif=/no/such/folder/x"], "cannot be written"),
        (["-o", "html=."], "cannot be written"),
        (["-o", "json", "-o", "table"], "two formats go to one place"),
        (["-o", "json=x", "-o", "sarif=./x"], "two formats go to one place"),
    ],
)
def test_a_target_that_cannot_be_is_a_usage_error(arguments: list[str], said: str) -> None:
    code, output = shown(*arguments)

    assert code == 2
    assert said in " ".join(output.split())
