"""A container starts in the kernel's own file system.

Threat: a working directory below /proc can be a descriptor that the runtime left open, and leads to the node's files
(CVE-2024-21626).
Check: `workingDir` does not lead to /proc or below, nor to /dev/fd, which runtimes make a link to it; spelled with doubled
slashes, dots or whatever.
Fix: start in a directory of the image. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.paths import clean, lies_in
from stridegate.model.places import Field
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

DIRECTORY = Field[str]("workingDir")

# The second is a link to /proc/self/fd in every Linux container (OCI runtime specification, "Dev symbolic links").
_TREES = (("proc",), ("dev", "fd"))


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every container that starts there; a relative path is taken from the root, as runtimes do."""
    for container in pod.containers:
        if container.shape.workingDir is not None:
            return _started(pod)
    return ()


def _started(pod: PodView) -> Iterator[Violation]:
    for container in pod.containers:
        directory = container.shape.workingDir
        if directory and any(lies_in(clean(directory), tree) for tree in _TREES):
            yield Violation(
                DIRECTORY.at(container), observed=observe(directory), wanted="not lead into /proc", value=directory
            )


RULE = PodRule(
    slug="proc-working-directory",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(),
    threats=frozenset({"container-escape"}),
    check=check,
    examples=(
        bad("a descriptor", "containers: [{name: app, workingDir: /proc/self/fd/8}]"),
        bad("a descriptor by its other name", "containers: [{name: app, workingDir: /dev/fd/8}]"),
        bad("with doubled slashes", "containers: [{name: app, workingDir: //proc/self}]"),
        bad("with dots", "containers: [{name: app, workingDir: /app/.././proc/}]"),
        bad("through a process back out", "containers: [{name: app, workingDir: /proc/self/root/app}]"),
        bad("relative", "containers: [{name: app, workingDir: proc/self/cwd}]"),
        good("a directory", "containers: [{name: app, workingDir: /app}]"),
        good("another place of devices", "containers: [{name: app, workingDir: /dev/shm}]"),
        good("a name that only begins alike", "containers: [{name: app, workingDir: /process}]"),
        good("absent", "containers: [{name: app, workingDir: null}]"),
    ),
)
