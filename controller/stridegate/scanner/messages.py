"""What the two containers say to each other: queries there, answers back, as one JSON document each, after its length.

Either side takes the other's words for hostile: the reader's come from a host, the scanner's from a process with a token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stridegate.model.nodes import answers, queries
from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.queries import Query
from stridegate.scanner.errors import BadQuestion

# Bytes of the length before a document; the most bytes of each, and queries at a time.
LENGTH = 4
MOST_ASKED = 4 * 1024 * 1024
MOST_ANSWERED = 32 * 1024 * 1024
_MOST_QUERIES = 20_000

# The closed list of what the reader is asked, and what an answer to each is.
_QUERIES: Mapping[str, tuple[type[Query[Any]], Any]] = {
    each[0].__name__: each
    for each in (
        (queries.FileStatusOf, answers.FileStatus),
        (queries.FilesUnder, tuple[str, ...]),
        (queries.FileText, str),
        (queries.Document, object),
        (queries.FileDigest, str),
        (queries.CertificatesIn, tuple[answers.Certificate, ...]),
        (queries.HoldsPrivateKey, bool),
        (queries.HostAccounts, answers.Accounts),
        (queries.ComponentVersion, str),
    )
}
_WRONG = (ValueError, TypeError, KeyError, RecursionError, msgspec.MsgspecError)


def written_queries(asked: Iterable[Query[Any]]) -> bytes:
    """Return the document that asks queries."""
    return _written([{"query": type(each).__name__, "fields": _fields(each)} for each in asked])


def read_queries(data: bytes) -> list[Query[Any]]:
    """Return the queries that a document asks. Raises BadQuestion."""
    listed = _read(data)
    if not isinstance(listed, list) or len(listed) > _MOST_QUERIES:
        raise BadQuestion(f"no list of at most {_MOST_QUERIES} queries")
    try:
        return [msgspec.convert(each["fields"], _QUERIES[each["query"]][0]) for each in listed]
    except _WRONG as error:
        raise BadQuestion(f"{type(error).__name__} in a query") from error


def written_answers(asked: Sequence[Query[Any]], found: Mapping[Query[Any], object]) -> bytes:
    """Return the document that answers queries in their order. What is too large or cannot be written is Unreadable."""
    parts: list[bytes] = []
    room = MOST_ANSWERED
    for query in asked:
        part = _written_answer(query, found[query])
        if len(part) > room:
            part = _written_answer(query, Unreadable(str(query), "is too large to be told"))
        room -= len(part) + 1
        parts.append(part)
    return b"[" + b",".join(parts) + b"]"


def read_answers(asked: Sequence[Query[Any]], data: bytes) -> dict[Query[Any], object]:
    """Return the answers that a document gives to queries. Raises BadQuestion."""
    listed = _read(data)
    if not isinstance(listed, list) or len(listed) != len(asked):
        raise BadQuestion(f"no list of {len(asked)} answers")
    try:
        return {query: _answer(query, each) for query, each in zip(asked, listed, strict=True)}
    except _WRONG as error:
        raise BadQuestion(f"{type(error).__name__} in an answer") from error


def _answer(query: Query[Any], told: Mapping[str, Any]) -> object:
    if "absent" in told:
        return msgspec.convert(told["absent"], Absent)
    if "unreadable" in told:
        return msgspec.convert(told["unreadable"], Unreadable)
    return msgspec.convert(told["answer"], _QUERIES[type(query).__name__][1])


def _written_answer(query: Query[Any], answer: object) -> bytes:
    key = "absent" if isinstance(answer, Absent) else "unreadable" if isinstance(answer, Unreadable) else "answer"
    try:
        return _written({key: msgspec.to_builtins(answer)})
    except _WRONG:
        return _written({"unreadable": {"what": type(query).__name__, "reason": "cannot be told"}})


def _fields(query: Query[Any]) -> dict[str, object]:
    # Every query is a dataclass of strings, numbers and enums; their common class does not say so.
    return {name: msgspec.to_builtins(getattr(query, name)) for name in getattr(query, "__dataclass_fields__", ())}


def _written(document: object) -> bytes:
    # The standard library's writer, since names of files may be no Unicode (PEP 383), which msgspec refuses to write.
    return json.dumps(document).encode()


def _read(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadQuestion(type(error).__name__) from error
