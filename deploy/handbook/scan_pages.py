"""The page of a rule whose findings stand in reports: why, when it passes, how to mend it by installation, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handbook.markdown import link, listed, prose, table
from handbook.provenance import answered, references
from handbook.sources import source_of
from stridegate.model.clusters.rules import ClusterExample, ClusterRule
from stridegate.model.entries import ReportedRule
from stridegate.model.nodes.nodes import Installation
from stridegate.model.nodes.rules import ContainerExample, ContainerRule, NodeExample, NodeRule, ScanRule
from stridegate.model.vocabulary import Stride

_JUDGED: Mapping[type[ReportedRule], str] = {
    NodeRule: "nodes, by the scanner and by `stridegate scan-node`",
    ContainerRule: "running containers, by the scanner and by `stridegate scan-node`",
    ClusterRule: "the cluster's objects, by the operator, in the report `stridegate-cluster`",
}

_CALLED: Mapping[Installation, str] = {
    Installation.GENERIC: "self-managed",
    Installation.KUBEADM: "kubeadm",
    Installation.K3S: "k3s",
    Installation.RKE2: "rke2",
    Installation.K0S: "k0s",
    Installation.MICROK8S: "MicroK8s",
    Installation.EKS: "EKS",
    Installation.GKE: "GKE",
    Installation.AKS: "AKS",
    Installation.OPENSHIFT: "OpenShift",
    Installation.TALOS: "Talos",
    Installation.BOTTLEROCKET: "Bottlerocket",
    Installation.TKGI: "TKGI",
    Installation.DOCKER: "Docker alone",
}


def scan_page(rule: ReportedRule) -> str:
    """Return the page of a rule about a node, about running containers or about a cluster."""
    return "\n".join(_page(rule)).rstrip("\n") + "\n"


def _page(rule: ReportedRule) -> Iterator[str]:
    source = source_of(rule)
    yield f"<!-- Generated from {source}: change it there, then run `make generate`. -->"
    yield from (f"# {rule.slug}", "", prose(rule.title), "")
    yield from table(
        ("", ""),
        (
            ("Judges", _JUDGED[type(rule)]),
            ("Severity", str(rule.severity)),
            ("STRIDE", listed(kind.title for kind in Stride if kind in rule.stride)),
            ("Since", rule.since),
        ),
    )
    yield from ("## Why is this bad?", "", prose(rule.threat), "")
    yield from ("## When it passes", "", prose(f"It must {rule.wants.rstrip('.')}."), "")
    yield from ("## How to fix it", "", prose(rule.fix), "")
    if isinstance(rule, ScanRule):
        yield from (prose(rule.remedy.words), "")
        yield from table(("Installed as", "How"), _elsewhere(rule))
    yield from ("## Examples", "")
    yield from table(
        ("What is there", "Verdict"),
        ((prose(example.title), example.state.value) for example in _examples(rule)),
    )
    yield from references(rule)
    yield from answered(rule)
    yield f"Source: {link(source.rpartition('/')[2], f'../../{source}')}."


def _examples(rule: ReportedRule) -> Iterator[NodeExample | ContainerExample | ClusterExample]:
    if isinstance(rule, NodeRule | ContainerRule | ClusterRule):
        yield from rule.examples


def _elsewhere(rule: ScanRule) -> Iterator[tuple[str, str]]:
    """Yield the installations on which it is mended in another way, those together that have the same."""
    ways: dict[str, list[str]] = {}
    for installation, name in _CALLED.items():
        how = rule.remedy.on(installation)
        if how != rule.remedy.on(Installation.GENERIC):
            ways.setdefault(how, []).append(name)
    yield from ((", ".join(names), prose(how)) for how, names in ways.items())
