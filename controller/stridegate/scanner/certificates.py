"""Certificates as rules get them: from PEM files, from kubeconfigs, and from the wire."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from stridegate.model.nodes.answers import Certificate
from stridegate.model.nodes.queries import Syntax
from stridegate.scanner.documents import document
from stridegate.scanner.errors import Barred

_BLOCK = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----", re.DOTALL
)
# The most certificates of one file: the CA bundle of a distribution has about 150.
_MOST = 500


def certificates_in(path: str, content: bytes) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file, or of the client certificates inside a kubeconfig. Raises Barred."""
    blocks = _BLOCK.findall(content)
    if not blocks and b"client-certificate-data" in content:
        blocks = [block for data in _inside(path, content) for block in _BLOCK.findall(data)]
    if len(blocks) > _MOST:
        raise Barred(path, f"holds more than {_MOST} certificates")
    return tuple(_of_pem(path, block) for block in blocks)


def certificate_of(path: str, der: bytes) -> Certificate:
    """Return a certificate as rules get it, from its DER form. Raises Barred."""
    try:
        return _told(x509.load_der_x509_certificate(der))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Barred(path, "shows a certificate that does not parse") from error


def _inside(path: str, content: bytes) -> list[bytes]:
    config = document(path, content.decode(errors="replace"), Syntax.YAML)
    users = config.get("users") if isinstance(config, dict) else None
    named = [each.get("user") for each in users if isinstance(each, dict)] if isinstance(users, list) else []
    found = [user.get("client-certificate-data") for user in named if isinstance(user, dict)]
    try:
        return [b64decode(data) for data in found if isinstance(data, str)]
    except NotBase64 as error:
        raise Barred(path, "has client-certificate-data that is no base64") from error


def _of_pem(path: str, block: bytes) -> Certificate:
    try:
        return _told(x509.load_pem_x509_certificate(block))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Barred(path, "holds a certificate that does not parse") from error


def _told(found: x509.Certificate) -> Certificate:
    kind, bits = _key_of(found)
    hashed = found.signature_hash_algorithm
    return Certificate(
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        organizations=tuple(
            str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        ),
        alternative_names=_alternative_names(found),
        not_before=found.not_valid_before_utc.timestamp(),
        not_after=found.not_valid_after_utc.timestamp(),
        key_kind=kind,
        key_bits=bits,
        signature_hash=hashed.name if hashed else "",
        authority=_is_authority(found),
        digest=found.fingerprint(hashes.SHA256()).hex(),
        key_digest=_digest(found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    )


def _digest(data: bytes) -> str:
    taken = hashes.Hash(hashes.SHA256())
    taken.update(data)
    return taken.finalize().hex()


def _key_of(found: x509.Certificate) -> tuple[str, int]:
    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA", key.curve.key_size
    return type(key).__name__.removesuffix("PublicKey").strip("_"), 0


def _alternative_names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        str(each.value)
        for each in names
        if isinstance(each, x509.DNSName | x509.IPAddress | x509.RFC822Name | x509.UniformResourceIdentifier)
    )


def _is_authority(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
