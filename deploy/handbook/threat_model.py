"""The threat model: every claim by component and STRIDE letter, the rules that answer it, and the tests that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from handbook.markdown import NONE, link, prose, table
from handbook.sources import traps_of
from stridegate.model.clusters.rules import ClusterRule
from stridegate.model.entries import CatalogueEntry
from stridegate.model.nodes.rules import ContainerRule, NodeRule
from stridegate.model.rules import Rule
from stridegate.model.threats import COMPONENTS, Component, Sight, Threat
from stridegate.model.vocabulary import Stride

_HEAD = """\
<!-- Generated from controller/stridegate/model/threats and the catalogue of rules: run `make generate`. -->
# Threat model

What can go wrong with Docker and Kubernetes, component by component and by the letters of STRIDE, and what Stridegate does about it. Each
claim is one sentence; beside it stand the [rules](rules/README.md) that answer it, and what proves them.

The policy [threat-model](../deploy/samples/threat-model.yaml) switches on what answers at admission. Without a policy the baseline rules speak,
and only as audit. What scans answer needs no policy: it is in the HardeningReports.

**Honest limits.** Admission sees what is asked of the API server, and nothing else: not what an image holds, not the node, not what was there
before. Where a claim wants more, the table says who answers: the *node scanner* (files, settings and listeners of a node), *running
containers* (what the kernel says about live processes) and *cluster rules* (roles, network policies, quotas, results of image scanners).
"Not yet" means that nothing answers in this version. Where nothing can ever see it, that is said too. What gets past admission by nature is on
[a page of its own](limits.md).

## At a glance

Claims answered by rules, of all claims.
"""

_PROOF = """\
## How a rule is proven

Every rule carries its examples, good and bad, and the same tests run over all of them; no rule is left out, since none is named there.

- A bad example breaks its own rule and exactly those it names, a good one none:
  [tests/rules/test_examples.py](../tests/rules/test_examples.py), `test_an_example_breaks_exactly_the_rules_it_names`; for rules about objects other
  than pods [tests/rules/test_object_examples.py](../tests/rules/test_object_examples.py).
- So it is as init, sidecar, regular and ephemeral container, and inside every kind that embeds a pod:
  `test_an_example_means_the_same_in_every_list_of_containers`, `test_an_example_means_the_same_in_every_kind_that_embeds_a_pod`; and on every way in:
  [tests/admission/test_entry_paths.py](../tests/admission/test_entry_paths.py).
- Its patch heals it, alone and beside the others', and a second pass changes nothing: `test_a_patch_heals_what_it_belongs_to`,
  `test_the_patches_of_a_rule_heal_its_example_alone`, `test_a_second_pass_changes_nothing`.
- A real API server that calls the webhook refuses the bad ones, lets the good ones pass, and accepts what is healed:
  [tests/conformance/test_examples.py](../tests/conformance/test_examples.py), `test_every_example_is_refused_or_let_pass_as_it_says`,
  `test_what_is_healed_is_accepted_and_healed_once`.
- The rules of the Pod Security Standards agree with the API server's own admission, on generated pods at every version:
  [tests/conformance/test_pod_security.py](../tests/conformance/test_pod_security.py).
- The policy for this threat model refuses, heals or warns about the bad examples of the rules that answer a claim, claim by claim:
  [tests/rules/test_claims.py](../tests/rules/test_claims.py), `test_the_policy_for_the_threat_model_answers_a_claim`.

- The examples of rules about nodes are laid out as hosts and read as real ones are:
  [tests/rules/test_node_examples.py](../tests/rules/test_node_examples.py); and whatever could not be read is never a pass.
- So are those about the cluster's objects: [tests/rules/test_cluster_examples.py](../tests/rules/test_cluster_examples.py).

What was tried beyond the examples is in the [table of traps](traps.md): each is at least one named test.
"""

_SIGHTS: Mapping[Sight, str] = {
    Sight.NODE: "node scanner",
    Sight.RUNNING: "running containers",
    Sight.CLUSTER: "cluster rules",
}

_KINDS: Mapping[type[CatalogueEntry], Sight] = {
    NodeRule: Sight.NODE,
    ContainerRule: Sight.RUNNING,
    ClusterRule: Sight.CLUSTER,
}

# The most rules that stand in the open for one claim.
_SHOWN = 12

_POLICIES = "no single rule: [policies](../deploy/samples/README.md) that deny, over every namespace; the built-in one audits the baseline everywhere"


def threat_model(rules: Iterable[CatalogueEntry]) -> str:
    """Return the threat model with its answers and proofs."""
    ruled = sorted(rules, key=lambda rule: (-rule.severity, rule.slug))
    lines = [_HEAD, *_glance(ruled)]
    for component, threats in COMPONENTS.items():
        lines += _component(component, threats, ruled)
    lines += [*_unclaimed(ruled), _PROOF]
    return "\n".join(lines).rstrip("\n") + "\n"


def _glance(rules: list[CatalogueEntry]) -> Iterator[str]:
    rows = [
        (link(component.value, f"#{_anchor(component)}"), *(_count(threats, letter, rules) for letter in Stride))
        for component, threats in COMPONENTS.items()
    ]
    yield from table(("", *(letter.title.capitalize() for letter in Stride)), rows)


def _count(threats: Iterable[Threat], letter: Stride, rules: list[CatalogueEntry]) -> str:
    claims = [threat for threat in threats if letter in threat.stride]
    return f"{sum(_answered(threat, rules) for threat in claims)} of {len(claims)}" if claims else ""


def _answered(threat: Threat, rules: list[CatalogueEntry]) -> bool:
    return threat.by_policies or any(threat.slug in rule.threats for rule in rules)


def _component(component: Component, threats: Iterable[Threat], rules: list[CatalogueEntry]) -> Iterator[str]:
    yield from (f"## {component.value}", "")
    told: set[str] = set()
    for letter in Stride:
        claims = [threat for threat in threats if letter in threat.stride]
        yield from _claims(letter.title.capitalize(), claims, rules, told)
    yield from _claims("Remarks", [threat for threat in threats if not threat.stride], rules, told)


def _claims(heading: str, threats: list[Threat], rules: list[CatalogueEntry], told: set[str]) -> Iterator[str]:
    if threats:
        yield from (f"### {heading}", "")
        # A threat of two letters stands twice, and links lead to the first.
        rows = (
            (_claim(threat, linked=threat.slug not in told), _answer(threat, rules), _proof(threat, rules))
            for threat in threats
        )
        yield from table(("Claim", "Answered by", "Proven by"), rows)
        told.update(threat.slug for threat in threats)


def _claim(threat: Threat, *, linked: bool) -> str:
    anchor = f'<a id="{threat.slug}"></a>' if linked else ""
    return f"{anchor}{prose(threat.claim)}<br>`{threat.slug}`"


def _answer(threat: Threat, rules: list[CatalogueEntry]) -> str:
    answering = [rule for rule in rules if threat.slug in rule.threats]
    parts = [_together([rule for rule in answering if _sight(rule) is None])]
    if threat.by_policies:
        parts.append(_POLICIES)
    for sight in Sight:
        seen = _together([rule for rule in answering if _sight(rule) is sight])
        if seen or sight in threat.elsewhere:
            parts.append(f"{_SIGHTS[sight]}: {seen or 'not yet'}")
    if threat.unseen:
        parts.append(f"*{prose(threat.unseen)}*")
    return "<br>".join(filter(None, parts))


def _together(rules: list[CatalogueEntry]) -> str:
    """Return links to rules; many stand behind a line to open."""
    links = [link(rule.slug, f"rules/{rule.slug}.md") for rule in rules]
    if len(links) <= _SHOWN:
        return ", ".join(links)
    return f"<details><summary>{len(links)} rules</summary>{', '.join(links)}</details>"


def _sight(rule: CatalogueEntry) -> Sight | None:
    """Return what sees what a rule is about; nothing but admission where it is about requests."""
    return next((sight for kind, sight in _KINDS.items() if isinstance(rule, kind)), None)


def _proof(threat: Threat, rules: list[CatalogueEntry]) -> str:
    answering = [rule for rule in rules if threat.slug in rule.threats]
    if not answering:
        return link("samples", "../tests/chart/test_samples.py") if threat.by_policies else NONE
    examples = sum(
        len(rule.examples) for rule in answering if isinstance(rule, Rule | NodeRule | ContainerRule | ClusterRule)
    )
    traps = {trap.number: None for rule in answering for trap in traps_of(rule.slug)}
    tried = ", ".join(link(number, f"traps.md#{number.lower()}") for number in traps)
    return f"{link(f'{examples} examples', '#how-a-rule-is-proven')}" + (f"; {tried}" if tried else "")


def _unclaimed(rules: list[CatalogueEntry]) -> Iterator[str]:
    yield from ("## Rules beyond the claims", "")
    others = ", ".join(link(rule.slug, f"rules/{rule.slug}.md") for rule in rules if not rule.threats)
    yield from (
        f"Levels of the Pod Security Standards, recommendations of benchmarks and patterns that no claim names: {others}.",
        "",
    )


def _anchor(component: Component) -> str:
    return component.value.lower().replace(" ", "-")
