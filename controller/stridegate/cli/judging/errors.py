"""What a check cannot be run with, each as an error that owns its sentence.

CheckError
├── BadStandard   a policy or exemption that cannot be read, or a file that holds none
└── BadBaseline   a baseline that cannot be read
"""

from __future__ import annotations


class CheckError(Exception):
    """Anything that a check cannot be run with."""


class BadStandard(CheckError):
    """Something that is to be judged by cannot be read; a check by less would be another check."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(f"{place}: {sentence}")


class BadBaseline(CheckError):
    """A baseline is none that this version wrote."""

    def __init__(self, file: str, wanted: str, got: str) -> None:
        super().__init__(f"{file}: wanted {wanted}, got {got}")
