"""The policy set that reviews read, kept current: one reference, replaced as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stridegate.engine.evaluate import Fault, contained
from stridegate.kube.errors import InvalidPolicy
from stridegate.kube.policies import read_policy, strictest_reading
from stridegate.kube.rosters import Entry, Roster, Version
from stridegate.model.policies import Policy
from stridegate.model.rules import PodRule
from stridegate.webhook.policy_set import CompiledPolicy, Rulebook, compiled, empty_policy_set

_log = logging.getLogger(__name__)

# A namespace that was created a moment ago is on its way through the watch; no review waits longer for it.
_PATIENCE = 0.3


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


class LivePolicySet:
    """The policies and namespaces of the cluster as they are now.

    Lives in one event loop. A policy that cannot be read leaves the last good version of that object in force; where
    there is none, it counts as its strictest reading.
    """

    def __init__(self, rules: Mapping[str, PodRule]) -> None:
        self.current = empty_policy_set(rules)
        # When a complete listing was last applied, as a Unix time; 0 before the first.
        self.synced_at = 0.0
        self._rules = rules
        self._policies: Roster[CompiledPolicy] = Roster()
        self._namespaces: Roster[Mapping[str, str]] = Roster()
        self._news = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Whether what is enforced is what the cluster's administrators want, as of some complete listing."""
        return self.synced_at > 0

    async def rulebook(self, namespace: str) -> Rulebook | None:
        """Return what holds in a namespace; None before the first complete listing.

        A namespace that is not known yet is waited for, 300 ms at most; then every policy holds that could select it.
        """
        if not self.synced:
            return None
        known = self.current.rulebook(namespace)
        if known is not None:
            return known
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while (known := self.current.rulebook(namespace)) is None:
                    await self._news.wait()
        return known or self.current.strictest(namespace)

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

    def _take_policy(self, listed: ListedPolicy) -> bool:
        known = self._policies.get(listed.version.name)
        read = self._read(listed, known)
        self._policies.put(listed.version, read)
        return known is None or known.value.revision != read.revision or known.value.broken != read.broken

    def _read(self, listed: ListedPolicy, known: Entry[CompiledPolicy] | None) -> CompiledPolicy:
        reading = contained(read_policy, listed.body, self._rules)
        if not isinstance(reading, Fault):
            return self._compiled(reading.policy, listed, reading.generation)
        problem = str(reading.error)
        if not isinstance(reading.error, InvalidPolicy):
            _log.error("reading a policy broke", extra={"policy": listed.version.name}, exc_info=reading.error)
            problem = "could not be read: a fault of Stridegate's own"
        _log.warning("policy cannot be read", extra={"policy": listed.version.name, "problem": problem})
        if known is not None and known.version.uid == listed.version.uid:
            return replace(known.value, broken=problem)
        return self._compiled(strictest_reading(listed.body), listed, 0, broken=problem)

    def _compiled(
        self, policy: Policy, listed: ListedPolicy, generation: int, *, broken: str | None = None
    ) -> CompiledPolicy:
        return compiled(policy, self._rules, revision=f"{listed.version.uid}/{generation}", broken=broken)

    def _take_namespace(self, listed: ListedNamespace) -> bool:
        known = self._namespaces.get(listed.version.name)
        self._namespaces.put(listed.version, listed.labels)
        return known is None or known.value != listed.labels

    def _publish_policies(self) -> None:
        self.current = self.current.with_policies(self._policies)

    def _publish_namespaces(self) -> None:
        self.current = self.current.with_namespaces(dict(self._namespaces.items()))
        self._news.set()
        self._news = asyncio.Event()
