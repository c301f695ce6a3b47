"""What `stridegate check` costs: one manifest and ten thousand, beside an empty Python and other checkers, on the same files.

    PYTHONPATH=.:deploy/local python -m bench.checkers

Other checkers are built from pinned Go modules (`modules/`); checkov takes part where it is on the PATH. They check other things:
the numbers say what a run costs, and not what it finds. Processor time is user and system, of a process and all it started.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measurements import Series
from localkube.cache import Cache, digest
from localkube.errors import LocalError
from localkube.places import Places
from localkube.toolchain import Toolchain

_MANY = 10_000
# Checkov takes minutes for thousands.
_FEW = 200
_MODULES = Path(__file__).parent / "modules"
_PACKAGES = {
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score",
}

_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  namespace: shop
  labels: {{app.kubernetes.io/name: web}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app.kubernetes.io/name: web}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: web}}
    spec:
      containers:
      - name: web
        image: registry.example/web:1.{number}
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: LOG_LEVEL
          value: info
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
        readinessProbe:
          httpGet: {{path: /ready, port: http}}
        volumeMounts:
        - name: cache
          mountPath: /var/cache
      volumes:
      - name: cache
        emptyDir: {{}}
"""


@dataclass(frozen=True, kw_only=True)
class Checker:
    """A program that checks manifests; `wants_files` where it takes no folder, `most` is how many it is given."""

    name: str
    command: Sequence[str]
    wants_files: bool = False
    most: int = _MANY

    def seconds(self, folder: Path, environment: Mapping[str, str]) -> float:
        """Return the processor time of a run over a folder."""
        paths = sorted(map(str, folder.rglob("*.yaml"))) if self.wants_files else [str(folder)]
        process = subprocess.Popen(
            [*self.command, *paths],
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        # Findings are no failure; a checker that could not run measured nothing.
        assert process.returncode in {0, 1}, f"{self.name} ended with {process.returncode}"
        return usage.ru_utime + usage.ru_stime


def measure(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="stridegate-bench-") as directory:
        root = Path(directory)
        # As after an installation: modules are compiled once.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(root / "compiled")
        one, few, many = (_filled(root / str(count), count) for count in (1, _FEW, _MANY))
        checkers = list(_checkers())
        ours = checkers[0]
        ours.seconds(one, environment)
        _print_one(checkers, one, environment, rounds)
        print(f"\nManifests per second of processor time: {_MANY:,} files of {len(_MANIFEST):,} bytes")
        for checker in checkers:
            folder, count = (many, _MANY) if checker.most == _MANY else (few, _FEW)
            speeds = Series(values=[count / checker.seconds(folder, environment) for _ in range(rounds)])
            print(f"  {checker.name:<24} {speeds}{f'; of {count} files' if count != _MANY else ''}")


def _print_one(checkers: Sequence[Checker], one: Path, environment: Mapping[str, str], rounds: int) -> None:
    print("\nOne manifest: milliseconds of processor time from start to end")
    empty = Checker(name="an empty Python", command=(sys.executable, "-c", "pass"))
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for checker in (empty, *checkers):
            taken.setdefault(checker.name, []).append(1000 * checker.seconds(one, environment))
    for name, values in taken.items():
        print(f"  {name:<24} {Series(values=values)}")
    above = [mine - theirs for mine, theirs in zip(taken[checkers[0].name], taken[empty.name], strict=True)]
    print(f"  ours above empty         {Series(values=above)}")


def _filled(folder: Path, count: int) -> Path:
    """Return a folder with so many manifests, a hundred in a folder."""
    for number in range(count):
        path = folder / f"{number // 100:02}" / f"web-{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_MANIFEST.format(number=number), encoding="utf-8")
    return folder


def _checkers() -> list[Checker]:
    """Return ours, and those others that can be had here."""
    command = (str(Path(sys.executable).parent / "stridegate"), "check", "--profile", "restricted")
    found = [Checker(name="stridegate check", command=command)]
    for name, path in _built().items():
        if name == "kubeconform":
            # Without schemas, which it would fetch: what is left is reading, the floor.
            arguments = ("-ignore-missing-schemas", "-schema-location", "/nowhere/{{.ResourceKind}}.json")
            found.append(Checker(name="kubeconform, no schemas", command=(str(path), *arguments)))
        else:
            found.append(Checker(name=name, command=(str(path), "score"), wants_files=True))
    checkov = shutil.which("checkov")
    if checkov:
        options = ("--framework", "kubernetes", "--quiet", "--compact", "-d")
        found.append(Checker(name="checkov", command=(checkov, *options), most=_FEW))
    return found


def _built() -> Mapping[str, Path]:
    """Return the checkers that are built from Go modules, as far as they can be; the first time takes minutes."""
    cache = Cache(root=Places.of().cache)
    programs: dict[str, Path] = {}
    for name, package in _PACKAGES.items():
        folder = _MODULES / name

        def build(place: Path, name: str = name, package: str = package, folder: Path = folder) -> None:
            Toolchain.find(cache).run(
                "build", "-mod=readonly", "-o", place / name, package, folder=folder, log=cache.log(name)
            )

        try:
            programs[name] = cache.built(f"bench-{name}", digest([folder]), build) / name
        except LocalError as error:
            print(f"  without {name}: {error}")
    return programs


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.checkers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each takes its turn (default: 5)")
    measure(parser.parse_args().rounds)


if __name__ == "__main__":
    main()
