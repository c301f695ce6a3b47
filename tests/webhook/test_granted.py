"""The exemptions of the cluster as the webhook follows them, in whatever order news of them come."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import msgspec
import pytest

from hardeningexemptions import COMPLETE
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.rosters import Version
from stridegate.model.policies import Workload
from stridegate.webhook.granted import ListedExemption, LiveExemptions
from stridegate.webhook.live import LivePolicySet

CREATED = "2026-11-21T00:00:00Z"
NOW = 1_795_300_000.0
WEB = Workload("Deployment", "web")
SPEC: dict[str, Any] = {**COMPLETE["spec"], "containers": ["vpn"]}


def listed(
    name: str = "web-vpn", *, uid: str = "u1", revision: int = 2, namespace: str = "shop", **spec: object
) -> ListedExemption:
    """Return a HardeningExemption as the API server would list it."""
    version = Version(name=f"{namespace}/{name}", uid=uid, revision=revision)
    return ListedExemption(version, namespace, name, CREATED, {**SPEC, **spec})


def names(live: LiveExemptions, namespace: str = "shop", workload: Workload = WEB) -> list[str]:
    """Return the exemptions of a workload that are in force."""
    found = live.granted.get(namespace, {}).get(workload, {})
    return [each.exemption.name for each in found.get("dangerous-capability", ())]


def test_an_event_takes_effect_at_once() -> None:
    live = LiveExemptions()

    assert live.observe(listed(), deleted=False)
    assert names(live) == ["web-vpn"]


def test_the_same_event_twice_changes_nothing() -> None:
    live = LiveExemptions()
    live.observe(listed(), deleted=False)
    before = live.granted

    assert not live.observe(listed(), deleted=False)
    assert live.granted is before


def test_a_status_that_changes_compiles_nothing_anew() -> None:
    live = LiveExemptions()
    live.observe(listed(revision=2), deleted=False)
    before = live.granted

    assert not live.observe(listed(revision=3), deleted=False)
    assert live.granted is before


def test_a_revocation_takes_effect_at_once() -> None:
    live = LiveExemptions()
    live.observe(listed(), deleted=False)

    live.observe(listed(revision=3, revoked=True), deleted=False)

    assert names(live) == []
    assert live.granted == {}


def test_a_deletion_takes_effect_at_once() -> None:
    live = LiveExemptions()
    live.observe(listed(), deleted=False)

    live.observe(listed(revision=3), deleted=True)

    assert live.granted == {}


@pytest.mark.parametrize("after", [[], [listed(revision=5, revoked=True)]], ids=["deleted", "revoked"])
def test_what_was_taken_back_while_nobody_watched_is_gone_after_the_next_listing(after: list[ListedExemption]) -> None:
    live = LiveExemptions()
    live.replace([listed(revision=2)], 3)

    live.replace(after, 6)

    assert names(live) == []


def test_an_older_state_never_brings_back_what_was_revoked() -> None:
    live = LiveExemptions()
    live.observe(listed(revision=9, revoked=True), deleted=False)

    live.observe(listed(revision=8), deleted=False)
    live.replace([listed(revision=8)], 8)

    assert names(live) == []


def test_what_came_after_a_listing_was_made_outlives_it() -> None:
    live = LiveExemptions()
    live.observe(listed(revision=8), deleted=False)

    live.replace([], 6)

    assert names(live) == ["web-vpn"]


def test_exemptions_of_one_name_in_two_namespaces_are_two() -> None:
    live = LiveExemptions()

    live.replace([listed(), listed(namespace="lab", uid="u2")], 5)
    live.observe(listed(namespace="lab", uid="u2", revision=6), deleted=True)

    assert (names(live), names(live, "lab")) == (["web-vpn"], [])


@pytest.mark.parametrize(
    "spec",
    [{"rules": ["*"]}, {"expires": "never"}, {"exempt": "all"}, {"workload": None}, {"values": [{"sysctl": "x"}]}],
    ids=str,
)
def test_an_exemption_that_cannot_be_read_exempts_nothing_and_is_counted(spec: dict[str, Any]) -> None:
    live = LiveExemptions()

    live.observe(listed(**spec), deleted=False)

    assert live.granted == {}
    assert live.counts(NOW) == {"Invalid": 1}


def test_an_exemption_that_breaks_exempts_nothing_any_more() -> None:
    live = LiveExemptions()
    live.observe(listed(), deleted=False)

    live.observe(listed(revision=3, exempt="all"), deleted=False)

    assert live.granted == {}


def test_an_exemption_that_is_mended_exempts_again() -> None:
    live = LiveExemptions()
    live.observe(listed(exempt="all"), deleted=False)

    live.observe(listed(revision=3), deleted=False)

    assert names(live) == ["web-vpn"]


@pytest.mark.parametrize("raw", [b"null", b"7", b'{"rules": ', b"[" * 2000], ids=["null", "number", "cut", "deep"])
def test_a_spec_that_is_no_spec_exempts_nothing(raw: bytes) -> None:
    live = LiveExemptions()
    version = Version(name="shop/web-vpn", uid="u1", revision=2)

    live.replace([ListedExemption(version, "shop", "web-vpn", CREATED, msgspec.Raw(raw))], 5)

    assert live.counts(NOW) == {"Invalid": 1}


def test_exemptions_are_counted_by_what_they_are_worth() -> None:
    live = LiveExemptions()

    live.replace(
        [
            listed("active"),
            listed("expired", expires="2026-11-21T00:00:01Z"),
            listed("revoked", revoked=True),
            listed("long", expires="2027-11-21T00:00:00Z"),
            listed("broken", rules=[]),
        ],
        5,
    )

    assert live.counts(NOW) == {"Active": 1, "Expired": 1, "Revoked": 1, "TooLong": 1, "Invalid": 1}


def test_a_change_in_one_namespace_leaves_what_is_compiled_for_another() -> None:
    live = LiveExemptions()
    live.replace([listed(), listed(namespace="lab", uid="u2")], 5)
    before = live.granted["lab"]

    live.observe(listed("more", uid="u3", revision=6), deleted=False)

    assert live.granted["lab"] is before
    assert sorted(names(live)) == ["more", "web-vpn"]


def test_the_policy_set_swaps_exemptions_as_a_whole() -> None:
    async def check() -> None:
        live = LivePolicySet(POD_RULES)
        live.replace_exemptions([listed()], 5)
        before = live.current

        live.observe_exemption(listed(revision=6, revoked=True), deleted=False)

        assert list(before.granted) == ["shop"]
        assert live.current.granted == {}

    asyncio.run(check())


def test_ten_thousand_exemptions_take_less_than_four_kibibytes_each() -> None:
    many = [
        listed(
            f"e{index}",
            uid=f"u{index}",
            namespace=f"n{index % 500}",
            reason="x" * 500,
            workload={"kind": "Deployment", "name": f"w{index}"},
        )
        for index in range(10_000)
    ]
    live = LiveExemptions()

    tracemalloc.start()
    live.replace(many, 5)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(len(each) for each in live.granted.values()) == 10_000
    assert kept < 10_000 * 4096
