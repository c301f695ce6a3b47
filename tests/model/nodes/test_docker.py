"""How the settings of Docker's daemon are found: flags before daemon.json before defaults, and whose flags count."""

from __future__ import annotations

import pytest

from stridegate.model.nodes.answers import Absent, Accounts, FileKind, FileStatus, Process, Unreadable, User
from stridegate.model.nodes.docker import CONFIGURATION, SOCKET, Daemon, daemon, daemon_if_any, expect_docker
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import (
    Document,
    FileStatusOf,
    FilesUnder,
    HostAccounts,
    HostProcesses,
    Query,
    Syntax,
)
from stridegate.model.nodes.units import DIRECTORIES


def status(path: str) -> FileStatus:
    return FileStatus(path=path, target=path, kind=FileKind.FILE, mode=0o644, uid=0, gid=0)


def dockerd(*flags: str, uid: int = 0, **more: object) -> Process:
    argv = ("/usr/bin/dockerd", *flags)
    namespaces = more.get("namespaces", ())
    assert isinstance(namespaces, tuple)
    return Process(
        pid=9, comm="dockerd", argv=argv, uid=uid, namespace_pids=namespaces, pod_uid=str(more.get("pod", ""))
    )


def node(*processes: Process, said: object = None, at: str = CONFIGURATION, socket: bool = True) -> Node:
    """Return a node with these processes and this daemon.json; a unit of Docker it has none."""
    answers: dict[Query[object], object] = {
        HostProcesses(): processes,
        HostAccounts(): Accounts(users=(User(name="alice", uid=1000, gid=1000, home="/home/alice", shell=""),)),
        FileStatusOf(SOCKET): status(SOCKET) if socket else Absent(SOCKET),
        FileStatusOf(CONFIGURATION): Absent(CONFIGURATION) if said is None else status(CONFIGURATION),
        Document(at, Syntax.JSON): Absent(at) if said is None else said,
    }
    for directory in DIRECTORIES:
        path = f"{directory}/docker.service"
        answers |= {FileStatusOf(path): Absent(path)}
        answers |= {FilesUnder(folder, "*.conf"): Absent(folder) for folder in (f"{path}.d", f"{directory}/service.d")}
    return Node(answers)


def found(*flags: str, said: object = None) -> Daemon:
    return daemon(node(dockerd(*flags), said=said))


def test_an_unset_setting_has_its_default_and_says_so() -> None:
    icc = found().truth("icc", default=True)

    assert (icc.value, icc.given, icc.said) == (True, False, "icc=true (default)")


def test_daemon_json_comes_before_the_default() -> None:
    icc = found(said={"icc": False}).truth("icc", default=True)

    assert (icc.value, icc.evidence.path) == (False, f"{CONFIGURATION}: icc")


def test_a_flag_comes_before_daemon_json_which_is_kept_as_a_contradiction() -> None:
    icc = found("--icc=false", said={"icc": True}).truth("icc", default=True)

    assert (icc.value, icc.contradicted) == (False, True)


def test_the_same_in_both_contradicts_nothing() -> None:
    assert found("--icc=false", said={"icc": False}).truth("icc", default=True).contradicted is None


def test_the_last_flag_counts() -> None:
    assert found("--log-level=debug", "-l", "warn").text("log-level", "info").value == "warn"


@pytest.mark.parametrize("flags", [("-H", "tcp://a", "-H=tcp://b"), ("--host=tcp://a", "-Htcp://b")])
def test_flags_of_a_list_add_up(flags: tuple[str, ...]) -> None:
    assert found(*flags).members("hosts").value == ("tcp://a", "tcp://b")


def test_lists_have_another_name_in_daemon_json() -> None:
    docker = found(said={"insecure-registries": ["a"], "default-ulimits": {"nofile": {}}})

    assert docker.members("insecure-registries").value == ("a",)
    assert docker.names("default-ulimits").value == ("nofile",)


def test_a_short_switch_is_true() -> None:
    assert found("-D", "--icc=false").truth("debug", default=False).value is True


@pytest.mark.parametrize("said", [[], "text", 1])
def test_a_daemon_json_that_is_no_object_is_told(said: object) -> None:
    with pytest.raises(NotReadable, match="wanted an object"):
        found(said=said)


def test_a_value_of_another_type_is_told_with_its_place() -> None:
    docker = found(said={"icc": "false", "hosts": "tcp://a", "log-level": 3, "default-ulimits": []})

    with pytest.raises(NotReadable, match=r"daemon\.json: icc: wanted true or false, got str"):
        docker.truth("icc", default=True)
    with pytest.raises(NotReadable, match="wanted a list, got str"):
        docker.members("hosts")
    with pytest.raises(NotReadable, match="wanted a text, got int"):
        docker.text("log-level", "info")
    with pytest.raises(NotReadable, match="wanted a map, got list"):
        docker.names("default-ulimits")


def test_the_file_is_where_the_flag_says() -> None:
    docker = daemon(node(dockerd("--config-file", "/srv/daemon.json"), said={"icc": False}, at="/srv/daemon.json"))

    assert docker.path == "/srv/daemon.json"
    assert docker.truth("icc", default=True).value is False


def test_a_daemon_without_root_reads_the_file_in_its_users_home() -> None:
    at = "/home/alice/.config/docker/daemon.json"

    assert daemon(node(dockerd(uid=1000), said={"icc": False}, at=at)).path == at


@pytest.mark.parametrize(
    "other",
    [
        dockerd("--icc=false", pod="0f0f0f0f-0000-4000-8000-000000000000"),
        dockerd("--icc=false", namespaces=(4711, 9)),
        Process(pid=9, comm="dockerd", argv=("dockerd",), cgroup=f"/system.slice/docker-{'0' * 64}.scope"),
        Process(pid=9, comm="dockerd", argv=("dockerd",), cgroup=f"/docker/{'0' * 64}"),
        Process(pid=9, comm="sh", argv=("sh", "-c", "dockerd --icc=false")),
    ],
)
def test_a_daemon_in_a_container_and_a_name_among_arguments_say_nothing_of_the_host(other: Process) -> None:
    assert daemon_if_any(node(other)) is None
    with pytest.raises(NotThere, match="Docker"):
        expect_docker(node(other, socket=False))


def test_a_daemon_of_a_node_inside_a_container_is_that_nodes_own() -> None:
    inner = Process(pid=9, comm="dockerd", argv=("dockerd", "--icc=false"), cgroup=f"/docker/{'0' * 64}/docker.service")

    assert daemon(node(inner)).truth("icc", default=True).value is False


def test_a_socket_alone_is_docker_without_settings() -> None:
    host = node()

    expect_docker(host)
    assert daemon_if_any(host) is None


def test_what_may_be_docker_and_cannot_be_seen_is_told() -> None:
    host = node(socket=False)
    hidden = Node({**host.answers, FileStatusOf(SOCKET): Unreadable(SOCKET, "EACCES")})

    with pytest.raises(NotReadable):
        expect_docker(hidden)
