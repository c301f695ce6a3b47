"""Well-known applications as their authors ship them, under each sample policy.

    PYTHONPATH=.:controller:deploy/local:tests python -m bench.applications FOLDER

Every workload of the folder, and the pod that comes of it, is asked for by server-side dry-run on a real API server with the
webhook before it. Nothing may break the webhook, and no patch may make a pod that the API server refuses. What is refused is
counted by rule. The folder is the one that `bench.agreement` takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.agreement import cases_of
from charts import SAMPLES
from enforced import Answer, Caller, enforcing, namespaced
from localkube.api_server import ApiServer

Manifest = dict[str, Any]

_UNJUDGED = "applications-unjudged"
_RESOURCES = {
    "Pod": "api/v1/pods",
    "ReplicationController": "api/v1/replicationcontrollers",
    "Deployment": "apis/apps/v1/deployments",
    "StatefulSet": "apis/apps/v1/statefulsets",
    "DaemonSet": "apis/apps/v1/daemonsets",
    "ReplicaSet": "apis/apps/v1/replicasets",
    "Job": "apis/batch/v1/jobs",
    "CronJob": "apis/batch/v1/cronjobs",
}


@dataclass(slots=True)
class Outcome:
    """What became of the applications' pods under one policy."""

    accepted: int = 0
    patched: int = 0
    refused: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)


def workloads(folder: Path) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield every workload of the applications, each with the pod that comes of it."""
    for case in cases_of(folder):
        if case.control != "compat" or case.expected != "mutate":
            continue
        for document in case.docs or ():
            if document.get("kind") not in _RESOURCES:
                continue
            embedded: Any = document
            for part in (case.pod_path or ())[:-1]:
                embedded = embedded[part]
            about = embedded.get("metadata") or {}
            kept = {key: about[key] for key in ("labels", "annotations") if about.get(key)}
            pod = {"metadata": {"generateName": "app-", **kept}, "spec": embedded["spec"]}
            metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
            yield {**document, "metadata": metadata}, pod


def asked(caller: Caller, namespace: str, documents: Sequence[Manifest]) -> list[Answer]:
    """Return what is said to documents in a namespace, without making them."""
    return caller.ask_all(
        ("POST", namespaced(_RESOURCES[each.get("kind", "Pod")], namespace) + "?dryRun=All", each) for each in documents
    )


def judged(before: Sequence[Answer], answers: Sequence[Answer], names: Sequence[str]) -> Outcome:
    """Return what became of pods that were accepted before there was a policy."""
    outcome = Outcome()
    for old, new, name in zip(before, answers, names, strict=True):
        if new.denied:
            outcome.refused += 1
            outcome.rules.update(new.denied)
        elif new.accepted and "stridegate.dev/patched" in json.dumps(new.body):
            outcome.patched += 1
        elif new.accepted:
            outcome.accepted += 1
        if old.accepted and not (new.accepted or new.denied):
            outcome.troubles.append(f"{name}: {new.code} {new.message}")
        if any("could not be evaluated" in text for text in (new.message, *new.warnings)):
            outcome.troubles.append(f"{name}: {new.message} {new.warnings}")
    return outcome


def main(arguments: Sequence[str]) -> int:
    """Print what becomes of a folder's applications under each sample policy; 1 where anything breaks."""
    if len(arguments) != 1:
        print("usage: python -m bench.applications FOLDER", file=sys.stderr)
        return 2
    found = list(workloads(Path(arguments[0])))
    names = [f"{workload['kind']}/{workload['metadata'].get('name')}" for workload, _ in found]
    samples = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(SAMPLES.glob("*.yaml"))]
    policies = {each["metadata"]["name"]: each for each in samples if each["kind"] == "HardeningPolicy"}
    troubles: list[str] = []
    with tempfile.TemporaryDirectory() as folder, ApiServer(state_dir=Path(folder) / "api") as server:
        held = {f"applications-{name}": [policy] for name, policy in policies.items()}
        with enforcing(server, Path(folder), held | {_UNJUDGED: []}), Caller(server) as caller:
            for kind, documents in (("pods", [pod for _, pod in found]), ("workloads", [each for each, _ in found])):
                before = asked(caller, _UNJUDGED, documents)
                print(f"{kind}: {len(before)}, of which the API server accepts {sum(each.accepted for each in before)}")
                for name in policies:
                    outcome = judged(before, asked(caller, f"applications-{name}", documents), names)
                    counts = f"{outcome.accepted} as they are, {outcome.patched} patched, {outcome.refused} refused"
                    most = ", ".join(f"{slug} {count}" for slug, count in outcome.rules.most_common(5))
                    print(f"  {name:14} {counts}{f'; mostly {most}' if most else ''}")
                    troubles += [f"{name}: {kind}: {each}" for each in outcome.troubles]
    print(*troubles, sep="\n" if troubles else "")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
