"""The host's own users and groups, from its passwd and group (passwd(5), group(5))."""

from __future__ import annotations

from stridegate.model.nodes.answers import Accounts, Group, User
from stridegate.scanner.errors import Missing
from stridegate.scanner.host_root import HostRoot


def accounts_of(host: HostRoot) -> Accounts:
    """Return what both files say; lines that are none are left out, a missing group file has no groups. Raises Missing and Barred."""
    users = tuple(user for fields in _lines(host.read("/etc/passwd")) if (user := _user(fields)))
    try:
        lines = _lines(host.read("/etc/group"))
    except Missing:
        lines = []
    return Accounts(users=users, groups=tuple(group for fields in lines if (group := _group(fields))))


def _lines(content: bytes) -> list[list[str]]:
    return [line.split(":") for line in content.decode(errors="replace").split("\n") if not line.startswith("#")]


def _user(fields: list[str]) -> User | None:
    if len(fields) < 7 or not fields[2].isdecimal() or not fields[3].isdecimal():
        return None
    return User(name=fields[0], uid=int(fields[2]), gid=int(fields[3]), home=fields[5], shell=fields[6])


def _group(fields: list[str]) -> Group | None:
    if len(fields) < 4 or not fields[2].isdecimal():
        return None
    return Group(name=fields[0], gid=int(fields[2]), members=tuple(name for name in fields[3].split(",") if name))
