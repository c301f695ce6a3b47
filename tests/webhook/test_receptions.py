"""How many files the server may have open."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from stridegate.webhook.receptions import allow_files


@pytest.fixture
def soft_limit() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_as_many_files_as_are_wanted_are_allowed(soft_limit: int) -> None:
    allowed = allow_files(soft_limit + 100)

    assert allowed == soft_limit + 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == allowed


def test_what_is_allowed_already_stays(soft_limit: int) -> None:
    assert allow_files(100) == 100
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft_limit


def test_no_more_is_allowed_than_may_be(soft_limit: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert soft_limit < hard
    assert allow_files(2 * hard) == hard
    assert allow_files(2 * hard) == hard
