"""The one place where responses are built: AdmissionReview v1, by hand, with an encoder for each route.

The API server calls it a failed call when validation returns a patch, or when a patch comes without its type; the two
types of response make either impossible.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stridegate.admission.reviews import API_VERSION, KIND
from stridegate.engine.harden import Operation, plain

# The field names are those of admission.k8s.io/v1 and metav1.Status.
# ruff: noqa: N815


class Refusal(enum.Enum):
    """How a denial is meant: its HTTP code and reason in metav1.Status."""

    FORBIDDEN = (403, "Forbidden")
    TOO_LATE = (429, "TooManyRequests")


class _Details(msgspec.Struct, frozen=True, gc=False):
    retryAfterSeconds: int


class _Status(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    status: str
    message: str
    reason: str
    code: int
    details: _Details | None = None


class _Validated(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    uid: str
    allowed: bool
    status: _Status | None = None
    warnings: Sequence[str] = ()
    auditAnnotations: Mapping[str, str] | None = None


class _Mutated(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    uid: str
    allowed: bool
    # Encoded as base64, which is what the field wants.
    patch: bytes | None = None
    patchType: str | None = None
    auditAnnotations: Mapping[str, str] | None = None


class _Review(msgspec.Struct, frozen=True, gc=False):
    apiVersion: str
    kind: str
    response: _Validated | _Mutated


# The values of operations may be read-only maps.
_encode = msgspec.json.Encoder(enc_hook=plain).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the transport sends: an HTTP status and a body; `retry_after` in seconds."""

    status: int
    body: bytes
    retry_after: int | None = None


def allowed(uid: str, warnings: Sequence[str], annotations: Mapping[str, str]) -> Reply:
    """Return the answer of a validation that found nothing to refuse."""
    return _reply(_Validated(uid=uid, allowed=True, warnings=warnings, auditAnnotations=annotations))


def denied(uid: str, message: str, annotations: Mapping[str, str], refusal: Refusal = Refusal.FORBIDDEN) -> Reply:
    """Return the answer of a validation that refuses.

    The API server would turn a code below 400 into 400 and a status of Success into Failure; both are always set.
    """
    code, reason = refusal.value
    details = _Details(1) if refusal is Refusal.TOO_LATE else None
    status = _Status(status="Failure", message=message, reason=reason, code=code, details=details)
    return _reply(_Validated(uid=uid, allowed=False, status=status, auditAnnotations=annotations))


def unpatched(uid: str, annotations: Mapping[str, str]) -> Reply:
    """Return the answer of a mutation that has nothing to change, or could not tell."""
    return _reply(_Mutated(uid=uid, allowed=True, auditAnnotations=annotations))


def patched(uid: str, patch: bytes, annotations: Mapping[str, str]) -> Reply:
    """Return the answer of a mutation with its RFC 6902 patch."""
    return _reply(_Mutated(uid=uid, allowed=True, patch=patch, patchType="JSONPatch", auditAnnotations=annotations))


def encoded(operations: Sequence[Operation]) -> bytes:
    """Return RFC 6902 operations as JSON."""
    return _encode(operations)


def refused(status: int, reason: str, retry_after: int | None = None) -> Reply:
    """Return an answer that is no review: what came was none, or cannot be served now; failurePolicy decides."""
    return Reply(status=status, body=_encode({"error": reason}), retry_after=retry_after)


def _reply(response: _Validated | _Mutated) -> Reply:
    return Reply(status=200, body=_encode(_Review(API_VERSION, KIND, response)))
