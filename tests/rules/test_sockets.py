"""Runtime sockets: paths by what they lead to, narrowed by mounts."""

from __future__ import annotations

import pytest

from specimens import judged, laid_over
from stridegate.engine.examples import JsonMap
from stridegate.model.rules import Given, Parameters

SLUG = "container-runtime-socket"


def reached(pod: JsonMap, given: Given | None = None) -> list[str]:
    """Return the paths by which a pod reaches sockets."""
    return [finding.key[3] for finding in judged(pod, given) if finding.rule.slug == SLUG]


def mounting(path: str, mounts: str = "") -> JsonMap:
    return laid_over(
        f"""
        containers: [{{name: app, volumeMounts: [{mounts}]}}]
        volumes: [{{name: x, hostPath: {{path: {path}}}}}]
        """
    )


@pytest.mark.parametrize(
    "path",
    [
        "/var/run/docker.sock",
        "/run//docker.sock/",
        "/var/run/../run/docker.sock",
        "/./run/docker.sock",
        "/run",
        "/var/run",
        "/var",
        "/",
        "//",
        "/proc/1/root/run/docker.sock",
        "/proc/self/root",
        "/proc/thread-self/root/var/run",
        "/proc/1/task/2/root/run",
        "/proc/1/root/proc/2/root/run",
        "/proc/1",
        "/proc/1/cwd",
        "/proc/self/cwd/run",
        "/proc/1/task/2/cwd",
        "/proc/1/fd/7",
        "/proc/thread-self/map_files/400000-401000",
        "/proc/1/rooted",
        "/run/containerd",
        "/run/containerd/containerd.sock.ttrpc",
        "/run/k3s",
        "/run/k0s/containerd.sock",
        "/var/snap/microk8s",
        "/run/crio/crio.sock",
        "/run/user",
        "/run/user/1000",
        "/run/user/1000/docker.sock",
        "/var/lib/kubelet",
        "/var/lib/kubelet/device-plugins/kubelet.sock",
        "/run/nri/nri.sock",
    ],
)
def test_a_path_that_leads_to_a_socket_is_found(path: str) -> None:
    assert reached(mounting(path))


@pytest.mark.parametrize(
    "path",
    ["/runx/docker.sock", "/run/docker.socket", "/var/log", "/srv", "/run/lock", "/proc/sys/net", "/run/user/1/x"],
)
def test_a_path_that_leads_elsewhere_is_not(path: str) -> None:
    assert not reached(mounting(path))


@pytest.mark.parametrize("path", ["run/docker.sock", "docker.sock", "''", "C:/run"])
def test_a_path_that_is_not_absolute_is_found(path: str) -> None:
    assert len(reached(mounting(path))) == 1


def test_a_mount_that_is_narrowed_to_something_else_is_not_found() -> None:
    assert not reached(mounting("/var", "{name: x, mountPath: /m, subPath: log/pods}"))


def test_a_mount_that_is_narrowed_to_a_socket_is_found_behind_the_alias() -> None:
    assert reached(mounting("/var", "{name: x, mountPath: /m, subPath: run/docker.sock}")) == ["/run/docker.sock"]


def test_what_is_narrowed_at_run_time_counts_whole() -> None:
    assert reached(mounting("/var", "{name: x, mountPath: /m, subPathExpr: $(NAME)}")) == ["/var"]


def test_read_only_does_not_help() -> None:
    assert reached(mounting("/run", "{name: x, mountPath: /m, readOnly: true}"))


def test_a_debugger_that_mounts_whole_what_others_narrowed_is_found() -> None:
    narrowed = "{name: x, mountPath: /m, subPath: log}"
    pod = laid_over(
        f"""
        containers: [{{name: app, volumeMounts: [{narrowed}]}}]
        ephemeralContainers: [{{name: debugger, image: x, volumeMounts: [{{name: x, mountPath: /all}}]}}]
        volumes: [{{name: x, hostPath: {{path: /var}}}}]
        """
    )

    assert reached(pod) == ["/var"]


def test_each_way_to_a_socket_is_a_finding_of_its_own() -> None:
    mounts = "{name: x, mountPath: /a, subPath: docker.sock}, {name: x, mountPath: /b, subPath: crio/crio.sock}"

    assert reached(mounting("/run", mounts)) == ["/run/docker.sock", "/run/crio/crio.sock"]


def test_the_type_socket_reaches_one_wherever_it_is() -> None:
    assert reached(laid_over("volumes: [{name: x, hostPath: {path: /srv/own.sock, type: Socket}}]"))


def test_a_policy_adds_sockets_and_takes_none_away() -> None:
    given = Given(parameters=Parameters(sockets=("/srv//engine/engine.sock", "relative")))

    assert reached(mounting("/srv/engine"), given)
    assert reached(mounting("/run"), given)
    assert not reached(mounting("/srv/other"), given)


def test_a_host_path_of_another_shape_is_an_error_and_never_a_pass() -> None:
    pod = laid_over("volumes: [{name: x, hostPath: /run/docker.sock}]")

    errors = {finding.rule.slug: finding.error for finding in judged(pod) if finding.error}

    reading = [SLUG, "host-device", "host-path-volume", "sensitive-host-path", "writable-host-path"]
    assert errors == dict.fromkeys(reading, "volumes[x]: hostPath: wanted a map, got a string")


def test_a_path_longer_than_any_node_has_is_refused_and_not_joined_to_every_mount() -> None:
    mounts = ", ".join(f"{{name: x, mountPath: /m{index}, subPath: s{index}}}" for index in range(50))

    found = reached(mounting("/" + "a" * 5000, mounts))

    assert found == [""]
