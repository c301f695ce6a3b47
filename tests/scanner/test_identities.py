"""Who a container's processes are to the host: user namespaces, and what "every capability" is on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts import put
from running import GROUP, POD_USERS, containers, run
from stridegate.model.nodes.answers import Users
from stridegate.model.nodes.rules import HostFile


@pytest.mark.parametrize(
    ("starter", "most"),
    [
        # A node in a container, a whole host: what bounds its first process.
        ("000001ffffffffff", 0x1FFFEFFFFFF),
        # containerd with CapabilityBoundingSet=~CAP_SYS_MODULE in its unit.
        ("000001fffefeffff", 0x1FFFEFEFFFF),
        # Somebody with a few rights who runs a command in it.
        ("0000000000200000", 0x1FFFEFFFFFF),
    ],
)
def test_every_capability_is_what_the_host_and_its_runtime_have(host: Path, starter: str, most: int) -> None:
    run(host, 50, "/system.slice/containerd.service", comm="containerd-shim", NSpid="50", CapBnd=starter)
    run(host, 100, GROUP, PPid="50")

    (found,) = containers(host)

    assert found.host_capabilities == most


def test_a_host_that_does_not_tell_what_bounds_it_is_not_guessed_at(host: Path) -> None:
    put(host, "/proc/1/status", HostFile(text="Name:\tsystemd\nUid:\t0\t0\nGid:\t0\t0\nNSpid:\t1\n"))
    run(host, 100, GROUP)

    (found,) = containers(host)

    assert found.host_capabilities is None


def test_user_namespaces_of_pods_and_of_programs_are_told_apart(host: Path) -> None:
    run(host, 100, GROUP, users=POD_USERS, Uid="165536\t165536")
    run(host, 101, GROUP, users=POD_USERS, PPid="100")
    run(host, 102, GROUP, users="         0     166536          1\n", PPid="101", Uid="166536\t166536")

    (found,) = containers(host)

    assert [each.users for each in found.processes] == [Users.CONTAINER, Users.CONTAINER, Users.NESTED]
    assert [each.own_uid for each in found.processes] == [0, None, 1000]


def test_a_host_in_a_user_namespace_has_the_same_users_as_its_containers(host: Path) -> None:
    put(host, "/proc/1/uid_map", HostFile(text=POD_USERS))
    run(host, 100, GROUP, users=POD_USERS)

    (found,) = containers(host)

    assert found.processes[0].users is Users.HOST


def test_users_that_cannot_be_told_count_as_the_hosts(host: Path) -> None:
    run(host, 100, GROUP)
    (host / "proc/100/uid_map").unlink()

    (found,) = containers(host)

    assert found.processes[0].users is Users.HOST
