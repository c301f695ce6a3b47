"""From a HardeningExemption object to the model's exemption: every field is checked, and what cannot be read exempts nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from stridegate.kube.errors import InvalidExemption, InvalidField
from stridegate.kube.fields import Field
from stridegate.model.errors import BadQuantity
from stridegate.model.exemptions import ExemptedValue, Exemption
from stridegate.model.policies import Workload
from stridegate.model.quantities import parse_quantity
from stridegate.model.vocabulary import ValueKind

_SPEC = (
    "rules",
    "workload",
    "nodeSelector",
    "containers",
    "values",
    "reason",
    "expires",
    "grantedBy",
    "ticket",
    "owner",
    "revoked",
)
_VALUES = {each.value: each for each in ValueKind}
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
# RFC 3339 as the API server writes metav1.Time, with any offset.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})", re.ASCII)
_MOST_RULES = 20
_REASON = (10, 500)
_PORTS = (1, 65535)


def read_exemption(obj: Mapping[str, object]) -> Exemption:
    """Return the exemption that a HardeningExemption object describes.

    Raises InvalidExemption for anything that does not say what it must, an unknown field included: what it would have
    narrowed is not known.
    """
    metadata = Field(obj.get("metadata"), "metadata")
    try:
        spec = Field(obj.get("spec"), "spec").among(_SPEC)
        return Exemption(
            name=metadata["name"].text("a name"),
            namespace=metadata["namespace"].text("a namespace"),
            rules=_rules(spec["rules"]),
            workload=_workload(spec["workload"]),
            node_selector=_node_selector(spec),
            containers=_containers(spec["containers"]),
            values=_values(spec["values"]),
            reason=_reason(spec["reason"]),
            created=_time(metadata["creationTimestamp"]),
            expires=_time(spec["expires"]),
            granted_by=spec["grantedBy"].text("a user's name"),
            ticket=_optional(spec["ticket"]),
            owner=_optional(spec["owner"]),
            revoked=spec["revoked"].truth() or False,
        )
    except InvalidField as problem:
        raise InvalidExemption(exemption_name(obj), problem) from problem


def unknown_rules(exemption: Exemption, known: Iterable[str]) -> tuple[str, ...]:
    """Return the slugs that an exemption names and this version has no rule for: they have no effect."""
    return tuple(sorted(exemption.rules.difference(known)))


def exemption_name(obj: Mapping[str, object]) -> str:
    """Return "namespace/name" of an object, as far as it has them."""
    metadata = obj.get("metadata")
    parts = (metadata.get(key) for key in ("namespace", "name")) if isinstance(metadata, Mapping) else ()
    return "/".join(each for each in parts if isinstance(each, str))


def _rules(field: Field) -> frozenset[str]:
    wanted = "the slug of a rule, without a wildcard"
    slugs = field.texts(wanted)
    for element, slug in zip(field.elements(), slugs, strict=True):
        if not _SLUG.fullmatch(slug):
            raise element.refuse(wanted)
    if not 1 <= len(slugs) <= _MOST_RULES:
        raise field.refuse(f"1 to {_MOST_RULES} rules")
    return frozenset(slugs)


def _workload(field: Field) -> Workload | None:
    if field.absent:
        return None
    field.among(("kind", "name"))
    return Workload(field["kind"].text("a kind such as Deployment"), field["name"].text("a name"))


def _node_selector(spec: Field) -> Mapping[str, str] | None:
    field = spec["nodeSelector"]
    if field.absent is spec["workload"].absent:
        raise spec.refuse("either a workload or a nodeSelector")
    if field.absent:
        return None
    if not spec["containers"].absent:
        raise spec["containers"].refuse("nothing: nodes have no containers")
    labels = {key: _label_value(value) for key, value in field.items()}
    if not labels:
        raise field.refuse("at least one label")
    return MappingProxyType(labels)


def _label_value(field: Field) -> str:
    if not isinstance(field.value, str):
        raise field.refuse("a label's value")
    return field.value


def _containers(field: Field) -> frozenset[str]:
    """Return the containers that are named; a list that names none is no list that is absent."""
    names = field.texts("the name of a container")
    if not names and not field.absent:
        raise field.refuse("at least one container, or no list")
    return frozenset(names)


def _values(field: Field) -> tuple[ExemptedValue, ...]:
    values = tuple(_value(each) for each in field.elements())
    if not values and not field.absent:
        raise field.refuse("at least one value, or no list")
    return values


def _value(field: Field) -> ExemptedValue:
    given = [(key, each) for key, each in field.among(tuple(_VALUES)).items() if not each.absent]
    if len(given) != 1:
        raise field.refuse(f"exactly one of {', '.join(_VALUES)}")
    key, value = given[0]
    kind = _VALUES[key]
    if kind is ValueKind.PORT:
        return ExemptedValue(kind, _port(value))
    text = value.text(f"a {key}")
    if kind is ValueKind.MEMORY and not _positive(text):
        raise value.refuse("a quantity above zero, such as 16Gi")
    return ExemptedValue(kind, text)


def _port(field: Field) -> str:
    least, most = _PORTS
    if isinstance(field.value, bool) or not isinstance(field.value, int) or not least <= field.value <= most:
        raise field.refuse(f"a port from {least} to {most}")
    return str(field.value)


def _positive(text: str) -> bool:
    try:
        return parse_quantity(text) > 0
    except BadQuantity:
        return False


def _reason(field: Field) -> str:
    least, most = _REASON
    wanted = f"the reason, in {least} to {most} characters"
    reason = field.text(wanted)
    if not least <= len(reason) <= most:
        raise field.refuse(wanted)
    return reason


def _time(field: Field) -> float:
    wanted = "a time such as 2027-01-31T00:00:00Z"
    if not isinstance(field.value, str) or not _TIME.fullmatch(field.value):
        raise field.refuse(wanted)
    try:
        return dt.datetime.fromisoformat(field.value).timestamp()
    except ValueError:
        raise field.refuse(wanted) from None


def _optional(field: Field) -> str:
    return "" if field.absent else field.text()
