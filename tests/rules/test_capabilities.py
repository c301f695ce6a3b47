"""Capabilities: spellings are read against the author, and drops are added to, never rearranged."""

from __future__ import annotations

import pytest

from specimens import HERE, judged, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.model.rules import Given
from stridegate.model.vocabulary import DEFAULT_CAPABILITIES, Patching, Profile

BASELINE = Given(profile=Profile.BASELINE)


def with_capabilities(capabilities: str, more: str = "") -> JsonMap:
    return laid_over(f"containers: [{{name: app, securityContext: {{capabilities: {capabilities}{more}}}}}]")


def mended(pod: JsonMap, patching: Patching) -> JsonMap:
    return patched(pod, mend(regime(policy(patching=patching)), view(pod), HERE).operations)


def dropped(pod: JsonMap) -> object:
    container = view(pod).containers[0]
    capabilities = container.context.capabilities
    return capabilities.drop if capabilities else None


@pytest.mark.parametrize("name", ["NET_RAW", "CAP_NET_RAW", "net_raw", " NET_RAW ", "Cap_Net_Raw", "ALL", "all"])
def test_an_added_raw_socket_counts_in_any_spelling(name: str) -> None:
    found = judged(with_capabilities(f"{{drop: [ALL], add: ['{name}']}}"))

    assert "net-raw-capability" in slugs(found)


@pytest.mark.parametrize("name", ["CAP_NET_RAW", "net_raw", " NET_RAW ", "all", "CAP_ALL"])
def test_a_dropped_raw_socket_counts_in_one_spelling_only(name: str) -> None:
    found = judged(with_capabilities(f"{{drop: ['{name}']}}"))

    raw = next(finding for finding in found if finding.rule.slug == "net-raw-capability")
    assert raw.sentence.endswith("must write NET_RAW in exactly this spelling")


def test_dropping_and_adding_the_same_name_fails() -> None:
    found = judged(with_capabilities("{drop: [ALL, NET_RAW], add: [NET_RAW]}"))

    assert {"net-raw-capability", "dangerous-capability"} <= slugs(found)


def test_dropping_all_and_adding_the_low_ports_passes() -> None:
    assert not judged(with_capabilities("{drop: [ALL], add: [NET_BIND_SERVICE]}"))


@pytest.mark.parametrize("capabilities", ["null", "{}", "{drop: null}", "{drop: []}", "{add: [], drop: []}"])
def test_no_drop_at_all_keeps_raw_sockets(capabilities: str) -> None:
    pod = laid_over(f"containers: [{{name: app, securityContext: {{capabilities: {capabilities}}}}}]")
    spec = pod["spec"]
    assert isinstance(spec, dict)
    spec["containers"] = [{"name": "bare", "image": "registry.example/bare:1"}, *_list(spec["containers"])]

    found = [finding for finding in judged(pod) if finding.rule.slug == "net-raw-capability"]

    assert "containers[bare]" in {finding.key[1] for finding in found}


def _list(value: object) -> list[JsonMap]:
    assert isinstance(value, list)
    return value


@pytest.mark.parametrize("name", ["CAP_CHOWN", "chown", "SYS_ADMIN", "NET_RAW", "ALL", ""])
def test_the_baseline_compares_names_exactly(name: str) -> None:
    found = judged(with_capabilities(f"{{drop: [ALL], add: ['{name}']}}"), BASELINE)

    assert slugs(found) == {"dangerous-capability"}


def test_each_capability_is_a_finding_of_its_own() -> None:
    found = judged(with_capabilities("{drop: [ALL], add: [SYS_TIME, BPF, SYS_TIME, CHOWN]}"))

    assert [finding.key[3] for finding in found if finding.rule.slug == "dangerous-capability"] == ["SYS_TIME", "BPF"]
    assert [finding.key[3] for finding in found if finding.rule.slug == "excess-capability"] == ["CHOWN"]


def test_the_safe_patch_drops_raw_sockets_alone_and_after_what_was_dropped() -> None:
    assert dropped(mended(with_capabilities("{drop: [KILL, MKNOD]}"), Patching.SAFE)) == ("KILL", "MKNOD", "NET_RAW")


def test_the_risky_patch_drops_everything_and_both_fit_together() -> None:
    drops = dropped(mended(with_capabilities("{drop: [KILL]}"), Patching.ALL))

    assert drops is not None
    assert set(drops) == {"KILL", "ALL", "NET_RAW"}  # type: ignore[call-overload] # a tuple of names


def test_what_is_added_is_never_touched() -> None:
    pod = mended(with_capabilities("{drop: [], add: [NET_BIND_SERVICE, CHOWN]}"), Patching.ALL)

    capabilities = view(pod).containers[0].context.capabilities
    assert capabilities is not None
    assert capabilities.add == ("NET_BIND_SERVICE", "CHOWN")


@pytest.mark.parametrize("added", ["[NET_RAW]", "[cap_net_raw]", "[ALL]", "[all]"])
def test_what_is_added_is_not_dropped_either(added: str) -> None:
    drops = dropped(mended(with_capabilities(f"{{drop: [KILL], add: {added}}}"), Patching.SAFE))

    assert drops == ("KILL",)


def test_nothing_is_dropped_from_a_privileged_container() -> None:
    pod = with_capabilities("null", ", privileged: true, allowPrivilegeEscalation: null")

    assert not mend(regime(policy(patching=Patching.ALL)), view(pod), HERE).operations


@pytest.mark.parametrize("name", ["SYS_ADMIN", "CAP_SYS_ADMIN", "sys_admin", "cap_sys_admin", "ALL"])
def test_escalation_is_not_forbidden_where_the_api_server_would_refuse_it(name: str) -> None:
    pod = with_capabilities(f"{{drop: [ALL], add: ['{name}']}}", ", allowPrivilegeEscalation: null")

    hardening = mend(regime(policy(patching=Patching.ALL, override=True)), view(pod), HERE)

    assert "privilege-escalation" not in slugs(hardening.healed)


def test_escalation_is_not_forbidden_in_a_privileged_container() -> None:
    pod = with_capabilities("{drop: [ALL]}", ", privileged: true, allowPrivilegeEscalation: null")

    hardening = mend(regime(policy(patching=Patching.ALL)), view(pod), HERE)

    assert not hardening.operations
    assert "privilege-escalation" in slugs(judged(pod))


def test_an_override_of_privileged_brings_the_rest_within_reach_at_once() -> None:
    pod = laid_over("containers: [{name: app, securityContext: null}]")
    spec = pod["spec"]
    assert isinstance(spec, dict)
    _list(spec["containers"])[0]["securityContext"] = {"privileged": True}

    healed = slugs(mend(regime(policy(patching=Patching.ALL, override=True)), view(pod), HERE).healed)

    assert {"privileged-container", "privilege-escalation", "net-raw-capability", "undropped-capabilities"} <= healed


@pytest.mark.parametrize("rule", ["dangerous-capability", "excess-capability", "net-raw-capability"])
def test_what_is_kept_of_a_long_list_does_not_grow_with_it(rule: str) -> None:
    names = [*sorted(DEFAULT_CAPABILITIES), "NET_RAW", *(f"CAP_{number}" for number in range(2000))]
    found = judged(with_capabilities(f"{{drop: [ALL], add: [{', '.join(names)}]}}"))

    kept = [finding.violation for finding in found if finding.rule.slug == rule and finding.violation is not None]

    assert kept
    assert all(len(each.observed) <= 122 for each in kept)


def test_a_forbidden_capability_is_named_alone() -> None:
    found = judged(with_capabilities("{drop: [ALL], add: [NET_BIND_SERVICE, BPF]}"))

    assert [finding.sentence for finding in found] == [
        "containers[app]: securityContext.capabilities.add is BPF → must not list BPF"
    ]
