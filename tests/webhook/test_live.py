"""The live policy set follows the cluster, in whatever order news of it come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.rosters import Version
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet


def policy(
    name: str = "production", *, uid: str = "u1", revision: int = 2, generation: int = 1, **spec: object
) -> ListedPolicy:
    """Return a HardeningPolicy as the API server would list it."""
    body = {
        "metadata": {"name": name, "uid": uid, "generation": generation},
        "spec": {"profile": "baseline", "action": "deny", **spec},
    }
    return ListedPolicy(Version(name=name, uid=uid, revision=revision), body)


def namespace(name: str = "shop", *, uid: str = "n1", revision: int = 2, **labels: str) -> ListedNamespace:
    """Return a Namespace as the API server would list it."""
    return ListedNamespace(Version(name=name, uid=uid, revision=revision), {IMMUTABLE_LABEL: name, **labels})


def running(test: Callable[[LivePolicySet], Coroutine[Any, Any, None]]) -> None:
    """Run a test in an event loop, with a set that has been listed."""

    async def run() -> None:
        live = LivePolicySet(POD_RULES)
        live.replace([], [namespace(revision=1)], (1, 1))
        await test(live)

    asyncio.run(run())


def actions(live: LivePolicySet) -> dict[str, str]:
    """Return what the policies in force do, by name."""
    return {name: str(each.policy.action) for name, each in live.current.policies.items()}


def test_before_the_first_complete_listing_nothing_holds() -> None:
    async def run() -> None:
        live = LivePolicySet(POD_RULES)

        assert not live.synced
        assert await live.rulebook("shop") is None

    asyncio.run(run())


def test_an_event_takes_effect_at_once() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(), deleted=False)

        assert actions(live) == {"production": "deny"}

    running(check)


def test_an_older_state_never_replaces_a_newer_one() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=9, action="deny"), deleted=False)

        live.observe_policy(policy(revision=8, action="audit"), deleted=False)
        live.replace([policy(revision=7, action="warn")], [namespace()], (7, 7))

        assert actions(live) == {"production": "deny"}

    running(check)


def test_a_deletion_that_no_event_told_of_is_seen_by_the_next_listing() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5), deleted=False)

        live.replace([], [namespace()], (6, 6))

        assert actions(live) == {}

    running(check)


def test_what_came_after_a_listing_was_made_outlives_it() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=8), deleted=False)

        live.replace([], [namespace()], (6, 6))

        assert actions(live) == {"production": "deny"}

    running(check)


def test_what_was_deleted_while_a_listing_was_under_way_does_not_come_back() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5), deleted=False)
        live.observe_policy(policy(revision=8), deleted=True)

        live.replace([policy(revision=5)], [namespace()], (6, 6))

        assert actions(live) == {}

    running(check)


def test_an_object_that_was_made_anew_replaces_its_ghost() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(uid="u1", revision=5, action="audit"), deleted=False)
        live.observe_policy(policy(uid="u2", revision=7, action="deny"), deleted=False)

        live.observe_policy(policy(uid="u1", revision=6, action="audit"), deleted=True)

        assert actions(live) == {"production": "deny"}

    running(check)


def test_a_broken_policy_keeps_its_last_good_version() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5, profile="restricted"), deleted=False)

        live.observe_policy(policy(revision=6, generation=2, profile="perfect"), deleted=False)

        kept = live.current.policies["production"]
        assert str(kept.policy.profile) == "restricted"
        assert live.current.broken == {"production"}

    running(check)


def test_a_policy_that_was_broken_at_the_start_counts_as_its_strictest_reading() -> None:
    async def check() -> None:
        live = LivePolicySet(POD_RULES)

        live.replace([policy(action="sometimes", profile="restricted")], [namespace()], (9, 9))

        strictest = live.current.policies["production"].policy
        assert (str(strictest.action), str(strictest.profile)) == ("deny", "restricted")
        assert live.current.broken == {"production"}

    asyncio.run(check())


def test_a_new_policy_that_is_broken_changes_nothing_but_is_told() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5, action="sometimes"), deleted=False)
        live.observe_policy(policy(revision=6, action="never"), deleted=False)
        live.replace([policy(revision=6, action="never")], [namespace()], (9, 9))

        found = await live.rulebook("shop")

        assert found is not None
        assert not found.selected
        assert live.current.broken == {"production"}

    running(check)


def test_a_policy_that_was_broken_at_the_start_stays_in_force_until_it_is_mended() -> None:
    async def check() -> None:
        live = LivePolicySet(POD_RULES)
        live.replace([policy(revision=5, action="sometimes")], [namespace()], (9, 9))

        live.observe_policy(policy(revision=10, action="never"), deleted=False)

        assert actions(live) == {"production": "deny"}

    asyncio.run(check())


def test_a_broken_policy_that_is_mended_holds_again() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5, profile="perfect"), deleted=False)

        live.observe_policy(policy(revision=6, action="warn"), deleted=False)

        assert actions(live) == {"production": "warn"}
        assert live.current.broken == frozenset()

    running(check)


def test_a_broken_policy_that_was_made_anew_does_not_inherit_from_its_namesake() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(uid="u1", revision=5, action="audit"), deleted=False)

        live.observe_policy(policy(uid="u2", revision=6, action="sometimes"), deleted=False)

        assert actions(live) == {}

    running(check)


def test_a_status_that_changes_makes_no_new_snapshot() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(revision=5), deleted=False)
        before = live.current

        live.observe_policy(policy(revision=6), deleted=False)
        live.observe_namespace(namespace(revision=7), deleted=False)

        assert live.current is before

    running(check)


def test_a_namespace_that_comes_soon_is_waited_for() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(namespaceSelector={"matchLabels": {"tier": "gold"}}), deleted=False)
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, lambda: live.observe_namespace(namespace("new", tier="silver"), deleted=False))

        found = await live.rulebook("new")

        assert found is not None
        assert not found.selected

    running(check)


def test_for_a_namespace_that_does_not_come_every_policy_holds_that_could() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(namespaceSelector={"matchLabels": {"tier": "gold"}}), deleted=False)

        found = await live.rulebook("never")

        assert found is not None
        assert found.regime.policies == ("production",)

    running(check)


def test_a_label_that_changes_moves_a_namespace() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(namespaceSelector={"matchLabels": {"tier": "gold"}}), deleted=False)
        before = await live.rulebook("shop")

        live.observe_namespace(namespace(revision=2, tier="gold"), deleted=False)
        after = await live.rulebook("shop")

        assert before is not None
        assert after is not None
        assert (before.selected, after.selected) == (False, True)

    running(check)


def test_where_too_many_wait_for_namespaces_the_next_gets_the_strictest_at_once() -> None:
    async def check(live: LivePolicySet) -> None:
        live.observe_policy(policy(namespaceSelector={"matchLabels": {"tier": "production"}}), deleted=False)
        waiting = [asyncio.ensure_future(live.rulebook(f"late-{number}")) for number in range(64)]
        await asyncio.sleep(0)

        found = await live.rulebook("later")

        assert not any(each.done() for each in waiting)
        assert found is not None
        assert found.regime.policies == ("production",)
        await asyncio.gather(*waiting)

    running(check)
