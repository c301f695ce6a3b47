"""The fix of a denial is one command, made in a time that its length bounds."""

from __future__ import annotations

from specimens import judged, laid_over, policy, regime, view
from stridegate.engine.evaluate import evaluate
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


def test_a_list_that_two_findings_add_to_is_gone_through_in_proportion_to_its_length() -> None:
    assert calls(lambda: dropping(1000)) < TENFOLD * calls(lambda: dropping(100))
