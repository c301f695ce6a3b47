"""The program of Prometheus that checks rules and lets them run in a simulated time."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import Places
from localkube.versions import KubernetesVersion


@dataclass(frozen=True, slots=True)
class Promtool:
    """The promtool program."""

    program: Path

    @classmethod
    def built(cls) -> Self:
        """Return it as the local cluster's programs are built."""
        binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
        return cls(binaries.program("promtool"))

    def complaints(self, *arguments: str | Path) -> str:
        """Return what it says where it fails; nothing where it does not."""
        done = subprocess.run([self.program, *arguments], check=False, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr if done.returncode else ""
