"""A release on a real API server: what installing, upgrading and uninstalling do to what the operator wrote."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from charts import CHART, Helm, Refused
from localkube.api_server import ApiServer
from localkube.errors import CommandFailed
from localkube.places import CHECKOUT

pytestmark = pytest.mark.api_server

NAMESPACE = "stridegate-system"
KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "any-"},
    "spec": {"containers": [{"name": "any", "image": "registry.example/any"}], "automountServiceAccountToken": False},
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "stridegate-ca", "namespace": NAMESPACE},
    "data": {"ca.key": base64.b64encode(b"a key").decode()},
}
LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "stridegate-operator", "namespace": NAMESPACE},
    "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15},
}


class Release:
    """Stridegate by its chart, on a server of its own."""

    def __init__(self, helm: Helm, server: ApiServer) -> None:
        self._helm = helm
        self.server = server

    def helm(self, command: str, *arguments: str) -> str:
        """Run a command of Helm on the release. Raises Refused."""
        return self._helm.run(
            command, "stridegate", *arguments, "--namespace", NAMESPACE, "--kubeconfig", self.server.kubeconfig
        )

    def install(self) -> None:
        self.helm("install", str(CHART), "--create-namespace")

    def upgrade(self, *arguments: str) -> None:
        self.helm("upgrade", str(CHART), *arguments)

    def uninstall(self) -> None:
        self.helm("uninstall", "--ignore-not-found")
        for namespace in ("stridegate-canary", "stridegate-scanner"):
            self.finish(namespace)

    def finish(self, namespace: str) -> None:
        """End the deletion of a namespace, as the namespace controller does where there is one."""
        found = self.server.kubectl("get", "namespace", namespace, "--ignore-not-found", "-o", "json")
        if found:
            finished = {**json.loads(found), "spec": {"finalizers": []}}
            path = f"/api/v1/namespaces/{namespace}/finalize"
            self.server.kubectl("replace", "--raw", path, "-f", "-", stdin=json.dumps(finished))

    def get(self, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.server.kubectl("get", *arguments, "-o", "json"))
        return found

    def write(self, manifest: dict[str, Any]) -> None:
        """Apply an object as the operator does, with its own field manager."""
        self.server.kubectl(
            "apply", "--server-side", "--field-manager=stridegate-operator", "-f", "-", stdin=json.dumps(manifest)
        )

    def arm(self) -> None:
        """Fill both configurations in, as the operator does once a replica serves."""
        wanted = json.loads(
            self.get("configmap", "stridegate-webhooks", "--namespace", NAMESPACE)["data"]["webhooks.json"]
        )
        bundle = base64.b64encode(self.server.certificate_authority.read_bytes()).decode()
        for kind, entries in (("Mutating", wanted["mutating"]), ("Validating", wanted["validating"])):
            for entry in entries:
                entry["clientConfig"]["caBundle"] = bundle
            self.write(
                {
                    "apiVersion": "admissionregistration.k8s.io/v1",
                    "kind": f"{kind}WebhookConfiguration",
                    "metadata": {"name": "stridegate"},
                    "webhooks": entries,
                }
            )

    def armed(self) -> dict[str, Any]:
        """Return the live entries of both configurations."""
        return {kind: self.get(kind, "stridegate").get("webhooks") for kind in KINDS}

    def try_pod(self, *arguments: str, namespace: str = "shop") -> str:
        """Create a pod. Raises CommandFailed."""
        return self.server.kubectl("create", "--namespace", namespace, "-f", "-", *arguments, stdin=json.dumps(POD))

    def refusal(self, *, namespace: str = "shop") -> str:
        """Return what a pod is refused with, once it is."""
        return self._soon(lambda said: "created" not in said, namespace)

    def admission(self, *, namespace: str = "shop") -> str:
        """Return what a pod is admitted with, once it is."""
        return self._soon(lambda said: "created" in said, namespace)

    def _soon(self, awaited: Callable[[str], bool], namespace: str) -> str:
        """Create pods until the answer is the awaited one: API servers take a moment to see what was configured."""
        deadline = time.monotonic() + 20
        while True:
            try:
                said = self.try_pod(namespace=namespace)
            except CommandFailed as failure:
                said = failure.last_words
            if awaited(said) or time.monotonic() > deadline:
                return said
            time.sleep(0.2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server of our own: a release has fixed names, and armed it judges every namespace."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("release")) as server:
        server.kubectl("create", "namespace", "shop")
        yield server


@pytest.fixture
def stridegate(helm: Helm, server: ApiServer) -> Iterator[Release]:
    release = Release(helm, server)
    release.install()
    yield release
    release.uninstall()


def test_installing_arms_nothing_and_refuses_no_pod(stridegate: Release) -> None:
    said = stridegate.try_pod()

    assert "created" in said
    assert stridegate.armed() == dict.fromkeys(KINDS)


def test_an_armed_release_fails_closed_while_no_replica_answers(stridegate: Release) -> None:
    stridegate.arm()

    assert 'failed calling webhook "pods.validate.stridegate.dev"' in stridegate.refusal()


def applied_by_kubectl(release: Release) -> None:
    """Apply what Helm would render, as GitOps tools do."""
    manifests = release.helm("template", str(CHART), "--no-hooks")
    release.server.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-", stdin=manifests
    )


def rolled_back_by_helm(release: Release) -> None:
    release.upgrade()
    release.helm("rollback", "1")


APPLIERS: dict[str, Callable[[Release], None]] = {
    "helm server-side": lambda release: release.upgrade("--set", "logLevel=debug", "--server-side=true"),
    "helm client-side": lambda release: release.upgrade("--set", "logLevel=debug", "--server-side=false"),
    "helm rollback": rolled_back_by_helm,
    "gitops": applied_by_kubectl,
}


@pytest.mark.parametrize("apply", APPLIERS.values(), ids=APPLIERS.keys())
def test_an_upgrade_leaves_what_the_operator_wrote_alone(stridegate: Release, apply: Callable[[Release], None]) -> None:
    stridegate.arm()
    stridegate.write(SECRET)
    stridegate.write(LEASE)
    armed = stridegate.armed()

    apply(stridegate)

    assert stridegate.armed() == armed
    assert all(armed.values())
    assert stridegate.get("secret", "stridegate-ca", "--namespace", NAMESPACE)["data"] == SECRET["data"]
    assert stridegate.get("lease", "stridegate-operator", "--namespace", NAMESPACE)["spec"] == LEASE["spec"]


def test_tools_that_compare_see_no_drift_once_armed(stridegate: Release) -> None:
    applied_by_kubectl(stridegate)
    stridegate.arm()
    manifests = stridegate.helm("template", str(CHART), "--no-hooks")

    # Ends with code 1, which raises, where something differs.
    difference = stridegate.server.kubectl(
        *("diff", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-"), stdin=manifests
    )

    assert difference == ""


def test_after_uninstalling_pods_create_and_policies_are_still_there(stridegate: Release) -> None:
    stridegate.arm()
    policy = {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningPolicy",
        "metadata": {"name": "kept"},
        "spec": {"profile": "baseline", "action": "deny"},
    }
    stridegate.server.kubectl("create", "-f", "-", stdin=json.dumps(policy))

    stridegate.uninstall()

    assert "created" in stridegate.admission()
    for kind in KINDS:
        assert not stridegate.get(kind)["items"]
    assert stridegate.get("hpol", "kept")["spec"]["action"] == "deny"
    stridegate.server.kubectl("delete", "hpol", "kept")


def test_the_canary_namespace_takes_dry_runs_alone(stridegate: Release) -> None:
    refusal = stridegate.refusal(namespace="stridegate-canary")

    assert "the namespace stridegate-canary is for server-side dry-runs alone" in refusal
    assert "created (server dry run)" in stridegate.try_pod("--dry-run=server", namespace="stridegate-canary")


def test_a_second_release_is_refused(stridegate: Release, helm: Helm) -> None:
    with pytest.raises(Refused, match=r'invalid ownership metadata.*must equal "second"'):
        helm.run(
            *("install", "second", CHART, "--namespace", "second-system", "--create-namespace"),
            *("--kubeconfig", stridegate.server.kubeconfig),
        )


def test_the_manifest_for_kubectl_installs_the_same(tmp_path: Path, helm: Helm) -> None:
    manifest = str(CHECKOUT / "deploy" / "install.yaml")
    # A server of its own: Helm would not take over the kinds that it finds there afterwards.
    with ApiServer(state_dir=tmp_path) as server:
        server.kubectl("apply", "--server-side", "--validate=strict", "-f", manifest)

        release = Release(helm, server)
        labels = release.get("namespace", NAMESPACE)["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert release.armed() == dict.fromkeys(KINDS)
