"""What the model refuses, each as an error that owns its sentence.

ModelError
├── WrongType          a field of a judged object has a value of another type
├── BadQuantity        a string that is no Kubernetes quantity
├── BadDeclaration     what an author declares on a pod cannot be meant
└── BadCatalogue       a rule's declaration contradicts itself or another's
"""

from __future__ import annotations


class ModelError(Exception):
    """Anything the model refuses."""


class WrongType(ModelError):
    """A field has a value of another type than Kubernetes gives it."""

    def __init__(self, place: str, wanted: str, got: object) -> None:
        super().__init__(f"{place}: wanted {wanted}, got {_type_name(got)}")


class BadQuantity(ModelError):
    """A value is no Kubernetes quantity (apimachinery `resource.Quantity`)."""

    def __init__(self, got: str) -> None:
        super().__init__(f"wanted a quantity such as 256Mi, got {got[:60]!r}")


class BadDeclaration(ModelError):
    """An annotation in which an author declares something about a pod says what cannot be meant."""

    def __init__(self, got: str, wanted: str) -> None:
        self.got = got[:60]
        self.wanted = wanted
        super().__init__(f"{self.got!r} must {wanted}")


class BadCatalogue(ModelError):
    """A rule's declaration contradicts itself or another rule's."""

    def __init__(self, slug: str, reason: str) -> None:
        super().__init__(f"rule {slug}: {reason}")


def _type_name(value: object) -> str:
    names: dict[type, str] = {
        dict: "a map",
        list: "a list",
        tuple: "a list",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
