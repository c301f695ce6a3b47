"""Where a rule comes from: the Pod Security Standards and the CIS benchmarks, with their identifiers in each numbering."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PodSecurity:
    """A check of the Kubernetes Pod Security Standards (k8s.io/pod-security-admission, `policy/check_*.go`).

    `since` is the minor version of Kubernetes 1 whose standard first has the check.
    """

    check: str
    since: int = 0

    def __str__(self) -> str:
        return f"Pod Security Standards, {self.check}"


@dataclass(frozen=True, slots=True)
class CisDocker:
    """A recommendation of the CIS Docker Benchmark 1.6 and later; `before_1_6` is its number in editions 1.3.1 to 1.5."""

    number: str
    before_1_6: str | None = None

    def __str__(self) -> str:
        return f"CIS Docker {self.number}" + (f" ({self.before_1_6} before 1.6)" if self.before_1_6 else "")


@dataclass(frozen=True, slots=True)
class CisKubernetes:
    """A recommendation of the CIS Kubernetes Benchmark 1.12; `before_1_12` is its older number, alone where 1.12 dropped it."""

    number: str | None
    before_1_12: str | None = None

    def __str__(self) -> str:
        if self.number is None:
            return f"CIS Kubernetes {self.before_1_12} (before 1.12)"
        return f"CIS Kubernetes {self.number}" + (f" ({self.before_1_12} before 1.12)" if self.before_1_12 else "")


Reference = PodSecurity | CisDocker | CisKubernetes
