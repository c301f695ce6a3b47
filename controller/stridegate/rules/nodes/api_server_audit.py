"""What the API server writes down of who did what."""

from __future__ import annotations

from functools import partial

from stridegate.model.nodes.audit_policies import gaps
from stridegate.model.nodes.components import Started
from stridegate.model.nodes.flag_rules import (
    StartJudgement,
    flag_rule,
    must_be_at_least,
    must_name_files,
    named_document,
    shown,
    starts,
)
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisKubernetes
from stridegate.model.vocabulary import Severity, Stride

_POLICY_FLAG = "audit-policy-file"
_rule = partial(
    flag_rule,
    "kube-apiserver",
    severity=Severity.MEDIUM,
    stride=Stride.REPUDIATION,
    threats=("unauthorized-apiserver-change",),
    remedy=Remedy.AUDIT_LOG,
)
_case = partial(starts, "kube-apiserver")


def _or_webhook(judge: StartJudgement) -> StartJudgement:
    """Return the judgement that passes as well where events go to a webhook, and no log is kept here."""

    def judge_log(started: Started, node: Node) -> Verdict:
        flag = "audit-webhook-config-file"
        if started.flags.text(flag) and not started.flags.text("audit-log-path"):
            return started.verdict(State.PASS, shown(started, flag), "Events go to a webhook, which keeps them.")
        return judge(started, node)

    return judge_log


def _rotated(judge: StartJudgement) -> StartJudgement:
    """Return the judgement of how old logs are kept, which is not the API server's business where the log is its output."""

    def judge_log(started: Started, node: Node) -> Verdict:
        if started.flags.text("audit-log-path") == "-":
            note = "The log goes to standard output: whoever collects that decides how long it is kept."
            return started.verdict(State.WARN, shown(started, "audit-log-path"), note)
        return judge(started, node)

    return _or_webhook(judge_log)


def _has_log(started: Started, _: Node) -> Verdict:
    path = started.flags.text("audit-log-path")
    note = "The log goes to standard output: whoever collects that keeps it." if path == "-" else ""
    return started.verdict(State.PASS if path else State.FAIL, shown(started, "audit-log-path"), note)


def _is_complete(started: Started, node: Node) -> Verdict:
    policy = named_document(started, node, _POLICY_FLAG)
    if policy is None:
        gone = ", which does not exist" if started.flags.text(_POLICY_FLAG) else ": nothing is logged"
        return started.verdict(State.FAIL, f"{shown(started, _POLICY_FLAG)}{gone}")
    path = started.on_host(started.flags.text(_POLICY_FLAG) or "")
    evidence = Evidence(source=Source.FILE, path=path)
    found = gaps(policy, path)
    if not found:
        return Verdict(state=State.PASS, observed="logs what it must", evidence=evidence)
    offenders = tuple(Offender(name=gap.what, observed=gap.words) for gap in found)
    observed = f"{found[0].what} {found[0].words}" if len(found) == 1 else f"{len(found)} gaps, {found[0].what} first"
    return Verdict(state=State.FAIL, observed=observed[:128], evidence=evidence, offenders=offenders)


_WEBHOOK = "--audit-webhook-config-file=/etc/kubernetes/audit-hook.yaml"


def _number_cases(flag: str, least: int) -> tuple[NodeExample, ...]:
    return (
        _case(State.PASS, "--audit-log-path=/var/log/audit.log", f"--{flag}={least}"),
        _case(State.PASS, _WEBHOOK),
        _case(State.WARN, "--audit-log-path=-"),
        _case(State.FAIL),
        _case(State.FAIL, f"--{flag}={least}", f"--{flag}={least - 1}"),
        _case(State.FAIL, "--audit-log-path=/var/log/audit.log", _WEBHOOK, title="both, and the log's is unset"),
        _case(State.UNKNOWN, f"--{flag}=many"),
    )


_POLICY = "/etc/kubernetes/audit-policy.yaml"
_SET = f"--{_POLICY_FLAG}={_POLICY}"
_ALL_METADATA = "- level: Metadata\n"


def _policy(*rules: str, more: str = "") -> dict[str, HostFile]:
    return {_POLICY: HostFile(text=f"apiVersion: audit.k8s.io/v1\nkind: Policy\n{more}rules:\n" + "".join(rules))}


_SENSITIVE = (
    "- level: Metadata\n  resources:\n  - {group: '', resources: [secrets, configmaps]}\n"
    "  - {group: authentication.k8s.io, resources: [tokenreviews]}\n"
)
_PROXY_OF_NODES = "- level: None\n  users: ['system:kube-proxy']\n  verbs: [watch]\n  resources: [{group: '', resources: [services]}]\n"
_ALL_WITH_CONTENTS = "- level: RequestResponse\n"

_incomplete = partial(_case, State.FAIL, _SET)

RULES: tuple[NodeRule, ...] = (
    _rule(
        slug="missing-audit-log",
        references=(CisKubernetes("1.2.16"),),
        wrong="The API server keeps no audit log.",
        threat="Who changed what, and from where, cannot be told afterwards: a break-in leaves no trace.",
        wants="have --audit-log-path, or a webhook that gets the events",
        fix="--audit-log-path=/var/log/kubernetes/audit/audit.log and --audit-policy-file",
        judge=_or_webhook(_has_log),
        examples=(
            _case(State.PASS, "--audit-log-path=/var/log/audit.log"),
            _case(State.PASS, "--audit-log-path=-"),
            _case(State.PASS, _WEBHOOK),
            _case(State.FAIL),
            _case(State.FAIL, "--audit-log-path="),
        ),
    ),
    _rule(
        slug="short-audit-log-retention",
        references=(CisKubernetes("1.2.17"),),
        wrong="The audit log is kept for less than 30 days.",
        threat="Break-ins are noticed after weeks; by then the log that could explain them is gone.",
        wants="have --audit-log-maxage of at least 30 days",
        fix="--audit-log-maxage=30",
        judge=_rotated(must_be_at_least("audit-log-maxage", 30)),
        examples=_number_cases("audit-log-maxage", 30),
    ),
    _rule(
        slug="few-audit-log-backups",
        references=(CisKubernetes("1.2.18"),),
        wrong="Fewer than 10 old audit log files are kept.",
        threat="Some noise is enough to push what matters out of the log.",
        wants="have --audit-log-maxbackup of at least 10",
        fix="--audit-log-maxbackup=10",
        judge=_rotated(must_be_at_least("audit-log-maxbackup", 10)),
        examples=_number_cases("audit-log-maxbackup", 10),
    ),
    _rule(
        slug="small-audit-log-files",
        references=(CisKubernetes("1.2.19"),),
        wrong="Audit log files are rotated below 100 MB.",
        threat="Small files are rotated away quickly: some noise pushes what matters out of the log.",
        wants="have --audit-log-maxsize of at least 100",
        fix="--audit-log-maxsize=100",
        judge=_rotated(must_be_at_least("audit-log-maxsize", 100)),
        examples=_number_cases("audit-log-maxsize", 100),
    ),
    _rule(
        slug="missing-audit-policy",
        references=(CisKubernetes("3.2.1"),),
        wrong="The API server has no audit policy.",
        threat="Without a policy nothing is logged, whatever the log's flags say.",
        wants="have --audit-policy-file with a file that exists",
        fix="--audit-policy-file=/etc/kubernetes/audit-policy.yaml",
        judge=must_name_files(_POLICY_FLAG),
        examples=(
            _case(State.PASS, _SET, files=_policy(_ALL_METADATA)),
            _case(State.FAIL, _SET, title="no such file"),
            _case(State.FAIL),
        ),
    ),
    _rule(
        slug="incomplete-audit-policy",
        references=(CisKubernetes("3.2.2"),),
        wrong="The audit policy leaves out what matters, or logs Secrets.",
        threat="What is not logged cannot be told afterwards; what is logged with its contents is a second, unguarded store of Secrets.",
        wants=(
            "log secrets, configmaps and tokenreviews at Metadata, exec, attach, portforward and proxy, and writes of "
            "RBAC objects, with no catch-all of level None in front"
        ),
        fix="log secrets, configmaps and tokenreviews at Metadata, then everything else at Metadata or more",
        judge=_is_complete,
        examples=(
            _case(State.PASS, _SET, title="everything at Metadata", files=_policy(_ALL_METADATA)),
            _case(
                State.PASS,
                _SET,
                title="contents of all but the sensitive",
                files=_policy(_PROXY_OF_NODES, _SENSITIVE, _ALL_WITH_CONTENTS),
            ),
            _incomplete(title="contents of Secrets", files=_policy(_ALL_WITH_CONTENTS)),
            _incomplete(
                title="contents first",
                files=_policy("- {level: Request, verbs: [create]}\n", _SENSITIVE, _ALL_METADATA),
            ),
            _incomplete(title="nothing comes first", files=_policy("- level: None\n", _ALL_METADATA)),
            _incomplete(
                title="nothing for everybody",
                files=_policy("- {level: None, userGroups: ['system:authenticated']}\n", _ALL_METADATA),
            ),
            _incomplete(title="the sensitive alone", files=_policy(_SENSITIVE)),
            _incomplete(
                title="pods without their subresources",
                files=_policy("- {level: None, resources: [{group: '', resources: ['pods/*']}]}\n", _ALL_METADATA),
            ),
            _incomplete(
                title="no stage at all",
                files=_policy(_ALL_METADATA, more="omitStages: [RequestReceived, ResponseComplete]\n"),
            ),
            _incomplete(title="no rules", files={_POLICY: HostFile(text="kind: Policy\nrules: []\n")}),
            _incomplete(title="no such file"),
            _case(State.FAIL),
            _case(State.UNKNOWN, _SET, title="no policy", files={_POLICY: HostFile(text="rules: all")}),
        ),
    ),
)
