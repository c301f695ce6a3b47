"""CIS Docker Benchmark 1.6, sections 1.1, 2 and 3, read word by word: each check looks at one place and compares one thing.

Nothing here comes from Stridegate. "PASS", "FAIL", and "N/A" where what the check is about is not there.
"""

from __future__ import annotations

import grp
import json
import pwd
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
_LOCAL_LOGGING = {"json-file", "journald", "local", "none"}
_PLURALS = {
    "hosts": "host",
    "insecure-registries": "insecure-registry",
    "storage-opts": "storage-opt",
    "authorization-plugins": "authorization-plugin",
    "default-ulimits": "default-ulimit",
}
_LETTERS = {"host": "-H", "log-level": "-l", "storage-driver": "-s", "debug": "-D"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the checks read: dockerd's arguments and user, daemon.json, and the lines of the audit rules."""

    arguments: Sequence[str]
    uid: int
    settings: Mapping[str, object]
    audit: Sequence[str]

    @classmethod
    def read(cls) -> Host:
        """Read this machine. Raises SystemExit where no dockerd runs."""
        for process in Path("/proc").glob("[0-9]*"):
            if (process / "comm").read_text(encoding="utf-8").strip() == "dockerd":
                break
        else:
            raise SystemExit("no dockerd runs: make demo")
        arguments = (process / "cmdline").read_bytes().decode().split("\0")
        file = Path("/etc/docker/daemon.json")
        settings = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        audit = [Path("/etc/audit/audit.rules"), *sorted(Path("/etc/audit/rules.d").glob("*.rules"))]
        lines = [line for path in audit if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]
        return cls(arguments=arguments, uid=process.stat().st_uid, settings=settings, audit=lines)

    def setting(self, name: str) -> str:
        """Return a setting as text: by its flag, else by daemon.json, else empty."""
        flag = f"--{_PLURALS.get(name, name)}"
        said = []
        for word, after in zip(self.arguments, (*self.arguments[1:], ""), strict=True):
            if word.startswith(f"{flag}="):
                said.append(word.partition("=")[2])
            elif word in {flag, _LETTERS.get(name)}:
                said.append("true" if after.startswith("-") or not after else after)
        if said:
            return " ".join(said)
        value = self.settings.get(name, "")
        if isinstance(value, list):
            return " ".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else (json.dumps(value) if value else "")


def _verdict(held: bool) -> str:  # noqa: FBT001 - the only thing it is asked
    return "PASS" if held else "FAIL"


def _text(host: Host, name: str) -> str:
    return host.setting(name).strip('"')


def _unit(name: str) -> str:
    return next((f"{folder}/{name}" for folder in _UNITS if Path(folder, name).exists()), "")


def _mode(path: str, most: int) -> str:
    if not path or not Path(path).exists():
        return "N/A"
    return _verdict(not stat.S_IMODE(Path(path).stat().st_mode) & ~most)


def _owner(path: str, group: str = "root") -> str:
    if not path or not Path(path).exists():
        return "N/A"
    status = Path(path).stat()
    return _verdict((pwd.getpwuid(status.st_uid).pw_name, grp.getgrgid(status.st_gid).gr_name) == ("root", group))


def _below(folder: str, judge: Callable[[str], str]) -> str:
    said = {judge(str(path)) for path in Path(folder).rglob("*") if path.is_file()}
    return "FAIL" if "FAIL" in said else "PASS" if said else "N/A"


def _audited(host: Host, path: str) -> str:
    if not path or not Path(path).exists():
        return "N/A"
    words = [line.replace("=", " ").split() for line in host.audit if not line.lstrip().startswith("#")]
    return _verdict(any(path in line for line in words))


def _partition(host: Host) -> str:
    root = _text(host, "data-root") or "/var/lib/docker"
    points = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    return _verdict(root in points)


def _group(_: Host) -> str:
    groups = {each.gr_name: each.gr_mem for each in grp.getgrall()}
    return _verdict(not groups["docker"]) if "docker" in groups else "N/A"


def _tls(host: Host) -> str:
    if "tcp://" not in host.setting("hosts"):
        return "N/A"
    return _verdict(
        _text(host, "tlsverify") == "true" and all(_text(host, name) for name in ("tlscacert", "tlscert", "tlskey"))
    )


def _is(name: str, *wanted: str) -> Callable[[Host], str]:
    return lambda host: _verdict(_text(host, name) in wanted)


def _is_set(name: str) -> Callable[[Host], str]:
    return lambda host: _verdict(_text(host, name) not in {"", "{}", "[]"})


def _lacks(name: str, *unwanted: str) -> Callable[[Host], str]:
    return lambda host: _verdict(not any(each in _text(host, name) for each in unwanted))


_WATCHED: Mapping[str, str] = {
    "1.1.3": "/usr/bin/dockerd",
    "1.1.4": "/run/containerd",
    "1.1.5": "/var/lib/docker",
    "1.1.6": "/etc/docker",
    "1.1.7": "docker.service",
    "1.1.8": "/run/containerd/containerd.sock",
    "1.1.9": "docker.socket",
    "1.1.10": "/etc/default/docker",
    "1.1.11": "/etc/docker/daemon.json",
    "1.1.12": "/etc/containerd/config.toml",
    "1.1.13": "/etc/sysconfig/docker",
    "1.1.14": "/usr/bin/containerd",
    "1.1.15": "/usr/bin/containerd-shim",
    "1.1.16": "/usr/bin/containerd-shim-runc-v1",
    "1.1.17": "/usr/bin/containerd-shim-runc-v2",
    "1.1.18": "/usr/bin/runc",
}


def _watch(path: str) -> Callable[[Host], str]:
    return lambda host: _audited(host, path if path.startswith("/") else _unit(path))


CHECKS: Mapping[str, Callable[[Host], str]] = {
    "1.1.1": _partition,
    "1.1.2": _group,
    **{number: _watch(path) for number, path in _WATCHED.items()},
    "2.1": lambda host: _verdict(host.uid != 0),
    "2.2": _is("icc", "false"),
    "2.3": _is("log-level", "", "info"),
    "2.4": _is("iptables", "", "true"),
    "2.5": _is("insecure-registries", ""),
    "2.6": _lacks("storage-driver", "aufs"),
    "2.7": _tls,
    "2.8": _is_set("default-ulimits"),
    "2.9": _is_set("userns-remap"),
    "2.10": _is("cgroup-parent", ""),
    "2.11": _lacks("storage-opts", "dm.basesize"),
    "2.12": _is_set("authorization-plugins"),
    "2.13": lambda host: _verdict((_text(host, "log-driver") or "json-file") not in _LOCAL_LOGGING),
    "2.14": _is("no-new-privileges", "true"),
    "2.15": _is("live-restore", "true"),
    "2.16": _is("userland-proxy", "false"),
    "2.17": _lacks("seccomp-profile", "unconfined"),
    "2.18": _is("experimental", "", "false"),
    "3.1": lambda _: _owner(_unit("docker.service")),
    "3.2": lambda _: _mode(_unit("docker.service"), 0o644),
    "3.3": lambda _: _owner(_unit("docker.socket")),
    "3.4": lambda _: _mode(_unit("docker.socket"), 0o644),
    "3.5": lambda _: _owner("/etc/docker"),
    "3.6": lambda _: _mode("/etc/docker", 0o755),
    "3.7": lambda _: _below("/etc/docker/certs.d", _owner),
    "3.8": lambda _: _below("/etc/docker/certs.d", lambda path: _mode(path, 0o444)),
    "3.9": lambda host: _owner(_text(host, "tlscacert")),
    "3.10": lambda host: _mode(_text(host, "tlscacert"), 0o444),
    "3.11": lambda host: _owner(_text(host, "tlscert")),
    "3.12": lambda host: _mode(_text(host, "tlscert"), 0o444),
    "3.13": lambda host: _owner(_text(host, "tlskey")),
    "3.14": lambda host: _mode(_text(host, "tlskey"), 0o400),
    "3.15": lambda _: _owner("/var/run/docker.sock", "docker"),
    "3.16": lambda _: _mode("/var/run/docker.sock", 0o660),
    "3.17": lambda _: _owner("/etc/docker/daemon.json"),
    "3.18": lambda _: _mode("/etc/docker/daemon.json", 0o644),
    "3.19": lambda _: _owner("/etc/default/docker"),
    "3.20": lambda _: _mode("/etc/default/docker", 0o644),
    "3.21": lambda _: _mode("/etc/sysconfig/docker", 0o644),
    "3.22": lambda _: _owner("/etc/sysconfig/docker"),
    "3.23": lambda _: _owner("/run/containerd/containerd.sock"),
    "3.24": lambda _: _mode("/run/containerd/containerd.sock", 0o660),
}
"""By number, what a person who does what the benchmark says finds."""
