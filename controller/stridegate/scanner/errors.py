"""What stops the scanner from knowing something, each as an error that owns its sentence.

ScannerError
├── Missing            what was asked for is not there
├── Barred             it may be there, and could not be read
│   ├── OutOfView      it is outside of what this process may look at
│   └── Stalled        file systems of the host do not answer
├── BrokenWorker       a process that looks at the host in place of this one broke: a defect of ours
├── BadQuestion        a message from the other container is no query, or no answer
└── NoReader           the container that reads files does not answer
"""

from __future__ import annotations


class ScannerError(Exception):
    """Anything this room refuses."""


class Missing(ScannerError):
    """What was asked for is not there."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what}: absent")


class Barred(ScannerError):
    """What was asked for may be there, and could not be read. `reason` never quotes contents."""

    def __init__(self, what: str, reason: str) -> None:
        self.what = what
        self.reason = reason
        super().__init__(f"{what}: {reason}")


class OutOfView(Barred):
    """A path leads to what is not mounted where this process looks."""

    def __init__(self, what: str, target: str) -> None:
        super().__init__(
            what,
            "is not mounted in the scanner"
            if what == target
            else f"leads to {target}, which is not mounted in the scanner",
        )


class Stalled(Barred):
    """File systems of the host do not answer, or the process that asked them is gone."""


class BrokenWorker(ScannerError):
    """A process that looks at the host in place of this one broke: a defect of ours."""

    def __init__(self, trace: str) -> None:
        super().__init__(f"wanted an answer of the process that looks at the host, got this error in it:\n{trace}")


class BadQuestion(ScannerError):
    """A message from the other container is no query, or no answer."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"wanted a query or an answer as JSON, got {reason}")


class NoReader(ScannerError):
    """The container that reads files does not answer."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(f"{path}: wanted an answer from the reader, got {reason}")
