"""Versions that a running Docker daemon tells of itself and of what it runs: one GET on its socket, by whoever may connect."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

_PATIENCE = 2.0
_MOST_BYTES = 256 * 1024
_NAMES = {"docker": "Engine", "containerd": "containerd", "runc": "runc"}


class _Component(msgspec.Struct, frozen=True):
    Name: str = ""
    Version: str = ""


class _Version(msgspec.Struct, frozen=True):
    Components: list[_Component] = []


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(str(self._path))


def docker_versions(path: Path = Path("/run/docker.sock")) -> Mapping[str, str]:
    """Return the versions of docker, containerd and runc; nothing where no daemon answers."""
    connection = _Connection(path)
    try:
        connection.request("GET", "/version")
        told = msgspec.json.decode(connection.getresponse().read(_MOST_BYTES), type=_Version)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    finally:
        connection.close()
    known = {each.Name: each.Version.removeprefix("v") for each in told.Components}
    return {name: known[key] for name, key in _NAMES.items() if known.get(key)}
