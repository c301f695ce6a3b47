"""Confinement: profiles, labels, masks and parameters of the kernel, and what Windows has none of."""

from __future__ import annotations

import pytest

from pod_steps import child, containers
from specimens import HERE, judged, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.mend import mend
from stridegate.model.rules import Given
from stridegate.model.vocabulary import Patching, Profile

BARE_WINDOWS = """
os: {name: windows}
securityContext: {seccompProfile: null}
containers: [{name: app, securityContext: null}]
"""
LINUX = ("drop", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "seccompProfile", "capabilities")


def restricted(minor: int) -> Given:
    return Given(pod_security=minor, profile=Profile.RESTRICTED)


def test_a_windows_pod_without_linux_fields_passes_since_it_may() -> None:
    assert not judged(laid_over(BARE_WINDOWS), restricted(25))
    assert slugs(judged(laid_over(BARE_WINDOWS), restricted(24))) == {
        "missing-seccomp-profile",
        "undropped-capabilities",
        "privilege-escalation",
    }


def test_a_windows_pod_breaks_no_rule_about_linux_fields() -> None:
    assert not judged(laid_over(BARE_WINDOWS))


@pytest.mark.parametrize("minor", [0, 8, 19, 24, 25, 37])
def test_no_linux_field_is_ever_written_into_a_windows_pod(minor: int) -> None:
    pod = laid_over("{os: {name: windows}, securityContext: null, containers: [{name: app, securityContext: null}]}")
    asked = regime(policy(given=Given(pod_security=minor), patching=Patching.ALL, override=True))

    after = patched(pod, mend(asked, view(pod), HERE).operations)

    assert not any(field in str(after) for field in LINUX)


def test_windows_by_node_selector_is_linux() -> None:
    pod = laid_over(
        """
        nodeSelector: {kubernetes.io/os: windows}
        securityContext: {seccompProfile: null}
        containers: [{name: app, securityContext: null}]
        """
    )

    assert "privilege-escalation" in slugs(judged(pod, restricted(25)))


def test_at_the_baseline_windows_pods_are_judged_like_others() -> None:
    pod = laid_over(
        """
        os: {name: windows}
        containers: [{name: app, securityContext: {capabilities: {add: [SYS_TIME]}, seccompProfile: {type: Unconfined}}}]
        """
    )

    assert slugs(judged(pod, Given(profile=Profile.BASELINE))) == {"dangerous-capability", "unconfined-seccomp"}
    assert not slugs(judged(pod, restricted(25)))


def test_unmasked_with_a_user_namespace_passes_the_baseline_only() -> None:
    pod = laid_over("{hostUsers: false, containers: [{name: app, securityContext: {procMount: Unmasked}}]}")

    assert not judged(pod, Given(pod_security=35, profile=Profile.BASELINE))
    assert slugs(judged(pod, restricted(35))) == {"unmasked-proc-mount"}
    assert slugs(judged(pod, Given(pod_security=34, profile=Profile.BASELINE))) == {"unmasked-proc-mount"}


@pytest.mark.parametrize("value", ["localhost/foo", "runtime/default", ""])
def test_an_apparmor_annotation_that_confines_passes(value: str) -> None:
    assert not judged(laid_over("{}", {"container.apparmor.security.beta.kubernetes.io/app": value}))


@pytest.mark.parametrize("value", ["unconfined", "localhost", "RuntimeDefault", "docker/default"])
def test_an_apparmor_annotation_that_does_not_fails_beside_a_good_field(value: str) -> None:
    pod = laid_over(
        "containers: [{name: app, securityContext: {appArmorProfile: {type: RuntimeDefault}}}]",
        {"container.apparmor.security.beta.kubernetes.io/app": value},
    )

    assert slugs(judged(pod)) == {"unconfined-apparmor"}


def test_an_annotation_of_old_does_not_stand_for_the_seccomp_field() -> None:
    pod = laid_over(
        "securityContext: {seccompProfile: null}", {"seccomp.security.alpha.kubernetes.io/pod": "runtime/default"}
    )

    assert slugs(judged(pod, restricted(19))) == {"missing-seccomp-profile"}
    assert not judged(pod, restricted(18))


@pytest.mark.parametrize("field", ["seccompProfile", "appArmorProfile"])
@pytest.mark.parametrize("kind", [None, "", "Confined", "runtime/default"])
def test_a_profile_of_an_unknown_type_fails(field: str, kind: str | None) -> None:
    pod = laid_over("{}")
    child(containers(pod)[0], "securityContext")[field] = {"type": kind}

    assert slugs(judged(pod)) == {"unconfined-seccomp" if field == "seccompProfile" else "unconfined-apparmor"}


def test_a_bad_seccomp_profile_is_found_once_and_not_healed_by_the_pod() -> None:
    pod = laid_over("containers: [{name: app, securityContext: {seccompProfile: {type: Unconfined}}}]")

    assert [finding.rule.slug for finding in judged(pod)] == ["unconfined-seccomp"]


@pytest.mark.parametrize(("minor", "found"), [(30, {"custom-selinux-options"}), (31, set())])
def test_container_engines_may_have_their_label_since_it_exists(minor: int, found: set[str]) -> None:
    pod = laid_over("securityContext: {seLinuxOptions: {type: container_engine_t}}")

    assert slugs(judged(pod, restricted(minor))) == found


SINCE = {
    27: ["ip_local_reserved_ports"],
    29: ["tcp_keepalive_time", "tcp_keepalive_intvl", "tcp_keepalive_probes", "tcp_fin_timeout"],
    32: ["tcp_rmem", "tcp_wmem"],
    37: ["tcp_slow_start_after_idle", "tcp_notsent_lowat"],
}


@pytest.mark.parametrize(("minor", "name"), [(minor, name) for minor, names in SINCE.items() for name in names])
def test_a_parameter_is_safe_since_its_version(minor: int, name: str) -> None:
    pod = laid_over(f"securityContext: {{sysctls: [{{name: net.ipv4.{name}, value: '1'}}]}}")

    assert not judged(pod, restricted(minor))
    assert slugs(judged(pod, restricted(minor - 1))) == {"unsafe-sysctl"}


def test_a_version_newer_than_the_table_is_the_newest_row() -> None:
    pod = laid_over("securityContext: {sysctls: [{name: net.ipv4.tcp_notsent_lowat, value: '1'}]}")

    assert not judged(pod, restricted(99))


@pytest.mark.parametrize(("port", "found"), [(0, []), (80, ["80/TCP"])])
def test_port_zero_is_no_port(port: int, found: list[str]) -> None:
    pod = laid_over(f"containers: [{{name: app, ports: [{{containerPort: 8080, hostPort: {port}, hostIP: '::'}}]}}]")

    assert [finding.key[3] for finding in judged(pod) if finding.rule.slug == "host-port"] == found


@pytest.mark.parametrize("port", ["", ", hostPort: 8080", ", hostPort: 0"])
def test_a_port_under_the_node_network_is_marked_as_implied(port: str) -> None:
    pod = laid_over(f"{{hostNetwork: true, containers: [{{name: app, ports: [{{containerPort: 8080{port}}}]}}]}}")

    (sentence,) = [finding.sentence for finding in judged(pod) if finding.rule.slug == "host-port"]

    assert sentence == "containers[app]: ports[8080].hostPort is 8080, implied by hostNetwork → must be absent"


def test_ports_of_one_number_and_two_protocols_are_two_findings() -> None:
    ports = "{containerPort: 53, hostPort: 53, protocol: UDP}, {containerPort: 53, hostPort: 53, protocol: TCP}"

    found = judged(laid_over(f"containers: [{{name: app, ports: [{ports}]}}]"))

    assert len({finding.key for finding in found if finding.rule.slug == "host-port"}) == 2


@pytest.mark.parametrize(("host", "found"), [("''", set()), ("127.0.0.1", {"probe-host-override"})])
def test_a_host_of_a_hook_counts_like_one_of_a_probe(host: str, found: set[str]) -> None:
    pod = laid_over(f"containers: [{{name: app, lifecycle: {{postStart: {{httpGet: {{port: 1, host: {host}}}}}}}}}]")

    assert slugs(judged(pod, restricted(34))) == found
    assert not judged(pod, restricted(33))


def test_every_standard_rule_has_the_version_that_its_reference_says() -> None:
    since = {slug: rule.standard_since for slug, rule in POD_RULES.items() if rule.standard_since}

    assert since == {
        "privilege-escalation": 8,
        "missing-seccomp-profile": 19,
        "excess-capability": 22,
        "undropped-capabilities": 22,
        "root-user": 23,
        "probe-host-override": 34,
    }
