"""An image is not named by its digest.

Threat: what was tested, signed and scanned is not surely what runs: a tag is moved by whoever may push.
Check: every image of a container and of an image volume has a digest; the tag beside it does not count. What does not
parse has none.
Fix: name the digest. There is no automatic fix: a digest is never invented, and no registry is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every image without a digest."""
    for image in pod.images:
        if image.reference is None or image.reference.digest is None:
            text = image.text or ""
            yield Violation(image.place, observed=observe(image.text), wanted="have a digest", value=text)


_DIGEST = "sha256:" + "0" * 64

RULE = PodRule(
    slug="undigested-image",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.TAMPERING, Stride.REPUDIATION}),
    references=(CisDocker("4.5"), CisKubernetes("5.5.1")),
    threats=frozenset(
        {
            "dockerfile-tampering",
            "unauthorized-image-commit",
            "malicious-registry-image",
            "spoofed-image",
            "malware-image-pull",
            "image-insecurity",
        }
    ),
    check=check,
    value=ValueKind.IMAGE,
    examples=(
        bad("a tag", "containers: [{name: app, image: 'registry.example/app:1.0'}]"),
        bad(
            "what does not parse",
            "containers: [{name: app, image: 'registry.example/app@sha256:0123'}]",
            also=("malformed-image-reference", "mutable-image-tag"),
        ),
        good(
            "a digest",
            f"containers: [{{name: app, image: 'registry.example/app@{_DIGEST}'}}]",
        ),
        good(
            "a digest and a tag",
            f"containers: [{{name: app, image: 'registry.example/app:1.0@{_DIGEST}'}}]",
        ),
    ),
)
