"""Reports repeated as ClusterReports by a running operator, on a real API server with the kind of OpenReports' own module."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from charts import Helm
from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer
from openreports import open_reports, serve
from operated import Operated, eventually
from reported import apply, node, prepare, scan, scanner_pod, tell_of_node, tell_of_scanner
from stridegate.kube.open_reports import open_name

pytestmark = pytest.mark.api_server

FIRST, SECOND = open_name("node1"), open_name("node2")
THEN = time.time() - 3600


@pytest.fixture(scope="module")
def unserved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release that is to repeat reports, with two nodes that were scanned, on a cluster that does not know the kind."""
    folder = tmp_path_factory.mktemp("open-reports")
    with ApiServer(state_dir=folder / "api", audit_policy=METADATA_AUDIT_POLICY) as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install("reports.openReports=true")
        prepare(server)
        for name in ("node1", "node2"):
            apply(server, node(name), scanner_pod(name))
            tell_of_node(server, name)
            tell_of_scanner(server, name)
        operated.start_operator("first", "--open-reports")
        try:
            for name in ("node1", "node2"):
                eventually(partial(report, operated, name))
                scan(server, name, at=THEN, findings=("loose-file",), passed=("tight-file",))
            eventually(lambda: repeated(operated, "unserved") == 3)
            yield operated
        finally:
            operated.stop()


@pytest.fixture(scope="module")
def release(unserved: Operated) -> Operated:
    """The same once the kind was installed and what there is was repeated."""
    serve(unserved.server)
    eventually(lambda: open_reports(unserved.server).keys() == {"stridegate-cluster", FIRST, SECOND}, seconds=90)
    eventually(lambda: open_reports(unserved.server)[FIRST]["metadata"]["labels"]["stridegate.dev/fresh"] == "True")
    return unserved


def report(release: Operated, name: str) -> dict[str, Any]:
    """Return a HardeningReport, empty while there is none."""
    found = release.get("hardeningreports")["items"]
    return next((each for each in found if each["metadata"]["name"] == name), {})


def repeated(release: Operated, state: str) -> int | None:
    """Return how many reports are said to be in a state; None while nothing is said."""
    metrics = release.probe("first", "/metrics")[1]
    wanted = f'stridegate_open_reports{{state="{state}"}} '
    return next(
        (int(float(line.removeprefix(wanted))) for line in metrics.splitlines() if line.startswith(wanted)), None
    )


def said(release: Operated, words: str) -> list[str]:
    """Return the lines of the operator's log with some words in them."""
    return [line for line in release.processes["first"].log.read_text().splitlines() if words in line]


def requests(release: Operated) -> list[dict[str, Any]]:
    """Return what the operator asked of ClusterReports."""
    return [each for each in release.requests() if each.get("objectRef", {}).get("apiGroup") == "openreports.io"]


def writes(release: Operated) -> list[tuple[str, str]]:
    """Return what the operator wrote of ClusterReports."""
    return [(each["verb"], each["requestURI"]) for each in requests(release) if each["verb"] != "list"]


def test_a_cluster_that_does_not_know_the_kind_has_its_reports_all_the_same(unserved: Operated) -> None:
    def fresh() -> bool:
        conditions = report(unserved, "node1")["status"].get("conditions", ())
        return any((each["type"], each["status"]) == ("Fresh", "True") for each in conditions)

    eventually(fresh)

    assert len(eventually(lambda: said(unserved, "ClusterReports of OpenReports are not served by this cluster"))) == 1
    assert unserved.probe("first", "/readyz")[0] == 200


def test_a_kind_that_is_installed_later_is_served_without_a_restart(release: Operated) -> None:
    eventually(lambda: repeated(release, "repeated") == 3)

    assert repeated(release, "unserved") == 0
    assert len(eventually(lambda: said(release, "no ClusterReport is unserved any more"))) == 1


def test_a_report_is_repeated_as_it_is(release: Operated) -> None:
    found = open_reports(release.server)[FIRST]
    owner = report(release, "node1")["metadata"]["uid"]

    assert found["metadata"]["ownerReferences"][0]["uid"] == owner
    assert found["scope"]["uid"] == release.get("node", "node1")["metadata"]["uid"]
    assert found["summary"] == {"pass": 1, "fail": 1, "warn": 0, "error": 0, "skip": 0}
    assert [(each["policy"], each["result"]) for each in found["results"]] == [
        ("loose-file", "fail"),
        ("tight-file", "pass"),
    ]
    assert found["results"][0]["timestamp"] == {"seconds": int(THEN), "nanos": 0}


def test_a_table_of_openreports_shows_what_ours_shows(release: Operated) -> None:
    header, *rows = release.server.kubectl("get", "creps", "-o", "wide").splitlines()
    row = next(each.split() for each in rows if each.startswith(FIRST))

    assert header.split() == ["NAME", "KIND", "NAME", "PASS", "FAIL", "WARN", "ERROR", "SKIP", "AGE"]
    assert row[:-1] == [FIRST, "Node", "node1", "1", "1", "0", "0", "0"]


def test_the_summary_of_the_cluster_is_that_of_its_report(release: Operated) -> None:
    summary = report(release, "stridegate-cluster")["status"]["summary"]
    found = open_reports(release.server)["stridegate-cluster"]

    assert found["summary"] == {
        **{each: summary[each] for each in ("pass", "fail", "warn", "error")},
        "skip": summary["notApplicable"] + summary["exempted"],
    }
    assert sum(found["summary"].values()) == len(found["results"]) + summary["notApplicable"]


def test_a_scan_that_finds_nothing_new_writes_nothing(release: Operated) -> None:
    before = writes(release)

    scan(release.server, "node1", at=THEN + 60, findings=("loose-file",), passed=("tight-file",), since=THEN)
    scan(release.server, "node1", at=THEN + 120, findings=("loose-file",), passed=("tight-file",), since=THEN)
    time.sleep(10)

    assert [each for each in writes(release)[len(before) :] if FIRST in each[1]] == []


def test_a_new_finding_is_repeated_by_one_write(release: Operated) -> None:
    before = len(writes(release))

    scan(release.server, "node1", at=THEN + 180, findings=("loose-file", "another-file"), passed=())
    eventually(lambda: open_reports(release.server)[FIRST]["summary"]["fail"] == 2)

    written = [each for each in writes(release)[before:] if FIRST in each[1]]
    assert [verb for verb, _ in written] == ["patch"]


def test_a_report_that_is_stale_says_so(release: Operated) -> None:
    def told() -> tuple[str, int]:
        found = open_reports(release.server)[SECOND]
        return found["metadata"]["labels"]["stridegate.dev/fresh"], found["summary"]["error"]

    tell_of_node(release.server, "node2", ready=False)

    eventually(lambda: told() == ("False", 1))
    tell_of_node(release.server, "node2")
    eventually(lambda: told() == ("True", 0))


def test_what_somebody_else_made_under_our_name_is_left_alone(release: Operated) -> None:
    name = open_name("node3")
    foreign = {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "ClusterReport",
        "metadata": {"name": name},
        "source": "kyverno",
    }
    apply(release.server, foreign)
    before = open_reports(release.server)[name]

    apply(release.server, node("node3"), scanner_pod("node3"))
    eventually(partial(report, release, "node3"))
    scan(release.server, "node3", at=THEN, findings=("loose-file",))
    eventually(lambda: repeated(release, "foreign") == 1)
    release.server.kubectl("delete", "node", "node3")
    eventually(lambda: repeated(release, "foreign") == 0)

    assert open_reports(release.server)[name] == before
    assert len(eventually(lambda: said(release, f"ClusterReport {name} is somebody else's and left alone"))) == 1


def test_what_is_repeated_goes_with_its_report(release: Operated) -> None:
    apply(release.server, node("node4"))
    eventually(partial(report, release, "node4"))
    apply(release.server, scanner_pod("node4"))
    scan(release.server, "node4", at=THEN)
    eventually(lambda: open_name("node4") in open_reports(release.server))

    release.server.kubectl("delete", "node", "node4")

    eventually(lambda: open_name("node4") not in open_reports(release.server))


def test_what_is_granted_is_used_and_what_is_used_is_granted(release: Operated) -> None:
    role = release.get("clusterrole", "stridegate-openreports")
    asked = {(each["objectRef"]["resource"], each["verb"]) for each in requests(release)}
    refused = [each["requestURI"] for each in requests(release) if each["responseStatus"]["code"] in {401, 403}]

    assert asked == {
        (resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }
    assert refused == []


def test_without_the_rights_reports_go_on_and_the_gap_is_named(release: Operated) -> None:
    release.server.kubectl("delete", "clusterrolebinding", "stridegate-openreports")

    scan(release.server, "node1", at=THEN + 240, findings=("loose-file", "third-file"))
    eventually(lambda: repeated(release, "refused") == 1)

    # The log is written by a thread of its own.
    (line,) = eventually(lambda: said(release, "report node1 cannot be repeated as a ClusterReport"))
    assert "cannot patch resource" in line
    assert [each["rule"] for each in report(release, "node1")["status"]["findings"]] == ["loose-file", "third-file"]
