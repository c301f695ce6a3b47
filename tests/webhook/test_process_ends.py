"""The whole process: how it renews its certificate and leaves without losing a review."""

from __future__ import annotations

import signal
import ssl
import time

from authorities import Authority, rsa_key
from processes import AUTHORITY, GOOD, Load, World, denied
from replicas import eventually


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
