"""containerd's configuration is what it makes of all its files, by the names of either version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from hosts import answers_of, lay_out
from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.containerd import Containerd, Part, containerd, cri
from stridegate.model.nodes.crio import Crio, crio
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.nodes import Node, NotAnswered, NotReadable, NotThere
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.readings import NUMBER, TEXT, TEXTS, TRUTH
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.runtime_rules import daemon_process
from stridegate.model.nodes.verdicts import State

T = TypeVar("T")

MAIN = "/etc/containerd/config.toml"
SELINUX = Field(at="enable_selinux", reading=TRUTH, default=False)
STREAM = Field(at="stream_server_address", reading=TEXT, default="unset")
GROUP = Field(at="gid", reading=NUMBER, default=0)
CDI = Field(at="cdi_spec_dirs", reading=TEXTS, default=())
CAPABILITIES = Field(at="crio.runtime.default_capabilities", reading=TEXTS, default=(), flag="default-capabilities")
VERSION_2 = '[plugins."io.containerd.grpc.v1.cri"]\n'
VERSION_3 = '[plugins."io.containerd.cri.v1.runtime"]\n'


def read(what: Callable[[Node], T], root: Path, files: dict[str, str], *processes: Process) -> T:
    example = NodeExample(
        title="",
        state=State.PASS,
        files={path: HostFile(text=text) for path, text in files.items()},
        processes=processes,
    )
    lay_out(example, root)
    answering = answers_of(example, root)
    answers: dict[Query[object], object] = {}
    while True:
        try:
            return what(Node(answers))
        except NotAnswered as asked:
            answers.update(answering(asked.queries))


def load(root: Path, files: dict[str, str], *processes: Process) -> Containerd:
    return read(containerd, root, files, *(processes or (daemon_process("containerd"),)))


def load_crio(root: Path, files: dict[str, str], *flags: str) -> Crio:
    return read(crio, root, files, daemon_process("crio", *flags))


@pytest.mark.parametrize(
    ("text", "selinux"),
    [
        (f"version = 2\n{VERSION_2}enable_selinux = true\n", True),
        (f"version = 3\n{VERSION_3}enable_selinux = true\n", True),
        (f"version = 3\n{VERSION_2}enable_selinux = true\n", False),
        (f"version = 2\n{VERSION_3}enable_selinux = true\n", False),
        ("[plugins.cri]\nenable_selinux = true\n", True),
        ("", False),
    ],
)
def test_a_setting_counts_under_the_name_of_its_files_version(tmp_path: Path, text: str, selinux: bool) -> None:
    assert load(tmp_path, {MAIN: text}).setting(Part.RUNTIME, SELINUX).value is selinux


def test_an_imported_file_may_be_of_an_older_version(tmp_path: Path) -> None:
    files = {
        MAIN: 'version = 3\nimports = ["old.toml"]\n',
        "/etc/containerd/old.toml": f"version = 2\n{VERSION_2}enable_selinux = true\n",
    }

    assert load(tmp_path, files).setting(Part.RUNTIME, SELINUX).value is True


def test_imports_are_followed_by_pattern_and_relative_to_their_file(tmp_path: Path) -> None:
    files = {
        MAIN: 'version = 2\nimports = ["conf.d/*.toml", "../more/x.toml"]\n',
        "/etc/containerd/conf.d/10-a.toml": "[grpc]\ngid = 1\n",
        "/etc/containerd/conf.d/20-b.toml": "[grpc]\ngid = 2\n",
        "/etc/containerd/conf.d/30-c.conf": "[grpc]\ngid = 3\n",
        "/etc/more/x.toml": 'imports = ["y.toml"]\n',
        "/etc/more/y.toml": "[debug]\ngid = 4\n",
    }

    found = load(tmp_path, files)

    assert found.setting(Part.GRPC, GROUP).value == 2
    assert found.setting(Part.DEBUG, GROUP).value == 4
    assert found.files == (MAIN, *(path for path in sorted(files) if path.endswith(".toml") and path != MAIN))


def test_patterns_may_be_in_a_directorys_name(tmp_path: Path) -> None:
    files = {MAIN: 'imports = ["/srv/*/c.toml"]\n', "/srv/a/c.toml": "[grpc]\ngid = 7\n"}

    assert load(tmp_path, files).setting(Part.GRPC, GROUP).value == 7


def test_files_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    files = {MAIN: 'imports = ["/etc/a.toml"]\n', "/etc/a.toml": f'imports = ["{MAIN}"]\n[grpc]\ngid = 5\n'}

    assert load(tmp_path, files).files == (MAIN, "/etc/a.toml")


def test_lists_add_up_and_what_is_nothing_takes_nothing_back(tmp_path: Path) -> None:
    files = {
        MAIN: f'version = 3\nimports = ["/etc/a.toml"]\n{VERSION_3}cdi_spec_dirs = ["/a"]\nenable_selinux = true\n',
        "/etc/a.toml": f'version = 3\n{VERSION_3}cdi_spec_dirs = ["/a", "/b"]\nenable_selinux = false\n',
    }

    found = load(tmp_path, files)

    assert found.setting(Part.RUNTIME, CDI).value == ("/a", "/b")
    assert found.setting(Part.RUNTIME, SELINUX).value is True


@pytest.mark.parametrize(
    "files",
    [
        {MAIN: 'imports = ["/etc/gone.toml"]\n'},
        {MAIN: "imports = 5\n"},
        {MAIN: "[plugins\n"},
        {MAIN: 'version = 2\nplugins = "none"\n'},
        {MAIN: f"version = 2\n{VERSION_2}enable_selinux = 1\n"},
    ],
)
def test_what_containerd_would_not_start_with_is_no_default(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(NotReadable):
        load(tmp_path, files).setting(Part.RUNTIME, SELINUX)


def test_more_imports_than_anybody_has_are_not_followed(tmp_path: Path) -> None:
    files = {MAIN: 'imports = ["/srv/*.toml"]\n'} | {f"/srv/{number}.toml": "" for number in range(70)}

    with pytest.raises(NotReadable):
        load(tmp_path, files)


def test_the_containerd_that_docker_runs_for_itself_comes_last(tmp_path: Path) -> None:
    dockers = "/run/docker/containerd/containerd.toml"
    files = {dockers: "[grpc]\ngid = 1\n", MAIN: "[grpc]\ngid = 2\n"}
    own = daemon_process("containerd", "--config", dockers)

    both = load(
        tmp_path / "a", files, own, Process(pid=501, comm="containerd", argv=("containerd",), namespace_pids=(501,))
    )
    alone = load(tmp_path / "b", files, own)

    assert both.setting(Part.GRPC, GROUP).value == 2
    assert alone.setting(Part.GRPC, GROUP).value == 1


def test_without_its_plugin_kubernetes_does_not_use_containerd(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        read(cri, tmp_path, {MAIN: 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'}, daemon_process("containerd"))


def test_a_stopped_containerd_is_known_by_its_file(tmp_path: Path) -> None:
    assert read(containerd, tmp_path, {MAIN: "[grpc]\ngid = 3\n"}).setting(Part.GRPC, GROUP).value == 3


def test_crio_reads_its_drop_ins_in_the_order_of_names_and_flags_come_last(tmp_path: Path) -> None:
    files = {
        "/etc/crio/crio.conf": '[crio.runtime]\ndefault_capabilities = ["A"]\n',
        "/etc/crio/crio.conf.d/20-b.conf": '[crio.runtime]\ndefault_capabilities = ["C"]\n',
        "/etc/crio/crio.conf.d/10-a.conf": '[crio.runtime]\ndefault_capabilities = ["B"]\n',
    }

    assert load_crio(tmp_path / "a", files).setting(CAPABILITIES).value == ("C",)
    assert load_crio(tmp_path / "b", files, "--default-capabilities=D").setting(CAPABILITIES).value == ("D",)


def test_crio_may_read_other_files(tmp_path: Path) -> None:
    files = {
        "/etc/crio/crio.conf": '[crio.runtime]\ndefault_capabilities = ["A"]\n',
        "/srv/crio.conf": '[crio.runtime]\ndefault_capabilities = ["B"]\n',
    }

    found = load_crio(tmp_path, files, "-c", "/srv/crio.conf", "--config-dir", "/srv/none")

    assert found.setting(CAPABILITIES).value == ("B",)


def test_tables_of_crios_runtimes_are_merged_by_name(tmp_path: Path) -> None:
    files = {
        "/etc/crio/crio.conf": '[crio.runtime.runtimes.crun]\nruntime_path = "/a"\nmonitor_path = "/m"\n',
        "/etc/crio/crio.conf.d/a.conf": '[crio.runtime.runtimes.crun]\nruntime_path = "/b"\n',
    }

    tables = load_crio(tmp_path, files).tables("crio.runtime.runtimes")

    assert tables == {"crun": {"runtime_path": "/b", "monitor_path": "/m"}}


def test_a_node_without_crio_has_none(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        read(crio, tmp_path, {})
