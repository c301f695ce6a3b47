"""A secret is handed over in the environment.

Threat: every child process inherits it, crash reports and debug pages print it, and `/proc/<pid>/environ` keeps it.
Check: no variable of a container comes from a Secret, by name (`secretKeyRef`) or by the whole (`envFrom`).
Fix: mount the Secret as a file. There is no automatic fix: the application has to read it there.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterator[Violation]:
    """Yield every variable, and every set of variables, that comes from a Secret."""
    for variable in pod.variables:
        source = variable.shape.valueFrom
        if source is not None and source.secretKeyRef is not None:
            place = variable.spot.place("valueFrom", "secretKeyRef")
            yield Violation(place, observed="set", wanted="be a file in a volume instead")
    for container in pod.containers:
        for index, several in enumerate(container.shape.envFrom or ()):
            if several.secretRef is not None:
                name = several.secretRef.name or str(index)
                spot = container.element("envFrom", index, several, name)
                wanted = "be files in a volume instead"
                yield Violation(spot.place("secretRef"), observed="set", wanted=wanted, value=name)


RULE = PodRule(
    slug="secret-in-environment",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
    references=(CisKubernetes("5.4.1"),),
    threats=frozenset({"hardcoded-client-secrets"}),
    check=check,
    examples=(
        bad(
            "one value",
            "containers: [{name: app, env: [{name: PASS, valueFrom: {secretKeyRef: {name: db, key: password}}}]}]",
        ),
        bad("all values", "containers: [{name: app, envFrom: [{prefix: DB_, secretRef: {name: db}}]}]"),
        good(
            "from a ConfigMap",
            """
            containers:
            - name: app
              env: [{name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}]
              envFrom: [{configMapRef: {name: settings}}]
            """,
        ),
        good(
            "a file",
            """
            containers: [{name: app, volumeMounts: [{name: db, mountPath: /secrets/db, readOnly: true}]}]
            volumes: [{name: db, secret: {secretName: db}}]
            """,
        ),
    ),
)
