"""Stridegate's own image, built by the repository's Dockerfile without a network: its wheels are fetched before.

The wheels lie in `.build/wheels` of the checkout, which the Dockerfile copies: what the lock files of webhook and
operator name, and the build backend. pip verifies every hash when it fetches them, and again when the Dockerfile
installs them.
"""

import shutil
from pathlib import Path

from localkube.base_images import BaseImages, base_images
from localkube.cache import Cache, digest
from localkube.commands import Argument, run, succeeds
from localkube.engine import Engine
from localkube.errors import CommandFailed, NetworkUnreachable
from localkube.machine import architecture
from localkube.places import CHECKOUT
from localkube.progress import step
from localkube.toolchain import python_with_pip

_LOCKS = ("webhook", "operator")
_BACKEND = "setuptools"
_GLIBC_MINORS = range(17, 37)
"""manylinux_2_17 is the oldest that wheels still name, and Debian bookworm's glibc, the oldest here, is 2.36."""


def build_image(engine: Engine, cache: Cache, target: str, tag: str, *, checkout: Path = CHECKOUT) -> None:
    """Build one target of the Dockerfile. Raises CommandFailed and what making base images and wheels raises."""
    bases = base_images(engine, cache)
    prepare_wheels(cache, bases, checkout)
    arguments = {"BUILD_BASE": bases.build, "BASE": bases.runtime}
    command = ["docker", "build", "--network", "none", "--target", target, "--tag", tag]
    command += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    builder = {"DOCKER_BUILDKIT": "1" if _has_buildkit(engine) else "0"}
    with step(f"building the image {tag}"):
        run([*command, checkout], environment={**engine.environment, **builder}, log=cache.log(f"image-{target}"))


def prepare_wheels(cache: Cache, bases: BaseImages, checkout: Path = CHECKOUT) -> None:
    """Fill `.build/wheels` of the checkout. Raises NetworkUnreachable, CommandFailed, PackagesUnavailable."""
    requirements = [checkout / "requirements" / f"{lock}.txt" for lock in _LOCKS]
    backend = locked_entry((checkout / "requirements" / "dev.txt").read_text(encoding="utf-8"), _BACKEND)
    key = digest([*requirements, backend, bases.python, architecture()])
    wheels = cache.built("wheels", key, lambda place: _download(cache, place, requirements, backend, bases.python))
    target = checkout / ".build" / "wheels"
    if target.is_dir() and sorted(file.name for file in target.iterdir()) == sorted(
        file.name for file in wheels.iterdir()
    ):
        return  # left as it is: the builder sees by the files' times that nothing changed
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(wheels, target)


def locked_entry(lock: str, name: str) -> str:
    """Cut one package with its hashes out of a lock file."""
    lines = lock.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next(number for number in range(start, len(lines)) if not lines[number].endswith("\\"))
    return "\n".join(lines[start : end + 1]) + "\n"


def _download(cache: Cache, place: Path, requirements: list[Path], backend: str, python: str) -> None:
    log = cache.log("wheels")
    pip = python_with_pip(log)
    backend_file = place / "backend.txt"
    backend_file.write_text(backend, encoding="utf-8")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[architecture()]
    # The image's Python need not be the one that runs here.
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    abi = f"cp{python.replace('.', '')}"
    command: list[Argument] = [
        pip, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary=:all:", "--python-version", python,
        "--implementation", "cp", "--abi", abi, "--abi", "abi3", "--abi", "none",
        *(word for platform in platforms for word in ("--platform", platform)), "--dest", place,
    ]  # fmt: skip
    with step("downloading the wheels for the image", expect="first time only"):
        try:
            for file in (*requirements, backend_file):
                run([*command, "--requirement", file], log=log)
        except CommandFailed as failure:
            if "onnection" in failure.last_words or "Could not find a version" in failure.last_words:
                raise NetworkUnreachable("the Python packages of the lock files", log) from failure
            raise
    backend_file.unlink()


def _has_buildkit(engine: Engine) -> bool:
    """Tell whether the client can drive BuildKit: by its plugin, or by itself before version 23."""
    if succeeds(["docker", "buildx", "version"], environment=engine.environment):
        return True
    return int(engine.docker("version", "--format", "{{.Client.Version}}").split(".")[0]) < 23
