"""Container images without a container engine: a docker-archive is a tar of a layer, configurations and a manifest."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localkube.machine import architecture

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Names for one layer, and the program that it starts (none: the pod says)."""

    names: Sequence[str]
    entrypoint: str = ""


def write_archive(archive: Path, layer: Path, images: Sequence[Image]) -> None:
    """Write an archive of images that share one layer."""
    with layer.open("rb") as content:
        diff_id = hashlib.file_digest(content, "sha256").hexdigest()
    manifest = []
    with tarfile.open(archive, "w") as tar:
        tar.add(layer, f"{diff_id}/layer.tar")
        for image in images:
            configuration = json.dumps(_configuration(image, diff_id)).encode()
            file = hashlib.sha256(configuration).hexdigest() + ".json"
            _add(tar, file, configuration)
            manifest.append({"Config": file, "RepoTags": list(image.names), "Layers": [f"{diff_id}/layer.tar"]})
        _add(tar, "manifest.json", json.dumps(manifest).encode())


def _configuration(image: Image, diff_id: str) -> dict[str, object]:
    process: dict[str, object] = {"Env": [_PATH], "WorkingDir": "/"}
    if image.entrypoint:
        process["Entrypoint"] = [image.entrypoint]
    return {
        "architecture": architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": process,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    tar.addfile(header, io.BytesIO(content))
