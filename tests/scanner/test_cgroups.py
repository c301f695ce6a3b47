"""Whose a process is, by the names that runtimes give to control groups."""

from __future__ import annotations

import pytest

from stridegate.scanner.cgroups import absolute, belonging, looks_static, pod_in

UID = "1f0c6cf1-2d0b-4a4e-9c3f-0a1b2c3d4e5f"
STATIC = "0123456789abcdef0123456789abcdef"
ID = "ab" * 32
SLICE = UID.replace("-", "_")


@pytest.mark.parametrize(
    ("cgroup", "runtime"),
    [
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope",
            "cri-containerd",
        ),
        (f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope", "crio"),
        (f"/kubepods.slice/kubepods-pod{SLICE}.slice/docker-{ID}.scope", "docker"),
        (f"/kubepods/besteffort/pod{UID}/{ID}", ""),
        (f"/kubepods/pod{UID}/{ID}/init.scope", ""),
        (
            f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice/cri-containerd-{ID}.scope",
            "cri-containerd",
        ),
        (f"/docker/{'cd' * 32}/kubelet/kubepods/besteffort/pod{UID}/{ID}", ""),
        (f"/system.slice/containerd.service/kubepods-burstable-pod{SLICE}.slice:cri-containerd:{ID}", "cri-containerd"),
        (f"/../../kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope", "cri-containerd"),
        (f"/../../pod{UID}/{ID}", ""),
    ],
)
def test_a_container_of_a_pod_is_known_by_every_runtimes_names(cgroup: str, runtime: str) -> None:
    found = belonging(cgroup, own_namespace=True)

    assert found is not None
    assert (found.pod_uid, found.container_id, found.runtime) == (UID, ID, runtime)


@pytest.mark.parametrize(
    ("cgroup", "runtime"),
    [
        (f"/system.slice/docker-{ID}.scope", "docker"),
        (f"/docker/{ID}", "docker"),
        (f"/machine.slice/libpod-{ID}.scope/container", "libpod"),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "libpod"),
        (f"/system.slice/nerdctl-{ID}.scope", "nerdctl"),
    ],
)
def test_a_container_around_kubernetes_is_one_too(cgroup: str, runtime: str) -> None:
    found = belonging(cgroup, own_namespace=True)

    assert found is not None
    assert (found.pod_uid, found.container_id, found.runtime) == ("", ID, runtime)


def test_a_container_with_a_name_of_its_own_is_known_by_its_process_ids() -> None:
    found = belonging("/default/evil", own_namespace=True)

    assert found is not None
    assert found.container_id == "evil"
    assert belonging("/default/evil", own_namespace=False) is None


@pytest.mark.parametrize(
    "cgroup",
    [
        "/init.scope",
        "/system.slice/kubelet.service",
        "/user.slice/user-0.slice/session-1.scope",
        f"/kubepods.slice/kubepods-pod{SLICE}.slice/crio-conmon-{ID}.scope",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        "/system.slice/pod-manager.service",
    ],
)
def test_the_hosts_own_processes_are_in_no_container(cgroup: str) -> None:
    assert belonging(cgroup, own_namespace=False) is None


@pytest.mark.parametrize("cgroup", [f"/system.slice/pod{UID}.service", f"/user.slice/x-pod{SLICE}.slice"])
def test_a_name_outside_of_kubepods_makes_no_pod(cgroup: str) -> None:
    assert pod_in(cgroup) == ""


def test_a_static_pods_uid_is_the_hash_of_its_manifest() -> None:
    assert pod_in(f"/kubepods/burstable/pod{STATIC}/{ID}") == STATIC
    assert looks_static(STATIC)
    assert not looks_static(UID)


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        ("/../../kubepods-besteffort.slice/x", "/kubepods.slice/kubepods-besteffort.slice/x"),
        ("/../../../../init.scope", "/init.scope"),
        ("/", "/kubepods.slice/a.slice/own"),
        ("/kubepods.slice/x", "/kubepods.slice/x"),
    ],
)
def test_what_is_told_from_a_cgroup_namespace_is_made_whole(told: str, whole: str) -> None:
    assert absolute(told, "/kubepods.slice/a.slice/own") == whole
