"""Whether this replica may be sent reviews, and what is missing while it may not.

Only what is this replica's own fault counts: a condition that one fault outside can fail in every replica would turn
that fault into a cluster in which no pod can be created.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Iterator

from stridegate.webhook.certificates import CertificateStore
from stridegate.webhook.feeds import Feed
from stridegate.webhook.live import LivePolicySet
from stridegate.webhook.pod_index import PodIndex
from stridegate.webhook.server import Server

_log = logging.getLogger(__name__)

_INTERVAL = 10.0
_RETRY = 0.2
_PATIENCE = 2.0
# After so many tests in a row without a handshake the port counts as dead. One may well be missed by a replica that has
# more to do than it can: all of them have then, and if all left the endpoints no pod could be created.
_MISSES = 3


class SelfTest:
    """Calls our own port as the API server would, and checks the certificate that answers."""

    def __init__(self, certificates: CertificateStore, server: Server, server_name: str) -> None:
        self.problem = "no handshake with our own port yet"
        self._certificates = certificates
        self._server = server
        self._server_name = server_name
        self._tested = ""
        self._missed = 0

    async def repeat(self) -> None:
        """Test every ten seconds, and as soon as the certificate is another, for ever."""
        due = 0.0
        while True:
            current = self._certificates.current
            now = time.monotonic()
            if current is not None and (now >= due or self._tested != current.fingerprint):
                await self.test(current.verifying)
                self._tested = current.fingerprint
                due = now + (_RETRY if self.problem else _INTERVAL)
            await asyncio.sleep(_RETRY)

    async def test(self, verifying: ssl.SSLContext) -> None:
        """Try a handshake, and note the problem if there is one; a port that did answer is given some tests to answer again."""
        try:
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(
                    "127.0.0.1", self._server.port, ssl=verifying, server_hostname=self._server_name
                )
        except ssl.SSLCertVerificationError as problem:
            self.problem = f"no handshake with our own port: {problem}"
        except TimeoutError:
            self._miss("no handshake with our own port in time")
        except OSError as problem:
            self._miss(f"no handshake with our own port: {problem}")
        else:
            self.problem, self._missed = "", 0
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _miss(self, problem: str) -> None:
        self._missed += 1
        if self.problem or self._missed >= _MISSES:
            self.problem = problem


class Readiness:
    """Everything that must hold before reviews may come."""

    def __init__(
        self,
        policies: LivePolicySet,
        feed: Feed,
        certificates: CertificateStore,
        test: SelfTest,
        server: Server,
        index: PodIndex | None = None,
    ) -> None:
        self._policies = policies
        self._feed = feed
        self._certificates = certificates
        self._test = test
        self._server = server
        self._index = index

    def missing(self) -> list[str]:
        """Return what is missing, in words; nothing where the replica is ready."""
        return list(self._missing())

    def _missing(self) -> Iterator[str]:
        if self._server.draining:
            yield "the replica is on its way out"
        if not self._policies.synced:
            # Later failures do not count: the last policies stay in force.
            yield f"policies and namespaces: {self._feed.problem}"
        if self._index is not None and not self._index.synced:
            yield f"pods: {self._index.problem}"
        certificate = self._certificates.current
        if certificate is None:
            yield f"certificate: {self._certificates.problem}"
        elif certificate.expires < time.time():
            yield "certificate: it has expired"
        elif self._test.problem:
            yield self._test.problem
