"""The scanner beside a plain reading of the CIS Docker Benchmark 1.6, sections 1.1, 2 and 3, on this machine: check by check.

    make demo
    PYTHONPATH=.:controller python -m bench.docker_benchmark
    PYTHONPATH=.:controller unshare --mount python -m bench.docker_benchmark --with-audit-rules

The plain side knows nothing of the rules: it looks where the benchmark says, and compares as the benchmark says. A difference
without a reason in `docker_benchmark.toml` makes the command fail. The second form lays `docker_audit.rules` over /etc/audit
in a mount namespace of its own, and nothing on the machine is changed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.docker_readings import CHECKS, Host
from stridegate.engine.node_catalogue import ENTRIES
from stridegate.model.references import CisDocker

_REASONS = Path(__file__).with_name("docker_benchmark.toml")
_AUDIT_RULES = Path(__file__).with_name("docker_audit.rules")
_OVERLAID = "--with-audit-rules"
# Rules in a file record nothing without the daemon; a plain reading of the files cannot tell.
_NO_AUDITD = "auditd does not run"
_OWN_NAMESPACE_WANTED = "--with-audit-rules needs a mount namespace of its own: unshare --mount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One recommendation: what the plain reading says, and what the rules with this number say."""

    number: str
    plain: str
    ours: str
    told: str


def main() -> int:
    """Compare on this machine, print the differences with their reasons, and return the exit code."""
    if _OVERLAID in sys.argv[1:]:
        _lay_over()
    reasons: Mapping[str, str] = tomllib.loads(_REASONS.read_text(encoding="utf-8"))["reasons"]
    started = time.process_time()
    host = Host.read()
    plain = {number: check(host) for number, check in CHECKS.items()}
    plain_seconds = time.process_time() - started
    states, seconds, mebibytes = _scan()
    checks = list(_compare(plain, states))
    different = [check for check in checks if check.plain != check.ours]
    told = {check.number: _NO_AUDITD for check in different if check.plain == "PASS" and _NO_AUDITD in check.told}
    told = {**reasons, **told}
    print(f"{len(checks) - len(different)} of {len(checks)} checks agree with CIS Docker 1.6 as it is written")
    for check in different:
        print(f"  {check.number:7} plain {check.plain:4}  ours {check.ours:4} {told.get(check.number, 'NO REASON')}")
        print(f"          {check.told}")
    unexplained = [check.number for check in different if check.number not in told]
    idle = sorted(reasons.keys() - {check.number for check in different})
    print(f"processor: plain {plain_seconds:.2f} s, stridegate {seconds:.2f} s, {mebibytes:.0f} MiB at most")
    print(
        f"without a reason: {', '.join(unexplained) or 'none'}; reasons without a difference: {', '.join(idle) or 'none'}"
    )
    return 1 if unexplained else 0


def _lay_over() -> None:
    """Put real audit rules over /etc, for this process and those it starts. Raises SystemExit in the machine's own namespace."""
    if Path("/proc/self/ns/mnt").readlink() == Path("/proc/1/ns/mnt").readlink():
        raise SystemExit(_OWN_NAMESPACE_WANTED)
    with tempfile.TemporaryDirectory() as scratch:
        mount = ["mount", "-t", "tmpfs", "tmpfs", scratch]
        subprocess.run(mount, check=True)
        upper, work = Path(scratch, "upper"), Path(scratch, "work")
        work.mkdir()
        (upper / "audit/rules.d").mkdir(parents=True)
        for name in ("audit.rules", "rules.d/docker.rules"):
            (upper / "audit" / name).write_text(_AUDIT_RULES.read_text(encoding="utf-8"), encoding="utf-8")
        options = f"lowerdir=/etc,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, "/etc"], check=True)
        subprocess.run(["umount", "--lazy", scratch], check=True)


def _scan() -> tuple[Mapping[str, tuple[str, str]], float, float]:
    """Return each rule's state and what was observed, the seconds of the processor, and MiB at most."""
    scanned = subprocess.Popen(
        [sys.executable, "-m", "stridegate", "scan-node", "-o", "json"],
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
    return states, taken.ru_utime + taken.ru_stime, taken.ru_maxrss / 1024


def _compare(plain: Mapping[str, str], states: Mapping[str, tuple[str, str]]) -> Iterator[Check]:
    rules: dict[str, list[str]] = {}
    for entry in ENTRIES.values():
        # CRI-O's and containerd's rules borrow numbers of Docker's benchmark; what they say is not about Docker.
        if entry.slug.startswith(("crio-", "containerd-")) and not entry.slug.startswith("containerd-socket-"):
            continue
        for reference in entry.references:
            if isinstance(reference, CisDocker):
                rules.setdefault(reference.number, []).append(entry.slug)
    for number, verdict in plain.items():
        said = {slug: states.get(slug, ("NotApplicable", "")) for slug in rules.get(number, ())}
        yield Check(
            number=number,
            plain=verdict,
            ours=_together(state for state, _ in said.values()),
            told="; ".join(f"{slug} {state} {observed[:60]}".rstrip() for slug, (state, observed) in said.items()),
        )


def _together(states: Iterator[str]) -> str:
    """Return what several rules say together."""
    said = frozenset(states)
    if "Fail" in said:
        return "FAIL"
    if said & {"Warn", "Unknown", "Error"}:
        return "WARN"
    if "Pass" in said:
        return "PASS"
    return "N/A" if said else "NONE"


if __name__ == "__main__":
    sys.exit(main())
