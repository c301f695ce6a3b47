"""Files, folders and standard input become texts, in an order that never changes."""

from __future__ import annotations

import os
import sys
import threading
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from stridegate.cli.manifests.documents import read
from stridegate.cli.manifests.errors import ManifestError, NotText, Templated, Unreadable
from stridegate.cli.manifests.sources import Source, sources

_POD = "apiVersion: v1\nkind: Pod\n"


def names(*paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [each.name if isinstance(each, Source) else each[0] for each in sources(paths, exclude)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.yaml", "a.yml", "c.json", "note.md", "sub/d.yaml", ".git/e.yaml", "sub/.git/e.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(_POD)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_folder_is_walked_in_the_order_of_names() -> None:
    assert names("./") == ["./a.yml", "./b.yaml", "./c.json", "./sub/d.yaml"]


def test_what_is_hidden_in_a_folder_counts_as_it_does_to_kubectl(folder: Path) -> None:
    (folder / ".f.yaml").write_text(_POD)
    (folder / "sub" / ".hidden").mkdir()
    (folder / "sub" / ".hidden" / "g.json").write_text("{}")

    assert names(".") == ["./.f.yaml", "./a.yml", "./b.yaml", "./c.json", "./sub/.hidden/g.json", "./sub/d.yaml"]


@pytest.mark.usefixtures("folder")
def test_what_is_named_itself_counts_whatever_it_is_called_and_once() -> None:
    assert names("note.md", "b.yaml", "sub", "b.yaml") == ["note.md", "b.yaml", "sub/d.yaml"]


@pytest.mark.usefixtures("folder")
def test_what_is_excluded_is_not_walked() -> None:
    assert names(".", exclude=("sub/", "*.json")) == ["./a.yml", "./b.yaml"]


def test_a_path_with_nothing_behind_it_is_said(tmp_path: Path) -> None:
    ((name, error),) = sources([str(tmp_path / "none.yaml")])  # type: ignore[misc] # it is no source

    assert name.endswith("none.yaml")
    assert isinstance(error, Unreadable)


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "sub" / "back").symlink_to(folder)

    assert names(".").count("./sub/d.yaml") == 1


def test_a_chart_is_refused_once_and_its_other_files_are_read(folder: Path) -> None:
    (folder / "chart/templates").mkdir(parents=True)
    (folder / "chart/crds").mkdir()
    (folder / "chart/Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    for name in ("templates/a.yaml", "templates/b.yaml", "crds/c.yaml"):
        (folder / "chart" / name).write_text(_POD)

    found = list(sources(["chart"]))

    assert [each.name if isinstance(each, Source) else each[0] for each in found] == [
        "chart/Chart.yaml",
        "chart/crds/c.yaml",
        "chart/templates",
    ]
    refused = found[-1]
    assert not isinstance(refused, Source)
    assert str(refused[1]) == (
        "wanted a manifest, got the templates of a Helm chart; render it first: helm template chart | stridegate check -"
    )


def test_one_file_of_a_charts_templates_is_refused_too(folder: Path) -> None:
    (folder / "chart/templates").mkdir(parents=True)
    (folder / "chart/Chart.yaml").write_text("name: x\n")
    path = folder / "chart/templates/plain.yaml"
    path.write_text(_POD)

    reading = read(Source(str(path), path))

    assert isinstance(reading.errors[0], Templated)
    assert not reading.documents


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + _POD.encode())

    assert read(Source("bom.yaml", path)).documents[0].kind == "Pod"


@pytest.mark.parametrize(
    ("content", "got", "line"),
    [
        (_POD.encode("utf-16"), "UTF-16: save it as UTF-8", None),
        (_POD.encode("utf-32"), "UTF-32: save it as UTF-8", None),
        (b"a: 1\nb: \xff\n", "the byte 0xff", 2),
        (b"\x7fELF\x00\x00", "binary data", 1),
    ],
)
def test_what_is_no_utf_8_is_refused_with_its_place(tmp_path: Path, content: bytes, got: str, line: int | None) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)

    (error,) = read(Source("x.yaml", path)).errors

    assert isinstance(error, NotText)
    assert str(error) == f"wanted UTF-8 text, got {got}"
    assert (error.position and error.position.line) == line


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(_POD.encode())))

    (source,) = sources(["-", "-"])

    assert isinstance(source, Source)
    assert source.name == "standard input"
    assert read(source).documents[0].kind == "Pod"


def test_a_folder_in_place_of_a_file_is_said(tmp_path: Path) -> None:
    (error,) = read(Source("x.yaml", tmp_path)).errors

    assert isinstance(error, ManifestError)
    assert "wanted a file that can be read" in str(error)


def test_a_pipe_with_a_yaml_name_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")

    assert "./pipe.yaml" not in names(".")


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    # A shell's <(…): one read gives what is in the pipe by then.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    written = "x" * 300_000
    writer = threading.Thread(target=pipe.write_text, args=(written,))
    writer.start()

    text = Source("pipe", pipe).text()

    writer.join()
    assert text == written
