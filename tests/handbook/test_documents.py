"""What the documentation tells people to type and to apply is understood."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import click
import pytest
import yaml

from localkube.places import CHECKOUT
from reviewing import Asked, pod, policy, validated
from stridegate.cli.main import main
from stridegate.engine.catalogue import RULES
from stridegate.engine.examples import JsonMap
from stridegate.kube.policies import read_policy

PAGES = sorted({*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), *(CHECKOUT / "deploy").rglob("*.md")})

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    """Yield every block of code in these languages, with the page it stands on."""
    for page in PAGES:
        for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            if found["language"] in languages:
                yield str(page.relative_to(CHECKOUT)), found["text"]


def commands() -> Iterator[tuple[str, str]]:
    """Yield every command of ours in a block, without the prompt before it, and without what it is part of in a shell."""
    for page, text in blocks("", "sh", "shell", "bash", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ").strip()
            if command.startswith("stridegate "):
                yield page, re.split(r" [|>#;] ?| && ", command)[0]


def policies() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every policy in a block of YAML."""
    for page, text in blocks("yaml"):
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("kind") == "HardeningPolicy":
                yield page, document


def given_to_rules() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the pages of rules show of a policy."""
    for page, text in blocks("yaml"):
        document = yaml.safe_load(text) if page.startswith("docs/rules/") else None
        if isinstance(document, dict) and "rules" in (document.get("spec") or {}):
            yield page, document["spec"]["rules"]


@pytest.mark.parametrize(("page", "command"), list(commands()))
def test_every_command_is_understood(page: str, command: str) -> None:
    _, *words = shlex.split(command)
    asked: click.Command = main
    while isinstance(asked, click.Group):
        asked = asked.commands[words.pop(0)]

    with asked.make_context("stridegate", words) as context:
        assert context.params, page


@pytest.mark.parametrize(("page", "policy"), list(policies()))
def test_every_policy_is_understood(page: str, policy: Mapping[str, Any]) -> None:
    assert read_policy(policy, RULES).unknown_rules == (), page


@pytest.mark.parametrize(("page", "rules"), list(given_to_rules()))
def test_what_a_page_gives_its_rule_is_understood(page: str, rules: Mapping[str, Any]) -> None:
    policy = {"metadata": {"name": "shown"}, "spec": {"profile": "hardened", "action": "deny", "rules": rules}}

    reading = read_policy(policy, RULES)

    assert reading.unknown_rules == ()
    assert page == f"docs/rules/{next(iter(rules))}.md"


def test_the_denial_in_the_readme_is_what_the_webhook_says() -> None:
    socket: JsonMap = {"name": "docker", "hostPath": {"path": "/var/run/docker.sock"}}
    mounting: JsonMap = {
        "name": "app",
        "securityContext": {"allowPrivilegeEscalation": None},
        "volumeMounts": [{"name": "docker", "mountPath": "/run/docker.sock"}],
    }
    document = pod({"containers": [mounting], "volumes": [socket]})
    document["metadata"] = {
        "name": "web-7d4b9c6f5d-x2x7k",
        "labels": {"pod-template-hash": "7d4b9c6f5d"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d4b9c6f5d", "controller": True}],
    }

    message = validated(Asked(object=document), policy()).message

    assert message in (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_there_is_something_to_understand() -> None:
    assert len(list(commands())) > len(RULES) / 2
    assert list(policies())
    assert len(list(given_to_rules())) == len(RULES)
