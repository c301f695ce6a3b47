"""What other scanners get wrong about kubelets, and what no single example can say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hosts import surveyed
from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.kubelet_rules import CONFIG, filed, flagged, kubelet_process
from stridegate.model.nodes.queries import ConfigMapEntry, KubeletPods, Syntax
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import State, Verdict

ACCESS = ("kubelet-anonymous-auth", "kubelet-always-allow-authorization", "kubelet-read-only-port")
IMPOSTOR = Process(
    pid=90,
    comm="kubelet",
    argv=("kubelet", "--anonymous-auth=true", "--authorization-mode=AlwaysAllow", "--read-only-port=10255"),
    pod_uid="0a0a0a0a-0000-4000-8000-000000000001",
    namespace_pids=(90, 1),
)


def verdicts(example: NodeExample, root: Path, *slugs: str) -> dict[str, Verdict]:
    found = surveyed(example, [NODE_RULES[slug] for slug in slugs], root)
    return {finding.rule.slug: finding.verdict for finding in found.findings}


def states(example: NodeExample, root: Path, *slugs: str) -> list[State]:
    return [verdict.state for verdict in verdicts(example, root, *slugs).values()]


def test_without_a_configuration_file_the_flags_defaults_are_open(tmp_path: Path) -> None:
    assert states(flagged("", State.FAIL), tmp_path, *ACCESS) == [State.FAIL] * 3


def test_with_an_empty_configuration_file_the_defaults_are_shut(tmp_path: Path) -> None:
    assert states(filed("", State.PASS, ""), tmp_path, *ACCESS) == [State.PASS] * 3


def test_values_that_only_look_set_do_not_pass(tmp_path: Path) -> None:
    host = filed("", State.FAIL, "seccompDefault: false\npodPidsLimit: -1\n")
    slugs = ("unconfined-kubelet-seccomp-default", "unlimited-pod-pids", "kubelet-disabled-client-certificate-rotation")

    assert states(host, tmp_path, *slugs) == [State.FAIL] * 3


def test_a_container_that_calls_itself_kubelet_changes_nothing(tmp_path: Path) -> None:
    shut = filed("", State.PASS, "")
    crowded = replace(shut, processes=(IMPOSTOR, *shut.processes))

    assert verdicts(crowded, tmp_path / "a", *ACCESS) == verdicts(shut, tmp_path / "b", *ACCESS)


def test_a_container_that_calls_itself_kubelet_is_none(tmp_path: Path) -> None:
    alone = NodeExample(title="", state=State.NOT_APPLICABLE, processes=(IMPOSTOR,))

    assert states(alone, tmp_path, *ACCESS) == [State.NOT_APPLICABLE] * 3


def test_the_api_servers_kubelet_flags_are_not_the_kubelets(tmp_path: Path) -> None:
    host = filed("", State.PASS, "")
    server = Process(
        pid=80,
        comm="kube-apiserver",
        argv=(
            "kube-apiserver",
            "--kubelet-certificate-authority=/ca.crt",
            "--anonymous-auth=true",
            "--read-only-port=1",
        ),
        pod_uid="0123456789abcdef0123456789abcdef",
        namespace_pids=(80, 1),
        static=True,
    )

    assert states(replace(host, processes=(server, *host.processes)), tmp_path, *ACCESS) == [State.PASS] * 3


def test_a_link_to_the_configuration_is_followed_inside_the_host(tmp_path: Path) -> None:
    host = NodeExample(
        title="",
        state=State.FAIL,
        files={
            "/var/lib/kubelet": HostFile(link="/data/kubelet"),
            "/data/kubelet/config.yaml": HostFile(text="readOnlyPort: 1\n"),
        },
        processes=(kubelet_process(f"--config={CONFIG}"),),
    )

    assert verdicts(host, tmp_path, "kubelet-read-only-port")["kubelet-read-only-port"].observed == "1"


def pod(namespace: str = "kube-system", **spec: object) -> dict[str, object]:
    return {"metadata": {"name": "kube-proxy-1", "namespace": namespace}, "spec": spec}


def container(*words: str, mount: str = "/etc/kube-proxy-config") -> dict[str, object]:
    return {"name": "kube-proxy", "command": list(words), "volumeMounts": [{"name": "config", "mountPath": mount}]}


def test_the_pod_says_which_config_map_kube_proxy_reads(tmp_path: Path) -> None:
    served = pod(
        containers=[container("kube-proxy", "--config=/etc/kube-proxy-config/config")],
        volumes=[{"name": "config", "configMap": {"name": "kube-proxy-config"}}],
    )
    entry = ConfigMapEntry("kube-proxy-config", "config", Syntax.YAML)
    host = NodeExample(
        title="", state=State.FAIL, answers={KubeletPods(): (served,), entry: {"metricsBindAddress": "0.0.0.0:10249"}}
    )

    found = verdicts(host, tmp_path, "exposed-kube-proxy-metrics")["exposed-kube-proxy-metrics"]

    assert found.state is State.FAIL
    assert found.evidence is not None
    assert found.evidence.path == "ConfigMap kube-system/kube-proxy-config config metricsBindAddress"


def test_kube_proxys_file_on_the_node_is_read_there(tmp_path: Path) -> None:
    served = pod(
        containers=[container("kube-proxy", "--config=/etc/kube-proxy-config/a.yaml")],
        volumes=[{"name": "config", "hostPath": {"path": "/srv/proxy"}}],
    )
    host = NodeExample(
        title="",
        state=State.FAIL,
        files={"/srv/proxy/a.yaml": HostFile(text="metricsBindAddress: 0.0.0.0:1\n")},
        answers={KubeletPods(): (served,)},
    )

    assert states(host, tmp_path, "exposed-kube-proxy-metrics") == [State.FAIL]


@pytest.mark.parametrize(
    "volumes",
    [[], [{"name": "config", "emptyDir": {}}], [{"name": "config", "configMap": {"name": "gone"}}]],
)
def test_a_file_of_kube_proxy_that_cannot_be_had_is_unknown(tmp_path: Path, volumes: list[object]) -> None:
    served = pod(containers=[container("kube-proxy", "--config=/etc/kube-proxy-config/a.yaml")], volumes=volumes)
    host = NodeExample(title="", state=State.UNKNOWN, answers={KubeletPods(): (served,)})

    assert states(host, tmp_path, "exposed-kube-proxy-metrics") == [State.UNKNOWN]


def test_a_pod_that_calls_itself_kube_proxy_is_not_judged_and_not_passed_over(tmp_path: Path) -> None:
    process = Process(
        pid=95,
        comm="kube-proxy",
        argv=("kube-proxy", "--metrics-bind-address=127.0.0.1:1"),
        pod_uid="0a0a0a0a-0000-4000-8000-000000000002",
        namespace_pids=(95, 1),
    )
    host = NodeExample(title="", state=State.UNKNOWN, processes=(kubelet_process(), process))

    assert states(host, tmp_path, "exposed-kube-proxy-metrics") == [State.UNKNOWN]
