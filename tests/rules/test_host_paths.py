"""What pods reach of their nodes, on Linux and on Windows, and what becomes of it in an update."""

from __future__ import annotations

import pytest

from specimens import judged, laid_over, slugs, view
from stridegate.engine.difference import compare
from stridegate.engine.examples import JsonMap
from stridegate.model.paths import clean, resolve_windows

OURS = {"sensitive-host-path", "host-device", "writable-host-path", "container-runtime-socket"}


def mounting(path: str, mount: str = "") -> JsonMap:
    mounts = f"containers: [{{name: app, volumeMounts: [{mount}]}}]" if mount else "hostPID: null"
    return laid_over(f"{{{mounts}, volumes: [{{name: x, hostPath: {{path: '{path}'}}}}]}}")


def found(pod: JsonMap) -> set[str]:
    return slugs(judged(pod)) & OURS


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("/", {"sensitive-host-path", "container-runtime-socket"}),
        ("//etc//shadow/", {"sensitive-host-path"}),
        ("/var", {"sensitive-host-path", "container-runtime-socket"}),
        ("/var/log", {"sensitive-host-path"}),
        ("/var/logs", set()),
        ("/var/lib/kubelet/pods", {"sensitive-host-path"}),
        ("/var/lib/app", set()),
        ("/opt", {"sensitive-host-path"}),
        ("/opt/app", set()),
        ("/opt/bin/kubelet", {"sensitive-host-path"}),
        ("/var/spool", {"sensitive-host-path"}),
        ("/var/spool/cron/crontabs", {"sensitive-host-path"}),
        ("/var/roothome/.ssh", {"sensitive-host-path"}),
        ("/var/lib/cloud/scripts/per-boot", {"sensitive-host-path"}),
        ("/sysroot/ostree", {"sensitive-host-path"}),
        ("/mnt/stateful_partition/var/lib/kubelet", {"sensitive-host-path"}),
        ("/mnt/disks", set()),
        ("/local/data", set()),
        ("//./pipe/docker_engine", {"sensitive-host-path"}),
        ("/ProgramData/Docker", {"sensitive-host-path"}),
        ("/programdata/app", set()),
        ("/WINDOWS/system32", {"sensitive-host-path"}),
        ("/users/app", set()),
        ("/opt/cni/bin", {"sensitive-host-path"}),
        ("/proc/1/root/data", set()),
        ("/proc/1/cwd", {"sensitive-host-path", "container-runtime-socket"}),
        ("/dev", {"sensitive-host-path", "host-device"}),
        ("/dev/shm", {"sensitive-host-path", "host-device"}),  # noqa: S108 - on the node
        ("/device", set()),
        ("/data", set()),
        ("/usr/../data", set()),
        ("/data/../usr", {"sensitive-host-path"}),
    ],
)
def test_a_path_is_held_to_what_it_leads_to(path: str, rules: set[str]) -> None:
    assert found(mounting(path)) == rules


def test_a_mount_narrows_what_is_reached_and_an_expression_does_not() -> None:
    assert found(mounting("/var", "{name: x, mountPath: /m, readOnly: true, subPath: www}")) == set()
    assert "sensitive-host-path" in found(mounting("/var", "{name: x, mountPath: /m, subPathExpr: $(A)}"))


def test_each_mount_that_may_be_written_to_is_a_finding_of_its_own() -> None:
    mounts = "{name: x, mountPath: /a}, {name: x, mountPath: /b, readOnly: true}, {name: x, mountPath: /c}"

    paths = [each.key[2] for each in judged(mounting("/data", mounts)) if each.rule.slug == "writable-host-path"]

    assert paths == ["volumeMounts[/a].readOnly", "volumeMounts[/c].readOnly"]


def test_a_mount_that_becomes_writable_is_introduced() -> None:
    old = mounting("/data", "{name: x, mountPath: /a, readOnly: true}")
    new = mounting("/data", "{name: x, mountPath: /a}")

    difference = compare(view(old), judged(old), view(new), judged(new))

    assert slugs(difference.introduced) == {"writable-host-path"}


@pytest.mark.parametrize(
    ("path", "components"),
    [
        ("C:\\", ("c:",)),
        ("c:/ProgramData\\Docker\\", ("c:", "programdata", "docker")),
        ("C:\\ProgramData\\docker. .", ("c:", "programdata", "docker")),
        ("C:\\x\\..\\var\\lib", ("c:", "var", "lib")),
        ("/var/lib/kubelet", ("c:", "var", "lib", "kubelet")),
        ("\\\\.\\pipe\\docker_engine", ("pipe", "docker_engine")),
        ("\\\\?\\C:\\data", ("c:", "data")),
        ("//./pipe/containerd-containerd", ("pipe", "containerd-containerd")),
        ("data", None),
        ("..\\data", None),
        ("C:\\PROGRA~3\\docker", None),
        ("C:\\Windows::$INDEX_ALLOCATION\\System32", None),
        ("\\??\\C:\\Windows", None),
        ("\\\\localhost\\c$\\Windows", None),
        ("\\\\?\\UNC\\localhost\\c$", None),
        ("\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1", None),
        ("\\\\.\\C:\\data", ("c:", "data")),
        ("d:/data", ("d:", "data")),
        ("C:\\data\\.. \\Windows", None),
        ("C:\\...\\Windows", None),
        ("C:\\ ", None),
        ("", None),
    ],
)
def test_a_path_on_windows_is_read_as_windows_reads_it(path: str, components: tuple[str, ...] | None) -> None:
    assert resolve_windows(path) == components


@pytest.mark.parametrize(
    ("path", "sensitive"),
    [
        ("C:\\Windows\\System32", True),
        ("c:/k/kubelet.exe", True),
        ("C:\\data\\..\\Users", True),
        ("\\\\localhost\\c$", True),
        ("C:\\data\\.. \\Windows", True),
        ("C:\\data", False),
        ("D:\\Windows", False),
    ],
)
def test_a_windows_pod_is_held_to_what_windows_rests_on(path: str, *, sensitive: bool) -> None:
    pod = laid_over(f"{{os: {{name: windows}}, volumes: [{{name: x, hostPath: {{path: '{path}'}}}}]}}")

    assert ("sensitive-host-path" in found(pod)) is sensitive


@pytest.mark.parametrize(
    ("path", "components"),
    [
        ("/", ()),
        ("", ()),
        ("a/./b//c/", ("a", "b", "c")),
        ("/../..", ()),
        ("/proc/self/root/x/..", ("proc", "self", "root")),
    ],
)
def test_a_path_in_a_container_is_only_made_clean(path: str, components: tuple[str, ...]) -> None:
    assert clean(path) == components
