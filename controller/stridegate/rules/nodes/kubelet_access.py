"""Who may ask the kubelet for something: its callers' authentication and authorization, and the port that asks for neither."""

from __future__ import annotations

from stridegate.model.nodes.answers import FileStatus, Unreadable
from stridegate.model.nodes.kubelet import configuration, setting
from stridegate.model.nodes.kubelet_fields import ANONYMOUS, AUTHORIZATION, CLIENT_CA, READ_ONLY_PORT, TOKEN_WEBHOOK
from stridegate.model.nodes.kubelet_rules import (
    CONFIG,
    KUBELET_DEFAULTS,
    NO_KUBELET,
    filed,
    flagged,
    must_be,
    served,
)
from stridegate.model.nodes.nodes import Circumstances, Installation, Node, NotReadable
from stridegate.model.nodes.queries import FileStatusOf
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, State, Verdict
from stridegate.model.references import Benchmark, CisKubernetes, in_clouds
from stridegate.model.vocabulary import Severity, Stride

_CLOUDS = (Benchmark.CIS_EKS, Benchmark.CIS_AKS)
_CA = "/etc/kubernetes/pki/ca.crt"
_CA_FILE = {_CA: HostFile(text="", mode=0o644)}
_NAMED_BY_PROVIDER = frozenset({Installation.EKS, Installation.GKE, Installation.AKS})


def _client_ca(node: Node) -> Verdict:
    found = setting(node, CLIENT_CA)
    if not found.value:
        return found.verdict(State.FAIL, wanted="a file")
    answer = node.look(FileStatusOf(found.value))
    if isinstance(answer, Unreadable):
        raise NotReadable(answer)
    if isinstance(answer, FileStatus):
        return found.verdict(State.PASS)
    return Verdict(state=State.FAIL, observed=f"{found.value}, which is not there", evidence=found.evidence)


def _hostname_override(node: Node) -> Verdict:
    launch = configuration(node).launch
    name = launch.flags.text("hostname-override")
    if name is None:
        return Verdict(state=State.PASS, observed="unset", evidence=launch.evidence)
    evidence = Evidence(source=launch.evidence.source, path=f"{launch.evidence.path} --hostname-override")
    provider = launch.flags.text("cloud-provider")
    if provider or node.circumstances.installation in _NAMED_BY_PROVIDER:
        note = "The cloud provider's own name for the node: it must be the one in the node's certificate."
        return Verdict(state=State.PASS, observed=f"{name}, by the cloud provider", evidence=evidence, note=note)
    return Verdict(state=State.FAIL, observed=name, wanted="unset", evidence=evidence)


RULES = (
    NodeRule(
        slug="kubelet-anonymous-auth",
        severity=Severity.CRITICAL,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("4.2.1"), *in_clouds("3.2.1", *_CLOUDS)),
        threats=KUBELET_DEFAULTS
        | {
            "unauthorized-kubelet-change",
            "kubelet-privilege-elevation",
            "kubelet-authentication-without-tls",
            "weak-kubelet-authentication",
        },
        wrong="The kubelet takes requests of nobody in particular.",
        threat="Whoever reaches port 10250 runs commands in the node's pods, if the authorization mode lets anybody.",
        wants="have anonymous authentication off; without a configuration file it is on",
        fix="authentication.anonymous.enabled: false",
        remedy=Remedy.KUBELET,
        judge=must_be(ANONYMOUS, wanted=False),
        examples=(
            filed("on in the file", State.FAIL, "authentication: {anonymous: {enabled: true}}\n"),
            filed("off in the file", State.PASS, "authentication: {anonymous: {enabled: false}}\n"),
            filed("an empty file has safe defaults", State.PASS, ""),
            filed("the flag wins over the file", State.FAIL, "", "--anonymous-auth"),
            filed("the last flag wins", State.PASS, "", "--anonymous-auth=true", "--anonymous-auth=false"),
            filed("a boolean flag takes no word", State.FAIL, "", "--anonymous-auth", "false"),
            filed("a word that is no boolean", State.UNKNOWN, "authentication: {anonymous: {enabled: 'false'}}\n"),
            filed("a file that does not parse", State.UNKNOWN, "authentication: {\n"),
            flagged("neither file nor flag", State.FAIL),
            flagged("a file that is not there", State.UNKNOWN, f"--config={CONFIG}"),
            flagged("off by flag", State.PASS, "--anonymous-auth=false"),
            served("on as it runs", State.FAIL, {"authentication": {"anonymous": {"enabled": True}}}),
            served("off as it runs", State.PASS, {"authentication": {"anonymous": {"enabled": False}}}),
            filed(
                "a drop-in has the last word",
                State.FAIL,
                "authentication: {anonymous: {enabled: false}}\n",
                "--config-dir=/etc/kubernetes/kubelet.d",
                files={
                    "/etc/kubernetes/kubelet.d/20.conf": HostFile(
                        text="authentication: {anonymous: {enabled: true}}\n"
                    ),
                    "/etc/kubernetes/kubelet.d/10.conf": HostFile(
                        text="authentication: {anonymous: {enabled: false}}\n"
                    ),
                    "/etc/kubernetes/kubelet.d/30.yaml": HostFile(
                        text="authentication: {anonymous: {enabled: false}}\n"
                    ),
                },
            ),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-always-allow-authorization",
        severity=Severity.CRITICAL,
        stride=frozenset({Stride.ELEVATION}),
        references=(CisKubernetes("4.2.2"), *in_clouds("3.2.2", *_CLOUDS)),
        threats=KUBELET_DEFAULTS
        | {"unauthorized-kubelet-change", "kubelet-privilege-elevation", "kubelet-allows-every-request"},
        wrong="The kubelet allows every request.",
        threat="Any certificate or token that the kubelet takes is enough to run commands in every pod of the node.",
        wants="have the authorization mode Webhook; without a configuration file it is AlwaysAllow",
        fix="authorization.mode: Webhook",
        remedy=Remedy.KUBELET,
        judge=must_be(AUTHORIZATION, "Webhook"),
        examples=(
            filed("AlwaysAllow in the file", State.FAIL, "authorization: {mode: AlwaysAllow}\n"),
            filed("Webhook in the file", State.PASS, "authorization: {mode: Webhook}\n"),
            filed("an empty file has safe defaults", State.PASS, ""),
            flagged("neither file nor flag", State.FAIL),
            flagged("a flag and its value apart", State.FAIL, "--authorization-mode", "AlwaysAllow"),
            flagged("Webhook by flag", State.PASS, "--authorization-mode", "Webhook"),
            flagged("no anonymous requests, which says nothing of the mode", State.FAIL, "--anonymous-auth=false"),
            filed("a mode that nobody knows", State.FAIL, "authorization: {mode: webhook}\n"),
            served("AlwaysAllow as it runs", State.FAIL, {"authorization": {"mode": "AlwaysAllow"}}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="missing-kubelet-client-ca",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("4.2.3"), *in_clouds("3.2.3", *_CLOUDS)),
        threats=KUBELET_DEFAULTS
        | {"unauthorized-kubelet-change", "apiserver-kubelet-spoofing", "kubelet-authentication-without-tls"},
        wrong="The kubelet does not know whose certificates to believe.",
        threat="Without a client CA the kubelet cannot tell the API server from anybody else.",
        wants="have a client CA file, and the file must be there",
        fix=f"authentication.x509.clientCAFile: {_CA}",
        remedy=Remedy.KUBELET,
        judge=_client_ca,
        examples=(
            filed("unset", State.FAIL, ""),
            filed("set", State.PASS, f"authentication: {{x509: {{clientCAFile: {_CA}}}}}\n", files=_CA_FILE),
            filed("set, and no such file", State.FAIL, f"authentication: {{x509: {{clientCAFile: {_CA}}}}}\n"),
            flagged("set by flag", State.PASS, "--client-ca-file", _CA, files=_CA_FILE),
            served("unset as it runs", State.FAIL, {"authentication": {"x509": {}}}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="disabled-kubelet-token-webhook",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("4.2.3"),),
        threats=KUBELET_DEFAULTS | {"kubelet-authentication-without-tls"},
        wrong="The kubelet does not have the API server check tokens.",
        threat="Callers with a ServiceAccount's token count as anonymous, which tempts people to allow anonymous ones.",
        wants="have webhook authentication on; without a configuration file it is off",
        fix="authentication.webhook.enabled: true",
        remedy=Remedy.KUBELET,
        judge=must_be(TOKEN_WEBHOOK, wanted=True),
        examples=(
            filed("off in the file", State.FAIL, "authentication: {webhook: {enabled: false}}\n"),
            filed("an empty file has safe defaults", State.PASS, ""),
            flagged("neither file nor flag", State.FAIL),
            flagged("on by flag", State.PASS, "--authentication-token-webhook"),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-read-only-port",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(CisKubernetes("4.2.4"), *in_clouds("3.2.4", *_CLOUDS)),
        threats=KUBELET_DEFAULTS
        | {"unauthorized-kubelet-change", "unauthenticated-management-access", "weak-kubelet-authentication"},
        wrong="The kubelet answers without asking who is there.",
        threat="Whoever reaches the read-only port reads the specs of all pods of the node, environment included.",
        wants="have no read-only port; without a configuration file it is 10255",
        fix="readOnlyPort: 0",
        remedy=Remedy.KUBELET,
        judge=must_be(READ_ONLY_PORT, 0),
        examples=(
            filed("open in the file", State.FAIL, "readOnlyPort: 10255\n"),
            filed("closed in the file", State.PASS, "readOnlyPort: 0\n"),
            filed("an empty file has safe defaults", State.PASS, ""),
            filed("a string is no port", State.UNKNOWN, "readOnlyPort: '0'\n"),
            flagged("neither file nor flag", State.FAIL),
            flagged("closed by flag", State.PASS, "--read-only-port=0"),
            flagged("the last flag wins", State.FAIL, "--read-only-port=0", "--read-only-port=10255"),
            served("left out as it runs, which is 0", State.PASS, {"authentication": {}}),
            served("open as it runs", State.FAIL, {"readOnlyPort": 10255}),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="kubelet-hostname-override",
        severity=Severity.LOW,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisKubernetes("4.2.7"),),
        threats=KUBELET_DEFAULTS,
        wrong="The kubelet calls its node by another name than the host's.",
        threat="A node under another's name breaks the check of serving certificates and confuses audit logs.",
        wants="not be set, unless a cloud provider names its nodes so",
        fix="Remove the flag --hostname-override",
        remedy=Remedy.KUBELET,
        judge=_hostname_override,
        examples=(
            filed("overridden", State.FAIL, "", "--hostname-override=control-plane-1"),
            filed("unset", State.PASS, ""),
            filed("by a cloud provider", State.PASS, "", "--hostname-override=i-1", "--cloud-provider=external"),
            NodeExample(
                title="by the installation of a cloud provider",
                state=State.PASS,
                files={CONFIG: HostFile()},
                processes=flagged("", State.PASS, "--hostname-override", "ip-192-0-2-1").processes,
                circumstances=Circumstances(installation=Installation.EKS),
            ),
            NO_KUBELET,
        ),
    ),
)
