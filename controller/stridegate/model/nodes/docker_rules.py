"""Making the rules about the settings of Docker's daemon, with the examples that every such rule has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.docker import CONFIGURATION, Daemon, Setting, daemon
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

T = TypeVar("T")

_NOTHING: Mapping[str, HostFile] = MappingProxyType({})
# What every rule about a setting of the daemon answers.
_THREATS = frozenset({"insecure-docker-defaults", "docker-host-misconfiguration"})
_STOPPED = "dockerd does not run: this is what it would start with."


def dockerd(*flags: str, uid: int = 0) -> Process:
    """Return a daemon of the host with these flags."""
    argv = ("/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/containerd/containerd.sock", *flags)
    return Process(
        pid=912,
        comm="dockerd",
        argv=argv,
        uid=uid,
        gid=uid,
        cgroup="/system.slice/docker.service",
        namespace_pids=(912,),
    )


def configured(**settings: object) -> Mapping[str, HostFile]:
    """Return a host's daemon.json; `_` in names stands for `-`."""
    text = json.dumps({name.replace("_", "-"): value for name, value in settings.items()})
    return {CONFIGURATION: HostFile(text=text, mode=0o644)}


def running(
    title: str,
    state: State,
    *flags: str,
    files: Mapping[str, HostFile] = _NOTHING,
    answers: Mapping[Query[object], object] | None = None,
    uid: int = 0,
) -> NodeExample:
    """Return a host whose daemon runs with these flags."""
    return NodeExample(
        title=title, state=state, files=files, processes=(dockerd(*flags, uid=uid),), answers=answers or {}
    )


def judged(
    docker: Daemon, setting: Setting[T], good: Callable[[T], bool], otherwise: State = State.FAIL, wanted: str = ""
) -> Verdict:
    """Return the verdict on one setting: on what the daemon runs with, and a warning where daemon.json says worse."""
    contradicted = setting.contradicted
    if not good(setting.value):
        state, observed = otherwise, setting.said
    elif contradicted is not None and not good(contradicted):
        state, observed = State.WARN, f"{setting.said}, but otherwise in {docker.path}: dockerd will not start again"
    else:
        state, observed = State.PASS, setting.said
    return verdict(docker, state, observed, setting.evidence, wanted=wanted)


def verdict(
    docker: Daemon, state: State, observed: str, evidence: Evidence | None = None, *, wanted: str = ""
) -> Verdict:
    """Return a verdict on a daemon, which says so where the daemon does not run."""
    note = "" if docker.process else _STOPPED
    return Verdict(state=state, observed=observed, wanted=wanted, evidence=evidence or docker.started, note=note)


def daemon_rule(  # noqa: PLR0913 - a declaration, by keyword
    slug: str,
    letter: tuple[Severity, Stride],
    references: tuple[CisDocker, ...],
    *,
    wrong: str,
    threat: str,
    wants: str,
    fix: str,
    judge: Callable[[Daemon, Node], Verdict],
    examples: tuple[NodeExample, ...],
    threats: frozenset[str] = frozenset(),
    remedy: Remedy = Remedy.DOCKER_DAEMON,
) -> NodeRule:
    """Return a rule about what Docker's daemon is set to."""
    severity, stride = letter
    return NodeRule(
        slug=slug,
        severity=severity,
        stride=frozenset({stride}),
        references=references,
        threats=_THREATS | threats,
        wrong=wrong,
        threat=threat,
        wants=wants,
        fix=fix,
        remedy=remedy,
        judge=lambda node: judge(daemon(node), node),
        examples=(
            *examples,
            NodeExample(title="no Docker", state=State.NOT_APPLICABLE, processes=(_impostor(),)),
            running("daemon.json is no JSON", State.UNKNOWN, files={CONFIGURATION: HostFile(text="{", mode=0o644)}),
            running("daemon.json is a list", State.UNKNOWN, files={CONFIGURATION: HostFile(text="[]", mode=0o644)}),
        ),
    )


def switch_rule(  # noqa: PLR0913 - a declaration, by keyword
    slug: str,
    letter: tuple[Severity, Stride],
    references: tuple[CisDocker, ...],
    *,
    setting: str,
    default: bool,
    wanted: bool,
    wrong: str,
    threat: str,
    threats: frozenset[str] = frozenset(),
    more: tuple[NodeExample, ...] = (),
) -> NodeRule:
    """Return a rule that wants a boolean setting of the daemon to be on, or off; `more` are examples beside those that all have."""
    right, wrong_way = str(wanted).lower(), str(not wanted).lower()
    name = setting.replace("-", "_")

    def judge(docker: Daemon, _: Node) -> Verdict:
        return judged(
            docker, docker.truth(setting, default=default), lambda value: value is wanted, wanted=f"{setting}={right}"
        )

    return daemon_rule(
        slug,
        letter,
        references,
        wrong=wrong,
        threat=threat,
        wants=f"run with {setting} {'on' if wanted else 'off'}, which is {'' if default is wanted else 'not '}the default",
        fix=f'Set "{setting}": {right} in daemon.json.',
        judge=judge,
        threats=threats,
        examples=(
            running("by default", State.PASS if default is wanted else State.FAIL),
            running("right in daemon.json", State.PASS, files=configured(**{name: wanted})),
            running("wrong in daemon.json", State.FAIL, files=configured(**{name: not wanted})),
            running("right by flag", State.PASS, f"--{setting}={right}"),
            running("wrong by flag", State.FAIL, f"--{setting}={wrong_way}"),
            running("the flag alone means true", State.PASS if wanted else State.FAIL, f"--{setting}"),
            running("the last flag counts", State.PASS, f"--{setting}={wrong_way}", f"--{setting}={right}"),
            running("no boolean in daemon.json", State.UNKNOWN, files=configured(**{name: right})),
            running(
                "daemon.json says otherwise", State.WARN, f"--{setting}={right}", files=configured(**{name: not wanted})
            ),
            NodeExample(
                title="a stopped daemon, by its unit",
                state=State.FAIL,
                files={
                    "/usr/lib/systemd/system/docker.service": HostFile(
                        text=f"[Service]\nExecStart=/usr/bin/dockerd -H fd:// --{setting}={right}\n", mode=0o644
                    ),
                    "/etc/systemd/system/docker.service.d/20-own.conf": HostFile(
                        text=f"[Service]\nExecStart=\nExecStart=-/usr/bin/dockerd \\\n  --{setting}={wrong_way}\n",
                        mode=0o644,
                    ),
                    **configured(),
                },
            ),
            *more,
        ),
    )


def _impostor() -> Process:
    """Return a daemon inside a container, which says nothing about the host."""
    return Process(
        pid=4711,
        comm="dockerd",
        argv=("dockerd", "--icc=false"),
        cgroup="/system.slice/docker-0123456789abcdef.scope",
        namespace_pids=(4711, 17),
    )
