"""Debian packages that a step needs, installed by apt-get and named to the user before."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localkube.commands import on_path, run, succeeds
from localkube.errors import CommandFailed, LocalError, PackagesUnavailable
from localkube.progress import step

_one_at_a_time = threading.Lock()
_POLICY = Path("/usr/sbin/policy-rc.d")
_APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=2")
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def ensure(packages: Sequence[str], *, purpose: str, log: Path) -> None:
    """Install those of the packages that are missing. Raises PackagesUnavailable."""
    with _one_at_a_time:
        missing = [package for package in packages if not _installed(package)]
        if missing:
            _install_missing(missing, purpose, log)


def _install_missing(missing: Sequence[str], purpose: str, log: Path) -> None:
    if not on_path("apt-get"):
        raise PackagesUnavailable(missing, "this is not Debian, install them (or their like) yourself")
    if os.geteuid() != 0:
        raise PackagesUnavailable(missing, "that needs root, run once as root or install them yourself")
    with step(f"installing the Debian packages {' '.join(missing)} (for {purpose})"):
        try:
            _install(missing, log)
        except LocalError:
            # The package lists are absent on a fresh machine, or older than the mirror: read them only then.
            try:
                run([*_APT_GET, "update"], log=log, environment=_QUIET)
                _install(missing, log)
            except CommandFailed as failure:
                raise PackagesUnavailable(missing, str(failure)) from failure


def _install(packages: Sequence[str], log: Path) -> None:
    with _services_not_started():
        run([*_APT_GET, "install", "-y", "--no-install-recommends", *packages], log=log, environment=_QUIET)


def _installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}", package]
    return succeeds(["sh", "-c", '"$@" | grep -q ^ii', "sh", *query])


@contextmanager
def _services_not_started() -> Iterator[None]:
    """Keep maintainer scripts from starting services (docker.io starts its engine): what we need we start ourselves."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")  # 101: action forbidden by policy, see invoke-rc.d(8)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
