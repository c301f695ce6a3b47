"""A pod reaches the socket of a container runtime.

Threat: whoever talks to the runtime starts containers of any kind on the node: it is root there, past every admission.
Check: no hostPath, narrowed by the `subPath` of its mounts, equals, contains or lies below a runtime's socket or the
kubelet's plugin folders, nor has the type Socket. Paths are compared by what they lead to: `/var/run` is `/run`,
`/proc/1/root` is `/`, and whatever else a process has under `/proc` can be anything. Mounting read-only does not help,
connecting works all the same. A policy may list more `sockets`.
Fix: take it out, and use the Kubernetes API instead. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.host_paths import PATH_MAX, reaches, socket_at
from stridegate.model.paths import written
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every path of the node that leads to a socket."""
    return () if pod.windows or not pod.host_paths else _sockets(pod, given)


def _sockets(pod: PodView, given: Given) -> Iterator[Violation]:
    for reach in reaches(pod):
        place = reach.volume.place("hostPath")
        if reach.source.type == "Socket":
            path = reach.source.path or ""
            yield Violation(place, observed=f"{reach.how}, a socket", wanted="reach no socket of the node", value=path)
        elif reach.path is None:
            yield Violation(place, observed=reach.how, wanted=f"be an absolute path of at most {PATH_MAX} characters")
        elif (socket := socket_at(reach.path, given.parameters.sockets)) is not None:
            yield Violation(place, observed=reach.how, wanted=f"not reach {socket}", value=written(reach.path))


RULE = PodRule(
    slug="container-runtime-socket",
    doc=__doc__,
    severity=Severity.CRITICAL,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(CisDocker("5.32", before_1_6="5.31"),),
    threats=frozenset({"daemon-config-exploited-from-container", "container-escape", "docker-socket-too-open"}),
    check=check,
    value=ValueKind.PATH,
    takes=frozenset({"sockets"}),
    examples=(
        bad(
            "by name",
            "volumes: [{name: x, hostPath: {path: /var/run/docker.sock}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "spelled with doubled and trailing slashes",
            "volumes: [{name: x, hostPath: {path: /run//docker.sock/}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "spelled with dots",
            "volumes: [{name: x, hostPath: {path: /var/run/../run/./docker.sock}}]",
            also=("host-path-volume", "sensitive-host-path"),
            valid=False,
        ),
        bad(
            "its folder",
            "volumes: [{name: x, hostPath: {path: /run}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad("the root", "volumes: [{name: x, hostPath: {path: /}}]", also=("host-path-volume", "sensitive-host-path")),
        bad(
            "through a process",
            "volumes: [{name: x, hostPath: {path: /proc/1/root/run/docker.sock}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "through the task of a process",
            "volumes: [{name: x, hostPath: {path: /proc/self/task/1/root}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "through the working directory of a process",
            "volumes: [{name: x, hostPath: {path: /proc/1/cwd/run/docker.sock}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "of a user",
            "volumes: [{name: x, hostPath: {path: /run/user/1000/podman}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "below a listed folder",
            "volumes: [{name: x, hostPath: {path: /var/lib/kubelet/device-plugins/kubelet.sock}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "narrowed to it",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /s, subPath: run/docker.sock}]}]
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume", "sensitive-host-path", "writable-host-path"),
        ),
        bad(
            "narrowed at run time",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /s, subPathExpr: $(NAME)}]}]
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume", "sensitive-host-path", "writable-host-path"),
        ),
        bad(
            "narrowed by one, whole for another",
            """
            containers:
            - {name: app, volumeMounts: [{name: x, mountPath: /logs, subPath: log}, {name: x, mountPath: /all}]}
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume", "sensitive-host-path", "writable-host-path"),
        ),
        bad(
            "mounted read-only",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /s, readOnly: true}]}]
            volumes: [{name: x, hostPath: {path: /run/containerd/containerd.sock}}]
            """,
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "any socket",
            "volumes: [{name: x, hostPath: {path: /srv/own.sock, type: Socket}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "a relative path",
            "volumes: [{name: x, hostPath: {path: run}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        bad(
            "one of the policy's",
            "volumes: [{name: x, hostPath: {path: /srv/engine}}]",
            also=("host-path-volume", "sensitive-host-path"),
            given=Given(parameters=Parameters(sockets=("/srv/engine/engine.sock",))),
        ),
        good(
            "a name that only begins alike",
            "volumes: [{name: x, hostPath: {path: /runx/docker.sock}}]",
            also=("host-path-volume",),
        ),
        good(
            "a sibling",
            "volumes: [{name: x, hostPath: {path: /run/docker.socket}}]",
            also=("host-path-volume", "sensitive-host-path"),
        ),
        good(
            "narrowed to something else",
            """
            containers: [{name: app, volumeMounts: [{name: x, mountPath: /logs, subPath: log/pods}]}]
            volumes: [{name: x, hostPath: {path: /var}}]
            """,
            also=("host-path-volume", "sensitive-host-path", "writable-host-path"),
        ),
    ),
)
