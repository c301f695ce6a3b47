"""What other scanners are known to judge wrongly on Docker hosts, laid out as real files and judged by ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from hosts import surveyed
from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.model.nodes.answers import FileKind, Process
from stridegate.model.nodes.nodes import Circumstances, Installation
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import State, Verdict

SOCKET = "/run/docker.sock"
DAEMON_JSON = "/etc/docker/daemon.json"
SERVICE = "/usr/lib/systemd/system/docker.service"
RULES = "/etc/audit/audit.rules"
AUDITD = Process(pid=700, comm="auditd", argv=("/sbin/auditd",), cgroup="/system.slice/auditd.service")
HERE: Mapping[str, HostFile] = {SOCKET: HostFile(kind=FileKind.SOCKET, mode=0o660)}


def dockerd(*flags: str) -> Process:
    return Process(pid=900, comm="dockerd", argv=("dockerd", *flags), cgroup="/system.slice/docker.service")


def verdict(
    slug: str,
    root: Path,
    files: Mapping[str, HostFile] = HERE,
    *processes: Process,
    circumstances: Circumstances | None = None,
) -> Verdict:
    host = NodeExample(
        title=slug,
        state=State.PASS,
        files={**HERE, **files},
        processes=processes,
        circumstances=circumstances or Circumstances(),
    )
    return surveyed(host, [NODE_RULES[slug]], root).findings[0].verdict


@pytest.mark.parametrize("mode", [0o606, 0o466, 0o602, 0o1644, 0o2644, 0o4644, 0o7777, 0o645])
def test_a_looser_mode_fails_though_a_decimal_comparison_passes_it(mode: int, tmp_path: Path) -> None:
    found = verdict("docker-service-file-permissions", tmp_path, {SERVICE: HostFile(mode=mode)})

    assert found.state is State.FAIL


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600, 0o444, 0o400, 0o000, 0o204])
def test_a_stricter_mode_passes(mode: int, tmp_path: Path) -> None:
    found = verdict("docker-service-file-permissions", tmp_path, {SERVICE: HostFile(mode=mode)})

    assert found.state is State.PASS


def test_every_mode_of_a_socket_is_judged_bit_by_bit(tmp_path: Path) -> None:
    passed = set()
    for mode in (*range(0o1000), 0o1660, 0o2660, 0o4660):
        socket = {SOCKET: HostFile(kind=FileKind.SOCKET, mode=mode)}
        if verdict("docker-socket-file-permissions", tmp_path, socket).state is State.PASS:
            passed.add(mode)

    assert passed == {mode for mode in range(0o1000) if mode | 0o660 == 0o660}


@pytest.mark.parametrize(("gid", "state"), [(998, State.PASS), (999, State.FAIL), (1000, State.FAIL)])
def test_the_hosts_own_group_file_says_which_number_is_docker(gid: int, state: State, tmp_path: Path) -> None:
    files = {
        SOCKET: HostFile(kind=FileKind.SOCKET, mode=0o660, gid=gid),
        "/etc/group": HostFile(text="root:x:0:\ndocker:x:998:\n", mode=0o644),
    }

    assert verdict("docker-socket-file-ownership", tmp_path, files).state is state


def test_a_registrys_key_that_others_may_read_fails(tmp_path: Path) -> None:
    key = "/etc/docker/certs.d/registry.example.com/client.key"

    found = verdict("registry-certificate-file-permissions", tmp_path, {key: HostFile(mode=0o644)})

    assert found.state is State.FAIL
    assert [each.name for each in found.offenders] == [key]


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ("-w /etc/docker -p wa -k docker", State.PASS),
        ("-w /etc/docker -k docker", State.PASS),
        ("-w /etc/docker-x -p wa", State.FAIL),
        ("-w /etc/docker-registry -p wa -k docker", State.FAIL),
        ("-w /etc -p wa", State.PASS),
        ("-a always,exit -F path=/etc -F perm=wa", State.FAIL),
        ("#-w /etc/docker -p wa", State.FAIL),
        ("-w /etc/docker -p wa\n-D", State.FAIL),
        ("-e 2\n-w /etc/docker -p wa", State.FAIL),
        ("-w /etc/docker -p wa\n-e 2", State.PASS),
        ("# -w\u2028-w /etc/docker -p wa", State.FAIL),
    ],
)
def test_only_a_rule_in_force_about_the_very_path_audits_it(rules: str, state: State, tmp_path: Path) -> None:
    files = {"/etc/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o755), RULES: HostFile(text=f"{rules}\n")}

    found = verdict("unaudited-docker-config-directory", tmp_path, files, AUDITD)

    assert found.state is state
    assert state is not State.PASS or found.observed.startswith("configured")


@pytest.mark.parametrize("watched", ["/lib/systemd/system/docker.service", "/usr/lib/systemd/system/docker.service"])
def test_a_rule_is_about_where_its_path_leads(watched: str, tmp_path: Path) -> None:
    files = {
        SERVICE: HostFile(mode=0o644),
        "/lib": HostFile(link="usr/lib"),
        RULES: HostFile(text=f"-w {watched} -p wa\n"),
    }

    assert verdict("unaudited-docker-service-unit", tmp_path, files, AUDITD).state is State.PASS


def test_rules_that_nobody_compiled_are_a_warning_that_says_what_to_run(tmp_path: Path) -> None:
    files = {
        "/etc/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o755),
        "/etc/audit/rules.d/docker.rules": HostFile(text="-w /etc/docker -k docker\n"),
    }

    found = verdict("unaudited-docker-config-directory", tmp_path, files, AUDITD)

    assert found.state is State.WARN
    assert "augenrules --load" in found.observed


@pytest.mark.parametrize(
    ("settings", "flags", "state"),
    [
        ({"tlsverify": True, "tlscacert": "/a", "tlscert": "/b", "tlskey": "/c"}, (), State.PASS),
        ({}, ("--tls",), State.FAIL),
        ({"tls": True}, (), State.FAIL),
        ({}, (), State.FAIL),
    ],
)
def test_a_network_listener_wants_client_certificates(
    settings: Mapping[str, object], flags: tuple[str, ...], state: State, tmp_path: Path
) -> None:
    said = json.dumps({**settings, "hosts": ["tcp://0.0.0.0:2376"]})

    found = verdict("docker-tcp-without-tls", tmp_path, {DAEMON_JSON: HostFile(text=said)}, dockerd(*flags))

    assert found.state is state


def test_a_switch_that_is_named_and_off_is_off(tmp_path: Path) -> None:
    found = verdict("docker-new-privileges", tmp_path, HERE, dockerd("--no-new-privileges=false"))

    assert found.state is State.FAIL
    assert found.observed == "no-new-privileges=false"


def test_authentication_alone_does_not_authorize_on_aks(tmp_path: Path) -> None:
    kubelet = Process(
        pid=800,
        comm="kubelet",
        argv=("/usr/local/bin/kubelet", "--anonymous-auth=false"),
        cgroup="/system.slice/kubelet.service",
    )

    found = verdict(
        "kubelet-always-allow-authorization",
        tmp_path,
        HERE,
        kubelet,
        circumstances=Circumstances(installation=Installation.AKS),
    )

    assert found.state is State.FAIL


@pytest.mark.parametrize("slug", ["docker-daemon-config-file-permissions", "docker-sysconfig-file-ownership"])
def test_an_absent_file_is_not_applicable_and_says_so(slug: str, tmp_path: Path) -> None:
    found = verdict(slug, tmp_path)

    assert found.state is State.NOT_APPLICABLE
    assert "absent" in found.observed


def test_no_rule_about_docker_applies_to_a_host_without_it(tmp_path: Path) -> None:
    bare = NodeExample(title="bare", state=State.NOT_APPLICABLE)
    rules = [rule for slug, rule in NODE_RULES.items() if "docker" in slug and slug != "unauthenticated-docker-port"]

    findings = surveyed(bare, list(rules), tmp_path).findings

    assert {each.verdict.state for each in findings} == {State.NOT_APPLICABLE}


def test_the_longest_way_to_a_verdict_is_short_enough(tmp_path: Path) -> None:
    unit = "[Service]\nEnvironmentFile=/etc/default/docker\nExecStart=/usr/bin/dockerd $OPTIONS\n"
    host = NodeExample(
        title="a stopped daemon whose flags stand in a file, with rules that nobody compiled",
        state=State.FAIL,
        files={
            SERVICE: HostFile(text=unit, mode=0o644),
            "/etc/systemd/system/docker.service.d/own.conf": HostFile(text="[Service]\nRestart=always\n", mode=0o644),
            "/etc/default/docker": HostFile(text='OPTIONS="--config-file=/srv/daemon.json -H fd://"\n', mode=0o644),
            "/srv/daemon.json": HostFile(text='{"data-root": "/srv/docker", "group": "998"}', mode=0o600),
            "/srv/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o710),
            "/etc/audit/rules.d/a.rules": HostFile(text="-w /srv/docker -p wa\n"),
            RULES: HostFile(text="-D\n"),
            SOCKET: HostFile(kind=FileKind.SOCKET, mode=0o666, gid=5),
        },
        processes=(AUDITD,),
    )
    rules = [rule for slug, rule in NODE_RULES.items() if slug.startswith("unaudited-") or "docker" in slug]

    found = {each.rule.slug: each.verdict for each in surveyed(host, list(rules), tmp_path).findings}

    assert not [slug for slug, each in found.items() if each.state is State.ERROR]
    assert found["unaudited-docker-data-directory"].state is State.WARN
    assert found["docker-socket-file-ownership"].state is State.FAIL
