"""A kubelet's settings are what it runs with: however it was started, whichever file or flag has the last word."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest

from hosts import answers_of, lay_out
from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.fields import Field, Origin, Setting
from stridegate.model.nodes.kubelet import setting
from stridegate.model.nodes.kubelet_fields import (
    ANONYMOUS,
    EVICTION_HARD,
    READ_ONLY_PORT,
    SECCOMP_DEFAULT,
    STREAMING_TIMEOUT,
)
from stridegate.model.nodes.kubelet_rules import CONFIG, filed, flagged, kubelet_process, served
from stridegate.model.nodes.nodes import Node, NotAnswered, NotReadable, NotThere
from stridegate.model.nodes.queries import Query
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import Source, State

T = TypeVar("T")

K3S_DROP_INS = "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d"
DROP_INS = "/etc/kubernetes/kubelet.d"


def read(example: NodeExample, field: Field[T], root: Path) -> Setting[T]:
    lay_out(example, root)
    answering = answers_of(example, root)
    answers: dict[Query[object], object] = {}
    while True:
        try:
            return setting(Node(answers), field)
        except NotAnswered as asked:
            answers.update(answering(asked.queries))


def host(*processes: Process, **files: str) -> NodeExample:
    return NodeExample(
        title="",
        state=State.PASS,
        files={path: HostFile(text=text) for path, text in files.items()},
        processes=processes,
    )


def with_files(files: dict[str, str], *processes: Process) -> NodeExample:
    return host(*processes, **files)


def test_a_value_names_the_file_that_set_it(tmp_path: Path) -> None:
    found = read(filed("", State.PASS, "readOnlyPort: 10255\n"), READ_ONLY_PORT, tmp_path)

    assert (found.value, found.origin) == (10255, Origin.FILE)
    assert (found.evidence.source, found.evidence.path) == (Source.FILE, f"{CONFIG} readOnlyPort")


def test_a_value_names_the_flag_that_set_it(tmp_path: Path) -> None:
    found = read(flagged("", State.PASS, "--read_only_port", "7"), READ_ONLY_PORT, tmp_path)

    assert (found.value, found.origin) == (7, Origin.FLAG)
    assert (found.evidence.source, found.evidence.path) == (Source.PROC, "process kubelet --read-only-port")


def test_a_default_says_that_it_is_one(tmp_path: Path) -> None:
    found = read(flagged("", State.PASS), READ_ONLY_PORT, tmp_path)

    assert found.words == "unset, so 10255"


def test_the_live_configuration_comes_before_flags_and_files(tmp_path: Path) -> None:
    found = read(served("", State.PASS, {"readOnlyPort": 1}), READ_ONLY_PORT, tmp_path)

    assert (found.value, found.origin) == (1, Origin.LIVE)


def test_the_live_configuration_may_come_wrapped(tmp_path: Path) -> None:
    found = read(served("", State.PASS, {"kubeletconfig": {"readOnlyPort": 1}}), READ_ONLY_PORT, tmp_path)

    assert found.value == 1


def test_what_the_live_configuration_never_leaves_out_is_looked_for_elsewhere(tmp_path: Path) -> None:
    found = read(served("", State.PASS, {}), SECCOMP_DEFAULT, tmp_path)

    assert (found.value, found.origin) == (False, Origin.DEFAULT)


@pytest.mark.parametrize("patch", ["authentication: null\n", "authentication: {anonymous: null}\n"])
def test_null_in_a_drop_in_takes_back_what_the_file_says(tmp_path: Path, patch: str) -> None:
    example = with_files(
        {CONFIG: "authentication: {anonymous: {enabled: true}}\n", f"{DROP_INS}/1.conf": patch},
        kubelet_process(f"--config={CONFIG}", "--config-dir", DROP_INS),
    )

    assert read(example, ANONYMOUS, tmp_path).words == "unset, so false"


def test_drop_ins_without_a_file_change_the_defaults_of_flags(tmp_path: Path) -> None:
    example = with_files({f"{DROP_INS}/1.conf": "readOnlyPort: 0\n"}, kubelet_process("--config-dir", DROP_INS))

    assert read(example, READ_ONLY_PORT, tmp_path / "a").value == 0
    assert read(example, ANONYMOUS, tmp_path / "b").words == "unset, so true"


def test_a_directory_of_drop_ins_comes_before_a_file_with_its_name(tmp_path: Path) -> None:
    example = with_files(
        {f"{DROP_INS}/a.conf": "readOnlyPort: 1\n", f"{DROP_INS}/a/z.conf": "readOnlyPort: 2\n"},
        kubelet_process("--config-dir", DROP_INS),
    )

    assert read(example, READ_ONLY_PORT, tmp_path).value == 1


def test_maps_of_several_files_are_merged(tmp_path: Path) -> None:
    example = with_files(
        {
            CONFIG: "evictionHard: {memory.available: 1Gi}\n",
            f"{DROP_INS}/1.conf": "evictionHard: {nodefs.available: 5%}\n",
        },
        kubelet_process(f"--config={CONFIG}", "--config-dir", DROP_INS),
    )

    assert read(example, EVICTION_HARD, tmp_path).value == {"memory.available": "1Gi", "nodefs.available": "5%"}


def test_a_map_comes_as_a_flag_too(tmp_path: Path) -> None:
    found = read(
        flagged("", State.PASS, "--eviction-hard=memory.available<5%,nodefs.available<1Gi"), EVICTION_HARD, tmp_path
    )

    assert found.value == {"memory.available": "5%", "nodefs.available": "1Gi"}


def test_a_timeout_of_nothing_is_none_in_a_file_and_endless_as_a_flag(tmp_path: Path) -> None:
    in_file = read(filed("", State.PASS, "streamingConnectionIdleTimeout: 0s\n"), STREAMING_TIMEOUT, tmp_path / "a")
    as_flag = read(
        filed("", State.PASS, "", "--streaming-connection-idle-timeout=0"), STREAMING_TIMEOUT, tmp_path / "b"
    )

    assert in_file.value == 4 * 3600
    assert as_flag.value == 0


@pytest.mark.parametrize(
    "text", ["- a list\n", "authentication: 5\n", "authentication: {anonymous: {enabled: 1}}\n", "{"]
)
def test_a_file_that_means_nothing_is_no_default(tmp_path: Path, text: str) -> None:
    with pytest.raises(NotReadable):
        read(filed("", State.PASS, text), ANONYMOUS, tmp_path)


def test_a_stopped_kubelet_is_known_by_its_unit(tmp_path: Path) -> None:
    unit = "/usr/lib/systemd/system/kubelet.service"
    example = with_files(
        {
            unit: "[Service]\nExecStart=/usr/bin/kubelet\n",
            f"{unit}.d/10-kubeadm.conf": (
                '[Service]\nEnvironment="CONFIG=--config=/var/lib/kubelet/config.yaml"\n'
                "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\n"
                "ExecStart=\nExecStart=/usr/bin/kubelet $CONFIG $KUBELET_KUBEADM_ARGS\n"
            ),
            "/var/lib/kubelet/kubeadm-flags.env": 'KUBELET_KUBEADM_ARGS="--a=b --read-only-port=9"\n',
            CONFIG: "authentication: {anonymous: {enabled: true}}\n",
        }
    )

    assert read(example, READ_ONLY_PORT, tmp_path / "a").value == 9
    assert read(example, ANONYMOUS, tmp_path / "b").evidence.path == f"{CONFIG} authentication.anonymous.enabled"


def test_a_configuration_file_alone_is_judged(tmp_path: Path) -> None:
    assert read(with_files({CONFIG: "readOnlyPort: 5\n"}), READ_ONLY_PORT, tmp_path).value == 5


def test_a_node_without_any_of_it_has_no_kubelet(tmp_path: Path) -> None:
    with pytest.raises(NotThere):
        read(host(), READ_ONLY_PORT, tmp_path)


def test_a_container_that_calls_itself_kubelet_is_none(tmp_path: Path) -> None:
    impostor = Process(
        pid=900,
        comm="kubelet",
        argv=("kubelet", "--read-only-port=1"),
        pod_uid="0a0a0a0a-0000-4000-8000-000000000001",
        namespace_pids=(900, 1),
    )

    with pytest.raises(NotThere):
        read(host(impostor), READ_ONLY_PORT, tmp_path)


def k3s(*argv: str) -> Process:
    return Process(pid=600, comm="k3s-server", argv=argv, cgroup="/system.slice/k3s.service", namespace_pids=(600,))


def test_k3s_merges_what_it_wrote_with_its_users_arguments(tmp_path: Path) -> None:
    files = {
        f"{K3S_DROP_INS}/00-k3s-defaults.conf": "authentication: {anonymous: {enabled: false}}\nreadOnlyPort: 0\n",
        "/etc/rancher/k3s/config.yaml": "kubelet-arg: [read-only-port=1]\n",
        "/etc/rancher/k3s/config.yaml.d/x.yaml": "kubelet-arg+: [seccomp-default=true]\n",
    }

    plain = with_files(files, k3s("/usr/local/bin/k3s", "server", "--kubelet-arg=read-only-port=2"))

    assert read(plain, ANONYMOUS, tmp_path / "a").value is False
    assert read(plain, READ_ONLY_PORT, tmp_path / "b").value == 2
    assert read(plain, SECCOMP_DEFAULT, tmp_path / "c").value is True


def test_k3s_that_hides_its_arguments_is_known_by_its_unit(tmp_path: Path) -> None:
    files = {
        f"{K3S_DROP_INS}/00-k3s-defaults.conf": "readOnlyPort: 0\n",
        "/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n  '--kubelet-arg=read-only-port=3'\n",
    }
    titled = k3s("/usr/local/bin/k3s server")

    assert read(with_files(files, titled), READ_ONLY_PORT, tmp_path / "a").value == 3
    with pytest.raises(NotReadable):
        read(with_files({f"{K3S_DROP_INS}/1.conf": "readOnlyPort: 0\n"}, titled), READ_ONLY_PORT, tmp_path / "b")


def test_an_older_k3s_keeps_its_settings_to_itself(tmp_path: Path) -> None:
    with pytest.raises(NotReadable):
        read(host(k3s("/usr/local/bin/k3s", "agent")), READ_ONLY_PORT, tmp_path)


def test_microk8s_reads_the_kubelets_flags_from_a_file(tmp_path: Path) -> None:
    kubelite = Process(pid=5, comm="kubelite", argv=("/snap/microk8s/1/kubelite",), namespace_pids=(5,))
    files = {"/var/snap/microk8s/current/args/kubelet": "# x\n--read-only-port=4\n--anonymous-auth=false\n"}

    assert read(with_files(files, kubelite), READ_ONLY_PORT, tmp_path / "a").value == 4
    with pytest.raises(NotReadable):
        read(host(kubelite), READ_ONLY_PORT, tmp_path / "b")
