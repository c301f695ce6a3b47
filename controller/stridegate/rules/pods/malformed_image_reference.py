"""An image's reference does not parse.

Threat: what one reader takes for a trusted registry another takes for a user's name: a check reads one image, the
runtime pulls the other.
Check: every image of a container and of an image volume is `[domain/]path[:tag][@digest]` as container runtimes read it. A
template may leave an image out, for others to fill in.
Fix: write the reference out. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every image that names nothing."""
    for image in pod.images:
        if image.reference is None:
            return _malformed(pod)
    return ()


def _malformed(pod: PodView) -> Iterator[Violation]:
    for image in pod.images:
        if image.reference is None:
            yield Violation(
                image.place, observed=observe(image.text), wanted="be a reference such as registry.example/app:1.0"
            )


_AFTER = ("mutable-image-tag",)

RULE = PodRule(
    slug="malformed-image-reference",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING, Stride.TAMPERING}),
    references=(),
    threats=frozenset({"supply-chain-injection", "spoofed-image"}),
    check=check,
    examples=(
        bad("capitals", "containers: [{name: app, image: registry.example/App:1}]", also=_AFTER),
        bad(
            "a registry that is a user's name",
            "containers: [{name: app, image: registry.example@evil.example/x:1}]",
            also=_AFTER,
        ),
        bad("a dot at the end of the registry", "containers: [{name: app, image: registry.example./x:1}]", also=_AFTER),
        bad("blanks", "containers: [{name: app, image: 'registry.example/x: 1'}]", also=_AFTER),
        bad("letters that only look alike", "containers: [{name: app, image: 'registry.exаmple/x:1'}]", also=_AFTER),  # noqa: RUF001 - a Cyrillic letter
        bad(
            "sixty-four digits",
            "containers: [{name: app, image: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}]",
            also=_AFTER,
        ),
        bad(
            "a digest that is too short",
            "containers: [{name: app, image: 'registry.example/x@sha256:0123'}]",
            also=_AFTER,
        ),
        bad("in a volume", "volumes: [{name: x, image: {reference: registry.example/X}}]", also=_AFTER),
        bad(
            "none, in a pod",
            "containers: [{name: app, image: null}]",
            also=_AFTER,
            setting=Setting(namespace="shop"),
            valid=False,
        ),
        good(
            "none, in a template",
            "containers: [{name: app, image: null}]",
            setting=Setting(namespace="shop", template=True),
            valid=False,
        ),
        good("a port", "containers: [{name: app, image: 'localhost:5000/team/app:1.0'}]"),
        good("an address of IPv6", "containers: [{name: app, image: '[2001:db8::1]:5000/app:1.0'}]"),
        good("capitals in the registry", "containers: [{name: app, image: REGISTRY.EXAMPLE/app:1.0}]"),
        good("a name of punycode", "containers: [{name: app, image: xn--e1awd7f.example/app:1.0}]"),
    ),
)
