"""Control planes as they are really laid out, judged by all rules about them at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from hosts import surveyed
from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.model.nodes.answers import Process
from stridegate.model.nodes.nodes import Circumstances, Installation, Role
from stridegate.model.nodes.queries import KubeletPods
from stridegate.model.nodes.rules import HostFile, NodeExample
from stridegate.model.nodes.verdicts import Source, State, Verdict

CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
# As kubeadm 1.34 writes it.
KUBEADM = """
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.0.2.1
    - --authorization-mode=Node,RBAC
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    - --enable-admission-plugins=NodeRestriction
    - --enable-bootstrap-token-auth=true
    - --etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt
    - --etcd-servers=https://127.0.0.1:2379
    - --kubelet-client-certificate=/etc/kubernetes/pki/apiserver-kubelet-client.crt
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    name: kube-apiserver
    volumeMounts:
    - {mountPath: /etc/kubernetes/pki, name: k8s-certs, readOnly: true}
  volumes:
  - hostPath: {path: /etc/kubernetes/pki, type: DirectoryOrCreate}
    name: k8s-certs
"""
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
K3S = Process(pid=70, comm="k3s-server", argv=("/usr/local/bin/k3s server",), namespace_pids=(70,))


def judged(root: Path, *slugs: str, **host: object) -> Mapping[str, Verdict]:
    example = NodeExample(title="host", state=State.PASS, **{"circumstances": CONTROL_PLANE, **host})  # type: ignore[arg-type] # by name
    found = surveyed(example, [NODE_RULES[slug] for slug in slugs], root)
    return {finding.rule.slug: finding.verdict for finding in found.findings}


def states(verdicts: Mapping[str, Verdict]) -> dict[str, State]:
    return {slug: verdict.state for slug, verdict in verdicts.items()}


def test_kubeadms_api_server_is_what_its_manifest_says(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "apiserver-anonymous-auth",
        "missing-rbac-authorizer",
        "missing-node-restriction",
        "missing-apiserver-client-ca",
        "unencrypted-secrets-at-rest",
        "bootstrap-token-auth",
        "plaintext-etcd-connection",
        files={MANIFEST: HostFile(text=KUBEADM), "/etc/kubernetes/pki/ca.crt": HostFile()},
    )

    assert states(found) == {
        "apiserver-anonymous-auth": State.FAIL,
        "missing-rbac-authorizer": State.PASS,
        "missing-node-restriction": State.PASS,
        "missing-apiserver-client-ca": State.PASS,
        "unencrypted-secrets-at-rest": State.FAIL,
        "bootstrap-token-auth": State.WARN,
        "plaintext-etcd-connection": State.PASS,
    }
    assert found["apiserver-anonymous-auth"].observed == "--anonymous-auth is unset (true)"


def test_what_the_kubelet_serves_comes_before_the_manifest(tmp_path: Path) -> None:
    served = {
        "metadata": {"annotations": {"kubernetes.io/config.source": "file"}},
        "spec": {"containers": [{"name": "kube-apiserver", "command": ["kube-apiserver", "--anonymous-auth=false"]}]},
    }

    found = judged(
        tmp_path,
        "apiserver-anonymous-auth",
        files={MANIFEST: HostFile(text=KUBEADM)},
        answers={KubeletPods(): (served,)},
    )

    verdict = found["apiserver-anonymous-auth"]
    assert verdict.state is State.PASS
    assert verdict.evidence is not None
    assert verdict.evidence.source is Source.KUBELET


def test_a_pod_of_a_user_changes_no_verdict(tmp_path: Path) -> None:
    pod = {
        "metadata": {"annotations": {"kubernetes.io/config.source": "api", "kubernetes.io/config.mirror": "x"}},
        "spec": {"containers": [{"name": "kube-apiserver", "command": ["kube-apiserver", "--anonymous-auth=false"]}]},
    }

    found = judged(
        tmp_path, "apiserver-anonymous-auth", files={MANIFEST: HostFile(text=KUBEADM)}, answers={KubeletPods(): (pod,)}
    )

    assert found["apiserver-anonymous-auth"].state is State.FAIL


def test_a_manifest_under_any_name_is_found(tmp_path: Path) -> None:
    found = judged(
        tmp_path, "missing-rbac-authorizer", files={"/etc/kubernetes/manifests/10-api.yaml": HostFile(text=KUBEADM)}
    )

    assert found["missing-rbac-authorizer"].state is State.PASS


def test_a_file_that_only_the_image_has_is_unknown(tmp_path: Path) -> None:
    text = KUBEADM.replace("/etc/kubernetes/pki/ca.crt", "/image/ca.crt")

    found = judged(tmp_path, "missing-apiserver-client-ca", files={MANIFEST: HostFile(text=text)})

    assert found["missing-apiserver-client-ca"].state is State.UNKNOWN


def test_the_api_servers_flags_for_kubelets_are_not_the_kubelets(tmp_path: Path) -> None:
    text = KUBEADM.replace(
        "--advertise-address=192.0.2.1", "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt"
    )

    found = judged(tmp_path, "kubelet-anonymous-auth", files={MANIFEST: HostFile(text=text)})

    assert found["kubelet-anonymous-auth"].state is State.NOT_APPLICABLE


def test_a_worker_has_no_findings_of_the_control_plane(tmp_path: Path) -> None:
    slugs = [slug for slug, rule in NODE_RULES.items() if "apiserver" in slug or "etcd" in slug or "scheduler" in slug]

    found = judged(
        tmp_path,
        *slugs,
        "pki-ownership",
        "cni-config-file-permissions",
        circumstances=Circumstances(),
        files={
            "/etc/kubernetes/pki/ca.crt": HostFile(uid=7, mode=0o666),
            "/etc/cni/net.d/10-a.conf": HostFile(uid=7, mode=0o666),
        },
    )

    assert set(states(found).values()) == {State.NOT_APPLICABLE}


def test_k3s_is_judged_by_what_it_gives_its_components(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "apiserver-anonymous-auth",
        "missing-rbac-authorizer",
        "missing-etcd-client-certificate",
        "plaintext-etcd-connection",
        "unencrypted-secrets-at-rest",
        "apiserver-profiling",
        "exposed-scheduler-port",
        "shared-controller-credentials",
        "missing-etcd-server-certificate",
        "missing-event-rate-limit",
        processes=(K3S,),
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.K3S),
    )

    assert states(found) == {
        "apiserver-anonymous-auth": State.PASS,
        "missing-rbac-authorizer": State.PASS,
        "missing-etcd-client-certificate": State.NOT_APPLICABLE,
        "plaintext-etcd-connection": State.PASS,
        "unencrypted-secrets-at-rest": State.FAIL,
        "apiserver-profiling": State.PASS,
        "exposed-scheduler-port": State.PASS,
        "shared-controller-credentials": State.PASS,
        "missing-etcd-server-certificate": State.NOT_APPLICABLE,
        "missing-event-rate-limit": State.FAIL,
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/rancher/k3s/config.yaml", "kube-apiserver-arg: [anonymous-auth=true]\n"),
        ("/etc/rancher/k3s/config.yaml.d/10-own.yaml", "kube-apiserver-arg+: anonymous-auth=true\n"),
        (
            "/etc/systemd/system/k3s.service",
            "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n    '--kube-apiserver-arg=anonymous-auth=true'\n",
        ),
    ],
)
def test_what_its_owner_adds_to_k3s_counts(path: str, text: str, tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "apiserver-anonymous-auth",
        "missing-rbac-authorizer",
        processes=(K3S,),
        files={path: HostFile(text=text)},
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.K3S),
    )

    assert found["apiserver-anonymous-auth"].state is State.FAIL
    assert found["missing-rbac-authorizer"].state is State.PASS


def test_microk8s_keeps_flags_in_files_of_lines(tmp_path: Path) -> None:
    lines = "# flags\n--authorization-mode=AlwaysAllow\n--client-ca-file=${SNAP_DATA}/certs/ca.crt\n"

    found = judged(
        tmp_path,
        "apiserver-always-allow-authorization",
        "missing-apiserver-client-ca",
        files={
            "/var/snap/microk8s/current/args/kube-apiserver": HostFile(text=lines),
            "/var/snap/microk8s/current/certs/ca.crt": HostFile(),
        },
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.MICROK8S),
    )

    assert states(found) == {
        "apiserver-always-allow-authorization": State.FAIL,
        "missing-apiserver-client-ca": State.PASS,
    }


def test_a_manifest_that_no_parser_takes_is_unknown(tmp_path: Path) -> None:
    found = judged(tmp_path, "apiserver-anonymous-auth", files={MANIFEST: HostFile(text="{")})

    assert found["apiserver-anonymous-auth"].state is State.UNKNOWN


@pytest.mark.parametrize(
    "odd", ["[]", "spec: []", "spec: {containers: {}}", "spec: {containers: [1, {command: 3}]}", "null"]
)
def test_a_manifest_that_is_no_pod_breaks_no_rule(odd: str, tmp_path: Path) -> None:
    slugs = [slug for slug in NODE_RULES if "apiserver" in slug]

    found = judged(tmp_path, *slugs, files={MANIFEST: HostFile(text=odd)})

    assert State.ERROR not in set(states(found).values())


def test_a_database_endpoint_is_never_shown(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "insecure-kine-datastore",
        processes=(K3S,),
        files={
            "/etc/rancher/k3s/config.yaml": HostFile(text="datastore-endpoint: postgres://k3s:hunter2@db.example/k3s\n")
        },
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.K3S),
    )

    assert found["insecure-kine-datastore"].state is State.FAIL
    assert "db.example" not in json.dumps(str(found["insecure-kine-datastore"]))


def test_openshift_keeps_flags_in_a_file_of_its_own(tmp_path: Path) -> None:
    script = (
        "echo -n 'Fixing audit permissions ...'\n"
        "chmod 0700 /var/log/kube-apiserver && touch /var/log/kube-apiserver/audit.log\n"
        "exec watch-termination --termination-touch-file=/x -- hyperkube kube-apiserver \\\n"
        "  --openshift-config=/etc/kubernetes/static-pod-resources/config.yaml --advertise-address=${HOST_IP} -v=2\n"
    )
    pod = {
        "spec": {
            "containers": [
                {
                    "name": "kube-apiserver",
                    "command": ["/bin/bash", "-ec"],
                    "args": [script],
                    "volumeMounts": [{"name": "resources", "mountPath": "/etc/kubernetes/static-pod-resources"}],
                }
            ],
            "volumes": [{"name": "resources", "hostPath": {"path": "/etc/kubernetes/static-pod-resources/pod-7"}}],
        }
    }
    config = "apiServerArguments:\n  anonymous-auth: ['false']\n  authorization-mode: [Scope, RBAC, Node]\n"

    found = judged(
        tmp_path,
        "apiserver-anonymous-auth",
        "missing-node-authorizer",
        "apiserver-always-allow-authorization",
        files={
            "/etc/kubernetes/manifests/kube-apiserver-pod.yaml": HostFile(text=json.dumps(pod)),
            "/etc/kubernetes/static-pod-resources/pod-7/config.yaml": HostFile(text=config),
        },
        circumstances=Circumstances(role=Role.CONTROL_PLANE, installation=Installation.OPENSHIFT),
    )

    assert set(states(found).values()) == {State.PASS}


def test_offenders_in_many_directories_are_one_verdict(tmp_path: Path) -> None:
    files = {
        f"/etc/kubernetes/pki/{number}/{'deep/' * (number % 4)}a.key": HostFile(mode=0o644) for number in range(30)
    }

    found = judged(tmp_path, "pki-key-file-permissions", files=files)

    assert found["pki-key-file-permissions"].state is State.FAIL
    assert len(found["pki-key-file-permissions"].offenders) == 30
