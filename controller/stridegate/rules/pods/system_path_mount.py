"""Something is mounted over a part of the container that its confinement rests on.

Threat: over /proc and /sys it hides the runtime's masks and the kernel's answers, over the users' database or the loader's
configuration it makes other programs run as somebody else, and above the pod's token it plants another.
Check: no `mountPath` leads to /proc, /sys or below; to /dev or below, except /dev/shm; to the root, /etc, /etc/passwd,
/etc/shadow or /etc/ld.so.preload; nor to /var/run/secrets/kubernetes.io, by whichever name, or what contains it. The same
holds for `terminationMessagePath` outside /dev: the kubelet mounts a file there that everybody may write, whether or not the
root filesystem is read-only.
Fix: mount it elsewhere. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from stridegate.model.paths import Components, clean, lies_in, written
from stridegate.model.places import Field
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

PATH = Field[str]("mountPath")
MESSAGE = Field[str]("terminationMessagePath")

_DEVICES = ("dev",)
_TREES: tuple[Components, ...] = (("proc",), ("sys",), _DEVICES)
_SHARED_MEMORY = (*_DEVICES, "shm")
_TOKENS = ("var", "run", "secrets", "kubernetes.io")
# Whatever covers just one of these, or the folder that holds them; /var/run is a link to /run in most images.
_PLACES = frozenset(
    {
        *(("etc",), ("etc", "passwd"), ("etc", "shadow"), ("etc", "ld.so.preload")),
        ("run", "secrets", "kubernetes.io"),
    }
)
# Nothing longer is a path that Linux takes (`limits.h`), nor kept.
_LONGEST = 4096


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every mount over one of them; a relative path is taken from the root, as the kubelet does."""
    for _container, _position, mount in pod.mounts:
        path = mount.mountPath or ""
        if len(path) > _LONGEST or _hidden(path) is not None:
            return _hiding(pod)
    for container in pod.containers:
        message = container.shape.terminationMessagePath
        # What the API server fills in, and nearly everybody leaves.
        if message and message != "/dev/termination-log":
            return _hiding(pod)
    return ()


def _hiding(pod: PodView) -> Iterator[Violation]:
    for mount in pod.mounts:
        path = mount.shape.mountPath or ""
        hidden = _bounded(path)
        if hidden is not None:
            yield Violation(PATH.at(mount.spot), observed=observe(path), wanted=f"not cover {hidden}")
    for container in pod.containers:
        path = container.shape.terminationMessagePath or ""
        hidden = _bounded(path) if path else None
        if hidden is not None and not lies_in(clean(path), _DEVICES):
            yield Violation(MESSAGE.at(container), observed=observe(path), wanted=f"not cover {hidden}")


def _bounded(path: str) -> str | None:
    return _hidden(path) if len(path) <= _LONGEST else "what nobody can name"


# The same few paths come with every pod.
@lru_cache(maxsize=1024)
def _hidden(path: str) -> str | None:
    components = clean(path)
    if lies_in(components, _SHARED_MEMORY):
        return None
    if lies_in(_TOKENS, components) or components in _PLACES:
        return written(components)
    return next((written(tree) for tree in _TREES if lies_in(components, tree)), None)


_MOUNT = """
    containers: [{{name: app, volumeMounts: [{{name: x, mountPath: {}}}]}}]
    volumes: [{{name: x, emptyDir: {{}}}}]
    """

RULE = PodRule(
    slug="system-path-mount",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING, Stride.ELEVATION}),
    references=(),
    check=check,
    examples=(
        bad("the kernel's file system", _MOUNT.format("/proc/")),
        bad("below it", _MOUNT.format("/proc/sys/kernel")),
        bad("with dots", _MOUNT.format("/app/../sys")),
        bad("devices", _MOUNT.format("/dev/net/tun")),
        bad("the root", _MOUNT.format("/.")),
        bad("users", _MOUNT.format("/etc//passwd")),
        bad("what holds them", _MOUNT.format("/etc")),
        bad("the loader's configuration", _MOUNT.format("/etc/ld.so.preload")),
        bad("where the token is", _MOUNT.format("/var/run/secrets/kubernetes.io")),
        bad("where it is by another name", _MOUNT.format("/run/secrets/kubernetes.io/")),
        bad("above it", _MOUNT.format("/var/run")),
        bad("for a last message", "containers: [{name: app, terminationMessagePath: /etc/ld.so.preload}]"),
        bad("for a last message, from the root", "containers: [{name: app, terminationMessagePath: etc/passwd}]"),
        good(
            "a last message where it is by default",
            "containers: [{name: app, terminationMessagePath: /dev/termination-log}]",
        ),
        good("a last message among devices", "containers: [{name: app, terminationMessagePath: /dev/last}]"),
        good("a last message elsewhere", "containers: [{name: app, terminationMessagePath: /tmp/last}]"),
        good("shared memory", _MOUNT.format("/dev/shm")),  # noqa: S108 - a path in a container
        good("configuration", _MOUNT.format("/etc/app")),
        good("secrets of somebody else", _MOUNT.format("/var/run/secrets/example.com")),
        good("what runs", _MOUNT.format("/run")),
        good(
            "the token itself",
            """
            serviceAccountName: web
            containers:
            - name: app
              volumeMounts: [{name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}]
            volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]
            """,
        ),
    ),
)
