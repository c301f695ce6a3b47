"""A pod may run an image that lies on the node already.

Threat: who runs there before can leave an image under the same tag, and a private image is used by those who have no
right to pull it.
Check: the pull policy of every image is Always, or IfNotPresent with a digest. Absent means Always for `latest` and for
no tag, else IfNotPresent, as the API server writes it out.
Fix: set `imagePullPolicy: Always`, or name the digest. There is no automatic fix: nodes may be cut off from the registry.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.parts import ImageUse
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every image that is not fetched anew."""
    for image in pod.images:
        policy = image.policy or _default(image)
        pinned = image.reference is not None and image.reference.digest is not None
        if policy != "Always" and not (policy == "IfNotPresent" and pinned):
            place = image.spot.place(*image.path[:-1], "imagePullPolicy" if len(image.path) == 1 else "pullPolicy")
            wanted = "be Always, or the image have a digest"
            yield Violation(
                place, observed=observe(policy) if image.policy else f"absent, which means {policy}", wanted=wanted
            )


def _default(image: ImageUse) -> str:
    """Return what the API server writes for an absent policy (`SetDefaults_Container`)."""
    reference = image.reference
    if reference is None:
        return "IfNotPresent"
    untagged = reference.tag is None and reference.digest is None
    return "Always" if untagged or reference.tag == "latest" else "IfNotPresent"


_DIGEST = "sha256:" + "0" * 64

RULE = PodRule(
    slug="cached-image-reuse",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
    references=(CisKubernetes("1.2.11"),),
    threats=frozenset({"supply-chain-injection", "malware-image-pull"}),
    check=check,
    examples=(
        bad("absent, with a tag", "{}"),
        bad("explicit", "containers: [{name: app, imagePullPolicy: IfNotPresent}]"),
        bad(
            "never",
            f"containers: [{{name: app, image: 'app@{_DIGEST}', imagePullPolicy: Never}}]",
        ),
        bad("a policy of the future", "containers: [{name: app, imagePullPolicy: Sometimes}]", valid=False),
        bad(
            "in a volume",
            """
            containers: [{name: app, imagePullPolicy: Always}]
            volumes: [{name: x, image: {reference: 'registry.example/data:1', pullPolicy: IfNotPresent}}]
            """,
        ),
        good("always", "containers: [{name: app, imagePullPolicy: Always}]"),
        good(
            "a digest",
            f"containers: [{{name: app, image: 'app@{_DIGEST}', imagePullPolicy: IfNotPresent}}]",
        ),
        good("no tag", "containers: [{name: app, image: registry.example/app}]", also=("mutable-image-tag",)),
    ),
)
