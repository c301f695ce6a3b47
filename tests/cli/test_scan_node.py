"""`stridegate scan-node` at a desk: a disk that is mounted somewhere, and the machine that the test runs on."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from calls import ENVIRONMENT
from hosts import BARE, put
from stridegate.cli.main import main
from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.rules import HostFile


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The disk of a Docker host."""
    for path, file in {
        **BARE,
        "/proc/1/status": HostFile(text="Name:\tinit\nUid:\t0\t0\nGid:\t0\t0\nNSpid:\t1\n"),
        "/proc/1/cmdline": HostFile(text="/sbin/init\0"),
        "/proc/1/cgroup": HostFile(text="0::/init.scope\n"),
        "/etc/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
        "/etc/docker/daemon.json": HostFile(text='{"icc": false}', mode=0o666),
    }.items():
        put(tmp_path, path, file)
    return tmp_path


def shown_on(terminal: int) -> list[str]:
    """Return the lines that a terminal was written until its other end was closed."""
    shown = b""
    with suppress(OSError):
        while piece := os.read(terminal, 65536):
            shown += piece
    os.close(terminal)
    return shown.decode().splitlines()


def test_a_finding_ends_the_run_with_one(disk: Path) -> None:
    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk)])

    assert told.exit_code == 1, told.output
    assert "docker-daemon-config-file-permissions" in told.output
    assert "profile docker, worker" in told.output


def test_json_is_a_report_as_a_cluster_has_it(disk: Path) -> None:
    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk), "-o", "json"])

    report = json.loads(told.stdout)
    assert report["kind"] == "HardeningReport"
    assert report["spec"] == {"profile": "docker", "role": "worker"}
    assert "docker-daemon-config-file-permissions" in {each["rule"] for each in report["status"]["findings"]}


def test_what_is_less_severe_than_asked_for_does_not_count(disk: Path) -> None:
    (disk / "etc/docker/daemon.json").chmod(0o644)

    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk), "--fail-on", "critical"])

    assert told.exit_code == 0, told.output


def test_a_run_can_be_told_to_fail_on_nothing(disk: Path) -> None:
    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk), "--fail-on", "never"])

    assert told.exit_code == 0, told.output


def test_one_run_writes_a_table_and_a_file(disk: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"

    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk), "-o", "table", "-o", f"json={file}"])

    assert "profile docker, worker" in told.output
    assert json.loads(file.read_text(encoding="utf-8"))["kind"] == "HardeningReport"


def test_at_a_desk_nothing_in_a_report_is_cut(disk: Path) -> None:
    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk), "-o", "json"])

    fixes = {each["rule"]: each["fix"] for each in json.loads(told.stdout)["status"]["findings"]}
    assert fixes
    assert all(fix == NODE_RULES[slug].fix for slug, fix in fixes.items() if slug in NODE_RULES)


def test_on_a_narrow_terminal_nothing_that_was_seen_is_cut(disk: Path) -> None:
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "stridegate", "scan-node", "--root", str(disk)]

    with subprocess.Popen(command, stdout=inner, env=ENVIRONMENT | {"TERM": "dumb", "COLUMNS": "60"}) as process:
        os.close(inner)
        lines = shown_on(outer)

    at = next(number for number, line in enumerate(lines) if line.endswith("  docker-daemon-config-file-permissions"))
    assert process.returncode == 1
    assert lines[at + 1].strip() == "0666"


def test_a_machine_on_which_nothing_can_be_judged_is_no_clean_one(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["scan-node", "--root", str(tmp_path)])

    assert told.exit_code == 3, told.output


def test_a_hostile_name_cannot_move_the_cursor(disk: Path) -> None:
    put(disk, "/etc/docker/certs.d/\x1b[2J\nevil.key", HostFile(text="x", mode=0o777))

    told = CliRunner().invoke(main, ["scan-node", "--root", str(disk)])

    assert "\x1b" not in told.output
