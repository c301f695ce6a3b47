"""A pod says itself where names lead.

Threat: what is written into the containers' hosts file is asked before DNS: an address of the attacker's choice answers
for the service that the application trusts.
Check: `hostAliases` is empty.
Fix: use a Service, or an entry in the cluster's DNS. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every address that is given names."""
    return _named(pod) if pod.shape.hostAliases else ()


def _named(pod: PodView) -> Iterator[Violation]:
    for index, alias in enumerate(pod.shape.hostAliases or ()):
        spot = pod.element("hostAliases", index, alias, alias.ip)
        names = observe(alias.hostnames or ())
        yield Violation(spot.place(), observed=names, wanted="be absent", value=names)


RULE = PodRule(
    slug="host-alias-override",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.SPOOFING}),
    references=(),
    check=check,
    examples=(
        bad("a name", "hostAliases: [{ip: 192.0.2.1, hostnames: [db.example]}]"),
        bad("an address without names", "hostAliases: [{ip: 192.0.2.1}]"),
        good("none", "hostAliases: []"),
        good("absent", "hostAliases: null"),
    ),
)
