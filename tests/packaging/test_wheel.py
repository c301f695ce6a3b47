"""What pipx makes: the wheel in an environment of its own, with what the lock file lists and nothing else."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from localkube.places import CHECKOUT
from stridegate import __version__

LOCKED = dict(
    re.findall(r"^([\w-]+)==(\S+)", (CHECKOUT / "requirements/cli.txt").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and with the locked packages as they stand in this one."""
    home = tmp_path_factory.mktemp("pipx")
    built, made = home / "wheel", home / "environment"
    source = home / "source"
    shutil.copytree(
        CHECKOUT / "controller", source / "controller", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={built}", source], check=True
    )
    venv.create(made, with_pip=False, symlinks=True)
    _take_locked(Path(sysconfig.get_path("purelib", "venv", {"base": str(made), "platbase": str(made)})))
    wheel = next(built.iterdir())
    subprocess.run([*pip, "--python", made / "bin/python", "install", "--no-deps", "--no-index", wheel], check=True)
    return made / "bin"


def _take_locked(place: Path) -> None:
    for name, version in LOCKED.items():
        distribution = importlib.metadata.distribution(name)
        assert distribution.version == version
        for file in distribution.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(distribution.locate_file(file)), place / file)


def ran(program: Path, *arguments: str | Path, code: int = 0) -> str:
    ended = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False), ended.stderr
    return ended.stdout


def test_the_lock_file_has_what_the_package_asks_for() -> None:
    asked = [each for each in importlib.metadata.requires("stridegate") or () if "extra ==" not in each]

    assert {re.split(r"[^\w-]", each)[0].lower() for each in asked} <= set(LOCKED)


def test_the_wheel_alone_is_the_command(environment: Path) -> None:
    told = json.loads(ran(environment / "stridegate", "--version", "--json"))

    assert told["version"] == __version__
    assert "privileged-container" in ran(environment / "stridegate", "rules")
    assert "Threat: " in ran(environment / "stridegate", "explain", "privileged-container")


def test_the_wheel_alone_checks_manifests(environment: Path, tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: x, securityContext: {privileged: true}}]}\n"
    (tmp_path / "pod.yaml").write_text(pod, encoding="utf-8")
    formats = ("table", "json", "sarif", "junit", "markdown", "github", "html")

    files = [f"--output={each}={tmp_path / each}" for each in formats]
    ran(environment / "stridegate", "check", tmp_path / "pod.yaml", "--profile", "baseline", *files, code=1)

    assert all("privileged-container" in (tmp_path / each).read_text(encoding="utf-8") for each in formats)


def test_the_wheel_is_a_plugin_of_kubectl(environment: Path) -> None:
    assert ran(environment / "kubectl-stridegate", "rules", "--help").startswith("Usage: kubectl stridegate rules")


@pytest.mark.parametrize("words", [("exemption", "list"), ("doctor",), ("report", "--cluster")], ids=" ".join)
def test_what_needs_an_extra_says_so(environment: Path, words: tuple[str, ...]) -> None:
    ended = subprocess.run(
        [environment / "stridegate", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"},
    )

    assert ended.returncode == 2
    assert ended.stderr == "Error: this command needs the package kubernetes: install stridegate[cluster]\n"


def test_an_extra_for_people_has_every_package_that_its_commands_load() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    packages = {re.split("[>=]", each)[0].lower() for each in (*extras["cluster"], "click", "msgspec", "pyyaml")}
    loading = (
        "import importlib, sys\n"
        "for name in sys.argv[1].split(): sys.modules[name] = None\n"
        "for name in ('operator.checkups', 'operator.canaries', 'kube.postures', 'cli.report', 'cli.exemptions'):\n"
        "    importlib.import_module(f'stridegate.{name}')\n"
    )
    absent = {"aiohttp", "kopf", "prometheus_client", "uvloop", "kubernetes", "cryptography"} - packages

    ended = subprocess.run(
        [sys.executable, "-c", loading, " ".join(absent)], capture_output=True, text=True, check=False
    )

    assert ended.stderr == ""
