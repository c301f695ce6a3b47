"""What the rules about objects tell of what they find, and what of it an update answers for."""

from __future__ import annotations

import pytest

from object_specimens import OBJECT_RULES, found_in
from stridegate.engine.difference import Difference, compare
from stridegate.model.findings import Finding
from stridegate.model.rules import Example, Given, Parameters, bad
from stridegate.model.settings import Setting


def found(slug: str, spec: str, example: Example | None = None) -> list[Finding]:
    return found_in(OBJECT_RULES[slug], example or bad("shown", spec))


def difference(slug: str, old: str, new: str) -> Difference:
    return compare(None, found(slug, old), None, found(slug, new))


def values(findings: list[Finding]) -> list[str]:
    return [finding.violation.value for finding in findings if finding.violation]


class TestExternalAddresses:
    def test_an_update_answers_for_the_addresses_that_it_adds_alone(self) -> None:
        found = difference(
            "service-external-ip", "externalIPs: [203.0.113.7]", "externalIPs: [198.51.100.9, 203.0.113.7]"
        )

        assert values(found.answerable) == ["198.51.100.9"]
        assert values(found.existing) == ["203.0.113.7"]

    def test_taking_an_address_out_passes(self) -> None:
        found = difference(
            "service-external-ip", "externalIPs: [203.0.113.7, 198.51.100.9]", "externalIPs: [203.0.113.7]"
        )

        assert found.answerable == []


class TestLoadBalancers:
    def test_opening_a_bounded_one_is_answered_for(self) -> None:
        found = difference(
            "open-load-balancer",
            "type: LoadBalancer\nloadBalancerSourceRanges: [192.0.2.0/24]",
            "type: LoadBalancer\nloadBalancerSourceRanges: [192.0.2.0/24, 0.0.0.0/0]",
        )

        assert len(found.introduced) == 1

    @pytest.mark.parametrize("everybody", ["0.0.0.0/0", "192.0.2.1/00", " ::/0 "])
    def test_a_range_that_bounds_nothing_is_none(self, everybody: str) -> None:
        assert found("open-load-balancer", f"type: LoadBalancer\nloadBalancerSourceRanges: ['{everybody}']")

    @pytest.mark.parametrize(("ranges", "bounded"), [(4000, True), (4001, False)])
    def test_more_ranges_than_any_firewall_takes_bound_nobody(self, ranges: int, *, bounded: bool) -> None:
        listed = ", ".join(f"10.{number // 256}.{number % 256}.0/25" for number in range(ranges))

        assert (not found("open-load-balancer", f"type: LoadBalancer\nloadBalancerSourceRanges: [{listed}]")) is bounded


class TestPersistentVolumes:
    @pytest.mark.parametrize(
        ("source", "told"),
        [
            ("hostPath: {path: /var/run/docker.sock}", "/var/run/docker.sock, which reaches /run/docker.sock"),
            ("hostPath: {path: /srv/own.sock, type: Socket}", "/srv/own.sock, a socket"),
            ("hostPath: {path: /data/disk, type: BlockDevice}", "/data/disk, a BlockDevice"),
            ("hostPath: {path: /proc/1/root/etc}", "/proc/1/root/etc, which reaches /etc"),
            ("hostPath: {path: /var/lib/kubelet/pods}", "/var/lib/kubelet/pods, which reaches /var/lib/kubelet"),
            ("hostPath: {path: /}", "/, which reaches /run/docker.sock"),
            ("hostPath: {path: data}", "data, which can lead anywhere"),
            ("hostPath: {}", '"", which can lead anywhere'),
            (r"hostPath: {path: '\\.\pipe\docker_engine'}", r"\\.\pipe\docker_engine, which reaches /pipe"),
            (r"hostPath: {path: 'D:\data'}", r"D:\data"),
            ("local: {path: /dev/disk/by-id/one}", "/dev/disk/by-id/one, a place of devices"),
            ("local: {path: /mnt/disks/one}", "/mnt/disks/one"),
        ],
    )
    def test_it_is_told_what_the_path_leads_to(self, source: str, told: str) -> None:
        (finding,) = found("host-path-persistent-volume", f"csi: null\n{source}")

        assert finding.violation is not None
        assert finding.violation.observed == told

    def test_a_path_longer_than_any_can_lead_anywhere(self) -> None:
        (finding,) = found("host-path-persistent-volume", f"csi: null\nhostPath: {{path: /{'a' * 5000}}}")

        assert finding.violation is not None
        assert finding.violation.observed.endswith(", which can lead anywhere")


class TestJobs:
    def test_raising_a_limit_that_is_too_high_makes_it_worse(self) -> None:
        found = difference("unbounded-job-retries", "backoffLimit: 6", "backoffLimit: 7")

        assert len(found.worsened) == 1

    def test_lowering_a_limit_passes_even_where_it_stays_too_high(self) -> None:
        found = difference("unbounded-job-retries", "backoffLimit: 9", "backoffLimit: 7")

        assert found.answerable == []

    def test_writing_out_what_the_api_server_fills_in_passes(self) -> None:
        found = difference("unbounded-job-retries", "backoffLimit: null", "backoffLimit: 6")

        assert found.answerable == []


class TestConnections:
    def test_it_is_told_which_groups_may(self) -> None:
        given = Given(parameters=Parameters(namespaces=("vault",), groups=("keepers", "auditors")))
        example = bad("shown", "groups: [developers]", given=given, setting=Setting(namespace="vault"))

        (finding,) = found("exec-into-privileged-pod", "", example)

        assert finding.sentence == "user: groups is [developers] → must include one of [keepers, auditors]"

    def test_it_is_told_where_the_policy_lets_nobody_in(self) -> None:
        given = Given(parameters=Parameters(namespaces=("vault",)))
        example = bad("shown", "{}", given=given, setting=Setting(namespace="vault"))

        (finding,) = found("exec-into-privileged-pod", "", example)

        assert (
            finding.sentence == "user: groups is absent → must include one that the policy lets in, and it names none"
        )
