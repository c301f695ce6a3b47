"""`stridegate check` as its users meet it: what it judges, where it finds what, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from checking import BAD, CONFIG, DEPLOYMENT, GOOD, checked, policy, rules, run
from stridegate.cli.check import check


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("written", "arguments", "code"),
    [
        (GOOD, [], 0),
        (BAD, [], 1),
        (BAD, ["--fail-on", "critical"], 1),
        (BAD, ["--fail-on", "never"], 0),
        (BAD.replace("privileged: true", "privileged: false"), ["--fail-on", "critical"], 0),
        (BAD, ["--fail-on", "terrible"], 2),
        (BAD, ["--profile", "strict"], 2),
        (BAD, ["--profile", "Baseline"], 1),
        (BAD, ["-n", "My_Shop"], 2),
        (BAD, ["--as-of", "tomorrow"], 2),
        (BAD, ["--fail-on-expiring", "soon"], 2),
        (BAD, ["--policy", "none.yaml"], 2),
        (BAD, ["--exemptions", "in.yaml"], 2),
        (BAD, ["--baseline", "none.json"], 2),
        (BAD, ["--baseline", "in.yaml"], 2),
        (BAD, ["--pod-template", "Rollout"], 2),
        (BAD, ["none.yaml"], 3),
        (BAD + "---\na: [", [], 3),
        (CONFIG, [], 3),
        ("# nothing\n", [], 3),
        (CONFIG, ["--allow-empty"], 0),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_exit_code_says_how_it_ended(written: str, arguments: list[str], code: int) -> None:
    Path("in.yaml").write_text(written)

    result = run("in.yaml", *arguments)

    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert code < 2 or "rror: " in result.stderr or "not judged: " in result.stderr


def test_the_example_of_the_help_works(folder: Path) -> None:
    (folder / "k8s").mkdir()
    (folder / "k8s/pod.yaml").write_text(BAD)
    example = re.search(r"Example: stridegate check (.+)", check.help or "")
    assert example is not None

    result = run(*shlex.split(example[1]))

    assert result.exit_code == 1
    assert "k8s/pod.yaml:6  Pod shop/web  containers[web]" in result.stdout


def test_nothing_to_judge_is_a_mistake_of_the_caller() -> None:
    result = run()

    assert result.exit_code == 2
    assert "--cluster" in result.output


def test_nothing_judged_is_said_with_what_was_there_instead() -> None:
    result = run("-", stdin=CONFIG)

    assert result.exit_code == 3
    assert "nothing was judged" in result.stderr
    assert "got 1 of other kinds" in result.stderr


def test_the_default_is_the_restricted_profile() -> None:
    result = checked("-", stdin=BAD)

    assert result["policies"] == ["restricted"]
    assert rules(result)[0] == "privileged-container"
    assert "possible-root-user" in rules(result)


def test_one_bad_file_hides_no_verdict(folder: Path) -> None:
    (folder / "a.yaml").write_text("kind: A\nkind: B\n")
    (folder / "b.yaml").write_text(BAD)

    result = checked(".")

    assert result["problems"][0]["source"] == "./a.yaml"
    assert result["problems"][0]["at"]["line"] == 2
    assert "privileged-container" in rules(result)


@pytest.mark.usefixtures("folder")
def test_one_file_that_may_not_be_read_hides_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in.yaml").write_text(BAD)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)

    result = run("in.yaml")

    assert result.exit_code == 1, result.output


def test_a_finding_stands_where_its_container_and_its_field_do() -> None:
    finding = checked("-", stdin=BAD)["subjects"][0]["findings"][0]

    assert finding["ownerAt"] == {"line": 6, "column": 5}
    assert finding["at"] == {"line": 8, "column": 23}
    assert finding["pointer"] == "/spec/containers/0/securityContext/privileged"


def test_of_a_workload_it_says_what_becomes_of_its_pods() -> None:
    (subject,) = checked("-", stdin=DEPLOYMENT)["subjects"]

    assert subject["denied"] is True
    assert subject["message"] == ""
    assert subject["warnings"][0].startswith("pods of this Deployment will be denied: privileged-container")
    assert subject["findings"][0]["standing"] == "denied"


@pytest.mark.parametrize("kind", ["serving.knative.dev/v1 Service", "batch.volcano.sh/v1alpha1 Job", "v1 ConfigMap"])
def test_kinds_that_no_rule_looks_at_are_counted(kind: str) -> None:
    version, _, name = kind.partition(" ")

    result = checked("-", "--allow-empty", stdin=f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: x}}\n")

    assert result["problems"] == result["subjects"] == []
    assert result["unjudged"][0]["reason"] == "no rule looks at this kind"


def test_a_further_kind_that_makes_pods_is_judged_where_it_is_named() -> None:
    rollout = DEPLOYMENT.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")
    template = "argoproj.io/v1alpha1/rollouts=Rollout:spec.template"

    assert checked("-", "--allow-empty", stdin=rollout)["subjects"] == []
    assert "privileged-container" in rules(checked("-", "--pod-template", template, stdin=rollout))


def test_a_review_is_judged_as_its_request(folder: Path) -> None:
    pod = yaml.safe_load(BAD)
    request = {
        "uid": "1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "blog",
        "name": "web",
        "operation": "CREATE",
        "userInfo": {"username": "alice"},
        "object": pod,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    update = {**review, "request": {**request, "operation": "UPDATE", "oldObject": pod}}
    (folder / "create.json").write_text(json.dumps(review))
    (folder / "update.json").write_text(json.dumps(update))

    (folder / "policy.yaml").write_text(policy(profile="restricted", patching="all"))

    created, updated = checked("create.json"), checked("update.json")
    unhealed = checked("create.json", "--policy", "policy.yaml")

    assert created["subjects"][0]["namespace"] == "blog"
    assert created["subjects"][0]["message"].startswith('Stridegate denied pod "web" in "blog"')
    assert rules(updated) == []
    assert "missing-seccomp-profile" in rules(unhealed)


def test_several_processes_say_the_same_as_one(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policy(namespaceSelector={"matchLabels": {"tier": "production"}}))
    for number in range(40):
        (folder / f"{number}.yaml").write_text((BAD, GOOD, CONFIG, "a: [", "kind: [")[number % 5])
    arguments = [".", "--policy", "policy.yaml", "--as-of", "2027-01-01", "-o", "json"]
    # A process of its own: who has threads must not fork.
    program = (
        "import sys\nfrom stridegate.cli.judging import runs\nfrom stridegate.cli.main import main\n"
        "runs._FEW, runs._BATCH = 1, 7\nmain(['check', *sys.argv[1:]])"
    )

    together = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)

    assert together.stdout == run(*arguments).stdout
    assert together.returncode == 3
    assert "the labels of namespace shop are not known" in together.stderr


def test_hostile_names_reach_no_terminal() -> None:
    name = "w\\e[31m\\u202e\\n::error::x"

    result = run("-", stdin=BAD.replace("name: web\n", f'name: "{name}"\n').replace("name: web,", f'name: "{name}",'))

    assert result.exit_code == 1
    assert all(character.isprintable() or character == "\n" for character in result.output)
    assert not any(line.startswith("::") for line in result.output.splitlines())


def test_offline_no_server_and_no_client_is_loaded(folder: Path) -> None:
    (folder / "pod.yaml").write_text(BAD)
    program = (
        "import sys\nfrom stridegate.cli.main import main\n"
        "try:\n    main(['check', 'pod.yaml'])\n"
        "except SystemExit as end:\n    assert end.code == 1\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"aiohttp", "asyncio", "kopf", "kubernetes", "cryptography", "prometheus_client", "uvloop", "ssl", "rich"}
    assert not loaded & heavy
