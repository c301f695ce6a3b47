"""The webhook behind a real API server, called by Service as in a cluster, and its fixes carried out by kubectl."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import pytest

from authorities import Authority, Mount
from enforcement import SERVICE, configuration, created, service
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from replicas import Replica, eventually
from reviewing import Asked, embedding, validated
from specimens import pod_of
from specimens import policy as policy_of
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.model.rules import Example
from traffic import Stream
from traffic import pod as traffic_pod

pytestmark = pytest.mark.api_server

SYSTEM = "webhook-tests-system"
SHOP = "webhook-tests-shop"
FIXED = "webhook-tests-fixed"
NAME = f"{SERVICE}.{SYSTEM}.svc"
KILLS = 50

OWNED: JsonMap = {
    "labels": {"pod-template-hash": "5d4f"},
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
}


def denied(example: Example) -> str:
    """Return the message that denies an example's pod, which a Deployment made."""
    document = pod_of(example)
    asked = Asked(object={**document, "metadata": {**_metadata(document), **OWNED}}, namespace=FIXED)
    return validated(asked, policy_of(given=example.given, override=True)).message


def _metadata(document: JsonMap) -> JsonMap:
    metadata = document["metadata"]
    assert isinstance(metadata, dict)
    return metadata


# Ephemeral containers stand in no template, and what the API server refuses cannot be mended in it.
MENDABLE = [
    pytest.param(example, id=f"{rule.slug}: {example.title}")
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.valid and "ephemeralContainers" not in example.spec and "\nfix (" in denied(example)
]


@dataclass
class Enforced:
    """A replica that the API server calls."""

    server: ApiServer
    replica: Replica

    def stream(self) -> Stream:
        """Return a stream of privileged pods."""
        return Stream(self.server.kubeconfig, SHOP, traffic_pod(privileged=True), per_second=50)


AUTHORITY = Authority()


@pytest.fixture(scope="module")
def enforced(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CHECKOUT / "deploy" / "crds"))
    for name in (SYSTEM, SHOP):
        created(api_server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    api_server.kubectl("wait", "--for=condition=Established", "crd/hardeningpolicies.stridegate.dev")
    created(
        api_server,
        {
            "apiVersion": "stridegate.dev/v1alpha1",
            "kind": "HardeningPolicy",
            "metadata": {"name": "webhook-tests"},
            "spec": {
                "profile": "hardened",
                "action": "deny",
                "patching": "safe",
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SHOP}},
            },
        },
    )
    mount = Mount(tmp_path_factory.mktemp("webhook") / "tls")
    mount.write(AUTHORITY.leaf(name=NAME), AUTHORITY.bundle)
    with Replica(api_server.kubeconfig, mount.directory, server_name=NAME, bind="0.0.0.0") as replica:  # noqa: S104 - reached by Service
        replica.wait_ready()
        created(api_server, *service(SYSTEM, api_server.host_address, replica.port))
        created(
            api_server,
            configuration("Validating", "/validate", "Fail", name="webhook-tests", shop=SHOP, authority=AUTHORITY),
        )
        created(
            api_server,
            configuration("Mutating", "/mutate", "Ignore", name="webhook-tests", shop=SHOP, authority=AUTHORITY),
        )
        running = Enforced(api_server, replica)
        with running.stream() as stream:
            eventually(lambda: bool(stream.answers) and stream.answers[-1].denied, 30)
        yield running
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration", "hardeningpolicy"):
        api_server.kubectl("delete", kind, "webhook-tests")


@pytest.fixture(scope="module")
def unjudged(api_server: ApiServer) -> ApiServer:
    """The API server with a namespace that no webhook judges."""
    created(api_server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": FIXED}})
    return api_server


def test_a_bad_pod_is_refused_and_a_careless_one_patched(enforced: Enforced) -> None:
    careless = traffic_pod()
    del careless["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"]  # type: ignore[index] # a pod

    with enforced.stream() as stream:
        eventually(lambda: len(stream.answers) > 5)
    made = json.loads(
        enforced.server.kubectl(
            "-n", SHOP, "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(careless)
        )
    )

    assert all(answer.denied for answer in stream.answers)
    assert "1. privileged-container [E, critical] containers[app]" in stream.answers[-1].message
    assert made["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False
    assert made["metadata"]["annotations"]["stridegate.dev/patched"].startswith("privilege-escalation;")


@pytest.mark.timeout(900)
def test_the_only_replica_may_be_killed_fifty_times_and_no_violation_is_admitted(enforced: Enforced) -> None:
    with enforced.stream() as stream:
        for _ in range(KILLS):
            enforced.replica.process.send_signal(signal.SIGKILL)
            enforced.replica.restart()
            enforced.replica.wait_ready()
            enough = len(stream.answers) + 3
            eventually(lambda: len(stream.answers) > enough and stream.answers[-1].denied)  # noqa: B023 - called at once

    assert [answer for answer in stream.answers if answer.admitted] == []
    assert any(answer.unanswered for answer in stream.answers)
    assert sum(answer.denied for answer in stream.answers) > KILLS


@pytest.mark.parametrize("example", MENDABLE)
def test_the_fix_of_a_denial_heals_the_owner_when_it_is_pasted(unjudged: ApiServer, example: Example) -> None:
    strict = policy_of(given=example.given, override=True)
    document = pod_of(example)
    before = denied(example)
    fix = next(line for line in before.splitlines() if line.startswith("fix ("))
    deployment = embedding("Deployment", document)
    deployment["spec"]["selector"] = {"matchLabels": {"app": "web"}}  # type: ignore[index,call-overload] # a map
    template = deployment["spec"]["template"]  # type: ignore[index,call-overload] # a map
    template["metadata"]["annotations"] = _metadata(document).get("annotations", {})  # type: ignore[index,call-overload] # a map
    unjudged.kubectl("delete", "deployment", "web", "-n", FIXED, "--ignore-not-found")
    created_by = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **deployment,
        "metadata": {"name": "web", "namespace": FIXED},
    }
    unjudged.kubectl("create", "-f", "-", stdin=json.dumps(created_by))

    unjudged.kubectl(*shlex.split(fix.partition("): ")[2])[1:])

    mended = json.loads(unjudged.kubectl("get", "deployment", "web", "-n", FIXED, "-o", "json"))
    pod: JsonMap = {
        "metadata": {"name": "web", **mended["spec"]["template"]["metadata"]},
        "spec": mended["spec"]["template"]["spec"],
    }
    after = validated(Asked(object=pod), strict)
    left = sum(line[:1].isdigit() for line in after.message.splitlines())
    foot = before.splitlines()[-1]
    assert left == (int(foot.split()[3]) if foot.startswith("no automatic fix") else 0)


@pytest.mark.parametrize("name", [{"name": "web"}, {"generateName": "web-"}])
def test_the_fix_of_a_bare_pod_makes_the_pod_that_is_allowed(
    unjudged: ApiServer, tmp_path: Path, name: JsonMap
) -> None:
    manifest = tmp_path / "pod.yaml"
    document = hardened_pod()
    document["metadata"] = name
    containers = cast("dict[str, list[JsonMap]]", document["spec"])["containers"]
    containers[0]["securityContext"] = {}
    manifest.write_text(json.dumps(document))
    message = validated(Asked(object=document, namespace=FIXED)).message
    fix = next(line for line in message.splitlines() if line.startswith("fix "))
    mend, send = fix.partition("): ")[2].split(" | ")

    mended = unjudged.kubectl(*shlex.split(mend.replace("pod.yaml", str(manifest)))[1:])
    made = unjudged.kubectl(*shlex.split(send)[1:], "-o", "json", stdin=mended)

    assert validated(Asked(object=msgspec.json.decode(made))).allowed
