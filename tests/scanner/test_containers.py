"""Containers as a host's /proc and cgroup tree show them, with and without a kubelet to ask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hosts import put
from running import GROUP, ID, POD, POD_GROUP, UID, asked, containers, limit, run
from stridegate.model.nodes import queries
from stridegate.model.nodes.answers import Arrival, Process
from stridegate.model.nodes.container_specimens import HOST_ROOT
from stridegate.model.nodes.containers import host_paths
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.cgroups import own_cgroup
from stridegate.scanner.host_root import HostRoot


def test_a_container_is_what_the_kernel_says(host: Path) -> None:
    run(host, 100, GROUP)
    run(host, 101, GROUP, NSpid="101\t7", NoNewPrivs="0")
    limit(host, GROUP, memory_max="268435456", pids_max="max", cpu_weight="1", cpu_max="max 100000")
    limit(host, POD_GROUP, memory_max="max", pids_max="100")

    (found,) = containers(host)

    assert (found.name, found.container, found.arrival) == ("shop/web-1/app", "app", Arrival.API)
    assert [each.no_new_privileges for each in found.processes] == [True, False]
    assert found.processes[0].effective_capabilities == 0xA80425FB
    assert found.processes[0].limits == {"Max processes": "unlimited", "Max open files": "1048576"}
    assert (found.memory_limit, found.pids_limit, found.cpu_limited) == (268435456, 100, True)
    assert found.root_read_only
    assert found.listening_ports == {8080}
    assert not found.host_network
    assert found.gaps == ()
    assert [each.path for each in host_paths(found, [HOST_ROOT])] == ["/var/log"]
    assert found.mounts[1].point == "/logs here"


def test_limits_of_the_first_version_are_read_too(host: Path) -> None:
    (host / "sys/fs/cgroup/cgroup.controllers").unlink()
    run(host, 100, f"11:memory:{GROUP}\n4:pids:{GROUP}\n1:name=systemd:{GROUP}\n0::/\n")
    for path, text in {
        f"memory{GROUP}/memory.limit_in_bytes": "9223372036854771712",
        f"memory{POD_GROUP}/memory.limit_in_bytes": "9223372036854771712",
        f"pids{GROUP}/pids.max": "50",
        f"pids{POD_GROUP}/pids.max": "max",
        f"cpu{GROUP}/cpu.shares": "1024",
        f"cpu{GROUP}/cpu.cfs_quota_us": "-1",
    }.items():
        put(host, f"/sys/fs/cgroup/{path}", HostFile(text=f"{text}\n"))

    (found,) = containers(host)

    assert (found.memory_limit, found.pids_limit, found.cpu_limited, found.gaps) == (None, 50, False, ())


def test_limits_that_cannot_be_read_are_gaps_and_not_absent(host: Path) -> None:
    run(host, 100, GROUP)

    (found,) = containers(host)

    assert {gap.partition(":")[0] for gap in found.gaps} == {"memory_limit", "pids_limit", "cpu_limited"}


@pytest.mark.parametrize(
    ("cgroup", "pods", "arrival"),
    [
        (GROUP, (), Arrival.UNKNOWN_TO_KUBELET),
        (GROUP.replace(ID, "cd" * 32), (POD,), Arrival.UNKNOWN_TO_KUBELET),
        (GROUP, None, Arrival.UNTOLD),
        (f"/system.slice/docker-{ID}.scope", (POD,), Arrival.OUTSIDE),
    ],
)
def test_how_a_container_got_here_is_told(
    host: Path, cgroup: str, pods: tuple[Mapping[str, object], ...] | None, arrival: Arrival
) -> None:
    run(host, 100, cgroup)

    (found,) = containers(host, pods)

    assert found.arrival is arrival


@pytest.mark.parametrize(
    ("others", "policy", "arrival"),
    [
        # The second container's image is being pulled: the status waits, and the first one runs.
        ([{"name": "app", "state": {"waiting": {}}}], "Always", Arrival.UNTOLD),
        ([], "Always", Arrival.UNTOLD),
        ([{"name": "app", "state": {"terminated": {}}}], "Always", Arrival.UNTOLD),
        # Nothing of the pod is to start any more: what runs is none of it.
        ([{"name": "app", "state": {"terminated": {}}}], "Never", Arrival.UNKNOWN_TO_KUBELET),
        ([{"name": "app", "state": {"running": {}}}], "Always", Arrival.UNKNOWN_TO_KUBELET),
    ],
)
def test_a_container_that_starts_is_not_taken_for_an_intruder(
    host: Path, others: list[object], policy: str, arrival: Arrival
) -> None:
    run(host, 100, GROUP)
    spec = {"containers": [{"name": "app"}], "initContainers": [{"name": "first"}], "restartPolicy": policy}
    done = [{"name": "first", "state": {"terminated": {}}}]

    (found,) = containers(
        host, ({**POD, "spec": spec, "status": {"containerStatuses": others, "initContainerStatuses": done}},)
    )

    assert found.arrival is arrival


@pytest.mark.parametrize(
    ("status", "resizing"),
    [
        ({}, False),
        ({"resize": "Deferred"}, True),
        ({"conditions": [{"type": "PodResizePending", "status": "True"}]}, True),
        ({"conditions": [{"type": "PodResizeInProgress", "status": "True"}]}, True),
        ({"conditions": [{"type": "PodResizeInProgress", "status": "False"}, None]}, False),
        ({"conditions": "odd"}, False),
    ],
)
def test_a_resize_in_place_is_known_from_the_pods_status(
    host: Path, status: Mapping[str, object], *, resizing: bool
) -> None:
    run(host, 100, GROUP)

    (found,) = containers(host, ({**POD, "status": status},))

    assert found.resizing is resizing


def test_a_container_below_a_service_is_no_process_of_the_host(host: Path) -> None:
    run(host, 100, f"/system.slice/web.service/libpod-payload-{ID}/container")

    (found,) = containers(host)

    assert (found.name, found.arrival) == (f"libpod/{ID[:12]}", Arrival.OUTSIDE)


def test_an_image_volume_is_no_path_of_the_host(host: Path) -> None:
    run(host, 100, GROUP)
    state = f"/run/containerd/io.containerd.grpc.v1.cri/image-volumes/{'cd' * 32}/{'ef' * 32}"
    put(
        host,
        "/proc/100/mountinfo",
        HostFile(text=f"5 1 0:90 / / ro - overlay overlay rw\n6 5 8:1 {state} /x ro - ext4 x rw\n"),
    )

    (found,) = containers(host)

    assert host_paths(found, [HOST_ROOT]) == ()


def test_a_static_pods_container_is_known_as_such(host: Path) -> None:
    run(host, 100, GROUP)
    static = {**POD, "metadata": {"uid": UID, "annotations": {"kubernetes.io/config.source": "file"}}}

    (found,) = containers(host, (static,))

    assert found.arrival is Arrival.STATIC


def test_what_holds_a_pods_namespaces_is_not_judged(host: Path) -> None:
    run(host, 90, GROUP.replace(ID, "ef" * 32), comm="pause", argv="/pause\0")

    assert containers(host) == []


@pytest.mark.parametrize("capabilities", ["000001ffffffffff", "0000000000200000"])
def test_what_only_calls_itself_pause_is_judged(host: Path, capabilities: str) -> None:
    run(host, 90, GROUP.replace(ID, "ef" * 32), comm="pause", argv="/pause\0", CapEff=capabilities)

    assert len(containers(host)) == 1


def test_the_own_pod_is_not_judged(host: Path) -> None:
    run(host, 100, GROUP)

    assert asked(host, queries.Containers(), own_pod=UID) == ()


def test_the_same_interfaces_routes_and_addresses_are_the_hosts_network(host: Path) -> None:
    run(host, 100, GROUP)
    put(host, "/proc/1/net/route", HostFile(text="Iface\neth0 100\n"))

    (found,) = containers(host)

    assert found.host_network


def test_a_sandbox_with_a_kernel_of_its_own_is_known_by_its_class(host: Path) -> None:
    run(host, 100, GROUP)

    (found,) = containers(host, ({**POD, "spec": {"runtimeClassName": "gvisor", "containers": []}},))

    assert found.sandboxed


def test_a_process_of_a_pod_does_not_pass_for_the_hosts_whatever_it_is_called(host: Path) -> None:
    run(host, 100, f"/../../pod{UID}/{ID}", comm="kubelet", argv="/usr/bin/kubelet\0--anonymous-auth=true\0")

    found = asked(host, queries.HostProcesses())

    assert isinstance(found, tuple)
    kubelet = next(each for each in found if each.comm == "kubelet")
    assert isinstance(kubelet, Process)
    assert kubelet.pod_uid == UID
    assert not kubelet.static


def test_a_host_that_is_a_container_itself_is_the_host(host: Path) -> None:
    outer = f"/docker/{'cd' * 32}"
    put(host, "/proc/1/cgroup", HostFile(text=f"9:memory:{outer}\n1:name=systemd:{outer}/init.scope\n0::/\n"))
    run(host, 50, f"9:memory:{outer}/kubelet.slice/kubelet.service\n0::/\n", comm="kubelet", NSpid="50")
    run(host, 60, f"9:memory:{outer}/k8s.io/around\n0::/\n")
    run(host, 70, f"9:memory:{outer}/kubelet.slice{GROUP}\n0::/\n")

    found = {each.name: each.arrival for each in containers(host)}

    assert found == {"container/around": Arrival.OUTSIDE, "shop/web-1/app": Arrival.API}


def test_a_command_lines_secrets_are_not_told(host: Path) -> None:
    run(
        host,
        100,
        "/system.slice/x.service",
        NSpid="100",
        argv="/x\0--token=hunter2\0--password\0hunter2\0--token-file=/x\0",
    )

    found = asked(host, queries.HostProcesses())

    assert "hunter2" not in str(found)
    assert "/x" in str(found)


def test_a_process_table_without_its_first_process_is_unreadable(host: Path) -> None:
    run(host, 100, GROUP)
    (host / "proc/1").rename(host / "hidden")

    found = asked(host, queries.HostProcesses())

    assert "hidepid" in str(found)


def test_this_process_finds_itself_in_the_hosts_tree(host: Path) -> None:
    limit(host, GROUP, memory_max="max")

    assert own_cgroup(HostRoot(host), host / f"sys/fs/cgroup{GROUP}") == GROUP
    assert own_cgroup(HostRoot(host), host / "nowhere") == ""
