"""A Job is tried again more often than five times.

Threat: what fails at once fails again at once: pods, logs and the events about them pile up, images are pulled again and
again, and nobody looks any more.
Check: `backoffLimit` of a Job, and of the Jobs that a CronJob makes, is at most 5. The API server makes 6 of an absent one,
and where `backoffLimitPerIndex` is set, no limit at all. Deployments cannot be bounded.
Fix: set `backoffLimit`. There is no automatic fix: only a human knows how often trying again is of use.
"""

from __future__ import annotations

from collections.abc import Iterable

from stridegate.model.object_views import JobView
from stridegate.model.places import Field
from stridegate.model.references import CisDocker
from stridegate.model.rules import Given, JobRule, Violation, bad, good, observe
from stridegate.model.vocabulary import Profile, Severity, Stride

LIMIT = Field[int]("backoffLimit")

_MOST = 5
# What an absent limit becomes (`SetDefaults_Job`).
_DEFAULT = 6


def check(job: JobView, _: Given) -> Iterable[Violation]:
    """Yield the limit where it is absent or too high; raising it makes it worse."""
    limit = LIMIT.of(job)
    if limit is not None and limit <= _MOST:
        return ()
    rank = _DEFAULT if limit is None else limit
    return (Violation(LIMIT.at(job), observed=observe(limit), wanted=f"be at most {_MOST}", rank=rank),)


RULE = JobRule(
    slug="unbounded-job-retries",
    doc=__doc__,
    severity=Severity.LOW,
    profile=Profile.ADVISORY,
    stride=frozenset({Stride.DENIAL_OF_SERVICE}),
    references=(CisDocker("5.15", before_1_6="5.14"),),
    threats=frozenset({"unlimited-container-restarts"}),
    check=check,
    examples=(
        bad("absent", "backoffLimit: null"),
        bad("the API server's default", "backoffLimit: 6"),
        bad("many", "backoffLimit: 2147483647"),
        good("five times", "backoffLimit: 5"),
        good("never", "backoffLimit: 0"),
    ),
)
