"""A pod is given a token for the Kubernetes API that it did not ask for.

Threat: whoever takes the application over speaks to the API server in the pod's name, with all that its service account
may do.
Check: `automountServiceAccountToken` is `false`; a pod that has no token mounted, because its service account says so,
passes as well. A token that a projected volume asks for by name is another matter.
Fix: set it to `false` in the template, or in the manifest of a bare pod. There is no automatic fix of a pod: the API server
mounts the token before anybody else is asked. Risky: an application that talks to the API stops working.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.edits import Assign, Patch
from stridegate.model.places import Field
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

AUTOMOUNT = Field[bool]("automountServiceAccountToken")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the field where it does not say false and a token is, or will be, mounted."""
    automount = pod.shape.automountServiceAccountToken
    if automount is False or not (pod.setting.template or pod.token_holders):
        return ()
    names = ", ".join(container.name for container in pod.token_holders)
    observed = f"{observe(automount)}, with a token in {names}" if names else observe(automount)
    patch = Patch.by_author(Assign(AUTOMOUNT.at(pod), False))
    return (Violation(AUTOMOUNT.at(pod), observed=observed, wanted="be false", patch=patch),)


_MOUNTED = """
    serviceAccountName: web
    automountServiceAccountToken: {automount}
    containers:
    - name: app
      volumeMounts: [{{name: kube-api-access-x, mountPath: {path}, readOnly: true}}]
    volumes: [{{name: kube-api-access-x, {source}}}]
    """
_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_PROJECTED = "projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3607}}]}"
_TEMPLATE = Setting(namespace="shop", template=True)
_POD = Setting(namespace="shop")

RULE = PodRule(
    slug="automounted-token",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE, Stride.ELEVATION}),
    references=(CisKubernetes("5.1.6"),),
    threats=frozenset({"path-to-cluster-admin"}),
    check=check,
    examples=(
        bad("mounted", _MOUNTED.format(automount="null", path=_PATH, source=_PROJECTED)),
        bad("asked for", _MOUNTED.format(automount="true", path=_PATH, source=_PROJECTED)),
        bad(
            "by another path to the same place", _MOUNTED.format(automount="null", path=f"{_PATH}/", source=_PROJECTED)
        ),
        bad("a template that says nothing", "automountServiceAccountToken: null", setting=_TEMPLATE),
        good("a pod without a token", "automountServiceAccountToken: null", setting=_POD),
        good("a token of its own", _MOUNTED.format(automount="false", path=_PATH, source=_PROJECTED)),
        good(
            "covered by something empty",
            _MOUNTED.format(automount="null", path=_PATH, source="emptyDir: {}"),
            setting=_POD,
        ),
        good("a template that says false", "automountServiceAccountToken: false", setting=_TEMPLATE),
    ),
)
