"""The page of a rule: why, what it checks, what is bad, what is good, what is made of the bad, and where it comes from."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from handbook.markdown import block, link, listed, prose, table
from handbook.provenance import answered, references
from handbook.sources import parameter_descriptions, source_of, traps_of
from handbook.specimens import Remedy, Specimen, conditions, parameters_of, shown, specimen
from stridegate.kube.policies import PARAMETERS
from stridegate.model.rules import (
    AnyRule,
    ConnectionRule,
    JobRule,
    Parameters,
    PersistentVolumeRule,
    PodRule,
    ServiceRule,
    Violation,
)
from stridegate.model.threats import THREATS
from stridegate.model.vocabulary import Profile, Stride, ValueKind

_JUDGED: Mapping[type[AnyRule], str] = {
    PodRule: "pods, and the templates that they are made from",
    ServiceRule: "Services",
    PersistentVolumeRule: "PersistentVolumes",
    JobRule: "Jobs, and those that CronJobs make",
    ConnectionRule: "`exec` and `attach`",
}

_PROFILES: Mapping[Profile, str] = {
    Profile.BASELINE: "baseline, and so in restricted and hardened",
    Profile.RESTRICTED: "restricted, and so in hardened",
    Profile.HARDENED: "hardened",
    Profile.ADVISORY: "none: audited in every profile, until a policy names it",
}

_REMEDIES: Mapping[Remedy, str] = {
    Remedy.SAFE: "Under `patching: safe` the webhook makes of it:",
    Remedy.RISKY: "Under `patching: all` the webhook makes of it:",
    Remedy.OVERRIDE: "Under `patching: all` and `override: true` for this rule the webhook makes of it:",
    Remedy.AUTHOR: "The webhook leaves it to the author; the denial carries this change as a command:",
}

_PATCHES: Mapping[Remedy, str] = {
    Remedy.SAFE: "safe",
    Remedy.RISKY: "risky (`patching: all`)",
    Remedy.OVERRIDE: "changes an explicit value with `override: true` only",
    Remedy.AUTHOR: "by the author, in the manifest or template",
}


def page(rule: AnyRule) -> str:
    """Return the page of a rule."""
    return "\n".join(_page(rule)).rstrip("\n") + "\n"


def specimens(rule: AnyRule, verdict: str) -> list[Specimen]:
    """Return the examples of a rule with this verdict, and what becomes of them."""
    return [specimen(rule, example) for example in rule.examples if example.verdict == verdict]


def remedies(rule: AnyRule) -> list[Remedy]:
    """Return how the violations of a rule are healed, the readiest first."""
    found = {each.remedy for each in specimens(rule, "bad")}
    return [remedy for remedy in Remedy if remedy in found]


def _page(rule: AnyRule) -> Iterator[str]:
    source = source_of(rule)
    bad, good = specimens(rule, "bad"), specimens(rule, "good")
    told = rule.paragraphs
    yield f"<!-- Generated from {source}: change it there, then run `make generate`. -->"
    yield f"# {rule.slug}"
    yield ""
    yield prose(rule.title)
    yield ""
    yield from table(("", ""), _facts(rule, bad))
    yield from ("## Why is this bad?", "", prose(_sentence(told["Threat"])), "")
    yield from ("## What is checked", "", prose(_sentence(told["Check"])), "")
    yield from ("## How to fix it", "", prose(_sentence(told["Fix"])), "")
    yield from _bad(rule, bad)
    yield from _good(rule, good)
    yield from _policy(rule)
    if isinstance(rule, PodRule):
        yield from _deviation(rule, bad)
    yield from _limits(rule, bad)
    yield from references(rule)
    yield from answered(rule)
    yield from _proofs(rule, bad, good)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _facts(rule: AnyRule, bad: Iterable[Specimen]) -> Iterator[tuple[str, str]]:
    yield "Judges", _JUDGED[type(rule)]
    yield "Severity", str(rule.severity)
    yield "Profile", _PROFILES[rule.profile]
    yield "STRIDE", listed(kind.title for kind in Stride if kind in rule.stride)
    ways = {each.remedy for each in bad}
    yield "Patch", "; ".join(text for remedy, text in _PATCHES.items() if remedy in ways) or "none: a human decides"
    yield "Since", rule.since


def _bad(rule: AnyRule, bad: list[Specimen]) -> Iterator[str]:
    yield from ("## Bad", "")
    yield f"Each example is laid over {rule.laid_over}: what it leaves out is as there, and `null` means absent."
    yield ""
    yield from _example(rule, bad[0])
    if bad[0].remedy is None:
        # The first example that shows what the webhook does stands in the open.
        healed = next((each for each in bad if each.remedy is not None), None)
        if healed is not None:
            yield from _example(rule, healed)
            bad = [each for each in bad if each is not healed]
    if bad[1:]:
        yield f"<details><summary>{len(bad) - 1} more</summary>"
        yield ""
        for each in bad[1:]:
            yield from _example(rule, each)
        yield from ("</details>", "")


def _example(rule: AnyRule, each: Specimen) -> Iterator[str]:
    yield f"### {_sentence(prose(each.title))}"
    yield ""
    if held := conditions(each.example):
        yield from (f"{_sentence(held)}:", "")
    yield from block("yaml", shown(rule, each.example))
    for finding in each.findings:
        yield f"- {prose(finding.sentence)}"
    if each.findings:
        yield ""
    if each.example.also:
        rules = ", ".join(link(slug, f"{slug}.md") for slug in sorted(each.example.also))
        yield from (f"It breaks {rules} as well.", "")
    if each.remedy is not None:
        yield from (_REMEDIES[each.remedy], "")
        yield from block("diff", each.diff)


def _good(rule: AnyRule, good: list[Specimen]) -> Iterator[str]:
    yield from ("## Good", "")
    for each in good[:2]:
        yield from _example(rule, each)
    if good[2:]:
        yield from (f"<details><summary>{len(good) - 2} more</summary>", "")
        for each in good[2:]:
            yield from _example(rule, each)
        yield from ("</details>", "")


def _policy(rule: AnyRule) -> Iterator[str]:
    yield from ("## In a policy", "")
    given = next((each.given.parameters for each in rule.examples if each.given.parameters != Parameters()), None)
    parameters = f", parameters: {parameters_of(given)}" if given is not None and rule.takes else ""
    yield from block("yaml", f"spec:\n  rules:\n    {rule.slug}: {{action: deny{parameters}}}")
    rows = (
        (f"`{name}`", prose(parameter_descriptions()[name])) for name in PARAMETERS if PARAMETERS[name] in rule.takes
    )
    yield from table(("Parameter", "What it is"), rows)


def _deviation(rule: PodRule, bad: list[Specimen]) -> Iterator[str]:
    """Yield how a workload is let off, narrowly: by the container and the value of the first example that names them."""
    narrowed = ""
    found = next((finding.violation for each in bad for finding in each.findings if finding.violation), None)
    if found is not None and len(found.place.containers) == 1:
        narrowed += f" --container {shlex.quote(found.place.containers[0])}"
    if found is not None and (value := _value(rule, found)):
        narrowed += f" --value {shlex.quote(value)}"
    yield from ("## Where it must be broken", "")
    exempted = link("exempted", "../exemptions.md")
    yield from (
        f"For a while and on record it is {exempted}, by somebody who holds the verb `exempt` on this rule there:",
        "",
    )
    yield from block("", f"stridegate exemption create --rule {rule.slug} --workload deployment/web{narrowed}")
    yield from ("What must last is an `exclude` of the policy, owned by whoever owns the policy.", "")


def _value(rule: PodRule, found: Violation) -> str:
    """Return what an exemption may name of a violation, as KEY=VALUE; empty where it can name nothing."""
    if rule.value is None:
        return ""
    # A violation tells ports apart by protocol as well, and memory by its rank; an exemption names the number, and the most.
    told = found.observed if rule.value is ValueKind.MEMORY else found.value
    told = told.partition("/")[0] if rule.value is ValueKind.PORT else told
    return f"{rule.value.value}={told}" if told else ""


def _limits(rule: AnyRule, bad: list[Specimen]) -> Iterator[str]:
    limits = list(_limited(rule, bad))
    if limits:
        yield from ("## Limits", "", *limits, "")


def _limited(rule: AnyRule, bad: list[Specimen]) -> Iterator[str]:
    if isinstance(rule, PodRule) and rule.spares:
        yield f"- Containers of these kinds are left alone: {listed(sorted(kind.value for kind in rule.spares))}."
    if warned := [each.title for each in bad if each.findings and each.only_warned]:
        yield f"- Warned about at most: {prose(', '.join(warned))}."
    if any(each.remedy for each in bad) and (left := [each.title for each in bad if each.remedy is None]):
        yield f"- Not healed: {prose(', '.join(left))}."
    if fresh := rule.standard_since:
        yield f"- Policies that pin `podSecurityVersion` below v1.{fresh} do not ask it."
    for slug in sorted(rule.threats):
        if THREATS[slug].unseen:
            yield f"- {prose(THREATS[slug].unseen)}"


def _proofs(rule: AnyRule, bad: list[Specimen], good: list[Specimen]) -> Iterator[str]:
    tried = ", ".join(link(each.number, f"../traps.md#{each.number.lower()}") for each in traps_of(rule.slug))
    wherever = ", wherever a pod and a container can stand" if isinstance(rule, PodRule) else ""
    yield from ("## Proofs", "")
    yield (
        f"The {len(bad) + len(good)} examples above{wherever}: "
        f"{link('how', '../threat-model.md#how-a-rule-is-proven')}."
        + (f" Traps {tried}." if tried else "")
        + f" Source: {link(source_of(rule).rpartition('/')[2], f'../../{source_of(rule)}')}."
    )
