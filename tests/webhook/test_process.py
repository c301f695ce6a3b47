"""The whole process, beside an API server that answers well or badly."""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from authorities import Authority, Mount, mounted, rsa_key
from fake_cluster import EXEMPTIONS, NAMESPACES, POLICIES, FakeCluster, Watching
from replicas import Replica, eventually
from reviewing import PRIVILEGED, Asked, pod

AUTHORITY = Authority()
CONTEXT = AUTHORITY.client_context()
BAD = Asked(object=PRIVILEGED).body()
GOOD = Asked(object=pod()).body()
OTHER = Asked(object={**PRIVILEGED, "metadata": {"name": "other"}}).body()
DENY = {"profile": "baseline", "action": "deny"}


@dataclass
class World:
    """A cluster, a mounted certificate, and replicas."""

    cluster: FakeCluster
    mount: Mount
    stack: ExitStack

    def replica(self, *, drain_delay: float = 0.5) -> Replica:
        """Start a replica."""
        started = Replica(self.cluster.kubeconfig, self.mount.directory, drain_delay=drain_delay)
        return self.stack.enter_context(started)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        cluster = stack.enter_context(FakeCluster(tmp_path))
        cluster.put(NAMESPACES, "shop")
        cluster.put(POLICIES, "production", spec=DENY)
        yield World(cluster, mounted(tmp_path / "tls", AUTHORITY), stack)


def denied(replica: Replica) -> bool:
    """Whether a privileged pod is denied."""
    return not replica.ask(CONTEXT, BAD)["allowed"]


@dataclass
class Load:
    """Callers that ask without pause, each on a connection that it opens again when it is told to close it."""

    replica: Replica
    body: bytes
    context: ssl.SSLContext = field(default_factory=lambda: CONTEXT)
    answers: list[bool] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.threads = [threading.Thread(target=self._call, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)

    def _call(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.stop.is_set():
            if connection is None:
                try:
                    connection = self.replica.connect(self.context)
                except OSError:
                    # Nobody listens any more: no review was sent.
                    return
            try:
                connection.request("POST", "/validate", self.body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                self.answers.append(json.loads(response.read())["response"]["allowed"])
            except (OSError, http.client.HTTPException) as problem:
                self.lost.append(repr(problem))
                return
            if response.will_close:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


class TestStart:
    def test_a_replica_becomes_ready_and_enforces(self, world: World) -> None:
        replica = world.replica().wait_ready()

        assert denied(replica)
        assert replica.ask(CONTEXT, GOOD)["allowed"]

    def test_without_any_policy_nothing_is_refused_and_a_metric_says_that_there_is_none(self, world: World) -> None:
        world.cluster.delete(POLICIES, "production")

        replica = world.replica().wait_ready()

        assert not denied(replica)
        assert "stridegate_policies 0.0" in replica.probe("/metrics")[1].splitlines()

    def test_it_tells_how_many_lines_of_its_log_were_dropped(self, world: World) -> None:
        replica = world.replica().wait_ready()

        assert "stridegate_log_lines_dropped_total 0.0" in replica.probe("/metrics")[1]

    def test_before_the_kind_is_served_it_is_live_and_not_ready(self, world: World) -> None:
        world.cluster.served.discard(POLICIES)
        replica = world.replica()
        eventually(lambda: "404" in replica.probe("/readyz")[1])

        assert replica.probe("/healthz")[0] == 200
        assert replica.probe("/readyz")[0] == 503
        world.cluster.served.add(POLICIES)
        replica.wait_ready()
        assert denied(replica)

    def test_before_there_is_a_certificate_it_is_live_and_not_ready(self, world: World, tmp_path: Path) -> None:
        empty = Mount(tmp_path / "later")
        empty.write_files({"tls.crt": b"", "tls.key": b"", "ca.crt": b""})
        with Replica(world.cluster.kubeconfig, empty.directory) as replica:
            eventually(lambda: replica.probe("/healthz")[0] == 200)
            eventually(lambda: replica.probe("/readyz")[1].startswith("certificate: "))

            empty.write(AUTHORITY.leaf(), AUTHORITY.bundle)
            replica.wait_ready()

            assert denied(replica)

    def test_without_a_cluster_it_says_so_and_ends(self, world: World, tmp_path: Path) -> None:
        kubeconfig = tmp_path / "wrong"
        kubeconfig.write_text("{}")
        with Replica(kubeconfig, world.mount.directory) as replica:
            assert replica.process.wait(20) != 0
            assert "current-context" in replica.log.read_text()

    def test_a_list_of_many_pages_is_read_to_its_end(self, world: World) -> None:
        for number in range(1201):
            world.cluster.put(NAMESPACES, f"namespace-{number}", told=False)
        replica = world.replica().wait_ready()

        answer = replica.ask(CONTEXT, Asked(object=PRIVILEGED, namespace="namespace-1200").body())

        assert answer["auditAnnotations"]["policy"] == "production"


class TestChanges:
    def test_a_policy_that_changes_holds_in_two_replicas_and_no_review_is_lost(self, world: World) -> None:
        replicas = [world.replica(), world.replica()]
        for each in replicas:
            each.wait_ready()
        eventually(lambda: world.cluster.watches >= 4)

        with Load(replicas[0], BAD) as one, Load(replicas[1], BAD) as other:
            took = []
            for action in ("audit", "deny", "warn", "deny"):
                world.cluster.put(POLICIES, "production", spec={**DENY, "action": action})
                took.append(eventually(lambda: {denied(each) for each in replicas} == {action == "deny"}))  # noqa: B023 - called at once

        assert max(took) < 2
        assert (one.lost, other.lost) == ([], [])
        assert one.answers

    def test_a_namespace_that_is_new_is_judged_by_the_policies_that_select_it(self, world: World) -> None:
        world.cluster.put(POLICIES, "gold", spec={**DENY, "namespaceSelector": {"matchLabels": {"tier": "gold"}}})
        world.cluster.delete(POLICIES, "production")
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 2)

        world.cluster.put(NAMESPACES, "silver")
        world.cluster.put(NAMESPACES, "golden", labels={"tier": "gold"})

        assert replica.ask(CONTEXT, Asked(object=PRIVILEGED, namespace="golden").body())["allowed"] is False
        assert replica.ask(CONTEXT, Asked(object=PRIVILEGED, namespace="silver").body())["allowed"] is True

    def test_a_broken_policy_keeps_its_last_good_version(self, world: World) -> None:
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 2)

        world.cluster.put(POLICIES, "production", spec={"profile": "perfect"})
        eventually(lambda: replica.metric("stridegate_policies_broken") == 1)

        assert denied(replica)


class TestWatchesThatBreak:
    @pytest.mark.parametrize("how", [each for each in Watching if each is not Watching.WELL])
    def test_reviews_go_on_and_later_changes_are_seen(self, world: World, how: Watching) -> None:
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 2)

        with Load(replica, BAD) as load:
            world.cluster.watching = how
            before = world.cluster.watches
            world.cluster.hang_up()
            eventually(lambda: world.cluster.watches > before)
            time.sleep(1)
            world.cluster.watching = Watching.WELL
            world.cluster.put(POLICIES, "production", told=False, spec={**DENY, "action": "warn"})
            eventually(lambda: not denied(replica), 60)

        assert load.lost == []
        assert replica.process.poll() is None
        assert replica.ready

    def test_a_policy_deleted_while_nobody_watched_is_gone_once_the_watch_is_back(self, world: World) -> None:
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 2)

        world.cluster.watching = Watching.ERROR
        world.cluster.hang_up()
        world.cluster.delete(POLICIES, "production", told=False)
        world.cluster.watching = Watching.WELL

        eventually(lambda: not denied(replica), 60)

    def test_without_an_api_server_the_last_policies_hold_and_the_replica_stays_ready(self, world: World) -> None:
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 2)

        world.cluster.answering = False
        world.cluster.hang_up()
        time.sleep(3)

        assert denied(replica)
        assert replica.ready
        world.cluster.answering = True
        world.cluster.put(POLICIES, "production", told=False, spec={**DENY, "action": "warn"})
        eventually(lambda: not denied(replica), 60)


EXEMPT = {
    "rules": ["privileged-container"],
    "workload": {"kind": "Pod", "name": "web"},
    "reason": "drives a device of the node",
    "expires": "2030-02-01T00:00:00Z",
    "grantedBy": "alice",
}


class TestExemptions:
    def test_an_exemption_that_was_there_before_the_replica_holds_once_it_is_ready(self, world: World) -> None:
        world.cluster.put(EXEMPTIONS, "device", spec=EXEMPT)

        replica = world.replica().wait_ready()

        assert not denied(replica)

    def test_what_is_granted_and_taken_back_takes_effect_at_once(self, world: World) -> None:
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 3)

        world.cluster.put(EXEMPTIONS, "device", spec=EXEMPT)
        eventually(lambda: not denied(replica))
        world.cluster.put(EXEMPTIONS, "device", spec={**EXEMPT, "revoked": True})

        eventually(lambda: denied(replica))

    @pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "deleted"])
    def test_what_was_taken_back_while_nobody_watched_is_gone_once_the_watch_is_back(
        self, world: World, revoked: bool
    ) -> None:
        world.cluster.put(EXEMPTIONS, "device", spec=EXEMPT)
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 3)

        world.cluster.watching = Watching.ERROR
        world.cluster.hang_up()
        if revoked:
            world.cluster.put(EXEMPTIONS, "device", told=False, spec={**EXEMPT, "revoked": True})
        else:
            world.cluster.delete(EXEMPTIONS, "device", told=False)
        world.cluster.watching = Watching.WELL

        eventually(lambda: denied(replica), 60)

    def test_where_the_kind_is_not_served_a_replica_is_ready_and_exempts_nothing(self, world: World) -> None:
        world.cluster.served.discard(EXEMPTIONS)
        world.cluster.put(EXEMPTIONS, "device", spec=EXEMPT)

        replica = world.replica().wait_ready()

        assert denied(replica)
        assert replica.metric("stridegate_exemptions_served") == 0

    def test_while_exemptions_cannot_be_listed_what_policies_forbid_still_takes_effect(self, world: World) -> None:
        world.cluster.put(POLICIES, "production", spec={**DENY, "action": "audit"})
        world.cluster.put(EXEMPTIONS, "device", spec=EXEMPT)
        replica = world.replica().wait_ready()
        eventually(lambda: world.cluster.watches >= 3)

        world.cluster.refused.add(EXEMPTIONS)
        world.cluster.put(POLICIES, "production", told=False, spec={**DENY, "profile": "restricted"})
        world.cluster.watching = Watching.ERROR
        world.cluster.hang_up()

        eventually(lambda: not replica.ask(CONTEXT, OTHER)["allowed"], 60)
        assert replica.ready

    def test_a_replica_that_may_not_list_exemptions_is_not_ready_and_says_why(self, world: World) -> None:
        world.cluster.refused.add(EXEMPTIONS)

        replica = world.replica()

        eventually(lambda: "hardeningexemptions: the API server answered 403" in replica.probe("/readyz")[1])


class TestCertificates:
    def test_a_rotation_under_load_loses_nothing(self, world: World) -> None:
        replica = world.replica().wait_ready()
        next_authority = Authority("next")
        both = AUTHORITY.bundle + next_authority.bundle
        trusting = ssl.create_default_context(cadata=both.decode())

        with Load(replica, GOOD, trusting) as load:
            for pair in (AUTHORITY.leaf(rsa_key()), next_authority.leaf(), AUTHORITY.leaf()):
                rotations = replica.metric('stridegate_certificate_rotations_total{result="success"}')
                world.mount.write(pair, both)
                eventually(
                    lambda: replica.metric('stridegate_certificate_rotations_total{result="success"}') > rotations  # noqa: B023 - called at once
                )
                assert replica.ask(trusting, GOOD)["allowed"]

        assert load.lost == []
        assert replica.ready

    def test_a_bad_pair_is_counted_and_the_old_one_served(self, world: World) -> None:
        replica = world.replica().wait_ready()

        world.mount.write(Authority("stranger").leaf(), AUTHORITY.bundle)
        eventually(lambda: replica.metric("stridegate_certificate_reload_failures_total") == 1)

        assert denied(replica)
        assert replica.ready


class TestLeaving:
    def test_sigterm_under_load_loses_nothing(self, world: World) -> None:
        replica = world.replica(drain_delay=1.0).wait_ready()

        with Load(replica, GOOD) as load:
            time.sleep(1)
            replica.process.send_signal(signal.SIGTERM)
            eventually(lambda: not replica.ready)
            status = replica.process.wait(25)

        assert status == 0
        assert load.lost == []
        assert load.answers

    def test_it_is_not_ready_from_sigterm_on_while_it_still_answers(self, world: World) -> None:
        replica = world.replica(drain_delay=2.0).wait_ready()

        replica.process.send_signal(signal.SIGTERM)
        eventually(lambda: "on its way out" in replica.probe("/readyz")[1])

        assert denied(replica)
        assert replica.process.wait(25) == 0


def test_log_lines_are_one_json_object_each_and_hold_nothing_of_the_object(world: World) -> None:
    replica = world.replica().wait_ready()
    document = pod({"hostNetwork": True, "containers": [{"name": "app", "env": [{"name": "A", "value": "hunter2"}]}]})

    replica.ask(CONTEXT, Asked(object=document).body())
    replica.ask(CONTEXT, GOOD)

    lines = [json.loads(line) for line in replica.log.read_text().splitlines()]
    reviews = [line for line in lines if line["message"] == "review"]
    assert [line["decision"] for line in reviews] == ["denied"]
    assert {"correlation", "entry", "namespace", "owner", "rules", "ms", "uid"} <= reviews[0].keys()
    assert "hunter2" not in replica.log.read_text()
