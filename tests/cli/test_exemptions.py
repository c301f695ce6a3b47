"""`stridegate exemption`: what people type, what they are told, and what the cluster then has."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from accounts import kubeconfig
from charts import Helm
from exempting import Cluster, ahead, exemption, role
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from stridegate.cli.main import main

WANTED = (
    *("--rule", "dangerous-capability", "--workload", "deployment/web", "--container", "vpn"),
    *("--value", "capability=NET_ADMIN", "--reason", "VPN sidecar until the mesh is in", "--expires", "30d"),
)
ACCOUNT = "system:serviceaccount:shop:security"


def said(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["exemption", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--rule", "dangerous-capabilty"),
            "there is no rule 'dangerous-capabilty'; did you mean dangerous-capability?",
        ),
        (("--rule", "x"), "there is no rule 'x'; `stridegate rules` lists them"),
        (("--workload", "web"), "wanted KIND/NAME"),
        (("--expires", "91d"), "within the next 90 days"),
        (("--kubeconfig", "/nowhere", "--expires", ""), "Invalid value for '--expires'"),
    ],
)
def test_a_wrong_option_is_a_matter_of_usage(arguments: tuple[str, ...], message: str) -> None:
    result = said("create", *WANTED, *arguments)

    assert (result.exit_code, message in result.stderr) == (2, True)


def test_a_cluster_that_cannot_be_asked_is_told_from_a_refusal() -> None:
    result = said("create", *WANTED, "--kubeconfig", "/nowhere")

    assert (result.exit_code, result.stdout) == (3, "")
    assert "/nowhere: wanted access to a cluster" in result.stderr


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server of our own: the guard asks whoever grants an exemption on it."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("granting")) as server:
        cluster = Cluster(server)
        cluster.install(Helm.built().render())
        server.kubectl("create", "namespace", "shop")
        server.kubectl("-n", "shop", "create", "serviceaccount", "security")
        rights = role(
            "security",
            "shop",
            {
                "apiGroups": ["stridegate.dev"],
                "resources": ["hardeningexemptions"],
                "verbs": ["create", "get", "list", "patch"],
            },
            {
                "apiGroups": ["stridegate.dev"],
                "resources": ["hardeningrules"],
                "resourceNames": ["dangerous-capability"],
                "verbs": ["exempt"],
            },
            bound_to={"kind": "User", "name": ACCOUNT},
        )
        server.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, rights)))
        cluster.wait_for_the_guard("shop")
        yield cluster
        cluster.close()


@pytest.fixture(scope="module")
def config(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A kubeconfig of an account that may exempt from one rule, in the namespace of its context."""
    return str(kubeconfig(cluster.server, tmp_path_factory.mktemp("config") / "kubeconfig", "shop", "security"))


def stored(cluster: Cluster) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.ask("GET", "/apis/stridegate.dev/v1alpha1/hardeningexemptions").body["items"]
    return found


@pytest.mark.api_server
def test_what_was_asked_for_is_granted_in_the_name_of_who_asked(cluster: Cluster, config: str) -> None:
    result = said("create", *WANTED, "--name", "web-vpn", "--ticket", "SEC-1", "--yes", "--kubeconfig", config)

    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert f"{ACCOUNT} exempts Deployment web in shop\n  from     dangerous-capability\n" in result.stderr
    assert "granted: hardeningexemption/web-vpn in shop" in result.stderr
    (spec,) = (each["spec"] for each in stored(cluster) if each["metadata"]["name"] == "web-vpn")
    expires = spec.pop("expires")
    assert spec == {
        "rules": ["dangerous-capability"],
        "workload": {"kind": "Deployment", "name": "web"},
        "containers": ["vpn"],
        "values": [{"capability": "NET_ADMIN"}],
        "reason": "VPN sidecar until the mesh is in",
        "grantedBy": ACCOUNT,
        "ticket": "SEC-1",
    }
    assert dt.datetime.fromisoformat(expires) > dt.datetime.now(dt.UTC) + dt.timedelta(days=29)


@pytest.mark.api_server
def test_the_longest_life_is_granted(config: str) -> None:
    result = said("create", *WANTED, "--expires", "90d", "--yes", "--kubeconfig", config)

    assert result.exit_code == 0, result.stderr


@pytest.mark.api_server
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_dry_run_prints_the_object_and_grants_nothing(cluster: Cluster, config: str, form: str) -> None:
    before = len(stored(cluster))

    result = said("create", *WANTED, "--dry-run", "-o", form, "--kubeconfig", config)

    assert (result.exit_code, len(stored(cluster))) == (0, before), result.stderr
    printed = yaml.safe_load(result.stdout)
    assert (printed["kind"], printed["spec"]["grantedBy"]) == ("HardeningExemption", ACCOUNT)
    assert printed["metadata"]["name"].startswith("web-dangerous-capability-")
    assert "managedFields" not in printed["metadata"]


@pytest.mark.api_server
def test_a_refusal_of_the_guard_is_one_sentence(cluster: Cluster, config: str) -> None:
    before = len(stored(cluster))

    result = said("create", *WANTED, "--rule", "host-pid", "--yes", "--kubeconfig", config)

    assert (result.exit_code, result.stdout, len(stored(cluster))) == (1, "", before)
    assert result.stderr == (
        f"Error: {ACCOUNT} may not exempt host-pid in shop; ask an administrator for a Role there with apiGroups "
        "[stridegate.dev], resources [hardeningrules], resourceNames [host-pid], verbs [exempt]\n"
    )


@pytest.mark.api_server
def test_every_rule_that_the_right_is_lacking_for_is_named_at_once(config: str) -> None:
    result = said("create", *WANTED, "--rule", "host-pid", "--rule", "host-ipc", "--yes", "--kubeconfig", config)

    assert result.exit_code == 1
    assert result.stderr.endswith("resourceNames [host-pid], verbs [exempt]; the same for host-ipc\n")


@pytest.mark.api_server
def test_a_refusal_of_rbac_is_one_sentence(config: str) -> None:
    result = said("create", *WANTED, "--namespace", "default", "--yes", "--kubeconfig", config)

    assert result.exit_code == 1
    assert f'User "{ACCOUNT}" cannot create resource "hardeningexemptions"' in result.stderr


@pytest.mark.api_server
def test_an_object_that_the_kind_refuses_says_where(config: str) -> None:
    wrong = [
        said("create", *WANTED, *arguments, "--yes", "--kubeconfig", config)
        for arguments in (("--reason", "why"), ("--value", "memory=much"), ("--container", "UPPER"))
    ]

    assert [each.exit_code for each in wrong] == [2, 2, 1]
    assert "spec.reason: wanted the reason, in 10 to 500 characters, got 'why'" in wrong[0].stderr
    assert "spec.values[1].memory: wanted a quantity" in wrong[1].stderr
    assert "spec.containers" in wrong[2].stderr


@pytest.mark.api_server
@pytest.mark.parametrize("missing", ["--yes", "--reason", "--expires"])
def test_where_nobody_can_be_asked_nothing_is_granted(cluster: Cluster, config: str, missing: str) -> None:
    before = len(stored(cluster))
    arguments = [*WANTED, "--yes"]
    at = arguments.index(missing)
    del arguments[at : at + (1 if missing == "--yes" else 2)]

    result = said("create", *arguments, "--kubeconfig", config)

    assert (result.exit_code, len(stored(cluster))) == (2, before)
    assert "nobody to ask" in result.stderr


def at_a_terminal(answers: str, *arguments: str) -> tuple[int, str]:
    """Run the command with a terminal to type at; return its exit code and all that is on the screen."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "stridegate", "exemption", *arguments],
        stdin=end, stdout=end, stderr=end, env={**os.environ, "PYTHONPATH": str(CHECKOUT / "controller")},
    ) as running:  # fmt: skip
        os.close(end)
        os.write(terminal, answers.encode())
        screen = b""
        try:
            while part := os.read(terminal, 4096):
                screen += part
        except OSError:
            pass  # Linux answers so where the other end is closed.
    os.close(terminal)
    return running.returncode, screen.decode()


@pytest.mark.api_server
def test_a_person_is_asked_for_what_the_denial_does_not_say_and_whether_it_is_right(
    cluster: Cluster, config: str
) -> None:
    printed = ("--rule", "dangerous-capability", "--workload", "deployment/web")
    before = len(stored(cluster))

    no = at_a_terminal("until the mesh is in\n\nn\n", "create", *printed, "--kubeconfig", config)
    after_no = len(stored(cluster))
    yes = at_a_terminal("until the mesh is in\nsoon\n7d\ny\n", "create", *printed, "--kubeconfig", config)

    assert (no[0], after_no) == (1, before)
    assert "nothing was changed" in no[1]
    assert (yes[0], len(stored(cluster))) == (0, before + 1), yes[1]
    assert "wanted 30d, 12h, 2w" in yes[1]
    assert "for      whatever they find" in yes[1]
    assert "in       the pod and all of its containers" in yes[1]


@pytest.mark.api_server
def test_a_revoked_exemption_stays_on_the_list(cluster: Cluster, config: str) -> None:
    created = said("create", *WANTED, "--name", "short", "--yes", "--kubeconfig", config)
    listed = said("list", "--kubeconfig", config)

    revoked = said("revoke", "short", "--yes", "--kubeconfig", config)

    assert (created.exit_code, listed.exit_code, revoked.exit_code) == (0, 0, 0), revoked.stderr
    before = f"Active     shop/short: Deployment 'web', dangerous-capability, by {ACCOUNT}, 30 days left"
    assert before in listed.stdout
    assert (
        f"Revoked    shop/short: Deployment 'web', dangerous-capability, by {ACCOUNT}\n"
        in said("list", "--kubeconfig", config).stdout
    )
    (spec,) = (each["spec"] for each in stored(cluster) if each["metadata"]["name"] == "short")
    assert spec["revoked"] is True


@pytest.mark.api_server
def test_what_does_not_exist_cannot_be_revoked(config: str) -> None:
    result = said("revoke", "nothing", "--yes", "--kubeconfig", config)

    assert (result.exit_code, 'hardeningexemptions.stridegate.dev "nothing" not found' in result.stderr) == (1, True)


@pytest.mark.api_server
def test_the_cluster_is_found_as_kubectl_finds_it(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(Path(config).read_text())

    home = said("list")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    named = said("list")

    assert (home.exit_code, named.exit_code) == (0, 3)


@pytest.mark.api_server
def test_an_end_that_the_clocks_disagree_about_is_the_guards_to_refuse(cluster: Cluster) -> None:
    late = exemption("kubernetes-super-admin", "dangerous-capability", expires=ahead(days=90, minutes=1))

    assert cluster.grant("shop", late).code == 422
