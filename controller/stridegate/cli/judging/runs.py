"""A whole run: sources read and judged one by one, by several processes where there are many, and put together in their order."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stridegate.cli.judging.standards import Labels
from stridegate.cli.judging.subjects import Judge
from stridegate.cli.manifests.documents import Reading, read
from stridegate.cli.manifests.errors import ManifestError, NoObject
from stridegate.cli.manifests.sources import Source
from stridegate.cli.results import Position, Problem, Subject, Unjudged
from stridegate.model.texts import clean

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Found = Source | tuple[str, ManifestError]
# Told how many sources are done.
Progress = Callable[[int], None]

_NAMESPACE = re.compile(rb"kind['\"]?\s*:\s*['\"]?Namespace\b")
_RUNES = 1000
# Fewer sources are judged sooner than a second process starts.
_FEW = 256
_BATCH = 64


@dataclass(slots=True)
class Part:
    """What came of some sources."""

    subjects: list[Subject] = field(default_factory=list)
    unjudged: list[Unjudged] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    assumed: dict[str, str] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        """Take over what came of the sources after these."""
        self.subjects += part.subjects
        self.unjudged += part.unjudged
        self.problems += part.problems
        self.assumed |= part.assumed


def labels_in(found: Iterable[Found]) -> Labels:
    """Return the labels of every namespace whose object is among the sources."""
    labels: dict[str, dict[str, str]] = {}
    for source in found:
        if not isinstance(source, Source) or not _mentions_namespace(source):
            continue
        for document in read(source).documents:
            metadata = document.value.get("metadata")
            if (document.api_version, document.kind) != ("v1", "Namespace") or not isinstance(metadata, dict):
                continue
            name, written = metadata.get("name"), metadata.get("labels")
            if isinstance(name, str):
                pairs = written.items() if isinstance(written, dict) else ()
                labels[name] = {key: value for key, value in pairs if isinstance(value, str)}
    return labels


def _mentions_namespace(source: Source) -> bool:
    try:
        return _NAMESPACE.search(source.read()) is not None
    except ManifestError:
        return False


def judged(found: Sequence[Found], judge: Judge, progress: Progress) -> Part:
    """Return what comes of all sources, in their order."""
    part = Part()
    done = 0
    for size, each in _parts(found, judge):
        part.add(each)
        done += size
        progress(done)
    return part


def _parts(found: Sequence[Found], judge: Judge) -> Iterator[tuple[int, Part]]:
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    batches = [found[start : start + _BATCH] for start in range(0, len(found), _BATCH)]
    if processors == 1 or len(found) < _FEW:
        for batch in batches:
            yield len(batch), _batch(batch, judge)
        return
    import multiprocessing  # noqa: PLC0415 - most runs need no second process
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    # What is compiled is there in a fork without being sent.
    _shared[:] = [judge]
    # Unlike a Pool, it notices when a process is killed, and waits for nothing from it.
    forks = multiprocessing.get_context("fork")
    hook = threading.excepthook
    try:
        with ProcessPoolExecutor(min(processors, len(batches)), forks) as pool:
            try:
                yield from zip(map(len, batches), _begun(pool, batches), strict=True)
            except BaseException:
                # The pool's own thread stumbles over work that is cancelled as its processes end, and would say so.
                threading.excepthook = _say_nothing
                # Nobody waits for what is still being judged.
                for process in multiprocessing.active_children():
                    process.kill()
                raise
    finally:
        threading.excepthook = hook


def _say_nothing(_: threading.ExceptHookArgs) -> None:
    """Let a thread of a run that is being ended end as it will."""


def _begun(pool: ProcessPoolExecutor, batches: Sequence[Sequence[Found]]) -> Iterator[Part]:
    """Return the parts of batches; the processes that judge them leave Ctrl-C, which a terminal sends to all, to this one."""
    # They are forked here, and a fork never takes a signal that was blocked as it began.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.map(_forked, batches)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


_shared: list[Judge] = []


def _forked(batch: Sequence[Found]) -> Part:
    return _batch(batch, _shared[0])


def _batch(batch: Sequence[Found], judge: Judge) -> Part:
    part = Part()
    for source in batch:
        if isinstance(source, Source):
            take(part, read(source), judge)
        else:
            part.problems.append(problem(source[0], source[1]))
    part.assumed = dict(judge.standards.assumed)
    return part


def take(part: Part, reading: Reading, judge: Judge) -> None:
    """Add what comes of a source to a part."""
    for document in reading.documents:
        for outcome in judge.document(document):
            if isinstance(outcome, Subject):
                part.subjects.append(outcome)
            elif isinstance(outcome, Unjudged):
                part.unjudged.append(outcome)
            else:
                part.problems.append(outcome)
    for error in reading.errors:
        if isinstance(error, NoObject):
            part.unjudged.append(_stranger(reading.source.name, error))
        else:
            part.problems.append(problem(reading.source.name, error))


def problem(name: str, error: ManifestError) -> Problem:
    """Return what kept a source, or a part of it, from being judged."""
    return Problem(source=clean(name, _RUNES), sentence=clean(str(error), _RUNES), at=_position(error))


def _stranger(name: str, error: NoObject) -> Unjudged:
    return Unjudged(
        source=clean(name, _RUNES),
        kind="",
        name="",
        namespace="",
        reason=f"it is no object of Kubernetes: {clean(str(error), _RUNES)}",
        at=_position(error),
    )


def _position(error: ManifestError) -> Position | None:
    at = error.position
    return None if at is None else Position(line=at.line, column=at.column)
