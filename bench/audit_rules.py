"""What the scanner takes of rules files, against what the kernel holds once auditctl has loaded them.

    PYTHONPATH=.:controller .venv/bin/python -m bench.audit_rules /sbin/auditctl

Loads each file of audit_rules.toml into the kernel of this machine, reads the list back with `auditctl -l`, and empties it.
A kernel that holds rules already is left alone. No auditd has to run, and auditing stays off where it is off.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import run
from typing import Any, NamedTuple, TypeVar

from stridegate.model.nodes.audit_watches import loaded_rules
from stridegate.model.nodes.nodes import Node, NotAnswered
from stridegate.model.nodes.queries import Query
from stridegate.scanner.file_answers import answer_from_files
from stridegate.scanner.host_root import HostRoot

T = TypeVar("T")
CASES = Path(__file__).with_suffix(".toml")
_EVERYTHING = "rwxa"


class Case(NamedTuple):
    """A rules file, and what the kernel holds of it, as paths, permissions and keys."""

    rules: str
    held: list[str]


def cases(at: Path) -> list[Case]:
    """Return the cases, about a directory in which `lay_out` put what they are about."""
    return [
        Case("".join(f"{line}\n" for line in each["rules"]).replace("@", str(at)), _placed(each["held"], at))
        for each in tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    ]


def _placed(held: Sequence[str], at: Path) -> list[str]:
    return sorted(each.replace("@", str(at)) for each in held)


def lay_out(at: Path) -> None:
    """Make what the cases are about."""
    for name in ("d", "e"):
        (at / name).mkdir()
    for name in ("f", "d/g"):
        (at / name).touch()
    (at / "l").symlink_to("d")


def taken(text: str, host: HostRoot) -> list[str]:
    """Return what the scanner takes of a rules file on a host."""
    rules, hidden = _answered(lambda node: loaded_rules(node, text), host)
    assert hidden is None, hidden
    return sorted(f"{each.path} {''.join(sorted(each.permissions))} {each.key}".strip() for each in rules.watches)


def _answered(judge: Callable[[Node], T], host: HostRoot) -> T:
    answers: dict[Query[Any], object] = {}
    while True:
        try:
            return judge(Node(answers))
        except NotAnswered as lacking:
            answers |= answer_from_files(host, lacking.queries)


def listed(text: str) -> list[str]:
    """Return what `auditctl -l` lists of rules about paths, in the same words."""
    return sorted(filter(None, map(_listed, text.splitlines())))


def _listed(line: str) -> str:
    words = line.split()
    pairs = list(itertools.pairwise(words))
    fields = dict(value.split("=", 1) for option, value in pairs if option == "-F" and "=" in value)
    options = dict(pairs)
    path = options.get("-w") or fields.get("path") or fields.get("dir")
    permissions = options.get("-p") or fields.get("perm") or _EVERYTHING
    key = options.get("-k") or fields.get("key") or ""
    return f"{path} {''.join(sorted(permissions))} {key}".strip() if path else ""


def held(auditctl: str, rules: str, at: Path) -> list[str]:
    """Return what the kernel holds once auditctl has loaded rules, and empty it again."""
    file = at / "audit.rules"
    file.write_text(rules)
    file.chmod(0o640)
    try:
        run([auditctl, "-R", str(file)], check=False, capture_output=True)
        return listed(_said(auditctl, "-l"))
    finally:
        _said(auditctl, "-D")


def _said(auditctl: str, option: str) -> str:
    return run([auditctl, option], check=True, capture_output=True, text=True).stdout


def differences(auditctl: str) -> Mapping[str, tuple[list[str], list[str], list[str]]]:
    """Return, by rules files, what differs between the kernel, the recorded list and the scanner, in this order."""
    found = {}
    with tempfile.TemporaryDirectory() as directory, HostRoot(Path("/")) as host:
        at = Path(directory).resolve()
        lay_out(at)
        for case in cases(at):
            told = held(auditctl, case.rules, at), case.held, taken(case.rules, host)
            if any(each != told[0] for each in told):
                found[case.rules] = told
    return found


def main(auditctl: str) -> int:
    """Compare, print what differs, and return 1 where something does."""
    if _said(auditctl, "-l").strip() != "No rules":
        print("the kernel holds audit rules already: they are left alone, and nothing is compared")
        return 1
    found = differences(auditctl)
    for rules, (kernel, recorded, scanner) in found.items():
        print(f"{rules}kernel   {kernel}\nrecorded {recorded}\nscanner  {scanner}\n")
    print(f"{len(cases(Path('/')))} rules files, {len(found)} differ; {_said(auditctl, '-v').strip()}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
