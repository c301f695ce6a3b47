"""Where things are kept: the checkout, the recipes in it, the user's cache and the cluster's state."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localkube.errors import UnsuitableName

RECIPES = Path(__file__).resolve().parents[1]
"""The folder `deploy/local`: pinned modules and the node's files."""

CHECKOUT = RECIPES.parents[1]
"""The working copy that this file belongs to."""


_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders that a run may write to, by the XDG base directory specification."""

    cache: Path
    """What can be built again: programs, images, logs. Shared by all checkouts of the user."""
    state: Path
    """What belongs to one named cluster: owner, kubeconfig, process ids, the engine's data."""

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Places":
        """Read the user's folders; the environment variable CLUSTER (default `stridegate`) names the state folder."""
        home = Path(environment.get("HOME") or Path.home())
        cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "stridegate"
        states = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "stridegate"
        return cls(cache=cache, state=states / cluster_name(environment))


def cluster_name(environment: Mapping[str, str] = os.environ) -> str:
    """Say what the user's local cluster is called. Raises UnsuitableName."""
    name = environment.get("CLUSTER") or "stridegate"
    if not _NAME.fullmatch(name):
        raise UnsuitableName(name)
    return name
