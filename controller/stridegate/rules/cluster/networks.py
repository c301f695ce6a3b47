"""What can be reached that should not be: the control plane, nodes, Services, and everything else from pods."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import Cluster, Kind, NodeStanding, Obj, at, labels, maps, name, text, texts
from stridegate.model.nodes.nodes import Role
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_DISCLOSURE = frozenset({Stride.INFORMATION_DISCLOSURE})
# CNI plugins by their type: those that make NetworkPolicies hold, those that are known not to, and those that only help.
_ENFORCING = frozenset(
    {"calico", "cilium-cni", "antrea", "weave-net", "kube-router", "romana", "ovn-k8s-cni-overlay", "kube-ovn", "nsx"}
)
_BLIND = frozenset({"bridge", "flannel"})
_HELPING = frozenset({"loopback", "portmap", "bandwidth", "tuning", "firewall", "sbr", "vrf", "host-local", "dhcp"})
# How clouds are told that a load balancer is for their own network alone.
_INTERNAL = frozenset(
    {
        ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
        ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
        ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
        ("networking.gke.io/load-balancer-type", "Internal"),
        ("cloud.google.com/load-balancer-type", "Internal"),
    }
)
_ANY = frozenset({"0.0.0.0/0", "::/0"})


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False  # a name: where it leads is known to DNS alone


def _enforced(cluster: Cluster) -> Verdict:
    evidence = Evidence(source=Source.API, path="hardeningreports: status.node.cni")
    told = [(each.name, frozenset(each.cni) - _HELPING) for each in cluster.nodes if each.cni is not None]
    blind = [
        (f"Node {node}", ", ".join(sorted(plugins)))
        for node, plugins in told
        if plugins & _BLIND and not plugins & _ENFORCING
    ]
    if blind:
        return verdict(blind, evidence.path, "")
    if not told or not all(plugins & _ENFORCING for _, plugins in told):
        seen = ", ".join(sorted({plugin for _, plugins in told for plugin in plugins})) or "no report names a plugin"
        return Verdict(state=State.UNKNOWN, observed=seen, evidence=evidence)
    return verdict((), evidence.path, "every node has a plugin that enforces them")


def _api_servers(cluster: Cluster) -> Iterator[tuple[str, str]]:
    for each in cluster[Kind.API_ENDPOINTS]:
        for endpoint in maps(each, "endpoints"):
            yield from ((f"EndpointSlice {name(each)}", address) for address in texts(endpoint, "addresses"))
    for each in cluster[Kind.CLUSTER_INFO]:
        for line in text(each, "data", "kubeconfig").splitlines():
            key, _, value = line.strip().partition(":")
            if key == "server":
                yield f"ConfigMap {name(each)}", urlsplit(value.strip()).hostname or ""
    for node in cluster.nodes:
        if node.role is Role.CONTROL_PLANE:
            yield from ((f"Node {node.name}", address) for address in node.external)


def _api_server(cluster: Cluster) -> Verdict:
    offenders = [(place, address) for place, address in _api_servers(cluster) if _public(address)]
    return verdict(
        offenders, "endpointslices, cluster-info and nodes", "only addresses that the internet does not route"
    )


def _node_addresses(cluster: Cluster) -> Verdict:
    offenders = ((f"Node {node.name}", f"ExternalIP {each}") for node in cluster.nodes for each in node.external)
    return verdict(offenders, "nodes: status.addresses", "no node has an ExternalIP")


def _ports(cluster: Cluster) -> Verdict:
    return verdict(
        ((f"Service {name(each)}", seen) for each in cluster[Kind.SERVICE] if (seen := _opened(each))),
        "services",
        "no NodePort, and no LoadBalancer without source ranges",
    )


def _opened(service: Obj) -> str:
    kind = text(service, "spec", "type")
    if kind == "NodePort":
        return "NodePort on every node"
    ranges = texts(service, "spec", "loadBalancerSourceRanges")
    internal = bool(_INTERNAL & labels(service, "metadata", "annotations").items())
    closed = kind != "LoadBalancer" or internal or (bool(ranges) and not ranges & _ANY)
    return "" if closed else f"LoadBalancer for {', '.join(sorted(ranges)) or 'every address'}"


def _egress(cluster: Cluster) -> Verdict:
    policies = cluster[Kind.NETWORK_POLICY]
    offenders = [
        (f"NetworkPolicy {name(each)}", "egress to any address")
        for each in policies
        if any(map(_anywhere, maps(each, "spec", "egress")))
    ]
    return verdict(offenders, "networkpolicies", "no NetworkPolicy opens egress to every address")


def _anywhere(rule: Obj) -> bool:
    """Whether a rule for egress leads everywhere; to ask DNS of anybody, which almost all pods do, does not count."""
    ports = {at(each, "port") for each in maps(rule, "ports")}
    if ports and ports <= {53, "dns", "dns-tcp"}:
        return False
    peers = maps(rule, "to")
    blocks = ((text(each, "ipBlock", "cidr"), texts(each, "ipBlock", "except")) for each in peers)
    return not peers or any(cidr in _ANY and not excepted for cidr, excepted in blocks)


def _metadata(cluster: Cluster) -> Verdict:
    evidence = Evidence(source=Source.API, path="hardeningreports: status.node.instanceMetadata")
    tried = [each for each in cluster.nodes if each.metadata_reachable is not None]
    answered = [(f"Node {each.name}", "169.254.169.254 answers pods") for each in tried if each.metadata_reachable]
    untold = [each.name for each in cluster.nodes if each.results is not None and each.metadata_reachable is None]
    if not answered and (untold or not tried):
        # A service that demands a session (IMDSv2) answers pods or not by its hop limit, which no scanner tries.
        seen = f"no scanner could tell{' on ' if untold else ''}{', '.join(sorted(untold)[:3])}"
        return Verdict(state=State.UNKNOWN, observed=seen, evidence=evidence)
    return verdict(answered, evidence.path, "169.254.169.254 answers no pod that tried")


def _slice(address: str) -> str:
    return f"kind: EndpointSlice\nmetadata: {{name: kubernetes, namespace: default}}\nendpoints: [{{addresses: ['{address}']}}]"


def _service(spec: str, annotations: str = "{}") -> str:
    return f"kind: Service\nmetadata: {{name: web, namespace: shop, annotations: {annotations}}}\nspec: {spec}"


def _policy(egress: str) -> str:
    return f"kind: NetworkPolicy\nmetadata: {{name: a, namespace: shop}}\nspec: {{podSelector: {{}}, policyTypes: [Egress], egress: {egress}}}"


def _plugins(*types: str) -> tuple[NodeStanding, ...]:
    return (NodeStanding(name="node1", cni=types),)


_INFO = 'kind: ConfigMap\nmetadata: {name: cluster-info, namespace: kube-public}\ndata: {kubeconfig: "clusters:\\n- cluster:\\n    server: https://8.8.4.4:6443"}'

RULES = (
    ClusterRule(
        slug="unenforced-network-policy",
        severity=Severity.HIGH,
        stride=_DISCLOSURE,
        references=(CisKubernetes("5.3.1"),),
        threats=frozenset({"network-spoofing-to-host", "default-bridge-traffic"}),
        wrong="The network plugin does not enforce NetworkPolicies.",
        threat="Every NetworkPolicy is accepted and does nothing.",
        wants="run a CNI plugin on every node that enforces NetworkPolicies",
        fix="Install a plugin that enforces them, such as Calico, Cilium or Antrea.",
        judge=_enforced,
        examples=(
            ClusterExample(title="bridge", state=State.FAIL, nodes=_plugins("bridge", "portmap")),
            ClusterExample(title="calico", state=State.PASS, nodes=_plugins("calico", "bandwidth")),
            ClusterExample(title="bridge, chained", state=State.PASS, nodes=_plugins("bridge", "cilium-cni")),
            ClusterExample(title="one that is not known", state=State.UNKNOWN, nodes=_plugins("home-grown")),
            ClusterExample(title="no report", state=State.UNKNOWN),
        ),
    ),
    ClusterRule(
        slug="public-api-server",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=frozenset({"public-api-exposure", "internet-reachable-control-plane"}),
        wrong="The API server has an address that the internet routes.",
        threat="Everybody may try credentials and vulnerabilities on it, unless a firewall that cannot be seen from here stops him.",
        wants="be reachable by private addresses alone",
        fix="Give the control plane a private endpoint, or let a firewall allow known networks alone.",
        judge=_api_server,
        examples=(
            ClusterExample(title="its endpoint", state=State.FAIL, objects=_slice("8.8.8.8")),
            ClusterExample(title="IPv6", state=State.FAIL, objects=_slice("2606:4700::1111")),
            ClusterExample(title="what newcomers are told", state=State.FAIL, objects=_INFO),
            ClusterExample(
                title="its node",
                state=State.FAIL,
                nodes=(NodeStanding(name="cp", role=Role.CONTROL_PLANE, external=("8.8.8.8",)),),
            ),
            ClusterExample(title="private", state=State.PASS, objects=_slice("10.0.0.1")),
            ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=("EndpointSlice",)),
        ),
    ),
    ClusterRule(
        slug="public-node-address",
        severity=Severity.MEDIUM,
        stride=_DISCLOSURE,
        references=(),
        threats=frozenset({"internet-reachable-nodes"}),
        wrong="A node has an address of its own on the internet.",
        threat="The kubelet, NodePorts and host ports are one firewall rule away from everybody.",
        wants="have no ExternalIP",
        fix="Make the node pool private, with a NAT gateway for what leaves it.",
        judge=_node_addresses,
        examples=(
            ClusterExample(
                title="an ExternalIP", state=State.FAIL, nodes=(NodeStanding(name="a", external=("8.8.8.8",)),)
            ),
            ClusterExample(title="none", state=State.PASS, nodes=(NodeStanding(name="a"),)),
        ),
    ),
    ClusterRule(
        slug="open-service-port",
        severity=Severity.MEDIUM,
        stride=_DISCLOSURE,
        references=(CisDocker("5.14", before_1_6="5.13"),),
        threats=frozenset({"unbound-host-port", "internet-reachable-nodes"}),
        wrong="A Service is open to every address that reaches a node or its load balancer.",
        threat="What was meant for one network answers all of them.",
        wants="be no NodePort, and a LoadBalancer with source ranges or of the inner network alone",
        fix="Use ClusterIP behind an ingress, or set spec.loadBalancerSourceRanges.",
        judge=_ports,
        examples=(
            ClusterExample(title="NodePort", state=State.FAIL, objects=_service("{type: NodePort}")),
            ClusterExample(title="LoadBalancer", state=State.FAIL, objects=_service("{type: LoadBalancer}")),
            ClusterExample(
                title="for all",
                state=State.FAIL,
                objects=_service("{type: LoadBalancer, loadBalancerSourceRanges: [0.0.0.0/0]}"),
            ),
            ClusterExample(
                title="for one network",
                state=State.PASS,
                objects=_service("{type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]}"),
            ),
            ClusterExample(
                title="internal",
                state=State.PASS,
                objects=_service("{type: LoadBalancer}", "{networking.gke.io/load-balancer-type: Internal}"),
            ),
            ClusterExample(title="ClusterIP", state=State.PASS, objects=_service("{type: ClusterIP}")),
            ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=("Service",)),
        ),
    ),
    ClusterRule(
        slug="unrestricted-egress",
        severity=Severity.MEDIUM,
        stride=_DISCLOSURE,
        references=(),
        threats=frozenset({"internet-reachable-nodes"}),
        wrong="A NetworkPolicy opens egress to every address.",
        threat="Whoever breaks into a pod sends out what he finds, and fetches what he needs.",
        wants="name the addresses, namespaces or pods that egress leads to",
        fix="Give each egress rule a `to`, with the ranges that are used instead of 0.0.0.0/0.",
        judge=_egress,
        examples=(
            ClusterExample(title="no peer", state=State.FAIL, objects=_policy("[{}]")),
            ClusterExample(
                title="all of IPv4", state=State.FAIL, objects=_policy("[{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]")
            ),
            ClusterExample(
                title="a range", state=State.PASS, objects=_policy("[{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]")
            ),
            ClusterExample(title="DNS", state=State.PASS, objects=_policy("[{ports: [{port: 53}]}]")),
            ClusterExample(title="what may not be read", state=State.UNKNOWN, absent=("NetworkPolicy",)),
        ),
    ),
    ClusterRule(
        slug="reachable-instance-metadata",
        severity=Severity.HIGH,
        stride=_DISCLOSURE,
        references=(),
        threats=frozenset({"cloud-provider-link"}),
        wrong="The cloud's metadata service answers pods.",
        threat="Any pod takes the node's cloud credentials from 169.254.169.254.",
        wants="not answer a pod that has a network of its own",
        fix="Require IMDSv2 with a hop limit of 1, use workload identity, or deny 169.254.169.254/32 by NetworkPolicy.",
        judge=_metadata,
        examples=(
            ClusterExample(title="answers", state=State.FAIL, nodes=(NodeStanding(name="a", metadata_reachable=True),)),
            ClusterExample(
                title="does not", state=State.PASS, nodes=(NodeStanding(name="a", metadata_reachable=False),)
            ),
            ClusterExample(title="nobody tried", state=State.UNKNOWN, nodes=(NodeStanding(name="a"),)),
            ClusterExample(
                title="one could not be told",
                state=State.UNKNOWN,
                nodes=(NodeStanding(name="a", metadata_reachable=False), NodeStanding(name="b", results={})),
            ),
        ),
    ),
)
