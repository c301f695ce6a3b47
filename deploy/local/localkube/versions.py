"""Versions: of Kubernetes, which the user may choose, and of modules, which their go.mod alone says."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localkube.errors import UnsupportedVersion
from localkube.places import RECIPES

DEFAULT_KUBERNETES = "1.36.3"
"""The version that is built when the environment variable KUBERNETES does not say another."""

_REQUIREMENT = re.compile(r"^\s*(?:require\s+)?(?P<module>[^\s/]+\.[^\s]+) (?P<version>v\d[^\s]*)", re.MULTILINE)
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class KubernetesVersion:
    """A release of Kubernetes; `str()` gives it the way git tags it: `v1.36.3`."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Give the tag, with its leading v."""
        return f"v{self.number}"

    @property
    def number(self) -> str:
        """The version without the leading v: the name of its folder in `modules/kubernetes`."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> "KubernetesVersion":
        """Read `1.36.3` or `v1.36.3`; raise UnsupportedVersion where no pinned module can build it."""
        found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text)
        pinned = pinned_kubernetes()
        if not found:
            raise UnsupportedVersion(text, pinned)
        version = cls(major=int(found[1]), minor=int(found[2]), patch=int(found[3]))
        if version.number not in pinned:
            raise UnsupportedVersion(text, pinned)
        return version

    @classmethod
    def chosen(cls, environment: Mapping[str, str] = os.environ) -> "KubernetesVersion":
        """Read the environment variable KUBERNETES, or take the default."""
        return cls.parse(environment.get("KUBERNETES") or DEFAULT_KUBERNETES)


def pinned_kubernetes(recipes: Path = RECIPES) -> tuple[str, ...]:
    """List the versions that have a go.mod and go.sum here."""
    return tuple(sorted(file.parent.name for file in recipes.glob("modules/kubernetes/*/go.sum")))


def required_version(go_mod: str, package: str) -> str:
    """Find the version of the module that a Go package comes from: the longest module path that the package begins with."""
    matches = {
        found["module"]: found["version"]
        for found in _REQUIREMENT.finditer(go_mod)
        if package == found["module"] or package.startswith(found["module"] + "/")
    }
    return matches[max(matches, key=len)]


def least_go(recipes: Path = RECIPES) -> tuple[int, int, int]:
    """Find the Go release that every pinned module can be built with: the greatest `go` line of all."""
    lines = [_GO_LINE.search(file.read_text(encoding="utf-8")) for file in recipes.glob("modules/**/go.mod")]
    return max((int(line[1]), int(line[2]), int(line[3] or 0)) for line in lines if line)
