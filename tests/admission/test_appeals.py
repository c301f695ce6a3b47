"""The command that a denial names: the command line takes it, and the exemption that it makes takes what was found."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from typing import Any

import click
import pytest

from leaves import CREATED, DAY
from reviewing import Asked, container, pod, policy, validated
from specimens import broken_by, kinds_of, pod_of, setting_of
from specimens import policy as policy_about
from stridegate.cli import exemption_words as words
from stridegate.cli.main import main
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.examples import JsonMap
from stridegate.kube.exemptions import read_exemption
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import RuleSetting, Workload
from stridegate.model.rules import Example, PodRule
from stridegate.model.vocabulary import Action, Profile

BAD = [
    (rule, example)
    for rule in POD_RULES.values()
    for example in rule.examples
    if example.verdict == "bad" and "Pod" in kinds_of(example)
]
OWNED: JsonMap = {
    "labels": {"pod-template-hash": "5d4f"},
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
}


def named_in(message: str) -> str:
    """Return the command that a denial names; empty where it names none."""
    found = re.search(r"(?:^|· )exempt: (.*?) · help: ", message, re.MULTILINE)
    return found[1] if found else ""


def denied_by(message: str) -> set[str]:
    return set(re.findall(r"^\d+\. (\S+) \[", message, re.MULTILINE))


def typed(command: str) -> Exemption:
    """Return the exemption that a person makes who types the command, with a reason and an end."""
    program, group, name, *arguments = shlex.split(command)
    assert (program, group, name) == ("stridegate", "exemption", "create")
    exempting = main.commands["exemption"]
    assert isinstance(exempting, click.Group)
    given = exempting.commands["create"].make_context("create", arguments).params
    workload: Workload = given["workload"]
    spec = {
        "rules": list(given["rules"]),
        "workload": {"kind": workload.kind, "name": workload.name},
        "containers": list(given["containers"]),
        "values": list(given["values"]),
        "reason": "VPN sidecar until the mesh is in",
        "expires": dt.datetime.fromtimestamp(CREATED + 30 * DAY, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "grantedBy": "alice",
    }
    created = dt.datetime.fromtimestamp(CREATED, dt.UTC)
    obj = words.draft(given["namespace"], "asked", spec, created)
    stamped = {**obj["metadata"], "creationTimestamp": f"{created:%Y-%m-%dT%H:%M:%SZ}"}  # type: ignore[dict-item] # a map
    return read_exemption({**obj, "metadata": stamped})


@pytest.mark.parametrize(("rule", "example"), BAD, ids=[f"{rule.slug}: {example.title}" for rule, example in BAD])
def test_the_exemption_that_a_denial_names_takes_what_was_found(rule: PodRule, example: Example) -> None:
    asked = Asked(object=pod_of(example), namespace=setting_of(example).namespace)
    held = policy_about(given=example.given, named=broken_by(rule, example))
    before = validated(asked, held).message

    # What is in no namespace, or is only warned about, names none.
    granted = [typed(command) for command in (named_in(before),) if command]
    after = validated(asked, held, exemptions=granted)

    taken = frozenset().union(*(each.rules for each in granted))
    assert bool(granted) is bool(before and asked.namespace)
    assert taken <= denied_by(before)
    assert denied_by(after.message) == denied_by(before) - taken


def test_what_a_fix_heals_is_not_to_be_exempted() -> None:
    message = validated(
        Asked(object=pod(container(allowPrivilegeEscalation=None, procMount="Unmasked"), **OWNED))
    ).message

    assert named_in(message) == (
        "stridegate exemption create -n shop --rule unmasked-proc-mount --workload deployment/web --container app"
    )


def test_the_values_that_were_found_are_named() -> None:
    capabilities: JsonMap = {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_TIME"]}

    message = validated(Asked(object=pod(container(capabilities=capabilities)))).message

    assert named_in(message) == (
        "stridegate exemption create -n shop --rule dangerous-capability --workload pod/web --container app "
        "--value capability=NET_ADMIN --value capability=SYS_TIME"
    )


def test_what_concerns_the_pod_names_no_container_and_what_has_no_value_no_value() -> None:
    capabilities: JsonMap = {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    document = pod({"hostPID": True, "nodeName": "node-1", **container(capabilities=capabilities)})

    message = validated(Asked(object=document)).message

    granted = typed(named_in(message))
    assert {"dangerous-capability"} < granted.rules
    assert (granted.containers, granted.values) == (frozenset(), ())


def test_a_pod_whose_name_is_made_up_is_known_by_what_it_begins_with() -> None:
    document = pod(container(procMount="Unmasked"), name="batch-x7k2p", generateName="batch-")

    message = validated(Asked(object=document, name="")).message

    assert "--workload pod/batch- --container app" in named_in(message)


def test_another_kind_keeps_its_capitals() -> None:
    owner: JsonMap = {"ownerReferences": [{"kind": "Rollout", "name": "web", "controller": True}]}

    message = validated(Asked(object=pod(container(procMount="Unmasked"), **owner))).message

    assert typed(named_in(message)).workload == Workload("Rollout", "web")


@pytest.mark.parametrize(
    "owner",
    [
        {"kind": "ReplicaSet", "name": "$(reboot)"},
        {"kind": "ReplicaSet", "name": "web; reboot"},
        {"kind": "Deployment\nx", "name": "web"},
        {"kind": "`reboot`", "name": "web"},
        {"kind": "ReplicaSet", "name": "--yes"},
    ],
)
def test_an_owner_that_cannot_exist_is_not_named(owner: dict[str, Any]) -> None:
    document = pod(container(procMount="Unmasked"), ownerReferences=[{**owner, "controller": True}])

    assert named_in(validated(Asked(object=document)).message) == ""


@pytest.mark.parametrize("path", ["/srv/$(reboot)", "/srv/a'b", "/srv/a b; reboot", '/srv/"x"'])
def test_a_value_is_one_word_of_shell_whatever_it_says(path: str) -> None:
    volumes: JsonMap = {"volumes": [{"name": "logs", "hostPath": {"path": path}}]}

    message = validated(Asked(object=pod(volumes))).message

    assert [each.text for each in typed(named_in(message)).values] == [path]


def test_more_than_anybody_would_type_is_left_to_the_help() -> None:
    document = pod(
        {
            "containers": [
                {"name": f"container-{number}", "image": "x:1", "securityContext": {"procMount": "Unmasked"}}
                for number in range(40)
            ]
        }
    )

    message = validated(Asked(object=document)).message

    assert named_in(message) == "stridegate exemption create --help"


def test_a_service_is_exempted_like_a_workload() -> None:
    service = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"ports": [{"port": 80}], "externalIPs": ["203.0.113.7"]},
    }
    asked = Asked(kind="Service", object=service)  # type: ignore[arg-type] # a map

    granted = typed(named_in(validated(asked).message))

    assert granted.workload == Workload("Service", "web")
    assert validated(asked, exemptions=[granted]).allowed


def test_what_belongs_to_no_namespace_cannot_be_exempted() -> None:
    disk: JsonMap = {"metadata": {"name": "disk"}, "spec": {"hostPath": {"path": "/run"}}}
    setting = {"host-path-persistent-volume": RuleSetting(action=Action.DENY)}

    message = validated(
        Asked(kind="PersistentVolume", name="disk", namespace=None, object=disk),
        policy(profile=Profile.BASELINE, rules=setting),
    ).message

    assert (denied_by(message), named_in(message)) == ({"host-path-persistent-volume"}, "")
