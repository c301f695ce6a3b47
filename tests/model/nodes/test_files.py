"""Permission bits are compared as bits, owners as the host's own numbers, and what could not be seen never passes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.nodes.answers import Absent, Accounts, FileKind, FileStatus, Group, Unreadable, User
from stridegate.model.nodes.files import Limit, Owner, excess, first_existing, judge_modes, judge_owners
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import FileStatusOf, HostAccounts, Query
from stridegate.model.nodes.verdicts import State

ACCOUNTS = Accounts(
    users=(User(name="etcd", uid=52, gid=52, home="/", shell=""),), groups=(Group(name="docker", gid=998, members=()),)
)


def status(path: str, mode: int = 0o600, uid: int = 0, gid: int = 0, target: str = "") -> FileStatus:
    return FileStatus(path=path, target=target or path, kind=FileKind.FILE, mode=mode, uid=uid, gid=gid)


def node(answers: Mapping[str, object]) -> Node:
    asked: dict[Query[object], object] = {FileStatusOf(path): answer for path, answer in answers.items()}
    directories = {path.rpartition("/")[0] or "/" for path in answers} | {"/", "/data"}
    for directory in directories - answers.keys():
        asked[FileStatusOf(directory)] = status(directory, 0o755)
    return Node({**asked, HostAccounts(): ACCOUNTS})


@pytest.mark.parametrize("mode", [0o606, 0o466, 0o602, 0o1644, 0o2644, 0o4600, 0o646])
def test_a_mode_that_only_looks_smaller_exceeds(mode: int) -> None:
    assert excess(mode, 0o644)


@given(mode=st.integers(0, 0o7777), most=st.integers(0, 0o777))
def test_a_mode_exceeds_exactly_where_it_has_a_bit_more(mode: int, most: int) -> None:
    assert (excess(mode, most) == 0) == (mode | most == most)


def test_the_offending_files_are_named_with_their_modes() -> None:
    verdict = judge_modes(node({"/a": status("/a"), "/b": status("/b", 0o644)}), ["/a", "/b"], Limit(files=0o600))

    assert (verdict.state, verdict.observed) == (State.FAIL, "0644")
    assert [(each.name, each.observed) for each in verdict.offenders] == [("/b", "0644, at most 0600 wanted")]


def test_a_link_is_judged_by_where_it_leads() -> None:
    verdict = judge_modes(node({"/a": status("/a", 0o644, target="/data/a")}), ["/a"], Limit(files=0o600))

    assert verdict.offenders[0].observed == "0644, at most 0600 wanted (links lead to /data/a)"


def test_a_directory_that_shields_is_noted_and_changes_nothing() -> None:
    answers = {"/pki/a": status("/pki/a", 0o666), "/pki": status("/pki", 0o700)}

    verdict = judge_modes(node(answers), ["/pki/a"], Limit(files=0o600))

    assert verdict.state is State.FAIL
    assert verdict.note == "In effect only root gets there: /pki lets nobody else in."


def test_a_shield_above_one_of_two_is_none() -> None:
    answers = {"/pki/a": status("/pki/a", 0o666), "/pki": status("/pki", 0o700), "/b/b": status("/b/b", 0o666)}

    verdict = judge_modes(node(answers), ["/pki/a", "/b/b"], Limit(files=0o600))

    assert (verdict.observed, verdict.note) == ("2 of 2 files", "")


def test_nothing_there_does_not_apply() -> None:
    with pytest.raises(NotThere, match="/a: absent"):
        judge_modes(node({"/a": Absent("/a")}), ["/a"], Limit(files=0o600))


def test_a_file_that_could_not_be_seen_keeps_the_others_from_passing() -> None:
    answers = {"/a": status("/a"), "/b": Unreadable("/b", "EACCES")}

    with pytest.raises(NotReadable, match="/b: EACCES"):
        judge_modes(node(answers), ["/a", "/b"], Limit(files=0o600))


def test_a_file_that_could_not_be_seen_does_not_hide_an_offender() -> None:
    answers = {"/a": status("/a", 0o666), "/b": Unreadable("/b", "EACCES")}

    assert judge_modes(node(answers), ["/a", "/b"], Limit(files=0o600)).state is State.FAIL


def test_an_earlier_place_that_could_not_be_seen_is_not_skipped() -> None:
    with pytest.raises(NotReadable):
        first_existing(node({"/a": Unreadable("/a", "EACCES"), "/b": status("/b")}), ["/a", "/b"])


def test_the_first_place_that_exists_wins() -> None:
    assert (
        first_existing(node({"/a": Absent("/a"), "/b": status("/b"), "/c": status("/c")}), ["/a", "/b", "/c"]).path
        == "/b"
    )


@pytest.mark.parametrize(("gid", "state"), [(998, State.PASS), (999, State.FAIL)])
def test_a_group_is_the_one_of_that_name_on_the_host(gid: int, state: State) -> None:
    verdict = judge_owners(node({"/s": status("/s", gid=gid)}), ["/s"], Owner(group="docker"))

    assert verdict.state is state


def test_an_owner_that_the_host_does_not_know_owns_nothing() -> None:
    verdict = judge_owners(node({"/s": status("/s")}), ["/s"], Owner(user="nobody-here", group="root"))

    assert verdict.state is State.FAIL
    assert verdict.offenders[0].observed == "0:0, nobody-here:root (not on this host:0) wanted"
