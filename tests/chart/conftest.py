"""What the tests of the chart share: Helm, and the chart rendered with its own values."""

from __future__ import annotations

import pytest

from charts import Helm, Rendered
from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import Places
from localkube.versions import KubernetesVersion


@pytest.fixture(scope="session")
def helm() -> Helm:
    binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
    return Helm(binaries.program("helm"))


@pytest.fixture(scope="session")
def release(helm: Helm) -> Rendered:
    return helm.render()
