"""Go durations, as Kubernetes writes them in flags and files (Go `time.ParseDuration`)."""

from __future__ import annotations

import re
from fractions import Fraction

_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SECONDS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),  # U+00B5, the micro sign
    "μs": Fraction(1, 10**6),  # U+03BC, the Greek letter
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
# Far above any real duration; bounds the work on hostile digits.
_LONGEST = 64


def parse_duration(value: object) -> Fraction | None:
    """Return a duration in seconds, exactly, such as 5400 for `1h30m`; None for what is no duration.

    Go wants a unit with every number but 0, and accepts a sign.
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    sign, rest = (-1, value[1:]) if value.startswith("-") else (1, value.removeprefix("+"))
    if rest == "0":
        return Fraction(0)
    total, at = Fraction(0), 0
    while (part := _PART.match(rest, at)) is not None:
        number, unit = part.groups()
        total += Fraction(number.rstrip(".")) * _SECONDS[unit]
        at = part.end()
    return sign * total if rest and at == len(rest) else None
