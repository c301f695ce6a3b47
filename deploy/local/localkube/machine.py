"""What this machine is and can: architecture, cgroups, capabilities."""

import platform
from pathlib import Path

from localkube.errors import UnsupportedMachine

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_CAP_SYS_RESOURCE = 24
"""Its number in include/uapi/linux/capability.h."""


def architecture() -> str:
    """Name the architecture as images and Go do. Raises UnsupportedMachine."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in _ARCHITECTURES:
        raise UnsupportedMachine(system, machine)
    return _ARCHITECTURES[machine]


def has_cgroup_v1() -> bool:
    """Tell whether the kubelet will find the old cgroup hierarchies: only v2 has this file at the top."""
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def lacks_sys_resource(status: str | None = None) -> bool:
    """Tell whether no process here can have CAP_SYS_RESOURCE. `status` is /proc/self/status, see proc(5)."""
    text = Path("/proc/self/status").read_text(encoding="utf-8") if status is None else status
    bounding = next(int(line.split()[1], 16) for line in text.splitlines() if line.startswith("CapBnd:"))
    return not bounding >> _CAP_SYS_RESOURCE & 1
