"""What stops the operator, each as an error that owns its sentence.

OperatorError
├── BadWebhooksFile    the file with the webhook entries to arm cannot be used
├── BadGuardFile       the file with a guard as it must be cannot be used
└── NotActive          another replica holds the Lease, so this one must not write
"""

from __future__ import annotations


class OperatorError(Exception):
    """Anything this room refuses."""


class BadWebhooksFile(OperatorError):
    """The file with the webhook entries to arm cannot be used."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(
            f"{path}: wanted the webhook entries as JSON with the keys validating and mutating, got {reason}"
        )


class BadGuardFile(OperatorError):
    """The file with a guard, of exemptions or of reports, as it must be cannot be used."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(f"{path}: wanted a guard as JSON with the keys policy and binding, got {reason}")


class NotActive(OperatorError):
    """Another replica holds the Lease, or this one could not renew it in time."""

    def __init__(self, identity: str) -> None:
        super().__init__(f"replica {identity}: wanted to hold the Lease before writing, got another holder")
