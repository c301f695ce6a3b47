"""Who may write the units and the configuration of Docker."""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.nodes.answers import FileKind, FileStatus
from stridegate.model.nodes.docker import CONFIGURATION, DOCKER_HOST, configuration_path, expect_docker, of_docker
from stridegate.model.nodes.file_rules import GuardedFiles, file_rules
from stridegate.model.nodes.files import Finder, Limit, every_of
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.paths import ABOVE_MOUNTS, Whereabouts, parent
from stridegate.model.nodes.queries import FileStatusOf
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import unit_files
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_TAMPERED = frozenset({"host-filesystem-exposure", "docker-daemon-config-tampering"})


def _unit(name: str) -> Finder:
    return of_docker(lambda node: unit_files(node, name))


def _unit_and_directories(name: str) -> Finder:
    """Return what finds a unit, its drop-ins and the directories on the way to them, in which they could be exchanged."""

    def find(node: Node) -> Iterable[str]:
        expect_docker(node)
        files = unit_files(node, name)
        answers = node.look_at([FileStatusOf(path) for path in files])
        targets = [answer.target for answer in answers if isinstance(answer, FileStatus)]
        directories = (above for path in (*files, *targets) for above in _above(path) if above not in ABOVE_MOUNTS)
        return tuple(dict.fromkeys((*files, *directories)))

    return find


def _above(path: str) -> Iterable[str]:
    while path != "/":
        path = parent(path)
        yield path


RULES: tuple[NodeRule, ...] = (
    *file_rules(
        "docker-service-file",
        GuardedFiles(
            what="Docker's service unit",
            find=_unit("docker.service"),
            severity=Severity.HIGH,
            stride=Stride.TAMPERING,
            threat="Who writes the unit decides what starts as root with the next restart of Docker.",
            example="/usr/lib/systemd/system/docker.service",
            files=DOCKER_HOST,
            threats=_TAMPERED,
        ),
        Limit(files=0o644),
        (CisDocker("3.2"), CisDocker("3.1")),
        more=(
            NodeExample(
                title="a drop-in that others may write",
                state=State.FAIL,
                files={
                    **DOCKER_HOST,
                    "/usr/lib/systemd/system/docker.service": HostFile(mode=0o644),
                    "/etc/systemd/system/docker.service.d/10-own.conf": HostFile(mode=0o666, uid=1000),
                },
            ),
        ),
    ),
    *file_rules(
        "docker-socket-unit",
        GuardedFiles(
            what="Docker's socket unit",
            find=_unit_and_directories("docker.socket"),
            severity=Severity.HIGH,
            stride=Stride.TAMPERING,
            threat="Who writes the unit decides who may talk to Docker's remote API, and so who is root on the node.",
            example="/usr/lib/systemd/system/docker.socket",
            files=DOCKER_HOST,
            threats=_TAMPERED,
        ),
        Limit(files=0o644, directories=0o755),
        (CisDocker("3.4"), CisDocker("3.3")),
        threats=(frozenset({"docker-socket-unit-tampering"}), frozenset({"docker-remote-api-alteration"})),
        more=(
            NodeExample(
                title="in a directory of another user, who may write there",
                state=State.FAIL,
                files={
                    **DOCKER_HOST,
                    "/etc/systemd/system": HostFile(kind=FileKind.DIRECTORY, mode=0o777, uid=1000),
                    "/etc/systemd/system/docker.socket": HostFile(mode=0o644),
                },
            ),
            NodeExample(
                title="a drop-in of another user, who may write it",
                state=State.FAIL,
                files={
                    **DOCKER_HOST,
                    "/usr/lib/systemd/system/docker.socket": HostFile(mode=0o644),
                    "/etc/systemd/system/docker.socket.d/10-own.conf": HostFile(mode=0o664, uid=1000),
                },
            ),
        ),
    ),
    *file_rules(
        "docker-config-directory",
        GuardedFiles(
            what="/etc/docker",
            find=of_docker(every_of(Whereabouts(general=("/etc/docker",)))),
            severity=Severity.MEDIUM,
            stride=Stride.TAMPERING,
            threat="Who writes the directory replaces daemon.json and the certificates of registries in it.",
            example="/etc/docker",
            kind=FileKind.DIRECTORY,
            files=DOCKER_HOST,
            threats=_TAMPERED,
        ),
        Limit(files=0o755),
        (CisDocker("3.6"), CisDocker("3.5")),
    ),
    *file_rules(
        "docker-daemon-config-file",
        GuardedFiles(
            what="Docker's daemon.json",
            find=lambda node: (configuration_path(node),),
            severity=Severity.HIGH,
            stride=Stride.TAMPERING,
            threat="Who writes it opens the daemon's API, or switches off what keeps containers apart.",
            example=CONFIGURATION,
            files=DOCKER_HOST,
            threats=_TAMPERED,
        ),
        Limit(files=0o644),
        (CisDocker("3.18"), CisDocker("3.17")),
        threats=(
            frozenset({"daemon-config-exploited-from-container", "daemon-json-too-open"}),
            frozenset({"daemon-config-exploited-from-container", "daemon-json-wrong-owner"}),
        ),
    ),
    *(
        rule
        for name, path, permissions, ownership in (
            ("default", "/etc/default/docker", "3.20", "3.19"),
            ("sysconfig", "/etc/sysconfig/docker", "3.21", "3.22"),
        )
        for rule in file_rules(
            f"docker-{name}-file",
            GuardedFiles(
                what=path,
                find=of_docker(every_of(Whereabouts(general=(path,)))),
                severity=Severity.HIGH,
                stride=Stride.TAMPERING,
                threat="Who writes it gives the daemon any flag with its next restart.",
                example=path,
                files=DOCKER_HOST,
                threats=_TAMPERED,
            ),
            Limit(files=0o644),
            (CisDocker(permissions), CisDocker(ownership)),
        )
    ),
)
