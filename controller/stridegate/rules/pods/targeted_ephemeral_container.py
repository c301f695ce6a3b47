"""A debug container joins the processes of another.

Threat: it reads the other's memory, files and environment, and acts in its name.
Check: no ephemeral container has a `targetContainerName`.
Fix: debug a copy of the pod (`kubectl debug --copy-to`). There is no automatic fix: it is a choice of the namespace's
owner, so the rule is advisory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.places import Field
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

TARGET = Field[str]("targetContainerName")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every ephemeral container with a target; older ones are no part of what a request introduces."""
    return _targeted(pod) if pod.shape.ephemeralContainers else ()


def _targeted(pod: PodView) -> Iterator[Violation]:
    for container in pod.containers:
        target = container.shape.targetContainerName
        if container.ephemeral and target:
            yield Violation(TARGET.at(container), observed=observe(target), wanted="be absent", value=target)


_DEBUG = """
    ephemeralContainers:
    - name: debug
      image: registry.example/debug:1
      securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
      {target}
    """

RULE = PodRule(
    slug="targeted-ephemeral-container",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.SPOOFING, Stride.INFORMATION_DISCLOSURE}),
    references=(),
    threats=frozenset({"sidecar-namespace-spoofing"}),
    check=check,
    examples=(
        # The API server takes ephemeral containers by their own subresource only.
        bad("with a target", _DEBUG.format(target="targetContainerName: app"), valid=False),
        good("without one", _DEBUG.format(target="targetContainerName: null"), valid=False),
    ),
)
