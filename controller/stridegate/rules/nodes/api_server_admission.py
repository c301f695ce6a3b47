"""The API server's own admission plugins."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import StartJudgement, flag_rule, named_document, shown, starts
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-apiserver")
_case = partial(starts, "kube-apiserver")

# On where no flag says otherwise, of those that rules ask about (kubernetes pkg/kubeapiserver/options/plugins.go).
_ON_BY_DEFAULT = frozenset({"ServiceAccount", "NamespaceLifecycle"})


def _is_on(started: Started, plugin: str) -> bool:
    """Tell whether a plugin is on. The old `--admission-control` is a list of all that are; a plugin that is off stays off."""
    flags = started.flags
    every = flags.members("admission-control")
    if every is not None:
        return plugin in every
    if plugin in (flags.members("disable-admission-plugins") or ()):
        return False
    return plugin in _ON_BY_DEFAULT or plugin in (flags.members("enable-admission-plugins") or ())


def _seen(started: Started) -> str:
    flags = ("admission-control", "enable-admission-plugins", "disable-admission-plugins")
    said = [shown(started, flag) for flag in flags if flag in started.flags]
    return " ".join(said)[:128] or "no admission plugin is named"


def _must_be_on(plugin: str, otherwise: State = State.FAIL, note: str = "") -> StartJudgement:
    def judge(started: Started, _: Node) -> Verdict:
        if _is_on(started, plugin):
            return started.verdict(State.PASS, f"{plugin} is on")
        return started.verdict(otherwise, f"{plugin} is off: {_seen(started)}"[:128], note)

    return judge


def _must_be_off(plugin: str) -> StartJudgement:
    def judge(started: Started, _: Node) -> Verdict:
        on = _is_on(started, plugin)
        return started.verdict(State.FAIL if on else State.PASS, f"{plugin} is {'on' if on else 'off'}")

    return judge


def _event_limits(started: Started, node: Node) -> Verdict:
    if not _is_on(started, "EventRateLimit"):
        return started.verdict(State.FAIL, f"EventRateLimit is off: {_seen(started)}"[:128])
    flag = "admission-control-config-file"
    config = named_document(started, node, flag)
    if config is None:
        gone = ", which does not exist" if started.flags.text(flag) else ""
        return started.verdict(State.FAIL, f"EventRateLimit is on, {shown(started, flag)}{gone}")
    return started.verdict(State.PASS, f"EventRateLimit is on, {shown(started, flag)}")


_LIMITS = "/etc/kubernetes/admission.yaml"
_LIMITS_FILE = {
    _LIMITS: HostFile(
        text=(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n"
            "plugins: [{name: EventRateLimit, path: events.yaml}]\n"
        )
    )
}


def _enabled(plugins: str) -> str:
    return f"--enable-admission-plugins={plugins}"


RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="missing-deny-service-external-ips",
        severity=Severity.LOW,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.3"),),
        wrong="Services may claim any address as their external one.",
        threat="Who may create a Service with externalIPs takes over traffic to that address from the whole cluster (CVE-2020-8554).",
        wants="have the admission plugin DenyServiceExternalIPs",
        fix="--enable-admission-plugins=…,DenyServiceExternalIPs, or a policy that denies service-external-ip",
        judge=_must_be_on(
            "DenyServiceExternalIPs",
            State.WARN,
            "The admission rule service-external-ip is the other answer: a policy that denies it does the same.",
        ),
        examples=(
            _case(State.PASS, _enabled("NodeRestriction,DenyServiceExternalIPs")),
            _case(State.WARN, _enabled("NodeRestriction")),
            _case(State.WARN),
            _case(
                State.WARN,
                _enabled("DenyServiceExternalIPs"),
                "--disable-admission-plugins=DenyServiceExternalIPs",
                title="on and off",
            ),
        ),
    ),
    _rule(
        slug="missing-event-rate-limit",
        severity=Severity.LOW,
        stride=Stride.DENIAL_OF_SERVICE,
        references=(CisKubernetes("1.2.9"),),
        threats=("apiserver-overload",),
        wrong="Nothing limits how many events the API server takes.",
        threat="One pod that fails in a loop, or a caller that wants to, fills etcd with events until the API server stops.",
        wants="have the admission plugin EventRateLimit, and its configuration file",
        fix="--enable-admission-plugins=…,EventRateLimit and --admission-control-config-file with its limits",
        judge=_event_limits,
        examples=(
            _case(
                State.PASS,
                _enabled("EventRateLimit"),
                f"--admission-control-config-file={_LIMITS}",
                files=_LIMITS_FILE,
            ),
            _case(
                State.FAIL,
                _enabled("EventRateLimit"),
                f"--admission-control-config-file={_LIMITS}",
                title="no such file",
            ),
            _case(State.FAIL, _enabled("EventRateLimit")),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="always-admit-plugin",
        severity=Severity.HIGH,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.10"),),
        wrong="The API server has an admission plugin that admits everything.",
        threat="AlwaysAdmit exists for tests. Where it stands, somebody switched admission control off on purpose.",
        wants="not have the admission plugin AlwaysAdmit",
        fix="take AlwaysAdmit out of --enable-admission-plugins",
        judge=_must_be_off("AlwaysAdmit"),
        examples=(
            _case(State.PASS),
            _case(State.PASS, _enabled("NodeRestriction,NotAlwaysAdmit")),
            _case(State.FAIL, _enabled("NodeRestriction,AlwaysAdmit")),
            _case(State.FAIL, _enabled("AlwaysAdmit"), _enabled("NodeRestriction")),
            _case(State.FAIL, "--admission-control=AlwaysAdmit"),
        ),
    ),
    _rule(
        slug="missing-always-pull-images",
        severity=Severity.LOW,
        stride=Stride.TAMPERING,
        references=(CisKubernetes("1.2.11"),),
        wrong="A pod may use any image that its node has, without the right to pull it.",
        threat="A private image that another tenant's pod left on the node runs for whoever names it; a stale one runs on unseen.",
        wants="have the admission plugin AlwaysPullImages",
        fix="--enable-admission-plugins=…,AlwaysPullImages",
        judge=_must_be_on("AlwaysPullImages"),
        examples=(
            _case(State.PASS, _enabled("AlwaysPullImages")),
            _case(State.FAIL, _enabled("NodeRestriction")),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="disabled-service-account-admission",
        severity=Severity.HIGH,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.12"),),
        wrong="The API server does not give pods their service accounts.",
        threat="Without ServiceAccount admission a pod may name an account that it has no right to, or mount its token unseen.",
        wants="keep the admission plugin ServiceAccount on",
        fix="take ServiceAccount out of --disable-admission-plugins",
        judge=_must_be_on("ServiceAccount"),
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--disable-admission-plugins=ServiceAccounts"),
            _case(State.FAIL, "--disable-admission-plugins=PodSecurity,ServiceAccount"),
            _case(State.FAIL, "--disable-admission-plugins", "ServiceAccount"),
        ),
    ),
    _rule(
        slug="disabled-namespace-lifecycle-admission",
        severity=Severity.HIGH,
        stride=Stride.TAMPERING,
        references=(CisKubernetes("1.2.13"),),
        wrong="The API server accepts objects in namespaces that are being deleted, or that never were.",
        threat="What is created beside the deletion of its namespace stays, seen by no quota and no policy of a namespace.",
        wants="keep the admission plugin NamespaceLifecycle on",
        fix="take NamespaceLifecycle out of --disable-admission-plugins",
        judge=_must_be_on("NamespaceLifecycle"),
        examples=(
            _case(State.PASS),
            _case(State.FAIL, "--disable-admission-plugins=NamespaceLifecycle"),
            _case(State.FAIL, "--admission-control=ServiceAccount"),
        ),
    ),
    _rule(
        slug="missing-node-restriction",
        severity=Severity.HIGH,
        stride=Stride.ELEVATION,
        references=(CisKubernetes("1.2.14"),),
        wrong="A kubelet may change other nodes and other nodes' pods.",
        threat="One stolen node labels itself or another as it likes, draws pods with Secrets to itself, and takes more nodes.",
        wants="have the admission plugin NodeRestriction",
        fix="--enable-admission-plugins=…,NodeRestriction",
        judge=_must_be_on("NodeRestriction"),
        examples=(
            _case(State.PASS, _enabled("NodeRestriction")),
            _case(State.PASS, _enabled("EventRateLimit"), _enabled("NodeRestriction")),
            _case(State.FAIL, _enabled("PodNodeRestriction")),
            _case(State.FAIL),
        ),
    ),
)
