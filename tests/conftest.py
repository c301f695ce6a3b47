"""What tests of several rooms share: one real API server for a whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from localkube.api_server import METADATA_AUDIT_POLICY, ApiServer

# A run is the same everywhere, on a busy machine too, so that it fails for what was changed and for nothing else;
# `--hypothesis-profile=search` looks at new objects every time.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _UNTIMED, derandomize=True)
settings.register_profile("search", _UNTIMED, derandomize=False)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """etcd and kube-apiserver as processes; tests keep to namespaces and objects of their own."""
    with ApiServer(state_dir=tmp_path_factory.mktemp("api-server"), audit_policy=METADATA_AUDIT_POLICY) as server:
        yield server
