r"""A pod reaches a part of the node that the node's security rests on.

Threat: credentials of the kubelet and of the cluster, other pods' data, programs, logs and kernel interfaces can be read,
and what is written there runs as root.
Check: no hostPath, narrowed by the `subPath` of its mounts, equals, contains or lies below /.bottlerocket, /bin, /boot,
/dev, /efi, /etc, /home, /lib, /lib32, /lib64, /libx32, /local/var, /mnt/stateful_partition, /opt/bin, /opt/cni, /ostree,
/proc, /root, /run, /sbin, /srv, /sys, /sysroot, /system, /usr, /var/home, /var/log, /var/roothome, /var/snap/microk8s,
/var/spool/cron, /var/vcap or the folders of kubelet, etcd, runtimes, distributions and cloud-init in /var/lib. Paths are
compared by what they lead to: `/var/run` is `/run`, and `/proc/1/root` is `/`. On Windows the same holds for named pipes,
`\Windows`, `\Program Files`, `\ProgramData\docker` and `\ProgramData\containerd`, whether or not the pod says that it is for
Windows, and where it does for `\Users`, `\etc`, `\k`, `\opt\cni`, `\run`, `\var\lib\kubelet` and `\var\log` as well.
Fix: mount the one harmless folder that is needed, or use a volume of the pod's own. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.host_paths import PATH_MAX, Reach, reaches, tree_at
from stridegate.model.paths import written
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every path of the node that touches one of the trees."""
    return _sensitive(pod) if pod.volumes_from("hostPath") else ()


def _sensitive(pod: PodView) -> Iterator[Violation]:
    for reach in reaches(pod):
        wanted = _wanted(reach, windows=pod.windows)
        if wanted is not None:
            value = reach.how if reach.path is None else written(reach.path)
            yield Violation(reach.volume.place("hostPath"), observed=reach.how, wanted=wanted, value=value)


def _wanted(reach: Reach, *, windows: bool) -> str | None:
    if reach.path is None:
        return f"be an absolute path of at most {PATH_MAX} characters, spelled out"
    tree = tree_at(reach.path, windows=windows)
    return None if tree is None else f"not reach {tree}"


RULE = PodRule(
    slug="sensitive-host-path",
    doc=__doc__,
    severity=Severity.CRITICAL,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING, Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(CisDocker("5.6", before_1_6="5.5"), CisKubernetes("5.2.11", before_1_12="5.2.12")),
    threats=frozenset({"host-filesystem-exposure", "daemon-config-exploited-from-container"}),
    check=check,
    value=ValueKind.PATH,
    examples=(
        bad("configuration", "volumes: [{name: x, hostPath: {path: /etc/kubernetes}}]", also=("host-path-volume",)),
        bad("a tree itself", "volumes: [{name: x, hostPath: {path: /etc/}}]", also=("host-path-volume",)),
        bad("logs", "volumes: [{name: x, hostPath: {path: /var/log/pods}}]", also=("host-path-volume",)),
        bad(
            "what contains it",
            "volumes: [{name: x, hostPath: {path: /var/lib}}]",
            also=("host-path-volume", "container-runtime-socket"),
        ),
        bad(
            "the root",
            "volumes: [{name: x, hostPath: {path: /}}]",
            also=("host-path-volume", "container-runtime-socket"),
        ),
        bad(
            "through a process",
            "volumes: [{name: x, hostPath: {path: /proc/1/root/etc/shadow}}]",
            also=("host-path-volume",),
        ),
        bad("by another name", "volumes: [{name: x, hostPath: {path: /var/lock}}]", also=("host-path-volume",)),
        bad(
            "narrowed to it, read-only",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /logs, subPath: log, readOnly: true}]}]
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume",),
        ),
        bad(
            "a relative path",
            "volumes: [{name: x, hostPath: {path: data}}]",
            also=("host-path-volume", "container-runtime-socket"),
        ),
        bad(
            "a named pipe of windows",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            volumes: [{name: x, hostPath: {path: '\\.\pipe\docker_engine'}}]
            """,
            also=("host-path-volume",),
        ),
        bad(
            "the drive of windows",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            volumes: [{name: x, hostPath: {path: 'C:\'}}]
            """,
            also=("host-path-volume",),
        ),
        bad(
            "the runtime's folder of windows",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            volumes: [{name: x, hostPath: {path: 'c:/programdata\Docker.'}}]
            """,
            also=("host-path-volume",),
        ),
        good("a folder of its own", "volumes: [{name: x, hostPath: {path: /data}}]", also=("host-path-volume",)),
        good(
            "a name that only begins alike",
            "volumes: [{name: x, hostPath: {path: /var/library}}]",
            also=("host-path-volume",),
        ),
        good(
            "narrowed to something else",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /w, subPath: www, readOnly: true}]}]
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume",),
        ),
        good(
            "a folder of windows",
            r"""
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            volumes: [{name: x, hostPath: {path: 'C:\data'}}]
            """,
            also=("host-path-volume",),
        ),
    ),
)
