"""Every recommendation of the benchmarks that a machine can judge has a rule."""

from __future__ import annotations

import pytest

from stridegate.engine.node_catalogue import ENTRIES
from stridegate.model.references import CisDocker, CisKubernetes

# CIS Kubernetes 1.12, sections 1 to 4. Of section 3 the first two are about users, whom cluster rules watch.
KUBERNETES = [
    *(f"1.1.{number}" for number in range(1, 22)),
    *(f"1.2.{number}" for number in range(1, 31)),
    *(f"1.3.{number}" for number in range(1, 8)),
    *(f"1.4.{number}" for number in range(1, 3)),
    *(f"2.{number}" for number in range(1, 8)),
    *(f"3.1.{number}" for number in range(1, 4)),
    *(f"3.2.{number}" for number in range(1, 3)),
    *(f"4.1.{number}" for number in range(1, 11)),
    *(f"4.2.{number}" for number in range(1, 15)),
    "4.3.1",
]

# CIS Docker 1.6 and later, sections 1 to 3. 1.2.1 says to harden the host, which no check can tell.
DOCKER = [
    *(f"1.1.{number}" for number in range(1, 19)),
    "1.2.2",
    *(f"2.{number}" for number in range(1, 19)),
    *(f"3.{number}" for number in range(1, 25)),
]


@pytest.mark.parametrize("number", KUBERNETES)
def test_a_recommendation_for_kubernetes_has_a_rule(number: str) -> None:
    references = (each for entry in ENTRIES.values() for each in entry.references)

    assert any(isinstance(each, CisKubernetes) and each.number == number for each in references)


@pytest.mark.parametrize("number", DOCKER)
def test_a_recommendation_for_docker_has_a_rule(number: str) -> None:
    references = (each for entry in ENTRIES.values() for each in entry.references)

    assert any(isinstance(each, CisDocker) and each.number == number for each in references)
