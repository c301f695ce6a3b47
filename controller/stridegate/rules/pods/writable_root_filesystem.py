"""A container can write to its root filesystem.

Threat: an intruder replaces programs and libraries, plants tools and changes configuration, and it looks like the image.
Check: `readOnlyRootFilesystem` is `true` on every container; absent means `false`. Ephemeral containers are warned about
at most: what they write is their own. Windows has no such field.
Fix: set it to `true`. Risky alone: an application that writes outside its volumes stops working. Safe where the author
declares the paths that it writes to, on the pod or its template, in the annotation
`stridegate.dev/writable-paths: "app=/tmp,/var/cache/nginx; sidecar=/run"`: each gets an emptyDir, which hides what the
image has there. A policy may give `paths` for containers that declare none, and a `sizeLimit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from stridegate.model.container_views import ContainerView
from stridegate.model.edits import Append, Assign, Edit, FrozenJson, Patch
from stridegate.model.errors import BadDeclaration
from stridegate.model.places import Field
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, Parameters, PodRule, Quantity, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome, Profile, Safety, Severity, Stride
from stridegate.model.writable_paths import (
    WRITABLE_PATHS_ANNOTATION,
    fault,
    mounted_paths,
    read_declaration,
    volume_name,
)

READ_ONLY = Field[bool]("securityContext.readOnlyRootFilesystem")
MOUNTS = Field[object]("volumeMounts")
VOLUMES = Field[object]("volumes")


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every container that does not say true, and a declaration that cannot be meant."""
    if pod.windows:
        return
    writable = [container for container in pod.containers if READ_ONLY.of(container) is not True]
    if not writable:
        return
    declaration = pod.annotations.get(WRITABLE_PATHS_ANNOTATION)
    declared: Mapping[str, tuple[str, ...]] | None = None
    try:
        declared = _declared(pod, declaration) if declaration else {}
    except BadDeclaration as bad_one:
        yield Violation(
            pod.annotation(WRITABLE_PATHS_ANNOTATION),
            observed=bad_one.got,
            wanted=bad_one.wanted,
            outcome=Outcome.WARN,
        )
    for container in writable:
        yield Violation(
            READ_ONLY.at(container),
            observed=observe(READ_ONLY.of(container)),
            wanted="be true",
            patch=None
            if declared is None or container.ephemeral
            else _sealed(pod, container, declared, given.parameters),
            outcome=Outcome.WARN if container.ephemeral else Outcome.FAIL,
        )


def _declared(pod: PodView, declaration: str) -> Mapping[str, tuple[str, ...]]:
    return read_declaration(declaration, {each.name: each.shape for each in pod.containers if not each.ephemeral})


def _sealed(
    pod: PodView, container: ContainerView, declared: Mapping[str, tuple[str, ...]], parameters: Parameters
) -> Patch | None:
    """Return the patch that makes the root filesystem read-only and gives the container empty volumes to write to."""
    paths = declared.get(container.name)
    safety = Safety.RISKY if paths is None else Safety.SAFE
    if paths is None:
        paths = tuple(_free(container, parameters.paths))
    edits: list[Edit] = [Assign(READ_ONLY.at(container), True)]
    mounted = {mount.mountPath for mount in container.shape.volumeMounts or ()}
    for path in paths:
        name = volume_name(container.name, path)
        known = pod.volumes_by_name.get(name)
        if known is not None and known.sources != ("emptyDir",):
            return None  # Somebody took our name for something else.
        if known is None:
            edits.append(Append(VOLUMES.at(pod), (_empty_volume(name, parameters.size_limit),)))
        if path not in mounted:
            edits.append(Append(MOUNTS.at(container), ({"name": name, "mountPath": path},)))
    if READ_ONLY.of(container) is not None:
        return Patch.override(*edits)
    return Patch.fill(*edits, safety=safety)


def _free(container: ContainerView, paths: Iterable[str]) -> Iterator[str]:
    """Yield those paths that can be given to a container."""
    taken = list(mounted_paths(container.name, container.shape))
    for path in paths:
        if fault(path, taken) is None:
            taken.append(path)
            yield path


def _empty_volume(name: str, size_limit: Quantity | None) -> FrozenJson:
    source: Mapping[str, FrozenJson] = {} if size_limit is None else {"sizeLimit": size_limit.text}
    return {"name": name, "emptyDir": source}


_WRITABLE = "containers: [{name: app, securityContext: {readOnlyRootFilesystem: null}}]"
_DECLARED = {WRITABLE_PATHS_ANNOTATION: "app=/tmp,/var/cache/nginx"}

RULE = PodRule(
    slug="writable-root-filesystem",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING}),
    references=(CisDocker("5.13", before_1_6="5.12"), CisKubernetes("5.6.3", before_1_12="5.7.3")),
    threats=frozenset(
        {"writable-golden-image", "undeclared-write-paths", "missing-read-only-flag", "dockerfile-misconfiguration"}
    ),
    check=check,
    takes=frozenset({"paths", "size_limit"}),
    examples=(
        bad("absent", _WRITABLE),
        bad("explicit false", "containers: [{name: app, securityContext: {readOnlyRootFilesystem: false}}]"),
        bad("with declared paths", _WRITABLE, annotations=_DECLARED),
        bad(
            "with declared paths and a size limit",
            _WRITABLE,
            annotations=_DECLARED,
            given=Given(parameters=Parameters(size_limit=Quantity("64Mi", Fraction(64 * 2**20)))),
        ),
        bad("with the policy's paths", _WRITABLE, given=Given(parameters=Parameters(paths=("/srv/scratch",)))),
        bad(
            "the policy's path is mounted already",
            """
            containers:
            - name: app
              securityContext: {readOnlyRootFilesystem: null}
              volumeMounts: [{name: x, mountPath: /srv/scratch}]
            volumes: [{name: x, emptyDir: {}}]
            """,
            given=Given(parameters=Parameters(paths=("/srv/scratch", "/run"))),
        ),
        bad("for an unknown container", _WRITABLE, annotations={WRITABLE_PATHS_ANNOTATION: "other=/tmp"}),
        bad("a relative path", _WRITABLE, annotations={WRITABLE_PATHS_ANNOTATION: "app=tmp"}),
        bad("the root", _WRITABLE, annotations={WRITABLE_PATHS_ANNOTATION: "app=/"}),
        bad("where programs lie", _WRITABLE, annotations={WRITABLE_PATHS_ANNOTATION: "app=/usr/local/bin"}),
        good("explicit true", "containers: [{name: app, securityContext: {readOnlyRootFilesystem: true}}]"),
        good("declared paths alone", "{}", annotations=_DECLARED),
        good(
            "windows",
            """
            os: {name: windows}
            securityContext: {seccompProfile: null}
            containers: [{name: app, securityContext: null}]
            """,
        ),
    ),
)
