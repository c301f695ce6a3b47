"""What is taken of audit rules files is what a kernel held of them, as `bench.audit_rules` recorded it with a real auditctl."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.audit_rules import cases, lay_out, listed, taken

from stridegate.scanner.host_root import HostRoot


@pytest.mark.parametrize("number", range(len(cases(Path("/")))))
def test_what_is_taken_of_a_rules_file_is_what_the_kernel_held(number: int, tmp_path: Path) -> None:
    lay_out(tmp_path)
    case = cases(tmp_path)[number]

    with HostRoot(Path("/")) as host:
        assert taken(case.rules, host) == case.held


def test_a_list_of_auditctl_is_read_in_both_its_forms() -> None:
    told = "-w /a -p wa -k x\n-a always,exit -F arch=b64 -S all -F path=/b -F perm=r -F key=y\n-a never,task\n-w /c\n"

    assert listed(told) == ["/a aw x", "/b r y", "/c arwx"]
