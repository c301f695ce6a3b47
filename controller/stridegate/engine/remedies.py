"""The ready fix of a denial: the findings' patches as one command for the object that a person edits."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stridegate.engine.harden import agree
from stridegate.engine.mend import improve
from stridegate.engine.merges import StrategicMerge
from stridegate.model.findings import Finding
from stridegate.model.places import Pointer
from stridegate.model.policies import Workload
from stridegate.model.rules import Question
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Safety

# The most fields that one command changes: beyond that it is no line that fits a message, or that anybody would check.
_MOST_PLACES = 256

# Whatever is no ASCII is escaped: the command may hold paths that the author of the pod chose.
_encode = json.JSONEncoder(separators=(",", ":")).encode

# What the API server lets an object be called. An owner reference can say anything, and the command is for a shell.
_NAME = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}", re.ASCII)

# Where the kinds that people write keep their pod template.
_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The workload that a judged object belongs to, or the object itself, where it is its `own`; whether the object is there already.

    A refused object is not there, or is as it was: its own fix goes through the manifest it came from. A pod that
    belongs to a workload is mended in the workload's template.
    """

    namespace: str
    workload: Workload
    own: bool
    exists: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What heals some findings.

    `command` is one line of shell; `check_first` are the slugs whose part of it may stop an application. `unhealed`
    counts the findings that it leaves to a human. It is `long`, and there is no command, where it would change more
    than anybody reads in one line.
    """

    command: str | None
    check_first: tuple[str, ...]
    unhealed: int
    long: bool = False


def remedy(
    pod: PodView, findings: Iterable[Finding], target: Target, questions: Sequence[Question[PodView]] = ()
) -> Remedy:
    """Return the fix of some findings, for what a person would edit to get rid of them.

    It has no part after which one of the questions would find anything worse.
    """
    findings = list(findings)
    patches = [
        (finding, finding.violation.patch)
        for finding in findings
        if finding.violation is not None and finding.violation.patch is not None
    ]
    edits = [edit for _, patch in patches for edit in patch.edits]
    if len(edits) > _MOST_PLACES and len({edit.place.pointer for edit in edits}) > _MOST_PLACES:
        return Remedy(command=None, check_first=(), unhealed=len(findings) - len(patches), long=True)
    made, _ = agree(pod, improve(questions, pod, patches))
    merge = StrategicMerge(pod)
    healed = [(finding, patch) for finding, patch in made if merge.take(patch.edits)]
    check_first = {finding.rule.slug for finding, patch in healed if patch.safety is Safety.RISKY}
    command = _command(pod, merge.patch, target) if merge.patch else None
    return Remedy(
        command=command,
        check_first=tuple(sorted(check_first)) if command else (),
        unhealed=len(findings) - (len(healed) if command else 0),
    )


def _command(pod: PodView, merge: dict[str, object], target: Target) -> str | None:
    namespace, owner = target.namespace, target.workload
    if not _NAME.fullmatch(namespace):
        return None
    if target.own:
        return _manifest(owner, _within(pod.prefix, merge), f"kubectl -n {namespace} {_send(pod, target)} -f -")
    if owner.kind == "Job":
        # A Job's template is immutable.
        return _manifest(owner, _within(("spec", "template"), merge), f"kubectl -n {namespace} replace --force -f -")
    if owner.kind not in _TEMPLATES or not _NAME.fullmatch(owner.name):
        return None
    patch = _quoted(_within(_TEMPLATES[owner.kind], merge))
    return f"kubectl -n {namespace} patch {owner.kind.lower()} {owner.name} --type=strategic -p {patch}"


def _manifest(workload: Workload, patch: dict[str, object], send: str) -> str:
    """Return the command that mends a manifest on its way to the API server."""
    file = f"{workload.kind.lower()}.yaml"
    return f"kubectl patch --local -f {file} --type=strategic -p {_quoted(patch)} -o yaml | {send}"


def _send(pod: PodView, target: Target) -> str:
    """Return how a mended manifest is sent: apply cannot send one without a name, nor change what is immutable."""
    if target.exists and target.workload.kind in {"Pod", "Job"}:
        return "replace --force"
    return "create" if pod.metadata.generateName and not pod.prefix else "apply"


def _within(path: Pointer, value: dict[str, object]) -> dict[str, object]:
    for part in reversed(path):
        value = {str(part): value}
    return value


def _quoted(value: dict[str, object]) -> str:
    return shlex.quote(_encode(value))
