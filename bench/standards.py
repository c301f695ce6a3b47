"""Agreement with the fixtures by which Pod Security admission itself is tested: every check, level and version.

    PYTHONPATH=.:controller python -m bench.standards FOLDER

The folder is `test/testdata` of the Go module k8s.io/pod-security-admission (LEVEL/VERSION/pass/*.yaml and fail/*.yaml), and
no part of Stridegate. Each pod is judged as `stridegate check` does, by a policy of that level and version that denies. A
difference makes the command fail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stridegate.cli.judging.standards import standards
from stridegate.cli.judging.subjects import Judge
from stridegate.cli.manifests.documents import read
from stridegate.cli.manifests.sources import Source
from stridegate.cli.results import Subject
from stridegate.model.policies import Policy
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR
from stridegate.model.vocabulary import Action, Profile

_LEVELS = {"baseline": Profile.BASELINE, "restricted": Profile.RESTRICTED}
_VERDICTS = {"pass": False, "fail": True}


class Fixture(NamedTuple):
    """One pod, and whether Pod Security admission refuses it."""

    file: Path
    refused: bool


def fixtures(folder: Path) -> Iterator[Fixture]:
    """Yield the fixtures of one level and version."""
    for name, refused in _VERDICTS.items():
        for file in sorted((folder / name).glob("*.yaml")):
            yield Fixture(file, refused)


def judge_of(level: str, minor: int) -> Judge:
    """Return what judges by a level at a version of Kubernetes 1."""
    policy = Policy(name=level, profile=_LEVELS[level], action=Action.DENY, pod_security=minor)
    return Judge(standards([policy], [], {}, 0.0))


def refused(judge: Judge, file: Path) -> bool:
    """Return whether a pod is refused, or cannot be judged."""
    reading = read(Source(name=str(file), path=file))
    outcomes = [outcome for document in reading.documents for outcome in judge.document(document)]
    judged = [outcome for outcome in outcomes if isinstance(outcome, Subject)]
    return bool(reading.errors) or len(judged) != 1 or judged[0].denied


def main(arguments: Sequence[str]) -> int:
    """Print the differences and how many fixtures there were; 1 where anything differs, or there is nothing to compare."""
    if len(arguments) != 1:
        print("usage: python -m bench.standards FOLDER", file=sys.stderr)
        return 2
    cases = different = 0
    for level in _LEVELS:
        for minor in range(NEWEST_POD_SECURITY_MINOR + 1):
            judge = judge_of(level, minor)
            for each in fixtures(Path(arguments[0]) / level / f"v1.{minor}"):
                cases += 1
                if refused(judge, each.file) is not each.refused:
                    different += 1
                    print(f"{each.file}: {'refused' if each.refused else 'accepted'} there, not here")
    print(f"{cases} fixtures of versions 1.0 to 1.{NEWEST_POD_SECURITY_MINOR}, {different} differences")
    return 1 if different or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
