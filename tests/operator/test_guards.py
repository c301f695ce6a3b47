"""Whether the live guard of exemptions guards, asked of a real API server with what the chart renders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import kubeconfig
from charts import Helm, Rendered
from exempting import Cluster as Exempting
from localkube.api_server import ApiServer
from stridegate.kube.cluster import Cluster
from stridegate.operator.errors import BadGuardFile
from stridegate.operator.guards import GUARD, Guard, find_gap, read_guard

POLICY, BINDING = "validatingadmissionpolicy", "validatingadmissionpolicybinding"


@pytest.fixture(scope="module")
def release() -> Rendered:
    return Helm.built().render()


@pytest.fixture
def wanted(release: Rendered, tmp_path: Path) -> Guard:
    path = tmp_path / "guard.json"
    path.write_text(release.one("ConfigMap", "stridegate-webhooks")["data"]["guard.json"])
    return read_guard(path)


@pytest.mark.parametrize(
    "text", [None, "", "[]", '{"policy": {}}', '{"policy": {}, "binding": {}, "other": {}}', "\ud800"]
)
def test_a_file_without_the_guard_stops_the_operator(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "guard.json"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogatepass"))

    with pytest.raises(BadGuardFile, match=r"guard.json: wanted a guard as JSON with the keys policy"):
        read_guard(path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, release: Rendered) -> Iterator[ApiServer]:
    """A server of our own: the guard asks whoever grants an exemption on it."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("guards")) as server:
        exempting = Exempting(server)
        exempting.install(release)
        exempting.close()
        yield server


@pytest.fixture
def changing(server: ApiServer, release: Rendered) -> Iterator[ApiServer]:
    """The same server, whose guard is made whole again afterwards."""
    yield server
    for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
        server.kubectl("delete", kind, GUARD, "--ignore-not-found")
        server.kubectl("create", "-f", "-", stdin=json.dumps(release.one(kind, GUARD)))


@pytest.mark.api_server
def test_what_the_chart_installs_guards(server: ApiServer, wanted: Guard) -> None:
    assert find_gap(Cluster.connect(server.kubeconfig), wanted) is None


@pytest.mark.api_server
@pytest.mark.parametrize("kind", [POLICY, BINDING])
def test_what_does_not_exist_does_not_guard(changing: ApiServer, wanted: Guard, kind: str) -> None:
    changing.kubectl("delete", kind, GUARD)

    gap = find_gap(Cluster.connect(changing.kubeconfig), wanted)

    assert gap is not None
    assert "stridegate-exemptions does not exist; `helm upgrade` makes it again; whoever may write exemptions" in gap


LOOSENED: list[tuple[str, str, dict[str, Any]]] = [
    (BINDING, "validationActions", {"validationActions": ["Audit"]}),
    (BINDING, "validationActions", {"validationActions": ["Warn", "Audit"]}),
    (BINDING, "matchResources", {"matchResources": {"namespaceSelector": {"matchLabels": {"tier": "none"}}}}),
    (POLICY, "failurePolicy", {"failurePolicy": "Ignore"}),
    (POLICY, "matchConstraints", {"matchConstraints": {"namespaceSelector": {"matchLabels": {"tier": "none"}}}}),
    (POLICY, "matchConditions", {"matchConditions": [{"name": "never", "expression": "false"}]}),
    (POLICY, "validations", {"validations": [{"expression": "true"}]}),
]


@pytest.mark.api_server
@pytest.mark.parametrize(("kind", "field", "change"), LOOSENED, ids=[str(change) for _, _, change in LOOSENED])
def test_what_was_changed_so_that_others_pass_does_not_guard(
    changing: ApiServer, wanted: Guard, kind: str, field: str, change: dict[str, Any]
) -> None:
    changing.kubectl("patch", kind, GUARD, "--type=merge", "-p", json.dumps({"spec": change}))

    gap = find_gap(Cluster.connect(changing.kubeconfig), wanted)

    assert gap is not None
    assert f"stridegate-exemptions has another {field}; delete it" in gap


@pytest.mark.api_server
def test_a_guard_that_may_not_be_looked_at_counts_as_none(server: ApiServer, wanted: Guard) -> None:
    server.kubectl("create", "serviceaccount", "nobody", "--namespace=default")
    nobody = kubeconfig(server, server.state_dir / "nobody.kubeconfig", "default", "nobody")

    gap = find_gap(Cluster.connect(nobody), wanted)

    assert gap is not None
    assert "could not be looked at" in gap
