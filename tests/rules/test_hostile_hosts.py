"""Every rule at once on hosts that do not want to be read: no rule breaks, nothing hangs, and no content gets into a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hosts import BARE, answers_of, lay_out
from stridegate.engine.node_catalogue import CONTAINER_RULES, NODE_RULES
from stridegate.engine.reports import Scan, report
from stridegate.engine.survey import ScannedRule, Survey, survey
from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.nodes import Circumstances, Installation, Role
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import State

RULES: tuple[ScannedRule, ...] = (*NODE_RULES.values(), *CONTAINER_RULES.values())
MARKER = "hunter2-never-told"
NOW = 1_800_000_000.0
# Every path that an example has, and processes that make the rules about components apply.
FILES = {
    path: file
    for rule in NODE_RULES.values()
    for example in rule.examples
    for path, file in example.files.items()
    if path not in BARE and not path.startswith("/proc/")
}
PLAIN = {path: file for path, file in FILES.items() if file.kind is FileKind.FILE and not file.link}
PROCESSES = {
    each.comm: replace(each, pid=100 + number)
    for number, each in enumerate(
        process for rule in NODE_RULES.values() for example in rule.examples for process in example.processes
    )
}
HOSTILE = {
    "FIFOs": HostFile(kind=FileKind.OTHER, mode=0o644),
    "links in a circle": HostFile(link="itself"),
    "links out of the root": HostFile(link="/../../../../../../../../etc/passwd"),
    "garbage": HostFile(text=f"\udcff\udcfe\x00{MARKER}\x1b[2J: [}}{{ \n- \t", mode=0o777, uid=4294967294, gid=998),
    "keys": HostFile(text=f"-----BEGIN RSA PRIVATE KEY-----\n{MARKER}\n-----END RSA PRIVATE KEY-----\n", mode=0o644),
    "lists in lists": HostFile(text="[" * 3000, mode=0o644),
    "wrong types": HostFile(text="[1, [2], {}]", mode=0o644),
    "nothing": HostFile(text="", mode=0o644),
    "numbers": HostFile(text="9" * 5000, mode=0o644),
    "secrets": HostFile(text=f'{{"token": "{MARKER}", "password": "{MARKER}", "a": {{"secret": "{MARKER}"}}}}'),
}


def found_on(example: NodeExample, root: Path) -> Survey:
    lay_out(example, root)
    return survey(RULES, answers_of(example, root), example.circumstances)


def written(found: Survey) -> str:
    scan = Scan(findings=found.findings, now=NOW, duration=1.0, version="0", catalogue="c", generation=1)
    return json.dumps(report(scan, None), ensure_ascii=False)


@pytest.mark.parametrize("installation", [Installation.KUBEADM, Installation.K3S])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_rule_breaks_on_hostile_files_and_none_tells_them(
    kind: str, installation: Installation, tmp_path: Path
) -> None:
    circumstances = Circumstances(installation=installation, role=Role.CONTROL_PLANE, now=NOW)
    hostile = {
        path: replace(HOSTILE[kind], link=path.rsplit("/", 1)[-1]) if HOSTILE[kind].link == "itself" else HOSTILE[kind]
        for path in PLAIN
    }
    example = NodeExample(
        title=kind,
        state=State.FAIL,
        files=hostile,
        processes=tuple(PROCESSES.values()),
        circumstances=circumstances,
    )

    found = found_on(example, tmp_path)

    assert [each.rule.slug for each in found.findings if each.verdict.state is State.ERROR] == []
    told = written(found)
    assert MARKER not in told
    assert "\x1b" not in told


def test_names_cannot_break_out_of_a_report(tmp_path: Path) -> None:
    names = ["\x1b[2Jgone", "two\nlines", "\udcff\udcfe", "\u202eleft", "x" * 250]
    files = {
        f"{directory}/{name}{suffix}": HostFile(text=MARKER, mode=0o666, uid=7)
        for directory in ("/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/etc/docker/certs.d/r", "/etc/cni/net.d")
        for name in names
        for suffix in (".key", ".yaml")
        if len(name + suffix) < 255
    }
    circumstances = Circumstances(installation=Installation.KUBEADM, role=Role.CONTROL_PLANE, now=NOW)

    told = written(
        found_on(NodeExample(title="", state=State.FAIL, files=files, circumstances=circumstances), tmp_path)
    )

    assert not {"\x1b", "\u202e", "\udcff"} & set(told)
    assert "gone.key" in told
    assert MARKER not in told
    told.encode()
