"""What the tests of the whole process share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from authorities import mounted
from fake_cluster import NAMESPACES, POLICIES, FakeCluster
from processes import AUTHORITY, DENY, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        cluster = stack.enter_context(FakeCluster(tmp_path))
        cluster.put(NAMESPACES, "shop")
        cluster.put(POLICIES, "production", spec=DENY)
        yield World(cluster, mounted(tmp_path / "tls", AUTHORITY), stack)
