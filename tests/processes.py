"""The whole process beside an API server that answers well or badly, and callers that ask it without pause."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

from authorities import Authority, Mount
from fake_cluster import FakeCluster
from replicas import Replica
from reviewing import PRIVILEGED, Asked, pod

AUTHORITY = Authority()


CONTEXT = AUTHORITY.client_context()


BAD = Asked(object=PRIVILEGED).body()


GOOD = Asked(object=pod()).body()


DENY = {"profile": "baseline", "action": "deny"}


@dataclass
class World:
    """A cluster, a mounted certificate, and replicas."""

    cluster: FakeCluster
    mount: Mount
    stack: ExitStack

    def replica(self, *, drain_delay: float = 0.5) -> Replica:
        """Start a replica."""
        started = Replica(self.cluster.kubeconfig, self.mount.directory, drain_delay=drain_delay)
        return self.stack.enter_context(started)


@dataclass
class Load:
    """Callers that ask without pause, each on a connection that it opens again when it is told to close it."""

    replica: Replica
    body: bytes
    context: ssl.SSLContext = field(default_factory=lambda: CONTEXT)
    answers: list[bool] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.threads = [threading.Thread(target=self._call, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(20)

    def _call(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.stop.is_set():
            if connection is None:
                try:
                    connection = self.replica.connect(self.context)
                except OSError:
                    # Nobody listens any more: no review was sent.
                    return
            try:
                connection.request("POST", "/validate", self.body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                self.answers.append(json.loads(response.read())["response"]["allowed"])
            except (OSError, http.client.HTTPException) as problem:
                self.lost.append(repr(problem))
                return
            if response.will_close:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


def denied(replica: Replica) -> bool:
    """Whether a privileged pod is denied."""
    return not replica.ask(CONTEXT, BAD)["allowed"]
