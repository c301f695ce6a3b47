"""Who may talk to Docker and to containerd under it: the sockets, and who is in Docker's group."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from stridegate.model.nodes.answers import Accounts, FileKind, Process
from stridegate.model.nodes.docker import CONFIGURATION, DOCKER_HOST, SOCKET, Daemon, daemon_if_any, expect_docker
from stridegate.model.nodes.docker_rules import dockerd
from stridegate.model.nodes.file_rules import GuardedFiles, file_rules, ownership_rule, permissions_rule
from stridegate.model.nodes.files import ROOT, Limit, Owner, every_of, judge_owners
from stridegate.model.nodes.nodes import Circumstances, Node
from stridegate.model.nodes.paths import CONTAINERD_SOCKET
from stridegate.model.nodes.queries import HostAccounts
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

# More members than this, and the group is no circle of administrators any more.
_MANY_MEMBERS = 5
_SOCKET_FILE = HostFile(kind=FileKind.SOCKET, mode=0o660, gid=998)
_GROUP = {"/etc/group": HostFile(text="root:x:0:\ndocker:x:998:alice\n", mode=0o644)}
_ACCOUNTS = {
    "/etc/passwd": HostFile(text="root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", mode=0o644),
    **_GROUP,
}


def _sockets(node: Node) -> Iterable[str]:
    """Return the sockets that the daemon listens on: its usual one, and those that its settings name."""
    expect_docker(node)
    docker = daemon_if_any(node)
    said = docker.members("hosts") if docker else None
    hosts = (*said.value, *(said.contradicted or ())) if said else ()
    named = [host.removeprefix("unix://") for host in hosts if host.startswith("unix://")]
    # /var/run is a link to /run.
    return tuple(dict.fromkeys((SOCKET, *(path.removeprefix("/var") or SOCKET for path in named))))


def _group(node: Node, docker: Daemon | None) -> str:
    """Return the name of the group that the daemon gives its socket to; a number is looked up on the host."""
    said = docker.text("group", "docker").value if docker else "docker"
    if not said.isdecimal():
        return said or "root"
    return next((group.name for group in _accounts(node).groups if group.gid == int(said)), said)


def _accounts(node: Node) -> Accounts:
    return node.get(HostAccounts()) or Accounts()


def _members(accounts: Accounts, group: str) -> tuple[str, ...]:
    """Return who is in a group, by its line or as the group of their own; root needs no group."""
    gids = {each.gid for each in accounts.groups if each.name == group}
    named = [member for each in accounts.groups if each.gid in gids for member in each.members]
    return tuple(sorted({*named, *(user.name for user in accounts.users if user.gid in gids)} - {"root"}))


def _judge_owner(node: Node) -> Verdict:
    sockets = tuple(_sockets(node))
    docker = daemon_if_any(node)
    if docker and docker.process and docker.process.uid != 0:
        return _judge_rootless(node, sockets, docker.process)
    group = _group(node, docker)
    members = _members(_accounts(node), group)
    verdict = judge_owners(node, sockets, Owner(group=group))
    if verdict.state is not State.PASS:
        if judge_owners(node, sockets, ROOT).state is State.PASS:
            return replace(verdict, state=State.WARN, note="Stricter than wanted: only root may use the socket.")
        return verdict
    if len(members) > _MANY_MEMBERS:
        return replace(
            verdict,
            state=State.WARN,
            observed=f"{len(members)} users in group {group}",
            offenders=tuple(Offender(name=member, observed=f"in group {group}") for member in members),
        )
    return verdict


def _judge_rootless(node: Node, sockets: tuple[str, ...], process: Process) -> Verdict:
    """Judge the sockets of a daemon that runs as a user: they are to be that user's."""
    accounts = _accounts(node)
    user = next((each.name for each in accounts.users if each.uid == process.uid), str(process.uid))
    group = next((each.name for each in accounts.groups if each.gid == process.gid), str(process.gid))
    return judge_owners(node, sockets, Owner(user=user, group=group))


def _judge_members(node: Node) -> Verdict:
    expect_docker(node)
    group = _group(node, daemon_if_any(node))
    accounts = node[HostAccounts()]
    evidence = Evidence(source=Source.FILE, path="/etc/group")
    if not any(each.name == group for each in accounts.groups):
        return Verdict(state=State.NOT_APPLICABLE, observed=f"no group {group}", evidence=evidence)
    members = _members(accounts, group)
    strangers = [member for member in members if member not in node.circumstances.trusted_docker_users]
    return Verdict(
        state=State.FAIL if strangers else State.PASS,
        observed=f"{len(strangers)} untrusted of {len(members)} in group {group}",
        evidence=evidence,
        offenders=tuple(Offender(name=member, observed=f"in group {group}") for member in strangers),
    )


_DOCKER_SOCKET = GuardedFiles(
    what="Docker's socket",
    find=_sockets,
    severity=Severity.CRITICAL,
    stride=Stride.ELEVATION,
    threat="Who writes to the socket starts any container with any rights, and so is root on the node.",
    example=SOCKET,
    kind=FileKind.SOCKET,
    owner=Owner(group="docker"),
    numbers=(0, 998),
    files=_GROUP,
    remedy=Remedy.DOCKER_SOCKET,
    threats=frozenset({"host-filesystem-exposure", "docker-client-takeover", "docker-daemon-config-tampering"}),
)


def _owned(title: str, state: State, groups: str, **setting: str) -> NodeExample:
    configuration = HostFile(text=json.dumps(setting), mode=0o644)
    return NodeExample(
        title=title,
        state=state,
        files={SOCKET: _SOCKET_FILE, "/etc/group": HostFile(text=groups, mode=0o644), CONFIGURATION: configuration},
    )


RULES: tuple[NodeRule, ...] = (
    permissions_rule(
        "docker-socket-file-permissions",
        _DOCKER_SOCKET,
        Limit(files=0o660),
        (CisDocker("3.16"),),
        threats=frozenset({"docker-socket-too-open", "docker-daemon-overload"}),
        more=(
            NodeExample(
                title="others may write, which decimal comparison with 660 lets pass",
                state=State.FAIL,
                files={**_GROUP, SOCKET: replace(_SOCKET_FILE, mode=0o646)},
            ),
            NodeExample(
                title="another socket that the daemon's settings name",
                state=State.FAIL,
                files={
                    SOCKET: _SOCKET_FILE,
                    "/srv/docker.sock": replace(_SOCKET_FILE, mode=0o666),
                    CONFIGURATION: HostFile(text='{"hosts": ["unix:///srv/docker.sock"]}', mode=0o644),
                },
            ),
        ),
    ),
    replace(
        ownership_rule(
            "docker-socket-file-ownership",
            _DOCKER_SOCKET,
            (CisDocker("3.15"),),
            threats=frozenset({"docker-socket-wrong-owner", "client-compromise-after-crash"}),
            more=(
                _owned("the host gives the group another number", State.FAIL, "docker:x:999:\n"),
                _owned(
                    "another group by the daemon's settings",
                    State.PASS,
                    "engine:x:998:\ndocker:x:997:\n",
                    group="engine",
                ),
                _owned("a group by its number", State.PASS, "engine:x:998:\n", group="998"),
                _owned("the host knows no such group", State.FAIL, "root:x:0:\n"),
                _owned("a crowd in the group", State.WARN, "docker:x:998:a,b,c,d,e,f\n"),
                NodeExample(
                    title="a daemon without root, and its user's socket",
                    state=State.PASS,
                    files={
                        "/run/user/1000/docker.sock": replace(_SOCKET_FILE, uid=1000, gid=1000),
                        "/etc/passwd": HostFile(text="alice:x:1000:1000::/home/alice:/bin/sh\n", mode=0o644),
                        "/etc/group": HostFile(text="alice:x:1000:\n", mode=0o644),
                    },
                    processes=(dockerd("--host=unix:///run/user/1000/docker.sock", uid=1000),),
                ),
                NodeExample(
                    title="root's alone", state=State.WARN, files={**_GROUP, SOCKET: replace(_SOCKET_FILE, gid=0)}
                ),
            ),
        ),
        judge=_judge_owner,
    ),
    NodeRule(
        slug="untrusted-docker-group-member",
        severity=Severity.HIGH,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("1.1.2"),),
        threats=frozenset({"docker-client-takeover", "client-authorization-abuse", "docker-host-misconfiguration"}),
        wrong="Somebody who is not trusted with it is in Docker's group.",
        threat="Whoever is in the group talks to the daemon, mounts the node's root directory into a container, and is root.",
        wants="have no member beside those named as trusted (trustedDockerUsers)",
        fix="gpasswd -d USER docker; name who must stay in trustedDockerUsers.",
        remedy=Remedy.HOST,
        judge=_judge_members,
        examples=(
            NodeExample(title="a stranger", state=State.FAIL, files={**DOCKER_HOST, **_ACCOUNTS}),
            NodeExample(
                title="a trusted user",
                state=State.PASS,
                files={**DOCKER_HOST, **_ACCOUNTS},
                circumstances=Circumstances(trusted_docker_users=frozenset({"alice"})),
            ),
            NodeExample(
                title="a user whose own group it is",
                state=State.FAIL,
                files={
                    **DOCKER_HOST,
                    "/etc/passwd": HostFile(text="bob:x:1001:998::/home/bob:/bin/sh\n", mode=0o644),
                    "/etc/group": HostFile(text="docker:x:998:\n", mode=0o644),
                },
            ),
            NodeExample(
                title="nobody",
                state=State.PASS,
                files={**DOCKER_HOST, "/etc/group": HostFile(text="docker:x:998:\n", mode=0o644)},
            ),
            NodeExample(title="no such group", state=State.NOT_APPLICABLE, files=dict(DOCKER_HOST)),
            NodeExample(title="no Docker", state=State.NOT_APPLICABLE, files=_ACCOUNTS),
        ),
    ),
    *file_rules(
        "containerd-socket-file",
        GuardedFiles(
            what="containerd's socket",
            find=every_of(CONTAINERD_SOCKET),
            severity=Severity.CRITICAL,
            stride=Stride.ELEVATION,
            threat="Who writes to the socket starts any container, and so is root on the node.",
            example="/run/containerd/containerd.sock",
            kind=FileKind.SOCKET,
            remedy=Remedy.RUNTIME,
            threats=frozenset({"host-filesystem-exposure"}),
        ),
        Limit(files=0o660),
        (CisDocker("3.24"), CisDocker("3.23")),
    ),
)
