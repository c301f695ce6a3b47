"""What `stridegate check` judges by: policies, namespaces, exemptions, a baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from checking import BAD, GOOD, checked, exemption, policy, rules, run
from fake_cluster import EXEMPTIONS, NAMESPACES, POLICIES, FakeCluster


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_what_has_no_effect_is_said(folder: Path) -> None:
    (folder / "exemption.yaml").write_text(exemption(rules=["privileged-container", "no-such-rule"]))
    (folder / "policy.yaml").write_text(policy(rules={"host-netwrk": {"action": "deny"}}))
    arguments = ["--policy", "policy.yaml", "--exemptions", "exemption.yaml", "--as-of", "2027-02-01"]

    result = checked("-", *arguments, stdin=BAD)

    assert result["assumptions"] == [
        "exemption shop/web-privileged exempts nothing: it is Expired",
        "exemption shop/web-privileged: there is no rule no-such-rule",
        "policy production: there is no rule 'host-netwrk'; did you mean host-network?",
    ]


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


def test_a_cluster_without_stridegate_is_no_obstacle(tmp_path: Path) -> None:
    with FakeCluster(tmp_path) as cluster:
        cluster.put(NAMESPACES, "shop")
        cluster.served -= {POLICIES, EXEMPTIONS}

        result = checked("-", "--cluster", "--kubeconfig", str(cluster.kubeconfig), stdin=BAD)

    assert "privileged-container" in rules(result)
    assert result["assumptions"] == ["Stridegate is not installed in the cluster: held against the profile restricted"]


def test_what_a_cluster_does_not_let_be_read_is_no_success(tmp_path: Path) -> None:
    with FakeCluster(tmp_path) as cluster:
        cluster.refused.add(POLICIES)

        result = run("-", "--cluster", "--kubeconfig", str(cluster.kubeconfig), stdin=BAD)

    assert result.exit_code == 3
    assert "the API server answered 403" in result.stderr
