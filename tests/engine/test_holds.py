"""What getting into a pod gets hold of."""

from __future__ import annotations

import pytest

from specimens import laid_over, view
from stridegate.engine.holds import hold_of
from stridegate.model.objects import Hold


@pytest.mark.parametrize(
    "spec",
    [
        "containers: [{name: app, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]",
        "initContainers: [{name: setup, image: x, securityContext: {privileged: true}}]",
        "ephemeralContainers: [{name: debug, image: x, securityContext: {privileged: true}}]",
        "hostPID: true",
        "hostNetwork: true",
        "hostIPC: true",
        "securityContext: {runAsUser: 0}",
        "containers: [{name: app, securityContext: {runAsUser: 0}}]",
    ],
)
def test_a_pod_that_is_more_than_itself_holds_its_node(spec: str) -> None:
    assert hold_of(view(laid_over(spec))) is Hold.NODE


@pytest.mark.parametrize("spec", ["{}", "securityContext: {runAsNonRoot: null}", "{shareProcessNamespace: true}"])
def test_a_pod_that_may_be_root_or_shares_its_own_namespaces_holds_itself(spec: str) -> None:
    assert hold_of(view(laid_over(spec))) is Hold.POD


def test_a_pod_without_a_spec_is_no_harmless_one() -> None:
    assert (
        hold_of(
            view(
                {
                    "metadata": {"name": "odd"},
                    "spec": {"containers": [{"name": "a", "securityContext": {"privileged": True}}]},
                }
            )
        )
        is Hold.NODE
    )
