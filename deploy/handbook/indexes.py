"""The index of the rules: by name, by STRIDE letter, and by the numbers of benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from handbook.markdown import NONE, link, prose, table
from handbook.rule_pages import remedies
from stridegate.model.clusters.rules import ClusterRule
from stridegate.model.entries import CatalogueEntry
from stridegate.model.nodes.rules import ContainerRule, NodeRule
from stridegate.model.references import Benchmark, CisCloud, CisDocker, CisKubernetes, PodSecurity, Reference
from stridegate.model.rules import AnyRule, Rule
from stridegate.model.vocabulary import Stride

_HEAD = """\
<!-- Generated from the catalogue of rules: run `make generate`. -->
# Rules

What Stridegate judges, {count} rules, one page each. A slug names what is wrong and reads after "allow". [At admission](#at-admission) ·
{kinds}[by STRIDE letter](#by-stride-letter) · [by benchmark](#by-benchmark). `stridegate rules` and `stridegate explain <slug>` say
the same in a terminal.

- **Profile**: `baseline` and `restricted` are the Pod Security Standards, `hardened` adds Stridegate's own rules; an `advisory` rule is only
  audited until a policy names it.
- **Patch**: what the webhook heals as a pod is created. *Safe* breaks no working image in practice; *risky* may, and wants `patching: all`;
  *override* changes what an author wrote, and wants `override: true` for that rule as well; *by the author* comes with the denial as a command.
"""


# What is judged beside requests, and under which heading it stands.
_SCANNED: Mapping[str, type[CatalogueEntry]] = {
    "On nodes": NodeRule,
    "In running containers": ContainerRule,
    "In the cluster": ClusterRule,
}


def index(entries: Iterable[CatalogueEntry]) -> str:
    """Return the index of the rules."""
    by_name = sorted(entries, key=lambda entry: entry.slug)
    kinds = "".join(f"[{heading.lower()}](#{heading.lower().replace(' ', '-')}) · " for heading in _SCANNED)
    lines = [_HEAD.format(count=len(by_name), kinds=kinds)]
    lines += _at_admission([entry for entry in by_name if isinstance(entry, Rule)])
    for heading, kind in _SCANNED.items():
        lines += _scanned(heading, [entry for entry in by_name if isinstance(entry, kind)])
    lines += [*_by_letter(by_name), *_by_benchmark(by_name)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _linked(entry: CatalogueEntry) -> str:
    return link(entry.slug, f"{entry.slug}.md")


def _scanned(heading: str, entries: list[CatalogueEntry]) -> Iterator[str]:
    yield from (f"## {heading}", "")
    rows = ((_linked(each), prose(each.title), str(each.severity), each.letters) for each in entries)
    yield from table(("Rule", "What is wrong", "Severity", "STRIDE"), rows)


def _at_admission(rules: list[AnyRule]) -> Iterator[str]:
    yield from ("## At admission", "")
    rows = (
        (
            _linked(rule),
            prose(rule.title),
            str(rule.severity),
            str(rule.profile),
            rule.letters,
            ", ".join(remedy.value for remedy in remedies(rule)) or NONE,
        )
        for rule in rules
    )
    yield from table(("Rule", "What is wrong", "Severity", "Profile", "STRIDE", "Patch"), rows)


def _by_letter(rules: list[CatalogueEntry]) -> Iterator[str]:
    yield from ("## By STRIDE letter", "")
    rows = (
        (f"**{kind.value}** {kind.title}", ", ".join(_linked(rule) for rule in rules if kind in rule.stride))
        for kind in Stride
    )
    yield from table(("Letter", "Rules"), rows)


def _by_benchmark(rules: list[CatalogueEntry]) -> Iterator[str]:
    yield from ("## By benchmark", "")
    yield f"Numbers move between editions: both are given, and {NONE} where an edition has no such recommendation."
    yield from ("", f"### {Benchmark.POD_SECURITY.title}", "")
    yield from _benchmark(rules, PodSecurity, ("Check", "Since"))
    yield from (f"### {Benchmark.CIS_DOCKER.title}", "")
    yield from _benchmark(rules, CisDocker, ("1.6 and later", "1.3.1 to 1.5"))
    yield from (f"### {Benchmark.CIS_KUBERNETES.title}", "")
    yield from _benchmark(rules, CisKubernetes, ("1.12", "Before 1.12"))
    for cloud in (Benchmark.CIS_EKS, Benchmark.CIS_AKS, Benchmark.CIS_GKE):
        yield from (f"### {cloud.title}", "")
        yield from _benchmark(rules, CisCloud, ("1.x", "Before"), cloud)


def _benchmark(
    rules: list[CatalogueEntry], source: type[Reference], columns: tuple[str, str], cloud: Benchmark | None = None
) -> Iterator[str]:
    """Yield the table of one benchmark: each recommendation in both numberings, and the rules that check it."""
    held: dict[tuple[str, str], list[str]] = {}
    for rule in rules:
        for reference in rule.references:
            of_cloud = cloud is None or (isinstance(reference, CisCloud) and reference.benchmark is cloud)
            if isinstance(reference, source) and of_cloud:
                held.setdefault(_columns(reference), []).append(_linked(rule))
    rows = ((*numbers, ", ".join(links)) for numbers, links in sorted(held.items(), key=lambda item: _order(item[0])))
    yield from table((*columns, "Rules"), rows)


def _columns(reference: Reference) -> tuple[str, str]:
    if isinstance(reference, PodSecurity):
        return f"`{reference.check}`", f"v1.{reference.since}"
    if isinstance(reference, CisDocker):
        return reference.number, reference.before_1_6 or reference.number
    if isinstance(reference, CisCloud):
        return reference.number, NONE
    return reference.number or NONE, reference.before_1_12 or reference.number or NONE


def _order(numbers: tuple[str, str]) -> list[list[tuple[int, str]]]:
    """Return a key by which 5.9 comes before 5.10; what has no number of today comes where its older one stands."""
    first = numbers[1] if numbers[0] == NONE else numbers[0]
    return [
        [(int(part), "") if part.isdigit() else (0, part) for part in each.split(".")] for each in (first, numbers[1])
    ]
