"""Keeping the installation whole: look, judge, write what is missing, look again."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from stridegate.kube.errors import KubeError
from stridegate.kube.objects import ConfigurationKind, Secret
from stridegate.operator.arming import (
    Entries,
    Settled,
    differences,
    on_trial,
    to_write,
    with_bundle,
    without_bundle,
)
from stridegate.operator.certificates import TAKING_OVER, Action, Leaf, Plan, State, plan
from stridegate.operator.issuing import create_authority, fingerprint, issue_leaf, write_certificates, write_key
from stridegate.operator.looks import (
    AUTHORITY_SECRET,
    CONFIGURATION,
    LEAF_SECRET,
    Look,
    Objects,
    Place,
    Reading,
    Store,
    look,
    read,
)

# How long every ready replica must have served before an empty configuration is armed: the API server reaches them
# through its node's kube-proxy, which learns of endpoints a second or more after we do (`iptables.minSyncPeriod`).
ROUTING = dt.timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a look says about the installation. Problems are sentences; None means that there is none.

    `matching` says for each wanted entry whether its live caBundle has every CA that ready replicas present a leaf of;
    `trial` whether the webhook is asked about the canary's namespace alone, until a dry-run shows that it answers.
    """

    state: State
    unarmed: str | None
    trial: bool
    drift: str | None
    certificate: str | None
    matching: Mapping[str, bool]
    authority_expiry: dt.datetime | None
    leaf_expiry: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A look with everything that follows from it."""

    found: Look
    reading: Reading
    plan: Plan
    health: Health
    proven: bool


class Role(enum.Enum):
    """The two certificates."""

    AUTHORITY = "ca"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that was to be written: what and why, which certificate it made, and what kept it from being written."""

    what: str
    made: Role | None = None
    problem: KubeError | None = None


class Installation:
    """The part of the cluster that the operator keeps: two Secrets and two webhook configurations.

    `require_active` raises NotActive where this replica must not write.
    """

    def __init__(
        self,
        store: Store,
        place: Place,
        wanted: Mapping[ConfigurationKind, Entries],
        require_active: Callable[[], None],
    ) -> None:
        self._store = store
        self._place = place
        self._wanted = wanted
        self._require_active = require_active
        self._announced: tuple[str, dt.datetime] | None = None
        self._settled: dict[ConfigurationKind, Settled] = {}
        self._serving_since: dt.datetime | None = None

    async def tend(self, now: dt.datetime, *, proven: bool) -> tuple[Health, list[Change]]:
        """Look once and write what follows; return what was found, and what was written or could not be.

        `proven` is whether the last dry-run was refused by the webhook. Raises KubeError where looking fails, and NotActive.
        """
        judged = self.judge(await look(self._store, self._place, now), proven=proven)
        return judged.health, await asyncio.to_thread(self.write, judged)

    def forget(self) -> None:
        """Forget since when all caBundles have had the current CA: a standby does not look, so it cannot know."""
        self._announced = None
        self._serving_since = None

    def judge(self, found: Look, *, proven: bool) -> Judged:
        """Return what a look means; remembers since when all caBundles have had the current CA."""
        reading = read(found, self._place, self._announced)
        announced = reading.seen.announced
        current = reading.authority.certificate if reading.authority else None
        self._announced = (fingerprint(current), announced) if current and announced else None
        following = plan(reading.seen)
        # A clock that went back must not make an emptied list wait until it is where it was.
        since = min(self._serving_since or found.now, found.now)
        self._serving_since = since if following.serving else None
        health = self._health(found, reading, following)
        return Judged(found=found, reading=reading, plan=following, health=health, proven=proven)

    def write(self, judged: Judged) -> list[Change]:
        """Write what is missing, the configurations first; a Secret only once they are as they must be. Raises NotActive."""
        bundle = _pem(judged.reading, judged.plan.bundle)
        since = self._serving_since
        routed = since is not None and judged.found.now - since >= ROUTING
        changes = []
        for kind in self._wanted if bundle else ():
            change = self._arm(kind, judged, bundle, serving=routed)
            changes += [change] if change else []
        if all(change.problem is None for change in changes):
            change = self._act(judged.found, judged.reading, judged.plan.action)
            changes += [change] if change else []
        return changes

    def _arm(self, kind: ConfigurationKind, judged: Judged, bundle: bytes, *, serving: bool) -> Change | None:
        found = judged.found.objects
        configuration, live, settled = found.configurations[kind], found.entries(kind), self._settled.get(kind)
        wanted = with_bundle(self._wanted[kind], bundle)
        writing = to_write(wanted, live, settled=settled, serving=serving, proven=judged.proven)
        if configuration is None or writing is None:
            return None
        why = "; ".join(differences(writing, live, settled))
        if on_trial(writing):
            why = "on trial in the canary's namespace"
        elif on_trial(live) or not live:
            why = "armed"
        self._require_active()
        try:
            answer = self._store.write_webhooks(kind, configuration, writing)
        except KubeError as problem:
            return Change(what=f"{kind.value} {CONFIGURATION}: {why}", problem=problem)
        self._settled[kind] = Settled(written=writing, answered=answer.webhooks or [])
        return Change(what=f"{kind.value} {CONFIGURATION}: {why}")

    def _act(self, found: Look, reading: Reading, action: Action | None) -> Change | None:
        if action is Action.CREATE_AUTHORITY:
            made = create_authority(found.now)
            before = [reading.authority.certificate] if reading.authority else []
            others = [each for name, each in sorted(reading.authorities.items()) if name in reading.seen.retired]
            values = {
                "ca.crt": write_certificates([made.certificate, *before, *others]),
                "ca.key": write_key(made.key),
            }
            return self._write_secret(found.objects.authority, values, "a new CA", Role.AUTHORITY)
        if action is None or reading.authority is None:
            return None
        authority = write_certificates([reading.authority.certificate])
        if action is Action.ISSUE_LEAF:
            leaf = issue_leaf(reading.authority, self._place.names, found.now)
            values = {
                "tls.crt": write_certificates([leaf.certificate]),
                "tls.key": write_key(leaf.key),
                "ca.crt": authority,
            }
            return self._write_secret(found.objects.leaf, values, "a new leaf", Role.LEAF)
        return self._write_secret(found.objects.authority, {"ca.crt": authority}, "older CAs are forgotten", None)

    def _write_secret(
        self, seen: Secret | None, values: Mapping[str, bytes], what: str, made: Role | None
    ) -> Change | None:
        if seen is None:
            return None
        sentence = f"Secret {seen.metadata.name}: {what}"
        self._require_active()
        try:
            self._store.write_secret(seen, values)
        except KubeError as problem:
            return Change(what=sentence, made=made, problem=problem)
        return Change(what=sentence, made=made)

    def _health(self, found: Look, reading: Reading, following: Plan) -> Health:
        seen = reading.seen
        issuers = {each.leaf.issuer for each in seen.replicas if each.ready and each.leaf and each.leaf.issuer}
        unarmed = next(_unarmed(found.objects), None)
        names = [str(entry["name"]) for entries in self._wanted.values() for entry in entries]
        matching = {name: bool(reading.bundles.get(name)) and issuers <= reading.bundles[name] for name in names}
        return Health(
            state=following.state,
            unarmed=unarmed,
            trial=any(on_trial(found.objects.entries(kind)) for kind in self._wanted),
            # Nothing has drifted from what was not there yet.
            drift=next(self._drift(found.objects, matching), None) if unarmed is None else None,
            certificate=next(self._certificate(found.objects, reading), None),
            matching=matching,
            authority_expiry=seen.authority.not_after if seen.authority else None,
            leaf_expiry=reading.leaf.not_valid_after_utc if reading.leaf else None,
        )

    def _drift(self, found: Objects, matching: Mapping[str, bool]) -> Iterator[str]:
        for kind, entries in self._wanted.items():
            settled = self._settled.get(kind)
            known = settled and Settled(
                written=without_bundle(settled.written), answered=without_bundle(settled.answered)
            )
            live = without_bundle(found.entries(kind))
            yield from (f"in {kind.value} {each}" for each in differences(without_bundle(entries), live, known))
        for name, matches in matching.items():
            if not matches:
                yield f"the caBundle of {name} does not verify what the replicas present"

    def _certificate(self, found: Objects, reading: Reading) -> Iterator[str]:
        for name, secret in ((AUTHORITY_SECRET, found.authority), (LEAF_SECRET, found.leaf)):
            if secret is None:
                yield f"Secret {self._place.namespace}/{name} does not exist; `helm upgrade` makes it again"
        wanted = reading.seen.leaf
        if wanted is None or wanted.issuer is None:
            yield f"Secret {self._place.namespace}/{LEAF_SECRET} has no valid certificate"
        for replica in reading.seen.replicas:
            if not replica.ready:
                continue
            if replica.leaf is None:
                yield f"the replica at {replica.address} completes no TLS handshake"
            elif replica.leaf.issuer is None:
                yield f"the replica at {replica.address} presents a certificate that no known CA verifies"
            elif wanted is not None and _overdue(replica.leaf, wanted, reading.seen.now):
                yield f"the replica at {replica.address} has not taken over the certificate in Secret {LEAF_SECRET}"


def _overdue(presented: Leaf, wanted: Leaf, now: dt.datetime) -> bool:
    return presented.fingerprint != wanted.fingerprint and now - wanted.issued >= TAKING_OVER


def _unarmed(found: Objects) -> Iterator[str]:
    for kind, configuration in found.configurations.items():
        if configuration is None:
            yield f"{kind.value} {CONFIGURATION} does not exist; `helm upgrade` makes it again"
        elif not configuration.webhooks:
            yield f"{kind.value} {CONFIGURATION} has no entries yet: they come once every ready replica serves"
        elif on_trial(configuration.webhooks):
            yield f"{kind.value} {CONFIGURATION} is on trial until a dry-run in the canary's namespace is refused"


def _pem(reading: Reading, bundle: frozenset[str]) -> bytes:
    """Return the CAs as PEM, the current one first."""
    current = fingerprint(reading.authority.certificate) if reading.authority else ""
    ordered = sorted(bundle & reading.authorities.keys(), key=lambda name: (name != current, name))
    return write_certificates(reading.authorities[name] for name in ordered)
