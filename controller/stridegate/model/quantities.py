"""Kubernetes quantities, parsed exactly (apimachinery `resource.Quantity`)."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from stridegate.model.errors import BadQuantity

_SYNTAX = re.compile(
    r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,3}))?", re.ASCII
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
# Far above any real quantity; bounds the work on hostile digits.
_LONGEST = 64
# What is more overflows the 64 bits that a node reads a quantity into, and is 0 or less there (`resource.Quantity.Value`);
# what is nearly as much the kernel takes for no limit (`PAGE_COUNTER_MAX`, here with pages of 64 KiB).
_ENDLESS = 2**63 - 2**16


def parse_quantity(value: str | float) -> Fraction:
    """Return the exact value of a quantity, in its base unit (bytes, cores).

    Raises BadQuantity for anything that the API server would not accept either, and for more than 64 characters.
    """
    if isinstance(value, str):
        return _parse(value)
    if isinstance(value, bool):
        raise BadQuantity("a boolean")
    if isinstance(value, int) and value.bit_length() > 3 * _LONGEST:
        # Python refuses to write out a number of thousands of digits.
        raise BadQuantity("a number of hundreds of digits")
    return _parse(str(value))


# The same few quantities come with every pod. What raises is not kept.
@lru_cache(maxsize=1024)
def _parse(text: str) -> Fraction:
    match = _SYNTAX.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise BadQuantity(text)
    sign, digits, suffix, exponent = match.groups()
    number = Fraction(digits if not digits.endswith(".") else digits + "0")
    if suffix in _BINARY:
        number *= 2 ** _BINARY[suffix]
    elif suffix:
        number *= Fraction(10) ** _DECIMAL[suffix]
    elif exponent:
        number *= Fraction(10) ** int(exponent)
    return -number if sign == "-" else number


def bounds(value: str | float) -> bool:
    """Return whether a quantity bounds anything on a node: it is above 0, and below 8Ei, from where on nothing counts it.

    Raises BadQuantity like `parse_quantity`.
    """
    if isinstance(value, str) and len(value) <= _LONGEST:
        return _bounds(value)
    return 0 < parse_quantity(value) < _ENDLESS


def ordinary(value: str | float | None) -> bool:
    """Whether a quantity bounds something and is whole in its base unit; False for what is none as well."""
    return isinstance(value, str) and len(value) <= _LONGEST and _ordinary(value)


@lru_cache(maxsize=1024)
def _ordinary(text: str) -> bool:
    try:
        number = _parse(text)
    except BadQuantity:
        return False
    return 0 < number < _ENDLESS and number.denominator == 1


# Comparing fractions costs ten times as much as looking it up.
@lru_cache(maxsize=1024)
def _bounds(text: str) -> bool:
    return 0 < _parse(text) < _ENDLESS
