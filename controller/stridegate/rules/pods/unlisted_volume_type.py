"""A volume comes from a source that pods should not name themselves.

Threat: volumes of network storage named in the pod carry addresses and credentials past the cluster's administrator,
and some sources run code or mount what was never meant for the pod.
Check: every volume is a configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or
secret; a source that is not known fails. What is a hostPath is found by host-path-volume.
Fix: claim the storage with a PersistentVolumeClaim. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisDocker, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_LISTED = frozenset(
    {
        "name",  # not a source
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "hostPath",  # the other rule's
    }
)


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every volume with another source."""
    for volume in pod.volumes_beyond(_LISTED):
        for source in volume.sources:
            if source not in _LISTED:
                yield Violation(volume.place(), observed=source, wanted="be of a listed type", value=source)


RULE = PodRule(
    slug="unlisted-volume-type",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.RESTRICTED,
    stride=frozenset({Stride.TAMPERING, Stride.INFORMATION_DISCLOSURE}),
    references=(PodSecurity("restrictedVolumes"), CisDocker("5.6", before_1_6="5.5")),
    check=check,
    examples=(
        bad("network storage", "volumes: [{name: data, nfs: {server: nfs.example, path: /}}]"),
        bad(
            "code from a repository",
            "volumes: [{name: code, gitRepo: {repository: 'https://git.example/x'}}]",
            also=("git-repo-volume",),
        ),
        bad("a source of the future", "volumes: [{name: data, quantumFoam: {}}]", valid=False),
        good(
            "the listed ones",
            """
            volumes:
            - {name: a, configMap: {name: x}}
            - {name: b, csi: {driver: x.example}}
            - {name: c, downwardAPI: {items: []}}
            - {name: d, emptyDir: {}}
            - {name: e, persistentVolumeClaim: {claimName: x}}
            - {name: f, projected: {sources: []}}
            - {name: g, secret: {secretName: x}}
            - {name: h, image: {reference: registry.example/data:1}}
            - name: i
              ephemeral:
                volumeClaimTemplate:
                  spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
            """,
        ),
        good("without a source it is an emptyDir", "volumes: [{name: scratch}]"),
        good(
            "a path of the node is the other rule's",
            "volumes: [{name: logs, hostPath: {path: /data/logs}}]",
            also=("host-path-volume",),
        ),
    ),
)
