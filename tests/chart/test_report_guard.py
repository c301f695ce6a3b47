"""Who may write a report, asked of a real API server with tokens that it made itself, for pods on nodes."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from charts import KINDS, Rendered
from exempting import Answer
from hardeningreports import COLLECTION, node_report
from localkube.api_server import ApiServer
from localkube.errors import CommandFailed
from reported import ACCOUNT, SCANNER_NAMESPACE, apply, node, scanned, scanner_pod, token

pytestmark = pytest.mark.api_server

NOW = 1_800_000_000.0
CORE = "/api/v1"
# More than the chart gives the scanner: what is refused here is refused by the guard, not for want of a right.
GENEROUS = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "generous"},
        "rules": [
            {
                "apiGroups": ["stridegate.dev"],
                "resources": ["hardeningreports", "hardeningreports/status"],
                "verbs": ["*"],
            }
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "generous"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "generous"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SCANNER_NAMESPACE}],
    },
]


class Bearer:
    """Whoever has a token."""

    def __init__(self, server: ApiServer, token: str) -> None:
        trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        self._new = functools.partial(
            http.client.HTTPSConnection, urlsplit(server.url).netloc, context=trust, timeout=20
        )
        self._token = token

    def ask(self, method: str, path: str, body: object = None, content: str = "merge-patch+json") -> Answer:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": f"application/{content}"}
        with contextlib.closing(self._new()) as connection:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))

    def write(self, name: str, at: float = NOW) -> Answer:
        """Write the status of a report, as a scanner does."""
        body = {**node_report(name), "status": scanned(at)}
        del body["spec"]
        path = f"{COLLECTION}/{name}/status?fieldManager=stridegate-scanner&force=true"
        return self.ask("PATCH", path, body, "apply-patch+yaml")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, release: Rendered) -> Iterator[ApiServer]:
    with ApiServer(state_dir=tmp_path_factory.mktemp("report-guard")) as server:
        server.kubectl("apply", "--server-side", "-f", str(KINDS))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        for namespace in (SCANNER_NAMESPACE, "stridegate-system"):
            server.kubectl("create", "namespace", namespace)
        apply(
            server,
            *(release.one(kind, "stridegate-reports") for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")),
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": SCANNER_NAMESPACE}},
            *GENEROUS,
            node("node1"),
            node("node2"),
            scanner_pod("node1"),
            scanner_pod("node2"),
            node_report("node1"),
            node_report("node2"),
        )  # fmt: skip
        wait_for_the_guard(server)
        yield server


def wait_for_the_guard(server: ApiServer) -> None:
    """Wait until the API server asks the guard: it learns of new policies a moment later."""
    other, deadline = Bearer(server, token(server, "node1")), time.monotonic() + 20
    while other.write("node2").code != 403:
        assert time.monotonic() < deadline, "the guard is not asked"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def scanner(server: ApiServer) -> Bearer:
    """The scanner on node1."""
    return Bearer(server, token(server, "node1"))


def test_a_scanner_writes_the_report_of_its_own_node(scanner: Bearer) -> None:
    answer = scanner.write("node1")

    assert answer.code == 200, answer.message
    assert answer.body["status"]["summary"]["coverage"] == 100


def test_a_scanner_is_refused_the_report_of_another_node(scanner: Bearer) -> None:
    answer = scanner.write("node2")

    assert answer.code == 403
    assert answer.message.endswith(
        "the scanner writes the report of its own node alone; got the report node2 and the token of a pod on node node1"
    )


def test_a_token_that_is_bound_to_no_node_writes_no_report(server: ApiServer) -> None:
    answer = Bearer(server, token(server, None)).write("node1")

    assert (answer.code, "a token that is bound to no node" in answer.message) == (403, True)


WRITES: list[tuple[str, str, Any]] = [
    ("POST", COLLECTION, node_report("node3")),
    ("PATCH", f"{COLLECTION}/node1", {"spec": {"interval": "24h"}}),
    ("PATCH", f"{COLLECTION}/node1", {"metadata": {"labels": {"a": "b"}}}),
    ("PATCH", f"{COLLECTION}/node2", {"metadata": {"ownerReferences": []}}),
    ("DELETE", f"{COLLECTION}/node1", None),
    ("DELETE", f"{COLLECTION}/node2", None),
    ("DELETE", COLLECTION, None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_scanner_neither_creates_nor_changes_nor_deletes_a_report(
    scanner: Bearer, method: str, path: str, body: object
) -> None:
    """Not even with every right on the kind."""
    answer = scanner.ask(method, path, body, "json" if method == "POST" else "merge-patch+json")

    assert answer.code == 403
    assert "the scanner writes the status of its node's report, and nothing else of any report" in answer.message


def test_a_status_leaves_labels_owners_and_spec_as_they_are(scanner: Bearer) -> None:
    change = {"metadata": {"labels": {"forged": "yes"}}, "spec": {"interval": "24h"}, "status": {"durationMs": 5}}

    answer = scanner.ask("PATCH", f"{COLLECTION}/node1/status", change)

    assert (answer.code, answer.body["status"]["durationMs"]) == (200, 5)
    assert "forged" not in answer.body["metadata"].get("labels", {})
    assert "interval" not in answer.body["spec"]


@pytest.mark.parametrize(
    "path",
    [
        f"{CORE}/secrets",
        f"{CORE}/namespaces/stridegate-system/secrets/stridegate-ca",
        f"{CORE}/nodes",
        f"{CORE}/pods",
        f"{CORE}/nodes/node1/proxy/pods",
    ],
)
def test_a_scanners_account_reads_no_secret_no_pod_and_no_node(scanner: Bearer, path: str) -> None:
    assert scanner.ask("GET", path).code == 403


def test_the_operator_writes_whether_a_report_is_fresh(server: ApiServer) -> None:
    operator = "system:serviceaccount:stridegate-system:stridegate-operator"
    server.kubectl("create", "clusterrolebinding", "operator", "--clusterrole=generous", f"--user={operator}")

    said = server.kubectl(
        "patch", "hrep", "node2", "--subresource=status", "--type=merge", f"--as={operator}",
        "-p", json.dumps({"status": {"durationMs": 1}}),
    )  # fmt: skip

    assert "patched" in said


def test_nobody_else_writes_a_status(server: ApiServer) -> None:
    """Not even an administrator: he would have to take the guard away first, which the operator tells of."""
    with pytest.raises(CommandFailed, match="is written by the scanner on its node and by the operator alone"):
        server.kubectl(
            "patch", "hrep", "node2", "--subresource=status", "--type=merge", "-p", '{"status":{"durationMs":1}}'
        )
