"""Every trap is tried by tests that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import chain

import pytest

from handbook.sources import DOCS, Trap, traps
from localkube.places import CHECKOUT
from stridegate.engine.catalogue import RULES

ALL = tuple(chain.from_iterable(traps().values()))
EXAMPLES = {f"{rule.slug}: {example.title}" for rule in RULES.values() for example in rule.examples}


@pytest.fixture(scope="session")
def collected() -> frozenset[str]:
    """Collect the name of every test there is, as pytest calls it, with and without its parameters."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    return frozenset(
        name for line in done.stdout.splitlines() if "::" in line for name in (line, line.partition("[")[0])
    )


@pytest.mark.parametrize("trap", ALL, ids=lambda trap: trap.number)
def test_every_test_of_a_trap_exists(trap: Trap, collected: frozenset[str]) -> None:
    assert trap.tests or trap.examples
    assert not set(trap.tests) - collected
    assert not set(trap.examples) - EXAMPLES


def test_no_trap_is_missing() -> None:
    # Ninety-four by themselves, and the seventeen classes that bypasses of others fall into.
    assert [trap.number for trap in ALL] == [f"T{n}" for n in range(1, 95)] + [f"B{n}" for n in range(1, 18)]


def test_every_trap_is_one_sentence_or_two_of_its_own() -> None:
    told = [trap.tried for trap in ALL]

    assert len(set(told)) == len(told)
    assert all(sentence.endswith(".") for sentence in told)


def test_every_rule_of_a_trap_exists() -> None:
    assert {slug for trap in ALL for slug in trap.rules} <= RULES.keys()


def test_every_test_that_the_documentation_names_exists(collected: frozenset[str]) -> None:
    known = {name.rpartition("::")[2] for name in collected}
    named = {
        name
        for pages in (DOCS.glob("*.md"), (DOCS / "adr").glob("*.md"))
        for path in pages
        for name in re.findall(r"\btest_\w+(?!\w*\.py)\b", path.read_text(encoding="utf-8"))
    }

    assert named
    assert not {name for name in named if not (name in known or list((CHECKOUT / "tests").rglob(f"{name}.py")))}
