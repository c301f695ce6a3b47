"""The image: what the Dockerfile says, and what the root file system has in it."""

from __future__ import annotations

import re
import subprocess
import sysconfig
import venv
from pathlib import Path

from localkube.places import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")


def instructions(word: str, text: str = DOCKERFILE) -> list[str]:
    return re.findall(rf"^{word} (.+)$", text, re.MULTILINE)


def stages() -> dict[str, tuple[str, str]]:
    """Every stage by its name, with what it starts from and its instructions."""
    found = re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return {name: (base, text) for base, name, text in found}


def test_both_images_start_from_nothing_and_run_nothing_while_they_are_built() -> None:
    for target in ("slim", "full"):
        assert stages()[target][0] == "bare"
        assert "RUN" not in stages()[target][1]
    assert stages()["bare"][0] == "scratch"
    assert "RUN" not in stages()["bare"][1]


def test_the_images_run_isolated_and_not_as_root() -> None:
    _, text = stages()["bare"]

    assert instructions("USER", text) == ["65532:65532"]
    assert instructions("ENTRYPOINT", text) == ['["/opt/stridegate/bin/python3", "-I", "-B", "-m", "stridegate"]']


def test_every_locked_package_is_checked_by_hash_and_none_is_downloaded() -> None:
    installs = [line for line in instructions("RUN") if "pip" in line and "--requirement" in line]

    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)
    assert "PIP_NO_INDEX=1" in "".join(instructions("ENV"))


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    lines = (CHECKOUT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = [line for line in lines if line and line[0] not in "#!"]
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]

    copied = [word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert ignored == ["*", "**/__pycache__"]
    for pattern in sent:
        assert any(pattern.startswith(source) for source in copied), pattern
    for source in copied:
        assert any(pattern.startswith(source) for pattern in sent), source


def test_the_root_file_system_has_the_interpreter_and_no_tool_beside_it(tmp_path: Path) -> None:
    environment, target = tmp_path / "environment", tmp_path / "root"
    venv.EnvBuilder(symlinks=True).create(environment)
    interpreter = environment / "bin" / "python3"
    script = CHECKOUT / "deploy" / "image" / "root_filesystem.py"

    subprocess.run([interpreter, "-I", script, environment, target], check=True)

    library = target / Path(sysconfig.get_path("stdlib")).relative_to("/")
    beside = {path.name for path in target.rglob("*") if path.is_file() and not path.is_relative_to(library)}
    assert {name for name in beside if not re.match(r"lib.+\.so|ld-linux|python3", name)} == {
        *("passwd", "group"),
        *({"ld.so.cache"} & beside),
    }
    assert (library / "asyncio" / "__init__.py").is_file()
    assert not (library / "ensurepip").exists()
    assert "stridegate:x:65532:65532" in (target / "etc" / "passwd").read_text(encoding="utf-8")
