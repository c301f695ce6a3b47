"""The whole process: how it starts, follows the cluster, and outlives what goes wrong there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from authorities import Mount
from fake_cluster import NAMESPACES, POLICIES, Watching
from processes import AUTHORITY, BAD, CONTEXT, DENY, GOOD, Load, World, denied
from replicas import Replica, eventually
from reviewing import PRIVILEGED, Asked, pod


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
