"""Our own pods: they pass our own strictest profile, survive drains and rollouts, and hold no more than they need."""

from __future__ import annotations

from pathlib import Path

import pytest

from charts import CHART, Helm, Rendered, judge
from stridegate import __version__
from stridegate.cli.main import main
from stridegate.model.policies import Policy
from stridegate.model.vocabulary import Action, Profile

HARDENED = Policy(name="ours", profile=Profile.HARDENED, action=Action.DENY)
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
# Values that put pods of ours where only an administrator may: on their nodes' network, beside the control plane.
PLACED = {"hostnetwork", "production"}
SERVERS = ("stridegate-webhook", "stridegate-operator")


@pytest.mark.parametrize(
    "path", [path for path in VALUES if path.name.split("-")[0] not in PLACED], ids=lambda path: path.stem
)
def test_every_pod_of_ours_passes_our_own_hardened_profile(helm: Helm, path: Path) -> None:
    for name, template in helm.render(path).pods():
        judgement = judge(template, HARDENED, namespace="stridegate-system", template=True)

        assert (name, judgement.denied) == (name, ())


def test_a_webhook_on_its_nodes_network_breaks_the_rules_on_that(helm: Helm) -> None:
    release = helm.render({"webhook": {"hostNetwork": True}})

    found = {
        name: set(judge(template, HARDENED, namespace="stridegate-system", template=True).denied)
        for name, template in release.pods()
    }

    assert found == {
        "stridegate-webhook": {"host-network", "host-port", "host-port-on-every-address"},
        "stridegate-operator": set(),
        "stridegate-test": set(),
    }


def test_a_webhook_beside_the_control_plane_breaks_the_rule_on_that(helm: Helm) -> None:
    release = helm.render(CHART / "ci" / "production-values.yaml")

    found = {
        name: judge(template, HARDENED, namespace="stridegate-system", template=True).denied
        for name, template in release.pods()
    }

    assert found == {
        "stridegate-webhook": ("control-plane-toleration",),
        "stridegate-operator": (),
        "stridegate-test": (),
    }


def test_no_pod_names_a_user_that_the_platform_could_not_replace(release: Rendered) -> None:
    for _, template in release.pods():
        for context in (template["spec"]["securityContext"], template["spec"]["containers"][0]["securityContext"]):
            assert context.keys().isdisjoint({"runAsUser", "runAsGroup", "fsGroup"})


def test_tokens_last_an_hour_and_are_mounted_by_name(release: Rendered) -> None:
    for _, template in release.pods():
        spec = template["spec"]
        (token,) = (volume["projected"] for volume in spec["volumes"] if volume["name"] == "token")

        assert spec["automountServiceAccountToken"] is False
        assert token["sources"][0] == {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    for account in release.all("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_the_first_start_waits_for_the_certificate(release: Rendered) -> None:
    spec = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]

    (tls,) = (volume["secret"] for volume in spec["volumes"] if volume["name"] == "tls")

    assert tls["secretName"] == "stridegate-tls"
    assert [item["key"] for item in tls["items"]] == ["tls.crt", "tls.key", "ca.crt"]
    assert "optional" not in tls


def test_the_key_of_the_authority_is_mounted_nowhere(release: Rendered) -> None:
    for _, template in release.pods():
        assert "stridegate-ca" not in str(template["spec"]["volumes"])


@pytest.mark.parametrize("command", ["webhook", "operator"])
def test_every_process_is_given_the_options_that_it_has(release: Rendered, command: str) -> None:
    deployment = release.one("Deployment", f"stridegate-{command}")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    parsed = main.commands[command]
    known = {each for option in parsed.params for each in option.opts}
    required = {option.opts[0] for option in parsed.params if option.required}
    named = {argument.partition("=")[0] for argument in container["args"][1:]}
    assert container["args"][0] == command
    assert required <= named <= known


def test_a_rollout_takes_no_replica_away_before_another_serves(release: Rendered) -> None:
    spec = release.one("Deployment", "stridegate-webhook")["spec"]

    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["minReadySeconds"] == 5


def test_a_webhook_that_leaves_serves_on_while_endpoints_forget_it(release: Rendered) -> None:
    spec = release.one("Deployment", "stridegate-webhook")["spec"]["template"]["spec"]

    assert spec["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert spec["terminationGracePeriodSeconds"] == 40


@pytest.mark.parametrize("name", SERVERS)
def test_replicas_spread_and_go_before_ordinary_pods(release: Rendered, name: str) -> None:
    spec = release.one("Deployment", name)["spec"]["template"]["spec"]

    spread = {each["topologyKey"]: each["whenUnsatisfiable"] for each in spec["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone": "ScheduleAnyway", "kubernetes.io/hostname": "ScheduleAnyway"}
    assert spec["priorityClassName"] == "system-cluster-critical"


@pytest.mark.parametrize("name", SERVERS)
def test_probes_and_metrics_are_apart_from_reviews(release: Rendered, name: str) -> None:
    (container,) = release.one("Deployment", name)["spec"]["template"]["spec"]["containers"]

    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert ports == ({"https": 9443, "http": 9090} if name == "stridegate-webhook" else {"http": 9090})


@pytest.mark.parametrize(("preset", "replicas"), [("production", (3, 2)), ("local", (1, 1))])
def test_the_preset_says_how_many_replicas_there_are(helm: Helm, preset: str, replicas: tuple[int, int]) -> None:
    release = helm.render({"preset": preset})

    assert tuple(release.one("Deployment", name)["spec"]["replicas"] for name in SERVERS) == replicas


def test_a_drain_may_take_one_replica_at_a_time(release: Rendered) -> None:
    (budget,) = release.all("PodDisruptionBudget")

    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_images_are_named_by_digest_where_one_is_given(helm: Helm) -> None:
    release = helm.render(CHART / "ci" / "production-values.yaml")

    images = {name: template["spec"]["containers"][0]["image"] for name, template in release.pods()}
    assert images["stridegate-webhook"] == "registry.example/security/stridegate@sha256:" + "0" * 63 + "2"
    assert images["stridegate-operator"] == "registry.example/security/stridegate@sha256:" + "0" * 63 + "1"
    assert images["stridegate-test"] == images["stridegate-operator"]


def test_images_are_named_by_the_version_where_no_digest_is_given(release: Rendered) -> None:
    images = {name: template["spec"]["containers"][0]["image"] for name, template in release.pods()}

    assert images["stridegate-webhook"] == f"localhost/stridegate:{__version__}-slim"
    assert images["stridegate-operator"] == f"localhost/stridegate:{__version__}"


def test_pods_may_talk_to_the_api_server_and_the_webhook_alone(release: Rendered) -> None:
    # The scanner asks ports of its own node, which no policy can name.
    egress = {
        each["metadata"]["name"]: each["spec"]["egress"]
        for each in release.all("NetworkPolicy")
        if each["metadata"]["name"] != "stridegate-scanner"
    }

    ports = {name: [[port["port"] for port in rule["ports"]] for rule in rules] for name, rules in egress.items()}
    assert ports == {"stridegate-webhook": [[443, 6443]], "stridegate-operator": [[443, 6443], [9443]]}
    assert egress["stridegate-operator"][1]["to"][0]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "stridegate",
        "app.kubernetes.io/component": "webhook",
    }
