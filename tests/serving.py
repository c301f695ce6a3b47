"""A server with one policy over real TLS, in a test's own event loop."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from authorities import SERVER_NAME, Authority, mounted
from callers import Caller
from reviewing import PRIVILEGED, Asked, pod
from stridegate.admission.responses import Reply
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.rosters import Version
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.vitals.pulses import Pulse
from stridegate.webhook.admission import Admission, Call
from stridegate.webhook.callers import Admitted, Callers
from stridegate.webhook.certificates import CertificateStore
from stridegate.webhook.connections import Limits
from stridegate.webhook.journals import Journal
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet
from stridegate.webhook.server import Server

AUTHORITY = Authority()
CONTEXT = AUTHORITY.client_context()
GOOD = Asked(object=pod()).body()
BAD = Asked(object=PRIVILEGED).body()
_POLICY = {
    "metadata": {"name": "production", "uid": "p", "generation": 1},
    "spec": {"profile": "hardened", "action": "deny", "patching": "safe"},
}


class Here:
    """A server with one policy, in this event loop."""

    def __init__(
        self, directory: Path, limits: Limits, *, shortcuts: bool = True, admitted: Admitted | None = None
    ) -> None:
        self.live = LivePolicySet(POD_RULES)
        self.live.replace(
            [ListedPolicy(Version(name="production", uid="p", revision=1), _POLICY)],
            [ListedNamespace(Version(name="shop", uid="n", revision=1), {IMMUTABLE_LABEL: "shop"})],
            (1, 1),
        )
        self.loop = asyncio.get_running_loop()
        self.journal = Journal()
        admission = Admission(self.live, self.journal, time.monotonic)
        self.gate = asyncio.Event()
        self._callers: list[Caller] = []
        self._pulse = Pulse(self.loop)
        self.certificates = CertificateStore(
            mounted(directory / "tls", AUTHORITY).directory, SERVER_NAME, admitted.authority if admitted else None
        )
        self.certificates.refresh()
        self.server = Server(
            {"/validate": admission.validate, "/mutate": admission.mutate, "/held": self._held, "/large": self._large},
            {"/validate": admission.validate_at_once, "/mutate": admission.mutate_at_once} if shortcuts else {},
            self._pulse,
            limits,
            self.journal.shed,
            Callers(admitted),
        )

    async def _held(self, _: Call) -> Reply:
        await self.gate.wait()
        return Reply(status=200, body=b"{}")

    async def _large(self, _: Call) -> Reply:
        return Reply(status=200, body=b" " * 2**20)

    def listen(self) -> None:
        """Start."""
        self.server.listen("127.0.0.1", 0, self.certificates.context)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the conditions are of many parts, none of which tells
                await asyncio.sleep(0.01)

    async def busy(self, count: int) -> None:
        """Wait until so many requests are under way."""
        await self.until(lambda: self.server.in_flight >= count)

    async def quiet(self) -> None:
        """Wait until no request is under way."""
        await self.until(lambda: not self.server.in_flight)

    async def alone(self) -> None:
        """Wait until every connection is gone."""
        await self.until(lambda: not self.server.connections)

    async def connect(self, context: ssl.SSLContext = CONTEXT) -> Caller:
        """Return a new connection."""
        caller = await Caller.connect(self.server.port, context)
        self._callers.append(caller)
        return caller

    async def leave(self) -> None:
        """End everything."""
        self.gate.set()
        self._pulse.stop()
        await self.server.drain(0)
        for caller in self._callers:
            await caller.close()


def serving(
    directory: Path,
    test: Callable[[Here], Awaitable[None]],
    limits: Limits | None = None,
    admitted: Admitted | None = None,
) -> None:
    """Run a test beside a server."""

    async def run() -> None:
        here = Here(directory, limits or Limits(), admitted=admitted)
        here.listen()
        async with asyncio.TaskGroup() as duties:
            running = [duties.create_task(each) for each in (here.server.receive(), here.server.sweep())]
            try:
                await test(here)
            finally:
                await here.leave()
                for each in running:
                    each.cancel()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
