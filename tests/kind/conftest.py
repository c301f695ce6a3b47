"""One kind cluster of three nodes with Stridegate installed by Helm, made once for all tests here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from installations import Installation
from localkube.api_server import METADATA_AUDIT_POLICY
from localkube.installation import install, put_image, uninstall, wait_until_armed
from localkube.kind_cluster import KindCluster
from localkube.places import Places, cluster_name
from traffic import Stream, pod


@pytest.fixture(scope="session")
def cluster() -> KindCluster:
    """Three real nodes. They stay for the next run; `make demo-down` takes them away."""
    made = KindCluster(
        places=Places.of({**os.environ, "CLUSTER": f"{cluster_name()}-test"}),
        nodes=3,
        audit_policy=METADATA_AUDIT_POLICY,
    )
    made.create()
    return made


@pytest.fixture(scope="session")
def stridegate(cluster: KindCluster) -> Installation:
    """The image built from this checkout, and the chart installed as its users do."""
    binaries = cluster.binaries
    uninstall(cluster, binaries)
    put_image(cluster)
    with Stream(cluster.kubeconfig, "default", pod(privileged=True)) as meanwhile:
        install(cluster, binaries)
        wait_until_armed(cluster)
    return Installation(cluster=cluster, binaries=binaries, meanwhile=tuple(meanwhile.answers))


@pytest.fixture
def namespace(stridegate: Installation, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{abs(hash(request.node.name)) % 10**8}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    stridegate.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    yield name
    stridegate.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def policy(stridegate: Installation, namespace: str) -> Iterator[Callable[..., str]]:
    """Apply a policy for the test's namespace, and wait until the operator says that it is enforced."""
    name = f"policy-{namespace}"

    def apply(**spec: object) -> str:
        selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        manifest = {
            "apiVersion": "stridegate.dev/v1alpha1",
            "kind": "HardeningPolicy",
            "metadata": {"name": name},
            "spec": {"namespaceSelector": selector, **spec},
        }
        stridegate.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        stridegate.kubectl("wait", "--for=condition=Enforcing", f"hpol/{name}", "--timeout=60s")
        return name

    yield apply
    stridegate.kubectl("delete", "hpol", name, "--ignore-not-found")
