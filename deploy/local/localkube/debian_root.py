"""A small Debian file system by debootstrap: what images are made of where no registry can be reached."""

import os
from dataclasses import dataclass
from pathlib import Path

from localkube import debian
from localkube.cache import Cache, digest, locked
from localkube.commands import Argument, on_path, run
from localkube.errors import CommandFailed, NetworkUnreachable, NotRoot
from localkube.mounts import remove_tree
from localkube.progress import step

RELEASE = "bookworm"
PYTHON = "3.11"
"""The Python of that release."""

_DEAD_WEIGHT = (
    "var/lib/apt/lists", "var/cache/apt", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale",
    "usr/share/info",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianRoot:
    """A Debian with some packages, as a tar in the cache."""

    name: str
    packages: tuple[str, ...]
    purpose: str
    """What it is for, in the progress line."""

    @property
    def digest(self) -> str:
        """The key of its recipe."""
        return digest([RELEASE, *self.packages, *_DEAD_WEIGHT])

    def is_built(self, cache: Cache) -> bool:
        """Tell whether the tar is in the cache."""
        return cache.entry(self.name, self.digest).is_dir()

    def archive(self, cache: Cache) -> Path:
        """Return the tar. Raises NotRoot, NetworkUnreachable, PackagesUnavailable, CommandFailed."""

        def build(place: Path) -> None:
            root = place / "root"
            with step(f"making a Debian {RELEASE} root for {self.purpose}", expect="first time only, about 1 min"):
                self._bootstrap(root, cache.root / "debs", cache.log(self.name))
                pack(root, place / "root.tar")
            remove_tree(root)

        return cache.built(self.name, self.digest, build, gib=2) / "root.tar"

    def _bootstrap(self, root: Path, debs: Path, log: Path) -> None:
        if os.geteuid() != 0:
            raise NotRoot("building a Debian root (debootstrap)")
        debian.ensure(["debootstrap"], purpose="images without a registry", log=log)
        debs.mkdir(parents=True, exist_ok=True)  # packages once downloaded serve every root
        command: list[Argument] = [
            on_path("debootstrap") or "debootstrap", "--variant=minbase", f"--include={','.join(self.packages)}",
            f"--cache-dir={debs}", RELEASE, root,
        ]  # fmt: skip
        mirror = _mirror()
        try:
            with locked(debs / "lock", waiting_for="another root that is being made"):  # one cache, two cores
                run([*command, mirror] if mirror else command, log=log)
        except CommandFailed as failure:
            if "Failed getting release file" in failure.last_words or "Couldn't download" in failure.last_words:
                raise NetworkUnreachable(f"the Debian release {RELEASE}", log) from failure
            raise


def pack(root: Path, archive_file: Path) -> None:
    """Pack a root as a tar with its owners, without what makes it bigger and helps nobody in an image."""
    excluded = ["./dev/*", "./proc/*", "./sys/*", *(f"./{path}/*" for path in _DEAD_WEIGHT)]
    run(
        ["tar", "-C", root, "--one-file-system", "--numeric-owner", *(f"--exclude={path}" for path in excluded),
         "-cf", archive_file, "."]
    )  # fmt: skip


def unpack(archive_file: Path, root: Path) -> None:
    """Unpack such a tar."""
    root.mkdir(parents=True, exist_ok=True)
    run(["tar", "-C", root, "--numeric-owner", "-xpf", archive_file])


def _mirror() -> str:
    """Find the mirror that this machine's own apt uses for the release; elsewhere debootstrap knows a default."""
    if not on_path("apt-get"):
        return ""
    lines = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)"]).splitlines()
    return next((line.split()[0] for line in lines if line.split()[1:] == [RELEASE, "main"]), "")
