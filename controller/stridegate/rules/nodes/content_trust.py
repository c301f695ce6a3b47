"""Whether Docker's client is told to pull signed images alone."""

from __future__ import annotations

import re

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.docker import DOCKER_HOST, expect_docker
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import FilesUnder, FileText
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.units import unit
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_LOGIN = "/etc/environment"
_PROFILES = "/etc/profile.d"
_ASSIGNED = re.compile(r"""^\s*(?:export\s+)?DOCKER_CONTENT_TRUST=(["']?)([^"'\s;#]*)\1""", re.MULTILINE)
# The unit's own setting: a word among those of Environment=.
_IN_UNIT = re.compile(r"""(?:^|[\s"'])DOCKER_CONTENT_TRUST=([^"'\s]*)""")
_NOTE = (
    "Kubelets and runtimes ignore the variable, and exports in a shell cannot be seen: unsigned-image tells of images."
)


def _judge(node: Node) -> Verdict:
    expect_docker(node)
    said = {**_in_files(node), **_in_unit(node)}
    where = next((path for path, value in said.items() if value != "1"), next(iter(said), _LOGIN))
    trusted = bool(said) and said[where] == "1"
    return Verdict(
        state=State.PASS if trusted else State.WARN,
        observed=f"DOCKER_CONTENT_TRUST={said[where]}" if said else "DOCKER_CONTENT_TRUST is unset",
        wanted="DOCKER_CONTENT_TRUST=1",
        evidence=Evidence(source=Source.FILE, path=where),
        note=_NOTE,
    )


def _in_files(node: Node) -> dict[str, str]:
    """Return what each file that a login reads sets the variable to, the last line of it."""
    paths = (_LOGIN, *(node.get(FilesUnder(_PROFILES, "*.sh")) or ()))
    said: dict[str, str] = {}
    for path, text in zip(paths, node.look_at([FileText(path) for path in paths]), strict=True):
        if isinstance(text, Unreadable):
            raise NotReadable(text)
        if not isinstance(text, Absent) and (found := _ASSIGNED.findall(text)):
            said[path] = found[-1][1]
    return said


def _in_unit(node: Node) -> dict[str, str]:
    try:
        service = unit(node, "docker.service")
    except NotThere:
        return {}
    found = [value for line in service.values("Service", "Environment") for value in _IN_UNIT.findall(line)]
    return {service.path: found[-1]} if found else {}


def _login(title: str, state: State, text: str, path: str = _LOGIN) -> NodeExample:
    return NodeExample(title=title, state=state, files={**DOCKER_HOST, path: HostFile(text=text, mode=0o644)})


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="disabled-content-trust",
        severity=Severity.LOW,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisDocker("4.5"),),
        threats=frozenset(
            {
                "unauthorized-image-commit",
                "unsigned-image-pull",
                "content-trust-not-exported",
                "docker-host-misconfiguration",
            }
        ),
        wrong="Docker's client pulls images that nobody signed.",
        threat="An image that was exchanged in the registry, or on its way, is run without anybody noticing.",
        wants="set DOCKER_CONTENT_TRUST=1 for logins or in docker.service",
        fix="Add DOCKER_CONTENT_TRUST=1 to /etc/environment.",
        remedy=Remedy.TRUST,
        judge=_judge,
        examples=(
            NodeExample(title="unset", state=State.WARN, files=dict(DOCKER_HOST)),
            _login("for logins", State.PASS, "PATH=/usr/bin\nDOCKER_CONTENT_TRUST=1\n"),
            _login("exported by a profile", State.PASS, 'export DOCKER_CONTENT_TRUST="1"\n', f"{_PROFILES}/docker.sh"),
            _login("switched off", State.WARN, "DOCKER_CONTENT_TRUST=0\n"),
            _login("commented out", State.WARN, "#DOCKER_CONTENT_TRUST=1\n"),
            _login("another variable", State.WARN, "DOCKER_CONTENT_TRUST_SERVER=1\n"),
            _login(
                "in the unit",
                State.PASS,
                '[Service]\nEnvironment="DOCKER_CONTENT_TRUST=1"\n',
                "/etc/systemd/system/docker.service",
            ),
            NodeExample(title="no Docker", state=State.NOT_APPLICABLE),
        ),
    ),
)
