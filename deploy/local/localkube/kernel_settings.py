"""What an engine and its nodes change in the host's kernel, remembered before and put back after their end."""

import shlex
from pathlib import Path
from typing import TypedDict

from localkube.commands import on_path, run, succeeds

_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/forwarding",
    "net/ipv4/conf/default/forwarding",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/forwarding",
    # The kubelet sets these, and no namespace keeps them in its node.
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_CHAIN_PREFIX = "DOCKER"


class Remembered(TypedDict):
    """The settings as they were."""

    sysctls: dict[str, str]
    forward_policy: dict[str, str]
    """The default of the FORWARD chain, by iptables command."""


def remember() -> Remembered:
    """Read what will be changed."""
    return {
        "sysctls": {
            name: file.read_text(encoding="utf-8").strip() for name in _SYSCTLS if (file := _sysctl(name)).exists()
        },
        "forward_policy": {command: forward_policy(_saved(command)) for command in ("iptables", "ip6tables")},
    }


def restore(before: Remembered) -> None:
    """Take away Docker's chains and rules, and put the settings back."""
    for name, value in before["sysctls"].items():
        if _sysctl(name).read_text(encoding="utf-8").strip() != value:
            _sysctl(name).write_text(value, encoding="utf-8")
    for command, policy in before["forward_policy"].items():
        program = on_path(command)
        if not program:
            continue
        for arguments in leftovers(_saved(command)):
            succeeds([program, "--wait", *arguments])
        if forward_policy(_saved(command)) != policy:
            run([program, "--wait", "--policy", "FORWARD", policy])


def forward_policy(saved: str) -> str:
    """Read the FORWARD chain's policy out of what iptables-save prints; ACCEPT is the kernel's own."""
    lines = (line.split() for line in saved.splitlines())
    return next((words[1] for words in lines if words[:1] == [":FORWARD"] and len(words) > 1), "ACCEPT")


def leftovers(saved: str) -> list[list[str]]:
    """List the iptables arguments that delete every rule and chain of Docker's: rules first, then the empty chains."""
    rules: list[list[str]] = []
    flushes: list[list[str]] = []
    deletions: list[list[str]] = []
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(f":{_CHAIN_PREFIX}"):
            chain = line[1:].split()[0]
            flushes.append(["--table", table, "--flush", chain])
            deletions.append(["--table", table, "--delete-chain", chain])
        elif line.startswith("-A ") and f" -j {_CHAIN_PREFIX}" in line and not line.startswith(f"-A {_CHAIN_PREFIX}"):
            rules.append(["--table", table, "--delete", *shlex.split(line)[1:]])
    return [*rules, *flushes, *deletions]


def _saved(command: str) -> str:
    program = on_path(f"{command}-save")
    return run([program]) if program else ""


def _sysctl(name: str) -> Path:
    return Path("/proc/sys") / name
