"""Write what is generated from the chart and the kinds, or prove that it is up to date.

`python deploy/render_install.py` writes, `--check` only compares and ends with code 1 where something differs:
- which parameters a policy may give which rule, in deploy/crds, from the catalogue
- the chart's copy of the kinds, from deploy/crds
- the chart's README, from the comments in its values.yaml
- deploy/install.yaml, from the chart, for those who do not use Helm
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

from generated_files import ROOT, write_or_check
from stridegate.engine.catalogue import RULES
from stridegate.kube.policies import PARAMETERS

KINDS = ROOT / "deploy" / "crds"
CHART = ROOT / "charts" / "stridegate"
CHART_KINDS = CHART / "charts" / "stridegate-crds" / "templates"
INSTALL = ROOT / "deploy" / "install.yaml"
NAMESPACE = "stridegate-system"

_HEADER = f"""\
# Stridegate for `kubectl apply --server-side -f`: generated from charts/stridegate with its default values.
# It installs into {NAMESPACE}; change the chart, not this file.
---
# Our own pods meet the level that this namespace is held to.
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    app.kubernetes.io/name: stridegate
    pod-security.kubernetes.io/enforce: restricted
"""

_README = """\
# Chart stridegate
Kubernetes hardening that answers a STRIDE threat model. One release per cluster, in a namespace of its own:
```
helm install stridegate charts/stridegate -n stridegate-system --create-namespace
helm test stridegate -n stridegate-system
```
Installing refuses nothing: without a policy, pods are only audited. Uninstalling removes the webhook configurations
first, so that pods create freely at once, and keeps the kinds and with them your policies.

The kinds alone, where somebody else owns cluster-wide definitions, then this chart with `crds.enabled=false`:
```
helm install stridegate-crds charts/stridegate/charts/stridegate-crds -n stridegate-system --create-namespace
```

Kubernetes 1.30 is the oldest that it installs on: ValidatingAdmissionPolicies, which decide who may exempt a workload and keep the
canary's namespace empty, are served by default since then.

On a private GKE cluster, let the control plane reach port 9443 of the nodes: its firewall opens 443 and 10250 only.

## Values
| Value | Default | What it is for |
|---|---|---|
"""

# What stands around the generated CEL rules.
_PARAMETER_RULES = ("# Generated from what the rules in the catalogue take: begin", "\n                  # end\n")

_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z]+):(?P<value>.*)")


def with_parameter_rules(definition: str) -> str:
    """Return the definition of HardeningPolicy with the CEL rules that refuse a parameter where its rule does not take it.

    Slugs that are in no list are left alone: a policy may name rules of a later version.
    """
    begin, end = _PARAMETER_RULES
    before, rest = definition.split(begin, 1)
    after = rest[rest.index(end) :]
    indent = before.rpartition("\n")[2]
    return "".join((before, begin, *(f"\n{indent}{line}" for line in parameter_rules()), after))


def parameter_rules() -> Iterator[str]:
    """Yield the lines of the CEL rules on parameters, in YAML."""
    takers = {
        written: sorted(slug for slug, rule in RULES.items() if name in rule.takes)
        for written, name in PARAMETERS.items()
    }
    takes_any = sorted({slug for slugs in takers.values() for slug in slugs})
    yield from _no_rule_of(sorted(RULES.keys() - set(takes_any)), ".?parameters", "this rule takes no parameters")
    for written, slugs in takers.items():
        others = [slug for slug in takes_any if slug not in slugs]
        yield from _no_rule_of(others, f".?parameters.?{written}", f"{written} is a parameter of {' and '.join(slugs)}")


def _no_rule_of(slugs: list[str], field: str, message: str) -> Iterator[str]:
    listed = ", ".join(f"'{slug}'" for slug in slugs)
    yield "- rule: >-"
    for line in textwrap.wrap(f"![{listed}].exists(slug, self[?slug]{field}.hasValue())", 90, break_on_hyphens=False):
        yield f"    {line}"
    yield f"  message: {message}"


def chart_kind(definition: str) -> str:
    """Return a kind's definition as the chart carries it: uninstalling must not delete it, and with it every policy."""
    kept = "metadata:\n  annotations: {helm.sh/resource-policy: keep}\n  labels: {app.kubernetes.io/name: stridegate}\n"
    copied = "# Generated from deploy/crds: change it there.\n" + definition.split("\n", 1)[1]
    return copied.replace("metadata:\n", kept, 1)


def values_table(values: str) -> Iterator[str]:
    """Yield a line of Markdown for each value that has no values below it; a comment above it says what it is for."""
    path: list[str] = []
    comment: list[str] = []
    defaults = yaml.safe_load(values)
    for line in values.splitlines():
        words = line.strip()
        if words.startswith("#"):
            comment.append(words.removeprefix("#").strip())
        elif match := _KEY.fullmatch(line):
            depth = len(match["indent"]) // 2
            path[depth:] = [match["key"]]
            default = defaults
            for key in path:
                default = default[key]
            # A map with nothing on its own line is a group of values; `resources` is one value, with all that is in it.
            if (match["value"].strip() or path[-1] == "resources") and "resources" not in path[:-1]:
                yield f"| `{'.'.join(path)}` | `{json.dumps(default)}` | {' '.join(comment)} |"
            comment = []
        else:
            comment = []


def install_manifest() -> str:
    """Return everything that the chart installs, rendered with its default values. Raises CalledProcessError."""
    rendered = subprocess.run(  # noqa: S603 - our own command, with fixed arguments
        [
            *(sys.executable, ROOT / "deploy" / "local", "helm", "template", "stridegate", CHART),
            *("--namespace", NAMESPACE, "--no-hooks", "--kube-version", "1.36.0"),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return _HEADER + re.sub(r"\n{2,}", "\n", rendered.stdout)


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file with what it must contain."""
    for kind in sorted(KINDS.glob("*.yaml")):
        definition = kind.read_text(encoding="utf-8")
        if _PARAMETER_RULES[0] in definition:
            definition = with_parameter_rules(definition)
            yield kind, definition
        yield CHART_KINDS / kind.name, chart_kind(definition)
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    yield CHART / "README.md", _README + "\n".join(values_table(values)) + "\n"
    yield INSTALL, install_manifest()


if __name__ == "__main__":
    sys.exit(write_or_check(__doc__ or "", generated(), sys.argv[1:]))
