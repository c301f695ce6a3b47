"""What every cluster here offers, whoever made it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localkube.commands import run
from localkube.progress import say


class Cluster(Protocol):
    """A Kubernetes that one can work with as an administrator."""

    @property
    def name(self) -> str:
        """What it is called in sentences."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return its stdout. Raises CommandFailed, whose `last_words` are kubectl's."""

    def load_image(self, tag: str) -> None:
        """Make an image of the local engine known to the cluster's nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingCluster:
    """A cluster that the user named by KUBECONFIG; it is used, never made or taken down."""

    kubeconfig: Path
    kubectl_program: Path

    @property
    def name(self) -> str:
        """The kubeconfig's current context."""
        return self.kubectl("config", "current-context").strip()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl on it."""
        return run([self.kubectl_program, "--kubeconfig", self.kubeconfig, *arguments], stdin=stdin)

    def load_image(self, tag: str) -> None:
        """Say that nothing can be loaded: how images reach such a cluster's nodes, only its owner knows."""
        say(f"the nodes of {self.name} must be able to pull {tag}: push it to a registry of theirs, or load it there")
