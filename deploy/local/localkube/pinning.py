"""Pinning another Kubernetes version: what `modules/kubernetes/VERSION/go.mod` must say, and its go.sum.

k8s.io/kubernetes replaces its staging modules (k8s.io/api, ...) by folders of its repository, which hold only inside
it. Each is also published, as v0.MINOR.PATCH: our go.mod replaces them by those.
"""

import re
import shutil
import tempfile
from pathlib import Path

from localkube.cache import Cache
from localkube.errors import UnsupportedVersion
from localkube.places import RECIPES
from localkube.progress import step
from localkube.toolchain import Toolchain

_MODULE = "k8s.io/kubernetes"
_SOURCE = RECIPES / "modules" / "kubernetes"


def pin(version: str, cache: Cache) -> Path:
    """Write go.mod and go.sum for a version and return their folder. Raises UnsupportedVersion, CommandFailed."""
    number = version.removeprefix("v")
    if not re.fullmatch(r"1\.\d+\.\d+", number):
        raise UnsupportedVersion(version, ["versions written like 1.36.3"])
    toolchain = Toolchain.find(cache)
    with step(f"pinning Kubernetes {number}"), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "go.mod").write_text("module scratch\n", encoding="utf-8")
        download = ["mod", "download", f"{_MODULE}@v{number}"]
        toolchain.run(*download, folder=folder)
        upstream = toolchain.run("env", "GOMODCACHE", folder=folder).strip() + f"/{_MODULE}@v{number}/go.mod"
        (folder / "go.mod").write_text(go_mod(number, Path(upstream).read_text(encoding="utf-8")), encoding="utf-8")
        shutil.copy(_SOURCE / "main.go", folder)
        # Not `go mod tidy`: it would pull in everyone's tests. Listing what is compiled writes down just that.
        toolchain.run("list", "-mod=mod", "-deps", ".", folder=folder)
        target = _SOURCE / number
        target.mkdir(exist_ok=True)
        for name in ("go.mod", "go.sum"):
            shutil.copy(folder / name, target)
    return target


def go_mod(number: str, upstream: str) -> str:
    """Write the go.mod for a version, out of Kubernetes' own."""
    # The go and godebug lines of a dependency are ignored: they must be said again.
    settings = re.findall(r"^(?:go|godebug) .*$", upstream, re.MULTILINE)
    staged = re.findall(r"^\t(\S+) => \./staging/src/", upstream, re.MULTILINE)
    published = f"v0.{number.partition('.')[2]}"
    replacements = "\n".join(f"\t{module} => {module} {published}" for module in staged)
    head = "\n\n".join(["module stridegate.dev/local/kubernetes", *settings, f"require {_MODULE} v{number}"])
    return f"{head}\n\nreplace (\n{replacements}\n)\n"
