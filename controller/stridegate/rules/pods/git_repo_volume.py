"""A volume is filled from a git repository.

Threat: the kubelet runs git as root on the node, with hooks that the repository brings (CVE-2024-10220).
Check: no volume has a `gitRepo`.
Fix: clone in an init container into an emptyDir. There is no automatic fix: the address may need credentials.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Return every volume from a repository; its address is not repeated, since it may hold a password."""
    volumes = pod.volumes_from("gitRepo")
    return [Violation(each.place("gitRepo"), observed="set", wanted="be absent") for each in volumes] if volumes else ()


RULE = PodRule(
    slug="git-repo-volume",
    doc=__doc__,
    severity=Severity.CRITICAL,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.ELEVATION}),
    references=(),
    check=check,
    examples=(
        bad(
            "a repository",
            "volumes: [{name: code, gitRepo: {repository: 'https://git.example/x'}}]",
            also=("unlisted-volume-type",),
        ),
        bad("an empty source", "volumes: [{name: code, gitRepo: {}}]", also=("unlisted-volume-type",), valid=False),
        good("an emptyDir to clone into", "volumes: [{name: code, emptyDir: {}}]"),
        good("null is absent", "volumes: [{name: code, gitRepo: null}]"),
    ),
)
