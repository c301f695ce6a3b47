"""Judging certificates: whether they are still valid, and which of them mean the same authority."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.nodes.answers import Certificate

_DAY = 86_400


def days_left(certificate: Certificate, now: float) -> int:
    """Return the whole days until a certificate ends, negative once it has ended; `now` is Unix time in seconds."""
    return int((certificate.not_after - now) // _DAY)


def is_valid(certificate: Certificate, now: float) -> bool:
    """Tell whether a certificate is valid at a time in Unix seconds."""
    return certificate.not_before <= now <= certificate.not_after


def is_issued_by(certificate: Certificate, authorities: Iterable[Certificate]) -> bool:
    """Tell whether one of the authorities has the name that a certificate's issuer has, or is the certificate itself."""
    return any(certificate.issuer == each.subject or certificate.digest == each.digest for each in authorities)


def shown_certificate(
    *, subject: str = "CN=example", issuer: str = "CN=kubernetes", digest: str = "a" * 64
) -> Certificate:
    """Return a certificate for an example, valid from 0 to 10,000 seconds of Unix time."""
    return Certificate(
        subject=subject,
        issuer=issuer,
        organizations=(),
        alternative_names=(),
        not_before=0,
        not_after=10_000,
        key_kind="RSA",
        key_bits=2048,
        signature_hash="sha256",
        authority=subject == issuer,
        digest=digest,
        key_digest=digest,
    )
