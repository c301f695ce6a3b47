"""Whether the programs that start containers are free of flaws that lead out of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import ComponentVersion, Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

Version = tuple[int, int, int]


class _Flaw(NamedTuple):
    """A flaw, and the first release of each minor version that is free of it; later minor versions always were, older ones are not."""

    name: str
    mended: tuple[Version, ...]

    def is_in(self, version: Version) -> bool:
        """Return whether a release has the flaw."""
        of_its_minor = [fixed for fixed in self.mended if fixed[:2] == version[:2]]
        return version < (of_its_minor[0] if of_its_minor else max(self.mended))


_FLAWS: Mapping[str, tuple[_Flaw, ...]] = MappingProxyType(
    {
        "runc": (
            _Flaw("CVE-2024-21626", ((1, 1, 12),)),
            # With CVE-2025-52565 and CVE-2025-52881, which were mended together with it. The first candidates of 1.4.0 have them.
            _Flaw("CVE-2025-31133", ((1, 2, 8), (1, 3, 3), (1, 4, 0))),
        ),
        # Requests that pass by authorization plugins.
        "docker": (_Flaw("CVE-2024-41110", ((23, 0, 15), (25, 0, 6), (26, 1, 5), (27, 1, 1))),),
        # A user number that overflows becomes root.
        "containerd": (_Flaw("CVE-2024-40635", ((1, 6, 38), (1, 7, 27), (2, 0, 4))),),
        # Commands as root by gitRepo volumes.
        "kubelet": (_Flaw("CVE-2024-10220", ((1, 28, 12), (1, 29, 7), (1, 30, 3))),),
    }
)
_VERSION = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(-(?:rc|alpha|beta))?")


def _judge(node: Node) -> Verdict:
    answers = dict(zip(_FLAWS, node.look_at([ComponentVersion(name) for name in _FLAWS]), strict=True))
    offenders: list[Offender] = []
    seen: list[str] = []
    hidden: list[Unreadable] = []
    for name, answer in answers.items():
        if isinstance(answer, Unreadable):
            hidden.append(answer)
        elif not isinstance(answer, Absent):
            version = _version(answer)
            if version is None:
                hidden.append(Unreadable(name, f"has no version that is known: {answer[:40]}"))
                continue
            seen.append(f"{name} {answer}")
            flaws = [flaw.name for flaw in _FLAWS[name] if flaw.is_in(version)]
            offenders += [Offender(name=f"{name} {answer}", observed=flaw) for flaw in flaws]
    if not offenders and hidden:
        raise NotReadable(hidden[0])
    if not seen:
        raise NotThere(Absent("container runtimes"))
    return Verdict(
        state=State.FAIL if offenders else State.PASS,
        observed=", ".join(f"{each.name}: {each.observed}" for each in offenders) or ", ".join(seen),
        wanted=", ".join(f"{name} {_newest(flaws)}" for name, flaws in _FLAWS.items()),
        evidence=Evidence(source=Source.FILE, path="installed programs"),
        offenders=tuple(offenders),
        note="A distribution may have mended it without a new version number." if offenders else "",
    )


def _version(text: str) -> Version | None:
    """Return the numbers of a version, those of a candidate before its release; None for what is none."""
    match = _VERSION.match(text)
    if match is None:
        return None
    major, minor, patch = int(match[1]), int(match[2]), int(match[3])
    return (major, minor, patch - 1 if match[4] else patch)


def _newest(flaws: tuple[_Flaw, ...]) -> str:
    return ".".join(map(str, max(max(flaw.mended) for flaw in flaws)))


def _versions(title: str, state: State, answer: object = None, **versions: str) -> NodeExample:
    told: dict[Query[object], object] = {
        ComponentVersion(name): versions.get(name, answer or Absent(name)) for name in _FLAWS
    }
    return NodeExample(title=title, state=state, answers=told)


RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="outdated-runtime-version",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisDocker("1.2.2"),),
        threats=frozenset(
            {"daemon-config-exploited-from-container", "container-escape", "docker-host-misconfiguration"}
        ),
        wrong="A container runtime has a known flaw that leads out of containers.",
        threat="A container, or an image that somebody starts, takes over the node with a published exploit.",
        wants="be at or above the release that mended each known way out, for runc, containerd, docker and the kubelet",
        fix="Upgrade to the release that is wanted, and restart what still runs the old one.",
        remedy=Remedy.UPGRADE,
        judge=_judge,
        examples=(
            _versions("all new", State.PASS, runc="1.3.3", containerd="2.1.5", docker="28.5.2", kubelet="1.34.1"),
            _versions("an older minor version, mended", State.PASS, runc="1.2.8"),
            _versions("an older minor version, not mended", State.FAIL, runc="1.2.7"),
            _versions("a newer minor version, not mended", State.FAIL, runc="1.3.2"),
            _versions("a newer minor version that never had it", State.PASS, runc="1.4.0"),
            _versions("a minor version that was never mended", State.FAIL, runc="1.1.15"),
            _versions("before every floor", State.FAIL, runc="1.1.11"),
            _versions("ten is more than nine", State.PASS, runc="1.2.10"),
            _versions("a candidate of the release that mends it", State.FAIL, runc="1.3.3-rc.1"),
            _versions(
                "a candidate of a minor version that was mended before its release", State.FAIL, runc="1.4.0-rc.1"
            ),
            _versions("docker, one branch of a major version mended and the other not", State.FAIL, docker="26.0.2"),
            _versions("docker, the branch that was mended", State.PASS, docker="26.1.5"),
            _versions("one of several", State.FAIL, runc="1.3.3", containerd="1.7.26"),
            _versions("no version", State.UNKNOWN, runc="unknown"),
            _versions("not told", State.UNKNOWN, Unreadable("runc", "says its version only when it is run")),
            _versions("nothing installed", State.NOT_APPLICABLE),
        ),
    ),
)
