"""How audit rules files are read: what is in force in the end, and how well it covers a path."""

from __future__ import annotations

import pytest

from stridegate.model.nodes.audit_rules import (
    AuditRules,
    Coverage,
    Hazard,
    Stop,
    covered,
    merged,
    natural,
    parse,
    related,
)

DAEMON_JSON = "/etc/docker/daemon.json"


def coverage(text: str, target: str = "/etc/docker", *, directory: bool = True) -> Coverage:
    rules = parse(text)
    assert not rules.silenced
    return covered(related(rules, target), target, directory=directory).coverage


@pytest.mark.parametrize(
    "line",
    [
        "-w /etc/docker -p wa -k docker",
        "-w /etc/docker -k docker",  # every access, as auditctl has it without -p
        "-w /etc/docker/ -p rwxa",
        "  -p wa -w /etc/docker",
        "-w/etc/docker -pwa -kdocker",
        "-w /etc -p wa",
        "-a always,exit -F dir=/etc/docker -F perm=wa -k docker",
        "-a exit,always -F dir=/etc -F perm=war",
        "-A exit,always -F dir=/etc/docker -F perm=aw -F key=docker",
        "-a always,exit -S all -F dir=/etc/docker",
        "-w /etc/docker -p w\n-w /etc/docker -p a",
        "-a always,exit -F arch=b64 -F dir=/etc/docker -F perm=wa\n-a always,exit -F arch=b32 -F dir=/etc/docker -F perm=wa",
    ],
)
def test_a_directory_is_covered_by_each_way_to_write_a_watch(line: str) -> None:
    assert coverage(line) is Coverage.FULLY


@pytest.mark.parametrize(
    "line",
    [
        "-w /etc/docker-x -p wa",
        "-w /etc/docker-registry -p wa -k docker",
        "-w /etc/dock -p wa",
        "-w / -p wa",
        "# -w /etc/docker -p wa",
        "   #-w /etc/docker -p wa",
        "-w /etc/docker -p r",
        "-w /etc/docker -p w",
        "-w /etc/docker -p wq",
        "-w etc/docker -p wa",
        '-w "/etc/docker" -p wa',
        "-w /etc/docker -p wa # for Docker",  # auditctl takes no comment behind a rule
        "-w /etc/docker --p wa",
        "-a never,exit -F dir=/etc/docker -F perm=wa",
        "-a always,task -F dir=/etc/docker",
        "-a always,exit -F path=/etc -F perm=wa",
        "-a always,exit -F dir=/etc/docker -F path=/etc/docker/daemon.json -F perm=wa",
        "-a always,exit -F dir!=/etc/docker -F perm=wa",
        "-a always,exit -F uid=0 -F perm=wa -k docker",
    ],
)
def test_what_does_not_watch_a_directory_for_changes_does_not_cover_it(line: str) -> None:
    assert coverage(line) is Coverage.NONE


@pytest.mark.parametrize(
    "line",
    [
        "-a always,exit -F dir=/etc/docker -F perm=wa -F auid>=1000",
        "-a always,exit -F dir=/etc/docker -F perm=wa -F auid!=unset",
        "-a always,exit -F dir=/etc/docker -F perm=wa -F exe=/usr/bin/vi",
        "-a always,exit -F dir=/etc/docker -F perm=wa -C uid!=euid",
        "-a always,exit -S openat -F dir=/etc/docker",
        "-a always,exit -F arch=b64 -F dir=/etc/docker -F perm=wa",
        "-a always,exit -F path=/etc/docker -F perm=wa",
        "-a never,exit -F dir=/etc/docker -F auid=1000\n-w /etc/docker -p wa",
    ],
)
def test_a_rule_that_misses_some_changes_covers_only_partly(line: str) -> None:
    assert coverage(line) is Coverage.PARTLY


def test_a_directory_watch_covers_what_the_directory_holds() -> None:
    assert coverage("-w /etc -p wa", DAEMON_JSON, directory=False) is Coverage.FULLY


def test_a_file_is_covered_by_its_inode() -> None:
    rule = f"-a always,exit -F path={DAEMON_JSON} -F perm=wa"

    assert coverage(rule, DAEMON_JSON, directory=False) is Coverage.FULLY


@pytest.mark.parametrize(
    "text",
    [
        "-w /etc/docker -p wa\n-D",
        "-w /etc/docker -p wa -k docker\n-D -k docker",
        "-w /etc/docker -p wa\n-W /etc/docker -p wa",
        "-w /etc/docker -p wa\n-d always,exit -F dir=/etc/docker -F perm=wa",
        "-e 2\n-w /etc/docker -p wa",
        "-a never,exit -F dir=/etc/docker\n-w /etc/docker -p wa",
        "-w /etc/docker -p wa\n-A never,exit -F dir=/etc",
    ],
)
def test_what_is_taken_back_does_not_count(text: str) -> None:
    assert coverage(text) is Coverage.NONE


@pytest.mark.parametrize(
    "text",
    [
        "-D\n-w /etc/docker -p wa",
        "-w /etc/docker -p wa -k docker\n-D -k other",
        "-w /etc/docker -p wa\n-e 2",
        "-w /etc/docker -p wa\n-a never,exit -F dir=/etc/docker",
        "-b 8192\n-f 1\n-i\n--backlog_wait_time 60000\n-w /etc/docker -p wa",
        "-a always,exclude -F msgtype=CWD\n-w /etc/docker -p wa",
    ],
)
def test_what_is_not_taken_back_counts(text: str) -> None:
    assert coverage(text) is Coverage.FULLY


@pytest.mark.parametrize(
    "text", ["-a never,task", "-a task,never\n-w /etc -p wa", "-w /etc -p wa\n-e 0", "-A exit,never"]
)
def test_rules_that_silence_every_other_are_told(text: str) -> None:
    assert parse(text).silenced


@pytest.mark.parametrize("text", ["-a never,task\n-D\n-w /etc -p wa", "-e 0\n-e 1", "-a never,task -F uid=0"])
def test_silence_that_ends_or_is_about_some_only_is_not(text: str) -> None:
    assert not parse(text).silenced


@pytest.mark.parametrize(
    "line",
    [
        "bad line",
        "-x",
        "-w /etc/ssl -p wa surplus",
        "-w /etc/ssl -p wa # why",
        "-w relative",
        "-w /a -w /b",
        "-p wa",
        "-k lonely",
        "-a always,exit -F path=/etc/ssl/ -F perm=wa",
        "-a always,exit -F path!=/etc/ssl -F perm=wa",
        "-a always,exit -F path=/etc/ssl -F perm!=wa",
        "-a always,user -F path=/etc/ssl",
        "-a always -F path=/etc/ssl",
        # What is there already, and what is not there to be deleted.
        "-w /usr/bin/runc -p aw",
        "-a exit,always -S execve -F arch=b64 -F key=x",
        "-W /etc/ssl -p wa",
        "-W /usr/bin/runc -p w",
    ],
)
def test_auditctl_stops_at_the_first_line_that_is_refused(line: str) -> None:
    before = "-w /usr/bin/runc -p wa\n-a always,exit -F arch=b64 -S execve -k x"

    rules = parse(f"# As it is\n\n{before}\n{line}\n-w /etc/docker -p wa")

    assert rules.stopped == 5
    assert [each.path for each in rules.watches] == ["/usr/bin/runc"]


@pytest.mark.parametrize("option", ["-c", "-i"])
def test_auditctl_goes_on_where_a_line_before_says_so(option: str) -> None:
    told_before, told_after = (
        parse(text) for text in (f"{option}\nbad\n-w /etc -p wa", f"bad\n{option}\n-w /etc -p wa")
    )

    assert ([each.path for each in told_before.watches], told_before.stopped) == (["/etc"], 0)
    assert (told_after.watches, told_after.stopped) == ((), 1)


def test_what_depends_on_the_host_is_told_by_line() -> None:
    rules = parse("-D\n-w /a/b -p wa\n-a always,exit -F dir=/c -F perm=wa\n-a always,exit -F path=/a/b -F perm=wa")

    assert rules.hazards == (
        Hazard(line=2, path="/a", stop=Stop.ABSENT),
        Hazard(line=3, path="/c", stop=Stop.ABSENT),
        Hazard(line=4, path="/a", stop=Stop.ABSENT),
        Hazard(line=4, path="/a/b", stop=Stop.NO_DIRECTORY),
    )
    assert [each.path for each in parse("-w /a/b -p wa\n-w /c -p wa", frozenset({1})).watches] == []
    assert [each.path for each in parse("-i\n-w /a/b -p wa\n-w /c -p wa", frozenset({2})).watches] == ["/c"]


@pytest.mark.parametrize(
    "text", ["", "\x00", "-", "--", "-a", "-w", "-F", "-a ,", "-w  -p", "💥", "-a exit,always -F =", "-D -D"]
)
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert isinstance(parse(text), AuditRules)


def test_files_are_merged_as_augenrules_does() -> None:
    files = {
        "10-late.rules": "-w /c -p wa\n-e 2\n",
        "9-docker.rules": "# a comment\n-w /b -p wa\n",
        "1-first.rules": "-w /a -p wa\n-D\n-b 8192\n",
    }

    assert merged(files).splitlines() == ["-D", "-b 8192", "-w /a -p wa", "-w /b -p wa", "-w /c -p wa", "-e 2"]


def test_names_are_sorted_as_numbers_where_they_have_some() -> None:
    assert sorted(["a10", "a9", "10", "9", "a"], key=natural) == ["9", "10", "a", "a9", "a10"]
