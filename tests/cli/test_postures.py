"""`stridegate report`: how a cluster stands, in a sentence, a table, a page and JSON."""

from __future__ import annotations

import importlib
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import given

import rendering
import standing
from localkube.places import CHECKOUT
from results import HOSTILE, TEXTS
from standing import STANDING, exemption, found, policy, posture, report
from stridegate.cli.postures.sentences import sums
from stridegate.cli.terminals import Sheet
from stridegate.model.postures import Posture

FORMATS = ("table", "json", "html")


def rendered(format_: str, shown: Posture, width: int | None = None) -> str:
    text: str = importlib.import_module(f"stridegate.cli.postures.{format_}").render(shown, Sheet(width=width))
    return text


def test_the_sums_say_what_matters_first() -> None:
    assert list(sums(STANDING)) == [
        "2 policies, 1 enforcing, which together would deny 3 running workloads.",
        "4 reports, 2 not fresh, the lowest score is 71.",
        "2 rules are broken somewhere: 1 critical, 1 low.",
        "2 exemptions in force, 1 ends within 7 days.",
    ]


def test_a_rule_stands_once_with_every_node_by_its_state() -> None:
    rules = {rule.rule: rule for rule in STANDING.broken}

    assert list(rules) == ["kubelet-anonymous-auth", "kubelet-read-only-port", "etcd-peer-auth"]
    assert rules["kubelet-anonymous-auth"].failing == ("node1", "node2")
    assert rules["kubelet-anonymous-auth"].exempted == ("node3",)
    assert rules["kubelet-read-only-port"].warned == ("node1",)
    assert rules["kubelet-read-only-port"].undecided == ("node2",)


def test_a_cluster_without_the_kind_of_reports_says_so() -> None:
    none = posture([policy()], None, [])

    assert "this cluster does not know the kind HardeningReport" in rendered("table", none)
    assert "this cluster does not know the kind HardeningReport" in rendered("html", none)
    assert json.loads(rendered("json", none))["reports"] is None


def test_an_empty_cluster_is_told_from_a_good_one() -> None:
    empty = rendered("table", posture([], [], []))

    assert "no policy: everything is audited against baseline, nothing is refused" in empty
    assert "no reports: no node is scanned" in empty
    assert "no exemptions" in empty


def test_what_has_no_status_yet_is_neither_good_nor_bad() -> None:
    fresh = {"metadata": {"name": "new"}, "spec": {"profile": "baseline", "action": "deny"}}

    shown = posture([fresh], [{"metadata": {"name": "node9"}, "spec": {"nodeName": "node9"}}], [])

    assert (shown.policies[0].would_deny, shown.policies[0].enforcing) == (None, False)
    assert list(sums(shown))[1] == "1 report, 1 not fresh."
    assert "-" in rendered("table", shown)


@pytest.mark.parametrize(
    "bad",
    [
        {"policies": [{"metadata": {"name": "odd"}, "spec": "no"}]},
        {"reports": [report("odd", {"rule": 7})]},
        {"reports": [report("odd", summary={"pass": "many"})]},
        {"exemptions": [exemption("odd", expires="tomorrow")]},
    ],
    ids=str,
)
def test_an_object_that_cannot_be_read_is_a_problem_and_spoils_no_other(
    bad: dict[str, list[dict[str, object]]],
) -> None:
    everything = {"policies": [policy()], "reports": [report()], "exemptions": [exemption()]}

    shown = posture(*({key: [*bad.get(key, []), *good] for key, good in everything.items()}.values()))

    assert len(shown.problems) == 1
    assert "odd" in shown.problems[0]
    assert (len(shown.policies), len(shown.nodes or ()), len(shown.exemptions)) == (1, 1, 1)
    assert shown.problems[0] in rendered("table", shown)


def test_a_severity_that_nobody_knows_weighs_most() -> None:
    shown = posture([], [report("node1", found("new-rule", severity="apocalyptic"))], [])

    assert str(shown.broken[0].severity) == "critical"
    assert "no severity that is known" in shown.problems[0]


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_shows_blocks(width: int) -> None:
    shown = rendered("table", STANDING, width)

    assert "would deny: 3" in shown
    assert "production" in shown


def test_the_table_looks_as_it_was_reviewed() -> None:
    assert rendering.standing() == rendering.STANDING_SNAPSHOT.read_text(encoding="utf-8")


@pytest.mark.parametrize("shown", [STANDING, posture([], None, [])], ids=["standing", "empty"])
def test_json_follows_its_schema(shown: Posture) -> None:
    schema = json.loads((CHECKOUT / "docs/schemas/posture-v1.json").read_text(encoding="utf-8"))

    document = json.loads(rendered("json", shown))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert document["$schema"] == schema["$id"]


def test_a_page_about_five_hundred_nodes_stays_below_a_megabyte() -> None:
    slugs = [f"a-rule-with-a-rather-long-name-{number}" for number in range(60)]
    crowd = [
        report(f"ip-10-0-{number // 256}-{number % 256}.eu-central-1.compute.internal", *map(found, slugs))
        for number in range(500)
    ]
    exemptions = [exemption(f"exemption-{number}") for number in range(2000)]

    page = rendered("html", posture([policy(f"policy-{number}") for number in range(50)], crowd, exemptions))

    assert len(page.encode()) < 1_000_000
    assert re.search(r"Fail on 500: ip-[^<]* and 49\d more<", page)
    assert "1000 more" in page


class Elements(HTMLParser):
    """The elements that a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        self.found.add(tag)


@given(TEXTS)
def test_hostile_texts_break_no_format(text: str) -> None:
    bad = posture(
        [policy(text, conditions=[{"type": text, "status": text, "reason": text, "message": text}])],
        [report(text, found(text, title=text, fix=text), fresh=text)],
        [exemption(text, reason=text or "x", grantedBy=text or "x", owner=text)],
    )

    table, page = rendered("table", bad), rendered("html", bad)

    elements = Elements()
    elements.feed(page)
    assert not elements.found & {"script", "img", "a", "link", "iframe"}
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", table + page) == []
    assert json.loads(rendered("json", bad))["policies"][0]["name"] == text


def test_there_are_hostile_texts() -> None:
    assert len(HOSTILE) > 20
    assert standing.NOW.endswith("Z")
