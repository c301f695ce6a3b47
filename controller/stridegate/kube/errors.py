"""What talking to the API server and reading its objects refuses, each as an error that owns its sentence.

KubeError
├── InvalidField       one field of an object does not say what it must
└── InvalidPolicy      a HardeningPolicy that cannot be enforced as it is written
"""

from __future__ import annotations

# Long enough for a quantity or a name, short enough for a condition's message and a log line.
_SHOWN = 60


class KubeError(Exception):
    """Anything this room refuses."""


class InvalidField(KubeError):
    """One field of an object from the API server does not say what it must; an absent one has `got` None."""

    def __init__(self, field: str, wanted: str, got: object) -> None:
        super().__init__(f"{field}: wanted {wanted}, got {_show(got)}")
        self.field = field
        self.wanted = wanted
        self.got = got


class InvalidPolicy(KubeError):
    """A HardeningPolicy that cannot be enforced as it is written; the last good version of it stays in force."""

    def __init__(self, policy: str, problem: InvalidField) -> None:
        super().__init__(f"policy {policy}: {problem}")
        self.policy = policy
        self.field = problem.field
        self.wanted = problem.wanted
        self.got = problem.got


def _show(got: object) -> str:
    """Return a value as a sentence can carry it: hostile characters escaped, containers named and not printed."""
    if got is None:
        return "nothing"
    if isinstance(got, bool):
        return str(got).lower()
    if isinstance(got, int | float):
        return str(got)[:_SHOWN]
    if isinstance(got, str):
        return ascii(got[:_SHOWN])
    names: dict[type, str] = {dict: "a map", list: "a list", tuple: "a list"}
    return names.get(type(got), type(got).__name__)
