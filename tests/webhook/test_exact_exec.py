"""Getting into a pod, where the webhook is told to look at the very pod: a real API server, its watch, and a replica."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from enforced import Answer, Caller, enforcing, namespaced
from localkube.api_server import ApiServer
from replicas import eventually
from reviewing import PRIVILEGED, pod
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.rules import Parameters
from stridegate.model.vocabulary import Action, Profile

pytestmark = pytest.mark.api_server

SLUG: Final = "exec-into-privileged-pod"
OPEN: Final = "exact-open"
PODS: Final = namespaced("api/v1/pods", OPEN)
POLICY: Final = Policy(
    name="exact",
    profile=Profile.BASELINE,
    action=Action.AUDIT,
    rules={SLUG: RuleSetting(action=Action.DENY, parameters=Parameters(groups=("node-keepers",)))},
)


@pytest.fixture(scope="module")
def server(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    api_server.kubectl("create", "namespace", OPEN)
    api_server.kubectl("create", "clusterrolebinding", "exact", "--clusterrole=cluster-admin", "--group=everybody")
    with Caller(api_server) as caller:
        create(caller, "early", PRIVILEGED)
        values = {"exec": {"enabled": True, "exact": True}}
        with enforcing(api_server, tmp_path_factory.mktemp("exact"), {OPEN: [POLICY]}, values):
            yield api_server


@pytest.fixture
def caller(server: ApiServer) -> Iterator[Caller]:
    with Caller(server) as caller:
        yield caller


def create(caller: Caller, name: str, manifest: JsonMap) -> None:
    answer = caller.ask("POST", PODS, {**manifest, "metadata": {"name": name, "namespace": OPEN}})
    assert answer.accepted, answer.message


def entering(server: ApiServer, name: str, *groups: str, verb: str = "exec") -> Answer:
    query = "command=id&stdout=true" if verb == "exec" else "stdout=true"
    with Caller(server, user="alice", groups=("everybody", *groups)) as alice:
        return alice.ask("POST", f"{PODS}/{name}/{verb}?{query}")


def reached(answer: Answer) -> bool:
    """Whether a request got as far as the pod, which runs nowhere."""
    return answer.code == 400 and "does not have a host assigned" in answer.message


@pytest.mark.parametrize("verb", ["exec", "attach"])
def test_a_pod_that_was_there_before_and_holds_its_node_is_left_to_the_groups(server: ApiServer, verb: str) -> None:
    refused = entering(server, "early", verb=verb)
    member = entering(server, "early", "node-keepers", verb=verb)

    assert refused.denied == {SLUG}, refused.message
    assert "since the pod is privileged, shares a namespace of the node or runs as root" in refused.message
    assert reached(member), member.message


def test_an_ordinary_pod_is_open_as_soon_as_the_webhook_has_heard_of_it(server: ApiServer, caller: Caller) -> None:
    create(caller, "ordinary", pod())

    eventually(lambda: reached(entering(server, "ordinary")), 10)


def test_a_pod_that_comes_later_is_left_to_the_groups_at_every_moment(server: ApiServer, caller: Caller) -> None:
    create(caller, "late", PRIVILEGED)

    answers = [entering(server, "late") for _ in range(5)]

    assert [each.denied for each in answers] == [{SLUG}] * 5


def test_a_pod_that_nobody_knows_is_left_to_the_groups(server: ApiServer) -> None:
    refused = entering(server, "nowhere")

    assert refused.denied == {SLUG}
    assert "the webhook does not know this pod yet" in refused.message


def test_a_debug_container_that_holds_the_node_closes_the_pod(server: ApiServer, caller: Caller) -> None:
    create(caller, "debugged", pod())
    eventually(lambda: reached(entering(server, "debugged")), 10)
    debug = {"name": "debug", "image": "x:1", "securityContext": {"privileged": True}}

    added = caller.ask("PATCH", f"{PODS}/debugged/ephemeralcontainers", {"spec": {"ephemeralContainers": [debug]}})

    assert added.accepted, added.message
    eventually(lambda: entering(server, "debugged").denied == {SLUG}, 10)


def test_a_pod_that_takes_the_name_of_another_is_judged_anew(server: ApiServer, caller: Caller) -> None:
    create(caller, "named", pod())
    eventually(lambda: reached(entering(server, "named")), 10)
    caller.ask("DELETE", f"{PODS}/named", {"gracePeriodSeconds": 0})

    create(caller, "named", PRIVILEGED)

    eventually(lambda: entering(server, "named").denied == {SLUG}, 10)
