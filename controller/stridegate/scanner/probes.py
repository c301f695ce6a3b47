"""What a port of this node shows to somebody without credentials: a TLS handshake, and the status of a GET."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import warnings
from dataclasses import dataclass

from stridegate.model.nodes.answers import Handshake, HttpAnswer
from stridegate.model.nodes.queries import HttpGet, TlsHandshake
from stridegate.scanner.certificates import certificate_of
from stridegate.scanner.errors import Barred, Missing

# Seconds for a connection and for each answer on it, and for an alert after a handshake that TLS 1.3 ends too early.
_PATIENCE = 2.0
_ALERT = 0.3
_VERSIONS = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)
_NAMES = dict(zip(_VERSIONS, ("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"), strict=True))
# Kinds of messages of a handshake, and where in the hello the length of the session's id stands.
_SERVER_HELLO, _CERTIFICATE_REQUEST, _SESSION = 2, 13, 38
# How servers say that they want a certificate: in TLS 1.3 by a word of its own, before by what comes near.
_DEMANDS = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one handshake came to."""

    cipher: str
    certificates: tuple[bytes, ...]
    demands: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Asks ports of this node, and of no other: `addresses` are its own; `loopback` says that 127.0.0.1 is, too."""

    addresses: frozenset[str]
    loopback: bool

    def handshake(self, query: TlsHandshake) -> Handshake:
        """Return the oldest version that a port agrees to, with its cipher and certificates. Raises Missing and Barred."""
        address, what = self._own(query.address, query.port), f"{query.address}:{query.port}"
        sessions: dict[ssl.TLSVersion, Session] = {}
        for version in _VERSIONS:
            session = _session(what, address, query.port, version)
            if session is not None:
                sessions[version] = session
        if not sessions:
            raise Missing(f"TLS at {what}")
        oldest = next(iter(sessions))
        shown = next((each.certificates for each in sessions.values() if each.certificates), ())
        return Handshake(
            oldest_version=_NAMES[oldest],
            cipher=sessions[oldest].cipher,
            certificates=tuple(certificate_of(what, each) for each in shown),
            demands_client_certificate=any(each.demands for each in sessions.values()),
        )

    def get(self, query: HttpGet) -> HttpAnswer:
        """Return the status of a GET; 0 where the server broke off for lack of a client certificate. Raises Missing and Barred."""
        address, what = self._own(query.address, query.port), f"{query.address}:{query.port}{query.path}"
        context = _unverifying()
        connection: http.client.HTTPConnection
        if query.scheme == "https":
            connection = http.client.HTTPSConnection(address, query.port, timeout=_PATIENCE, context=context)
        else:
            connection = http.client.HTTPConnection(address, query.port, timeout=_PATIENCE)
        overheard = _Overheard(context)
        try:
            connection.request("GET", query.path, headers={"User-Agent": "stridegate-scanner", "Connection": "close"})
            return HttpAnswer(status=connection.getresponse().status)
        except ssl.SSLError as error:
            if overheard.asked_for_certificate or _wants_certificate(error):
                return HttpAnswer(status=0)
            raise Barred(what, f"speaks no TLS that could be agreed on ({error.reason})") from error
        except ConnectionRefusedError as error:
            raise Missing(f"a listener at {what}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Barred(what, _why(error)) from error
        finally:
            connection.close()

    def _own(self, address: str, port: int) -> str:
        """Return the address to connect to. Raises Barred for one that is not this node's."""
        try:
            told = ipaddress.ip_address(address)
        except ValueError as error:
            raise Barred(f"{address}:{port}", "is no address") from error
        if told.is_unspecified:
            # Who listens on every address listens on each.
            if self.loopback:
                return "127.0.0.1" if told.version == 4 else "::1"
            if self.addresses:
                return min(self.addresses)
        if told.is_loopback and not self.loopback:
            raise Barred(f"{address}:{port}", "is the host's loopback, which a pod cannot reach")
        if not told.is_loopback and str(told) not in self.addresses:
            raise Barred(f"{address}:{port}", "is no address of this node")
        return str(told)


def _why(error: Exception) -> str:
    return f"does not answer within {_PATIENCE:g} s" if isinstance(error, TimeoutError) else f"{type(error).__name__}"


def _session(what: str, address: str, port: int, version: ssl.TLSVersion) -> Session | None:
    """Return what a handshake with one version came to, None where the server refuses it. Raises Missing and Barred."""
    context = _unverifying(version)
    try:
        with socket.create_connection((address, port), timeout=_PATIENCE) as plain:
            return _shaken(context, plain)
    except ConnectionRefusedError as error:
        raise Missing(f"a listener at {what}") from error
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return None
    except OSError as error:
        raise Barred(what, _why(error)) from error


class _Overheard:
    """What a server says during a handshake, kept for handshakes that it ends for lack of a certificate."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._names = {each["id"] & 0xFFFF: each["name"] for each in context.get_ciphers()}
        self.cipher = ""
        self.asked_for_certificate = False
        # The standard library shows messages nowhere else; OpenSSL servers refuse in TLS 1.2 with the same alert for
        # lack of a certificate as for lack of a common cipher.
        context._msg_callback = self._hear  # type: ignore[attr-defined] # noqa: SLF001 - as said

    def _hear(
        self, _connection: object, direction: str, _version: object, _content: object, kind: int, data: bytes
    ) -> None:
        if direction != "read":
            return
        if kind == _SERVER_HELLO and len(data) > _SESSION:
            # Behind the header, the version and the random number stands the session's id, then the cipher (RFC 5246, 7.4.1.3).
            at = _SESSION + 1 + data[_SESSION]
            self.cipher = self._names.get(int.from_bytes(data[at : at + 2], "big"), "")
        elif kind == _CERTIFICATE_REQUEST:
            self.asked_for_certificate = True


def _shaken(context: ssl.SSLContext, plain: socket.socket) -> Session | None:
    overheard = _Overheard(context)
    try:
        with context.wrap_socket(plain) as secured:
            cipher, shown = secured.cipher(), secured.getpeercert(binary_form=True)
            return Session(
                cipher=cipher[0] if cipher else "",
                certificates=(shown,) if shown else (),
                demands=_demands_afterwards(secured),
            )
    except ssl.SSLError:
        if overheard.asked_for_certificate:
            return Session(cipher=overheard.cipher, certificates=(), demands=True)
        return None


def _demands_afterwards(secured: ssl.SSLSocket) -> bool:
    """Tell whether a server breaks off after the handshake: in TLS 1.3 it learns only then that there is no certificate."""
    secured.settimeout(_ALERT)
    try:
        secured.recv(1)
    except ssl.SSLError as error:
        return _wants_certificate(error)
    except OSError:
        return False
    return False


def _wants_certificate(error: ssl.SSLError) -> bool:
    return any(word in (error.reason or "") for word in _DEMANDS)


def _unverifying(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a context that takes every certificate: it is looked at, and no credential is ever sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # What a modern client would not offer is what is to be found out.
    context.set_ciphers("ALL:@SECLEVEL=0")
    if version is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
    return context
