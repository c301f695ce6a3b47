"""The fix of a denial is one command, made in a time that its length bounds."""

from __future__ import annotations

import pytest

from specimens import judged, laid_over, policy, regime, view
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.engine.remedies import Remedy, Target, remedy
from stridegate.model.edits import Append, Patch
from stridegate.model.findings import Finding
from stridegate.model.places import Field
from stridegate.model.pods import Capabilities, Container, PodSpec, PodTemplate, SecurityContext
from stridegate.model.policies import Workload
from stridegate.model.rules import Violation
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Safety
from work import TENFOLD, calls

TARGET = Target(namespace="shop", workload=Workload("Deployment", "web"), own=False, exists=True)
DROPPED = Field[tuple[str, ...]]("securityContext.capabilities.drop")


class Name(str):
    """A text whose comparisons are calls, and so can be counted."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def of_many(count: int) -> Remedy:
    """Return the fix of a pod with so many containers that say nothing."""
    containers = ", ".join(f"{{name: c{number}}}" for number in range(count))
    pod = laid_over(f"containers: [{containers}]")
    return remedy(view(pod), judged(pod), TARGET)


def dropping(count: int) -> None:
    """Make the fix of a container that drops so many capabilities, for two findings that add to them."""
    names = tuple(Name(f"CAP_{number}") for number in range(count))
    context = SecurityContext(capabilities=Capabilities(drop=names))
    container = Container(name="app", securityContext=context)
    pod = PodView(PodTemplate(spec=PodSpec(containers=(container,))))
    place = DROPPED.at(pod.containers[0])
    findings = judged(laid_over("hostPID: true"))
    patch = Patch.fill(Append(place, ("ALL",)), safety=Safety.SAFE)
    violation = Violation(place, observed="long", wanted="list ALL", patch=patch)
    remedy(pod, [Finding(findings[0].question, violation)] * 2, TARGET)


def test_a_fix_of_too_many_fields_is_not_made() -> None:
    fix = of_many(1000)

    assert fix.long
    assert fix.command is None


def test_a_fix_of_a_few_containers_is_one_command() -> None:
    fix = of_many(10)

    assert not fix.long
    assert fix.command is not None
    assert all(f'"name":"c{number}"' in fix.command for number in range(10))


def test_one_field_that_heals_many_containers_is_one_place() -> None:
    containers = ", ".join(f"{{name: c{number}, securityContext: {{seccompProfile: null}}}}" for number in range(300))
    pod = view(laid_over(f"securityContext: {{seccompProfile: null}}\ncontainers: [{containers}]"))
    findings = [
        each for each in evaluate(regime(policy()).questions, pod) if each.rule.slug == "missing-seccomp-profile"
    ]

    fix = remedy(pod, findings, TARGET)

    assert len(findings) > 300
    assert (fix.long, fix.unhealed) == (False, 0)
    assert fix.command is not None


def test_where_nothing_can_be_mended_there_is_no_command() -> None:
    pod = laid_over("hostPID: true")

    fix = remedy(view(pod), judged(pod), TARGET)

    assert (fix.command, fix.check_first, fix.unhealed) == (None, (), len(judged(pod)))


def test_a_rule_that_could_not_judge_is_left_over_and_keeps_no_fix_from_the_others() -> None:
    pod = laid_over("securityContext: {seccompProfile: null}")
    findings = [each for each in judged(pod) if each.rule.slug == "missing-seccomp-profile"]
    broken = Finding(findings[0].question, None, error="broken")

    fix = remedy(view(pod), [broken, *findings], TARGET)

    assert fix.command is not None
    assert fix.unhealed == 1


@pytest.mark.parametrize(
    ("kind", "exists", "metadata", "sent"),
    [
        ("Pod", False, {"name": "web"}, "apply"),
        ("Pod", False, {"generateName": "web-"}, "create"),
        # Nothing but its images can change in a pod that is there, nor in the template of a Job.
        ("Pod", True, {"name": "web"}, "replace --force"),
        ("Job", True, {"name": "web"}, "replace --force"),
        ("Deployment", True, {"name": "web"}, "apply"),
    ],
)
def test_what_a_person_edits_is_sent_as_the_api_server_takes_it(
    kind: str, exists: bool, metadata: JsonMap, sent: str
) -> None:
    pod = {**laid_over("securityContext: {seccompProfile: null}"), "metadata": metadata}
    target = Target(namespace="shop", workload=Workload(kind, "web"), own=True, exists=exists)

    fix = remedy(view(pod), judged(pod), target)

    assert fix.command is not None
    assert fix.command.endswith(f" -o yaml | kubectl -n shop {sent} -f -")


def test_the_pods_of_a_job_are_mended_in_a_job_that_takes_its_place() -> None:
    pod = laid_over("securityContext: {seccompProfile: null}")
    target = Target(namespace="shop", workload=Workload("Job", "backup"), own=False, exists=False)

    fix = remedy(view(pod), judged(pod), target)

    assert fix.command is not None
    assert fix.command.endswith(" -o yaml | kubectl -n shop replace --force -f -")
    assert '{"spec":{"template":{"spec":' in fix.command


def test_a_list_that_two_findings_add_to_is_gone_through_in_proportion_to_its_length() -> None:
    assert calls(lambda: dropping(1000)) < TENFOLD * calls(lambda: dropping(100))
