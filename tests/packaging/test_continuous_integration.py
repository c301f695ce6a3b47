"""What other people's CI runs: the GitHub Action, the GitLab template and the pre-commit hook ask for what the command understands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from localkube.places import CHECKOUT
from stridegate import __version__
from stridegate.cli.main import main

ACTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
GITLAB: list[dict[str, Any]] = list(
    yaml.safe_load_all((CHECKOUT / "deploy/ci/gitlab.yaml").read_text(encoding="utf-8"))
)
HOOKS: list[dict[str, Any]] = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

GOOD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: app, image: registry.example/app:1.0}\n"
BAD = GOOD.replace("1.0}", "1.0, securityContext: {privileged: true}}")


def understood(words: list[str]) -> click.Context:
    """Return a command as it was understood; a usage error is raised."""
    _, *rest = words
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    return command.make_context("stridegate", rest)


def checked(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHECKOUT / "deploy/ci/github-check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHON": sys.executable}
        | {"GITHUB_STEP_SUMMARY": str(folder / "summary")}
        | {f"STRIDEGATE_ACTION_{name}": value for name, value in inputs.items()},
    )


def test_inputs_of_the_action_are_no_part_of_a_script() -> None:
    told = ACTION["runs"]["steps"]

    assert all("${{" not in step["run"] for step in told)
    used = {
        name
        for step in told
        for value in step.get("env", {}).values()
        for name in re.findall(r"inputs\.([\w-]+)", value)
    }
    assert used == set(ACTION["inputs"])
    assert all(given["description"] for given in ACTION["inputs"].values())


def test_the_action_takes_nothing_that_its_own_commit_does_not_pin() -> None:
    told = ACTION["runs"]["steps"]

    assert not any("uses" in step for step in told)
    assert '--require-hashes --only-binary :all: --requirement "$GITHUB_ACTION_PATH/requirements/cli.txt"' in re.sub(
        r"\\\n\s+", "", told[0]["run"]
    )


def test_the_action_annotates_summarizes_and_fails(tmp_path: Path) -> None:
    (tmp_path / "bad pod.yaml").write_text(BAD, encoding="utf-8")
    (tmp_path / "$(touch owned)").mkdir()
    (tmp_path / "$(touch owned)" / "good.yaml").write_text(GOOD, encoding="utf-8")

    ended = checked(
        tmp_path,
        PATHS="bad pod.yaml\n$(touch owned)\n",
        PROFILE="baseline",
        SARIF="out.sarif",
        JUNIT="out; touch owned.xml",
    )

    assert ended.returncode == 1, ended.stderr
    assert "::error file=bad pod.yaml,line=6," in ended.stdout
    assert "privileged-container" in (tmp_path / "summary").read_text(encoding="utf-8")
    assert (tmp_path / "out.sarif").exists()
    assert (tmp_path / "out; touch owned.xml").exists()
    assert not (tmp_path / "owned").exists()


def test_the_action_passes_what_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")

    ended = checked(tmp_path, PROFILE="baseline")

    assert ended.returncode == 0, ended.stderr


def test_the_gitlab_template_installs_this_version_and_is_understood() -> None:
    header, jobs = GITLAB
    inputs = header["spec"]["inputs"]
    install, check = jobs["stridegate"]["script"]

    filled = re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda name: inputs[name[1]]["default"], check)
    assert inputs["version"]["default"] == __version__
    assert "stridegate==$[[ inputs.version ]]" in install
    understood(shlex.split(filled)).close()
    assert jobs["stridegate"]["artifacts"]["reports"]["junit"] in check


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_a_hook_is_understood(hook: dict[str, Any], tmp_path: Path) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(GOOD, encoding="utf-8")

    understood([*shlex.split(hook["entry"]), str(manifest)]).close()
    assert hook["language"] == "python"
