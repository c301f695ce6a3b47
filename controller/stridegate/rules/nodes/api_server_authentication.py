"""Whom the API server believes, and with what credentials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import flag_rule, must_be, must_be_unset, named_document, number, shown, starts
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_rule = partial(flag_rule, "kube-apiserver")
_case = partial(starts, "kube-apiserver")

# What load balancers and monitoring ask without credentials (KEP-4633).
_HEALTH = frozenset({"/livez", "/readyz", "/healthz"})


def _anonymous(started: Started, node: Node) -> Verdict:
    flag = "authentication-config"
    if flag in started.flags:
        config = named_document(started, node, flag)
        if config is None:
            return started.verdict(State.FAIL, f"{shown(started, flag)}, which does not exist")
        if config.get("anonymous") is not None:
            path = started.on_host(started.flags.text(flag) or "")
            return _configured(config["anonymous"], Evidence(source=Source.FILE, path=path))
    return must_be("anonymous-auth", wanted=False, default=True)(started, node)


def _configured(anonymous: object, evidence: Evidence) -> Verdict:
    """Judge `anonymous` of an AuthenticationConfiguration; a condition is a path that it is limited to."""
    conditions = (anonymous.get("conditions") or []) if isinstance(anonymous, Mapping) else None
    enabled = (anonymous.get("enabled") or False) if isinstance(anonymous, Mapping) else None
    if not isinstance(enabled, bool) or not isinstance(conditions, list):
        raise NotReadable(Unreadable(f"{evidence.path}: anonymous", "wanted enabled and conditions"))
    if not enabled:
        return Verdict(state=State.PASS, observed="anonymous.enabled is false", evidence=evidence)
    paths = [str(each.get("path")) if isinstance(each, Mapping) else "?" for each in conditions]
    beyond = [path for path in paths if path not in _HEALTH]
    if paths and not beyond:
        note = "Only health checks are answered without credentials."
        return Verdict(state=State.PASS, observed=f"anonymous at {', '.join(paths)}", evidence=evidence, note=note)
    where = ", ".join(beyond) if paths else "every path"
    return Verdict(state=State.FAIL, observed=f"anonymous at {where}", evidence=evidence)


def _insecure_port(started: Started, _: Node) -> Verdict:
    if number(started, "secure-port") == 0:
        return started.verdict(
            State.FAIL, shown(started, "secure-port"), "Without a port with TLS the other one is all there is."
        )
    port = number(started, "insecure-port")
    if port is not None:
        return started.verdict(State.FAIL if port else State.PASS, shown(started, "insecure-port"))
    bound = "insecure-bind-address" in started.flags
    return started.verdict(State.FAIL if bound else State.PASS, shown(started, "insecure-bind-address"))


def _account_key(started: Started, _: Node) -> Verdict:
    for flag in ("service-account-key-file", "service-account-signing-endpoint"):
        if started.flags.text(flag):
            return started.verdict(State.PASS, shown(started, flag))
    return started.verdict(State.FAIL, shown(started, "service-account-key-file"))


def _bootstrap_tokens(started: Started, _: Node) -> Verdict:
    used = started.flags.truth("enable-bootstrap-token-auth")
    note = "Nodes join with such tokens; one that does not expire is a way in for ever." if used else ""
    state = State.WARN if used else State.PASS
    return started.verdict(state, shown(started, "enable-bootstrap-token-auth", "false"), note)


_CONFIG = "/etc/kubernetes/authentication.yaml"


def _config(text: str) -> dict[str, HostFile]:
    return {
        _CONFIG: HostFile(text=f"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n{text}")
    }


_configured_case = partial(_case, State.PASS, f"--authentication-config={_CONFIG}")

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="apiserver-anonymous-auth",
        severity=Severity.HIGH,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.1"),),
        threats=("spoofed-api-caller", "public-api-exposure"),
        wrong="The API server answers requests without credentials.",
        threat="Who reaches the API server is let in as system:anonymous: one careless role binding, and everybody has its rights.",
        wants="refuse anonymous requests, or answer them at /livez, /readyz and /healthz alone",
        fix="--authentication-config with anonymous.conditions for /livez, /readyz and /healthz, or --anonymous-auth=false",
        judge=_anonymous,
        examples=(
            _case(State.PASS, "--anonymous-auth=false"),
            _case(State.FAIL),
            _case(State.FAIL, "--anonymous-auth=true"),
            _case(State.FAIL, "--anonymous-auth=false", "--anonymous-auth"),
            _case(State.PASS, "--anonymous-auth=true", "--anonymous-auth=false"),
            _case(State.FAIL, "--anonymous-auth", "false"),
            _case(State.UNKNOWN, "--anonymous-auth=never"),
            _configured_case(title="off in the file", files=_config("anonymous: {enabled: false}")),
            _configured_case(
                title="health checks alone",
                files=_config("anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}]}"),
            ),
            _case(
                State.FAIL,
                f"--authentication-config={_CONFIG}",
                title="on in the file",
                files=_config("anonymous: {enabled: true}"),
            ),
            _case(
                State.FAIL,
                f"--authentication-config={_CONFIG}",
                title="another path in the file",
                files=_config("anonymous: {enabled: true, conditions: [{path: /livez}, {path: /api}]}"),
            ),
            _case(
                State.FAIL, f"--authentication-config={_CONFIG}", title="the file is silent", files=_config("jwt: []")
            ),
            _case(State.FAIL, "--authentication-config=/etc/gone.yaml"),
            _case(
                State.UNKNOWN,
                f"--authentication-config={_CONFIG}",
                title="no configuration",
                files={_CONFIG: HostFile(text="- 1")},
            ),
        ),
    ),
    _rule(
        slug="apiserver-static-token-file",
        severity=Severity.CRITICAL,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.2"),),
        threats=("spoofed-api-caller", "weak-kubelet-authentication"),
        wrong="The API server takes passwords from a file of static tokens.",
        threat="The tokens stand in clear text on the disk, never expire, and change only with a restart: one leak lasts.",
        wants="have no --token-auth-file",
        fix="remove --token-auth-file",
        judge=must_be_unset("token-auth-file"),
        examples=(_case(State.PASS), _case(State.FAIL, "--token-auth-file=/etc/kubernetes/tokens.csv")),
    ),
    _rule(
        slug="apiserver-basic-auth-file",
        severity=Severity.CRITICAL,
        stride=Stride.SPOOFING,
        references=(CisKubernetes(None, "1.2.2"),),
        threats=("weak-kubelet-authentication",),
        wrong="The API server takes user names and passwords from a file.",
        threat="Passwords in clear text, for ever valid, sent with every request. Kubernetes 1.19 took the flag away: this is older.",
        wants="have no --basic-auth-file",
        fix="remove --basic-auth-file, and upgrade",
        judge=must_be_unset("basic-auth-file"),
        examples=(_case(State.PASS), _case(State.FAIL, "--basic-auth-file", "/etc/kubernetes/users.csv")),
    ),
    _rule(
        slug="apiserver-insecure-port",
        severity=Severity.CRITICAL,
        stride=Stride.SPOOFING,
        references=(CisKubernetes(None, "1.2.17"), CisKubernetes(None, "1.2.18"), CisKubernetes(None, "1.2.19")),
        threats=("public-api-exposure",),
        wrong="The API server has a port without TLS and without authentication.",
        threat="Whoever reaches that port is cluster-admin; nothing asks who he is.",
        wants="have no --insecure-bind-address, no --insecure-port other than 0, and no --secure-port 0",
        fix="remove --insecure-port and --insecure-bind-address, and upgrade: Kubernetes 1.24 has neither",
        judge=_insecure_port,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--insecure-port=0"),
            _case(State.FAIL, "--insecure-port=8080"),
            _case(State.FAIL, "--insecure-bind-address=0.0.0.0"),
            _case(State.FAIL, "--secure-port=0"),
            _case(State.PASS, "--secure-port=6443"),
            _case(State.UNKNOWN, "--insecure-port=http"),
        ),
    ),
    _rule(
        slug="disabled-service-account-lookup",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.21"),),
        wrong="The API server believes service account tokens without looking the account up.",
        threat="A token works on after its account or its pod was deleted: nothing takes it back.",
        wants="look accounts up, as it does by default",
        fix="remove --service-account-lookup=false",
        judge=must_be("service-account-lookup", wanted=True, default=True),
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--service-account-lookup"),
            _case(State.FAIL, "--service-account-lookup=false"),
            _case(State.FAIL, "--service-account-lookup", "false"),
        ),
    ),
    _rule(
        slug="missing-service-account-key",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.22"),),
        wrong="No key of its own verifies service account tokens.",
        threat="The API server then takes its TLS key: it cannot be rotated without breaking all tokens, and one leak forges them.",
        wants="have --service-account-key-file, or an external signer",
        fix="--service-account-key-file=/etc/kubernetes/pki/sa.pub",
        judge=_account_key,
        examples=(
            _case(State.PASS, "--service-account-key-file=/etc/kubernetes/pki/sa.pub"),
            _case(State.PASS, "--service-account-signing-endpoint=/run/signer.sock"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="extended-service-account-tokens",
        severity=Severity.LOW,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("1.2.30"),),
        wrong="Service account tokens are valid for a year instead of an hour.",
        threat="The API server lengthens the tokens in pods for old clients' sake: a stolen one works for a year.",
        wants="have --service-account-extend-token-expiration=false",
        fix="--service-account-extend-token-expiration=false",
        judge=must_be("service-account-extend-token-expiration", wanted=False, default=True),
        examples=(
            _case(State.PASS, "--service-account-extend-token-expiration=false"),
            _case(State.FAIL),
            _case(State.FAIL, "--service-account-extend-token-expiration=true"),
        ),
    ),
    _rule(
        slug="bootstrap-token-auth",
        severity=Severity.MEDIUM,
        stride=Stride.SPOOFING,
        references=(CisKubernetes("3.1.3"),),
        wrong="The API server takes bootstrap tokens.",
        threat="A bootstrap token is a password that lets a machine join as a node; who finds one in a script joins too.",
        wants="have no --enable-bootstrap-token-auth",
        fix="remove --enable-bootstrap-token-auth once all nodes have joined",
        judge=_bootstrap_tokens,
        examples=(
            _case(State.PASS),
            _case(State.PASS, "--enable-bootstrap-token-auth=false"),
            _case(State.WARN, "--enable-bootstrap-token-auth=true"),
            _case(State.WARN, "--enable-bootstrap-token-auth"),
        ),
    ),
)
