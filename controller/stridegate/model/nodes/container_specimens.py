"""A container that every rule passes, for the examples of rules: each says only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stridegate.model.nodes.answers import Arrival, ContainerProcess, Mount, RunningContainer
from stridegate.model.nodes.rules import ContainerExample
from stridegate.model.nodes.verdicts import State

PROCESS = ContainerProcess(
    pid=4321,
    comm="app",
    argv=("/app",),
    uid=65532,
    gid=65532,
    effective_capabilities=0,
    no_new_privileges=True,
    seccomp=2,
    label="cri-containerd.apparmor.d (enforce)",
    namespace_pids=(4321, 1),
    limits={"Max open files": "1024", "Max processes": "4096"},
)
ROOT = Mount(point="/", root="/", source="overlay", file_system="overlay", options=("ro",), device="0:90")
CONTAINER = RunningContainer(
    name="shop/web-1/app",
    pod_uid="1f0c6cf1-2d0b-4a4e-9c3f-0a1b2c3d4e5f",
    container_id="c" * 64,
    processes=(PROCESS,),
    root_read_only=True,
    mounts=(ROOT,),
    interfaces=frozenset({"lo", "eth0"}),
    listening_ports=frozenset({8080}),
    memory_limit=256 * 1024 * 1024,
    pids_limit=100,
    cpu_limited=True,
    container="app",
    spec={"containers": [{"name": "app"}]},
    arrival=Arrival.API,
)
# What is mounted on the host of the examples.
HOST_ROOT = Mount(point="/", root="/", source="/dev/sda1", file_system="ext4", options=("rw",), device="8:1")
HOST_RUN = Mount(point="/run", root="/", source="tmpfs", file_system="tmpfs", options=("rw",), device="0:24")


def shown(
    title: str,
    state: State,
    *,
    process: Mapping[str, Any] | None = None,
    answers: Mapping[Any, object] | None = None,
    **fields: Any,  # noqa: ANN401 - whatever a container has
) -> ContainerExample:
    """Return an example: the container that passes, with these fields, and its process with those of `process`."""
    changed = {"processes": (replace(PROCESS, **process),), **fields} if process is not None else fields
    return ContainerExample(
        title=title, state=state, container=replace(CONTAINER, **changed), answers=dict(answers or {})
    )


def bound(point: str, root: str, *, device: str = HOST_ROOT.device, options: tuple[str, ...] = ("rw",)) -> Mount:
    """Return a mount of one of the host's directories in a container."""
    return Mount(point=point, root=root, source="/dev/sda1", file_system="ext4", options=options, device=device)
