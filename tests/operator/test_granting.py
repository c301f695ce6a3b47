"""Exemptions from being granted to their end, on a real API server with a real replica of the webhook, and no operator alive."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from charts import Helm
from exempting import ahead, exemption
from localkube.api_server import ApiServer
from localkube.errors import CommandFailed
from operated import Operated, eventually
from stridegate.cli.main import main

pytestmark = pytest.mark.api_server

ADMINISTRATOR = "kubernetes-super-admin"
POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "shop"},
    "spec": {
        "profile": "baseline",
        "action": "deny",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
    },
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A release that enforces, whose operator has ended since."""
    folder = tmp_path_factory.mktemp("granting")
    with ApiServer(state_dir=folder / "api") as server:
        operated = Operated(server, Helm.built(), folder)
        operated.install()
        server.kubectl("create", "namespace", "shop")
        server.kubectl("apply", "-f", "-", stdin=json.dumps(POLICY))
        operator = operated.start_operator("only")
        try:
            operated.start_webhook()
            eventually(lambda: operated.condition("shop", "Enforcing").get("status") == "True", seconds=120)
            operator.stop()
            yield operated
        finally:
            operated.stop()


def refusal(release: Operated, name: str) -> str:
    """Return what a privileged pod of this name is refused with; empty where it would be admitted."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
    }
    try:
        release.server.kubectl("-n", "shop", "create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    except CommandFailed as refused:
        return refused.last_words
    return ""


def stridegate(release: Operated, *arguments: str) -> None:
    result = CliRunner().invoke(
        main, ["exemption", *arguments, "--yes", "-n", "shop", "--kubeconfig", str(release.server.kubeconfig)]
    )
    assert result.exit_code == 0, result.output


def grant(release: Operated, name: str, **spec: object) -> None:
    """Let a privileged pod of this name be admitted."""
    wanted = exemption(ADMINISTRATOR, "privileged-container", name=name, workload={"kind": "Pod", "name": name}, **spec)
    release.server.kubectl("-n", "shop", "create", "-f", "-", stdin=json.dumps(wanted))


def test_a_refused_pod_is_admitted_once_it_is_exempted_and_refused_once_that_is_revoked(release: Operated) -> None:
    before = refusal(release, "vpn")

    stridegate(
        release, "create", "--name", "vpn", "--rule", "privileged-container", "--workload", "pod/vpn",
        "--reason", "until the mesh is in place", "--expires", "1d",
    )  # fmt: skip
    eventually(lambda: not refusal(release, "vpn"))
    other = refusal(release, "vpn-2")
    stridegate(release, "revoke", "vpn")

    assert "privileged-container" in before
    assert "privileged-container" in other
    assert "privileged-container" in eventually(lambda: refusal(release, "vpn"))


def test_an_exemption_ends_by_the_clock_though_no_operator_is_alive(release: Operated) -> None:
    grant(release, "short", expires=ahead(seconds=8))

    eventually(lambda: not refusal(release, "short"), seconds=7)

    assert "privileged-container" in eventually(lambda: refusal(release, "short"), seconds=20)


def test_an_exemption_that_was_stored_while_nothing_guarded_is_void_where_it_lasts_too_long(release: Operated) -> None:
    """T80."""
    kind, name = "validatingadmissionpolicybinding", "stridegate-exemptions"
    binding = {**release.get(kind, name), "metadata": {"name": name}}
    release.server.kubectl("delete", kind, name)

    def stored() -> bool:
        try:
            grant(release, "forever", expires=ahead(days=91))
        except CommandFailed:
            return False
        return True

    # The API server forgets the guard a moment later.
    eventually(stored)
    release.server.kubectl("create", "-f", "-", stdin=json.dumps(binding))
    # What was granted after it is in force, so that it has been heard of.
    grant(release, "after", expires=ahead(days=30))
    eventually(lambda: not refusal(release, "after"))

    assert "privileged-container" in refusal(release, "forever")
