"""A token for the Kubernetes API lives too long.

Threat: once copied, it works until it expires, wherever the pod is by then.
Check: every `serviceAccountToken` of a projected volume expires within the policy's `maximumSeconds`, two hours where it
says nothing. Absent is an hour.
Fix: ask for less; the kubelet renews tokens in time. There is no automatic fix: an application may read its token once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_TWO_HOURS = 7_200
_ENDLESS = 2**31


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every token that lives longer than allowed; the longer the worse."""
    return _overlong(pod, given.parameters.maximum_seconds or _TWO_HOURS) if pod.volumes_from("projected") else ()


def _overlong(pod: PodView, most: int) -> Iterator[Violation]:
    for volume in pod.volumes_from("projected"):
        for index, token in volume.token_projections():
            seconds = token.get("expirationSeconds")
            if seconds is None or (type(seconds) is int and seconds <= most):
                continue
            number = seconds if isinstance(seconds, int) else _ENDLESS
            spot = volume.element("projected.sources", index, token, token.get("path") or index)
            yield Violation(
                spot.place("serviceAccountToken", "expirationSeconds"),
                observed=observe(seconds)[:60],
                wanted=f"be at most {most}",
                rank=min(number, _ENDLESS),
            )


_PROJECTED = """
    serviceAccountName: web
    volumes: [{{name: t, projected: {{sources: [{{serviceAccountToken: {{path: token, {}}}}}]}}}}]
    """
_DAY = Given(parameters=Parameters(maximum_seconds=86_400))

RULE = PodRule(
    slug="overlong-projected-token",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
    references=(CisKubernetes("5.1.6"),),
    check=check,
    takes=frozenset({"maximum_seconds"}),
    examples=(
        bad("a day", _PROJECTED.format("expirationSeconds: 86400")),
        bad("a second too long", _PROJECTED.format("expirationSeconds: 7201")),
        bad("longer than the policy allows", _PROJECTED.format("expirationSeconds: 86401"), given=_DAY),
        bad("no number", _PROJECTED.format("expirationSeconds: long"), valid=False),
        good("two hours", _PROJECTED.format("expirationSeconds: 7200")),
        good("absent", _PROJECTED.format("expirationSeconds: null")),
        good("as the API server mounts it", _PROJECTED.format("expirationSeconds: 3607")),
        good("as long as the policy allows", _PROJECTED.format("expirationSeconds: 86400"), given=_DAY),
    ),
)
