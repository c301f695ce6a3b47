"""What the operator tells a node's scanner, from the Node object and from what the scanner found before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stridegate.kube.nodes import ListedNode, Machine, machine_of
from stridegate.model.nodes.nodes import Installation
from stridegate.operator.assignments import Settings, node_report


def machine(runtime: str = "containerd://2.3.4", kubelet: str = "v1.36.3", **metadata: Any) -> Machine:  # noqa: ANN401 - whatever a Node has
    info = {"kubeletVersion": kubelet, "containerRuntimeVersion": runtime}
    node = {"metadata": {"name": "node1", "uid": "u", **metadata}, "status": {"nodeInfo": info}}
    return machine_of(msgspec.convert(node, ListedNode))


def spec(found: Machine, settings: Settings | None = None, distro: str = "") -> dict[str, Any]:
    report: dict[str, Any] = dict(node_report(found, settings or Settings(), (), (), distro))
    return dict(report["spec"])


def test_what_the_node_object_tells_counts_before_what_the_scanner_found() -> None:
    told = machine(annotations={"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"})

    assert spec(told, distro="k3s")["profile"] == "kubeadm"


def test_where_the_node_object_tells_nothing_the_scanner_knows_how_it_was_installed() -> None:
    assert spec(machine(), distro="kubeadm")["profile"] == "kubeadm"
    assert spec(machine())["profile"] == "generic"
    assert spec(machine(), distro="debian")["profile"] == "generic"


def test_the_chart_has_the_last_word_on_how_nodes_are_installed() -> None:
    assert spec(machine(), Settings(installation=Installation.RKE2), distro="kubeadm")["profile"] == "rke2"


@pytest.mark.parametrize(
    ("runtime", "versions"),
    [
        ("containerd://2.3.4", {"kubelet": "1.36.3", "containerd": "2.3.4"}),
        ("cri-o://1.34.1", {"kubelet": "1.36.3", "crio": "1.34.1"}),
        ("docker://27.0.3", {"kubelet": "1.36.3", "docker": "27.0.3"}),
        ("another://1", {"kubelet": "1.36.3"}),
        ("containerd://Unknown version\n", {"kubelet": "1.36.3"}),
        ("", {"kubelet": "1.36.3"}),
    ],
)
def test_the_scanner_is_told_the_versions_that_the_node_object_says(runtime: str, versions: dict[str, str]) -> None:
    assert spec(machine(runtime))["versions"] == versions


def test_a_node_that_says_no_version_is_told_none() -> None:
    assert "versions" not in spec(machine("", kubelet=""))
