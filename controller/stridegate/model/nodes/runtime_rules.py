"""Making the rules about container runtimes, and the hosts of their examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.containerd import DEFAULT_CONFIGURATION
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import Evidence, Offender, State, Verdict

# Every rule about a runtime answers these claims.
RUNTIME_DEFAULTS = frozenset({MISCONFIGURED_HOST, "insecure-docker-defaults"})
# A configuration of Kubernetes' part of containerd, in either version.
VERSION_2 = 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\n'
VERSION_3 = 'version = 3\n[plugins."io.containerd.cri.v1.runtime"]\n'
_CRIO = "/etc/crio/crio.conf"


def daemon_process(name: str, *flags: str) -> Process:
    """Return a runtime's daemon, started with such flags."""
    return Process(
        pid=500,
        comm=name,
        argv=(f"/usr/bin/{name}", *flags),
        cgroup=f"/system.slice/{name}.service",
        namespace_pids=(500,),
    )


def with_containerd(
    title: str,
    state: State,
    text: str | None,
    *flags: str,
    files: Mapping[str, HostFile] | None = None,
    answers: Mapping[Query[object], object] | None = None,
) -> NodeExample:
    """Return a host that runs containerd with this configuration, or without any."""
    configuration = {} if text is None else {DEFAULT_CONFIGURATION: HostFile(text=text, mode=0o644)}
    return NodeExample(
        title=title,
        state=state,
        files={**configuration, **(files or {})},
        processes=(daemon_process("containerd", *flags),),
        answers=answers or {},
    )


def with_crio(
    title: str,
    state: State,
    text: str | None,
    *flags: str,
    files: Mapping[str, HostFile] | None = None,
) -> NodeExample:
    """Return a host that runs CRI-O with this configuration, or without any."""
    configuration = {} if text is None else {_CRIO: HostFile(text=text, mode=0o644)}
    return NodeExample(
        title=title, state=state, files={**configuration, **(files or {})}, processes=(daemon_process("crio", *flags),)
    )


def judged(evidence: Evidence, offenders: Sequence[Offender], well: str, otherwise: State = State.FAIL) -> Verdict:
    """Return the verdict on all that offends; `well` is what was seen where nothing does."""
    if not offenders:
        return Verdict(state=State.PASS, observed=well[:128], evidence=evidence)
    first = f"{offenders[0].name}: {offenders[0].observed}"[:100]
    more = f", and {len(offenders) - 1} more" if len(offenders) > 1 else ""
    return Verdict(state=otherwise, observed=first + more, evidence=evidence, offenders=tuple(offenders))


NO_RUNTIME = NodeExample(title="no such runtime", state=State.NOT_APPLICABLE)
