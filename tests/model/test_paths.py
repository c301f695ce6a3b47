"""Paths are what they lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridegate.model.paths import resolve, touches, written

SEGMENTS = st.sampled_from(["", ".", "..", "var", "run", "lock", "proc", "1", "self", "root", "task", "docker.sock"])
PATHS = st.lists(SEGMENTS, max_size=8).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", ()),
        ("//a//b/", ("a", "b")),
        ("/a/./b/../c", ("a", "c")),
        ("/../..", ()),
        ("/var/run/x", ("run", "x")),
        ("/var/lock", ("run", "lock")),
        ("/var/runx", ("var", "runx")),
        ("/proc", ("proc",)),
        ("/proc/1", ()),
        ("/proc/1/task/7", ()),
        ("/proc/1/root", ()),
        ("/proc/1/root/var/run", ("run",)),
        ("/proc/self/task/7/root/a", ("a",)),
        ("/proc/x/root", ("proc", "x", "root")),
        ("/srv/1/root/a", ("srv", "1", "root", "a")),
        ("/proc/1/rootx", ()),
        ("/proc/1/cwd/a", ()),
        ("/proc/1/task/2/fd/3", ()),
        ("/proc/sys/net", ("proc", "sys", "net")),
    ],
)
def test_an_absolute_path_is_resolved(path: str, leads_to: tuple[str, ...]) -> None:
    assert resolve(path) == leads_to


@pytest.mark.parametrize("path", ["", "a", "./a", "../a", "~/a", "C:\\a"])
def test_a_relative_path_leads_nowhere(path: str) -> None:
    assert resolve(path) is None


@given(PATHS)
def test_resolving_again_changes_nothing(path: str) -> None:
    once = resolve(path)

    assert once is not None
    assert resolve(written(once)) == once


@pytest.mark.parametrize(
    ("path", "listed", "met"),
    [
        ("/run/x", "/run/x", True),
        ("/run", "/run/x", True),
        ("/", "/run/x", True),
        ("/run/x", "/", True),
        ("/run/x/y", "/run/x", True),
        ("/run/xy", "/run/x", False),
        ("/ru", "/run/x", False),
        ("/run/user/7", "/run/user/*/x", True),
        ("/run/user/7/x", "/run/user/*/x", True),
        ("/run/user/7/y", "/run/user/*/x", False),
    ],
)
def test_paths_touch_by_components(path: str, listed: str, met: bool) -> None:
    mine, theirs = resolve(path), resolve(listed)

    assert mine is not None
    assert theirs is not None
    assert touches(mine, theirs) is met
