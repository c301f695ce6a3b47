"""Reading a host that does not want to be read: nothing leads out, nothing hangs, nothing is taken for what it is not."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from stridegate.model.nodes.answers import FileKind
from stridegate.scanner.errors import Barred, Missing, OutOfView
from stridegate.scanner.host_root import HostRoot


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host's root, beside which stands what no link of it may reach."""
    (tmp_path / "outside").write_text("the scanner's own")
    root = tmp_path / "host"
    (root / "etc").mkdir(parents=True)
    return root


class TestLinks:
    def test_an_absolute_link_leads_to_the_hosts_own_file(self, host: Path) -> None:
        (host / "data").mkdir()
        (host / "data/admin.conf").write_text("the host's")
        (host / "etc/kubernetes").symlink_to("/data")

        status = HostRoot(host).status("/etc/kubernetes/admin.conf")

        assert (status.target, status.kind) == ("/data/admin.conf", FileKind.FILE)
        assert HostRoot(host).read("/etc/kubernetes/admin.conf") == b"the host's"

    @pytest.mark.parametrize("link", ["../../../../outside", "../../outside", "/../outside", "/etc/../../outside"])
    def test_a_link_does_not_lead_out_of_the_root(self, host: Path, link: str) -> None:
        (host / "etc/shadow").symlink_to(link)

        with pytest.raises(Missing):
            HostRoot(host).read("/etc/shadow")

    def test_a_path_does_not_lead_out_of_the_root(self, host: Path) -> None:
        with pytest.raises(Missing):
            HostRoot(host).read("/etc/../../outside")

    def test_a_link_to_the_scanners_own_absolute_path_finds_nothing(self, host: Path) -> None:
        (host / "etc/passwd").symlink_to(host.parent / "outside")

        with pytest.raises(Missing):
            HostRoot(host).read("/etc/passwd")

    def test_a_relative_link_starts_beside_itself(self, host: Path) -> None:
        (host / "etc/real").write_text("found")
        (host / "etc/link").symlink_to("./real")

        assert HostRoot(host).read("/etc/link") == b"found"

    def test_links_in_a_circle_are_given_up(self, host: Path) -> None:
        (host / "etc/a").symlink_to("b")
        (host / "etc/b").symlink_to("a")

        with pytest.raises(Barred, match="links"):
            HostRoot(host).status("/etc/a")

    def test_a_link_that_grows_is_given_up(self, host: Path) -> None:
        (host / "etc/a").symlink_to("x/../a/" + "y/" * 200)
        (host / "etc/x").mkdir()

        with pytest.raises((Barred, Missing)):
            HostRoot(host).status("/etc/a")

    def test_a_link_of_proc_leads_nowhere_but_into_the_root(self, host: Path) -> None:
        (host / "etc/root").symlink_to("/proc/self/root")

        with pytest.raises(Missing):
            HostRoot(host).read("/etc/root/etc/passwd")


class TestWhatIsNoFile:
    def test_a_fifo_is_never_opened(self, host: Path) -> None:
        os.mkfifo(host / "etc/config")

        with pytest.raises(Barred, match="no regular file"):
            HostRoot(host).read("/etc/config")

    def test_a_device_is_never_opened(self, host: Path) -> None:
        os.mknod(host / "etc/config", 0o600 | 0o020000, os.makedev(1, 5))

        with pytest.raises(Barred, match="no regular file"):
            HostRoot(host).read("/etc/config")

    def test_a_directory_is_no_file(self, host: Path) -> None:
        with pytest.raises(Barred, match="no regular file"):
            HostRoot(host).read("/etc")

    def test_a_file_is_no_directory(self, host: Path) -> None:
        (host / "etc/x").write_text("")

        with pytest.raises(Barred, match="no directory"):
            HostRoot(host).names("/etc/x")
        with pytest.raises(Missing):
            HostRoot(host).status("/etc/x/y")

    @pytest.mark.parametrize("path", ["etc/passwd", "", "/etc/\0x"])
    def test_what_is_no_absolute_path_is_not_looked_for(self, host: Path, path: str) -> None:
        with pytest.raises(Barred, match="no absolute path"):
            HostRoot(host).read(path)


class TestSizes:
    def test_a_huge_file_is_not_read(self, host: Path) -> None:
        with (host / "etc/big").open("wb") as file:
            file.truncate(1 << 30)

        with pytest.raises(Barred, match="more than"):
            HostRoot(host).read("/etc/big")

    def test_a_file_of_just_the_most_is_read(self, host: Path) -> None:
        (host / "etc/big").write_bytes(b"x" * (1 << 20))

        assert len(HostRoot(host).read("/etc/big")) == 1 << 20

    def test_a_large_directory_is_unreadable_and_not_a_part_of_it(self, host: Path) -> None:
        for number in range(10_001):
            (host / f"etc/{number}").touch()

        with pytest.raises(Barred, match="more than 10000"):
            HostRoot(host).below("/etc", "*", 1)

    def test_a_deep_directory_ends(self, host: Path) -> None:
        (host / ("etc/" + "d/" * 40)).mkdir(parents=True)

        with pytest.raises(Barred, match="deeper"):
            HostRoot(host).below("/etc", "*", 99)

    def test_an_overlong_name_is_nowhere(self, host: Path) -> None:
        with pytest.raises(Missing):
            HostRoot(host).status("/etc/" + "x" * 300)

    def test_an_overlong_path_is_given_up(self, host: Path) -> None:
        with pytest.raises(Barred, match="components"):
            HostRoot(host).status("/etc/.." * 400)

    def test_a_file_that_grows_while_it_is_read_is_no_evidence(self, host: Path) -> None:
        growing = host / "etc/growing"
        growing.write_bytes(b"x" * 100_000)
        stop = threading.Event()

        def grow() -> None:
            while not stop.is_set():
                with growing.open("r+b") as file:
                    file.write(b"y" * 100_000)
                    file.truncate(100_000)

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            outcomes = set()
            for _ in range(200):
                try:
                    outcomes.add(len(HostRoot(host).read("/etc/growing")))
                except Barred as barred:
                    assert "changes" in barred.reason  # noqa: PT017 - both ways are right, and one of them it must be
        finally:
            stop.set()
            writer.join()

        assert outcomes <= {100_000}


class TestNames:
    @pytest.mark.parametrize("name", [b"new\nline", b"\x1b[2Jcleared", b"\xff\xfeno text", "\u202eright".encode()])
    def test_a_hostile_name_is_listed_and_can_be_asked_for(self, host: Path, name: bytes) -> None:
        (host / "etc" / os.fsdecode(name)).write_text("x")

        (path,) = HostRoot(host).below("/etc", "*", 1)

        assert os.fsencode(path) == b"/etc/" + name
        assert HostRoot(host).status(path).kind is FileKind.FILE

    def test_links_to_directories_are_listed_and_not_followed(self, host: Path) -> None:
        (host / "etc/loop").symlink_to("/etc")
        (host / "etc/sub").mkdir()
        (host / "etc/sub/x.conf").touch()

        assert HostRoot(host).below("/etc", "*", 5) == ("/etc/loop", "/etc/sub", "/etc/sub/x.conf")
        assert HostRoot(host).below("/etc", "*.conf", 5) == ("/etc/sub/x.conf",)
        assert HostRoot(host).below("/etc", "*.conf", 1) == ()

    def test_the_roots_own_names_are_paths(self, host: Path) -> None:
        assert HostRoot(host).below("/", "*", 1) == ("/etc",)


class TestView:
    def test_what_is_not_mounted_is_unreadable_and_not_absent(self, host: Path) -> None:
        mounted = HostRoot(host, visible=("/etc",))

        with pytest.raises(OutOfView):
            mounted.status("/opt/etcd")
        with pytest.raises(Missing):
            mounted.status("/etc/nothing")

    def test_a_link_out_of_what_is_mounted_is_unreadable(self, host: Path) -> None:
        (host / "etc/resolv.conf").symlink_to("/run/resolve/resolv.conf")

        with pytest.raises(OutOfView, match="leads to /run"):
            HostRoot(host, visible=("/etc",)).read("/etc/resolv.conf")

    def test_the_parents_of_a_mount_are_not_the_hosts(self, host: Path) -> None:
        (host / "var/lib").mkdir(parents=True)

        with pytest.raises(OutOfView):
            HostRoot(host, visible=("/var/lib",)).status("/var")


def test_what_may_not_be_read_is_unreadable(host: Path) -> None:
    (host / "etc/secret").mkdir(mode=0o700)
    (host / "etc/secret/x").write_text("x")
    looked = HostRoot(host)
    os.chown(host.parent, 65534, 65534)

    os.seteuid(65534)
    try:
        with pytest.raises(Barred, match="EACCES"):
            looked.read("/etc/secret/x")
    finally:
        os.seteuid(0)


def test_metadata_is_that_of_the_file(host: Path) -> None:
    (host / "etc/x").write_text("x")
    os.chown(host / "etc/x", 998, 997)
    (host / "etc/x").chmod(0o4755)

    status = HostRoot(host).status("/etc/x")

    assert (status.mode, status.uid, status.gid) == (0o4755, 998, 997)
