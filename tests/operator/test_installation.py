"""What a look says about the installation, and what is written after it."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Callable

import pytest

from certificate_world import PLACE, WANTED, World
from stridegate.kube.errors import NotFound
from stridegate.kube.objects import ConfigurationKind, Secret, WebhookConfiguration
from stridegate.operator.arming import on_trial
from stridegate.operator.certificates import State
from stridegate.operator.installation import ROUTING, Health, Installation, Role
from stridegate.operator.issuing import create_authority, write_certificates
from stridegate.operator.looks import AUTHORITY_SECRET, LEAF_SECRET

VALIDATING, MUTATING = ConfigurationKind.VALIDATING, ConfigurationKind.MUTATING


def anybody() -> None:
    """Let this replica write."""


def settled() -> World:
    """Return a world in which everything is as it must be."""
    world = World()
    operator = Installation(world, PLACE, WANTED, anybody)
    for _ in range(30):
        operator.write(operator.judge(world.look(), proven=world.refuses))
        world.pass_time(dt.timedelta(seconds=10))
    world.strict = False
    return world


def health(world: World) -> Health:
    return Installation(world, PLACE, WANTED, anybody).judge(world.look(), proven=world.refuses).health


def test_where_all_is_well_there_is_no_problem() -> None:
    found = health(settled())

    assert (found.state, found.unarmed, found.drift, found.certificate) == (State.STEADY, None, None, None)
    assert set(found.matching.values()) == {True}


def test_a_fresh_installation_is_not_armed() -> None:
    found = health(World())

    assert found.unarmed == (
        "validatingwebhookconfigurations stridegate has no entries yet: they come once every ready replica serves"
    )


def test_one_empty_configuration_is_enough_not_to_be_armed() -> None:
    world = settled()

    world.tamper(MUTATING, [])

    assert (health(world).unarmed or "").startswith("mutatingwebhookconfigurations stridegate has no entries")


def remove_an_entry(world: World) -> None:
    world.tamper(VALIDATING, world.entries(VALIDATING)[:1])


def weaken_an_entry(world: World) -> None:
    first, *rest = world.entries(VALIDATING)
    world.tamper(VALIDATING, [first | {"failurePolicy": "Ignore"}, *rest])


def replace_a_bundle(world: World) -> None:
    (entry,) = world.entries(MUTATING)
    other = b64encode(write_certificates([create_authority(world.now).certificate])).decode()
    client = entry["clientConfig"]
    assert isinstance(client, dict)
    world.tamper(MUTATING, [entry | {"clientConfig": client | {"caBundle": other}}])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (remove_an_entry, "in validatingwebhookconfigurations templates.stridegate.dev is missing"),
        (weaken_an_entry, "in validatingwebhookconfigurations pods.validate.stridegate.dev has another failurePolicy"),
        (replace_a_bundle, "the caBundle of pods.mutate.stridegate.dev does not verify what the replicas present"),
    ],
)
def test_damage_is_named_and_gone_after_the_next_write(damage: Callable[[World], None], sentence: str) -> None:
    world = settled()
    operator = Installation(world, PLACE, WANTED, anybody)
    damage(world)

    judged = operator.judge(world.look(), proven=world.refuses)
    operator.write(judged)

    assert judged.health.drift == sentence
    assert operator.judge(world.look(), proven=world.refuses).health.drift is None


def lose_the_leaf(world: World) -> None:
    world.empty_secret(LEAF_SECRET)


def cut_a_node_off(world: World) -> None:
    # Ready as far as the API server knows: it notices a lost node after some time.
    world.replicas[0].presents = None
    world.replicas[0].pretends = True


def present_a_strangers_leaf(world: World) -> None:
    world.replicas[0].presents = create_authority(world.now).certificate


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lose_the_leaf, "Secret stridegate-system/stridegate-tls has no valid certificate"),
        (cut_a_node_off, "the replica at 10.0.0.1 completes no TLS handshake"),
        (present_a_strangers_leaf, "the replica at 10.0.0.1 presents a certificate that no known CA verifies"),
    ],
)
def test_an_invalid_certificate_is_named(harm: Callable[[World], None], sentence: str) -> None:
    world = settled()

    harm(world)

    assert health(world).certificate == sentence


def test_a_certificate_that_has_expired_is_named() -> None:
    world = settled()

    world.now += dt.timedelta(days=31)

    assert health(world).certificate == "Secret stridegate-system/stridegate-tls has no valid certificate"


@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [(4, None), (6, "the replica at 10.0.0.1 has not taken over the certificate in Secret stridegate-tls")],
)
def test_a_replica_that_keeps_its_old_certificate_is_named_after_some_minutes(
    minutes: int, sentence: str | None
) -> None:
    world = settled()
    before = world.replicas[0].presents
    world.now += dt.timedelta(days=23)
    operator = Installation(world, PLACE, WANTED, anybody)
    operator.judge(world.look(), proven=world.refuses)
    world.pass_time(dt.timedelta(minutes=1))
    operator.write(operator.judge(world.look(), proven=world.refuses))

    world.pass_time(dt.timedelta(minutes=minutes))
    world.replicas[0].presents = before

    assert health(world).certificate == sentence


class Deleted(World):
    """A world from which somebody deleted what the chart made."""

    def secret(self, namespace: str, name: str) -> Secret:
        raise NotFound("GET", 404, f'secrets "{name}" not found in {namespace}')

    def webhooks(self, kind: ConfigurationKind, name: str) -> WebhookConfiguration:
        raise NotFound("GET", 404, f'{kind.value} "{name}" not found')


def test_what_was_deleted_is_named_with_the_way_to_mend_it() -> None:
    found = health(Deleted())

    assert found.unarmed == "validatingwebhookconfigurations stridegate does not exist; `helm upgrade` makes it again"
    assert (
        found.certificate
        == f"Secret stridegate-system/{AUTHORITY_SECRET} does not exist; `helm upgrade` makes it again"
    )


def test_nothing_is_written_where_there_is_nothing_to_write_to() -> None:
    world = Deleted()
    operator = Installation(world, PLACE, WANTED, anybody)

    assert operator.write(operator.judge(world.look(), proven=world.refuses)) == []


def test_a_leaf_is_not_written_after_a_configuration_that_could_not_be() -> None:
    world = settled()
    operator = Installation(world, PLACE, WANTED, anybody)
    operator.judge(world.look(), proven=world.refuses)
    world.pass_time(dt.timedelta(days=25))
    judged = operator.judge(world.look(), proven=world.refuses)
    weaken_an_entry(world)
    stale = operator.judge(world.look(), proven=world.refuses)
    remove_an_entry(world)

    changes = operator.write(stale)

    assert judged.plan.state is State.SWITCH
    assert [(each.made, each.problem is None) for each in changes] == [(None, False)]


def test_what_was_made_is_told_by_its_role() -> None:
    world = World()
    operator = Installation(world, PLACE, WANTED, anybody)

    made = [each.made for _ in range(2) for each in operator.write(operator.judge(world.look(), proven=world.refuses))]

    assert made == [Role.AUTHORITY, Role.LEAF]


def test_an_empty_configuration_is_armed_only_after_replicas_have_served_long_enough_to_be_routed_to() -> None:
    world = World()
    operator = Installation(world, PLACE, WANTED, anybody)
    while not operator.judge(world.look(), proven=world.refuses).plan.serving:
        operator.write(operator.judge(world.look(), proven=world.refuses))
        world.pass_time(dt.timedelta(seconds=1))
    since = world.look().now

    while operator.judge(world.look(), proven=world.refuses).health.unarmed is not None:
        operator.write(operator.judge(world.look(), proven=world.refuses))
        world.pass_time(dt.timedelta(seconds=1))

    assert world.look().now - since >= ROUTING


def test_where_the_api_server_never_reaches_a_replica_the_canarys_namespace_alone_depends_on_it() -> None:
    world = World()
    operator = Installation(world, PLACE, WANTED, anybody)

    for _ in range(60):
        operator.write(operator.judge(world.look(), proven=False))
        world.pass_time(dt.timedelta(seconds=10))

    found = operator.judge(world.look(), proven=False).health
    assert found.trial
    assert (found.unarmed or "").endswith("is on trial until a dry-run in the canary's namespace is refused")
    assert (on_trial(world.entries(VALIDATING)), world.entries(MUTATING)) == (True, [])


def test_an_emptied_configuration_is_armed_again_without_a_trial_after_a_proof() -> None:
    world = settled()
    operator = Installation(world, PLACE, WANTED, anybody)
    operator.judge(world.look(), proven=True)
    world.pass_time(ROUTING)
    world.tamper(VALIDATING, [])

    operator.write(operator.judge(world.look(), proven=True))

    assert [each["name"] for each in world.entries(VALIDATING)] == [each["name"] for each in WANTED[VALIDATING]]


def test_a_clock_that_goes_back_does_not_keep_an_emptied_configuration_unarmed() -> None:
    world = settled()
    operator = Installation(world, PLACE, WANTED, anybody)
    operator.judge(world.look(), proven=True)
    world.now -= dt.timedelta(minutes=30)
    operator.judge(world.look(), proven=True)
    world.pass_time(ROUTING)
    world.tamper(VALIDATING, [])

    operator.write(operator.judge(world.look(), proven=True))

    assert len(world.entries(VALIDATING)) == len(WANTED[VALIDATING])
