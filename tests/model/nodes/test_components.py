"""A component is what the kubelet serves as a static pod, else what its manifest starts, else a process that is no other pod's."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stridegate.model.nodes.answers import Absent, Process, Unreadable
from stridegate.model.nodes.components import component
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.programs import host_processes, started
from stridegate.model.nodes.queries import Document, HostProcesses, KubeletPods, Query, Syntax
from stridegate.model.nodes.verdicts import Source

NAME = "kube-apiserver"
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"


class Bare(dict[Query[object], object]):
    """A host on which there is nothing else."""

    def __contains__(self, query: object) -> bool:
        return True

    def __missing__(self, query: Query[object]) -> object:
        return Absent(str(query))


def pod(*command: str, source: str = "file", **spec: object) -> Mapping[str, object]:
    return {
        "metadata": {"annotations": {"kubernetes.io/config.source": source}},
        "spec": {"containers": [{"name": NAME, "command": list(command), **spec}]},
    }


def node(*, pods: object = None, manifest: object = None, processes: tuple[Process, ...] = ()) -> Node:
    answers = Bare()
    answers[Document(MANIFEST, Syntax.YAML)] = manifest or Absent(MANIFEST)
    answers[KubeletPods()] = pods or Unreadable("/pods", "no credentials")
    answers[HostProcesses()] = processes
    return Node(answers)


def process(
    *argv: str, pid: int = 1, pod_uid: str = "", static: bool = False, namespaces: tuple[int, ...] = (1,)
) -> Process:
    return Process(pid=pid, comm=argv[0][:15], argv=argv, pod_uid=pod_uid, static=static, namespace_pids=namespaces)


def test_the_pod_that_the_kubelet_serves_comes_first() -> None:
    found = component(node(pods=(pod(NAME, "--a=1"),), manifest=pod(NAME, "--a=2")), NAME)

    assert found.flags.text("a") == "1"
    assert found.evidence.source is Source.KUBELET


def test_a_pod_from_the_api_is_no_component() -> None:
    found = component(node(pods=(pod(NAME, "--a=1", source="api"),), manifest=pod(NAME, "--a=2")), NAME)

    assert found.flags.text("a") == "2"
    assert found.evidence.path == MANIFEST


def test_another_pods_process_is_not_parsed() -> None:
    impostor = process(NAME, "--a=1", pod_uid="x", namespaces=(9, 1))

    with pytest.raises(NotThere):
        component(node(processes=(impostor,)), NAME)


def test_a_process_that_only_mentions_the_name_is_not_parsed() -> None:
    with pytest.raises(NotThere):
        component(node(processes=(process("vi", NAME, "--a=1"),)), NAME)


def test_a_static_pods_process_is_the_component() -> None:
    found = component(
        node(processes=(process(f"/usr/bin/{NAME}", "--a=1", pod_uid="x", static=True, namespaces=(9, 1)),)), NAME
    )

    assert found.flags.text("a") == "1"


def test_a_manifest_that_cannot_be_read_is_not_an_absent_component() -> None:
    with pytest.raises(NotReadable):
        component(node(manifest=Unreadable(MANIFEST, "EACCES")), NAME)


def test_the_hosts_processes_are_not_those_of_containers() -> None:
    inside = process("kubelet", pid=2, namespaces=(2, 1))
    outside = process("/usr/bin/kubelet", pid=3)

    assert host_processes(node(processes=(inside, outside)), "kubelet") == (outside,)


@pytest.mark.parametrize(
    "command",
    [
        [NAME, "--a=1"],
        ["/bin/sh", "-c", f"exec /usr/local/bin/{NAME} --a=1 1>>/var/log/x 2>&1"],
        ["sh", "-c", f"# {NAME} --a=0\nexec {NAME} --a=1\n# {NAME} --a=2\necho --a=3"],
        ["sh", "-ec", f"set -x; {NAME} \\\n  --a=1; echo --a=2"],
        [
            "bash",
            "-o",
            "pipefail",
            "-c",
            f"mkdir -p /var/log/{NAME} && A=1 exec nice -n 5 {NAME} --a=1 | tee /log/{NAME}",
        ],
        ["/go-runner", "--log-file=/x", f"/usr/local/bin/{NAME}", "--a=1"],
        ["hyperkube", NAME, "--a=1"],
        ["hyperkube", "apiserver", "--a=1"],
    ],
)
def test_shells_and_wrappers_are_seen_through(command: list[str]) -> None:
    assert started(command, NAME) == ("--a=1",)


def test_a_value_that_has_the_programs_name_hides_no_flag() -> None:
    script = f"exec {NAME} --a=1 --log-dir /var/log/{NAME} --b=2; chown root /var/log/{NAME} --c=3"

    assert started(["sh", "-c", script], NAME) == ("--a=1", "--log-dir", f"/var/log/{NAME}", "--b=2")


def test_a_shells_variables_are_those_of_its_container() -> None:
    found = started(["sh", "-c", f"{NAME} --a=$A --b=${{B}}/x --c=$C"], NAME, environment={"A": "1", "B": "/b"})

    assert found == ("--a=1", "--b=/b/x", "--c=$C")


def test_a_path_with_an_unknown_variable_is_unknown() -> None:
    with pytest.raises(NotReadable):
        component(node(manifest=pod(NAME)), NAME).on_host("/certs/${NODE}.crt")


def test_a_command_that_starts_something_else_is_not_taken_for_it() -> None:
    assert started(["grep", NAME, "--a=1"], NAME) is None
    assert started(["sh", "-c", "echo 'never ends"], NAME) is None


def test_a_path_in_a_container_is_found_on_the_node() -> None:
    manifest = {
        "spec": {
            "containers": [
                {
                    "name": NAME,
                    "command": [NAME],
                    "volumeMounts": [{"name": "k", "mountPath": "/keys/", "subPath": "enc"}],
                }
            ],
            "volumes": [{"name": "k", "hostPath": {"path": "/etc/kubernetes"}}],
        }
    }

    found = component(node(manifest=manifest), NAME)

    assert found.on_host("/keys/config.yaml") == "/etc/kubernetes/enc/config.yaml"
    with pytest.raises(NotReadable):
        found.on_host("/keys-of-others/config.yaml")


def test_variables_of_the_container_are_replaced() -> None:
    manifest = pod(NAME, "--a=$(A)", "--b=$$(A)", "--c=$(C)", env=[{"name": "A", "value": "1"}])

    flags = component(node(manifest=manifest), NAME).flags

    assert [flags.text(name) for name in "abc"] == ["1", "$(A)", "$(C)"]


def test_a_volume_that_is_not_of_the_node_hides_what_is_below_it() -> None:
    mounts = [{"name": "etc", "mountPath": "/etc"}, {"name": "own", "mountPath": "/etc/own"}]
    manifest = {
        "spec": {
            "containers": [{"name": NAME, "command": [NAME], "volumeMounts": mounts}],
            "volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}, {"name": "own", "emptyDir": {}}],
        }
    }

    found = component(node(manifest=manifest), NAME)

    assert found.on_host("/etc/owner") == "/etc/owner"
    with pytest.raises(NotReadable):
        found.on_host("/etc/own/config.yaml")


def test_a_static_pod_of_a_node_inside_a_container_is_not_this_nodes() -> None:
    nested = process(NAME, "--a=1", pod_uid="x", static=True, namespaces=(9, 5, 1))

    with pytest.raises(NotThere):
        component(node(processes=(nested,)), NAME)


def test_a_command_line_that_nobody_writes_is_not_read() -> None:
    with pytest.raises(NotReadable, match="has more than 5000 words"):
        component(node(processes=(process(NAME, *["--a=1"] * 6_000),)), NAME)


def test_a_script_that_nobody_writes_is_not_read() -> None:
    with pytest.raises(NotReadable, match="is longer than 65536 characters"):
        started(["sh", "-c", f"exec {NAME} --a=1 ; " * 10_000], NAME)


def test_what_was_concluded_once_is_concluded_again() -> None:
    found = node(manifest=pod(NAME, "--a=1"))

    assert component(found, NAME) is component(found, NAME)
    for _ in range(2):
        with pytest.raises(NotThere):
            component(found, "etcd")
