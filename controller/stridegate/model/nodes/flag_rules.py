"""What rules about a component's flags share: how they judge, and the hosts of their examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from stridegate.model.nodes.answers import FileStatus, Unreadable
from stridegate.model.nodes.components import Started, component
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST
from stridegate.model.nodes.nodes import Circumstances, Node, NotReadable, Role
from stridegate.model.nodes.queries import Document, FileStatusOf, Query, Syntax
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.references import Reference
from stridegate.model.vocabulary import Severity, Stride

# Judges a component by how it was started; the node is there to look at the files that its flags name.
StartJudgement = Callable[[Started, Node], Verdict]

NOTHING: Mapping[str, HostFile] = {}
NO_ANSWERS: Mapping[Query[object], object] = {}


def started_as(name: str, judge: StartJudgement) -> Callable[[Node], Verdict]:
    """Return the judgement of a node by its component of that name; a node without one has nothing to judge."""

    def judge_node(node: Node) -> Verdict:
        return judge(component(node, name), node)

    return judge_node


def shown(started: Started, flag: str, default: str = "") -> str:
    """Return what a flag says, in words for a person."""
    value = started.flags.text(flag)
    if value is None:
        return f"--{flag} is unset" + (f" ({default})" if default else "")
    return f"--{flag}={value}" if value else f"--{flag}"


def must_be(flag: str, *, wanted: bool, default: bool) -> StartJudgement:
    """Return the judgement that a boolean flag, or its default, is as wanted."""

    def judge(started: Started, _: Node) -> Verdict:
        if started.flags.is_ambiguous(flag):
            note = "The value of a boolean flag stands behind an equals sign; as a word of its own it is none."
            return started.verdict(State.FAIL, f"--{flag} {started.flags.text(flag)}", note)
        value = started.flags.truth(flag)
        effective = default if value is None else value
        state = State.PASS if effective is wanted else State.FAIL
        return started.verdict(state, shown(started, flag, str(default).lower()))

    return judge


def must_be_unset(flag: str) -> StartJudgement:
    """Return the judgement that a flag is not there at all."""

    def judge(started: Started, _: Node) -> Verdict:
        return started.verdict(State.FAIL if flag in started.flags else State.PASS, shown(started, flag))

    return judge


def must_be_at_least(flag: str, least: int) -> StartJudgement:
    """Return the judgement that a numeric flag is set, and large enough."""

    def judge(started: Started, _: Node) -> Verdict:
        value = number(started, flag)
        state = State.PASS if value is not None and value >= least else State.FAIL
        return started.verdict(state, shown(started, flag))

    return judge


def must_name_files(*flags: str) -> StartJudgement:
    """Return the judgement that each flag names a file that exists."""

    def judge(started: Started, node: Node) -> Verdict:
        return lacking_files(started, node, *flags) or started.verdict(
            State.PASS, " ".join(shown(started, flag) for flag in flags)
        )

    return judge


def lacking_files(started: Started, node: Node, *flags: str) -> Verdict | None:
    """Return the Fail that a flag is unset or names a file that is not there; None where all are."""
    for flag in flags:
        path = started.flags.text(flag)
        if not path:
            return started.verdict(State.FAIL, shown(started, flag))
        if status_of(started, node, path) is None:
            return started.verdict(State.FAIL, f"{shown(started, flag)}, which does not exist")
    return None


def status_of(started: Started, node: Node, path: str) -> FileStatus | None:
    """Return the metadata of a file that a component names, None where there is none. Raises NotReadable."""
    return node.get(FileStatusOf(started.on_host(path)))


def named_document(started: Started, node: Node, flag: str) -> Mapping[str, object] | None:
    """Return the parsed YAML file that a flag names: None where the flag is unset or there is no such file.

    Raises NotReadable where it could not be read, or holds something else than a map.
    """
    path = started.flags.text(flag)
    if not path:
        return None
    document = node.get(Document(started.on_host(path), Syntax.YAML))
    if document is None:
        return None
    if not isinstance(document, Mapping):
        raise NotReadable(Unreadable(path, "wanted a map"))
    return document


def number(started: Started, flag: str) -> int | None:
    """Return a whole number that a flag says, None where it is unset. Raises NotReadable where it is none."""
    text = started.flags.text(flag)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise NotReadable(Unreadable(f"--{flag}", f"wanted a number, got {text[:40]!r}")) from None


def manifest_text(name: str, *flags: str, environment: Mapping[str, str] = {}) -> str:
    """Return the manifest of a component's static pod as kubeadm writes it, /etc and /var of the node mounted."""
    lines = [
        "apiVersion: v1",
        "kind: Pod",
        f"metadata: {{name: {name}, namespace: kube-system}}",
        "spec:",
        "  hostNetwork: true",
        "  volumes:",
        "  - {name: etc, hostPath: {path: /etc}}",
        "  - {name: var, hostPath: {path: /var}}",
        "  containers:",
        f"  - name: {name}",
        "    volumeMounts: [{name: etc, mountPath: /etc}, {name: var, mountPath: /var}]",
        f"    env: {json.dumps([{'name': key, 'value': value} for key, value in environment.items()])}",
        "    command:",
        *(f"    - {json.dumps(word)}" for word in (name, *flags)),
    ]
    return "\n".join(lines) + "\n"


def starts(
    name: str,
    state: State,
    *flags: str,
    files: Mapping[str, HostFile] = NOTHING,
    answers: Mapping[Query[object], object] = NO_ANSWERS,
    title: str = "",
) -> NodeExample:
    """Return the example of a control plane node whose manifest starts a component with these flags."""
    return NodeExample(
        title=title or " ".join(flags) or "unset",
        state=state,
        files={f"/etc/kubernetes/manifests/{name}.yaml": HostFile(text=manifest_text(name, *flags)), **files},
        answers=answers,
        circumstances=Circumstances(role=Role.CONTROL_PLANE),
    )


def sentence(fix: str) -> str:
    """Return what to set or to remove as a sentence."""
    words = f"Set {fix}" if fix.startswith("-") else fix[0].upper() + fix[1:]
    return words if words.endswith((".", "…")) else f"{words}."


def flag_rule(  # noqa: PLR0913 - a declaration has a word for each of these
    name: str,
    *,
    slug: str,
    severity: Severity,
    stride: Stride,
    wrong: str,
    threat: str,
    wants: str,
    fix: str,
    judge: StartJudgement,
    examples: tuple[NodeExample, ...],
    references: tuple[Reference, ...] = (),
    threats: tuple[str, ...] = (),
    remedy: Remedy = Remedy.CONTROL_PLANE_FLAG,
) -> NodeRule:
    """Return the rule about how a component of the control plane is started."""
    absent = NodeExample(title=f"no {name} here", state=State.NOT_APPLICABLE)
    return NodeRule(
        slug=slug,
        severity=severity,
        stride=frozenset({stride}),
        references=references,
        threats=frozenset({*threats, MISCONFIGURED_HOST}),
        wrong=wrong,
        threat=threat,
        wants=wants,
        fix=sentence(fix),
        remedy=remedy,
        judge=started_as(name, judge),
        examples=(*examples, absent),
    )
