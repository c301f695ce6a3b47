"""What the webhook refuses, each as an error that owns its sentence.

WebhookError
├── LargeBody              a body of more bytes than any review has
├── NoRoom                 a body for which those that are being read leave no room
├── UnreadableReview       the body is no AdmissionReview v1: there is no uid to answer to, so HTTP itself says no
├── CannotJudge            a review that can be read, about something that cannot be judged
│   ├── UnknownSubject     a kind, subresource or operation that the webhook knows nothing about
│   ├── UnreadableObject   an object that is missing, or not of the shape that Kubernetes gives its kind
│   └── BrokenJudgement    a mistake of our own
├── BadEmbedder            a further kind that embeds pods cannot be what it is said to be
└── BadCertificate         a key, certificate or bundle that must not be served with
"""

from __future__ import annotations


class WebhookError(Exception):
    """Anything the webhook refuses."""


class LargeBody(WebhookError):
    """A body has more bytes than any review."""

    def __init__(self, most: int) -> None:
        super().__init__(f"body: wanted at most {most} bytes, got more")


class NoRoom(WebhookError):
    """A body would take more memory than the bodies that are being read may have together."""

    def __init__(self, most: int) -> None:
        super().__init__(f"too many large bodies at once: wanted at most {most} bytes of them")


class UnreadableReview(WebhookError):
    """The body of a request is no AdmissionReview of admission.k8s.io/v1."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"body: wanted an AdmissionReview of admission.k8s.io/v1, got something else: {reason}")


class CannotJudge(WebhookError):
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


class BadEmbedder(WebhookError):
    """What the webhook is told about a further kind that embeds pods cannot be."""

    def __init__(self, got: str, wanted: str) -> None:
        super().__init__(f"template: wanted {wanted}, got {got!r}")


class BadCertificate(WebhookError):
    """A key, certificate or bundle must not be served with."""

    def __init__(self, file: str, wanted: str, got: str) -> None:
        super().__init__(f"{file}: wanted {wanted}, got {got}")
