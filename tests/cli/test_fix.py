"""`stridegate fix` as its users meet it: what it mends and leaves, what it shows and writes, and how it ends."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from stridegate.cli.main import main

POD = """\
# The shop's front.
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web   # the only one
    image: "registry.example/web:1"
"""
MENDED = """\
# The shop's front.
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web   # the only one
    image: "registry.example/web:1"
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault
"""
HELM = POD.replace("name: web,", "name: {{ .Release.Name }},")


def run(*arguments: object, stdin: bytes | str = "") -> Result:
    return CliRunner().invoke(main, ["fix", *map(str, arguments)], input=stdin)


def write(folder: Path, text: str = POD, name: str = "web.yaml") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


def test_nothing_is_written_without_being_asked_and_the_difference_is_shown(tmp_path: Path) -> None:
    file = write(tmp_path)

    result = run(file)

    assert result.exit_code == 1
    assert file.read_text() == POD
    assert "+      allowPrivilegeEscalation: false\n" in result.stdout
    assert "Nothing is written without --write." in result.stderr


def test_what_is_shown_is_what_git_applies(tmp_path: Path) -> None:
    write(tmp_path, POD.rstrip("\n"))
    shown = subprocess.run(
        [sys.executable, "-m", "stridegate", "fix", "--risky", "./web.yaml"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=shown.stdout, check=True)

    assert (tmp_path / "web.yaml").read_text() == MENDED.rstrip("\n")


def test_risky_edits_are_made_on_request_alone(tmp_path: Path) -> None:
    file = write(tmp_path)

    safe = run(file, "--write")

    assert safe.exit_code == 1
    assert "possible-root-user" in safe.stderr
    assert "runAsNonRoot" not in file.read_text()

    risky = run(file, "--write", "--risky")

    assert risky.exit_code == 0
    assert {*file.read_text().splitlines()} == {*MENDED.splitlines()}


def test_a_second_run_has_nothing_to_do(tmp_path: Path) -> None:
    file = write(tmp_path)
    run(file, "--write", "--risky")
    once = file.stat()

    twice = run(file, "--write", "--risky", "--diff")

    assert twice.exit_code == 0
    assert twice.stdout == ""
    assert file.stat().st_mtime_ns == once.st_mtime_ns


def test_standard_input_goes_mended_to_standard_output() -> None:
    result = run("-", "--risky", stdin=POD)

    assert result.exit_code == 0
    assert result.stdout == MENDED


@pytest.mark.parametrize("text", ["\ufeff" + POD, POD.replace("\n", "\r\n"), "\ufeff" + POD.replace("\n", "\r\n")])
def test_byte_order_marks_and_line_breaks_stay(text: str) -> None:
    result = run("-", "--risky", stdin=text.encode())

    marked, newline = text.startswith("\ufeff"), "\r\n" if "\r\n" in text else "\n"
    assert result.stdout_bytes.decode() == ("\ufeff" if marked else "") + MENDED.replace("\n", newline)


@pytest.mark.parametrize(
    "text", [HELM, POD + "---\n" + HELM, POD + "---\nimage: {{ .Values.image }}\n", "{{- if .x }}\n" + POD]
)
def test_a_file_with_a_template_in_it_is_not_touched(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text)

    result = run(file, "--write", "--risky")

    assert result.exit_code == 3
    assert file.read_text() == text


def test_templates_of_a_chart_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    write(tmp_path, "name: shop\n", "Chart.yaml")
    file = write(tmp_path / "templates")

    result = run(file, "--write")

    assert result.exit_code == 3
    assert "helm template" in result.stderr
    assert file.read_text() == POD


def test_a_file_that_is_broken_further_down_is_not_touched(tmp_path: Path) -> None:
    text = POD + "---\nkind: [\n"
    file = write(tmp_path, text)

    result = run(file, "--write")

    assert result.exit_code == 3
    assert file.read_text() == text


def test_lists_are_mended_item_by_item() -> None:
    pod = yaml.safe_load(POD)
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [pod, {"kind": "Other"}, pod]})

    result = run("-", "--risky", stdin=text)

    first, other, second = yaml.safe_load(result.stdout)["items"]
    assert first == second == yaml.safe_load(MENDED)
    assert other == {"kind": "Other"}


def test_what_needs_a_person_is_named_with_its_reason(tmp_path: Path) -> None:
    file = write(tmp_path, MENDED.replace("web:1", "web:latest"))

    result = run(file, "--profile", "hardened", "--write", "--risky")

    assert result.exit_code == 1
    assert "mutable-image-tag: containers[web]: image is" in result.stderr
    assert "left: it needs a person" in result.stderr
    assert "unlimited-memory" in result.stderr
    assert "left: a policy has to give its parameter" in result.stderr


def test_a_file_in_every_style_is_mended_as_its_authors_would() -> None:
    before, after = (Path(__file__).with_name("fix") / f"{name}.txt" for name in ("before", "after"))

    result = run("-", "--risky", "--profile", "hardened", stdin=before.read_text())

    assert result.stdout == after.read_text()
    assert result.stderr.count("left: a policy has to give its parameter") == 6


def test_what_is_left_stands_in_the_order_of_the_file() -> None:
    before = Path(__file__).with_name("fix") / "before.txt"

    lines = [int(each.split(":")[1].split()[0]) for each in run(before).stderr.splitlines() if "; left: " in each]

    assert len(lines) > 6
    assert lines == sorted(lines)


def own(kind: str, name: str, **spec: object) -> str:
    metadata = {"name": name, "namespace": "shop"} if kind == "HardeningExemption" else {"name": name}
    return yaml.safe_dump(
        {"apiVersion": "stridegate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": {**spec}}
    )


def test_what_is_exempted_is_left_alone(tmp_path: Path) -> None:
    exemption = own(
        "HardeningExemption",
        "web",
        rules=["privilege-escalation"],
        workload={"kind": "Pod", "name": "web"},
        reason="sudo until the image is new",
        expires="2027-01-31T00:00:00Z",
        grantedBy="alice",
    )
    file = write(tmp_path, exemption, "exemption.yaml")

    result = run("-", "--risky", "--exemptions", file, "--as-of", "2027-01-01", stdin=POD)

    assert result.exit_code == 0
    assert "drop:" in result.stdout
    assert "allowPrivilegeEscalation" not in result.stdout


def test_what_the_webhook_heals_is_not_written(tmp_path: Path) -> None:
    file = write(tmp_path, own("HardeningPolicy", "p", profile="restricted", action="deny", patching="safe"), "p.yaml")

    result = run("-", "--risky", "--policy", file, stdin=POD)

    assert result.exit_code == 0
    assert "runAsNonRoot: true" in result.stdout
    assert "allowPrivilegeEscalation" not in result.stdout


def test_advice_is_followed_where_it_is_asked_for() -> None:
    unasked = run("-", "--risky", stdin=MENDED)
    asked = run("-", "--risky", "--advisory", stdin=MENDED)

    assert unasked.stdout == MENDED
    assert "  hostUsers: false\n" in asked.stdout


def test_what_a_policy_gives_is_written(tmp_path: Path) -> None:
    rules = {"unlimited-memory": {"parameters": {"default": "256Mi"}}}
    text = own("HardeningPolicy", "production", profile="restricted", action="deny", rules=rules)
    policy = write(tmp_path, text, "policy.yaml")

    result = run("-", "--policy", policy, "--risky", stdin=MENDED)

    assert result.exit_code == 0
    assert "      limits:\n        memory: 256Mi\n      requests:\n        memory: 256Mi\n" in result.stdout


def test_a_reviewed_request_is_no_manifest(tmp_path: Path) -> None:
    request = {
        "uid": "1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "shop",
        "object": yaml.safe_load(POD),
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    file = write(tmp_path, yaml.safe_dump(review))

    result = run(file, "--write")

    assert result.exit_code == 1
    assert "AdmissionReview" in result.stderr
    assert yaml.safe_load(file.read_text()) == review


def test_mode_and_link_stay(tmp_path: Path) -> None:
    file = write(tmp_path)
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to("web.yaml")

    result = run(link, "--write", "--risky")

    assert result.exit_code == 0
    assert link.is_symlink()
    assert file.read_text() == MENDED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.yaml", "web.yaml"]


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path)
    folder = tmp_path / "k8s"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(outside)

    result = run(folder, "--write")

    assert result.exit_code == 3
    assert "leads out of the folder" in result.stderr
    assert outside.read_text() == POD


def test_a_file_with_two_names_is_left_whole(tmp_path: Path) -> None:
    file = write(tmp_path)
    os.link(file, tmp_path / "other")

    result = run(file, "--write")

    assert result.exit_code == 3
    assert "hard links" in result.stderr
    assert file.read_text() == POD


def test_a_file_is_mended_once_by_however_many_names(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "a.yaml").symlink_to("web.yaml")

    result = run(tmp_path)

    assert result.stdout.count("--- a/") == 1


def test_what_cannot_be_meant_is_a_usage_error(tmp_path: Path) -> None:
    file = write(tmp_path)

    assert run("-", file).exit_code == 2
    assert run("-", "--write").exit_code == 2
    assert run().exit_code == 2


def test_nothing_to_judge_is_no_success(tmp_path: Path) -> None:
    file = write(tmp_path, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")

    assert run(file).exit_code == 3
    assert run(file, "--allow-empty").exit_code == 0
    assert run(tmp_path / "missing").exit_code == 3


def test_a_hostile_name_does_not_reach_a_terminal(tmp_path: Path) -> None:
    file = write(tmp_path, POD, "a\x1b[31mb\n.yaml")

    result = run(file)

    assert "\x1b" not in result.stdout + result.stderr
    assert len(result.stdout.splitlines()) == len(run(write(tmp_path)).stdout.splitlines())
