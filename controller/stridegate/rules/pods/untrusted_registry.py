"""An image comes from a registry that nobody vouches for.

Threat: whoever can talk a user into an image, or takes over a public account, runs code in the cluster.
Check: every image of a container and of an image volume lies under an entry of the policy's `allow`: `host[:port]` or
`host[:port]/path`, the host perhaps with `*.` before it. Names are completed (docker.io, library) and compared part by
part: `registry.example` allows neither `registry.example.evil.example` nor `registry.example:8443`. Without the list the
rule finds nothing; with it, what does not parse is under none.
Fix: copy the image to a registry of the list. There is no automatic fix: a registry is never invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.images import under
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, Parameters, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride, ValueKind


def check(pod: PodView, given: Given) -> Iterable[Violation]:
    """Yield every image from elsewhere."""
    return _strangers(pod, given.parameters.allow) if given.parameters.allow else ()


def _strangers(pod: PodView, allowed: tuple[str, ...]) -> Iterator[Violation]:
    for image in pod.images:
        reference = image.reference
        if reference is None or not any(under(reference, entry) for entry in allowed):
            text = image.text or ""
            yield Violation(
                image.place,
                observed=observe(image.text),
                wanted="come from a registry that the policy allows",
                value=text,
            )


_ALLOW = Given(
    parameters=Parameters(allow=("registry.example", "ghcr.io/acme", "*.mirror.example:5000", "docker.io/library"))
)

RULE = PodRule(
    slug="untrusted-registry",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.SPOOFING, Stride.TAMPERING}),
    references=(CisDocker("4.2"), CisKubernetes("5.5.1")),
    threats=frozenset(
        {"unauthorized-image-commit", "malicious-registry-image", "spoofed-image", "registry-compromise"}
    ),
    check=check,
    value=ValueKind.IMAGE,
    takes=frozenset({"allow"}),
    examples=(
        bad("another registry", "containers: [{name: app, image: quay.io/x:1}]", given=_ALLOW),
        bad(
            "a name that begins alike",
            "containers: [{name: app, image: registry.example.evil.example/x:1}]",
            given=_ALLOW,
        ),
        bad("another port", "containers: [{name: app, image: 'registry.example:8443/x:1'}]", given=_ALLOW),
        bad("a team that begins alike", "containers: [{name: app, image: ghcr.io/acme-evil/app:1}]", given=_ALLOW),
        bad("the team's registry without the team", "containers: [{name: app, image: ghcr.io/app:1}]", given=_ALLOW),
        bad("the mirrors' own name", "containers: [{name: app, image: 'mirror.example:5000/x:1'}]", given=_ALLOW),
        bad("somebody at the default registry", "containers: [{name: app, image: somebody/x:1}]", given=_ALLOW),
        bad("the node's own", "containers: [{name: app, image: localhost/x:1}]", given=_ALLOW),
        bad(
            "what does not parse",
            "containers: [{name: app, image: registry.example@evil.example/x:1}]",
            also=("malformed-image-reference", "mutable-image-tag"),
            given=_ALLOW,
        ),
        bad("in a volume", "volumes: [{name: x, image: {reference: 'quay.io/x:1'}}]", given=_ALLOW),
        good("by its name", "containers: [{name: app, image: registry.example/any/path:1}]", given=_ALLOW),
        good("in capitals", "containers: [{name: app, image: REGISTRY.EXAMPLE/x:1}]", given=_ALLOW),
        good("the team's", "containers: [{name: app, image: 'ghcr.io/acme/deep/app:1'}]", given=_ALLOW),
        good("a mirror", "containers: [{name: app, image: 'eu.mirror.example:5000/x:1'}]", given=_ALLOW),
        good("the default registry's own", "containers: [{name: app, image: 'index.docker.io/nginx:1'}]", given=_ALLOW),
        good("a short name", "containers: [{name: app, image: 'nginx:1'}]", given=_ALLOW),
        good("without a list", "containers: [{name: app, image: quay.io/x:1}]"),
    ),
)
