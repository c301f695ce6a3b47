"""The rotation of certificates, as a function of what exists.

The state is computed from what is seen (the CA's Secret, the leaf's Secret, the caBundles in the live webhook
configurations, the leaves that replicas present) and never read from a stored step; every action may be repeated, so a
crash anywhere resumes. Certificates are known here by their fingerprints alone; `issuing` knows what they are made of.

What holds at every moment:
1. no leaf is written whose issuer is missing from any live caBundle;
2. no CA leaves a caBundle while a replica presents a leaf of it;
3. no caBundle becomes empty;
4. two operators cannot interleave: every write names the version that was seen, and the Lease lets one of them act.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

AUTHORITY_LIFETIME = dt.timedelta(days=365)
LEAF_LIFETIME = dt.timedelta(days=30)
# Clocks differ: certificates are valid from an hour before they are made.
BACKDATED = dt.timedelta(hours=1)
# How long the API servers' informers may take to see a caBundle that was written.
OBSERVING = dt.timedelta(seconds=60)
# How long a replica may still start with the leaf of before: a Secret's mount is refreshed within 90 s.
MOUNTING = dt.timedelta(seconds=120)
# After this time, a replica that still presents another leaf than the Secret's will not take it over by itself.
TAKING_OVER = dt.timedelta(minutes=5)


class State(enum.Enum):
    """Where the rotation stands."""

    EMPTY = "empty"
    ANNOUNCE = "announce"
    OBSERVE = "observe"
    SWITCH = "switch"
    VERIFY = "verify"
    RETIRE = "retire"
    STEADY = "steady"


class Action(enum.Enum):
    """What is to be written into a Secret; caBundles follow from `Plan.bundle`."""

    CREATE_AUTHORITY = "create a new CA and keep the certificates of those before it"
    ISSUE_LEAF = "issue a leaf"
    FORGET_RETIRED = "forget the CAs that nothing needs any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA whose key is at hand."""

    fingerprint: str
    not_before: dt.datetime
    not_after: dt.datetime

    def valid(self, now: dt.datetime) -> bool:
        """Whether it may sign now."""
        return self.not_before <= now < self.not_after

    def aged(self, now: dt.datetime) -> bool:
        """Whether it is in its last quarter."""
        return now >= self.not_after - (self.not_after - self.not_before) / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A server certificate.

    `issuer` is the fingerprint of the known CA that it verifies against, for the webhook's name and as of now, or None.
    """

    fingerprint: str
    issuer: str | None
    not_before: dt.datetime
    not_after: dt.datetime

    @property
    def issued(self) -> dt.datetime:
        """When it was made."""
        return self.not_before + BACKDATED

    def aged(self, now: dt.datetime) -> bool:
        """Whether it is in its last third; up to a fiftieth of its life later, so that clusters installed together do not renew together."""
        lifetime = self.not_after - self.not_before
        jitter = lifetime / 50 * (int(self.fingerprint[:4] or "0", 16) / 0xFFFF)
        return now >= self.not_after - lifetime / 3 + jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """An address behind the webhook's Service, and the leaf it presents; None where no handshake came about."""

    address: str
    ready: bool
    leaf: Leaf | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that a look at the cluster found.

    `authority` is None where the CA's Secret has no usable pair; `retired` are the other CAs it names. `leaf` is None
    where the leaf's Secret has no usable pair. `bundles` are the CAs of each live webhook entry's caBundle; none where
    nothing is armed. `announced` is when this operator first saw the current CA in all of them, in a row until now.
    """

    now: dt.datetime
    authority: Authority | None
    retired: frozenset[str]
    leaf: Leaf | None
    bundles: tuple[frozenset[str], ...]
    replicas: tuple[Replica, ...]
    announced: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What follows: the CAs that every caBundle must have, what is to be written beside them, and whether a replica serves so that arming is safe."""

    state: State
    bundle: frozenset[str]
    action: Action | None = None
    serving: bool = False


def plan(seen: Seen) -> Plan:
    """Return what is to be done now."""
    state = _state(seen)
    bundle = _current(seen) if state in (State.RETIRE, State.STEADY) else _all(seen)
    actions = {
        State.EMPTY: Action.CREATE_AUTHORITY,
        State.SWITCH: Action.ISSUE_LEAF,
        State.RETIRE: Action.FORGET_RETIRED if seen.retired - bundle else None,
    }
    return Plan(state=state, bundle=bundle, action=actions.get(state), serving=_serving(seen))


def _state(seen: Seen) -> State:
    wanted, leaf = seen.authority, seen.leaf
    if wanted is None or not wanted.valid(seen.now) or wanted.aged(seen.now):
        return State.EMPTY
    if any(wanted.fingerprint not in bundle for bundle in seen.bundles):
        return State.ANNOUNCE
    if leaf is None or leaf.issuer != wanted.fingerprint or leaf.aged(seen.now):
        # Where nothing is armed, no API server asks yet, and nobody needs to wait for one.
        return State.SWITCH if _observed(seen) or not seen.bundles else State.OBSERVE
    if not _switched(seen, leaf, wanted):
        return State.VERIFY
    alone = _current(seen)
    clean = seen.retired <= alone and all(bundle == alone for bundle in seen.bundles)
    return State.STEADY if clean else State.RETIRE


def _current(seen: Seen) -> frozenset[str]:
    return frozenset({seen.authority.fingerprint}) if seen.authority else frozenset()


def _all(seen: Seen) -> frozenset[str]:
    """Return every CA that may be needed: the current one, those announced, those being retired, and whoever issued a leaf that is in use."""
    leaves = [seen.leaf, *(replica.leaf for replica in seen.replicas)]
    issuers = frozenset(leaf.issuer for leaf in leaves if leaf is not None and leaf.issuer is not None)
    return _current(seen).union(seen.retired, issuers, *seen.bundles)


def _observed(seen: Seen) -> bool:
    return seen.announced is not None and seen.now - seen.announced >= OBSERVING


def _switched(seen: Seen, leaf: Leaf, wanted: Authority) -> bool:
    """Whether every replica, ready or not, presents a leaf of the current CA, and none can still start with an older one.

    A replica that cannot be reached may come back with what it had: until it does, or is gone, nothing is retired.
    """
    return (
        bool(seen.replicas)
        and seen.now - leaf.issued >= MOUNTING
        and all(replica.leaf is not None and replica.leaf.issuer == wanted.fingerprint for replica in seen.replicas)
    )


def _serving(seen: Seen) -> bool:
    """Whether at least one replica is ready, and all that are present a leaf that the bundle will verify."""
    ready = [replica for replica in seen.replicas if replica.ready]
    return bool(ready) and all(replica.leaf is not None and replica.leaf.issuer is not None for replica in ready)
