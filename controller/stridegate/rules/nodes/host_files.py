"""Whether what was inspected on a node has changed, and who could exchange it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.inspected import ABSENT, SHOWN, inspected, newly_accepted, state, states
from stridegate.model.nodes.nodes import Circumstances, Node, NotReadable, NotThere
from stridegate.model.nodes.paths import (
    ABOVE_MOUNTS,
    CONTAINERD_SOCKET,
    CRI_DOCKER_SOCKET,
    CRIO_SOCKET,
    DOCKER_SOCKET,
    ETCD_DATA,
    parent,
)
from stridegate.model.nodes.queries import FileStatusOf
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

# What has no configuration in it, but must not be exchanged either.
_GUARDED = (DOCKER_SOCKET, CONTAINERD_SOCKET, CRIO_SOCKET, CRI_DOCKER_SOCKET, ETCD_DATA)


def _judge_drift(node: Node) -> Verdict:
    accepted = node.circumstances.accepted_files
    present = states(node, accepted)
    if not present:
        raise NotThere(Absent("inspected files"))
    evidence = Evidence(source=Source.FILE, path=next(iter(present)))
    if not accepted:
        return Verdict(state=State.NOT_APPLICABLE, observed="no state is accepted yet", evidence=evidence)
    taken = newly_accepted(node.circumstances.accepting, present)
    seen = {path: present.get(path, ABSENT)[:SHOWN] for path in accepted}
    changed = [
        Offender(name=path, observed=f"{before[:SHOWN]} before, {seen[path]} now")
        for path, before in sorted(accepted.items())
        if present.get(path) != before and path not in taken
    ]
    return Verdict(
        state=State.WARN if changed else State.PASS,
        observed=f"{len(changed)} of {len(accepted)} files changed" if changed else f"{len(accepted)} files unchanged",
        evidence=Evidence(source=Source.FILE, path=changed[0].name) if changed else evidence,
        offenders=tuple(changed),
        note=f"To accept it, annotate the report: stridegate.dev/accept={changed[0].name}={seen[changed[0].name]}"
        if changed
        else "",
    )


def _judge_parents(node: Node) -> Verdict:
    guarded = [path for each in _GUARDED for path in each.on(node.circumstances.installation)]
    files = inspected(node, guarded)
    if not files:
        raise NotThere(Absent("inspected files"))
    every = {above for file in files for path in (file.path, file.target) for above in _above(path)}
    directories = sorted(every - ABOVE_MOUNTS)
    answers = node.look_at([FileStatusOf(directory) for directory in directories])
    there = [answer for answer in answers if isinstance(answer, FileStatus)]
    hidden = [answer for answer in answers if isinstance(answer, Unreadable)]
    open_ones = [(each, who) for each in there if (who := _who_writes(each))]
    if hidden and not open_ones:
        raise NotReadable(hidden[0])
    return Verdict(
        state=State.FAIL if open_ones else State.PASS,
        observed=f"{len(open_ones)} of {len(there)} directories"
        if open_ones
        else f"{len(there)} directories are root's",
        evidence=Evidence(source=Source.FILE, path=(open_ones[0][0] if open_ones else there[0]).path),
        offenders=tuple(Offender(name=each.path, observed=who) for each, who in open_ones),
    )


def _above(path: str) -> Iterable[str]:
    while path != "/":
        path = parent(path)
        yield path


def _who_writes(directory: FileStatus) -> str:
    """Return who beside root may create and exchange files in a directory; nothing where nobody may."""
    if directory.uid != 0:
        return f"{directory.mode:04o}, owned by uid {directory.uid}"
    if directory.mode & 0o002:
        return f"{directory.mode:04o}, writable by everybody"
    if directory.mode & 0o020 and directory.gid != 0:
        return f"{directory.mode:04o}, writable by gid {directory.gid}"
    return ""


_PATH = "/etc/docker/daemon.json"
_FILE = HostFile(text="{}\n", mode=0o644)
_OTHER = HostFile(text='{"icc": false}\n', mode=0o644)


def _state_of(file: HostFile) -> str:
    status = FileStatus(path=_PATH, target=_PATH, kind=file.kind, mode=file.mode, uid=file.uid, gid=file.gid)
    return state(status, hashlib.sha256(file.text.encode()).hexdigest())


def _drifted(
    title: str, outcome: State, now: HostFile | None, before: HostFile | None = _FILE, accepting: str = ""
) -> NodeExample:
    return NodeExample(
        title=title,
        state=outcome,
        files={"/etc/audit/audit.rules": HostFile(text="-D\n"), **({_PATH: now} if now else {})},
        circumstances=Circumstances(
            accepted_files={_PATH: _state_of(before)} if before else {}, accepting=tuple(accepting.split())
        ),
    )


def _below(title: str, outcome: State, **directories: HostFile) -> NodeExample:
    named = {f"/{name.replace('_', '/')}": file for name, file in directories.items()}
    return NodeExample(title=title, state=outcome, files={**named, _PATH: _FILE})


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="inspected-file-drift",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.REPUDIATION}),
        references=(),
        threats=frozenset({"kubelet-config-tampering", "docker-daemon-config-tampering", MISCONFIGURED_HOST}),
        wrong="A configuration file of the node is not as it was accepted.",
        threat="A change that nobody announced is how tampering looks, and without a record nobody could tell when it happened.",
        wants="have the mode, owner and contents that were accepted, as first seen or by the report's annotation",
        fix="Find out who changed it; accept what is right as it is now, by the annotation stridegate.dev/accept=PATH=NOW of the report.",
        remedy=Remedy.HOST,
        judge=_judge_drift,
        examples=(
            _drifted("unchanged", State.PASS, _FILE),
            _drifted("other contents", State.WARN, _OTHER),
            _drifted("another mode", State.WARN, HostFile(text="{}\n", mode=0o600)),
            _drifted("another owner", State.WARN, HostFile(text="{}\n", mode=0o644, uid=1000)),
            _drifted("gone", State.WARN, None),
            _drifted("accepted as it is now", State.PASS, _OTHER, accepting=f"{_PATH}={_state_of(_OTHER)[:SHOWN]}"),
            _drifted("changed again since it was accepted", State.WARN, _OTHER, accepting=f"{_PATH}={'0' * SHOWN}"),
            _drifted("accepted whatever it is", State.WARN, _OTHER, accepting=_PATH),
            _drifted("accepted by its first digit", State.WARN, _OTHER, accepting=f"{_PATH}={_state_of(_OTHER)[:1]}"),
            _drifted("gone, as accepted", State.PASS, None, accepting=f"{_PATH}=absent"),
            _drifted("there, and accepted as gone", State.WARN, _OTHER, accepting=f"{_PATH}=absent"),
            _drifted("seen for the first time", State.NOT_APPLICABLE, _FILE, None),
        ),
    ),
    NodeRule(
        slug="writable-parent-directory",
        severity=Severity.HIGH,
        stride=frozenset({Stride.TAMPERING}),
        references=(),
        threats=frozenset({"host-filesystem-exposure", "docker-remote-api-alteration", MISCONFIGURED_HOST}),
        wrong="Somebody other than root may exchange what the node's components are configured by.",
        threat="Who writes a directory replaces the files in it, whatever their own permissions are.",
        wants="lie in directories that root alone may write, each of them below / and /var",
        fix="chmod go-w DIRECTORY && chown 0:0 DIRECTORY",
        remedy=Remedy.FILE,
        judge=_judge_parents,
        examples=(
            _below("root's", State.PASS),
            _below("others may write", State.FAIL, etc_docker=HostFile(kind=FileKind.DIRECTORY, mode=0o757)),
            _below(
                "others may write, and only delete their own",
                State.FAIL,
                etc=HostFile(kind=FileKind.DIRECTORY, mode=0o1777),
            ),
            _below("a user's", State.FAIL, etc_docker=HostFile(kind=FileKind.DIRECTORY, mode=0o755, uid=1000)),
            _below("a group may write", State.FAIL, etc_docker=HostFile(kind=FileKind.DIRECTORY, mode=0o775, gid=998)),
            _below("root's group may write", State.PASS, etc_docker=HostFile(kind=FileKind.DIRECTORY, mode=0o775)),
            NodeExample(
                title="a link out of a directory that others may write",
                state=State.FAIL,
                files={
                    _PATH: HostFile(link="/srv/shared/daemon.json"),
                    "/srv/shared": HostFile(kind=FileKind.DIRECTORY, mode=0o777),
                    "/srv/shared/daemon.json": _FILE,
                },
            ),
            NodeExample(title="nothing to inspect", state=State.NOT_APPLICABLE),
        ),
    ),
)
