"""Certificates for tests: an authority, and directories as the kubelet mounts them."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_NAME = "stridegate-webhook.stridegate-system.svc"
DAY = dt.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM form."""

    certificate: bytes
    key: bytes


class Authority:
    """An authority that signs leaves for the webhook's Service."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            _begun(self._name, self._name, self._key, -DAY, 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def bundle(self) -> bytes:
        """The authority's certificate in PEM form."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def leaf(
        self,
        key: Key | None = None,
        *,
        name: str = SERVER_NAME,
        since: dt.timedelta = -DAY,
        until: dt.timedelta = 30 * DAY,
    ) -> Pair:
        """Return a leaf for a name, valid from and to so long from now."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _begun(x509.Name([]), self._name, own, since, until)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return _pair(certificate, own)

    def client(self, name: str, *, dns_names: tuple[str, ...] = (), until: dt.timedelta = 30 * DAY) -> Pair:
        """Return a certificate for a caller with a common name."""
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _begun(subject, self._name, own, -2 * DAY, until).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        if dns_names:
            names = x509.SubjectAlternativeName([x509.DNSName(each) for each in dns_names])
            builder = builder.add_extension(names, critical=False)
        return _pair(builder.sign(self._key, hashes.SHA256()), own)

    def client_context(self) -> ssl.SSLContext:
        """Return a client's side that trusts this authority."""
        return ssl.create_default_context(cadata=self.bundle.decode())


def _pair(certificate: x509.Certificate, key: Key) -> Pair:
    pem = serialization.Encoding.PEM
    return Pair(
        certificate.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: Key, since: dt.timedelta, until: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
    )


def rsa_key() -> Key:
    """Return a key of the other type."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Mount:
    """A Secret's directory: its files are links into a folder that is switched as a whole, as the kubelet does it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._generation = 0
        directory.mkdir(parents=True)

    def write(self, pair: Pair, bundle: bytes) -> None:
        """Switch to other content."""
        self.write_files({"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": bundle})

    def write_files(self, files: dict[str, bytes]) -> None:
        """Switch to other files."""
        self._generation += 1
        folder = self.directory / f"..generation-{self._generation}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
            link = self.directory / name
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name)
        new = self.directory / "..data_tmp"
        new.symlink_to(folder.name)
        os.replace(new, self.directory / "..data")  # noqa: PTH105 - replaces a link, not what it leads to


def mounted(directory: Path, authority: Authority) -> Mount:
    """Return a directory with a good leaf of an authority."""
    mount = Mount(directory)
    mount.write(authority.leaf(), authority.bundle)
    return mount
