"""The scanner beside kube-bench, on the nodes of the demo's cluster: check by check, and what each takes of the processor.

    make demo
    PYTHONPATH=.:controller:deploy/local python -m bench.nodes

Each node is scanned from outside, in its network, with its own /proc, and kube-bench runs in it. A difference without a
reason in `nodes.toml`, and a reason without a difference, make the command fail.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.engine import Engine, running
from localkube.places import Places
from localkube.versions import KubernetesVersion
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.model.references import CisKubernetes

_REASONS = Path(__file__).with_name("nodes.toml")
_BENCHMARK = "cis-1.10"
_FOLDER = "/kube-bench"
_TARGETS = {"control-plane": "master,etcd,controlplane,node", "worker": "node"}
# What kube-bench leaves to a person is no verdict that a scanner could contradict.
_UNASKED = "cannot be asked here"
_MANUAL = "kube-bench leaves it to a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One recommendation on one node: what kube-bench says, and what the rules with this number say."""

    number: str
    title: str
    theirs: str
    manual: bool
    ours: str
    told: str

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.theirs == self.ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a scan took: seconds of the processor, and MiB at most, where that can be told."""

    seconds: float
    mebibytes: float | None


def main() -> int:
    """Compare on every node, print the differences with their reasons, and return the exit code."""
    engine = _engine()
    reasons: Mapping[str, str] = tomllib.loads(_REASONS.read_text(encoding="utf-8"))["reasons"]
    unexplained, used = [], set()
    for node in _nodes(engine):
        role = "control-plane" if node.endswith("control-plane") else "worker"
        theirs, their_cost = _kube_bench(engine, node, _TARGETS[role])
        states, our_cost = _scan(engine, node)
        checks = list(_compare(theirs, states))
        print(f"\n{node}: {sum(each.agrees for each in checks)} of {len(checks)} checks agree with {_BENCHMARK}")
        for check in checks:
            if check.agrees:
                continue
            reason = _MANUAL if check.manual and check.theirs == "WARN" else reasons.get(check.number, "")
            used.add(check.number)
            print(f"  {check.number:7} kube-bench {check.theirs:4}  ours {check.ours:4} {reason or 'NO REASON'}")
            print(f"          {check.title[:70]}; {check.told}")
            if not reason:
                unexplained.append(f"{node} {check.number}")
        print(
            f"  processor: kube-bench {their_cost.seconds:.2f} s, stridegate {our_cost.seconds:.2f} s"
            f" ({our_cost.seconds / their_cost.seconds:.2f} times), {our_cost.mebibytes:.0f} MiB at most"
        )
    idle = sorted(reasons.keys() - used)
    print(
        f"\nwithout a reason: {', '.join(unexplained) or 'none'}; reasons without a difference: {', '.join(idle) or 'none'}"
    )
    return 1 if unexplained or idle else 0


def _engine() -> Engine:
    engine = running()
    if engine is None:
        raise SystemExit("no container engine runs: make demo")
    return engine


def _nodes(engine: Engine) -> list[str]:
    named = engine.docker("ps", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}").split()
    if not named:
        raise SystemExit("no kind cluster runs: make demo")
    return sorted(named)


def _kube_bench(engine: Engine, node: str, targets: str) -> tuple[Mapping[str, Mapping[str, object]], Cost]:
    """Return kube-bench's results by number."""
    binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
    engine.docker("exec", node, "mkdir", "-p", _FOLDER)
    engine.docker("cp", binaries.program("kube-bench"), f"{node}:{_FOLDER}/kube-bench")
    engine.docker("cp", binaries.module_source("kube-bench") / "cfg", f"{node}:{_FOLDER}")
    # bash tells the processor's time of what ran in the container, which no caller outside can see.
    run = (
        f"cd {_FOLDER} && TIMEFORMAT='%U %S' && time ./kube-bench run --json --benchmark {_BENCHMARK}"
        f" --targets {targets} --outputfile results.json 2>&1"
    )
    timed = engine.docker("exec", node, "bash", "-c", f"{{ {run}; }} 2>&1")
    found = json.loads(engine.docker("exec", node, "cat", f"{_FOLDER}/results.json"))
    engine.docker("exec", node, "rm", "-r", _FOLDER)
    results = {
        result["test_number"]: result
        for control in found["Controls"]
        for group in control["tests"]
        for result in group["results"]
    }
    seconds = sum(map(float, timed.split()[-2:]))
    return results, Cost(seconds=seconds, mebibytes=None)


def _scan(engine: Engine, node: str) -> tuple[Mapping[str, tuple[str, str]], Cost]:
    """Return each rule's state and what was observed."""
    pid = engine.docker("inspect", "--format", "{{.State.Pid}}", node).strip()
    command = ["nsenter", "--target", pid, "--net", sys.executable, "-m", "stridegate", "scan-node"]
    scanned = subprocess.Popen(
        [*command, "--root", f"/proc/{pid}/root", "--fail-on", "critical", "-o", "json"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "controller")},
        stdout=subprocess.PIPE,
    )
    written = scanned.stdout.read() if scanned.stdout else b""
    _, code, taken = os.wait4(scanned.pid, 0)
    if os.waitstatus_to_exitcode(code) not in {0, 1}:
        raise SystemExit(f"scan-node ended with {os.waitstatus_to_exitcode(code)}")
    status = json.loads(written)["status"]
    states = {finding["rule"]: (finding["state"], finding["observed"]) for finding in status["findings"]}
    states |= dict.fromkeys(status["passed"], ("Pass", ""))
    return states, Cost(seconds=taken.ru_utime + taken.ru_stime, mebibytes=taken.ru_maxrss / 1024)


def _compare(theirs: Mapping[str, Mapping[str, object]], states: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    rules: dict[str, list[str]] = {}
    for entry in ENTRIES.values():
        numbers = (each.number for each in entry.references if isinstance(each, CisKubernetes))
        for number in filter(None, numbers):
            rules.setdefault(number, []).append(entry.slug)
    for number, result in theirs.items():
        said = {slug: states.get(slug, ("NotApplicable", "")) for slug in rules.get(number, ())}
        yield Check(
            number=number,
            title=str(result["test_desc"]),
            theirs=str(result["status"]),
            manual=not result["scored"],
            ours=_together(said.values()),
            told="; ".join(f"{slug} {state} {observed[:40]}".rstrip() for slug, (state, observed) in said.items()),
        )


def _together(said: Collection[tuple[str, str]]) -> str:
    """Return what several rules say together, in kube-bench's words where it has one.

    What only the scanner in the cluster can ask (ports, ConfigMaps) is left to the others, if there are any.
    """
    states = {state for state, observed in said if _UNASKED not in observed} or {state for state, _ in said}
    if "Fail" in states:
        return "FAIL"
    if states & {"Warn", "Unknown", "Error"}:
        return "WARN"
    if "Pass" in states:
        return "PASS"
    return "N/A" if states else "NONE"


if __name__ == "__main__":
    sys.exit(main())
