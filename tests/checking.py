"""Manifests, policies and exemptions for `stridegate check`, and the command as its users call it."""

from __future__ import annotations

import json
from typing import Any

import yaml
from click.testing import CliRunner, Result

from stridegate.cli.main import main

BAD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web
    image: registry.example/web:1
    securityContext: {privileged: true}
"""
GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: good, namespace: shop}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
  - name: web
    image: registry.example/web:1
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        securityContext: {privileged: true}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def policy(name: str = "production", **spec: object) -> str:
    obj = {"apiVersion": "stridegate.dev/v1alpha1", "kind": "HardeningPolicy", "metadata": {"name": name}}
    return yaml.safe_dump({**obj, "spec": {"profile": "baseline", "action": "deny", **spec}})


def exemption(expires: str = "2027-01-31T00:00:00Z", **spec: object) -> str:
    obj = {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningExemption",
        "metadata": {"name": "web-privileged", "namespace": "shop"},
        "spec": {
            "rules": ["privileged-container"],
            "workload": {"kind": "Pod", "name": "web"},
            "reason": "until the driver is in the image",
            "expires": expires,
            "grantedBy": "alice",
            **spec,
        },
    }
    return yaml.safe_dump(obj)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin)


def checked(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    """Return the result of a run, as programs read it."""
    result = run(*arguments, "-o", "json", stdin=stdin)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rules(result: dict[str, Any], standing: str = "denied") -> list[str]:
    return [
        finding["rule"]
        for subject in result["subjects"]
        for finding in subject["findings"]
        if finding["standing"] == standing
    ]
