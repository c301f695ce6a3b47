"""When a node is scanned, and when its report is written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.engine.reports import Scan
from stridegate.engine.survey import NodeFinding
from stridegate.kube.errors import NotFound, Unreachable
from stridegate.kube.objects import Json
from stridegate.kube.reports import Task
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.scanner.metrics import Metrics
from stridegate.scanner.rounds import Rounds

RULE = next(iter(NODE_RULES.values()))
START = 1_800_000_000.0


@dataclass
class Kept:
    """A report as an API server keeps it."""

    generation: int = 1
    annotations: dict[str, str] = field(default_factory=dict)
    status: Any = field(default_factory=dict)
    writes: int = 0
    problem: Exception | None = None

    async def metadata(self) -> Mapping[str, object]:
        if self.problem:
            raise self.problem
        return {"name": "node1", "uid": "u", "generation": self.generation, "annotations": self.annotations}

    async def read(self) -> Mapping[str, object]:
        return {
            "metadata": await self.metadata(),
            "spec": {"profile": "kubeadm", "interval": "10m"},
            "status": self.status,
        }

    async def apply(self, body: Json) -> Mapping[str, object]:
        self.status = body["status"]
        self.writes += 1
        return body


class Node:
    """A node whose scans are counted, and its clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.scans = 0
        self.scanned = threading.Event()
        self.state = State.FAIL
        self.report = Kept()
        self.rounds = Rounds(self.report, self.scan, Metrics("abc"), 0.5, lambda: self.now)

    def scan(self, task: Task) -> Scan:
        self.scans += 1
        self.scanned.set()
        verdict = Verdict(state=self.state, observed="seen", evidence=Evidence(source=Source.FILE, path="/etc/x"))
        return Scan(
            findings=(NodeFinding(rule=RULE, verdict=verdict),),
            now=START + self.now,
            duration=0.1,
            version="0",
            catalogue="c",
            generation=task.generation,
        )

    def turn(self, *, after: float = 0.0) -> float:
        self.now += after
        return asyncio.run(self.rounds.turn())


@pytest.fixture
def node() -> Node:
    """A node that was scanned once."""
    made = Node()
    made.turn()
    return made


def test_the_first_scan_is_written(node: Node) -> None:
    assert (node.scans, node.report.writes) == (1, 1)
    assert node.rounds.missing() == []


def test_nothing_is_scanned_before_the_interval_ends(node: Node) -> None:
    node.turn(after=100)

    assert node.scans == 1


def test_a_scan_that_finds_the_same_is_not_written(node: Node) -> None:
    node.turn(after=700)

    assert (node.scans, node.report.writes) == (2, 1)


def test_a_scan_that_finds_something_else_is_written(node: Node) -> None:
    node.state = State.PASS

    node.turn(after=700)

    assert node.report.writes == 2


def test_a_heartbeat_is_written_though_nothing_changes(node: Node) -> None:
    for _ in range(40):
        node.turn(after=700)

    assert node.report.writes == 2


@pytest.mark.parametrize("annotation", ["stridegate.dev/rescan", "stridegate.dev/accept"])
def test_an_annotation_asks_for_a_scan(node: Node, annotation: str) -> None:
    node.report.annotations[annotation] = "now"

    node.turn(after=1)
    node.turn(after=1)

    assert node.scans == 2


def test_a_new_spec_asks_for_a_scan(node: Node) -> None:
    node.report.generation = 2

    node.turn(after=1)

    assert node.scans == 2


def test_a_change_on_the_node_asks_for_a_scan_but_not_at_every_step(node: Node) -> None:
    node.rounds.node_changed()
    node.turn(after=1)
    early = node.scans

    node.turn(after=40)

    assert (early, node.scans) == (1, 2)


def test_a_report_that_cannot_be_written_is_written_with_the_next_scan(node: Node) -> None:
    node.report.generation = 2
    node.report.problem = Unreachable("GET", "down")
    node.turn(after=1)
    node.report.problem = None

    node.turn(after=10)

    assert node.report.writes == 2


def test_without_a_report_there_is_no_scan_and_the_process_is_not_ready() -> None:
    node = Node()
    node.report.problem = NotFound("GET", 404, "not found")

    pause = node.turn()

    assert node.scans == 0
    assert pause <= 10
    assert "operator" in node.rounds.missing()[0]


def test_a_process_whose_last_scan_is_old_is_not_ready(node: Node) -> None:
    node.report.problem = Unreachable("GET", "down")
    node.turn(after=1300)

    assert "old" in node.rounds.missing()[0]


def test_a_node_that_changes_is_looked_at_at_once() -> None:
    async def changed() -> int:
        node = Node()
        node.now = 1000.0
        repeating = asyncio.create_task(node.rounds.repeat())
        await asyncio.to_thread(node.scanned.wait, 10)
        node.scanned.clear()
        node.now += 100
        node.rounds.node_changed()
        await asyncio.to_thread(node.scanned.wait, 10)
        repeating.cancel()
        return node.scans

    assert asyncio.run(changed()) == 2
