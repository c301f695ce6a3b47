"""What a machine is, and which versions it has, from what stands on it."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path

import pytest

from hosts import put
from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.rules import HostFile
from stridegate.scanner.docker_versions import docker_versions
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.file_answers import answer_from_files
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.installations import installation_and_role, self_description
from stridegate.scanner.versions import version_of

DIRECTORY = HostFile(kind=FileKind.DIRECTORY, mode=0o755)
DPKG = """Package: containerd.io
Status: install ok installed
Maintainer: Somebody
 <somebody@example.com>
Version: 1.7.24-1

Package: docker-ce
Version: 5:27.3.1-1~debian.12~bookworm

Package: runc
Version: 1.1.5+ds1-1+deb12u1
"""


def asking(root: Path) -> tuple[Installation, Role]:
    host = HostRoot(root)

    def ask(asked: frozenset[Query[object]]) -> dict[Query[object], object]:
        return answer_from_files(host, asked)

    return installation_and_role(ask)


@pytest.mark.parametrize(
    ("paths", "installation", "role"),
    [
        (["/var/lib/kubelet/kubeadm-flags.env"], Installation.KUBEADM, Role.WORKER),
        (
            ["/etc/kubernetes/admin.conf", "/etc/kubernetes/manifests/kube-apiserver.yaml"],
            Installation.KUBEADM,
            Role.CONTROL_PLANE,
        ),
        (["/var/lib/rancher/k3s/agent/x"], Installation.K3S, Role.WORKER),
        (["/var/lib/rancher/rke2/server/x", "/etc/kubernetes/admin.conf"], Installation.RKE2, Role.CONTROL_PLANE),
        (["/etc/eks/bootstrap.sh"], Installation.EKS, Role.WORKER),
        (["/etc/kubernetes/azure.json"], Installation.AKS, Role.WORKER),
        (["/home/kubernetes/kubelet-config.yaml"], Installation.GKE, Role.WORKER),
        (["/etc/docker/daemon.json"], Installation.DOCKER, Role.WORKER),
        (["/etc/docker/daemon.json", "/var/lib/kubelet/config.yaml"], Installation.GENERIC, Role.WORKER),
        (["/etc/hostname"], Installation.GENERIC, Role.WORKER),
    ],
)
def test_a_machine_is_known_by_what_stands_on_it(
    paths: list[str], installation: Installation, role: Role, tmp_path: Path
) -> None:
    for path in paths:
        put(tmp_path, path, HostFile())

    assert asking(tmp_path) == (installation, role)


@pytest.mark.parametrize(("system", "installation"), [("talos", Installation.TALOS), ("rhcos", Installation.OPENSHIFT)])
def test_an_operating_system_for_one_purpose_says_so_itself(
    system: str, installation: Installation, tmp_path: Path
) -> None:
    put(tmp_path, "/usr/lib/os-release", HostFile(text=f'ID="{system}"\n'))
    put(tmp_path, "/etc/os-release", HostFile(link="../usr/lib/os-release"))

    assert asking(tmp_path)[0] is installation


def test_what_is_not_mounted_is_no_mark_of_a_distribution(tmp_path: Path) -> None:
    put(tmp_path, "/etc/docker/daemon.json", HostFile())
    host = HostRoot(tmp_path, visible=("/etc",))

    assert installation_and_role(lambda asked: answer_from_files(host, asked))[0] is Installation.DOCKER


def test_a_node_describes_itself(tmp_path: Path) -> None:
    put(tmp_path, "/etc/os-release", HostFile(text='PRETTY_NAME="Debian GNU/Linux 13"\nID=debian\n'))
    put(tmp_path, "/proc/sys/kernel/osrelease", HostFile(text="6.12.1\n"))
    put(tmp_path, "/etc/cni/net.d/10-calico.conflist", HostFile())
    put(tmp_path, "/etc/cni/net.d/calico-kubeconfig", HostFile())
    put(tmp_path, "/usr/bin/containerd", HostFile())
    put(tmp_path, "/var/lib/dpkg/status", HostFile(text=DPKG))
    host = HostRoot(tmp_path)

    told = self_description(lambda asked: answer_from_files(host, asked))

    assert told == {
        "osImage": "Debian GNU/Linux 13",
        "distro": "generic",
        "kernel": "6.12.1",
        "kubelet": "",
        "runtime": "containerd 1.7.24",
        "cni": ["calico"],
    }


def program(information: str, *, section: bytes = b".go.buildinfo") -> bytes:
    """Return a 64-bit ELF file with what Go's linker writes into programs."""

    def text(said: bytes) -> bytes:
        length, written = len(said), b""
        while length >= 0x80:
            written += bytes([length & 0x7F | 0x80])
            length >>= 7
        return written + bytes([length]) + said

    told = b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + text(b"go1.24") + text(information.encode())
    names = b"\0.shstrtab\0" + section + b"\0"
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    at = 64
    table = at + len(told) + len(names)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 1)

    def entry(name: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 1, 0)

    return head + told + names + entry(0, 0, 0) + entry(1, at + len(told), len(names)) + entry(11, at, len(told))


def installed(root: Path, name: str, content: bytes) -> HostRoot:
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin" / name).write_bytes(content)
    return HostRoot(root)


@pytest.mark.parametrize(
    ("component", "information", "version"),
    [
        ("containerd", "path\tx\nmod\tgithub.com/containerd/containerd/v2\tv2.1.0\th1:x=\n", "2.1.0"),
        ("runc", 'mod\tx\t(devel)\nbuild\t-ldflags="-X main.gitCommit=a -X main.version=1.2.8 -s"\n', "1.2.8"),
        ("kubelet", "mod\tstridegate\t(devel)\ndep\tk8s.io/kubernetes\tv1.36.3\th1:x=\n", "1.36.3"),
        ("kubelet", "build\t-ldflags=\"-X 'k8s.io/component-base/version.gitVersion=v1.31.2+k3s1'\"\n", "1.31.2"),
    ],
)
def test_a_program_says_its_version_without_being_run(
    component: str, information: str, version: str, tmp_path: Path
) -> None:
    host = installed(tmp_path, component, program(information))

    assert version_of(host, component) == version


@pytest.mark.parametrize(
    ("component", "name", "version"),
    [("containerd", "containerd", "1.7.24"), ("docker", "dockerd", "27.3.1"), ("runc", "runc", "1.1.5")],
)
def test_a_package_says_the_version_of_a_program_that_does_not(
    component: str, name: str, version: str, tmp_path: Path
) -> None:
    put(tmp_path, "/var/lib/dpkg/status", HostFile(text=DPKG))
    host = installed(tmp_path, name, b"\x7fELF\x01")

    assert version_of(host, component) == version


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + b"\xff" * 100, program("x")[:150], b"#!/bin/sh\nexit 1\n"]
)
def test_a_program_that_says_nothing_is_unreadable_and_not_run(content: bytes, tmp_path: Path) -> None:
    host = installed(tmp_path, "runc", content)

    with pytest.raises(Barred, match="when it is run"):
        version_of(host, "runc")


def test_a_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        version_of(HostRoot(tmp_path), "runc")
    with pytest.raises(Barred):
        version_of(HostRoot(tmp_path), "../../etc/passwd")


def test_docker_tells_its_own_versions_and_those_of_what_it_runs(tmp_path: Path) -> None:
    body = b'{"Components": [{"Name": "Engine", "Version": "27.3.1"}, {"Name": "runc", "Version": "1.1.14"}]}'
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "docker.sock"))
        listening.listen()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=answer)
        thread.start()
        told = docker_versions(tmp_path / "docker.sock")
        thread.join()

    assert told == {"docker": "27.3.1", "runc": "1.1.14"}
    assert docker_versions(tmp_path / "nothing") == {}
