"""What is known of images: what scanners and verifiers beside us have left in the cluster. No registry is asked."""

from __future__ import annotations

from collections.abc import Callable

from stridegate.model.clusters.rules import ClusterExample, ClusterRule, verdict
from stridegate.model.clusters.views import (
    SYSTEM_NAMESPACES,
    Cluster,
    Kind,
    Obj,
    at,
    labels,
    maps,
    name,
    namespace,
    text,
)
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_TAMPERING = frozenset({Stride.TAMPERING})
_VERIFIED = "policy.sigstore.dev/include"
_SIGNATURES = (CisDocker("4.5"), CisDocker("4.12"), CisKubernetes("5.5.1"))
# What lets whoever is in a container look around and fetch more.
_UNNECESSARY = frozenset(
    {"bash", "dash", "busybox", "zsh", "apt", "dpkg", "apk-tools", "rpm", "yum", "dnf", "microdnf", "zypper", "pacman"}
)


def _crowded(cluster: Cluster) -> frozenset[str]:
    return cluster.populated - SYSTEM_NAMESPACES


def _signed(cluster: Cluster) -> Verdict:
    policies = cluster[Kind.CLUSTER_IMAGE_POLICY]
    enforcing = [
        each for each in policies if text(each, "spec", "mode") != "warn" and maps(each, "spec", "authorities")
    ]
    verified = {name(each) for each in cluster[Kind.NAMESPACE] if labels(each).get(_VERIFIED) == "true"}
    offenders = [] if enforcing else [("ClusterImagePolicy", "none that enforces")]
    offenders += [(f"Namespace {each}", f"no label {_VERIFIED}") for each in _crowded(cluster) - verified]
    return verdict(offenders, "clusterimagepolicies and namespaces", "a verifier enforces in every namespace with pods")


def _built(cluster: Cluster) -> Verdict:
    policies = cluster[Kind.CLUSTER_IMAGE_POLICY]
    proving = any(
        "slsa" in text(attestation, "predicateType").lower()
        for policy in policies
        if text(policy, "spec", "mode") != "warn"
        for authority in maps(policy, "spec", "authorities")
        for attestation in maps(authority, "attestations")
    )
    offenders = [] if proving else [("ClusterImagePolicy", "none demands provenance (SLSA)")]
    return verdict(offenders, "clusterimagepolicies", "provenance with an accepted builder is demanded")


def _image(report: Obj) -> str:
    parts = (text(report, "report", "artifact", key) for key in ("repository", "tag"))
    return f"{namespace(report)}: " + ":".join(filter(None, parts))


def _vulnerable(cluster: Cluster) -> Verdict:
    reports = cluster[Kind.VULNERABILITY_REPORT]
    counts = ((each, at(each, "report", "summary", "criticalCount")) for each in reports)
    offenders = [(_image(each), f"{count} critical") for each, count in counts if isinstance(count, int) and count > 0]
    seen = {namespace(each) for each in reports}
    offenders += [(f"Namespace {each}", "no VulnerabilityReport") for each in _crowded(cluster) - seen]
    return verdict(offenders, "vulnerabilityreports", "no image with a critical vulnerability")


def _outdated(cluster: Cluster) -> Verdict:
    reports = cluster[Kind.VULNERABILITY_REPORT]
    offenders = [
        (
            _image(each),
            f"{text(each, 'report', 'os', 'family')} {text(each, 'report', 'os', 'name')}: no longer supported",
        )
        for each in reports
        if at(each, "report", "os", "eosl") is True
    ]
    if offenders:
        return verdict(offenders, "vulnerabilityreports: report.os", "")
    evidence = Evidence(source=Source.API, path="vulnerabilityreports: report.os")
    return Verdict(
        state=State.UNKNOWN, observed="nothing in the cluster tells when images were built", evidence=evidence
    )


def _listed(cluster: Cluster) -> Verdict:
    seen = {namespace(each) for each in cluster[Kind.SBOM_REPORT]}
    offenders = ((f"Namespace {each}", "no SbomReport") for each in _crowded(cluster) - seen)
    return verdict(offenders, "sbomreports", "every namespace with pods has SBOMs")


def _packages(cluster: Cluster) -> Verdict:
    offenders = []
    for each in cluster[Kind.SBOM_REPORT]:
        names = {text(one, "name") for one in maps(each, "report", "components", "components")}
        if found := sorted(names & _UNNECESSARY):
            offenders.append((_image(each), ", ".join(found)))
    return verdict(offenders, "sbomreports", "no shell and no package manager", state=State.WARN)


def _no(*kinds: str) -> ClusterExample:
    return ClusterExample(title="nothing in the cluster can tell", state=State.UNKNOWN, absent=kinds)


def _report(report: str, kind: str = "VulnerabilityReport") -> str:
    artifact = "artifact: {repository: web, tag: '1'}"
    return f"kind: {kind}\nmetadata: {{name: a, namespace: shop}}\nreport: {{{artifact}, {report}}}"


def _policy(authority: str, labelled: str = "'true'") -> str:
    return f"""
kind: ClusterImagePolicy
metadata: {{name: a}}
spec: {{authorities: [{authority}]}}
---
kind: Namespace
metadata: {{name: shop, labels: {{{_VERIFIED}: {labelled}}}}}
"""


_SHOP = frozenset({"shop"})
_NO_NAMESPACE_SEEN = "kind: Namespace\nmetadata: {name: shop}"


def _rule(  # noqa: PLR0913 - what a rule says, each a word of its own
    slug: str,
    severity: Severity,
    judge: Callable[[Cluster], Verdict],
    *examples: ClusterExample,
    wrong: str,
    threat: str,
    wants: str,
    fix: str,
    references: tuple[CisDocker | CisKubernetes, ...],
    threats: frozenset[str],
    stride: frozenset[Stride] = _TAMPERING,
) -> ClusterRule:
    return ClusterRule(
        slug=slug, severity=severity, stride=stride, references=references, threats=threats, wrong=wrong, threat=threat,
        wants=wants, fix=fix, judge=judge, examples=examples,
    )  # fmt: skip


RULES = (
    _rule(
        "unsigned-image",
        Severity.HIGH,
        _signed,
        ClusterExample(title="no policy", state=State.FAIL, objects=_NO_NAMESPACE_SEEN),
        ClusterExample(
            title="a namespace left out", state=State.FAIL, objects=_policy("{keyless: {}}", "'false'"), populated=_SHOP
        ),
        ClusterExample(title="enforced", state=State.PASS, objects=_policy("{keyless: {}}"), populated=_SHOP),
        _no("ClusterImagePolicy"),
        wrong="Images run whose signature nobody verified.",
        threat="Whoever can push to the registry runs his code in the cluster.",
        wants="be verified against an accepted identity before they run",
        fix="Let a verifier stand beside Stridegate, such as sigstore's policy-controller, in every namespace.",
        references=_SIGNATURES,
        threats=frozenset(
            {
                "unsigned-image-pull",
                "unverified-publisher",
                "malicious-registry-image",
                "spoofed-image",
                "image-insecurity",
                "unauthorized-image-commit",
            }
        ),
    ),
    _rule(
        "unverified-image-builder",
        Severity.MEDIUM,
        _built,
        ClusterExample(title="signatures alone", state=State.FAIL, objects=_policy("{keyless: {}}")),
        ClusterExample(
            title="provenance",
            state=State.PASS,
            objects=_policy("{keyless: {}, attestations: [{predicateType: 'https://slsa.dev/provenance/v1'}]}"),
        ),
        _no("ClusterImagePolicy"),
        wrong="Nobody proves who built the images that run.",
        threat="An image with a good signature may still come from a stolen laptop.",
        wants="carry provenance with an accepted SLSA builder",
        fix="Let builds attest their provenance, and demand it in a ClusterImagePolicy.",
        references=(CisDocker("4.12"), CisKubernetes("5.5.1")),
        threats=frozenset(
            {
                "dockerfile-tampering",
                "unauthorized-image-commit",
                "supply-chain-injection",
                "unverified-publisher",
                "image-insecurity",
            }
        ),
    ),
    _rule(
        "vulnerable-image",
        Severity.HIGH,
        _vulnerable,
        ClusterExample(title="critical", state=State.FAIL, objects=_report("summary: {criticalCount: 2}")),
        ClusterExample(title="not scanned", state=State.FAIL, populated=_SHOP),
        ClusterExample(title="none", state=State.PASS, objects=_report("summary: {criticalCount: 0}"), populated=_SHOP),
        _no("VulnerabilityReport"),
        wrong="An image that runs has a critical vulnerability, or was not looked at.",
        threat="What is known to be exploitable is exploited.",
        wants="be scanned, and have no critical vulnerability",
        fix="Rebuild the image on a base that has the fix; install a scanner that leaves VulnerabilityReports.",
        references=(CisDocker("4.4"),),
        threats=frozenset(
            {
                "flawed-image-libraries",
                "open-source-flaws",
                "outdated-vulnerable-image",
                "malicious-registry-image",
                "dockerfile-misconfiguration",
            }
        ),
        stride=frozenset({Stride.TAMPERING, Stride.ELEVATION}),
    ),
    _rule(
        "outdated-image",
        Severity.MEDIUM,
        _outdated,
        ClusterExample(
            title="end of life", state=State.FAIL, objects=_report("os: {family: debian, name: '9', eosl: true}")
        ),
        ClusterExample(title="nothing tells", state=State.UNKNOWN, objects=_report("os: {family: debian, name: '13'}")),
        _no("VulnerabilityReport"),
        wrong="An image that runs is built on a distribution that nobody mends any more.",
        threat="Its vulnerabilities stay for ever.",
        wants="be built lately, on a distribution that is supported",
        fix="Rebuild the image on a supported base, and again with every release of that.",
        references=(CisDocker("4.4"), CisDocker("5.28", before_1_6="5.27")),
        threats=frozenset({"outdated-vulnerable-image"}),
    ),
    _rule(
        "missing-sbom",
        Severity.LOW,
        _listed,
        ClusterExample(title="none", state=State.FAIL, populated=_SHOP),
        ClusterExample(title="one", state=State.PASS, objects=_report("components: {}", "SbomReport"), populated=_SHOP),
        _no("SbomReport"),
        wrong="Nobody knows what is in the images that run.",
        threat="When the next library is found broken, nobody can say where it is.",
        wants="have an SBOM",
        fix="Install a scanner that leaves SbomReports, or let builds attest SBOMs.",
        references=(CisDocker("4.3"),),
        threats=frozenset(
            {"flawed-image-libraries", "supply-chain-injection", "open-source-flaws", "unnecessary-image-packages"}
        ),
    ),
    _rule(
        "unnecessary-packages",
        Severity.LOW,
        _packages,
        ClusterExample(
            title="a shell",
            state=State.WARN,
            objects=_report("components: {components: [{name: bash}, {name: web}]}", "SbomReport"),
        ),
        ClusterExample(
            title="the program alone",
            state=State.PASS,
            objects=_report("components: {components: [{name: web}]}", "SbomReport"),
        ),
        _no("SbomReport"),
        wrong="An image that runs has a shell or a package manager.",
        threat="Whoever gets in finds the tools to go on.",
        wants="hold the program and what it needs alone",
        fix="Build from scratch or a distroless base, in several stages.",
        references=(CisDocker("4.3"),),
        threats=frozenset({"unnecessary-image-packages", "dockerfile-misconfiguration"}),
        stride=frozenset({Stride.ELEVATION}),
    ),
)
