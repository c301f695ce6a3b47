"""The cache of the local cluster."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from localkube.cache import Cache, digest
from localkube.errors import TooLittleDisk
from localkube.mounts import below


def test_a_thing_is_built_once(tmp_path: Path) -> None:
    cache, builds = Cache(root=tmp_path), list[Path]()

    first = cache.built("thing", "abc", builds.append, gib=0)
    second = cache.built("thing", "abc", builds.append, gib=0)

    assert first == second == tmp_path / "built" / "thing-abc"
    assert len(builds) == 1


def test_a_build_that_fails_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    cache = Cache(root=tmp_path)

    def fail(place: Path) -> None:
        (place / "half").touch()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        cache.built("thing", "abc", fail, gib=0)

    assert not cache.entry("thing", "abc").exists()
    again = cache.built("thing", "abc", lambda place: (place / "whole").touch(), gib=0)
    assert [file.name for file in again.iterdir()] == ["whole"]


def test_what_an_older_recipe_made_is_kept_for_a_week(tmp_path: Path) -> None:
    cache = Cache(root=tmp_path)
    recent = cache.built("thing", "a" * 12, lambda _: None, gib=0)
    old = cache.built("thing", "b" * 12, lambda _: None, gib=0)
    other = cache.built("thing-else", "b" * 12, lambda _: None, gib=0)
    for entry in (old, other):
        os.utime(entry, (0, 0))

    cache.built("thing", "c" * 12, lambda _: None, gib=0)

    assert (recent.exists(), old.exists(), other.exists()) == (True, False, True)


def test_two_runs_at_the_same_time_build_once(tmp_path: Path) -> None:
    builds, go = list[Path](), threading.Event()

    def build(place: Path) -> None:
        go.wait(5)
        builds.append(place)

    runs = [
        threading.Thread(target=Cache(root=tmp_path).built, args=("thing", "abc", build), kwargs={"gib": 0})
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    go.set()
    for run in runs:
        run.join()

    assert len(builds) == 1


def test_a_full_disk_is_told_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(TooLittleDisk, match="needs 1000000 GiB of free disk"):
        Cache(root=tmp_path).built("thing", "abc", lambda place: place.rmdir(), gib=1_000_000)


def test_a_digest_changes_with_each_word_and_each_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "recipe"
    file.write_text("one")
    first = digest([tmp_path, "word"])

    assert digest([tmp_path, "word"]) == first
    assert digest([tmp_path, "other"]) != first
    assert digest([tmp_path, "wo", "rd"]) != first
    file.write_text("two")
    assert digest([tmp_path, "word"]) != first


def test_mounts_below_a_folder_come_deepest_first() -> None:
    mountinfo = "\n".join(
        f"1 1 0:1 / {point} rw - x x rw" for point in ("/", "/a", "/a/proc", "/a/proc/sys", "/ab", r"/a/with\040space")
    )

    assert below(Path("/a"), mountinfo) == ["/a/with space", "/a/proc/sys", "/a/proc", "/a"]
