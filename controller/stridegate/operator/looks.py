"""A look at the cluster: everything that certificates and arming depend on, gathered first and read after."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from cryptography import x509

from stridegate.kube.errors import NotFound
from stridegate.kube.objects import ConfigurationKind, EndpointSlice, Json, Secret, WebhookConfiguration
from stridegate.operator.arming import Entries, bundle_of
from stridegate.operator.certificates import Authority, Leaf, Replica, Seen
from stridegate.operator.handshakes import presented_leaf
from stridegate.operator.issuing import Pair, fingerprint, issuer_of, read_certificates, read_pair, service_names

T = TypeVar("T")

AUTHORITY_SECRET = "stridegate-ca"  # noqa: S105 - a Secret's name
LEAF_SECRET = "stridegate-tls"  # noqa: S105 - a Secret's name
CONFIGURATION = "stridegate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the release is: its namespace and the webhook's Service."""

    namespace: str
    service: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the webhook's certificate is for, the one that the API server asks for first."""
        return service_names(self.service, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One replica of the webhook as its EndpointSlice has it."""

    host: str
    port: int
    ready: bool


class Store(Protocol):
    """What is read and written of the API server here; `kube.cluster.Cluster` is the real one."""

    def secret(self, namespace: str, name: str) -> Secret:
        """Return a Secret."""

    def write_secret(self, seen: Secret, values: Mapping[str, bytes]) -> Secret:
        """Write values into a Secret as it was seen."""

    def webhooks(self, kind: ConfigurationKind, name: str) -> WebhookConfiguration:
        """Return a webhook configuration."""

    def write_webhooks(
        self, kind: ConfigurationKind, seen: WebhookConfiguration, webhooks: list[Json]
    ) -> WebhookConfiguration:
        """Replace the list of a webhook configuration as it was seen."""

    def endpoint_slices(self, namespace: str, service: str) -> list[EndpointSlice]:
        """Return the EndpointSlices of a Service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What the API server has; an object that does not exist is None."""

    authority: Secret | None
    leaf: Secret | None
    configurations: Mapping[ConfigurationKind, WebhookConfiguration | None]
    addresses: tuple[Address, ...]

    def entries(self, kind: ConfigurationKind) -> Entries:
        """Return the live entries of one configuration."""
        configuration = self.configurations[kind]
        return configuration.webhooks or [] if configuration else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found at one moment: the objects, and what each address presented, None where no handshake came about."""

    now: dt.datetime
    objects: Objects
    presented: tuple[x509.Certificate | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A look, understood: the current CA and every other by fingerprint, each live entry's CAs, and what the rotation needs to know."""

    authority: Pair | None
    authorities: Mapping[str, x509.Certificate]
    bundles: Mapping[str, frozenset[str]]
    leaf: x509.Certificate | None
    seen: Seen


async def look(store: Store, place: Place, now: dt.datetime) -> Look:
    """Gather everything. Raises Unreachable and Refused."""
    objects = await asyncio.to_thread(read_objects, store, place)
    async with asyncio.TaskGroup() as handshakes:
        asked = [
            handshakes.create_task(presented_leaf(each.host, each.port, place.names[0])) for each in objects.addresses
        ]
    return Look(now=now, objects=objects, presented=tuple(task.result() for task in asked))


def read_objects(store: Store, place: Place) -> Objects:
    """Return what the API server has. Raises Unreachable and Refused."""
    return Objects(
        authority=_found(lambda: store.secret(place.namespace, AUTHORITY_SECRET)),
        leaf=_found(lambda: store.secret(place.namespace, LEAF_SECRET)),
        configurations={kind: _configuration(store, kind) for kind in ConfigurationKind},
        addresses=tuple(_addresses(store.endpoint_slices(place.namespace, place.service))),
    )


def _configuration(store: Store, kind: ConfigurationKind) -> WebhookConfiguration | None:
    return _found(lambda: store.webhooks(kind, CONFIGURATION))


def _found(get: Callable[[], T]) -> T | None:
    try:
        return get()
    except NotFound:
        return None


def _addresses(slices: list[EndpointSlice]) -> Iterator[Address]:
    for each in slices:
        ports = [port.port for port in each.ports or () if port.port is not None]
        for endpoint in each.endpoints or ():
            conditions = endpoint.conditions
            if not ports or (conditions is not None and conditions.terminating):
                continue
            ready = conditions is None or conditions.ready is not False
            yield Address(host=endpoint.addresses[0], port=ports[0], ready=ready)


def read(found: Look, place: Place, announced: tuple[str, dt.datetime] | None) -> Reading:
    """Understand a look. `announced` is the CA that all caBundles had at the look before, and since when."""
    objects = found.objects
    authority, retired = _read_authority(objects)
    bundles = {
        str(entry.get("name")): read_certificates(bundle_of(entry))
        for kind in ConfigurationKind
        for entry in objects.entries(kind)
    }
    mounted = read_certificates(objects.leaf.value("ca.crt")) if objects.leaf else ()
    current = (authority.certificate,) if authority else ()
    known = (*current, *retired, *mounted, *(each for bundle in bundles.values() for each in bundle))
    authorities = {fingerprint(each): each for each in known}
    facts = partial(_leaf, authorities=authorities, name=place.names[0], now=found.now)
    pair = read_pair(objects.leaf.value("tls.crt"), objects.leaf.value("tls.key")) if objects.leaf else None
    prints = {name: frozenset(fingerprint(each) for each in bundle) for name, bundle in bundles.items()}
    seen = Seen(
        now=found.now,
        authority=_authority(authority.certificate) if authority else None,
        retired=frozenset(fingerprint(each) for each in retired),
        leaf=facts(pair.certificate) if pair else None,
        bundles=tuple(prints.values()),
        replicas=tuple(
            Replica(address=each.host, ready=each.ready, leaf=facts(presented) if presented else None)
            for each, presented in zip(objects.addresses, found.presented, strict=True)
        ),
        announced=_since(authority, tuple(prints.values()), announced, found.now),
    )
    leaf = pair.certificate if pair else None
    return Reading(authority=authority, authorities=authorities, bundles=prints, leaf=leaf, seen=seen)


def _leaf(
    certificate: x509.Certificate, *, authorities: Mapping[str, x509.Certificate], name: str, now: dt.datetime
) -> Leaf:
    return Leaf(
        fingerprint=fingerprint(certificate),
        issuer=issuer_of(certificate, authorities, name, now),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _read_authority(found: Objects) -> tuple[Pair | None, tuple[x509.Certificate, ...]]:
    """Return the current CA, and the other CAs that its Secret names."""
    if found.authority is None:
        return None, ()
    written = found.authority.value("ca.crt")
    pair = read_pair(written, found.authority.value("ca.key"))
    certificates = read_certificates(written)
    return pair, certificates[1:] if pair else certificates


def _authority(certificate: x509.Certificate) -> Authority:
    return Authority(
        fingerprint=fingerprint(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def _since(
    authority: Pair | None,
    bundles: tuple[frozenset[str], ...],
    announced: tuple[str, dt.datetime] | None,
    now: dt.datetime,
) -> dt.datetime | None:
    """Return since when every caBundle has had the current CA, as far as this operator saw."""
    if authority is None or not all(fingerprint(authority.certificate) in bundle for bundle in bundles):
        return None
    if announced is not None and announced[0] == fingerprint(authority.certificate):
        return min(announced[1], now)
    return now
