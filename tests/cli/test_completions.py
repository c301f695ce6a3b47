"""Shells complete what can be typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from calls import ENVIRONMENT, stridegate


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught_to_complete(shell: str) -> None:
    ended = stridegate("completion", shell)

    assert ended.returncode == 0
    assert ended.stderr == ""
    assert "_STRIDEGATE_COMPLETE" in ended.stdout


def test_the_script_for_fish_shows_a_description_whole() -> None:
    script = stridegate("completion", "fish").stdout

    assert 'string split --max 1 "," $completion' in script


def test_the_script_for_bash_completes_slugs_and_options() -> None:
    script = stridegate("completion", "bash").stdout
    program = Path(sys.executable).with_name("stridegate")
    asked = f"""
    {script}
    COMP_WORDS=(stridegate explain privileg) COMP_CWORD=2
    _stridegate_completion {program}
    echo "${{COMPREPLY[@]}}"
    """

    ended = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, env=ENVIRONMENT)

    assert ended.stdout.split()[:2] == ["privileged-container", "privilege-escalation"]
    assert ended.stderr == ""
