"""Gather the root file system of an image: the interpreter that runs this, its library, what an environment loads, no more.

`python3 root_filesystem.py ENVIRONMENT TARGET` runs in a stage of the Dockerfile, on whatever base has a Python. What
comes out has no shell, no package manager and no compiler, so whoever gets into a container finds nothing to go on with.
"""
# ruff: noqa: INP001 - a script that runs alone in a build stage

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

# Parts of the standard library that no server needs, and what distributions install beside it.
_LEFT_OUT = (
    *("__pycache__", "site-packages", "dist-packages", "config-*", "sitecustomize.py", "*.a"),
    *("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "tkinter", "turtledemo", "_tkinter*", "_test*"),
)
_USER = 65532
_SHARED_OBJECT = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


def shared_objects(files: Iterable[Path]) -> set[Path]:
    """Return what the dynamic loader opens for these programs and libraries, itself included."""
    loader = next(Path("/").glob("lib*/ld-linux*.so.[0-9]"))
    found = {loader}
    for file in files:
        listed = subprocess.run([loader, "--list", file], check=False, capture_output=True, text=True)  # noqa: S603
        found.update(Path(match) for match in _SHARED_OBJECT.findall(listed.stdout))
    return found


def elf_files(folder: Path) -> Iterator[Path]:
    """Yield every extension module and library below a folder."""
    return (path for path in sorted(folder.rglob("*.so*")) if path.is_file())


def copy(path: Path, target: Path) -> None:
    """Copy a file to the same place below the target, together with the links that lead to it, folders included."""
    place = target
    for part in path.parts[1:]:
        place /= part
        real = Path("/") / place.relative_to(target)
        if real.is_symlink():
            if not place.is_symlink():
                place.symlink_to(real.readlink())
            copy(real.parent / real.readlink() / path.relative_to(real), target)
            return
        if real.is_dir():
            place.mkdir(exist_ok=True)
        elif not place.exists():
            shutil.copy2(real, place)


def gather(environment: Path, target: Path) -> None:
    """Fill the target. Raises OSError where something that is needed is not there."""
    target.mkdir()
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, target / library.relative_to("/"), ignore=shutil.ignore_patterns(*_LEFT_OUT))
    # Hashes that nobody checks: a read-only file system neither changes nor takes new bytecode.
    compileall.compile_dir(
        target / library.relative_to("/"),
        stripdir=target,
        prependdir="/",
        quiet=1,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    # The name that the environment starts the interpreter by, and what that name leads to.
    interpreter = environment / "bin" / "python3"
    for path in (
        interpreter.readlink(),
        *sorted(shared_objects((Path(sys.executable).resolve(), *elf_files(library), *elf_files(environment)))),
    ):
        if not path.is_relative_to(environment):
            copy(path, target)
    if (cache := Path("/etc/ld.so.cache")).exists():
        copy(cache, target)
    settle(target)


def settle(target: Path) -> None:
    """Add what programs expect of any root: a name for the user, and a folder for temporary files."""
    etc = target / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(f"root:x:0:0:root:/:/nothing\nstridegate:x:{_USER}:{_USER}::/:/nothing\n", "utf-8")
    (etc / "group").write_text(f"root:x:0:\nstridegate:x:{_USER}:\n", "utf-8")
    temporary = target / "tmp"
    temporary.mkdir()
    os.chmod(temporary, 0o1777)  # noqa: PTH101, S103 - what /tmp is everywhere


if __name__ == "__main__":
    gather(Path(sys.argv[1]), Path(sys.argv[2]))
