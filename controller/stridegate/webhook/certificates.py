"""The certificate that the webhook serves: read from a directory, proven before it is served, replaced without a lost connection."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from stridegate.webhook.errors import BadCertificate

_log = logging.getLogger(__name__)

_FILES = ("tls.crt", "tls.key", "ca.crt")
# The kubelet refreshes Secret mounts within 90 s; looking costs three small reads.
_LOOK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A pair that has been proven: what is served with it, and what verifies it; times are Unix times."""

    serving: ssl.SSLContext
    verifying: ssl.SSLContext
    fingerprint: str
    expires: float
    authority_expires: float


class CertificateStore:
    """Keeps the newest good certificate of a directory in service.

    Each handshake is given the context that is current: loading a new pair into the live one would keep serving the old
    certificate when the key type changes.
    """

    def __init__(self, directory: Path, server_name: str, client_authority: Path | None = None) -> None:
        self.current: Certificate | None = None
        self.rotations = 0
        self.failures = 0
        self.problem = "no certificate has been read yet"
        # Whether a certificate is asked for is settled here, by what it is verified in the context that is switched to.
        self.context = serving_context(callers=client_authority is not None)
        self.context.sni_callback = self._choose
        self._directory = directory
        self._server_name = server_name
        self._client_authority = client_authority
        self._refused = ""

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        if self.current is not None:
            connection.context = self.current.serving

    async def watch(self) -> None:
        """Look for a change every second, for ever. What cannot be served is counted and told; the last good one stays."""
        while True:
            self.refresh()
            await asyncio.sleep(_LOOK)

    def refresh(self) -> None:
        """Take over what the directory has, if it is new and good. What was refused is tried again: a clock may have been wrong."""
        fingerprint = ""
        try:
            fingerprint = _fingerprint(self._directory, self._client_authority)
            if self.current is None or fingerprint != self.current.fingerprint:
                self.current = load(self._directory, self._server_name, fingerprint, self._client_authority)
                self.rotations += 1
                _log.info("certificate in service", extra={"expires": self.current.expires})
        except (BadCertificate, OSError) as problem:
            self._refuse(fingerprint, str(problem))
        else:
            self.problem = self._refused = ""

    def _refuse(self, fingerprint: str, problem: str) -> None:
        """Tell once why something was not taken over."""
        self.problem = problem
        if self._refused != fingerprint + problem:
            self._refused = fingerprint + problem
            self.failures += 1
            _log.warning("certificate not taken over", extra={"problem": problem})


def serving_context(*, callers: bool = False) -> ssl.SSLContext:
    """Return a context for the server's side: TLS 1.3 alone, HTTP/1.1, no tickets (the API server resumes no session).

    With `callers` it asks for a certificate. Whoever shows none is not cut off without a word, but told by HTTP.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["http/1.1"])
    if callers:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def load(directory: Path, server_name: str, fingerprint: str = "", client_authority: Path | None = None) -> Certificate:
    """Return the certificate of a directory; what callers show is verified by `client_authority`, a file of certificates in PEM form.

    Raises BadCertificate where key and certificate do not belong together, or no client would accept them by the
    bundle, the name and the dates: proven by a handshake in memory.
    """
    # A Secret mount is a link that is switched as a whole: what it leads to now belongs together.
    files = {name: (directory / name).resolve(strict=True) for name in _FILES}
    serving = serving_context(callers=client_authority is not None)
    if client_authority is not None:
        _trust(serving, client_authority, client_authority.name)
    try:
        serving.load_cert_chain(files["tls.crt"], files["tls.key"], password=_no_password)
    except (ssl.SSLError, ValueError) as problem:
        raise BadCertificate(
            "tls.crt", "a certificate and the key in tls.key that belongs to it", str(problem)
        ) from problem
    verifying = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    verifying.minimum_version = ssl.TLSVersion.TLSv1_3
    _trust(verifying, files["ca.crt"], "ca.crt")
    leaf = _handshake(serving, verifying, server_name)
    authorities = [_expiry(each) for each in verifying.get_ca_certs()]
    return Certificate(
        serving=serving,
        verifying=verifying,
        fingerprint=fingerprint,
        expires=_expiry(leaf),
        authority_expires=max(authorities, default=0.0),
    )


def _trust(context: ssl.SSLContext, bundle: Path, name: str) -> None:
    try:
        context.load_verify_locations(bundle)
    except ssl.SSLError as problem:
        raise BadCertificate(name, "certificates in PEM form", str(problem)) from problem


def _no_password() -> str:
    """Stand in for a prompt: an encrypted key must not make the process wait for a person."""
    return ""


def _fingerprint(directory: Path, client_authority: Path | None) -> str:
    digest = hashlib.sha256()
    for file in (*(directory / name for name in _FILES), *([client_authority] if client_authority else ())):
        content = file.read_bytes()
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()


def _handshake(serving: ssl.SSLContext, verifying: ssl.SSLContext, server_name: str) -> dict[str, object]:
    """Let a client that trusts the bundle meet the server in memory; return the certificate it accepted."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = verifying.wrap_bio(to_client, to_server, server_hostname=server_name)
    waiting = [client, server]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
        except ssl.SSLCertVerificationError as problem:
            wanted = f"a certificate for {server_name} that ca.crt verifies today"
            raise BadCertificate("tls.crt", wanted, problem.verify_message) from problem
        except ssl.SSLError as problem:
            raise BadCertificate("tls.crt", "a certificate that TLS 1.3 can be spoken with", str(problem)) from problem
    return dict(client.getpeercert() or {})


def _expiry(certificate: object) -> float:
    after = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return float(ssl.cert_time_to_seconds(after)) if isinstance(after, str) else 0.0
