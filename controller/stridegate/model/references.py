"""Where a rule comes from: the Pod Security Standards and the CIS benchmarks, with their identifiers in each numbering."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Benchmark(enum.Enum):
    """A published set of recommendations."""

    POD_SECURITY = "pod-security"
    CIS_DOCKER = "cis-docker"
    CIS_KUBERNETES = "cis-kubernetes"
    CIS_EKS = "cis-eks"
    CIS_AKS = "cis-aks"
    CIS_GKE = "cis-gke"

    @property
    def title(self) -> str:
        """Its name, as people write it."""
        return _TITLES[self]


_TITLES = {
    Benchmark.POD_SECURITY: "Pod Security Standards",
    Benchmark.CIS_DOCKER: "CIS Docker",
    Benchmark.CIS_KUBERNETES: "CIS Kubernetes",
    Benchmark.CIS_EKS: "CIS EKS",
    Benchmark.CIS_AKS: "CIS AKS",
    Benchmark.CIS_GKE: "CIS GKE",
}


class Numbering(NamedTuple):
    """What a recommendation is called in some editions of its benchmark."""

    benchmark: Benchmark
    editions: str
    number: str


@dataclass(frozen=True, slots=True)
class PodSecurity:
    """A check of the Kubernetes Pod Security Standards (k8s.io/pod-security-admission, `policy/check_*.go`).

    `since` is the minor version of Kubernetes 1 whose standard first has the check.
    """

    check: str
    since: int = 0

    def __str__(self) -> str:
        return f"Pod Security Standards, {self.check}"

    def numberings(self) -> Iterator[Numbering]:
        """Yield the check's name, which never changed."""
        yield Numbering(Benchmark.POD_SECURITY, f"v1.{self.since} and later", self.check)


@dataclass(frozen=True, slots=True)
class CisDocker:
    """A recommendation of the CIS Docker Benchmark 1.6 and later; `before_1_6` is its number in editions 1.3.1 to 1.5."""

    number: str
    before_1_6: str | None = None

    def __str__(self) -> str:
        return f"CIS Docker {self.number}" + (f" ({self.before_1_6} before 1.6)" if self.before_1_6 else "")

    def numberings(self) -> Iterator[Numbering]:
        """Yield its number in each edition, the newest first."""
        if self.before_1_6 is None:
            yield Numbering(Benchmark.CIS_DOCKER, "1.3.1 and later", self.number)
        else:
            yield Numbering(Benchmark.CIS_DOCKER, "1.6 and later", self.number)
            yield Numbering(Benchmark.CIS_DOCKER, "1.3.1 to 1.5", self.before_1_6)


@dataclass(frozen=True, slots=True)
class CisKubernetes:
    """A recommendation of the CIS Kubernetes Benchmark 1.12; `before_1_12` is its older number, alone where 1.12 dropped it."""

    number: str | None
    before_1_12: str | None = None

    def __str__(self) -> str:
        if self.number is None:
            return f"CIS Kubernetes {self.before_1_12} (before 1.12)"
        return f"CIS Kubernetes {self.number}" + (f" ({self.before_1_12} before 1.12)" if self.before_1_12 else "")

    def numberings(self) -> Iterator[Numbering]:
        """Yield its number in each edition, the newest first."""
        if self.number is not None:
            yield Numbering(Benchmark.CIS_KUBERNETES, "1.12", self.number)
        if self.before_1_12 is not None:
            yield Numbering(Benchmark.CIS_KUBERNETES, "before 1.12", self.before_1_12)


@dataclass(frozen=True, slots=True)
class CisCloud:
    """A recommendation of the CIS Benchmark for one cloud's Kubernetes service, which numbers the checks of nodes its own way."""

    benchmark: Benchmark
    number: str

    def __str__(self) -> str:
        return f"{self.benchmark.title} {self.number}"

    def numberings(self) -> Iterator[Numbering]:
        """Yield its number."""
        yield Numbering(self.benchmark, "1.x", self.number)


Reference = PodSecurity | CisDocker | CisKubernetes | CisCloud


def in_clouds(number: str, *benchmarks: Benchmark) -> tuple[CisCloud, ...]:
    """Return one recommendation that several services' benchmarks have under the same number."""
    return tuple(CisCloud(benchmark, number) for benchmark in benchmarks)
