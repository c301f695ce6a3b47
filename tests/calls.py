"""The command as a process of its own, as a shell starts it."""

from __future__ import annotations

import os
import subprocess
import sys

ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def stridegate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Return how the command ended with these arguments, and nothing but this in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "stridegate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT | environment,
        stdin=subprocess.DEVNULL,
    )
