"""Arming: the webhook configurations as they must be against those that are live.

The chart creates both configurations without a list and renders the list as data. Once every replica serves what the
list's caBundle verifies, the operator tries one entry out in the canary's namespace; once a dry-run there is refused by
it, it fills in the list, restores it where it was damaged, and never takes it out again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stridegate.kube.objects import ConfigurationKind, Json
from stridegate.kube.shapes import UNDECODABLE
from stridegate.model.policies import CANARY_NAMESPACE
from stridegate.operator.errors import BadWebhooksFile

Entries = Sequence[Mapping[str, object]]

# The entry that judges pods.
JUDGING = "pods.validate.stridegate.dev"

_CANARY_ONLY: Mapping[str, object] = {"matchLabels": {"kubernetes.io/metadata.name": CANARY_NAMESPACE}}

_DEFAULTS: Mapping[str, object] = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}


class _Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    validating: list[Json]
    mutating: list[Json]


def read_webhooks(path: Path) -> Mapping[ConfigurationKind, Entries]:
    """Return the entries that the chart wants in each configuration, without their caBundle. Raises BadWebhooksFile."""
    try:
        return parse_webhooks(path.read_bytes(), path)
    except OSError as error:
        raise BadWebhooksFile(path, error) from error


def parse_webhooks(written: bytes, source: object) -> Mapping[ConfigurationKind, Entries]:
    """Return the entries that the chart wants, of what it has written to some place. Raises BadWebhooksFile, which names the place."""
    try:
        read = msgspec.json.decode(written, type=_Webhooks)
    except UNDECODABLE as error:
        raise BadWebhooksFile(source, error) from error
    for entry in (*read.validating, *read.mutating):
        if not isinstance(entry.get("name"), str) or not isinstance(entry.get("clientConfig"), dict):
            raise BadWebhooksFile(source, "an entry without name or clientConfig")
    if not read.validating or not read.mutating:
        raise BadWebhooksFile(source, "an empty list")
    return {ConfigurationKind.VALIDATING: read.validating, ConfigurationKind.MUTATING: read.mutating}


def with_bundle(entries: Entries, bundle: bytes) -> list[Json]:
    """Return entries with a caBundle (PEM)."""
    encoded = b64encode(bundle).decode()
    return [{**entry, "clientConfig": {**_mapping(entry, "clientConfig"), "caBundle": encoded}} for entry in entries]


def without_bundle(entries: Entries) -> list[Json]:
    """Return entries without their caBundle, which changes as CAs do."""
    return [
        {**entry, "clientConfig": {k: v for k, v in _mapping(entry, "clientConfig").items() if k != "caBundle"}}
        for entry in entries
    ]


def bundle_of(entry: Mapping[str, object]) -> bytes:
    """Return the caBundle of a live entry, empty where it has none."""
    encoded = _mapping(entry, "clientConfig").get("caBundle")
    return b64decode(encoded) if isinstance(encoded, str) else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A list that was written, and what the API server made of it.

    A newer API server may fill in fields that are not known here: what it answered to our own write is no damage.
    """

    written: Entries
    answered: Entries


def to_write(
    wanted: list[Json], live: Entries, *, settled: Settled | None, serving: bool, proven: bool
) -> list[Json] | None:
    """Return the list that a configuration must be given now, None where it is to stay.

    An empty configuration waits for replicas that serve, since an entry that nobody answers refuses everything. That
    they serve does not say that the API server reaches them: a firewall between it and the nodes, or a network policy,
    would stop every pod of the cluster. So the entry that judges pods is on trial first, where no pod ever runs.
    A configuration that has entries, and is not on trial, is restored at once, since it can only get better.
    """
    armed = bool(live) and not on_trial(live)
    if armed or (serving and proven):
        due = wanted
    elif serving or live:
        due = trial(wanted)
    else:
        return None
    return due if next(differences(due, live, settled), None) else None


def trial(wanted: Entries) -> list[Json]:
    """Return what an empty configuration is given first: the entry that judges pods, for the canary's namespace alone."""
    return [{**entry, "namespaceSelector": _CANARY_ONLY} for entry in wanted if entry["name"] == JUDGING]


def on_trial(live: Entries) -> bool:
    """Whether a live list is no more than what is tried out in the canary's namespace."""
    return [(each.get("name"), each.get("namespaceSelector")) for each in live] == [(JUDGING, _CANARY_ONLY)]


def differences(wanted: Entries, live: Entries, settled: Settled | None) -> Iterator[str]:
    """Yield a sentence for each way in which a live list is not as it must be; none where it is."""
    if settled is not None and list(settled.written) == list(wanted) and list(settled.answered) == list(live):
        return
    expected = {str(entry["name"]): _defaulted(entry) for entry in wanted}
    present = {str(entry.get("name")): entry for entry in live}
    for name in sorted(present.keys() - expected.keys()):
        yield f"{name} does not belong here"
    for name, entry in expected.items():
        if name not in present:
            yield f"{name} is missing"
            continue
        keys = sorted(entry.keys() | present[name].keys())
        for key in (key for key in keys if entry.get(key) != present[name].get(key)):
            yield f"{name} has another {key}"


def _defaulted(entry: Mapping[str, object]) -> Json:
    """Return an entry with what the API server fills in (`pkg/apis/admissionregistration/v1/defaults.go`)."""
    filled: Json = {**_DEFAULTS, **entry}
    client = _mapping(entry, "clientConfig")
    if "service" in client:
        client = {**client, "service": {"port": 443, **_mapping(client, "service")}}
    rules = entry.get("rules")
    filled["clientConfig"] = client
    if isinstance(rules, list):
        filled["rules"] = [{"scope": "*", **rule} if isinstance(rule, dict) else rule for rule in rules]
    return filled


def _mapping(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    child = parent.get(key)
    return child if isinstance(child, Mapping) else {}
