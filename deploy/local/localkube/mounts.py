"""Mounts that a program that died may have left below a folder."""

import shutil
from pathlib import Path

from localkube.commands import on_path, succeeds


def below(folder: Path, mountinfo: str) -> list[str]:
    """List the mount points in or below a folder, the deepest first. `mountinfo` is /proc/self/mountinfo, see proc(5)."""
    points = [line.split()[4].replace("\\040", " ") for line in mountinfo.splitlines() if line]
    root = str(folder)
    return sorted((point for point in points if point == root or point.startswith(root + "/")), reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount everything in or below the folder; what is busy is detached."""
    umount = on_path("umount") or Path("umount")
    for point in below(folder.resolve(), Path("/proc/self/mountinfo").read_text(encoding="utf-8")):
        if not succeeds([umount, point]):
            succeeds([umount, "--lazy", point])


def remove_tree(folder: Path) -> None:
    """Delete a folder in which a chroot may have been at work: never through a mounted /proc or /sys."""
    unmount_below(folder)
    shutil.rmtree(folder, ignore_errors=True)
