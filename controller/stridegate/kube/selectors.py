"""Label selectors as objects write them (metav1.LabelSelector)."""

from __future__ import annotations

import re

from stridegate.kube.fields import Field
from stridegate.model.policies import LabelSelector, Operator, Requirement

_OPERATORS = {each.value: each for each in Operator}
# apimachinery `validation.IsQualifiedName` and `IsValidLabelValue`.
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}", re.ASCII)
_VALUE = re.compile(rf"(?:{_NAME})?", re.ASCII)


def read_selector(field: Field) -> LabelSelector:
    """Return the selector; absent or empty selects everything.

    Raises InvalidField for what the API server itself would not accept as a selector: it would select nothing.
    """
    field.among(("matchLabels", "matchExpressions"))
    equal = (_equal(key, value) for key, value in field["matchLabels"].items())
    expressions = (_requirement(each) for each in field["matchExpressions"].elements())
    return LabelSelector((*equal, *expressions))


def _equal(key: str, value: Field) -> Requirement:
    if not _KEY.fullmatch(key):
        raise value.refuse("a label's key before it", key)
    return Requirement(key, Operator.IN, frozenset({_label_value(value)}))


def _requirement(field: Field) -> Requirement:
    field.among(("key", "operator", "values"))
    key = field["key"].text("a label's key")
    if not _KEY.fullmatch(key):
        raise field["key"].refuse("a label's key")
    operator = field["operator"].choice(_OPERATORS)
    values = frozenset(_label_value(each) for each in field["values"].elements())
    if operator in (Operator.IN, Operator.NOT_IN) and not values:
        raise field["values"].refuse(f"at least one value for {operator.value}")
    if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and values:
        raise field["values"].refuse(f"no values for {operator.value}")
    return Requirement(key, operator, values)


def _label_value(field: Field) -> str:
    if not isinstance(field.value, str) or not _VALUE.fullmatch(field.value):
        raise field.refuse("a label's value")
    return field.value
