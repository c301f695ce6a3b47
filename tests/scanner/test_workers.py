"""Hosts whose file systems stop answering: what is looked at by a process that can be left behind, with a real silent mount."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts import put
from silence import silent_file_system
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import FileStatus, Unreadable
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.errors import Barred, BrokenWorker, Missing, Stalled
from stridegate.scanner.file_answers import looked_up
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.workers import Workers

SCAN = (sys.executable, "-m", "stridegate", "scan-node", "-o", "json")
MOUNTED = queries.FileStatusOf("/etc/kubernetes/pki/ca.crt")
LINKED = queries.FileStatusOf("/etc/ssl/ca.crt")
BESIDE = queries.FileStatusOf("/etc/kubernetes/admin.conf")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with a directory to mount something on, and a link that leads there."""
    put(tmp_path, "/etc/kubernetes/admin.conf", HostFile())
    put(tmp_path, "/etc/ssl/ca.crt", HostFile(link="/etc/kubernetes/pki/ca.crt"))
    (tmp_path / "etc/kubernetes/pki").mkdir()
    return tmp_path


@pytest.fixture
def looks(host: Path) -> Iterator[Workers]:
    """Who looks at it, with little patience."""
    with HostRoot(host) as root, Workers(root, silence=0.4, patience=20) as workers:
        yield workers


def own_pid(_: HostRoot) -> int:
    return os.getpid()


def sleeps(_: HostRoot, seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


def computes(_: HostRoot, seconds: float) -> str:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return "computed"


def ends(_: HostRoot) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fails(_: HostRoot, error: Exception) -> None:
    raise error


def absent(_: HostRoot) -> None:
    raise Missing("/etc/x")


def barred(_: HostRoot) -> None:
    raise Barred("/etc/x", "EACCES")


def test_a_silent_file_system_is_unreadable_and_the_rest_is_read(host: Path, looks: Workers) -> None:
    with silent_file_system(host / "etc/kubernetes/pki"):
        found = looked_up(looks, (BESIDE, MOUNTED, LINKED))

    assert isinstance(found[BESIDE], FileStatus)
    assert found[MOUNTED] == Unreadable(MOUNTED.path, "/etc/kubernetes/pki did not answer within 0.4 s")
    assert found[LINKED] == Unreadable(LINKED.path, "/etc/kubernetes/pki did not answer within 0.4 s")


def test_what_lists_directories_is_not_held_up_either(host: Path, looks: Workers) -> None:
    listed = queries.FilesUnder("/etc/kubernetes", "*", 4)

    with silent_file_system(host / "etc/kubernetes/pki"):
        found = looked_up(looks, (listed,))

    assert found[listed] == Unreadable("/etc/kubernetes/pki", "/etc/kubernetes/pki did not answer within 0.4 s")


def test_a_process_that_waits_for_good_is_left_behind_once(host: Path, looks: Workers) -> None:
    with silent_file_system(host / "etc/kubernetes/pki"):
        looked_up(looks, (MOUNTED,))
        first = looks.run(own_pid)
        looked_up(looks, (MOUNTED,))
        second = looks.run(own_pid)

        assert first == second
        assert set(looks.silent) == {"/etc/kubernetes/pki"}


def test_what_answers_again_is_asked_again(host: Path) -> None:
    with HostRoot(host) as root, Workers(root, silence=0.4, hold=0) as looks:
        with silent_file_system(host / "etc/kubernetes/pki"):
            looked_up(looks, (MOUNTED,))
            put(host, "/etc/later", HostFile())
        put(host, "/etc/kubernetes/pki/ca.crt", HostFile())
        # The kernel lets go of who was left behind soon after the mount is gone.
        deadline = time.monotonic() + 20
        while looks.silent and time.monotonic() < deadline:
            time.sleep(0.02)

        found = looked_up(looks, (MOUNTED,))

    assert isinstance(found[MOUNTED], FileStatus)


def test_a_scan_of_a_machine_with_a_silent_file_system_ends(host: Path) -> None:
    with silent_file_system(host / "etc/kubernetes/pki"):
        told = subprocess.run(
            [*SCAN, "--root", str(host), "--role", "control-plane"],
            capture_output=True,
            check=False,
            timeout=60,
        )

    status = json.loads(told.stdout)["status"]
    findings = {each["rule"]: each for each in status["findings"]}
    assert findings["pki-ownership"]["state"] == "Unknown"
    assert "/etc/kubernetes/pki did not answer within 5 s" in findings["pki-ownership"]["observed"]
    assert "admin-kubeconfig-file-ownership" in status["passed"]


def test_several_silent_file_systems_are_found_one_after_the_other(host: Path, looks: Workers) -> None:
    other = host / "etc/ssl"

    with silent_file_system(host / "etc/kubernetes/pki"), silent_file_system(other):
        found = looked_up(looks, (MOUNTED, LINKED, BESIDE))

    assert isinstance(found[MOUNTED], Unreadable)
    assert found[LINKED] == Unreadable(LINKED.path, "/etc/ssl did not answer within 0.4 s")
    assert isinstance(found[BESIDE], FileStatus)


def test_who_computes_for_long_is_waited_for(looks: Workers) -> None:
    assert looks.run(computes, 1.0) == "computed"


def test_who_rests_for_long_is_not(looks: Workers) -> None:
    with pytest.raises(Stalled, match="did not answer"):
        looks.run(sleeps, 60.0)

    assert looks.run(sleeps, 0.0) == "awake"


def test_a_call_that_takes_too_long_altogether_is_given_up(host: Path) -> None:
    with HostRoot(host) as root, Workers(root, patience=0.5) as looks, pytest.raises(Stalled):
        looks.run(computes, 60.0)


def test_a_process_that_ends_early_is_followed_by_another(looks: Workers) -> None:
    with pytest.raises(Stalled, match="ended early"):
        looks.run(ends)

    assert looks.run(own_pid) != os.getpid()


def test_what_goes_wrong_there_is_raised_here(looks: Workers) -> None:
    with pytest.raises(Missing, match="/etc/x"):
        looks.run(absent)
    with pytest.raises(Barred, match="EACCES"):
        looks.run(barred)
    with pytest.raises(OSError, match="busy") as refused:
        looks.run(fails, OSError(errno.EBUSY, "busy"))
    assert refused.value.errno == errno.EBUSY
    with pytest.raises(BrokenWorker, match="ZeroDivisionError"):
        looks.run(fails, ZeroDivisionError())


def test_without_its_nursery_nothing_is_looked_at_and_nobody_is_killed(looks: Workers) -> None:
    looks.run(own_pid)
    with pytest.raises(Stalled, match="ended early"):
        looks.run(ends)
    os.kill(looks.nurse, signal.SIGKILL)

    with pytest.raises(Stalled, match="nobody makes"):
        looks.run(own_pid)
