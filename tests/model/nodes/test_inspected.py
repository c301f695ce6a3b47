"""Which state of a file a report accepts, and that the same scan later finds it unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.inspected import present_states, state
from stridegate.model.nodes.queries import FileDigest, FileStatusOf, Query

PATH = "/etc/docker/daemon.json"
STATUS = FileStatus(path=PATH, target=PATH, kind=FileKind.FILE, mode=0o644, uid=0, gid=0)


@pytest.mark.parametrize("changed", [{"mode": 0o600}, {"uid": 1}, {"gid": 1}])
def test_mode_and_owner_are_part_of_a_state(changed: dict[str, int]) -> None:
    assert state(replace(STATUS, **changed), "a") != state(STATUS, "a")  # type: ignore[arg-type] # numbers, all of them


def test_contents_are_part_of_a_state_and_where_links_lead_is_not() -> None:
    assert state(STATUS, "a") != state(STATUS, "b")
    assert state(replace(STATUS, target="/elsewhere"), "a") == state(STATUS, "a")


def test_what_was_read_and_digested_has_a_present_state() -> None:
    answers: dict[Query[object], object] = {
        FileStatusOf(PATH): STATUS,
        FileDigest(PATH): "a",
        FileStatusOf("/b"): replace(STATUS, path="/b"),
        FileStatusOf("/c"): replace(STATUS, path="/c"),
        FileDigest("/c"): Unreadable("/c", "EACCES"),
        FileStatusOf("/d"): Absent("/d"),
        FileDigest("/d"): Absent("/d"),
    }

    assert present_states(answers) == {PATH: state(STATUS, "a")}
