"""What of Docker, its runtime and Kubernetes must leave a trace in the audit log when it is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stridegate.model.nodes.answers import FileKind, Process
from stridegate.model.nodes.audit_watches import AUDITD, COMPILED, audited
from stridegate.model.nodes.docker import CONFIGURATION, SOCKET, configuration_path, daemon, expect_docker
from stridegate.model.nodes.files import first_existing
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.paths import (
    CONTAINERD_SOCKET,
    CRI_DOCKER_SOCKET,
    CRIO_SOCKET,
    KUBELET_CONFIGURATION,
    KUBELET_UNIT,
    PKI,
    Whereabouts,
)
from stridegate.model.nodes.programs import host_processes
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import DIRECTORIES
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisDocker

_PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/bin")
_FILE = HostFile(text="\n", mode=0o644)
_PROGRAM = HostFile(text="\n", mode=0o755)
_DIRECTORY = HostFile(kind=FileKind.DIRECTORY, mode=0o755)
_SOCKET = HostFile(kind=FileKind.SOCKET, mode=0o660)
_DOCKER = {SOCKET: _SOCKET}
# Files of the benchmark's numbering: programs of the runtime, what they are, and their recommendation.
_RUNTIME_PROGRAMS = (
    ("unaudited-containerd-binary", "containerd", "1.1.14"),
    ("unaudited-containerd-shim", "containerd-shim", "1.1.15"),
    ("unaudited-containerd-shim-runc-v1", "containerd-shim-runc-v1", "1.1.16"),
    ("unaudited-containerd-shim-runc-v2", "containerd-shim-runc-v2", "1.1.17"),
    ("unaudited-runc-binary", "runc", "1.1.18"),
)

Paths = Callable[[Node], Sequence[str]]


def _at(*paths: str) -> Paths:
    return lambda _: paths


def _every(whereabouts: Whereabouts) -> Paths:
    return lambda node: whereabouts.on(node.circumstances.installation)


def _first(whereabouts: Whereabouts) -> Paths:
    return lambda node: (first_existing(node, whereabouts.on(node.circumstances.installation)).path,)


def _of_docker(paths: Paths) -> Paths:
    """Return what finds the paths where Docker is, and nothing where it is not."""

    def find(node: Node) -> Sequence[str]:
        expect_docker(node)
        return paths(node)

    return find


def _unit(name: str) -> Paths:
    return _first(Whereabouts(general=tuple(f"{directory}/{name}" for directory in DIRECTORIES)))


def _program(name: str) -> Paths:
    """Return what finds a program where it runs from, as its processes were started, and where it usually is."""

    def find(node: Node) -> Sequence[str]:
        started = [process.argv[0] for process in host_processes(node, name) if process.argv[0].startswith("/")]
        return tuple(dict.fromkeys((*started, *(f"{directory}/{name}" for directory in _PROGRAMS))))

    return find


def _data_directory(node: Node) -> Sequence[str]:
    return (daemon(node).data_root,)


def _configuration(node: Node) -> Sequence[str]:
    return (configuration_path(node),)


def _elsewhere(title: str, state: State, watched: str) -> NodeExample:
    """Return a host whose dockerd was started from /opt/docker, with its data and configuration elsewhere too."""
    argv = ("/opt/docker/dockerd", "--data-root=/srv/docker", "--config-file", "/srv/daemon.json")
    return NodeExample(
        title=title,
        state=state,
        files={
            "/opt/docker/dockerd": _PROGRAM,
            "/srv/docker": _DIRECTORY,
            "/srv/daemon.json": HostFile(text="{}\n", mode=0o644),
            COMPILED: HostFile(text=f"-w {watched} -p wa\n"),
        },
        processes=(AUDITD, Process(pid=912, comm="dockerd", argv=argv, cgroup="/system.slice/docker.service")),
    )


def _configured(title: str, state: State, rules: str, *, link: str = "") -> NodeExample:
    """Return a host with Docker's configuration directory, or a link to it, and these audit rules."""
    files = {**_DOCKER, link or "/etc/docker": _DIRECTORY, COMPILED: HostFile(text=f"{rules}\n")}
    files |= {"/etc/docker": HostFile(link=link)} if link else {}
    return NodeExample(title=title, state=state, files=files, processes=(AUDITD,))


def _merged(title: str, state: State, watched: str) -> NodeExample:
    """Return a host with merged /usr whose docker.service came with its package."""
    return NodeExample(
        title=title,
        state=state,
        files={
            **_DOCKER,
            "/usr/lib/systemd/system/docker.service": _FILE,
            "/lib": HostFile(link="usr/lib"),
            COMPILED: HostFile(text=f"-a always,exit -F path={watched} -F perm=wa\n"),
        },
        processes=(AUDITD,),
    )


def _runtime_sockets(node: Node) -> Sequence[str]:
    whereabouts = (CONTAINERD_SOCKET, CRIO_SOCKET, CRI_DOCKER_SOCKET)
    return (SOCKET, *(path for each in whereabouts for path in each.on(node.circumstances.installation)))


_DOCKER_RULES = (
    audited(
        "unaudited-dockerd-binary",
        "Docker's daemon",
        _of_docker(_program("dockerd")),
        examples=("/usr/bin/dockerd", _PROGRAM),
        references=(CisDocker("1.1.3"),),
        around=_DOCKER,
        more=(
            _elsewhere("started from another path, which is watched", State.PASS, "/opt/docker/dockerd"),
            _elsewhere("started from another path", State.FAIL, "/usr/bin/dockerd"),
        ),
    ),
    audited(
        "unaudited-docker-data-directory",
        "Docker's data directory",
        _data_directory,
        examples=("/var/lib/docker", _DIRECTORY),
        references=(CisDocker("1.1.5"),),
        threats=frozenset({"unaudited-docker-data"}),
        around={**_DOCKER, CONFIGURATION: HostFile(text="{}\n", mode=0o644)},
        more=(
            _elsewhere("the data is elsewhere and watched there", State.PASS, "/srv/docker"),
            _elsewhere("the data is elsewhere", State.FAIL, "/var/lib/docker"),
        ),
    ),
    audited(
        "unaudited-docker-config-directory",
        "Docker's configuration directory",
        _of_docker(_at("/etc/docker")),
        examples=("/etc/docker", _DIRECTORY),
        references=(CisDocker("1.1.6"),),
        threats=frozenset({"unaudited-docker-config", "docker-daemon-config-tampering"}),
        around=_DOCKER,
        more=(
            _configured("the directory above is watched", State.PASS, "-w /etc -p wa"),
            _configured(
                "only the inode of the directory above is", State.FAIL, "-a always,exit -F path=/etc -F perm=wa"
            ),
            _configured("only its own inode is watched", State.WARN, "-a always,exit -F path=/etc/docker -F perm=wa"),
            _configured("a link leads elsewhere than the rule", State.FAIL, "-w /etc/docker -p wa", link="/srv/docker"),
            _configured("where the link leads is watched", State.PASS, "-w /srv/docker -p wa", link="/srv/docker"),
            _configured("every rule is kept silent", State.FAIL, "-w /etc/docker -p wa\n-a never,task"),
        ),
    ),
    audited(
        "unaudited-docker-service-unit",
        "Docker's service unit",
        _of_docker(_unit("docker.service")),
        examples=("/usr/lib/systemd/system/docker.service", _FILE),
        references=(CisDocker("1.1.7"),),
        threats=frozenset({"unaudited-docker-unit"}),
        around=_DOCKER,
        more=(
            _merged("/lib leads to /usr/lib, which is watched", State.PASS, "/usr/lib/systemd/system/docker.service"),
            _merged(
                "/lib leads to /usr/lib and is what the rule says", State.PASS, "/lib/systemd/system/docker.service"
            ),
            _merged("another unit is watched", State.FAIL, "/lib/systemd/system/docker.socket"),
        ),
    ),
    audited(
        "unaudited-docker-socket-unit",
        "Docker's socket unit",
        _of_docker(_unit("docker.socket")),
        examples=("/usr/lib/systemd/system/docker.socket", _FILE),
        references=(CisDocker("1.1.9"),),
        threats=frozenset({"docker-remote-api-alteration"}),
        around=_DOCKER,
    ),
    audited(
        "unaudited-docker-daemon-config",
        "Docker's daemon.json",
        _configuration,
        examples=(CONFIGURATION, HostFile(text="{}\n", mode=0o644)),
        references=(CisDocker("1.1.11"),),
        threats=frozenset({"docker-daemon-config-tampering"}),
        around=_DOCKER,
        more=(_elsewhere("--config-file is watched", State.PASS, "/srv/daemon.json"),),
    ),
    *(
        audited(
            slug, path, _of_docker(_at(path)), examples=(path, _FILE), references=(CisDocker(number),), around=_DOCKER
        )
        for slug, path, number in (
            ("unaudited-docker-default-file", "/etc/default/docker", "1.1.10"),
            ("unaudited-docker-sysconfig-file", "/etc/sysconfig/docker", "1.1.13"),
        )
    ),
)

_RUNTIME_RULES = (
    audited(
        "unaudited-containerd-run-directory",
        "containerd's run directory",
        _at("/run/containerd"),
        examples=("/run/containerd", _DIRECTORY),
        references=(CisDocker("1.1.4"),),
    ),
    audited(
        "unaudited-containerd-socket",
        "containerd's socket",
        _every(CONTAINERD_SOCKET),
        examples=("/run/containerd/containerd.sock", _SOCKET),
        references=(CisDocker("1.1.8"),),
    ),
    audited(
        "unaudited-containerd-config",
        "containerd's configuration",
        _at("/etc/containerd/config.toml"),
        examples=("/etc/containerd/config.toml", _FILE),
        references=(CisDocker("1.1.12"),),
    ),
    *(
        audited(
            slug,
            f"the program {program}",
            _program(program),
            examples=(f"/usr/bin/{program}", _PROGRAM),
            references=(CisDocker(number),),
        )
        for slug, program, number in _RUNTIME_PROGRAMS
    ),
)

_KUBERNETES_RULES = (
    audited(
        "unaudited-kubernetes-directory",
        "Kubernetes' configuration directory",
        _at("/etc/kubernetes"),
        examples=("/etc/kubernetes", _DIRECTORY),
        threats=frozenset({"unauthorized-apiserver-change"}),
    ),
    audited(
        "unaudited-kubernetes-pki",
        "the cluster's keys and certificates",
        _every(PKI),
        examples=("/etc/kubernetes/pki", _DIRECTORY),
    ),
    audited(
        "unaudited-kubelet-config",
        "the kubelet's configuration",
        _first(KUBELET_CONFIGURATION),
        examples=("/var/lib/kubelet/config.yaml", _FILE),
        threats=frozenset({"kubelet-config-tampering", "unauthorized-kubelet-change"}),
    ),
    audited(
        "unaudited-kubelet-service-unit",
        "the kubelet's service unit",
        _first(KUBELET_UNIT),
        examples=("/usr/lib/systemd/system/kubelet.service", _FILE),
        threats=frozenset({"kubelet-config-tampering"}),
    ),
    audited(
        "unaudited-cni-config",
        "the configuration of the pod network",
        _at("/etc/cni"),
        examples=("/etc/cni", _DIRECTORY),
    ),
    audited(
        "unaudited-runtime-socket",
        "the sockets of container runtimes",
        _runtime_sockets,
        examples=("/run/containerd/containerd.sock", _SOCKET),
        threats=frozenset({"docker-socket-wrong-owner"}),
    ),
)

RULES: tuple[NodeRule, ...] = (*_DOCKER_RULES, *_RUNTIME_RULES, *_KUBERNETES_RULES)
