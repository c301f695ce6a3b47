"""The root filesystem: declared paths make the patch safe, and a declaration that cannot be meant makes none."""

from __future__ import annotations

import pytest

from pod_steps import containers
from specimens import HERE, judged, laid_over, patched, policy, regime, slugs, view
from stridegate.engine.examples import JsonMap
from stridegate.engine.mend import mend
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.vocabulary import Outcome, Patching
from stridegate.model.writable_paths import WRITABLE_PATHS_ANNOTATION, volume_name

SLUG = "writable-root-filesystem"
WRITABLE = "containers: [{name: app, securityContext: {readOnlyRootFilesystem: null}}]"


def declaring(declaration: str, spec: str = WRITABLE) -> JsonMap:
    return laid_over(spec, {WRITABLE_PATHS_ANNOTATION: declaration})


def mended(pod: JsonMap, patching: Patching = Patching.SAFE, parameters: Parameters | None = None) -> JsonMap:
    asked = regime(policy(given=Given(parameters=parameters or Parameters()), patching=patching))
    return patched(pod, mend(asked, view(pod), HERE).operations)


def mounts(pod: JsonMap) -> list[str]:
    return [str(mount.mountPath) for mount in view(pod).containers[0].shape.volumeMounts or ()]


def sealed(pod: JsonMap) -> bool:
    return SLUG not in slugs(judged(pod))


def test_declared_paths_make_the_patch_safe() -> None:
    after = mended(declaring("app=/run, /var/cache/nginx"))

    assert sealed(after)
    assert mounts(after) == ["/run", "/var/cache/nginx"]
    assert [volume.sources for volume in view(after).volumes] == [("emptyDir",), ("emptyDir",)]


def test_without_a_declaration_the_patch_is_risky_and_guesses_no_path() -> None:
    pod = laid_over(WRITABLE)

    assert mended(pod, Patching.SAFE) == pod
    after = mended(pod, Patching.ALL)
    assert sealed(after)
    assert not mounts(after)


def test_paths_of_the_policy_are_risky() -> None:
    parameters = Parameters(paths=("/run", "/srv/x", "/srv", "/proc", "relative"))

    assert mended(laid_over(WRITABLE), Patching.SAFE, parameters) == laid_over(WRITABLE)
    assert mounts(mended(laid_over(WRITABLE), Patching.ALL, parameters)) == ["/run", "/srv/x"]


def test_paths_of_the_policy_give_way_to_what_the_author_declares() -> None:
    after = mended(declaring("app=/srv/y"), Patching.ALL, Parameters(paths=("/run",)))

    assert mounts(after) == ["/srv/y"]


def test_paths_of_the_policy_give_way_to_what_is_mounted() -> None:
    pod = laid_over(
        """
        containers:
        - {name: app, securityContext: {readOnlyRootFilesystem: null}, volumeMounts: [{name: x, mountPath: /run/x}]}
        volumes: [{name: x, emptyDir: {}}]
        """
    )

    assert mounts(mended(pod, Patching.ALL, Parameters(paths=("/run", "/srv")))) == ["/run/x", "/srv"]


def test_the_size_limit_is_the_policys() -> None:
    parameters = Parameters(size_limit=Quantity("64Mi", parse_quantity("64Mi")))

    after = mended(declaring("app=/run"), parameters=parameters)

    assert view(after).volumes[0].shape["emptyDir"] == {"sizeLimit": "64Mi"}


def test_each_container_gets_what_is_declared_for_it() -> None:
    pod = declaring(
        "app=/run; other=/srv;",
        """
        containers:
        - {name: app, securityContext: {readOnlyRootFilesystem: null}}
        - {name: other, image: x, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
        """,
    )

    after = view(mended(pod))

    assert [[mount.mountPath for mount in each.shape.volumeMounts or ()] for each in after.containers] == [
        ["/run"],
        ["/srv"],
    ]


@pytest.mark.parametrize(
    "declaration",
    [
        "other=/run",
        "app",
        "/run",
        "app=",
        "app=run",
        "app=/",
        "app=//run",
        "app=/run/",
        "app=/run/../srv",
        "app=/run/./x",
        "app=/run,/run",
        "app=/run,/run/x",
        "app=/run;app=/srv",
        "app=/proc",
        "app=/sys/fs",
        "app=/dev/shm",
        "app=/etc/nginx",
        "app=/usr",
        "app=/lib64/x",
        "app=/run:/srv",
        "app=/r\u202eun",
        "app=" + "/x" * 200,
        "app=" + ",".join(f"/srv/{index}" for index in range(33)),
        "app=/data",
        "app=/data/below",
        "app=/mnt",
        "app=/devices/block",
        "debugger=/run",
    ],
)
def test_a_declaration_that_cannot_be_meant_is_a_warning_and_no_patch(declaration: str) -> None:
    pod = declaring(
        declaration,
        """
        containers:
        - name: app
          securityContext: {readOnlyRootFilesystem: null}
          volumeMounts: [{name: x, mountPath: /data}, {name: x, mountPath: /mnt/x}]
          volumeDevices: [{name: y, devicePath: /devices/block}]
        ephemeralContainers: [{name: debugger, image: x}]
        volumes: [{name: x, emptyDir: {}}]
        """,
    )

    found = [finding for finding in judged(pod) if finding.rule.slug == SLUG]

    assert [finding.outcome for finding in found] == [Outcome.WARN, Outcome.FAIL, Outcome.WARN]
    assert not sealed(mended(pod, Patching.ALL))
    assert mounts(mended(pod, Patching.ALL)) == ["/data", "/mnt/x"]


@pytest.mark.parametrize("mounted", ["//run", "/run/./x", "/srv/../run", "run", "/run/x/"])
def test_what_is_mounted_by_another_spelling_is_not_hidden(mounted: str) -> None:
    # The API server tells mounts apart by their text, and the kernel by what it leads to.
    pod = laid_over(
        f"""
        containers:
        - {{name: app, securityContext: {{readOnlyRootFilesystem: null}}, volumeMounts: [{{name: x, mountPath: {mounted}}}]}}
        volumes: [{{name: x, emptyDir: {{}}}}]
        """
    )

    after = mended(pod, Patching.ALL, Parameters(paths=("/run",)))

    assert mounts(after) == [mounted]


def test_a_declaration_of_a_sealed_pod_says_nothing() -> None:
    assert not judged(declaring("nonsense", "{}"))


def test_an_ephemeral_container_is_warned_about_and_not_patched() -> None:
    pod = laid_over("ephemeralContainers: [{name: debugger, image: x}]")

    (found,) = [finding for finding in judged(pod) if finding.rule.slug == SLUG]

    assert found.outcome is Outcome.WARN
    assert found.violation is not None
    assert found.violation.patch is None


def test_an_explicit_false_is_changed_by_override_only() -> None:
    pod = declaring("app=/run", "containers: [{name: app, securityContext: {readOnlyRootFilesystem: false}}]")
    overriding = regime(policy(patching=Patching.ALL, override=True))

    assert mended(pod, Patching.ALL) == pod
    assert sealed(patched(pod, mend(overriding, view(pod), HERE).operations))


def test_a_second_pass_finds_its_own_volumes_where_only_the_field_was_undone() -> None:
    once = mended(declaring("app=/run"))
    del containers(once)[0]["securityContext"]

    twice = mended(once)

    assert mounts(twice) == ["/run"]
    assert len(view(twice).volumes) == 1
    assert sealed(twice)


def test_a_second_pass_mounts_again_what_only_lost_its_mount() -> None:
    once = mended(declaring("app=/run"))
    del containers(once)[0]["volumeMounts"]
    del containers(once)[0]["securityContext"]

    assert mounts(mended(once)) == ["/run"]


def test_a_volume_of_our_name_that_is_something_else_stops_the_patch() -> None:
    name = volume_name("app", "/run")
    pod = declaring("app=/run", WRITABLE + f"\nvolumes: [{{name: {name}, secret: {{secretName: x}}}}]")

    assert mended(pod, Patching.ALL) == pod
