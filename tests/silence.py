"""A file system that never answers: a FUSE server that says hello to the kernel, takes every further request and keeps silent.

Who asks it waits where no signal reaches, as with a dead NFS server: stat(1) on it cannot be killed. It speaks the raw
protocol (include/uapi/linux/fuse.h), so that nothing has to be installed; mounting takes root and /dev/fuse.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOSUID_NODEV = 2 | 4
_DETACH = 2
_INIT = 26
_MOST = 1 << 17


@contextmanager
def silent_file_system(at: Path) -> Iterator[None]:
    """Mount a file system that never answers on a directory. At the end it is gone, and whoever waited for it goes on."""
    library = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    stop, stopped = os.pipe()
    server = threading.Thread(target=_serve, args=(device, stop), daemon=True)
    try:
        if library.mount(b"silent", os.fsencode(at), b"fuse", _NOSUID_NODEV, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "cannot mount a file system of FUSE: run these tests as root", str(at))
        server.start()
        try:
            yield
        finally:
            library.umount2(os.fsencode(at), _DETACH)
            os.close(stopped)
            server.join()
    finally:
        # The kernel ends every request with the last descriptor of its server.
        os.close(device)
        os.close(stop)


def _serve(device: int, stop: int) -> None:
    while True:
        readable, _, _ = select.select([device, stop], [], [])
        if stop in readable:
            return
        try:
            request = os.read(device, _MOST)
        except OSError:
            return
        _, operation, unique, _ = struct.unpack_from("=IIQQ", request)
        if operation == _INIT:
            _, minor, ahead, _ = struct.unpack_from("=IIII", request, 40)
            # struct fuse_init_out: version 7, what the kernel wants read ahead, no further feature.
            told = struct.pack("=IIIIHHIIHHI7I", 7, min(minor, 31), ahead, 0, 12, 9, 4096, 1, 0, 0, 0, *[0] * 7)
            os.write(device, struct.pack("=IiQ", 16 + len(told), 0, unique) + told)
