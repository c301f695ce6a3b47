"""Exemptions in the whole process, beside an API server that answers well or badly."""

from __future__ import annotations

import pytest

from fake_cluster import EXEMPTIONS, POLICIES, Watching
from processes import CONTEXT, DENY, World, denied
from replicas import eventually
from reviewing import PRIVILEGED, Asked

OTHER = Asked(object={**PRIVILEGED, "metadata": {"name": "other"}}).body()
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

        eventually(lambda: not replica.ask(CONTEXT, OTHER)["allowed"], 90)
        assert replica.ready

    def test_a_replica_that_may_not_list_exemptions_is_not_ready_and_says_why(self, world: World) -> None:
        world.cluster.refused.add(EXEMPTIONS)

        replica = world.replica()

        eventually(lambda: "hardeningexemptions: the API server answered 403" in replica.probe("/readyz")[1])
