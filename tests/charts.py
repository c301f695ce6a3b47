"""Rendering the chart and judging what comes out, for the tests of several rooms."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import CHECKOUT, Places
from localkube.versions import KubernetesVersion
from stridegate.engine.catalogue import RULES
from stridegate.engine.decide import Circumstances, decide, patches
from stridegate.engine.evaluate import evaluate
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import Policy, Workload
from stridegate.model.settings import Setting
from stridegate.model.views import PodView

CHART = CHECKOUT / "charts" / "stridegate"
KINDS = CHECKOUT / "deploy" / "crds"
SAMPLES = CHECKOUT / "deploy" / "samples"

Manifest = dict[str, Any]


class Refused(Exception):
    """Helm refused to do what it was asked; the text is all that it said."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Everything that a release consists of, hooks included."""

    manifests: Sequence[Manifest]

    def all(self, kind: str) -> list[Manifest]:
        """Return every object of a kind."""
        return [each for each in self.manifests if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        """Return the object of a kind with this name, the first one if several namespaces have it."""
        return next(each for each in self.all(kind) if each["metadata"]["name"] == name)

    def webhooks(self) -> dict[str, list[Manifest]]:
        """Return the entries that the operator is to arm."""
        wanted: dict[str, list[Manifest]] = json.loads(
            self.one("ConfigMap", "stridegate-webhooks")["data"]["webhooks.json"]
        )
        return wanted

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """Yield every pod that a release brings about, by the name of what brings it."""
        for each in self.manifests:
            if each["kind"] == "Deployment":
                yield each["metadata"]["name"], each["spec"]["template"]
            elif each["kind"] == "Pod":
                yield each["metadata"]["name"], each


@dataclass(frozen=True, slots=True)
class Helm:
    """The helm program."""

    program: Path

    @classmethod
    def built(cls) -> Helm:
        """Return Helm as the local cluster builds it."""
        binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
        return cls(binaries.program("helm"))

    def run(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run a command of Helm and return its stdout. Raises Refused."""
        done = subprocess.run(
            [self.program, *arguments], check=False, capture_output=True, text=True, input=stdin, timeout=120
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout

    def render(
        self,
        values: Mapping[str, object] | Path | None = None,
        *,
        namespace: str = "stridegate-system",
        kubernetes: str = "1.36",
        chart: Path = CHART,
    ) -> Rendered:
        """Render the chart with values, given or from a file. Raises Refused."""
        command: list[str | Path] = [
            "template",
            "stridegate",
            chart,
            "--namespace",
            namespace,
            "--kube-version",
            kubernetes,
        ]
        if isinstance(values, Path):
            return self._parsed(self.run(*command, "--values", values))
        return self._parsed(self.run(*command, "--values", "-", stdin=json.dumps(values or {})))

    @staticmethod
    def _parsed(text: str) -> Rendered:
        return Rendered([each for each in yaml.safe_load_all(text) if each])


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy finds in a pod: the rules whose findings are patched away as it is created, and what becomes of the rest."""

    patched: tuple[str, ...]
    denied: tuple[str, ...]
    warned: tuple[str, ...]


def judge(pod: Manifest, policy: Policy, *, namespace: str, template: bool = False) -> Judgement:
    """Hold a pod, or the template of pods, to a policy."""
    regime = compile_regime({policy.name: compile_policy(policy, RULES.values())})
    view = PodView(msgspec.convert(pod, PodTemplate), (), Setting(namespace=namespace, template=template))
    findings = evaluate(regime.questions, view)
    circumstances = Circumstances(namespace=namespace, workload=Workload("Pod", "web"))
    made = {id(finding) for finding, _ in patches(regime, findings, circumstances)}
    decision = decide(regime, [each for each in findings if id(each) not in made], circumstances)
    return Judgement(
        patched=tuple(each.rule.slug for each in findings if id(each) in made),
        denied=tuple(each.finding.rule.slug for each in decision.denied),
        warned=tuple(each.finding.rule.slug for each in decision.warned),
    )


def load(path: Path) -> Manifest:
    """Return the one object in a YAML file."""
    manifest: Manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest
