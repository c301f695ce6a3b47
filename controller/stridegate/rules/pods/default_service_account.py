"""A pod speaks to the Kubernetes API as the namespace's default service account.

Threat: what one workload is allowed all may do, and the audit log does not tell them apart.
Check: where a token is, or will be, mounted, `serviceAccountName` is present and not `default`.
Fix: give the workload a service account of its own. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.places import Field
from stridegate.model.references import CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

ACCOUNT = Field[str]("serviceAccountName")


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield the field where the account is the default one and its token is used."""
    account = pod.shape.serviceAccountName or pod.shape.serviceAccount
    if account and account != "default":
        return ()
    awaited = pod.setting.template and pod.shape.automountServiceAccountToken is not False
    if not awaited and not pod.token_holders:
        return ()
    return (Violation(ACCOUNT.at(pod), observed=observe(account), wanted="be an account of the workload's own"),)


_MOUNTED = """
    serviceAccountName: {account}
    containers:
    - name: app
      volumeMounts: [{{name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}}]
    volumes: [{{name: token, projected: {{sources: [{{serviceAccountToken: {{path: token}}}}]}}}}]
    """
_TEMPLATE = Setting(namespace="shop", template=True)

RULE = PodRule(
    slug="default-service-account",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.REPUDIATION, Stride.ELEVATION}),
    references=(CisKubernetes("5.1.5"),),
    threats=frozenset({"path-to-cluster-admin"}),
    check=check,
    examples=(
        bad("absent", _MOUNTED.format(account="null"), valid=False),
        bad("by name", _MOUNTED.format(account="default")),
        bad(
            "a template that will have a token",
            "automountServiceAccountToken: null",
            also=("automounted-token",),
            setting=_TEMPLATE,
        ),
        good("its own", _MOUNTED.format(account="web")),
        good("by the field's name of old", "{serviceAccountName: null, serviceAccount: web}"),
        good("without a token", "serviceAccountName: default"),
    ),
)
