"""`stridegate check` as its users meet it: what it judges, by what, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from policy_objects import COMPLETE
from stridegate.cli.judging import runs
from stridegate.cli.main import main

BAD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web
    image: registry.example/web:1
    securityContext: {privileged: true}
"""
GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: good, namespace: shop}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: web
    image: registry.example/web:1
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        securityContext: {privileged: true}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def policy(name: str = "production", **spec: object) -> str:
    obj = {"apiVersion": "stridegate.dev/v1alpha1", "kind": "HardeningPolicy", "metadata": {"name": name}}
    return yaml.safe_dump({**obj, "spec": {"profile": "baseline", "action": "deny", **spec}})


def exemption(expires: str = "2027-01-31T00:00:00Z", **spec: object) -> str:
    obj = {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningExemption",
        "metadata": {"name": "web-privileged", "namespace": "shop"},
        "spec": {
            "rules": ["privileged-container"],
            "workload": {"kind": "Pod", "name": "web"},
            "reason": "until the driver is in the image",
            "expires": expires,
            "grantedBy": "alice",
            **spec,
        },
    }
    return yaml.safe_dump(obj)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin)


def checked(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    """Return the result of a run, as programs read it."""
    result = run(*arguments, "-o", "json", stdin=stdin)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rules(result: dict[str, Any], standing: str = "denied") -> list[str]:
    return [
        finding["rule"]
        for subject in result["subjects"]
        for finding in subject["findings"]
        if finding["standing"] == standing
    ]


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
    (folder / "a.yaml").write_text("a: 1\na: 2\n")
    (folder / "b.yaml").write_text(BAD)

    result = checked(".")

    assert result["problems"][0]["source"] == "./a.yaml"
    assert result["problems"][0]["at"]["line"] == 2
    assert "privileged-container" in rules(result)


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


def test_what_a_policy_heals_is_no_finding(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policy(profile="restricted", patching="all"))

    result = checked("-", "--policy", "policy.yaml", stdin=BAD.replace("{privileged: true}", "{}"))

    assert rules(result) == []


def test_the_strictest_of_several_policies_wins(folder: Path) -> None:
    (folder / "a.yaml").write_text(policy("a", action="audit"))
    (folder / "b.yaml").write_text(policy("b", action="off", rules={"privileged-container": {"action": "deny"}}))

    result = checked("-", "--policy", "a.yaml", "--policy", "b.yaml", stdin=BAD)

    assert result["policies"] == ["a", "b"]
    assert rules(result) == ["privileged-container"]
    assert result["subjects"][0]["message"].startswith('Stridegate denied pod "web" in "shop" (policy b): 1 violation')


def test_what_is_only_audited_fails_nothing(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policy(action="audit"))

    result = run("-", "--policy", "policy.yaml", stdin=BAD)

    assert result.exit_code == 0
    assert "privileged-container" in result.stdout


@pytest.mark.parametrize(("tier", "denied"), [("production", ["privileged-container"]), ("trial", [])])
def test_labels_of_namespaces_among_the_files_select_policies(folder: Path, tier: str, denied: list[str]) -> None:
    (folder / "policy.yaml").write_text(policy(namespaceSelector={"matchLabels": {"tier": "production"}}))
    (folder / "b.yaml").write_text(BAD)
    (folder / "z.yaml").write_text(
        f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{tier: {tier}}}}}\n"
    )

    result = checked("b.yaml", "z.yaml", "--policy", "policy.yaml")

    assert rules(result) == denied
    assert result["assumptions"] == []


def test_where_labels_are_not_known_every_policy_holds_that_could_and_it_is_said(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policy(namespaceSelector={"matchLabels": {"tier": "production"}}))

    result = checked("-", "--policy", "policy.yaml", stdin=BAD)

    assert rules(result) == ["privileged-container"]
    assert result["assumptions"] == [
        "the labels of namespace shop are not known: held against every policy that could select it (production)"
    ]


def test_a_policy_for_another_namespace_holds_nowhere_else(folder: Path) -> None:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
    (folder / "policy.yaml").write_text(policy(namespaceSelector=selector))

    result = checked("-", "--policy", "policy.yaml", stdin=BAD)

    assert rules(result) == []
    assert rules(result, "audited") == ["privileged-container"]
    assert result["assumptions"] == []


def test_objects_without_a_namespace_are_where_it_is_said() -> None:
    named = BAD.replace(", namespace: shop", "")

    assert checked("-", stdin=named)["subjects"][0]["namespace"] == "default"
    assert checked("-", "-n", "blog", stdin=named)["subjects"][0]["namespace"] == "blog"
    assert checked("-", "-n", "blog", stdin=BAD)["subjects"][0]["namespace"] == "shop"


@pytest.mark.parametrize(("at", "standing"), [("2027-01-30", "exempted"), ("2027-01-31", "denied")])
def test_an_exemption_takes_a_finding_until_its_end(folder: Path, at: str, standing: str) -> None:
    (folder / "exemption.yaml").write_text(exemption())

    result = checked("-", "--profile", "baseline", "--exemptions", "exemption.yaml", "--as-of", at, stdin=BAD)

    assert rules(result, standing) == ["privileged-container"]
    (finding,) = result["subjects"][0]["findings"]
    assert standing == "denied" or finding["exemption"]["name"] == "web-privileged"


def test_an_exemption_in_use_that_ends_soon_fails_where_that_is_asked_for(folder: Path) -> None:
    (folder / "exemption.yaml").write_text(exemption())
    arguments = ["-", "--profile", "baseline", "--exemptions", "exemption.yaml", "--as-of", "2027-01-26"]

    assert run(*arguments, stdin=BAD).exit_code == 0
    assert run(*arguments, "--fail-on-expiring", "4d", stdin=BAD).exit_code == 0
    assert run(*arguments, "--fail-on-expiring", "1w", stdin=BAD).exit_code == 1
    assert checked(*arguments, "--fail-on-expiring", "1w", stdin=BAD)["ending"][0]["rules"] == ["privileged-container"]


def test_a_lifetime_that_no_cluster_grants_exempts_nothing(folder: Path) -> None:
    (folder / "exemption.yaml").write_text(exemption())

    result = checked("-", "--exemptions", "exemption.yaml", "--as-of", "2026-01-01", stdin=BAD)

    assert "privileged-container" in rules(result)


def test_a_baseline_knows_what_was_there_however_it_moved(folder: Path) -> None:
    (folder / "pod.yaml").write_text(BAD)
    written = run("pod.yaml", "--write-baseline", "known.json")
    moved = BAD.replace("  - name: web", "  - name: first\n    image: x:1\n  - name: web")
    (folder / "pod.yaml").write_text(f"# moved\n\n{moved}")

    result = checked("pod.yaml", "--baseline", "known.json")

    assert written.exit_code == 0
    assert "findings known from now on" in written.stderr
    assert "privileged-container" in rules(result, "known")
    assert "privileged-container" not in rules(result)
    assert {finding["owner"] for finding in result["subjects"][0]["findings"] if finding["standing"] == "denied"} == {
        "containers[first]"
    }
    assert run("pod.yaml", "--baseline", "known.json").exit_code == 1


def test_advice_is_shown_to_whoever_asks_for_it(folder: Path) -> None:
    (folder / "policy.yaml").write_text(policy(rules={"excessive-memory-limit": {"action": "audit"}}))

    assert rules(checked("-", stdin=GOOD), "audited") == []
    assert rules(checked("-", "--advisory", stdin=GOOD), "audited")


def test_a_policy_that_cannot_be_read_is_named_with_its_line(folder: Path) -> None:
    (folder / "policy.yaml").write_text(f"# production\n{policy(action='refuse')}")

    result = run("-", "--policy", "policy.yaml", stdin=BAD)

    assert result.exit_code == 2
    assert "policy.yaml:7: spec.action: wanted off, audit, warn or deny, got 'refuse'" in result.stderr


def test_two_policies_of_one_name_are_refused(folder: Path) -> None:
    (folder / "policy.yaml").write_text(f"{policy()}---\n{policy()}")

    result = run("-", "--policy", "policy.yaml", stdin=BAD)

    assert result.exit_code == 2
    assert "got a second 'production'" in result.stderr


def test_policies_and_exemptions_among_the_files_are_checked_themselves() -> None:
    result = checked("-", "--as-of", "2027-01-01", stdin=f"{policy()}---\n{exemption()}---\n{yaml.safe_dump(COMPLETE)}")

    assert [(each["kind"], each["findings"]) for each in result["subjects"]] == [
        ("HardeningPolicy", []),
        ("HardeningExemption", []),
        ("HardeningPolicy", []),
    ]
    assert result["problems"] == []


@pytest.mark.parametrize(
    ("written", "sentence", "line"),
    [
        (policy(profile="strict"), "spec.profile: wanted baseline, restricted or hardened, got 'strict'", 7),
        (
            policy(rules={"host-netwrk": {}}),
            "there is no rule 'host-netwrk'; did you mean host-network?",
            9,
        ),
        (exemption(rules=["zzz"]), "there is no rule 'zzz'; `stridegate rules` lists them", 10),
        (exemption("2026-12-31T00:00:00Z"), "exempts nothing: it is Expired", 7),
        (exemption("2027-12-31T00:00:00Z"), "exempts nothing: it is TooLong", 7),
        (exemption(revoked=True), "exempts nothing: it is Revoked", 10),
        (policy().replace("v1alpha1", "v9"), "apiVersion: wanted stridegate.dev/v1alpha1, got 'stridegate.dev/v9'", 1),
    ],
)
def test_a_mistake_in_one_of_our_own_objects_is_told_with_its_line(written: str, sentence: str, line: int) -> None:
    (problem,) = checked("-", "--as-of", "2027-01-01", stdin=written)["problems"]

    assert problem["sentence"] == sentence
    assert problem["at"]["line"] == line


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (DEPLOYMENT.replace("apps/v1", "extensions/v1beta1"), "wanted a version of Deployment that Kubernetes serves"),
        (BAD.replace("apiVersion: v1\n", ""), "wanted the apiVersion of a Pod, got nothing"),
        (
            BAD.replace("privileged: true", "privileged: 'true'"),
            "cannot judge this Pod: object: Expected `bool | null`",
        ),
        (BAD.replace("name: web,", "name: 123,"), "metadata.name: wanted a text, got '123'; put it in quotes"),
        (
            BAD.replace("name: web,", "name: 'a-{{ b }}',").replace("name: web\n", "name: a-{{ b }}\n"),
            "render it first",
        ),
    ],
)
def test_what_should_be_judged_and_cannot_is_a_problem(written: str, sentence: str) -> None:
    result = checked("-", stdin=written)

    assert result["subjects"] == []
    assert sentence in result["problems"][0]["sentence"]


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

    created, updated = checked("create.json"), checked("update.json")

    assert created["subjects"][0]["namespace"] == "blog"
    assert created["subjects"][0]["message"].startswith('Stridegate denied pod "web" in "blog"')
    assert rules(updated) == []


def test_several_processes_say_the_same_as_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "policy.yaml").write_text(policy(namespaceSelector={"matchLabels": {"tier": "production"}}))
    for number in range(40):
        (folder / f"{number}.yaml").write_text((BAD, GOOD, CONFIG, "a: [")[number % 4])
    alone = checked(".", "--policy", "policy.yaml", "--as-of", "2027-01-01")
    monkeypatch.setattr(runs, "_FEW", 1)
    monkeypatch.setattr(runs, "_BATCH", 7)

    together = checked(".", "--policy", "policy.yaml", "--as-of", "2027-01-01")

    assert together == alone
    assert together["assumptions"]


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
