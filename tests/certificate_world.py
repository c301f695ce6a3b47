"""A cluster reduced to what certificates depend on: Secrets, webhook configurations, replicas that mount a Secret, and time.

It stands in for the API server at the edge of the operator, keeps resource versions as that does, and checks at every
write what must hold at every moment.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509

from stridegate.kube.errors import Conflict
from stridegate.kube.objects import (
    ConfigurationKind,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    Json,
    Metadata,
    Secret,
    WebhookConfiguration,
)
from stridegate.operator.arming import bundle_of
from stridegate.operator.issuing import fingerprint, issuer_of, read_certificates, service_names
from stridegate.operator.looks import AUTHORITY_SECRET, CONFIGURATION, LEAF_SECRET, Look, Place, read_objects

PLACE = Place(namespace="stridegate-system", service="stridegate-webhook")
NAME = service_names(PLACE.service, PLACE.namespace)[0]
# The kubelet refreshes a Secret's mount within this time, and API servers' informers see a change within that.
MOUNT = dt.timedelta(seconds=90)
INFORMER = dt.timedelta(seconds=60)
_BEGINNING = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def entry(name: str) -> Json:
    """Return a webhook entry with every field that the API server would fill in."""
    service = {"name": PLACE.service, "namespace": PLACE.namespace, "path": "/validate", "port": 443}
    return {
        "name": name,
        "clientConfig": {"service": service},
        "rules": [],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "sideEffects": "None",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }


WANTED: Mapping[ConfigurationKind, list[Json]] = {
    ConfigurationKind.VALIDATING: [entry("pods.validate.stridegate.dev"), entry("templates.stridegate.dev")],
    ConfigurationKind.MUTATING: [entry("pods.mutate.stridegate.dev")],
}


class Crashed(Exception):
    """The operator's process ended in the middle of what it did."""


@dataclass(slots=True)
class Replica:
    """A replica of the webhook; `reachable` is False while its node is cut off, `pretends` while the cluster has not noticed that it is gone."""

    host: str
    presents: x509.Certificate | None = None
    reachable: bool = True
    pretends: bool = False
    # When its mount was last refreshed, or its node came back.
    since: dt.datetime = _BEGINNING


@dataclass(slots=True)
class World:
    """The cluster; `strict` is off once somebody tampered with live configurations, after which only repair is promised."""

    now: dt.datetime = _BEGINNING
    strict: bool = True
    crash_in: int | None = None
    replicas: list[Replica] = field(default_factory=lambda: [Replica(host=f"10.0.0.{n}") for n in (1, 2)])
    _version: int = 1
    _secrets: dict[str, Secret] = field(default_factory=dict)
    _configurations: dict[ConfigurationKind, WebhookConfiguration] = field(default_factory=dict)
    _authorities: dict[str, x509.Certificate] = field(default_factory=dict)
    _history: list[tuple[dt.datetime, list[frozenset[str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in (AUTHORITY_SECRET, LEAF_SECRET):
            self._secrets[name] = Secret(metadata=self._metadata(name))
        for kind in ConfigurationKind:
            self._configurations[kind] = WebhookConfiguration(metadata=self._metadata(CONFIGURATION))
        self._remember()

    # What the operator reads and writes.

    def secret(self, namespace: str, name: str) -> Secret:
        assert namespace == PLACE.namespace
        return self._secrets[name]

    def webhooks(self, kind: ConfigurationKind, name: str) -> WebhookConfiguration:
        assert name == CONFIGURATION
        return self._configurations[kind]

    def endpoint_slices(self, namespace: str, service: str) -> list[EndpointSlice]:
        assert (namespace, service) == (PLACE.namespace, PLACE.service)
        endpoints = [
            Endpoint(
                addresses=[each.host],
                conditions=EndpointConditions(ready=each.pretends or (each.reachable and each.presents is not None)),
            )
            for each in self.replicas
        ]
        return [EndpointSlice(endpoints=endpoints, ports=[EndpointPort(name="https", port=9443)])]

    def write_secret(self, seen: Secret, values: Mapping[str, bytes]) -> Secret:
        self._count_down()
        name = seen.metadata.name
        self._check_version(seen.metadata, self._secrets[name].metadata)
        if name == AUTHORITY_SECRET:
            self._authorities |= {fingerprint(each): each for each in read_certificates(values["ca.crt"])}
        elif self.strict:
            issuer = self.issuer(read_certificates(values["tls.crt"])[0])
            assert all(issuer in bundle for bundle in self.bundles()), "a leaf was written before its CA was announced"
        data = dict(self._secrets[name].data or {}) | {key: b64encode(each).decode() for key, each in values.items()}
        self._put_secret(name, data)
        return self._secrets[name]

    def write_webhooks(
        self, kind: ConfigurationKind, seen: WebhookConfiguration, webhooks: list[Json]
    ) -> WebhookConfiguration:
        self._count_down()
        self._check_version(seen.metadata, self._configurations[kind].metadata)
        before = [each for live in self._configurations[kind].webhooks or () for each in _prints(live)]
        for each in webhooks:
            after = _prints(each)
            assert after, "a caBundle became empty"
            gone = frozenset(before) - after
            if self.strict:
                needed = {self.issuer(replica.presents) for replica in self.replicas if replica.presents}
                assert not gone & needed, "a CA left a caBundle while a replica presents its leaf"
        self._configurations[kind] = WebhookConfiguration(metadata=self._metadata(CONFIGURATION), webhooks=webhooks)
        self._remember()
        return self._configurations[kind]

    # What happens to it.

    def look(self) -> Look:
        """Return what the operator finds now."""
        objects = read_objects(self, PLACE)
        return Look(
            now=self.now,
            objects=objects,
            presented=tuple(each.presents if each.reachable else None for each in self.replicas),
        )

    def pass_time(self, span: dt.timedelta) -> None:
        """Let time pass; mounts that are due are refreshed."""
        self.now += span
        for each in self.replicas:
            if each.reachable and self.now - each.since >= MOUNT:
                self.refresh(each)

    def refresh(self, replica: Replica) -> None:
        """Let the kubelet refresh a replica's mount; a Secret without a leaf leaves it with what it has in memory."""
        mounted = read_certificates(self._secrets[LEAF_SECRET].value("tls.crt"))
        replica.since = self.now
        if mounted:
            replica.presents = mounted[0]

    def restart(self, replica: Replica) -> None:
        """Let a replica start anew, on a node that works."""
        replica.presents, replica.reachable = None, True
        self.refresh(replica)

    def reconnect(self, replica: Replica) -> None:
        """Let a node come back with what its replica had."""
        replica.reachable, replica.since = True, self.now

    def empty_secret(self, name: str) -> None:
        """Lose what a Secret holds.

        A CA that is lost before any caBundle has it is known to nobody any more: a node that was cut off with a leaf of
        it cannot be served from then on.
        """
        self.strict = self.strict and (name != AUTHORITY_SECRET or bool(self.bundles()))
        self._put_secret(name, None)

    def break_key(self) -> None:
        """Put something else where the CA's key was."""
        data = dict(self._secrets[AUTHORITY_SECRET].data or {})
        self._put_secret(AUTHORITY_SECRET, data | {"ca.key": b64encode(b"broken").decode()})

    def tamper(self, kind: ConfigurationKind, webhooks: list[Json]) -> None:
        """Let somebody else write a configuration."""
        self.strict = False
        self._configurations[kind] = WebhookConfiguration(metadata=self._metadata(CONFIGURATION), webhooks=webhooks)
        self._remember()

    def bundles(self) -> list[frozenset[str]]:
        """Return the CAs of each live caBundle."""
        return [_prints(each) for live in self._configurations.values() for each in live.webhooks or ()]

    def entries(self, kind: ConfigurationKind) -> list[Json]:
        """Return the live entries of one configuration."""
        return self._configurations[kind].webhooks or []

    def issuer(self, leaf: x509.Certificate) -> str | None:
        """Return who issued a leaf, expired or not."""
        return issuer_of(leaf, self._authorities, NAME, leaf.not_valid_before_utc)

    @property
    def refuses(self) -> bool:
        """Whether a dry-run in the canary's namespace is refused: the judging entry is there, and a replica answers it."""
        issuers = {self.issuer(each.presents) for each in self.replicas if each.reachable and each.presents}
        return any(issuers & _prints(live) for live in self.entries(ConfigurationKind.VALIDATING))

    def check_calls(self) -> None:
        """Prove that every API server can call every replica, with whatever version of the configurations it has seen."""
        if not self.strict:
            return
        horizon = self.now - INFORMER
        oldest = max(number for number, (at, _) in enumerate(self._history) if number == 0 or at <= horizon)
        versions = [bundles for _, bundles in self._history[oldest:]]
        for replica in self.replicas:
            if replica.reachable and replica.presents is not None:
                issuer = self.issuer(replica.presents)
                assert all(issuer in bundle for bundles in versions for bundle in bundles), "a call would have failed"

    def _count_down(self) -> None:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crashed

    def _check_version(self, seen: Metadata, live: Metadata) -> None:
        if seen.resource_version != live.resource_version:
            raise Conflict("PATCH", 409, "the object has been modified")

    def _put_secret(self, name: str, data: dict[str, str] | None) -> None:
        self._secrets[name] = Secret(metadata=self._metadata(name), data=data)
        for each in self.replicas:
            each.since = max(each.since, self.now - MOUNT / 2)

    def _metadata(self, name: str) -> Metadata:
        self._version += 1
        return Metadata(name=name, namespace=PLACE.namespace, resource_version=str(self._version))

    def _remember(self) -> None:
        self._history.append((self.now, self.bundles()))


def _prints(webhook: Mapping[str, object]) -> frozenset[str]:
    return frozenset(fingerprint(each) for each in read_certificates(bundle_of(webhook)))
