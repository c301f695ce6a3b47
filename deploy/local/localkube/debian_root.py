"""A small Debian file system by debootstrap: what images are made of where no registry can be reached."""

import os
from collections.abc import Sequence
from pathlib import Path

from localkube import debian
from localkube.cache import Cache, digest
from localkube.commands import on_path, run
from localkube.errors import CommandFailed, NetworkUnreachable, NotRoot
from localkube.progress import step

RELEASE = "bookworm"

_DEAD_WEIGHT = ("var/lib/apt/lists", "var/cache/apt", "usr/share/doc", "usr/share/man", "usr/share/locale",
                "usr/share/info", "var/log")  # fmt: skip


def archive(cache: Cache, name: str, packages: Sequence[str], *, purpose: str) -> Path:
    """Return a tar of a Debian with these packages. Raises NotRoot, NetworkUnreachable, PackagesUnavailable."""

    def build(place: Path) -> None:
        root = place / "root"
        log = cache.log(name)
        with step(f"making a Debian {RELEASE} root for {purpose}", expect="first time only, about 1 min"):
            _bootstrap(root, packages, cache.root / "debs", log)
            pack(root, place / "root.tar")
        run(["rm", "-rf", root])

    folder = cache.built(name, digest([RELEASE, *packages, *_DEAD_WEIGHT]), build, gib=2)
    return folder / "root.tar"


def pack(root: Path, archive_file: Path) -> None:
    """Pack a root as a tar with its owners, without what makes it bigger and helps nobody in an image."""
    excluded = ["./dev/*", "./proc/*", "./sys/*", *(f"./{path}/*" for path in _DEAD_WEIGHT)]
    run(["tar", "-C", root, "--one-file-system", "--numeric-owner", *(f"--exclude={path}" for path in excluded),
         "-cf", archive_file, "."])  # fmt: skip


def unpack(archive_file: Path, root: Path) -> None:
    """Unpack such a tar."""
    root.mkdir(parents=True, exist_ok=True)
    run(["tar", "-C", root, "--numeric-owner", "-xpf", archive_file])


def _bootstrap(root: Path, packages: Sequence[str], debs: Path, log: Path) -> None:
    if os.geteuid() != 0:
        raise NotRoot("building a Debian root (debootstrap)")
    debian.ensure(["debootstrap"], purpose="images without a registry", log=log)
    debs.mkdir(parents=True, exist_ok=True)
    debootstrap = on_path("debootstrap") or Path("debootstrap")
    # A machine that runs the same release has a mirror that works; elsewhere debootstrap knows the release's own.
    mirror = [uri] if (uri := _mirror()) else []
    try:
        run([debootstrap, "--variant=minbase", f"--include={','.join(packages)}", f"--cache-dir={debs}", RELEASE,
             root, *mirror], log=log)  # fmt: skip
    except CommandFailed as failure:
        if "Failed getting release file" in failure.last_words or "Couldn't download" in failure.last_words:
            raise NetworkUnreachable(f"the Debian release {RELEASE}", log) from failure
        raise


def _mirror() -> str:
    """Find the mirror that this machine's own apt uses for the release."""
    if not on_path("apt-get"):
        return ""
    lines = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)"]).splitlines()
    return next((line.split()[0] for line in lines if line.split()[1:] == [RELEASE, "main"]), "")
