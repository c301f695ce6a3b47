"""Versions of installed programs, without running any: from what Go's linker writes into a binary, and from dpkg.

A program of the host is never executed: whoever changed it would choose the answer, and run as the scanner.
"""

from __future__ import annotations

import os
import re
import struct

from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.host_root import HostRoot, Place

_DIRECTORIES = ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/opt/bin", "/usr/libexec/crio")
_PROGRAMS = {"docker": ("dockerd",), "crio": ("crio",), "runc": ("runc",)}
_PACKAGES = {
    "docker": ("docker-ce", "docker.io"),
    "containerd": ("containerd.io", "containerd"),
    "runc": ("runc",),
    "kubelet": ("kubelet",),
    "crio": ("cri-o",),
}
_VERSION = re.compile(r"v?(\d+\.\d+\.\d+(?:-(?:rc|beta|alpha)[.\d]*)?)")
# What a build says with `-ldflags "-X package.version=v1.2.3"`, and the main module's own line.
_LINKED = re.compile(r"-X[ =]'?[\w./-]*\.(?:gitVersion|[vV]ersion)=v?(\d+\.\d+\.\d+[\w.-]*)")
_MODULE = re.compile(r"^mod\t\S+\tv(\d+\.\d+\.\d+)(?:[\t+\n-]|$)", re.MULTILINE)
# Distributions build the kubelet into programs of their own.
_DEPENDENCIES = {"kubelet": re.compile(r"^dep\tk8s\.io/kubernetes\tv(\d+\.\d+\.\d+)", re.MULTILINE)}

_MAGIC = b"\xff Go buildinf:"
# The most bytes of a table of sections, of the information itself, and of dpkg's list of packages.
_MOST_TABLE = 1024 * 1024
_MOST_INFORMATION = 256 * 1024
_MOST_PACKAGES = 16 * 1024 * 1024


def version_of(host: HostRoot, component: str) -> str:
    """Return the version of an installed program, such as 1.2.8. Raises Missing where it is not installed, Barred where nothing tells."""
    path = _program(host, component)
    linked = _linked_version(host, component, path)
    packaged = linked or _packaged_version(host, component)
    if not packaged:
        raise Barred(path, "says its version only when it is run, which a scan does not do")
    return packaged


def _program(host: HostRoot, component: str) -> str:
    for name in _PROGRAMS.get(component, (component,)):
        if not re.fullmatch(r"[a-z0-9-]+", name):
            raise Barred(component, "is no component")
        for directory in _DIRECTORIES:
            try:
                host.status(f"{directory}/{name}")
            except Missing:
                continue
            return f"{directory}/{name}"
    raise Missing(component)


def _linked_version(host: HostRoot, component: str, path: str) -> str:
    with host.at(path) as place:
        information = _information(place)
    dependency = _DEPENDENCIES.get(component)
    for pattern in (_LINKED, *([dependency] if dependency else []), _MODULE):
        if found := pattern.search(information):
            return found[1]
    return ""


def _information(place: Place) -> str:
    """Return what the section .go.buildinfo of an ELF file says (debug/buildinfo), or nothing."""
    if place.kind.value != "file":
        return ""
    descriptor = place.opened(os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        section = _section(descriptor, b".go.buildinfo")
        if section is None:
            return ""
        head = os.pread(descriptor, min(section[1], _MOST_INFORMATION), section[0])
    except struct.error:
        return ""
    finally:
        os.close(descriptor)
    # Since Go 1.18: two strings, each after its length, behind 32 bytes.
    if not head.startswith(_MAGIC) or len(head) < 33 or not head[15] & 2:
        return ""
    _, rest = _string(head[32:])
    return _string(rest)[0].decode(errors="replace")


def _string(data: bytes) -> tuple[bytes, bytes]:
    length = shift = 0
    for at, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return data[at + 1 : at + 1 + length], data[at + 1 + length :]
    return b"", b""


def _section(descriptor: int, wanted: bytes) -> tuple[int, int] | None:
    """Return offset and size of a section of a 64-bit ELF file (elf(5))."""
    head = os.pread(descriptor, 64, 0)
    if head[:5] != b"\x7fELF\x02":
        return None
    order = "<" if head[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}Q", head, 40)
    size, count, names_at = struct.unpack_from(f"{order}HHH", head, 58)
    if size < 64 or size * count > _MOST_TABLE or names_at >= count:
        return None
    sections = os.pread(descriptor, size * count, table)
    entries = [struct.unpack_from(f"{order}IIQQQQ", sections, at * size) for at in range(count)]
    names = os.pread(descriptor, min(entries[names_at][5], _MOST_TABLE), entries[names_at][4])
    for name, _, _, _, offset, length in entries:
        if names[name : names.find(b"\0", name)] == wanted:
            return offset, length
    return None


def _packaged_version(host: HostRoot, component: str) -> str:
    try:
        text = host.read("/var/lib/dpkg/status", _MOST_PACKAGES).decode(errors="replace")
    except (Missing, Barred):
        return ""
    for name in _PACKAGES.get(component, ()):
        stanza = re.search(
            rf"^Package: {re.escape(name)}\n(?:\S.*\n|\s.*\n)*?Version: (?:\d+:)?(\S+)", text, re.MULTILINE
        )
        found = _VERSION.match(stanza[1]) if stanza else None
        if found:
            return found[1]
    return ""
