"""What a mount leads to is decided as the container starts.

Threat: variables that a template, a ConfigMap or a label of the pod fills in choose the folder of a volume: another
tenant's too.
Check: no mount has a `subPathExpr`.
Fix: write the `subPath` out. There is no automatic fix: what the expression becomes is not known before.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

EXPRESSION = Field[str]("subPathExpr")


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every mount with an expression."""
    for mount in pod.mounts:
        expression = mount.shape.subPathExpr
        if expression:
            yield Violation(
                EXPRESSION.at(mount.spot), observed=observe(expression), wanted="be absent", value=expression
            )


_MOUNT = """
    containers: [{{name: app, env: [{{name: NAME, value: x}}], volumeMounts: [{{name: x, mountPath: /data, {}}}]}}]
    volumes: [{{name: x, emptyDir: {{}}}}]
    """

RULE = PodRule(
    slug="subpath-expression",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.TAMPERING}),
    references=(),
    check=check,
    examples=(
        bad("an expression", _MOUNT.format("subPathExpr: $(NAME)")),
        good("written out", _MOUNT.format("subPath: logs")),
        good("empty", _MOUNT.format("subPathExpr: ''")),
    ),
)
