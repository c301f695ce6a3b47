"""An annotation tells the container runtime to make another sandbox.

Threat: devices, mounts, hooks, limits and confinement that no field of the pod shows are changed behind every check.
Check: no annotation of the pod is one that runtimes and their plugins act upon: of cdi.k8s.io, crio.io, cri-o.io, nri.io,
noderesource.dev or containerd.io, of the classes of Intel RDT and block I/O, or beginning with io.kubernetes.cri-o.,
run.oci., org.systemd.property., io.katacontainers., dev.gvisor. or io.microsoft. The policy's `allow` lists what is let
pass: an annotation, or what stands before its slash.
Fix: take it out. There is no automatic fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_ACTED_UPON = re.compile(
    r"""
      cdi\.k8s\.io/.*
    | (?:[^/]*\.)?(?:cri-?o\.io|nri\.io|noderesource\.dev|containerd\.io)(?:/.*)?
    | (?:rdt|blockio)\.resources\.beta\.kubernetes\.io/.*
    | (?:io\.kubernetes\.cri-o|run\.oci|org\.systemd\.property|io\.katacontainers|dev\.gvisor|io\.microsoft)\..*
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every annotation that a runtime may act upon; its value is not repeated."""
    annotations = pod.metadata.annotations
    return _altering(pod, annotations, given.parameters.allow) if annotations else ()


def _altering(pod: PodView, annotations: Mapping[str, str], allowed: tuple[str, ...]) -> Iterator[Violation]:
    for key in annotations:
        if _ACTED_UPON.fullmatch(key) and key not in allowed and key.partition("/")[0] not in allowed:
            yield Violation(pod.annotation(key), observed="set", wanted="be absent")


_ALLOW = Given(parameters=Parameters(allow=("cdi.k8s.io", "io.kubernetes.cri-o.userns-mode")))

RULE = PodRule(
    slug="runtime-annotation",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(),
    threats=frozenset({"container-escape"}),
    check=check,
    takes=frozenset({"allow"}),
    examples=(
        bad("devices by CDI", "{}", annotations={"cdi.k8s.io/vendor": "vendor.example/device=all"}),
        bad("CRI-O", "{}", annotations={"io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel": "true"}),
        bad("CRI-O, another form", "{}", annotations={"cpu-quota.crio.io": "disable"}),
        bad("CRI-O, for one container", "{}", annotations={"irq-load-balancing.crio.io/app": "disable"}),
        bad("CRI-O, a profile out of a registry", "{}", annotations={"seccomp-profile.kubernetes.cri-o.io/POD": "r/x"}),
        bad("NRI", "{}", annotations={"devices.nri.io/container.app": "- {path: /dev/sda}"}),
        bad("NRI, for the whole pod", "{}", annotations={"devices.nri.io": "- {path: /dev/sda}"}),
        bad("NRI, by its domain of today", "{}", annotations={"mounts.noderesource.dev/pod": "- {source: /}"}),
        bad("containerd", "{}", annotations={"sandbox.containerd.io/mode": "x"}),
        bad("a class of block I/O", "{}", annotations={"blockio.resources.beta.kubernetes.io/pod": "unthrottled"}),
        bad("crun", "{}", annotations={"run.oci.handler": "krun"}),
        bad("systemd", "{}", annotations={"org.systemd.property.DeviceAllow": "[('/dev/sda', 'rwm')]"}),
        bad("gVisor", "{}", annotations={"dev.gvisor.flag.network": "host"}),
        bad("Windows", "{}", annotations={"io.microsoft.container.processdumplocation": "c:"}),
        bad("Kata", "{}", annotations={"io.katacontainers.config.hypervisor.kernel": "/kernel"}),
        bad("another one than the policy's", "{}", annotations={"run.oci.handler": "krun"}, given=_ALLOW),
        good("below what the policy allows", "{}", annotations={"cdi.k8s.io/vendor": "x"}, given=_ALLOW),
        good("what the policy allows", "{}", annotations={"io.kubernetes.cri-o.userns-mode": "auto"}, given=_ALLOW),
        good("one that only ends alike", "{}", annotations={"notcrio.io/x": "y"}),
        good("anybody's", "{}", annotations={"example.com/owner": "team"}),
    ),
)
