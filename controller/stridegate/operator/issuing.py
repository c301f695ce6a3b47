"""What certificates are made of: making them, reading them, and telling who issued which."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from stridegate.operator.certificates import AUTHORITY_LIFETIME, BACKDATED, LEAF_LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def service_names(service: str, namespace: str) -> tuple[str, ...]:
    """Return the names of a Service, the one that the API server asks for first."""
    return (
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.cluster.local",
        f"{service}.{namespace}",
        service,
    )


def create_authority(now: dt.datetime) -> Pair:
    """Return a new CA, which signs leaves only. ECDSA P-256: a handshake costs the webhook a tenth of what RSA would."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # A name of its own, so that a verifier with several CAs never mistakes one for another.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Stridegate webhook CA {serial:x}"[:40])])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now - BACKDATED + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate=certificate, key=key)


def issue_leaf(authority: Pair, names: Sequence[str], now: dt.datetime) -> Pair:
    """Return a new server certificate for the names. It never outlives its CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    issuer = authority.certificate
    certificate = (
        x509.CertificateBuilder(
            issuer_name=issuer.subject,
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
        )
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now - BACKDATED + LEAF_LIFETIME, issuer.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(certificate=certificate, key=key)


def write_certificates(certificates: Iterable[x509.Certificate]) -> bytes:
    """Return certificates as PEM."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def write_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a key as PEM (PKCS 8, not encrypted: a Secret holds it)."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM document, none where it cannot be read: what others broke is replaced, not obeyed."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, UnsupportedAlgorithm):
        return ()


def read_pair(certificate: bytes, key: bytes) -> Pair | None:
    """Return the first certificate of a PEM document with its key; None where either is missing, broken or belongs to something else."""
    certificates = read_certificates(certificate)
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not certificates or not isinstance(private, ec.EllipticCurvePrivateKey):
        return None
    if certificates[0].public_key() != private.public_key():
        return None
    return Pair(certificate=certificates[0], key=private)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return what a certificate is known by: its SHA-256, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def issuer_of(
    leaf: x509.Certificate, authorities: Mapping[str, x509.Certificate], name: str, now: dt.datetime
) -> str | None:
    """Return the fingerprint of the CA that a server's certificate verifies against, as a TLS client would verify it; None where there is none."""
    for known, authority in authorities.items():
        try:
            verifier = PolicyBuilder().store(Store([authority])).time(now).build_server_verifier(x509.DNSName(name))
            verifier.verify(leaf, [])
        except (VerificationError, ValueError, UnsupportedAlgorithm):
            continue
        return known
    return None
