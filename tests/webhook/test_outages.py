"""A replica beside a real API server that hangs, loses its storage or starts anew: the last policies hold, and later ones are seen."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from authorities import mounted
from enforcement import created
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from processes import AUTHORITY, DENY, denied
from replicas import Replica, eventually

pytestmark = pytest.mark.api_server

POLICY = {
    "apiVersion": "stridegate.dev/v1alpha1",
    "kind": "HardeningPolicy",
    "metadata": {"name": "production"},
    "spec": DENY,
}


@dataclass(frozen=True, slots=True)
class Enforced:
    """A replica whose policy denies."""

    server: ApiServer
    replica: Replica

    def act(self, action: str) -> None:
        """Change what the policy does, as soon as the API server takes that."""
        change = json.dumps({"spec": {"action": action}})
        patch = ("patch", "hpol", "production", "--type=merge", "--request-timeout=5s", "-p", change)
        eventually(lambda: "production" in self.server.kubectl(*patch, check=False), 60)

    def follows(self) -> bool:
        """Whether a policy that lets go lets go, and one that denies denies."""
        self.act("audit")
        eventually(lambda: not denied(self.replica), 60)
        self.act("deny")
        eventually(lambda: denied(self.replica), 60)
        return True


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    folder = tmp_path_factory.mktemp("webhook-outages")
    with ApiServer(state_dir=folder / "api") as server:
        server.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "deploy" / "crds"))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        created(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}, POLICY)
        with Replica(server.kubeconfig, mounted(folder / "tls", AUTHORITY).directory) as replica:
            replica.wait_ready()
            eventually(lambda: denied(replica))
            yield Enforced(server, replica)


def test_while_the_api_server_hangs_the_last_policy_holds_and_afterwards_changes_are_seen(enforced: Enforced) -> None:
    enforced.server.pause()
    during = [(denied(enforced.replica), enforced.replica.ready) for _ in range(20)]
    enforced.server.resume()

    assert during == [(True, True)] * 20
    assert enforced.follows()


def test_after_its_storage_crashed_changes_are_seen(enforced: Enforced) -> None:
    enforced.server.crash_storage()

    assert denied(enforced.replica)
    assert enforced.follows()


def test_a_policy_that_went_while_nobody_watched_and_revisions_were_lost_is_gone(enforced: Enforced) -> None:
    enforced.replica.process.send_signal(signal.SIGSTOP)
    enforced.server.kubectl("delete", "hpol", "production")
    # One that starts anew does not know the revisions that watches go on from.
    enforced.server.stop()
    enforced.server.start()
    enforced.replica.process.send_signal(signal.SIGCONT)

    eventually(lambda: not denied(enforced.replica), 60)
    created(enforced.server, POLICY)
    eventually(lambda: denied(enforced.replica), 60)
    assert enforced.replica.process.poll() is None
