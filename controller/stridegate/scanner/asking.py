"""The scanner's side of the two containers: asking the reader, with an end to its patience."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.queries import Query
from stridegate.scanner.errors import BadQuestion
from stridegate.scanner.messages import LENGTH, MOST_ANSWERED, read_answers, written_queries

# Seconds for the answers to one round of queries.
_PATIENCE = 30.0


class AskedReader:
    """Asks the container that reads files. What it does not answer in time is Unreadable, and never waited for again in a scan."""

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        self._path = path
        self._patience = patience
        # Why the reader does not answer, where it does not.
        self.problem = ""

    def __call__(self, asked: Iterable[Query[object]]) -> Mapping[Query[object], object]:
        """Return an answer to every query."""
        listed = list(asked)
        if not self.problem:
            try:
                return read_answers(listed, self._exchanged(written_queries(listed)))
            except TimeoutError:
                self.problem = f"no answer within {self._patience:g} s"
            except OSError as error:
                self.problem = error.strerror or type(error).__name__
            except BadQuestion as error:
                self.problem = str(error)
        return {query: Unreadable(str(query), f"the reader: {self.problem}") for query in listed}

    def _exchanged(self, document: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._patience)
            connection.connect(str(self._path))
            connection.sendall(len(document).to_bytes(LENGTH, "big") + document)
            length = int.from_bytes(_received(connection, LENGTH), "big")
            if length > MOST_ANSWERED + 2:
                raise BadQuestion(f"an answer of {length} bytes")
            return _received(connection, length)


def _received(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(min(length - len(data), 1 << 20))
        if not part:
            raise BadQuestion("the end of the connection")
        data += part
    return bytes(data)
