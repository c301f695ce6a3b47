"""The order of the tests of rules: what tells most comes first."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the examples asked before anything else where they are one test: a mutant that they kill needs no other."""
    items.sort(key=lambda item: "rule_by_rule" not in item.nodeid)
