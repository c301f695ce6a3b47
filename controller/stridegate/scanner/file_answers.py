"""Answers to queries that files of the host know: what the container that reads files does, and nothing else."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.queries import Query
from stridegate.scanner.accounts import accounts_of
from stridegate.scanner.certificates import certificates_in
from stridegate.scanner.documents import document
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.secrets import has_private_key, is_personal, is_secret_file, redacted, redacted_text
from stridegate.scanner.versions import version_of
from stridegate.scanner.workers import Looks

Answer = Callable[[HostRoot, Any], object]


def _text(host: HostRoot, query: queries.FileText) -> str:
    return redacted_text(_told(host, query.path))


def _document(host: HostRoot, query: queries.Document) -> object:
    return redacted(document(query.path, _told(host, query.path), query.syntax))


def _told(host: HostRoot, path: str) -> str:
    """Return a file's text, unless the whole of it is secret. Raises Missing and Barred."""
    with host.at(path) as place:
        target = place.target
    if is_secret_file(path) or is_secret_file(target):
        raise Barred(path, "is not told: its contents are secret")
    if host.discreet and (is_personal(path) or is_personal(target)):
        raise Barred(path, "is not told: it is none of the node's settings")
    content = host.read(path)
    if has_private_key(content):
        raise Barred(path, "is not told: it holds a private key")
    return content.decode(errors="replace")


def _digest(host: HostRoot, query: queries.FileDigest) -> str:
    """Return the digest of contents; of size and time of change instead where contents are secret, since they may be short."""
    with host.at(query.path) as place:
        target, size, changed = place.target, place.metadata.st_size, place.metadata.st_mtime_ns
    content = host.read(query.path)
    if is_secret_file(query.path) or is_secret_file(target) or has_private_key(content):
        content = f"{size} {changed}".encode()
    return hashlib.sha256(content).hexdigest()


def _certificates(host: HostRoot, query: queries.CertificatesIn) -> object:
    return certificates_in(query.path, host.read(query.path))


# By the type of a query. FileText, Document and FileDigest tell no secret; the rest tells none by its nature.
FILE_ANSWERS: Mapping[type[Query[Any]], Answer] = {
    queries.FileStatusOf: lambda host, query: host.status(query.path),
    queries.FilesUnder: lambda host, query: host.below(query.directory, query.pattern, query.depth),
    queries.FileText: _text,
    queries.Document: _document,
    queries.FileDigest: _digest,
    queries.CertificatesIn: _certificates,
    queries.HoldsPrivateKey: lambda host, query: has_private_key(host.read(query.path)),
    queries.ComponentVersion: lambda host, query: version_of(host, query.component),
    queries.HostAccounts: lambda host, _: accounts_of(host),
}


def settled(asked: Query[object], answer: Callable[[], object]) -> object:
    """Return an answer, or Absent or Unreadable for what went wrong in getting it."""
    try:
        return answer()
    except Missing as missing:
        return Absent(missing.what)
    except Barred as barred:
        return Unreadable(barred.what, barred.reason)
    except OSError as error:
        return Unreadable(type(asked).__name__, os.strerror(error.errno) if error.errno else type(error).__name__)


def answer_from_files(host: HostRoot, asked: Iterable[Query[object]]) -> dict[Query[object], object]:
    """Return an answer to every query; what is no question about files is Unreadable."""
    return {query: _settled(host, query) for query in asked}


def looked_up(host: Looks, asked: Iterable[Query[object]]) -> Mapping[Query[object], object]:
    """Return an answer to every query about files: Unreadable to all where whoever looks is held up."""
    listed = list(asked)
    try:
        return host.run(answer_from_files, listed) if listed else {}
    except Barred as barred:
        return {query: Unreadable(str(query), f"{barred.what}: {barred.reason}") for query in listed}


def _settled(host: HostRoot, query: Query[object]) -> object:
    answer = FILE_ANSWERS.get(type(query))
    if answer is None:
        return Unreadable(type(query).__name__, "is no question about files")
    return settled(query, lambda: answer(host, query))
