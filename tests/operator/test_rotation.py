"""The rotation of certificates under crashes, losses, slow replicas, two operators and people who interfere."""

from __future__ import annotations

import datetime as dt

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from certificate_world import PLACE, WANTED, Crashed, World
from stridegate.kube.objects import ConfigurationKind
from stridegate.operator.certificates import State
from stridegate.operator.errors import NotActive
from stridegate.operator.installation import Installation, Judged
from stridegate.operator.looks import AUTHORITY_SECRET, LEAF_SECRET

OPERATORS = st.sampled_from([0, 1])
REPLICAS = st.sampled_from([0, 1])


class Rotation(RuleBasedStateMachine):
    """What happens while nobody tampers with the live configurations: no call to the webhook may ever fail."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.active = 0
        self.operators = [self._start(number) for number in (0, 1)]
        self.judged: list[Judged | None] = [None, None]

    def _start(self, number: int) -> Installation:
        def require_active() -> None:
            if self.active != number:
                raise NotActive(str(number))

        return Installation(self.world, PLACE, WANTED, require_active)

    @rule(number=OPERATORS)
    def an_operator_looks(self, number: int) -> None:
        self.judged[number] = self.operators[number].judge(self.world.look(), proven=self.world.refuses)

    @rule(number=OPERATORS, crash_in=st.sampled_from([None, None, None, 0, 1, 2]))
    def an_operator_writes(self, number: int, crash_in: int | None) -> None:
        judged, self.judged[number] = self.judged[number], None
        if judged is None:
            return
        self.world.crash_in = crash_in
        try:
            self.operators[number].write(judged)
        except NotActive:
            pass
        except Crashed:
            self.operators[number] = self._start(number)
        self.world.crash_in = None

    @rule()
    def the_active_operator_works(self) -> None:
        self.an_operator_looks(self.active)
        self.an_operator_writes(self.active, None)

    @rule(seconds=st.integers(1, 100))
    def the_active_operator_works_for_a_while(self, seconds: int) -> None:
        for _ in range(4):
            self.the_active_operator_works()
            self.world.pass_time(dt.timedelta(seconds=seconds))

    @rule(number=OPERATORS)
    def an_operator_restarts(self, number: int) -> None:
        self.operators[number] = self._start(number)
        self.judged[number] = None

    @rule()
    def the_lease_moves(self) -> None:
        self.active = 1 - self.active

    @rule(seconds=st.integers(1, 100))
    def seconds_pass(self, seconds: int) -> None:
        self.world.pass_time(dt.timedelta(seconds=seconds))

    @rule(days=st.integers(1, 100))
    def days_pass(self, days: int) -> None:
        self.world.pass_time(dt.timedelta(days=days))

    @rule(number=REPLICAS)
    def a_mount_is_refreshed(self, number: int) -> None:
        if self.world.replicas[number].reachable:
            self.world.refresh(self.world.replicas[number])

    @rule(number=REPLICAS)
    def a_replica_restarts(self, number: int) -> None:
        self.world.restart(self.world.replicas[number])

    @rule(number=REPLICAS)
    def a_node_is_cut_off(self, number: int) -> None:
        self.world.replicas[number].reachable = False

    @rule(number=REPLICAS)
    def a_node_comes_back(self, number: int) -> None:
        self.world.reconnect(self.world.replicas[number])

    @rule(name=st.sampled_from([AUTHORITY_SECRET, LEAF_SECRET]))
    def a_secret_is_lost(self, name: str) -> None:
        self.world.empty_secret(name)

    @rule()
    def the_key_is_broken(self) -> None:
        self.world.break_key()

    @invariant()
    def every_call_is_verified(self) -> None:
        self.world.check_calls()

    def teardown(self) -> None:
        """Once everything works again, one operator reaches the steady state."""
        for replica in self.world.replicas:
            self.world.reconnect(replica)
        ended = False
        for _ in range(120):
            judged = self.operators[self.active].judge(self.world.look(), proven=self.world.refuses)
            written = self.operators[self.active].write(judged)
            assert all(each.problem is None for each in written)
            ended = judged.plan.state is State.STEADY and judged.health.unarmed is None and not written
            if ended:
                break
            self.world.pass_time(dt.timedelta(seconds=10))
            self.world.check_calls()
        assert ended
        assert len(set(self.world.bundles())) == 1
        assert len(self.world.bundles()[0]) == 1


class Tampering(Rotation):
    """The same with people who edit the live configurations: they are restored."""

    @rule(kind=st.sampled_from(ConfigurationKind))
    def a_configuration_is_emptied(self, kind: ConfigurationKind) -> None:
        self.world.tamper(kind, [])

    @precondition(lambda self: self.world.entries(ConfigurationKind.VALIDATING))
    @rule(bundle=st.sampled_from(["", "bm9uc2Vuc2U=", None]))
    def a_bundle_is_damaged(self, bundle: str | None) -> None:
        live = self.world.entries(ConfigurationKind.VALIDATING)
        client = {key: value for key, value in dict(live[0]["clientConfig"]).items() if key != "caBundle"}  # type: ignore[call-overload] # a map
        damaged = live[0] | {"clientConfig": client if bundle is None else client | {"caBundle": bundle}}
        self.world.tamper(ConfigurationKind.VALIDATING, [damaged, *live[1:]])

    @precondition(lambda self: self.world.entries(ConfigurationKind.VALIDATING))
    @rule()
    def an_entry_is_removed(self) -> None:
        self.world.tamper(ConfigurationKind.VALIDATING, self.world.entries(ConfigurationKind.VALIDATING)[1:])


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestTampering = Tampering.TestCase
TestTampering.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
