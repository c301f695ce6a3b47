"""What the webhook refuses, each as an error that owns its sentence.

WebhookError
├── LargeBody        a body of more bytes than any review has
├── NoRoom           a body for which those that are being read leave no room
└── BadCertificate   a key, certificate or bundle that must not be served with
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


class BadCertificate(WebhookError):
    """A key, certificate or bundle must not be served with."""

    def __init__(self, file: str, wanted: str, got: str) -> None:
        super().__init__(f"{file}: wanted {wanted}, got {got}")
