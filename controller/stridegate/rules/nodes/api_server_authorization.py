"""What callers of the API server may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from stridegate.model.nodes.answers import Process, Unreadable
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import flag_rule, manifest_text, named_document, shown, starts
from stridegate.model.nodes.nodes import Circumstances, Node, NotReadable, Role
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-apiserver")
_case = partial(starts, "kube-apiserver")


def _authorizers(judge: Callable[[tuple[str, ...]], bool]) -> Callable[[Started, Node], Verdict]:
    """Return the judgement of the authorizers in use, by their types: those of the file where there is one, else the flag's."""

    def judge_authorizers(started: Started, node: Node) -> Verdict:
        flag = "authorization-config"
        if flag in started.flags:
            config = named_document(started, node, flag)
            if config is None:
                return started.verdict(State.FAIL, f"{shown(started, flag)}, which does not exist")
            kinds = _kinds(config.get("authorizers"), flag)
        else:
            kinds = started.flags.members("authorization-mode") or ("AlwaysAllow",)
        return started.verdict(State.PASS if judge(kinds) else State.FAIL, f"authorizers {', '.join(kinds)}"[:128])

    return judge_authorizers


def _kinds(authorizers: object, flag: str) -> tuple[str, ...]:
    """Return the types in an AuthorizationConfiguration (KEP-3221)."""
    if (
        not isinstance(authorizers, list)
        or not authorizers
        or not all(isinstance(each, Mapping) for each in authorizers)
    ):
        raise NotReadable(Unreadable(f"--{flag}: authorizers", "wanted a list of authorizers"))
    return tuple(str(each.get("type")) for each in authorizers)


_CONFIG = "/etc/kubernetes/authorization.yaml"


def _file(*kinds: str) -> dict[str, HostFile]:
    authorizers = ", ".join(f"{{type: {kind}, name: a}}" for kind in kinds)
    text = f"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{authorizers}]\n"
    return {_CONFIG: HostFile(text=text)}


_with_file = partial(starts, "kube-apiserver", State.PASS, f"--authorization-config={_CONFIG}")
_without = partial(starts, "kube-apiserver", State.FAIL, f"--authorization-config={_CONFIG}")

# A pod that calls its process so, and whose flags are bad.
_IMPOSTOR = Process(
    pid=4242,
    comm="kube-apiserver",
    argv=("kube-apiserver", "--authorization-mode=AlwaysAllow"),
    pod_uid="11111111-2222-3333-4444-555555555555",
    namespace_pids=(4242, 1),
)
_BESIDE_IMPOSTOR = NodeExample(
    title="a pod passes for the API server",
    state=State.PASS,
    files={
        "/etc/kubernetes/manifests/kube-apiserver.yaml": HostFile(
            text=manifest_text("kube-apiserver", "--authorization-mode=Node,RBAC")
        )
    },
    processes=(_IMPOSTOR,),
    circumstances=Circumstances(role=Role.CONTROL_PLANE),
)
_ONLY_IMPOSTOR = NodeExample(title="only a pod passes for it", state=State.NOT_APPLICABLE, processes=(_IMPOSTOR,))
_PROCESS = NodeExample(
    title="a process of the host",
    state=State.FAIL,
    processes=(
        Process(
            pid=77,
            comm="kube-apiserver",
            argv=("/usr/bin/kube-apiserver", "--authorization-mode", "AlwaysAllow"),
            cgroup="/system.slice/kube-apiserver.service",
            namespace_pids=(77,),
        ),
    ),
)

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="apiserver-always-allow-authorization",
        severity=Severity.CRITICAL,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.6"),),
        threats=("spoofed-api-caller",),
        wrong="The API server lets every caller do everything.",
        threat="Whoever gets in, with any credentials, is cluster-admin.",
        wants="have no authorizer AlwaysAllow",
        fix="--authorization-mode=Node,RBAC",
        judge=_authorizers(lambda kinds: "AlwaysAllow" not in kinds),
        examples=(
            _case(State.PASS, "--authorization-mode=Node,RBAC"),
            _case(State.FAIL),
            _case(State.FAIL, "--authorization-mode", "AlwaysAllow"),
            _case(State.FAIL, "--authorization-mode=Node,RBAC, AlwaysAllow"),
            _case(State.FAIL, "--authorization-mode=Node,RBAC", "--authorization-mode=AlwaysAllow"),
            _case(State.PASS, "--authorization-mode=Node,RBAC,AlwaysAllowNothing", title="another name"),
            _with_file(title="in the file", files=_file("Node", "RBAC")),
            _without(title="allowed in the file", files=_file("Node", "AlwaysAllow")),
            starts(
                "kube-apiserver",
                State.UNKNOWN,
                f"--authorization-config={_CONFIG}",
                title="an empty file",
                files={_CONFIG: HostFile(text="{}")},
            ),
            _case(State.FAIL, "--authorization-config=/etc/gone.yaml"),
            _BESIDE_IMPOSTOR,
            _ONLY_IMPOSTOR,
            _PROCESS,
        ),
    ),
    _rule(
        slug="missing-node-authorizer",
        severity=Severity.CRITICAL,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.7"),),
        threats=("spoofed-api-caller",),
        wrong="The API server does not limit kubelets to what is theirs.",
        threat="Without the Node authorizer a kubelet has a role for all nodes: one stolen node reads every Secret of the cluster.",
        wants="have the authorizer Node",
        fix="--authorization-mode=Node,RBAC",
        judge=_authorizers(lambda kinds: "Node" in kinds),
        examples=(
            _case(State.PASS, "--authorization-mode=RBAC,Node"),
            _case(State.FAIL, "--authorization-mode=RBAC"),
            _case(State.FAIL),
            _with_file(title="in the file", files=_file("Node", "RBAC")),
            _without(title="not in the file", files=_file("RBAC", "Webhook")),
        ),
    ),
    _rule(
        slug="missing-rbac-authorizer",
        severity=Severity.CRITICAL,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.8"),),
        threats=("spoofed-api-caller",),
        wrong="The API server does not ask RBAC what callers may do.",
        threat="Rights then come from somewhere that no role shows, or from nowhere: nobody can tell who may do what.",
        wants="have the authorizer RBAC",
        fix="--authorization-mode=Node,RBAC",
        judge=_authorizers(lambda kinds: "RBAC" in kinds),
        examples=(
            _case(State.PASS, "--authorization-mode=Node,RBAC"),
            _case(State.FAIL, "--authorization-mode=Node,ABAC"),
            _case(State.FAIL),
            _with_file(title="in the file", files=_file("Node", "RBAC")),
            _without(title="not in the file", files=_file("Node", "Webhook")),
        ),
    ),
)
