"""A pod runs in the namespace `default`.

Threat: rights, quotas and policies are given by namespace: what lies together without a reason cannot be told apart, and
nobody is responsible.
Check: the request's namespace is not `default`.
Fix: give the application a namespace. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.places import Place
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the namespace where it is the default one; one that nobody knows is no finding."""
    if pod.setting.namespace != "default":
        return ()
    place = Place((*pod.prefix, "metadata", "namespace"), "pod", "metadata.namespace")
    return (Violation(place, observed="default", wanted="be the application's own"),)


RULE = PodRule(
    slug="default-namespace",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.REPUDIATION}),
    references=(CisKubernetes("5.6.4", before_1_12="5.7.4"),),
    check=check,
    examples=(
        bad("a pod", "{}", setting=Setting(namespace="default")),
        bad("a template", "{}", setting=Setting(namespace="default", template=True)),
        good("another", "{}", setting=Setting(namespace="shop")),
        good("nobody knows which", "{}", setting=Setting()),
    ),
)
