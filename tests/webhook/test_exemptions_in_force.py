"""Exemptions behind a real API server, with two replicas and no operator alive."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from authorities import Authority, Mount
from enforcement import configuration, created, service
from hardeningexemptions import exemption
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from replicas import Replica, eventually
from reviewing import Asked
from traffic import Client, Stream, pod

pytestmark = pytest.mark.api_server

SYSTEM = "exemption-tests-system"
SHOP = "exemption-tests-shop"
NAME = "stridegate-webhook.exemption-tests-system.svc"
AUTHORITY = Authority()
CONTEXT = AUTHORITY.client_context()
KINDS = CHECKOUT / "deploy" / "crds"
POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "exemption-tests"},
    "spec": {
        "profile": "hardened",
        "action": "deny",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SHOP}},
    },
}


def net_admin(container: str = "app", name: str = "vpn") -> dict[str, Any]:
    """Return a pod that breaks one rule in one container: it adds NET_ADMIN."""
    made: dict[str, Any] = pod()
    (only,) = made["spec"]["containers"]
    only["name"] = container
    only["securityContext"] = {**only["securityContext"], "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}
    made["metadata"] = {"name": name, "namespace": SHOP}
    return made


def ahead(seconds: float) -> tuple[str, float]:
    """Return a whole second from now on, as an exemption writes it and as a Unix time."""
    at = dt.datetime.fromtimestamp(int(time.time() + seconds), dt.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.timestamp()


@dataclass
class Shop:
    """A namespace that two replicas guard."""

    server: ApiServer
    replicas: list[Replica]

    def exempt(self, name: str, seconds: float = 3600, **spec: object) -> float:
        """Create an exemption for the pod that ends so many seconds from now, and return when it does."""
        written, ends = ahead(seconds)
        wanted = {
            "rules": ["dangerous-capability"],
            "workload": {"kind": "Pod", "name": "vpn"},
            "containers": ["app"],
            "values": [{"capability": "NET_ADMIN"}],
            "expires": written,
        }
        made = exemption(**{**wanted, **spec})
        made["metadata"] = {"name": name, "namespace": SHOP}
        created(self.server, made)
        return ends

    def revoke(self, name: str) -> None:
        """Revoke an exemption."""
        self.server.kubectl(
            *("-n", SHOP, "patch", "hex", name, "--type=merge", "-p", json.dumps({"spec": {"revoked": True}}))
        )

    def admits(self, document: dict[str, Any]) -> bool:
        """Whether the API server admits a pod."""
        with Client(self.server.kubeconfig) as client:
            answer = client.create(SHOP, document)
        assert answer.admitted or answer.denied
        return answer.admitted

    def admit(self, document: dict[str, Any]) -> list[bool]:
        """Return what each replica says about a pod."""
        body = Asked(object=document, namespace=SHOP).body()
        return [replica.ask(CONTEXT, body)["allowed"] for replica in self.replicas]


@pytest.fixture(scope="module")
def shop(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(KINDS))
    api_server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    for name in (SYSTEM, SHOP):
        created(api_server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    created(api_server, POLICY)
    mount = Mount(tmp_path_factory.mktemp("exempting") / "tls")
    mount.write(AUTHORITY.leaf(name=NAME), AUTHORITY.bundle)
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(Replica(api_server.kubeconfig, mount.directory, server_name=NAME, bind="0.0.0.0"))  # noqa: S104 - reached by Service
            for _ in range(2)
        ]
        for replica in replicas:
            replica.wait_ready()
        created(api_server, *service(SYSTEM, api_server.host_address, replicas[0].port))
        created(
            api_server,
            configuration("Validating", "/validate", "Fail", name="exemption-tests", shop=SHOP, authority=AUTHORITY),
        )
        with Stream(api_server.kubeconfig, SHOP, pod(privileged=True), per_second=20) as stream:
            eventually(lambda: bool(stream.answers) and stream.answers[-1].denied, 30)
        yield Shop(api_server, replicas)
    api_server.kubectl("delete", "validatingwebhookconfiguration", "exemption-tests")
    api_server.kubectl("delete", "hardeningpolicy", "exemption-tests")


@pytest.fixture
def clean(shop: Shop) -> Iterator[Shop]:
    """The namespace without exemptions, in both replicas."""
    yield shop
    shop.server.kubectl("-n", SHOP, "delete", "hex", "--all")
    eventually(lambda: shop.admit(net_admin()) == [False, False])


def test_an_exempted_pod_is_admitted_and_another_container_is_not(clean: Shop) -> None:
    before = clean.admits(net_admin())

    clean.exempt("vpn")

    eventually(lambda: clean.admit(net_admin()) == [True, True])
    assert not before
    assert clean.admits(net_admin())
    assert not clean.admits(net_admin(container="other"))
    assert not clean.admits(net_admin(name="other"))


def test_an_exemption_ends_by_the_clock_in_both_replicas_under_load(clean: Shop) -> None:
    ends = clean.exempt("vpn", seconds=6)
    eventually(lambda: clean.admit(net_admin()) == [True, True], 5)
    answers: list[tuple[float, list[bool], float]] = []

    with Stream(clean.server.kubeconfig, SHOP, net_admin(), per_second=50):
        while time.time() < ends + 1:
            asked = time.time()
            answers.append((asked, clean.admit(net_admin()), time.time()))

    for asked, admitted, answered in answers:
        if answered < ends:
            assert admitted == [True, True]
        if asked >= ends:
            assert admitted == [False, False]
    assert {tuple(admitted) for _, admitted, _ in answers} >= {(True, True), (False, False)}


def test_a_revocation_ends_an_exemption_at_once(clean: Shop) -> None:
    clean.exempt("vpn")
    eventually(lambda: clean.admit(net_admin()) == [True, True])

    clean.revoke("vpn")

    eventually(lambda: clean.admit(net_admin()) == [False, False])


def test_an_exemption_that_was_stored_without_the_guard_and_lives_too_long_is_void(clean: Shop) -> None:
    clean.exempt("long", seconds=91 * 24 * 3600)
    eventually(lambda: all(each.metric('stridegate_exemptions{state="TooLong"}') == 1 for each in clean.replicas))

    assert clean.admit(net_admin()) == [False, False]


def test_a_replica_that_starts_later_honours_what_is_there(clean: Shop, tmp_path: Path) -> None:
    clean.exempt("vpn")
    mount = Mount(tmp_path / "tls")
    mount.write(AUTHORITY.leaf(), AUTHORITY.bundle)

    with Replica(clean.server.kubeconfig, mount.directory) as late:
        late.wait_ready()
        answer = late.ask(CONTEXT, Asked(object=net_admin(), namespace=SHOP).body())

    assert answer["allowed"]
    assert answer["auditAnnotations"]["exempted"] == "dangerous-capability=vpn"


Start = Callable[[], Replica]


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[tuple[ApiServer, Start]]:
    """An API server that knows of policies only, as after an upgrade without the new kind, and a way to start replicas."""
    mount = Mount(tmp_path / "tls")
    mount.write(AUTHORITY.leaf(), AUTHORITY.bundle)
    with ApiServer(state_dir=tmp_path / "api") as server, ExitStack() as stack:
        server.kubectl("apply", "--server-side", "-f", str(KINDS / "hardeningpolicies.yaml"))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        created(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP}}, POLICY)
        yield server, lambda: stack.enter_context(Replica(server.kubeconfig, mount.directory))


def test_without_the_kind_a_replica_is_ready_and_nothing_is_exempted_until_it_comes(
    bare: tuple[ApiServer, Start],
) -> None:
    server, start = bare
    replica = start().wait_ready()
    shop = Shop(server, [replica])
    before = shop.admit(net_admin())

    server.kubectl("apply", "--server-side", "-f", str(KINDS / "hardeningexemptions.yaml"))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    shop.exempt("vpn")

    assert before == [False]
    eventually(lambda: shop.admit(net_admin()) == [True], 30)
    # And from then on events take effect, not only listings.
    eventually(lambda: replica.metric("stridegate_watch_restarts_total") >= 1, 30)
    shop.exempt("other", workload={"kind": "Pod", "name": "other"})
    eventually(lambda: shop.admit(net_admin(name="other")) == [True], 30)


def test_where_the_kind_is_taken_away_nothing_is_exempted_any_more(bare: tuple[ApiServer, Start]) -> None:
    server, start = bare
    server.kubectl("apply", "--server-side", "-f", str(KINDS / "hardeningexemptions.yaml"))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    shop = Shop(server, [start()])
    shop.exempt("vpn")
    shop.replicas[0].wait_ready()
    eventually(lambda: shop.admit(net_admin()) == [True], 30)

    server.kubectl("delete", "crd", "hardeningexemptions.stridegate.dev")

    eventually(lambda: shop.admit(net_admin()) == [False], 30)
    assert shop.replicas[0].ready
