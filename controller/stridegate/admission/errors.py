"""What judging a request refuses, each as an error that owns its sentence.

AdmissionError
├── UnreadableReview       a text is no AdmissionReview v1: there is no uid to answer to
├── CannotJudge            a review that can be read, about something that cannot be judged
│   ├── UnknownSubject     a kind, subresource or operation that no rule knows anything about
│   ├── UnreadableObject   an object that is missing, or not of the shape that Kubernetes gives its kind
│   └── BrokenJudgement    a mistake of our own
└── BadEmbedder            a further kind that embeds pods cannot be what it is said to be
"""

from __future__ import annotations


class AdmissionError(Exception):
    """Anything that judging a request refuses."""


class UnreadableReview(AdmissionError):
    """The body of a request is no AdmissionReview of admission.k8s.io/v1."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"body: wanted an AdmissionReview of admission.k8s.io/v1, got something else: {reason}")


class CannotJudge(AdmissionError):
    """Something in a review cannot be judged; validation never allows it."""


class UnknownSubject(CannotJudge):
    """A review is about something that no rule looks at and no list names."""

    def __init__(self, what: str, operation: str) -> None:
        super().__init__(f"cannot judge {operation} of {what}: Stridegate does not know it")


class UnreadableObject(CannotJudge):
    """An object is not there, or not of the shape that Kubernetes gives its kind."""

    def __init__(self, kind: str, field: str, reason: str) -> None:
        super().__init__(f"cannot judge this {kind}: {field}: {reason}")


class BrokenJudgement(CannotJudge):
    """Our own mistake. The log has the details under the correlation id; the author of the request gets none."""

    def __init__(self, correlation: str) -> None:
        super().__init__(
            f"could not be evaluated: a fault of Stridegate's own; its log has the details under {correlation}"
        )


class BadEmbedder(AdmissionError):
    """What the webhook is told about a further kind that embeds pods cannot be."""

    def __init__(self, got: str, wanted: str) -> None:
        super().__init__(f"template: wanted {wanted}, got {got!r}")
