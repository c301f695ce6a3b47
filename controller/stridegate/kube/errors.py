"""What talking to the API server and reading its objects refuses, each as an error that owns its sentence.

KubeError
├── InvalidField       one field of an object does not say what it must
├── InvalidPolicy      a HardeningPolicy that cannot be enforced as it is written
├── InvalidExemption   a HardeningExemption that cannot be honoured as it is written
├── NoAccess           no cluster is named that could be talked to
├── Unreachable        the API server did not answer
├── Oversized          an answer is larger than there is room for
└── Refused            the API server answered a request with an error
    ├── NotFound       the object does not exist, or its kind is not served
    ├── Conflict       the object changed since it was read
    ├── Expired        the pages of a list outlived what the API server remembers
    └── Denied         the account may not, or admission refused
"""

from __future__ import annotations

from http import HTTPStatus

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


class InvalidExemption(KubeError):
    """A HardeningExemption that cannot be honoured as it is written; it exempts nothing."""

    def __init__(self, exemption: str, problem: InvalidField) -> None:
        super().__init__(f"exemption {exemption}: {problem}")
        self.exemption = exemption
        self.field = problem.field
        self.wanted = problem.wanted
        self.got = problem.got


class NoAccess(KubeError):
    """Neither a kubeconfig nor a pod's service account says which cluster to talk to."""

    def __init__(self, source: str, reason: object) -> None:
        super().__init__(f"{source}: wanted access to a cluster, got {reason}")


class Unreachable(KubeError):
    """The API server did not answer in time, or not at all."""

    def __init__(self, request: str, reason: object) -> None:
        super().__init__(f"{request}: no answer from the API server ({reason})")


class Oversized(KubeError):
    """An answer of the API server is larger than there is room for."""

    def __init__(self, request: str, most: int) -> None:
        super().__init__(f"{request}: wanted at most {most} bytes, got more")


class Refused(KubeError):
    """The API server answered a request with an error; `message` is its own sentence (metav1.Status)."""

    def __init__(self, request: str, code: int, message: str) -> None:
        super().__init__(f"{request}: the API server answered {code}: {message}")
        self.code = code
        self.message = message

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered soon: the API server is busy, or not itself, and says nothing of the request."""
        return self.code == HTTPStatus.TOO_MANY_REQUESTS or self.code >= HTTPStatus.INTERNAL_SERVER_ERROR


class NotFound(Refused):
    """The object does not exist, or its kind is not served."""


class Conflict(Refused):
    """The object changed since it was read: somebody else is at work, so look again before writing."""


class Expired(Refused):
    """The pages of a list outlived what the API server remembers.

    `rest` is its offer to list what is left as it is now; empty where it makes none.
    """

    def __init__(self, request: str, code: int, message: str, rest: str) -> None:
        super().__init__(request, code, message)
        self.rest = rest


class Denied(Refused):
    """The account may not do this, or admission refused it."""


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
