"""Pods are alike if they differ in nothing but their names and their tokens' volumes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from replicated import OWNED, REPLICA_SET, replica, sent, with_token
from reviewing import pod
from stridegate.admission.likeness import likeness_of
from stridegate.engine.examples import JsonMap
from stridegate.model.pods import ObjectMeta, PodSpec


class TestLikeness:
    """Pods are alike if they differ in nothing but their names and their tokens' volumes."""

    def test_the_name_of_a_tokens_volume_makes_no_difference(self) -> None:
        first, second = (
            likeness_of(sent(with_token(replica("aaaaa"), f"kube-api-access-{each}"))) for each in ("x7k2p", "q9w8e")
        )

        assert first is not None
        assert first == second

    def test_replicas_are_alike_before_they_have_names(self) -> None:
        nameless = [replica("", name=None, uid=each, generateName="web-5d4f-") for each in ("1", "2")]

        first, second = (likeness_of(sent(each)) for each in nameless)

        assert first is not None
        assert first == second

    def test_two_volumes_of_tokens_that_change_places_make_a_difference(self) -> None:
        first, second = "kube-api-access-x7k2p", "kube-api-access-q9w8e"
        one = with_token(with_token(replica("aaaaa"), first), second)
        other = with_token(with_token(replica("aaaaa"), second), first)

        assert likeness_of(sent(one)) != likeness_of(sent(other))

    @pytest.mark.parametrize(
        "elsewhere",
        [
            {"env": [{"name": "WHERE", "value": "{}"}]},
            {"volumeMounts": [{"name": "{}", "mountPath": "/token"}]},
            {"command": ["/bin/{}/x"]},
        ],
    )
    def test_a_name_that_stands_elsewhere_as_well_makes_a_difference(self, elsewhere: JsonMap) -> None:
        likenesses = []
        for suffix in ("x7k2p", "q9w8e"):
            name = f"kube-api-access-{suffix}"
            filled = json.loads(json.dumps(elsewhere).replace("{}", name))
            over: JsonMap = {"containers": [{"name": "app", **filled}]}
            likenesses.append(likeness_of(sent(with_token(replica("aaaaa", over), name))))

        assert likenesses[0] != likenesses[1]

    @pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(PodSpec)])
    def test_every_field_of_a_spec_that_is_read_makes_a_difference(self, name: str) -> None:
        document: Any = replica("aaaaa")
        plain = likeness_of(sent(document))

        document["spec"][name] = "something else"

        assert plain is not None
        assert likeness_of(sent(document)) != plain

    @pytest.mark.parametrize("name", sorted({each.name for each in dataclasses.fields(ObjectMeta)} - {"name"}))
    def test_every_field_of_the_metadata_that_is_read_makes_a_difference(self, name: str) -> None:
        document: Any = replica("aaaaa")
        plain = likeness_of(sent(document))

        document["metadata"][name] = [REPLICA_SET, {"kind": "Job"}] if name == "ownerReferences" else "something else"

        assert plain is not None
        assert likeness_of(sent(document)) != plain

    def test_a_value_that_moves_to_the_field_beside_it_makes_a_difference(self) -> None:
        one, other = (likeness_of(sent(replica("aaaaa", {each: True}))) for each in ("hostPID", "hostIPC"))

        assert one != other

    def test_another_namespace_makes_a_difference(self) -> None:
        one, other = (likeness_of(sent(replica("aaaaa"), namespace=each)) for each in ("shop", "canteen"))

        assert one is not None
        assert other is not None
        assert one[:2] != other[:2]

    @pytest.mark.parametrize(
        ("document", "about"),
        [
            pytest.param(pod(), {}, id="a pod of no workload, known by its name"),
            pytest.param(
                replica("a", ownerReferences=[{**REPLICA_SET, "controller": False}]),
                {},
                id="an owner that is no controller",
            ),
            pytest.param(pod(**{**OWNED, "name": "web"}), {}, id="a pod named like its workload"),
            pytest.param(replica("a"), {"user": "system:node:a"}, id="a node's"),
            pytest.param(replica("a"), {"operation": "UPDATE", "old": replica("a")}, id="an update"),
            pytest.param(replica("a"), {"subresource": "ephemeralcontainers"}, id="a subresource"),
            pytest.param({"spec": replica("a")["spec"]}, {}, id="no metadata"),
            pytest.param({**replica("a"), "spec": []}, {}, id="no pod"),
            pytest.param(replica("a", ownerReferences="web"), {}, id="an owner that is none"),
        ],
    )
    def test_what_depends_on_more_than_the_pod_is_like_nothing_else(
        self, document: JsonMap, about: dict[str, Any]
    ) -> None:
        assert likeness_of(sent(document, **about)) is None
