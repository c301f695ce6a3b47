"""How a unit's files become what systemd runs."""

from __future__ import annotations

import pytest

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, Query, Syntax
from stridegate.model.nodes.units import DIRECTORIES, Unit, command, unit

NAME = "docker.service"
PACKAGED = f"/usr/lib/systemd/system/{NAME}"


def node(
    units: dict[str, object], environments: dict[str, object] | None = None, *, hidden: frozenset[str] = frozenset()
) -> Node:
    """Return a node with these unit files and drop-ins, by path, as a scanner parses them."""
    answers: dict[Query[object], object] = {}
    for directory in DIRECTORIES:
        path = f"{directory}/{NAME}"
        there = FileStatus(path=path, target=path, kind=FileKind.FILE, mode=0o644, uid=0, gid=0)
        answers[FileStatusOf(path)] = there if path in units else Absent(path)
        for folder in (f"{path}.d", f"{directory}/service.d"):
            inside = tuple(sorted(each for each in units if each.startswith(f"{folder}/")))
            answers[FilesUnder(folder, "*.conf")] = inside or Absent(folder)
    answers |= {Document(path, Syntax.UNIT): content for path, content in units.items()}
    answers |= {Document(path, Syntax.ENVIRONMENT): content for path, content in (environments or {}).items()}
    answers |= {FileStatusOf(path): Unreadable(path, "EACCES") for path in hidden}
    return Node(answers)


def service(**options: list[str]) -> dict[str, dict[str, list[str]]]:
    return {"Service": options}


def started(units: dict[str, object], environments: dict[str, object] | None = None) -> tuple[str, ...]:
    host = node(units, environments)
    return command(host, unit(host, NAME))


def test_the_administrators_unit_hides_the_packages() -> None:
    units: dict[str, object] = {
        PACKAGED: service(ExecStart=["/usr/bin/dockerd"]),
        f"/etc/systemd/system/{NAME}": service(ExecStart=["/opt/dockerd --icc=false"]),
    }

    assert started(units) == ("/opt/dockerd", "--icc=false")


def test_drop_ins_apply_by_name_wherever_they_are_and_the_administrators_hides_one_of_the_same_name() -> None:
    found = unit(
        node(
            {
                PACKAGED: service(LimitNOFILE=["1"]),
                f"{PACKAGED}.d/20-a.conf": service(LimitNOFILE=["2"]),
                f"{PACKAGED}.d/10-b.conf": service(LimitNOFILE=["3"]),
                f"/etc/systemd/system/{NAME}.d/20-a.conf": service(LimitNOFILE=["4"]),
                "/etc/systemd/system/service.d/30-c.conf": service(TasksMax=["5"]),
            }
        ),
        NAME,
    )

    assert found.value("Service", "LimitNOFILE") == "4"
    assert found.value("Service", "TasksMax") == "5"
    assert [path.rpartition("/")[2] for path in found.files] == [NAME, "10-b.conf", "20-a.conf", "30-c.conf"]


def test_an_empty_value_takes_back_what_came_before() -> None:
    units: dict[str, object] = {
        PACKAGED: service(ExecStart=["/usr/bin/dockerd -H tcp://0.0.0.0:2375"]),
        f"/etc/systemd/system/{NAME}.d/override.conf": service(ExecStart=["", "-/usr/bin/dockerd -H fd://"]),
    }

    assert started(units) == ("/usr/bin/dockerd", "-H", "fd://")


def test_variables_are_replaced_from_the_unit_and_from_its_files() -> None:
    units: dict[str, object] = {
        PACKAGED: service(
            Environment=['"LEVEL=debug" SOCKET=fd://'],
            EnvironmentFile=["-/etc/default/docker"],
            ExecStart=["/usr/bin/dockerd -H ${SOCKET} --log-level=$LEVEL $DOCKER_OPTS $UNSET $$HOME"],
        )
    }
    environments: dict[str, object] = {"/etc/default/docker": {"DOCKER_OPTS": "--icc=false -D", "LEVEL": "info"}}

    words = started(units, environments)

    assert words == ("/usr/bin/dockerd", "-H", "fd://", "--log-level=info", "--icc=false", "-D", "$HOME")


def test_a_missing_environment_file_adds_nothing() -> None:
    units: dict[str, object] = {PACKAGED: service(EnvironmentFile=["-/etc/x"], ExecStart=["/usr/bin/dockerd $OPTIONS"])}

    assert started(units, {"/etc/x": Absent("/etc/x")}) == ("/usr/bin/dockerd",)


def test_a_host_without_the_unit_has_none() -> None:
    with pytest.raises(NotThere):
        unit(node({}), NAME)


def test_a_unit_that_may_hide_another_must_be_readable() -> None:
    with pytest.raises(NotReadable):
        unit(node({PACKAGED: service()}, hidden=frozenset({f"/etc/systemd/system/{NAME}"})), NAME)


@pytest.mark.parametrize("content", [[], "text", Unreadable(PACKAGED, "EACCES")])
def test_what_is_no_unit_is_told(content: object) -> None:
    with pytest.raises(NotReadable):
        unit(node({PACKAGED: content}), NAME)


def test_a_quote_that_never_ends_is_told() -> None:
    with pytest.raises(NotReadable, match="quote"):
        started({PACKAGED: service(ExecStart=["/usr/bin/dockerd 'x"])})


def test_a_unit_that_starts_nothing_has_no_command() -> None:
    empty = Unit(files=(PACKAGED,), options={})

    assert command(Node({}), empty) == ()
