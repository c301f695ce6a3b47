"""Whether the programs that start containers are free of flaws that lead out of one, or give an image more than its pod asks for.

Each flaw stands with where its makers say which release mends it, or with the source that changed between two releases
where they say it nowhere in what they release. CRI-O is not judged: its releases name no flaws in anything that was read.
"""

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
        # CHANGELOG.md of runc 1.5.2, 1.4.3 and 1.3.6, where each stands under "Security".
        "runc": (
            # A leaked descriptor of a directory on the host (GHSA-xr7r-f8xq-vfvv).
            _Flaw("CVE-2024-21626", ((1, 1, 12),)),
            # Masked paths (GHSA-9493-h29p-rfm2), with CVE-2025-52565 (/dev/console) and CVE-2025-52881 (writes to /proc),
            # which were mended together with it. The first candidates of 1.4.0 have them.
            _Flaw("CVE-2025-31133", ((1, 2, 8), (1, 3, 3), (1, 4, 0))),
            # An image whose /dev is a link writes to the host, a little (GHSA-xjvp-4fhw-gc47). Not mended in 1.2.
            _Flaw("CVE-2026-41579", ((1, 3, 6), (1, 4, 3), (1, 5, 0))),
        ),
        # Requests that pass by authorization plugins (GHSA-v23v-6jw2-98fq): pkg/authorization/authz.go is the one without in
        # 25.0.5, 26.1.4 and 27.1.0, and the mended one in 25.0.6 and 27.1.1.
        "docker": (_Flaw("CVE-2024-41110", ((23, 0, 15), (25, 0, 6), (26, 1, 5), (27, 1, 1))),),
        "containerd": (
            # A user number that overflows becomes root (GHSA-265r-hfxg-fhmg): oci/spec_opts.go has bounds in 1.7.27, none in 1.7.25.
            _Flaw("CVE-2024-40635", ((1, 6, 38), (1, 7, 27), (2, 0, 4))),
            # One beyond those bounds is taken for a name, which the image's passwd makes root (GHSA-fqw6-gf59-qr4w):
            # releases/v1.7.32.toml, v2.0.9.toml, v2.1.8.toml, v2.2.4.toml, v2.3.1.toml, "Security Updates".
            _Flaw("CVE-2026-46680", ((1, 7, 32), (2, 0, 9), (2, 1, 8), (2, 2, 4), (2, 3, 1))),
            # Labels of an image that containerd takes for its own (pkg/labels: IsReserved since 2.1.9), with CVE-2026-47262:
            # releases/v1.7.33.toml, v2.0.10.toml, v2.1.9.toml, v2.2.5.toml, v2.3.2.toml.
            _Flaw("CVE-2026-53488", ((1, 7, 33), (2, 0, 10), (2, 1, 9), (2, 2, 5), (2, 3, 2))),
        ),
        # Commands as root by the hooks of a gitRepo volume's repository (kubernetes#128885): pkg/volume/git_repo has the
        # bound on its directory in 1.30.4, none in 1.29.6.
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
        wrong="A container runtime has a known flaw that leads out of containers, or gives an image more than its pod asks for.",
        threat="A container, or an image that somebody starts, takes over the node with a published exploit.",
        wants="be at or above the release that mended each known way out, for runc, containerd, docker and the kubelet",
        fix="Upgrade to the release that is wanted, and restart what still runs the old one.",
        remedy=Remedy.UPGRADE,
        judge=_judge,
        examples=(
            _versions("all new", State.PASS, runc="1.4.3", containerd="2.1.9", docker="28.5.2", kubelet="1.34.1"),
            _versions("an older minor version, mended", State.PASS, runc="1.3.6"),
            _versions("an older minor version, not mended", State.FAIL, runc="1.3.5"),
            _versions("a newer minor version, not mended", State.FAIL, runc="1.4.2"),
            _versions("a newer minor version that never had it", State.PASS, runc="1.6.0"),
            _versions("a minor version that was never mended", State.FAIL, runc="1.2.9"),
            _versions("before every floor", State.FAIL, runc="1.1.11"),
            _versions("ten is more than nine", State.PASS, containerd="2.0.10"),
            _versions("a candidate of the release that mends it", State.FAIL, runc="1.4.3-rc.1"),
            _versions(
                "a candidate of a minor version that was mended before its release", State.FAIL, runc="1.5.0-rc.2"
            ),
            _versions("an image's user number as a name", State.FAIL, containerd="2.1.7"),
            _versions("an image's labels as containerd's own", State.FAIL, containerd="2.3.1"),
            _versions("a minor version that nobody mends any more", State.FAIL, containerd="1.6.39"),
            _versions("docker, one branch of a major version mended and the other not", State.FAIL, docker="26.0.2"),
            _versions("docker, the branch that was mended", State.PASS, docker="26.1.5"),
            _versions("one of several", State.FAIL, runc="1.4.3", containerd="1.7.26"),
            _versions("no version", State.UNKNOWN, runc="unknown"),
            _versions("not told", State.UNKNOWN, Unreadable("runc", "says its version only when it is run")),
            _versions("nothing installed", State.NOT_APPLICABLE),
        ),
    ),
)
