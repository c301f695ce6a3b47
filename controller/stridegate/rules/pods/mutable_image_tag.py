"""An image's tag means something else tomorrow.

Threat: the same manifest runs other code after a push, without a change that anybody reviews or could roll back.
Check: every image of a container and of an image volume has a digest, or a tag other than `latest`, in any case, and the
policy's `tags`. What does not parse has neither.
Fix: name a version, or better the digest. There is no automatic fix: which version is meant only a human knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every image that is not pinned."""
    for image in pod.images:
        reference = image.reference
        if reference is not None:
            tag = reference.tag
            if reference.digest is not None or (tag is not None and not _mutable(tag, given.parameters.tags)):
                continue
        yield Violation(
            image.place,
            observed=observe(image.text),
            wanted="have a digest, or a tag that does not move",
            value=image.text or "",
        )


def _mutable(tag: str, listed: tuple[str, ...]) -> bool:
    folded = tag.casefold()
    return folded == "latest" or (bool(listed) and folded in {each.casefold() for each in listed})


_TAGS = Given(parameters=Parameters(tags=("stable", "Edge")))

_DIGEST = "sha256:" + "0" * 64

RULE = PodRule(
    slug="mutable-image-tag",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING, Stride.REPUDIATION}),
    references=(CisDocker("5.28", before_1_6="5.27"),),
    threats=frozenset({"supply-chain-injection", "malware-image-pull", "outdated-vulnerable-image"}),
    check=check,
    value=ValueKind.IMAGE,
    takes=frozenset({"tags"}),
    examples=(
        bad("latest", "containers: [{name: app, image: 'registry.example/app:latest'}]"),
        bad("in capitals", "containers: [{name: app, image: 'registry.example/app:LATEST'}]"),
        bad("none", "containers: [{name: app, image: registry.example/app}]"),
        bad("none, behind a port", "containers: [{name: app, image: 'registry.example:5000/app'}]"),
        bad("one of the policy's", "containers: [{name: app, image: 'registry.example/app:edge'}]", given=_TAGS),
        bad("still latest", "containers: [{name: app, image: 'registry.example/app:latest'}]", given=_TAGS),
        bad("in a volume", "volumes: [{name: x, image: {reference: registry.example/data}}]"),
        good("a version", "containers: [{name: app, image: 'registry.example/app:1.2.3'}]"),
        good("digits that are a tag", "containers: [{name: app, image: 'app:5000'}]"),
        good(
            "a digest",
            f"containers: [{{name: app, image: 'registry.example/app@{_DIGEST}'}}]",
        ),
        good(
            "a digest, where the tag is decoration",
            f"containers: [{{name: app, image: 'app:latest@{_DIGEST}'}}]",
        ),
    ),
)
