"""From the bytes of a request to a typed review: the one place where anything is decoded, and where decoding may fail."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from stridegate.admission.errors import UnreadableObject, UnreadableReview
from stridegate.kube.shapes import UNDECODABLE

# The field names are those of admission.k8s.io/v1.
# ruff: noqa: N815

T = TypeVar("T")

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

_ABSENT = msgspec.Raw(b"null")


class GroupVersionKind(msgspec.Struct, frozen=True, gc=False):
    """metav1.GroupVersionKind."""

    group: str = ""
    version: str = ""
    kind: str = ""


class GroupVersionResource(msgspec.Struct, frozen=True, gc=False):
    """metav1.GroupVersionResource."""

    group: str = ""
    version: str = ""
    resource: str = ""


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """authentication.k8s.io/v1.UserInfo, of which only names matter here."""

    username: str | None = None
    groups: tuple[str, ...] | None = None


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """admission.k8s.io/v1.AdmissionRequest; the objects are still as they came."""

    uid: str
    kind: GroupVersionKind = GroupVersionKind()
    resource: GroupVersionResource = GroupVersionResource()
    subResource: str | None = None
    name: str | None = None
    namespace: str | None = None
    operation: str = ""
    userInfo: UserInfo = UserInfo()
    object: msgspec.Raw = _ABSENT
    oldObject: msgspec.Raw = _ABSENT
    dryRun: bool | None = None


class _Review(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    apiVersion: str = ""
    kind: str = ""
    request: Request


_reviews = msgspec.json.Decoder(_Review)


def read_review(body: bytes) -> Request:
    """Return the request that a review carries.

    Raises UnreadableReview for everything that is no AdmissionReview of the one version there is.
    """
    try:
        review = _reviews.decode(body)
    except UNDECODABLE as problem:
        raise UnreadableReview(str(problem)) from problem
    if review.apiVersion != API_VERSION or review.kind != KIND:
        raise UnreadableReview(f"{review.kind[:60]!r} of {review.apiVersion[:60]!r}")
    return review.request


def read_object(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], *, kind: str, field: str) -> T:
    """Return an object of a review in its shape.

    Raises UnreadableObject where it is absent or has another shape.
    """
    try:
        return decoder.decode(raw)
    except UNDECODABLE as problem:
        raise UnreadableObject(kind, field, str(problem) or "nested too deeply") from problem
