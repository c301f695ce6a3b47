"""Who may read and write what Docker proves itself with, and what it trusts: its TLS files, and those for registries."""

from __future__ import annotations

import json
from collections.abc import Iterable

from stridegate.model.nodes.docker import CONFIGURATION, DOCKER_HOST, daemon, of_docker
from stridegate.model.nodes.file_rules import GuardedFiles, file_rules
from stridegate.model.nodes.files import Finder, Limit, tree_of
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.paths import Whereabouts
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_EXPOSED = frozenset({"host-filesystem-exposure"})
_SPOOFED = _EXPOSED | {"docker-client-spoofing"}
_CERTIFICATES = "/etc/docker/certs.d"
_REGISTRY = f"{_CERTIFICATES}/registry.example.com:5000"
# Settings, and what the daemon looks for in root's ~/.docker where TLS is on and they are unset.
_TLS_KEYS = {"tlscacert": "ca.pem", "tlscert": "cert.pem", "tlskey": "key.pem"}
_TLS_FILES = {
    CONFIGURATION: HostFile(
        text=json.dumps({"tlsverify": True} | {name: f"/etc/docker/tls/{file}" for name, file in _TLS_KEYS.items()}),
        mode=0o644,
    )
}


def _tls(setting: str) -> Finder:
    """Return what finds a file of the daemon's TLS: where its setting says, else where the daemon looks when TLS is on."""

    def find(node: Node) -> Iterable[str]:
        docker = daemon(node)
        wanted = docker.truth("tls", default=False).value or docker.truth("tlsverify", default=False).value
        path = docker.text(setting, f"/root/.docker/{_TLS_KEYS[setting]}" if wanted else "").value
        return (path,) if path else ()

    return find


def _tls_rules(  # noqa: PLR0913 - one argument for each thing that a declaration says
    slug: str,
    setting: str,
    *,
    what: str,
    stride: Stride,
    threat: str,
    limit: Limit,
    references: tuple[CisDocker, CisDocker],
    threats: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset()),
) -> tuple[NodeRule, ...]:
    """Return both rules about a file of the daemon's TLS, by the setting that names it."""
    file = _TLS_KEYS[setting]
    guarded = GuardedFiles(
        what=what,
        find=_tls(setting),
        severity=Severity.HIGH,
        stride=stride,
        threat=threat,
        example=f"/etc/docker/tls/{file}",
        files=_TLS_FILES,
        threats=_SPOOFED,
    )
    unset = NodeExample(
        title="where the daemon looks when nothing is set, and too open there",
        state=State.FAIL,
        files={
            CONFIGURATION: HostFile(text='{"tls": true}', mode=0o644),
            f"/root/.docker/{file}": HostFile(mode=0o646, gid=1000),
        },
    )
    return file_rules(slug, guarded, limit, references, threats=threats, more=(unset,))


RULES: tuple[NodeRule, ...] = (
    *file_rules(
        "registry-certificate-file",
        GuardedFiles(
            what="the certificates and keys for registries",
            find=of_docker(tree_of(Whereabouts(general=(_CERTIFICATES,)), "*.crt", "*.cert", "*.key")),
            severity=Severity.MEDIUM,
            stride=Stride.INFORMATION_DISCLOSURE,
            threat="Who writes them makes Docker trust another registry; who reads a key pulls and pushes as this node.",
            example=f"{_REGISTRY}/ca.crt",
            files=DOCKER_HOST,
            threats=_EXPOSED,
        ),
        Limit(files=0o444, by_pattern={"*.key": 0o400}),
        (CisDocker("3.8"), CisDocker("3.7")),
        threats=(
            frozenset({"registry-certificate-exposure", "registry-certificate-full-access", "registry-compromise"}),
            frozenset({"registry-certificate-full-access", "registry-compromise"}),
        ),
        more=(
            NodeExample(
                title="a key that others may read, and another user may write",
                state=State.FAIL,
                files={**DOCKER_HOST, f"{_REGISTRY}/client.key": HostFile(mode=0o644, uid=1000)},
            ),
            NodeExample(
                title="a client certificate of another user that others may write",
                state=State.FAIL,
                files={**DOCKER_HOST, f"{_REGISTRY}/client.cert": HostFile(mode=0o446, uid=1000)},
            ),
            NodeExample(
                title="a key for root alone",
                state=State.PASS,
                files={**DOCKER_HOST, f"{_REGISTRY}/client.key": HostFile(mode=0o400)},
            ),
        ),
    ),
    *_tls_rules(
        "docker-tls-ca-file",
        "tlscacert",
        what="the CA certificate that Docker's clients are checked with",
        stride=Stride.SPOOFING,
        threat="Who writes it decides whose client certificates the daemon takes, and so who is root on the node.",
        limit=Limit(files=0o444),
        references=(CisDocker("3.10"), CisDocker("3.9")),
        threats=(frozenset({"docker-daemon-spoofing"}), frozenset()),
    ),
    *_tls_rules(
        "docker-tls-certificate-file",
        "tlscert",
        what="the certificate that Docker's daemon shows",
        stride=Stride.SPOOFING,
        threat="Who writes it makes the daemon show another certificate, and its clients trust another server.",
        limit=Limit(files=0o444),
        references=(CisDocker("3.12"), CisDocker("3.11")),
    ),
    *_tls_rules(
        "docker-tls-key-file",
        "tlskey",
        what="the key of Docker's daemon",
        stride=Stride.INFORMATION_DISCLOSURE,
        threat="Who reads it passes for the daemon and sees all that its clients send.",
        limit=Limit(files=0o400),
        references=(CisDocker("3.14"), CisDocker("3.13")),
    ),
)
