"""Stridegate's own objects among manifests: policies and exemptions, read as the cluster reads them, with the place of what is wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stridegate.cli.judging.errors import BadStandard
from stridegate.cli.manifests.documents import Document, read
from stridegate.cli.manifests.errors import ManifestError, Position
from stridegate.cli.manifests.sources import Source, sources
from stridegate.engine.catalogue import RULES
from stridegate.kube.errors import InvalidExemption, InvalidField, InvalidPolicy
from stridegate.kube.exemptions import read_exemption
from stridegate.kube.policies import read_policy
from stridegate.model.exemptions import Exemption, ExemptionState
from stridegate.model.places import Pointer
from stridegate.model.policies import Policy

GROUP = "stridegate.dev"
POLICY, EXEMPTION = "HardeningPolicy", "HardeningExemption"
_PART = re.compile(r"\[(\d+)\]|\['(.*?)'\]|([^.\[\]]+)")
_SERVED = f"{GROUP}/v1alpha1"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one of our own objects, and where: an object that the cluster refuses, or in which something has no effect."""

    sentence: str
    position: Position


def own(document: Document) -> bool:
    """Whether an object is of a kind of Stridegate's own."""
    return document.api_version.partition("/")[0] == GROUP


def policy_of(document: Document) -> Policy | Mistake:
    """Return the policy that an object describes, or what is wrong with it."""
    try:
        reading = read_policy(document.value, RULES)
    except InvalidPolicy as error:
        return _mistake(document, error)
    return reading.policy


def exemption_of(document: Document, now: float, namespace: str) -> Exemption | Mistake:
    """Return the exemption that an object describes, or what is wrong with it.

    Where the object does not say when it was created, it counts as created now, and without a namespace as in this one.
    """
    metadata = document.value.get("metadata")
    stamp = dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    filled = {"creationTimestamp": stamp, "namespace": namespace}
    if isinstance(metadata, dict):
        filled |= {key: value for key, value in metadata.items() if value is not None}
    try:
        return read_exemption({**document.value, "metadata": filled})
    except InvalidExemption as error:
        return _mistake(document, error)


def mistakes(document: Document, now: float, namespace: str) -> Iterable[Mistake]:
    """Return everything that is wrong with one of our own objects as it is created."""
    if document.kind not in {POLICY, EXEMPTION}:
        return
    if document.api_version != _SERVED:
        yield Mistake(
            f"apiVersion: wanted {_SERVED}, got {document.api_version[:60]!a}", document.position(("apiVersion",))
        )
        return
    found = policy_of(document) if document.kind == POLICY else exemption_of(document, now, namespace)
    if isinstance(found, Mistake):
        yield found
        return
    if isinstance(found, Exemption) and found.state(now) is not ExemptionState.ACTIVE:
        where = ("spec", "revoked" if found.revoked else "expires")
        yield Mistake(f"exempts nothing: it is {found.state(now).value}", document.position(where))
    yield from unknown_rules(document, found)


def unknown_rules(document: Document, found: Policy | Exemption) -> Iterable[Mistake]:
    """Yield the slugs that an object names and that no rule has."""
    spec = document.value.get("spec")
    if isinstance(found, Exemption):
        named: dict[str, Pointer] = dict.fromkeys(sorted(found.rules), ("spec", "rules"))
    else:
        listed = spec.get("rules") if isinstance(spec, dict) else None
        named = {slug: ("spec", "exclude") for each in found.exclude for slug in sorted(each.rules)}
        named |= {str(slug): ("spec", "rules", str(slug)) for slug in listed or ()}
    for slug, pointer in named.items():
        if slug not in RULES:
            import difflib  # noqa: PLC0415 - few runs meet a mistake

            near = difflib.get_close_matches(slug, RULES, 1)
            hint = f"did you mean {near[0]}?" if near else "`stridegate rules` lists them"
            yield Mistake(f"there is no rule {slug[:60]!a}; {hint}", document.position(pointer))


def _mistake(document: Document, error: InvalidPolicy | InvalidExemption) -> Mistake:
    field = InvalidField(error.field, error.wanted, error.got)
    return Mistake(str(field), document.position(_pointer(error.field)))


def _pointer(field: str) -> Pointer:
    """Return the pointer that a field's path stands for, as far as it can be told."""
    parts: list[str | int] = []
    for index, key, name in _PART.findall(field):
        parts.append(int(index) if index else key or name)
    return tuple(parts[1:] if parts and parts[0] == "policy" else parts)


def listed(paths: Iterable[str], kind: str) -> list[Document]:
    """Return all objects of one of our kinds in some files; what else stands there is none of them.

    Raises BadStandard where a file cannot be read, and where there are none.
    """
    found: list[Document] = []
    for path in paths:
        within: list[Document] = []
        for source in sources([path]):
            if not isinstance(source, Source):
                raise BadStandard(*_told(source[0], source[1]))
            reading = read(source)
            for error in reading.errors:
                raise BadStandard(*_told(source.name, error))
            within += [each for each in reading.documents if own(each) and each.kind == kind]
        if not within:
            raise BadStandard(path, f"wanted a {kind}, got none")
        found += within
    return found


def policies(paths: Iterable[str]) -> Mapping[str, tuple[Policy, Document]]:
    """Return the policies in some files, by name, each with the object it was read from. Raises BadStandard."""
    found: dict[str, tuple[Policy, Document]] = {}
    for document in listed(paths, POLICY):
        policy = policy_of(document)
        if isinstance(policy, Mistake):
            raise BadStandard(_place(document, policy.position), policy.sentence)
        if policy.name in found:
            other = found[policy.name][1]
            raise BadStandard(
                _place(document, document.position()),
                f"wanted policies with names of their own, got a second {policy.name!a} (first {_place(other, other.position())})",
            )
        found[policy.name] = (policy, document)
    return found


def exemptions(paths: Iterable[str], now: float, namespace: str) -> list[Exemption]:
    """Return the exemptions in some files. Raises BadStandard."""
    found: list[Exemption] = []
    for document in listed(paths, EXEMPTION):
        exemption = exemption_of(document, now, namespace)
        if isinstance(exemption, Mistake):
            raise BadStandard(_place(document, exemption.position), exemption.sentence)
        found.append(exemption)
    return found


def remarks(found: Iterable[tuple[Policy, Document]], granted: Iterable[Exemption], now: float) -> Iterator[str]:
    """Yield what in policies and exemptions has no effect, a sentence each: rules that there are not, and what is not in force."""
    for policy, document in found:
        for mistake in unknown_rules(document, policy):
            yield f"policy {policy.name}: {mistake.sentence}"
    for exemption in granted:
        state = exemption.state(now)
        if state is not ExemptionState.ACTIVE:
            yield f"exemption {exemption.namespace}/{exemption.name} exempts nothing: it is {state.value}"
        for slug in sorted(exemption.rules.difference(RULES)):
            yield f"exemption {exemption.namespace}/{exemption.name}: there is no rule {slug}"


def _told(name: str, error: ManifestError) -> tuple[str, str]:
    return (f"{name}:{error.position.line}" if error.position else name), str(error)


def _place(document: Document, position: Position) -> str:
    return f"{document.source.name}:{position.line}"
