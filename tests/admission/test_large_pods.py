"""Large pods cost work in proportion to their size, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reviewing import Asked, mutated, pod, policy, validated
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.vocabulary import Patching
from work import TENFOLD, calls

EVERYTHING = policy(patching=Patching.ALL)


def containers(size: int) -> JsonMap:
    return pod({"containers": [{"name": f"c{number}", "image": "registry.example/app:1.0"} for number in range(size)]})


def variables(size: int) -> JsonMap:
    listed: list[Json] = [{"name": f"PASSWORD_{number}", "value": f"Secret-{number}-x7Qp9"} for number in range(size)]
    return pod({"containers": [{"name": "app", "env": listed}]})


def volumes(size: int) -> JsonMap:
    listed: list[Json] = [{"name": f"v{number}", "hostPath": {"path": f"/srv/{number}"}} for number in range(size)]
    mounts: list[Json] = [{"name": f"v{number}", "mountPath": f"/m/{number}"} for number in range(size)]
    return pod({"containers": [{"name": "app", "volumeMounts": mounts}], "volumes": listed})


def marks(size: int) -> JsonMap:
    return pod(
        {}, annotations={f"container.apparmor.security.beta.kubernetes.io/c{n}": "unconfined" for n in range(size)}
    )


@pytest.mark.parametrize("large", [containers, variables, volumes, marks])
def test_a_review_takes_work_in_proportion_to_the_pod(large: Callable[[int], JsonMap]) -> None:
    def review(size: int) -> Callable[[], object]:
        asked = Asked(object=large(size))
        return lambda: (validated(asked, EVERYTHING), mutated(asked, EVERYTHING))

    assert calls(review(1000)) < TENFOLD * calls(review(100))


def test_ten_thousand_variables_are_all_judged() -> None:
    verdict = validated(Asked(object=variables(10_000)), EVERYTHING)

    assert sum(count.slug == "literal-secret" for count in verdict.counts) == 10_000
    assert len(verdict.message.encode()) <= 4096
