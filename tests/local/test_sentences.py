"""What the commands of the local cluster say when something is wrong: one sentence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localkube.commands import last_words, run
from localkube.errors import CommandFailed, ProgramMissing
from localkube.places import CHECKOUT


def local(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "deploy/local", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
    )


def test_an_unknown_kubernetes_version_is_one_sentence() -> None:
    done = local("tools", "kubectl", KUBERNETES="0.1.0")

    assert done.returncode == 1
    assert done.stderr.startswith("✗ KUBERNETES=0.1.0 is not a version that can be built here: ")
    assert done.stderr.count("\n") == 1


def test_an_unknown_tool_is_one_sentence(tmp_path: Path) -> None:
    done = local("tools", "nonesuch", XDG_CACHE_HOME=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("✗ nonesuch is not built here: ")


def test_another_checkouts_cluster_is_not_taken_down(tmp_path: Path) -> None:
    owner = tmp_path / "owner"
    owner.mkdir()
    record = tmp_path / "stridegate" / "shared" / "checkout"
    record.parent.mkdir(parents=True)
    record.write_text(f"{owner}\n")

    done = local("kind-down", XDG_STATE_HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), CLUSTER="shared")

    assert done.returncode == 1
    assert done.stderr.startswith(f'✗ the local cluster "shared" belongs to the checkout {owner}')


def test_a_failed_program_is_named_with_its_last_words_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "step.log"

    with pytest.raises(CommandFailed, match=f"ended with code 3: .*no luck.*log: {log}") as raised:
        run(["sh", "-c", "echo trying; echo no luck >&2; exit 3"], log=log)

    assert raised.value.code == 3
    assert "no luck" in last_words(log)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramMissing, match="the program no-such-program is missing"):
        run(["no-such-program"])


def test_a_program_that_hangs_is_given_up_after_its_time() -> None:
    with pytest.raises(CommandFailed, match="no answer within 0 s"):
        run(["sleep", "10"], timeout=0.1)
