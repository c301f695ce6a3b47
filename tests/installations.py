"""Stridegate as it is installed on a cluster, for tests that use it like its users."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

from localkube.binaries import Binaries
from localkube.errors import CommandFailed
from localkube.kind_cluster import KindCluster
from traffic import Answer, Stream, pod


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Stridegate on the cluster, and what the API server said to pods while it was being installed."""

    cluster: KindCluster
    binaries: Binaries
    meanwhile: tuple[Answer, ...]

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator."""
        return self.cluster.kubectl(*arguments, stdin=stdin)

    def refusal(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what kubectl says on its way out; it must fail."""
        with pytest.raises(CommandFailed) as failure:
            self.kubectl(*arguments, stdin=stdin)
        return failure.value.last_words

    def stream(self, namespace: str, *, privileged: bool, per_second: float = 20.0) -> Stream:
        """Return a stream of dry-run creations."""
        return Stream(self.cluster.kubeconfig, namespace, pod(privileged=privileged), per_second)

    def kubectl_aloud(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return all that it says; warnings go to stderr."""
        return subprocess.run(
            [self.binaries.program("kubectl"), "--kubeconfig", self.cluster.kubeconfig, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
