"""The policy set that reviews read, kept current: one reference, replaced as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stridegate.admission.policy_set import CompiledPolicy, Rulebook, compiled, empty_policy_set
from stridegate.kube.policies import policy_name
from stridegate.kube.rosters import Roster, Version
from stridegate.kube.standings import Standing, stand
from stridegate.model.rules import AnyRule
from stridegate.webhook.granted import ListedExemption, LiveExemptions

_log = logging.getLogger(__name__)

# A namespace that was created a moment ago is on its way through the watch; no review waits longer for it.
_PATIENCE = 0.3
# Reviews that may wait at a time. They count as under way meanwhile: whoever asks about namespaces that do not exist must
# not take the room of everybody else's.
_MOST_WAITING = 64


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """A HardeningPolicy as it was read from the API server."""

    version: Version
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ListedNamespace:
    """A Namespace, of which only the labels matter."""

    version: Version
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    """How a policy stands, and what of it is in force, compiled."""

    standing: Standing
    compiled: CompiledPolicy | None


class LivePolicySet:
    """The policies, namespaces and exemptions of the cluster as they are now.

    Lives in one event loop. A policy that cannot be read leaves the last good version of that object in force. Where
    there is none, it is ignored, but in the first complete listing it counts as its strictest reading.
    """

    def __init__(self, rules: Mapping[str, AnyRule]) -> None:
        self.current = empty_policy_set(rules)
        self.exemptions = LiveExemptions()
        # When a complete listing was last applied, as a Unix time; 0 before the first.
        self.synced_at = 0.0
        self._rules = rules
        self._policies: Roster[_Kept] = Roster()
        self._namespaces: Roster[Mapping[str, str]] = Roster()
        self._news = asyncio.Event()
        self._waiting = 0

    @property
    def synced(self) -> bool:
        """Whether what is enforced is what the cluster's administrators want, as of some complete listing."""
        return self.synced_at > 0

    def known(self, namespace: str | None) -> Rulebook | None:
        """Return what holds in a namespace; None before the first complete listing, and where it is not known yet."""
        return self.current.rulebook(namespace) if self.synced else None

    async def rulebook(self, namespace: str | None) -> Rulebook | None:
        """Return what holds in a namespace, or for objects that belong to none; None before the first complete listing.

        A namespace that is not known yet is waited for, 300 ms at most; then every policy holds that could select it, and
        at once where too many wait already.
        """
        if not self.synced:
            return None
        known = self.known(namespace)
        if known is not None or namespace is None:
            return known
        if self._waiting < _MOST_WAITING:
            self._waiting += 1
            try:
                known = await self._heard_of(namespace)
            finally:
                self._waiting -= 1
        return known or self.current.strictest(namespace)

    async def _heard_of(self, namespace: str) -> Rulebook | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while (known := self.current.rulebook(namespace)) is None:
                    await self._news.wait()
                return known
        return None

    def replace(
        self, policies: Sequence[ListedPolicy], namespaces: Sequence[ListedNamespace], revisions: tuple[int, int]
    ) -> None:
        """Take over complete listings of both kinds, as of the revisions of the two."""
        admits = self._policies.admits_listed
        changed = [self._take_policy(each) for each in policies if admits(each.version, revisions[0])]
        changed.append(self._policies.retain((each.version for each in policies), revisions[0]))
        if any(changed):
            self._publish_policies()
        admits = self._namespaces.admits_listed
        changed = [self._take_namespace(each) for each in namespaces if admits(each.version, revisions[1])]
        changed.append(self._namespaces.retain((each.version for each in namespaces), revisions[1]))
        if any(changed):
            self._publish_namespaces()
        self.synced_at = time.time()

    def replace_exemptions(self, exemptions: Sequence[ListedExemption], revision: int) -> None:
        """Take over a complete listing of exemptions, as of a revision: one that is not in it any more is gone."""
        if self.exemptions.replace(exemptions, revision):
            self._publish_exemptions()

    def observe_policy(self, listed: ListedPolicy, *, deleted: bool) -> None:
        """Take over what an event says about one policy."""
        roster = self._policies
        if (
            roster.remove(listed.version)
            if deleted
            else roster.admits_heard(listed.version) and self._take_policy(listed)
        ):
            self._publish_policies()

    def observe_namespace(self, listed: ListedNamespace, *, deleted: bool) -> None:
        """Take over what an event says about one namespace."""
        roster = self._namespaces
        if (
            roster.remove(listed.version)
            if deleted
            else roster.admits_heard(listed.version) and self._take_namespace(listed)
        ):
            self._publish_namespaces()

    def observe_exemption(self, listed: ListedExemption, *, deleted: bool) -> None:
        """Take over what an event says about one exemption."""
        if self.exemptions.observe(listed, deleted=deleted):
            self._publish_exemptions()

    def _take_policy(self, listed: ListedPolicy) -> bool:
        known = self._policies.get(listed.version.name)
        before = known.value if known is not None and known.version.uid == listed.version.uid else None
        standing = self._stand(listed.body, before.standing if before else None)
        kept = _Kept(standing, self._compiled(standing, listed.version.uid, before))
        self._policies.put(listed.version, kept)
        return known is None or _content(known.value) != _content(kept)

    def _stand(self, body: Mapping[str, object], before: Standing | None) -> Standing:
        standing = stand(body, self._rules, before, starting=not self.synced)
        if standing.problem is not None:
            extra = {"policy": policy_name(body), "problem": standing.problem, "ignored": standing.policy is None}
            _log.warning("policy cannot be read", extra=extra)
        return standing

    def _compiled(self, standing: Standing, uid: str, before: _Kept | None) -> CompiledPolicy | None:
        if standing.policy is None:
            return None
        if before is not None and standing.policy is before.standing.policy and before.compiled is not None:
            return before.compiled
        return compiled(standing.policy, self._rules, revision=f"{uid}/{standing.generation}")

    def _take_namespace(self, listed: ListedNamespace) -> bool:
        known = self._namespaces.get(listed.version.name)
        self._namespaces.put(listed.version, listed.labels)
        return known is None or known.value != listed.labels

    def _publish_policies(self) -> None:
        in_force = [each.compiled for each in self._policies if each.compiled is not None]
        broken = {name for name, each in self._policies.items() if each.standing.problem is not None}
        self.current = self.current.with_policies(in_force, broken)

    def _publish_exemptions(self) -> None:
        self.current = self.current.with_exemptions(self.exemptions.granted)

    def _publish_namespaces(self) -> None:
        self.current = self.current.with_namespaces(dict(self._namespaces.items()))
        self._news.set()
        self._news = asyncio.Event()


def _content(kept: _Kept) -> tuple[str | None, str | None]:
    """Return what makes a difference to reviews and to those who watch over policies."""
    return kept.compiled.revision if kept.compiled else None, kept.standing.problem
