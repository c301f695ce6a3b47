"""The API server, asked through the one place that talks to it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localkube.api_server import ApiServer
from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import Conflict, Denied, NoAccess, NotFound, Refused, Unreachable
from stridegate.kube.objects import ConfigurationKind, LeaseSpec
from stridegate.operator.leases import DURATION, HOLDING, NAME, Leadership

pytestmark = pytest.mark.api_server

NAMESPACE = "kube-room"
CONFIGURATION = "kube-room"
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "empty", "namespace": NAMESPACE}},
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": 9443}],
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
    },
]
# It matches nothing in the cluster, so that no other test meets it.
ENTRY: dict[str, object] = {
    "name": "nothing.stridegate.dev",
    "clientConfig": {"service": {"name": "web", "namespace": NAMESPACE}},
    "rules": [{"operations": ["CREATE"], "apiGroups": ["nothing.example"], "apiVersions": ["v1"], "resources": ["x"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}


@pytest.fixture(scope="module")
def server(api_server: ApiServer) -> Iterator[ApiServer]:
    for each in OBJECTS:
        api_server.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    yield api_server
    api_server.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)


@pytest.fixture(scope="module")
def cluster(server: ApiServer) -> Cluster:
    return Cluster.connect(server.kubeconfig)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def lease(server: ApiServer) -> None:
    server.kubectl("--namespace", NAMESPACE, "delete", "lease", NAME, "--ignore-not-found")
    empty = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
    }
    server.kubectl("create", "-f", "-", stdin=json.dumps(empty))


def test_a_secret_is_written_key_by_key(cluster: Cluster) -> None:
    seen = cluster.secret(NAMESPACE, "empty")

    written = cluster.write_secret(seen, {"one": b"1"})
    written = cluster.write_secret(written, {"two": b"2"})

    assert (written.value("one"), written.value("two"), written.value("three")) == (b"1", b"2", b"")


def test_what_has_changed_since_it_was_seen_is_not_overwritten(cluster: Cluster) -> None:
    seen = cluster.secret(NAMESPACE, "empty")
    cluster.write_secret(seen, {"changed": b"meanwhile"})

    with pytest.raises(Conflict, match="409"):
        cluster.write_secret(seen, {"changed": b"too late"})

    assert cluster.secret(NAMESPACE, "empty").value("changed") == b"meanwhile"


def test_an_object_that_is_not_there_is_told_apart(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match='secrets "missing" not found'):
        cluster.secret(NAMESPACE, "missing")


def test_a_list_of_webhooks_replaces_everything_that_others_put_there(server: ApiServer, cluster: Cluster) -> None:
    kind = ConfigurationKind.VALIDATING
    armed = cluster.write_webhooks(kind, cluster.webhooks(kind, CONFIGURATION), [ENTRY])
    harm = [{"op": "add", "path": "/webhooks/0/matchConditions", "value": [{"name": "never", "expression": "false"}]}]
    server.kubectl("patch", kind.value, CONFIGURATION, "--type=json", "-p", json.dumps(harm))

    restored = cluster.write_webhooks(kind, cluster.webhooks(kind, CONFIGURATION), [ENTRY])

    assert restored.webhooks == armed.webhooks


def test_a_stale_list_of_webhooks_is_not_written(cluster: Cluster) -> None:
    kind = ConfigurationKind.VALIDATING
    seen = cluster.webhooks(kind, CONFIGURATION)
    cluster.write_webhooks(kind, seen, [ENTRY | {"timeoutSeconds": 7}])

    with pytest.raises(Conflict):
        cluster.write_webhooks(kind, seen, [ENTRY])


def test_the_replicas_of_a_service_are_found(cluster: Cluster) -> None:
    (found,) = cluster.endpoint_slices(NAMESPACE, "web")

    assert [each.addresses for each in found.endpoints or ()] == [["192.0.2.1"]]
    assert [each.port for each in found.ports or ()] == [9443]
    assert cluster.endpoint_slices(NAMESPACE, "other") == []


def test_a_pod_is_tried_and_never_made(server: ApiServer, cluster: Cluster) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tried"},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }

    cluster.try_pod(NAMESPACE, pod)

    assert server.kubectl("--namespace", NAMESPACE, "get", "pods", "-o", "name") == ""


def test_what_the_api_server_refuses_comes_with_its_own_words(cluster: Cluster) -> None:
    with pytest.raises(Refused, match=r"the API server answered 422: .*containers: Required value"):
        cluster.try_pod(NAMESPACE, {"metadata": {"name": "tried"}, "spec": {}})


def test_what_an_account_may_not_is_denied(server: ApiServer, tmp_path: Path) -> None:
    server.kubectl("--namespace", NAMESPACE, "create", "serviceaccount", "nobody")
    token = server.kubectl("--namespace", NAMESPACE, "create", "token", "nobody").strip()
    kubeconfig = tmp_path / "kubeconfig"
    settings = [
        ("set-cluster", "c", f"--server={server.url}", f"--certificate-authority={server.certificate_authority}"),
        ("set-credentials", "u", f"--token={token}"),
        ("set-context", "x", "--cluster=c", "--user=u"),
        ("use-context", "x"),
    ]
    for setting in settings:
        server.kubectl("config", *setting, f"--kubeconfig={kubeconfig}")

    with pytest.raises(Denied, match="nobody"):
        Cluster.connect(kubeconfig).secret(NAMESPACE, "empty")


def test_an_api_server_that_is_away_is_told_apart(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )

    with pytest.raises(Unreachable, match="no answer from the API server"):
        Cluster.connect(kubeconfig).namespaces()


def test_no_cluster_to_talk_to_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(NoAccess, match="this process: wanted access to a cluster"):
        Cluster.connect(None)
    with pytest.raises(NoAccess, match=r"missing: wanted access to a cluster"):
        Cluster.connect(tmp_path / "missing")


def test_one_of_two_replicas_is_active(server: ApiServer, cluster: Cluster) -> None:
    lease(server)
    first = Leadership(cluster, NAMESPACE, "first", Clock())
    second = Leadership(cluster, NAMESPACE, "second", Clock())

    first.renew(NOW)
    second.renew(NOW)

    assert (first.active, second.active) == (True, False)


def test_a_standby_takes_over_only_after_the_holder_had_to_stop(server: ApiServer, cluster: Cluster) -> None:
    lease(server)
    clock = Clock()
    first, second = (Leadership(cluster, NAMESPACE, name, clock) for name in ("first", "second"))
    first.renew(NOW)
    second.renew(NOW)

    clock.seconds += HOLDING
    second.renew(NOW)
    meanwhile = (first.active, second.active)
    clock.seconds += DURATION - HOLDING
    second.renew(NOW)
    first.renew(NOW)

    assert meanwhile == (False, False)
    assert (first.active, second.active) == (False, True)


def test_a_holder_that_renews_keeps_the_lease(server: ApiServer, cluster: Cluster) -> None:
    lease(server)
    clock = Clock()
    first, second = (Leadership(cluster, NAMESPACE, name, clock) for name in ("first", "second"))

    for turn in range(5):
        first.renew(NOW + dt.timedelta(seconds=turn))
        second.renew(NOW + dt.timedelta(seconds=turn))
        clock.seconds += HOLDING - 1

    assert (first.active, second.active) == (True, False)


def test_a_replica_that_ends_makes_way_at_once(server: ApiServer, cluster: Cluster) -> None:
    lease(server)
    clock = Clock()
    first, second = (Leadership(cluster, NAMESPACE, name, clock) for name in ("first", "second"))
    first.renew(NOW)
    second.renew(NOW)

    first.release()
    second.renew(NOW)

    assert (first.active, second.active) == (False, True)


def test_of_two_that_write_at_once_one_loses(server: ApiServer, cluster: Cluster) -> None:
    lease(server)
    seen = cluster.lease(NAMESPACE, NAME)

    cluster.write_lease(seen, LeaseSpec(holder_identity="first", lease_duration_seconds=15))

    with pytest.raises(Conflict):
        cluster.write_lease(seen, LeaseSpec(holder_identity="second", lease_duration_seconds=15))
