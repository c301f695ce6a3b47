"""Who may call the webhook: anybody, or whoever shows a certificate of one authority for one of some names.

Whoever may not call gets a sentence and no connection: he never takes the place of somebody who may.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from stridegate.model.texts import clean

_log = logging.getLogger(__name__)

# Strangers that are yet to be told so, at a time; beyond, the oldest goes untold.
_MOST = 64
# Seconds that a stranger has to ask: the operator and our own test shake hands and ask nothing.
_PATIENCE = 2.0
# Seconds between two lines of the log for the same reason; the metric counts all.
_SILENCE = 60.0
_NAME_RUNES = 128
# As text, which the API server shows to whoever made the request (client-go `newUnstructuredResponseError`).
_REFUSAL = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


class Strangers(enum.Enum):
    """What becomes of whoever calls without the certificate that is wanted."""

    REFUSE = "refuse"
    # Answered all the same: to see who would be refused, before it is done.
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Who may call: the file with the authority's certificates, in PEM form, and the names that one of its certificates may have."""

    authority: Path
    names: frozenset[str]
    strangers: Strangers = Strangers.REFUSE


class Objection(enum.Enum):
    """Why a caller is turned away."""

    NONE = "no-certificate"
    UNVERIFIED = "unverified"
    NAME = "name"


class Callers:
    """Tells callers from strangers, and counts these."""

    def __init__(self, admitted: Admitted | None = None) -> None:
        self._admitted = admitted
        self.counted: Counter[Objection] = Counter()
        self._told: dict[Objection, float] = {}
        self._strangers: dict[_Doorway, None] = {}

    def let_in(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """Return what a new connection is to begin with: the protocol itself where anybody may call."""
        if self._admitted is None:
            return protocol
        return _Doorway(protocol, self._admitted, self._strangers, self.note)

    def note(self, objection: Objection, detail: str = "") -> None:
        """Count a stranger, and say so in the log, for each reason once a minute."""
        self.counted[objection] += 1
        now = asyncio.get_running_loop().time()
        if now >= self._told.get(objection, 0.0):
            self._told[objection] = now + _SILENCE
            facts = {"reason": objection.value, "problem": clean(detail, _NAME_RUNES)}
            _log.warning("a stranger called", extra=facts)


class _Doorway(asyncio.Protocol):
    """Looks at the certificate of a connection before its protocol sees anything of it."""

    def __init__(
        self,
        protocol: asyncio.Protocol,
        admitted: Admitted,
        strangers: dict[_Doorway, None],
        note: Callable[[Objection, str], None],
    ) -> None:
        self._protocol = protocol
        self._admitted = admitted
        self._strangers = strangers
        self._note = note
        self._transport: asyncio.Transport | None = None
        self._objection: tuple[Objection, str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the connection to its protocol, or wait for the stranger's question: whoever has none is no stranger worth a word."""
        # Not every loop's transports say what they are.
        connection = cast("asyncio.Transport", transport)
        self._objection = self._judged(connection.get_extra_info("peercert"))
        if self._objection is None:
            self._pass_on(connection)
            return
        self._transport = connection
        if len(self._strangers) >= _MOST:
            next(iter(self._strangers)).leave()
        self._strangers[self] = None
        asyncio.get_running_loop().call_later(_PATIENCE, self.leave)

    def _pass_on(self, connection: asyncio.Transport) -> None:
        connection.set_protocol(self._protocol)
        self._protocol.connection_made(connection)

    def data_received(self, data: bytes) -> None:
        """Answer and close, whatever is asked; or pass the question on where strangers are only counted."""
        if self._transport is None or self._objection is None or self not in self._strangers:
            return
        self._strangers.pop(self)
        objection, sentence = self._objection
        self._note(objection, sentence)
        if self._admitted.strangers is Strangers.COUNT:
            connection, self._transport = self._transport, None
            self._pass_on(connection)
            self._protocol.data_received(data)
            return
        body = sentence.encode()
        self._transport.write((_REFUSAL % len(body)).encode() + body)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        """End."""
        self._strangers.pop(self, None)

    def leave(self) -> None:
        """End at once."""
        self._strangers.pop(self, None)
        if self._transport is not None:
            self._transport.abort()

    def _judged(self, certificate: Mapping[str, object] | None) -> tuple[Objection, str] | None:
        wanted = " or ".join(sorted(self._admitted.names))
        if not certificate:
            return Objection.NONE, f"client certificate: wanted one for {wanted}, got none"
        names = certified_names(certificate)
        if self._admitted.names.isdisjoint(names):
            got = clean(", ".join(names) or "no name", _NAME_RUNES)
            return Objection.NAME, f"client certificate: wanted one for {wanted}, got one for {got}"
        return None


def certified_names(certificate: Mapping[str, object]) -> list[str]:
    """Return the names in a certificate that was verified: the subject's common name, and every DNS name.

    `certificate` is as `ssl.SSLObject.getpeercert` describes it.
    """
    subject = cast("Sequence[Sequence[tuple[str, str]]]", certificate.get("subject", ()))
    alternatives = cast("Sequence[tuple[str, str]]", certificate.get("subjectAltName", ()))
    names = [value for part in subject for kind, value in part if kind == "commonName"]
    names += [value for kind, value in alternatives if kind == "DNS"]
    return list(dict.fromkeys(names))
