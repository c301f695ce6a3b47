"""A volume is a path of the node.

Threat: files of the node, of other pods and of the cluster's own components can be read, planted or changed; some of
them are a way to become root on the node.
Check: no volume has a `hostPath`.
Fix: use a volume that belongs to the pod (emptyDir, configMap, a claim). There is no automatic fix: only a human knows
what the path is for.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisDocker, CisKubernetes, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every volume with a hostPath."""
    for volume, source in pod.host_paths:
        yield Violation(
            volume.place("hostPath"),
            observed=observe(source.path),
            wanted="be a volume of the pod's own",
            value=source.path or "",
        )


RULE = PodRule(
    slug="host-path-volume",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.TAMPERING, Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(
        PodSecurity("hostPathVolumes"),
        PodSecurity("restrictedVolumes"),
        CisDocker("5.6", before_1_6="5.5"),
        CisKubernetes("5.2.11", before_1_12="5.2.12"),
    ),
    threats=frozenset({"host-filesystem-exposure", "cross-container-access", "container-escape"}),
    check=check,
    value=ValueKind.PATH,
    examples=(
        bad("a folder of the node", "volumes: [{name: logs, hostPath: {path: /data/logs}}]"),
        bad("a type does not help", "volumes: [{name: logs, hostPath: {path: /data/logs, type: Directory}}]"),
        bad(
            "mounted read-only",
            """
            containers: [{name: app, volumeMounts: [{name: logs, mountPath: /logs, readOnly: true}]}]
            volumes: [{name: logs, hostPath: {path: /data/logs}}]
            """,
        ),
        good("an emptyDir", "volumes: [{name: logs, emptyDir: {}}]"),
        good("null is absent", "volumes: [{name: logs, hostPath: null}]"),
    ),
)
