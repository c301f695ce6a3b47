"""The files that start and configure the control plane: static pod manifests and kubeconfigs."""

from __future__ import annotations

from stridegate.model.nodes.components import manifest_of, named_file
from stridegate.model.nodes.file_rules import GuardedFiles, ownership_rule, permissions_rule
from stridegate.model.nodes.files import Limit, every_of, first_of
from stridegate.model.nodes.flag_rules import manifest_text
from stridegate.model.nodes.nodes import Circumstances, Role
from stridegate.model.nodes.paths import (
    ADMIN_KUBECONFIGS,
    CONTROLLER_MANAGER_KUBECONFIG,
    SCHEDULER_KUBECONFIG,
    Whereabouts,
)
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_CONTROL_PLANE = Circumstances(role=Role.CONTROL_PLANE)
# 0644 up to edition 1.6 of the benchmark (Kubernetes 1.23), 0600 since.
_PRIVATE = Limit(files=0o600)


def _manifest_rules(
    component: str, what: str, slug: str, numbers: tuple[str, str], *threats: str
) -> tuple[NodeRule, ...]:
    guarded = GuardedFiles(
        what=f"{what}'s static pod manifest",
        find=manifest_of(component),
        severity=Severity.HIGH,
        stride=Stride.TAMPERING,
        threat=(
            f"Who can write the manifest decides what {what} runs, with which flags and which of the node's files: the kubelet "
            "starts it at once, without asking anybody. Who can read it learns where keys and data are."
        ),
        example=f"/etc/kubernetes/manifests/{component}.yaml",
        circumstances=_CONTROL_PLANE,
        threats=frozenset(threats),
    )
    linked = NodeExample(
        title="behind an absolute link",
        state=State.FAIL,
        files={
            "/etc/kubernetes": HostFile(link="/data/k8s"),
            f"/data/k8s/manifests/{component}.yaml": HostFile(mode=0o644),
        },
        circumstances=_CONTROL_PLANE,
    )
    renamed = NodeExample(
        title="under a name of its own",
        state=State.FAIL,
        files={"/etc/kubernetes/manifests/10-own.yaml": HostFile(mode=0o644, text=manifest_text(component))},
        circumstances=_CONTROL_PLANE,
    )
    owned = threats + (("etcd-manifest-not-root-owned",) if component == "etcd" else ())
    return (
        permissions_rule(
            f"{slug}-manifest-file-permissions", guarded, _PRIVATE, (CisKubernetes(numbers[0]),), more=(linked, renamed)
        ),
        ownership_rule(
            f"{slug}-manifest-file-ownership", guarded, (CisKubernetes(numbers[1]),), threats=frozenset(owned)
        ),
    )


def _kubeconfig_rules(what: str, where: Whereabouts, slug: str, numbers: tuple[str, str]) -> tuple[NodeRule, ...]:
    guarded = GuardedFiles(
        what=f"the {what}'s kubeconfig",
        find=named_file(f"kube-{slug}", "kubeconfig", first_of(where)),
        severity=Severity.HIGH,
        stride=Stride.INFORMATION_DISCLOSURE,
        threat=f"It holds the key with which the {what} logs in: who can read it acts as the {what} in the whole cluster.",
        example=where.general[0],
        circumstances=_CONTROL_PLANE,
    )
    elsewhere = NodeExample(
        title="where its flag says",
        state=State.FAIL,
        files={
            f"/etc/kubernetes/manifests/kube-{slug}.yaml": HostFile(
                text=manifest_text(f"kube-{slug}", "--kubeconfig=/etc/own/config")
            ),
            "/etc/own/config": HostFile(mode=0o644, uid=1000),
            where.general[0]: HostFile(),
        },
        circumstances=_CONTROL_PLANE,
    )
    return (
        permissions_rule(
            f"{slug}-kubeconfig-file-permissions",
            guarded,
            _PRIVATE,
            (CisKubernetes(numbers[0]),),
            more=(elsewhere,),
        ),
        ownership_rule(f"{slug}-kubeconfig-file-ownership", guarded, (CisKubernetes(numbers[1]),), more=(elsewhere,)),
    )


_ADMIN = GuardedFiles(
    what="an administrator's kubeconfig",
    find=every_of(ADMIN_KUBECONFIGS),
    severity=Severity.CRITICAL,
    stride=Stride.ELEVATION,
    threat="It holds a key of cluster-admin, and in super-admin.conf one that no RBAC rule limits: who can read it owns the cluster.",
    example="/etc/kubernetes/admin.conf",
    circumstances=_CONTROL_PLANE,
)
_SUPER_ADMIN = NodeExample(
    title="super-admin.conf too",
    state=State.FAIL,
    files={"/etc/kubernetes/admin.conf": HostFile(), "/etc/kubernetes/super-admin.conf": HostFile(mode=0o640, gid=7)},
    circumstances=_CONTROL_PLANE,
)

RULES: tuple[NodeRule, ...] = (
    *_manifest_rules(
        "kube-apiserver", "the API server", "apiserver", ("1.1.1", "1.1.2"), "unauthorized-apiserver-change"
    ),
    *_manifest_rules("kube-controller-manager", "the controller manager", "controller-manager", ("1.1.3", "1.1.4")),
    *_manifest_rules("kube-scheduler", "the scheduler", "scheduler", ("1.1.5", "1.1.6")),
    *_manifest_rules(
        "etcd", "etcd", "etcd", ("1.1.7", "1.1.8"), "etcd-config-tampering", "loose-etcd-file-permissions"
    ),
    permissions_rule(
        "admin-kubeconfig-file-permissions",
        _ADMIN,
        _PRIVATE,
        (CisKubernetes("1.1.13"),),
        threats=frozenset({"docker-client-compromise"}),
        more=(_SUPER_ADMIN,),
    ),
    ownership_rule("admin-kubeconfig-file-ownership", _ADMIN, (CisKubernetes("1.1.14"),), more=(_SUPER_ADMIN,)),
    *_kubeconfig_rules("scheduler", SCHEDULER_KUBECONFIG, "scheduler", ("1.1.15", "1.1.16")),
    *_kubeconfig_rules("controller manager", CONTROLLER_MANAGER_KUBECONFIG, "controller-manager", ("1.1.17", "1.1.18")),
)
