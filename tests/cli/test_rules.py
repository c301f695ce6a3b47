"""`explain` and `rules`: people find a rule by whatever they know it by, and read it on any screen."""

from __future__ import annotations

import json
from collections import Counter

import click
import pytest
from click.testing import CliRunner

from stridegate.cli.explanations import explanation, listing
from stridegate.cli.filters import Scope
from stridegate.cli.lookups import numberings
from stridegate.cli.main import main
from stridegate.cli.rules import SCOPES
from stridegate.cli.terminals import Sheet
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.model.references import Benchmark
from stridegate.model.rules import Rule
from stridegate.model.threats import THREATS
from stridegate.model.vocabulary import Severity, Stride


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


@pytest.mark.parametrize("slug", ENTRIES)
def test_every_rule_explains_itself(slug: str) -> None:
    code, output = run("explain", slug)

    assert code == 0
    assert output.startswith(f"{slug}  [")
    for part in ("Threat: ", "Check: ", "Fix: "):
        assert part in output
    if isinstance(ENTRIES[slug], Rule):
        assert "Refused, laid over " in output
        assert "Accepted, laid over " in output


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_prose_fits_the_terminal(width: int) -> None:
    sheet = Sheet(width=width)

    pages = [explanation(entry, sheet).partition("\nRefused")[0] for entry in ENTRIES.values()]
    lists = listing(ENTRIES.values(), sheet)

    prose = [line for text in (*pages, lists) for line in text.splitlines()]
    assert [line for line in prose if len(line) > width and " " in line.strip()] == []


def test_a_number_in_a_benchmark_leads_to_its_rules_edition_by_edition() -> None:
    code, output = run("explain", "cis-docker:5.4")

    assert code == 0
    newer, older = output.split("CIS Docker 5.4 (1.3.1 to 1.5)")
    assert newer.startswith("CIS Docker 5.4 (1.6 and later)\n")
    assert "\ndangerous-capability " in newer
    assert "\nprivileged-container " in older
    assert "\nprivileged-container " not in newer


def test_a_number_of_one_rule_leads_to_its_page() -> None:
    told = [(each.number, entry) for entry in ENTRIES.values() for each in numberings(entry)]
    numbers = Counter(number for number, _ in told)
    number, entry = next(
        (number, entry)
        for number, entry in told
        if numbers[number] == 1 and not any(other.startswith(f"{number}.") for other in numbers)
    )

    code, output = run("explain", number)

    assert code == 0
    assert f"{number} (" in output.splitlines()[0]
    assert output.splitlines()[1].startswith(f"{entry.slug}  [")


def test_the_number_of_a_section_leads_to_all_that_stands_in_it() -> None:
    code, output = run("explain", "cis-kubernetes:5.2")

    numbers = [line.split()[2] for line in output.splitlines() if line.startswith("CIS Kubernetes")]
    assert code == 0
    assert set(numbers) >= {"5.2.2", "5.2.9", "5.2.10"}
    assert numbers == sorted(numbers, key=lambda number: [int(part) for part in number.split(".")])


def test_numbers_of_another_benchmark_stay_out() -> None:
    assert "CIS Docker" not in run("explain", "cis-kubernetes:5.4")[1]
    assert "CIS Docker" in run("explain", "5.4")[1]


def test_a_check_of_the_standards_leads_to_its_rule() -> None:
    code, output = run("explain", "hostports")

    assert code == 0
    assert "\nhost-port  [" in output


@pytest.mark.parametrize("term", ["E", "e", "elevation", "elevation-of-privilege", "Elevation of Privilege"])
def test_a_letter_leads_to_its_rules(term: str) -> None:
    code, output = run("explain", term)

    listed = [line.split()[0] for line in output.splitlines()[1:] if line]
    assert code == 0
    assert output.startswith("E, elevation of privilege\n")
    assert listed == [slug for slug, entry in ENTRIES.items() if Stride.ELEVATION in entry.stride]


@pytest.mark.parametrize("slug", THREATS)
def test_a_threat_leads_to_the_rules_that_answer_it(slug: str) -> None:
    code, output = run("explain", slug)

    assert code == 0
    assert slug in output
    assert all(entry.slug in output for entry in ENTRIES.values() if slug in entry.threats)


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("privilegd-container", "privileged-container"),
        ("seccomp", "unconfined-seccomp"),
        ("Host Netwrk", "host-network"),
    ],
)
def test_a_near_miss_gets_suggestions(term: str, meant: str) -> None:
    code, output = run("explain", term)

    assert code == 2
    assert "did you mean " in output
    assert meant in output


@pytest.mark.parametrize(
    "term", ["no-such-rule", "99.99", "cis-docker:", "", ":", "é", "5.", ".5", "\N{ARABIC-INDIC DIGIT FIVE}.2"]
)
def test_what_nobody_knows_is_a_usage_error_that_says_where_the_list_is(term: str) -> None:
    code, output = run("explain", term)

    assert code == 2
    assert "`stridegate rules` lists them" in output


def test_the_list_of_rules_has_one_line_for_each() -> None:
    code, output = run("rules")

    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == list(ENTRIES)


def listed(*filters: str) -> dict[str, dict[str, object]]:
    code, output = run("rules", "-o", "json", *filters)
    assert code == 0
    return {each["slug"]: each for each in json.loads(output)["rules"]}


def test_programs_read_every_rule() -> None:
    told = listed()

    assert list(told) == list(ENTRIES)
    for slug, entry in ENTRIES.items():
        assert told[slug]["title"] == entry.title
        assert told[slug]["stride"] == list(entry.letters)
        assert told[slug]["fix"] == entry.paragraphs["Fix"]


def test_filters_leave_what_is_wanted() -> None:
    severe = listed("--severity", "high")
    restricted = listed("--profile", "restricted")
    advisory = listed("--profile", "advisory")
    letters = listed("--stride", "S", "--stride", "r")
    docker = listed("--standard", "cis-docker")
    both = listed("--severity", "high", "--profile", "baseline")

    assert {ENTRIES[slug].severity for slug in severe} == {Severity.HIGH, Severity.CRITICAL}
    assert {each["profile"] for each in restricted.values()} == {"baseline", "restricted"}
    assert {each["profile"] for each in advisory.values()} == {"advisory"}
    assert all({"S", "R"} & set(ENTRIES[slug].letters) for slug in letters)
    assert "privileged-container" in docker
    assert "runtime-annotation" not in docker
    assert set(both) == {slug for slug in severe if severe[slug]["profile"] == "baseline"}


def test_every_rule_judges_something_that_can_be_asked_for() -> None:
    by_scope = {scope: listed("--scope", scope) for scope in SCOPES}

    assert tuple(each.value for each in Scope) == SCOPES
    assert sum(map(len, by_scope.values())) == len(ENTRIES)
    assert all({each["scope"] for each in found.values()} == {scope} for scope, found in by_scope.items())
    assert "privileged-container" in by_scope["requests"]
    assert "kubelet-anonymous-auth" in by_scope["nodes"]


@pytest.mark.parametrize("benchmark", [each.value for each in Benchmark])
def test_every_benchmark_can_be_named_before_a_number(benchmark: str) -> None:
    number = next(
        each.number for entry in ENTRIES.values() for each in numberings(entry) if each.benchmark.value == benchmark
    )

    code, output = run("explain", f"{benchmark}:{number}")

    assert code == 0
    assert output.startswith(f"{Benchmark(benchmark).title} {number} (")


def test_a_rule_is_fixable_where_something_heals_it() -> None:
    fixable = listed("--fixable")

    assert "privilege-escalation" in fixable
    assert "host-path-volume" not in fixable
    assert all(each["fixable"] for each in fixable.values())


def test_filters_that_leave_nothing_say_so() -> None:
    code, output = run("rules", "--profile", "baseline", "--severity", "critical", "--stride", "R")

    assert code == 0
    assert output == "no rule is like that\n"


def test_colours_are_written_where_they_are_wanted() -> None:
    plain = run("rules")[1]
    colored = run("rules", "--color", "always")[1]

    assert "\x1b" not in plain
    assert "\x1b" in colored
    assert click.unstyle(colored) == plain
