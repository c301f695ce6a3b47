"""What the operator takes from a Node object: how it was installed, what it is for, and which pool it belongs to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stridegate.kube.nodes import ListedNode, machine_of
from stridegate.model.nodes.nodes import Installation, Role


def node(labels: Any = None, annotations: Any = None, info: Any = None, **rest: Any) -> ListedNode:  # noqa: ANN401 - JSON
    return msgspec.convert(
        {
            "metadata": {"name": "n", "uid": "u", "labels": labels, "annotations": annotations},
            "status": {"nodeInfo": info, **rest.pop("status", {})},
            **rest,
        },
        ListedNode,
    )


KUBEADM = {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"}
INSTALLED = [
    (Installation.GENERIC, node()),
    (Installation.KUBEADM, node(annotations=KUBEADM)),
    (Installation.K3S, node(info={"kubeletVersion": "v1.36.1+k3s1"})),
    (Installation.RKE2, node(info={"kubeletVersion": "v1.36.1+rke2r1"})),
    (Installation.K0S, node(info={"kubeletVersion": "v1.36.1+k0s"})),
    (Installation.MICROK8S, node(labels={"microk8s.io/cluster": "true"})),
    (Installation.EKS, node(info={"kubeletVersion": "v1.36.1-eks-5e0fdde"})),
    (Installation.EKS, node(labels={"eks.amazonaws.com/nodegroup": "a"})),
    (Installation.GKE, node(labels={"cloud.google.com/gke-nodepool": "a"})),
    (Installation.AKS, node(labels={"kubernetes.azure.com/agentpool": "a"}, spec={"providerID": "azure:///x"})),
    (Installation.OPENSHIFT, node(labels={"node.openshift.io/os_id": "rhcos"})),
    (Installation.TALOS, node(info={"osImage": "Talos (v1.11.0)"})),
    (
        Installation.BOTTLEROCKET,
        node(info={"osImage": "Bottlerocket OS 1.40 (aws-k8s)", "kubeletVersion": "v1.36.1-eks-5e0fdde"}),
    ),
    (Installation.TKGI, node(labels={"bosh.id": "x"})),
    # Whoever may label a node does not make another cloud of it than its kubelet says, where both speak.
    (Installation.K3S, node(labels={"eks.amazonaws.com/nodegroup": "a"}, info={"kubeletVersion": "v1.36.1+k3s1"})),
]


@pytest.mark.parametrize(("installation", "listed"), INSTALLED)
def test_a_node_tells_how_it_was_installed(installation: Installation, listed: ListedNode) -> None:
    assert machine_of(listed).installation is installation


@pytest.mark.parametrize("label", ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"])
def test_a_label_makes_a_node_one_of_the_control_plane(label: str) -> None:
    assert machine_of(node(labels={label: ""})).role is Role.CONTROL_PLANE
    assert machine_of(node()).role is Role.WORKER


def test_a_node_that_says_nothing_is_not_ready() -> None:
    unknown = node(status={"conditions": [{"type": "Ready", "status": "Unknown"}]})

    assert [machine_of(each).ready for each in (node(), unknown)] == [False, False]


def test_addresses_and_pool_are_told() -> None:
    machine = machine_of(
        node(
            labels={"karpenter.sh/nodepool": "edge"},
            status={
                "addresses": [
                    {"type": "InternalIP", "address": "10.0.0.2"},
                    {"type": "ExternalIP", "address": "8.8.8.8"},
                    {"type": "Hostname", "address": "n"},
                ]
            },
        )
    )

    assert (machine.internal, machine.external, machine.pool) == (("10.0.0.2",), ("8.8.8.8",), "edge")


@pytest.mark.parametrize(
    "listed", [node(labels={"kubernetes.io/os": "windows"}), node(info={"operatingSystem": "windows"})]
)
def test_windows_is_told(listed: ListedNode) -> None:
    assert machine_of(listed).windows
