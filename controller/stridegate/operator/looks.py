"""A look at the cluster: everything that certificates and arming depend on, gathered first and read after."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509

from stridegate.kube.cluster import Cluster
from stridegate.kube.errors import NotFound
from stridegate.kube.objects import ConfigurationKind, EndpointSlice, Secret, WebhookConfiguration
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was found at one moment; an object that does not exist is None."""

    now: dt.datetime
    authority: Secret | None
    leaf: Secret | None
    configurations: Mapping[ConfigurationKind, WebhookConfiguration | None]
    presented: tuple[tuple[Address, x509.Certificate | None], ...]

    def entries(self, kind: ConfigurationKind) -> Entries:
        """Return the live entries of one configuration."""
        configuration = self.configurations[kind]
        return configuration.webhooks or [] if configuration else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A look, understood: the current CA and every other by fingerprint, each live entry's CAs, and what the rotation needs to know."""

    authority: Pair | None
    authorities: Mapping[str, x509.Certificate]
    bundles: Mapping[str, frozenset[str]]
    leaf: x509.Certificate | None
    seen: Seen


async def look(cluster: Cluster, place: Place, now: dt.datetime) -> Look:
    """Gather everything. Raises Unreachable and Refused."""
    authority, leaf, configurations, addresses = await asyncio.to_thread(_read_objects, cluster, place)
    async with asyncio.TaskGroup() as handshakes:
        asked = [
            (each, handshakes.create_task(presented_leaf(each.host, each.port, place.names[0]))) for each in addresses
        ]
    return Look(
        now=now,
        authority=authority,
        leaf=leaf,
        configurations=configurations,
        presented=tuple((address, task.result()) for address, task in asked),
    )


def _read_objects(
    cluster: Cluster, place: Place
) -> tuple[Secret | None, Secret | None, Mapping[ConfigurationKind, WebhookConfiguration | None], tuple[Address, ...]]:
    return (
        _found(lambda: cluster.secret(place.namespace, AUTHORITY_SECRET)),
        _found(lambda: cluster.secret(place.namespace, LEAF_SECRET)),
        {kind: _configuration(cluster, kind) for kind in ConfigurationKind},
        tuple(_addresses(cluster.endpoint_slices(place.namespace, place.service))),
    )


def _configuration(cluster: Cluster, kind: ConfigurationKind) -> WebhookConfiguration | None:
    return _found(lambda: cluster.webhooks(kind, CONFIGURATION))


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
    authority, retired = _read_authority(found)
    bundles = {
        str(entry.get("name")): read_certificates(bundle_of(entry))
        for kind in ConfigurationKind
        for entry in found.entries(kind)
    }
    mounted = read_certificates(found.leaf.value("ca.crt")) if found.leaf else ()
    current = (authority.certificate,) if authority else ()
    known = (*current, *retired, *mounted, *(each for bundle in bundles.values() for each in bundle))
    authorities = {fingerprint(each): each for each in known}

    def facts(certificate: x509.Certificate) -> Leaf:
        return Leaf(
            fingerprint=fingerprint(certificate),
            issuer=issuer_of(certificate, authorities, place.names[0], found.now),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )

    pair = read_pair(found.leaf.value("tls.crt"), found.leaf.value("tls.key")) if found.leaf else None
    prints = {name: frozenset(fingerprint(each) for each in bundle) for name, bundle in bundles.items()}
    seen = Seen(
        now=found.now,
        authority=_authority(authority.certificate) if authority else None,
        retired=frozenset(fingerprint(each) for each in retired),
        leaf=facts(pair.certificate) if pair else None,
        bundles=tuple(prints.values()),
        replicas=tuple(
            Replica(address=each.host, ready=each.ready, leaf=facts(presented) if presented else None)
            for each, presented in found.presented
        ),
        announced=_since(authority, tuple(prints.values()), announced, found.now),
    )
    return Reading(
        authority=authority,
        authorities=authorities,
        bundles=prints,
        leaf=pair.certificate if pair else None,
        seen=seen,
    )


def _read_authority(found: Look) -> tuple[Pair | None, tuple[x509.Certificate, ...]]:
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
        return announced[1]
    return now
