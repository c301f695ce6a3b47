"""How the controller manager is started."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.addresses import is_loopback
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.durations import parse_duration
from stridegate.model.nodes.flag_rules import flag_rule, must_be, must_name_files, number, shown, starts
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-controller-manager")
_case = partial(starts, "kube-controller-manager")

_GATE = "RotateKubeletServerCertificate"
# The default, and the longest that passes: a year.
_YEAR = 8760 * 3600


def _collects_pods(started: Started, _: Node) -> Verdict:
    """Judge the threshold; 0 and less switch collection off (kubernetes pkg/controller/podgc)."""
    threshold = number(started, "terminated-pod-gc-threshold")
    state = State.PASS if threshold is not None and threshold > 0 else State.FAIL
    return started.verdict(state, shown(started, "terminated-pod-gc-threshold", "12500"))


def _signs_tokens(started: Started, _: Node) -> Verdict:
    flag, signer = "service-account-private-key-file", "service-account-signing-endpoint"
    signed = started.flags.text(flag) or started.flags.text(signer)
    return started.verdict(
        State.PASS if signed else State.FAIL, shown(started, signer if signer in started.flags else flag)
    )


def _rotates(started: Started, _: Node) -> Verdict:
    said = started.flags.gate(_GATE)
    words = "unset (true)" if said is None else str(said).lower()
    return started.verdict(State.FAIL if said is False else State.PASS, f"feature gate {_GATE} is {words}")


def _is_local(started: Started, _: Node) -> Verdict:
    address = started.flags.text("bind-address")
    local = address is not None and is_loopback(address)
    return started.verdict(State.PASS if local else State.FAIL, shown(started, "bind-address", "0.0.0.0"))


def _signs_briefly(started: Started, _: Node) -> Verdict:
    flags = ("cluster-signing-duration", "experimental-cluster-signing-duration")
    flag = next((each for each in flags if each in started.flags), flags[0])
    text = started.flags.text(flag)
    seconds = _YEAR if text is None else parse_duration(text)
    brief = seconds is not None and seconds <= _YEAR
    return started.verdict(State.PASS if brief else State.FAIL, shown(started, flag, "8760h"))


_ROOT_CA = "/etc/kubernetes/pki/ca.crt"

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="missing-pod-gc-threshold",
        severity=Severity.MEDIUM,
        stride=Stride.DENIAL_OF_SERVICE,
        references=(CisKubernetes("1.3.1"),),
        wrong="Nobody chose how many finished pods are kept.",
        threat="Finished pods pile up, 12,500 by default: etcd and the API server slow down under them.",
        wants="have --terminated-pod-gc-threshold above 0",
        fix="--terminated-pod-gc-threshold=1000",
        judge=_collects_pods,
        examples=(
            _case(State.PASS, "--terminated-pod-gc-threshold=10"),
            _case(State.PASS, "--terminated-pod-gc-threshold", "1000"),
            _case(State.FAIL, "--terminated-pod-gc-threshold=0"),
            _case(State.FAIL, "--terminated-pod-gc-threshold", "-1"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="controller-manager-profiling",
        severity=Severity.MEDIUM,
        stride=Stride.INFORMATION_DISCLOSURE,
        references=(CisKubernetes("1.3.2"),),
        wrong="The controller manager offers profiles of itself.",
        threat="A profile shows how the program works inside and what is in its memory, keys among it.",
        wants="have --profiling=false",
        fix="--profiling=false",
        judge=must_be("profiling", wanted=False, default=True),
        examples=(_case(State.PASS, "--profiling=false"), _case(State.FAIL, "--profiling"), _case(State.FAIL)),
    ),
    _rule(
        slug="shared-controller-credentials",
        severity=Severity.MEDIUM,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.3.3"),),
        wrong="All controllers share one identity.",
        threat="A flaw in any controller has the rights of all; with accounts of their own each has only what it needs.",
        wants="have --use-service-account-credentials=true",
        fix="--use-service-account-credentials=true",
        judge=must_be("use-service-account-credentials", wanted=True, default=False),
        examples=(
            _case(State.PASS, "--use-service-account-credentials=true"),
            _case(State.PASS, "--use-service-account-credentials"),
            _case(State.FAIL, "--use-service-account-credentials=false"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="missing-service-account-signing-key",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.3.4"),),
        wrong="The controller manager has no key of its own for service account tokens.",
        threat="Tokens are then not signed at all, or with a key that has another purpose and cannot be rotated alone.",
        wants="have --service-account-private-key-file, or an external signer",
        fix="--service-account-private-key-file=/etc/kubernetes/pki/sa.key",
        judge=_signs_tokens,
        examples=(
            _case(State.PASS, "--service-account-private-key-file=/etc/kubernetes/pki/sa.key"),
            _case(State.PASS, "--service-account-signing-endpoint=/run/signer.sock"),
            _case(State.FAIL, "--service-account-private-key-file="),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="missing-root-ca-file",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.3.5"),),
        wrong="Pods get no CA with which to verify the API server.",
        threat="Programs in pods skip the check then, and give their token to whoever answers in the API server's place.",
        wants="have --root-ca-file with a file that exists",
        fix=f"--root-ca-file={_ROOT_CA}",
        judge=must_name_files("root-ca-file"),
        examples=(
            _case(State.PASS, f"--root-ca-file={_ROOT_CA}", files={_ROOT_CA: HostFile()}),
            _case(State.FAIL, f"--root-ca-file={_ROOT_CA}", title="no such file"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="controller-manager-disabled-certificate-rotation",
        severity=Severity.LOW,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.3.6"),),
        wrong="Kubelets' serving certificates are not renewed.",
        threat="They expire, or are made valid for years so that they do not: a stolen key then serves as long.",
        wants=f"not switch the feature gate {_GATE} off",
        fix=f"take {_GATE}=false out of --feature-gates",
        judge=_rotates,
        examples=(
            _case(State.PASS),
            _case(State.PASS, f"--feature-gates=Other=false,{_GATE}=true"),
            _case(State.FAIL, f"--feature-gates=Other=true,{_GATE}=false"),
            _case(State.FAIL, f"--feature-gates={_GATE}=true", f"--feature-gates={_GATE}=false"),
        ),
    ),
    _rule(
        slug="exposed-controller-manager-port",
        severity=Severity.LOW,
        stride=Stride.INFORMATION_DISCLOSURE,
        references=(CisKubernetes("1.3.7"),),
        wrong="The controller manager listens on the network.",
        threat="Its port 10257 answers health checks to all and metrics to callers with rights: one more door for no need.",
        wants="have --bind-address 127.0.0.1 or ::1",
        fix="--bind-address=127.0.0.1",
        judge=_is_local,
        examples=(
            _case(State.PASS, "--bind-address=127.0.0.1"),
            _case(State.PASS, "--bind-address=::1"),
            _case(State.FAIL, "--bind-address=0.0.0.0"),
            _case(State.FAIL, "--bind-address=::"),
            _case(State.FAIL, "--bind-address=192.0.2.7"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="long-cluster-signing-duration",
        severity=Severity.MEDIUM,
        stride=Stride.REPUDIATION,
        references=(CisKubernetes("3.1.1"),),
        threats=("unrevocable-certificate",),
        wrong="The cluster signs certificates for more than a year.",
        threat="Kubernetes cannot take a certificate back: a stolen one lets its finder in until it ends by itself.",
        wants="have --cluster-signing-duration of at most 8760h",
        fix="--cluster-signing-duration=8760h, or less",
        judge=_signs_briefly,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--cluster-signing-duration=24h"),
            _case(State.FAIL, "--cluster-signing-duration=87600h0m0s"),
            _case(State.FAIL, "--experimental-cluster-signing-duration=8761h"),
            _case(State.FAIL, "--cluster-signing-duration=10y"),
        ),
    ),
)
