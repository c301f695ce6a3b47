"""What tests of the scanner share."""

from __future__ import annotations

from pathlib import Path

import pytest

from running import idle_host


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host that runs nothing but its first process."""
    return idle_host(tmp_path)
