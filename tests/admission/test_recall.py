"""What was found in a pod holds for those that are alike, and for no other: whoever remembers answers as whoever does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaves import NOW, exemption
from pod_strategies import everything
from replicated import OWNED, REPLICA_SET, replica, sent
from reviewing import container, policy, rulebook
from stridegate.admission.errors import CannotJudge
from stridegate.admission.mutation import mutate
from stridegate.admission.policy_set import Rulebook
from stridegate.admission.recall import Recall
from stridegate.admission.reviews import Request
from stridegate.admission.validation import validate
from stridegate.admission.verdicts import Mutation, Verdict
from stridegate.engine.examples import JsonMap
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import Action, Patching

MENDING = rulebook(policy(patching=Patching.ALL))
PRIVILEGED = container(privileged=True, allowPrivilegeEscalation=None)


def answers(request: Request, held: Rulebook, recall: Recall) -> tuple[object, object]:
    """Return what is remembered of a request, or else found: its verdict and its patch."""
    return (
        _told(lambda: recall.validate(request, held, now=NOW)),
        _told(lambda: recall.mutate(request, held, now=NOW)),
    )


def found(request: Request, held: Rulebook) -> tuple[object, object]:
    """Return what is found where nothing is remembered."""
    return _told(lambda: validate(request, held, now=NOW)), _told(lambda: mutate(request, held, now=NOW))


def _told(judge: Callable[[], Verdict | Mutation]) -> object:
    try:
        return judge()
    except CannotJudge as problem:
        return str(problem)


# What may come between two requests about one pod.
def _renamed(document: Any) -> None:  # noqa: ANN401 - a document
    document["metadata"] |= {"name": "web-5d4f-zzzzz", "uid": "another", "creationTimestamp": "2026-11-22T00:00:00Z"}


def _longer(document: Any) -> None:  # noqa: ANN401 - a document
    document["metadata"]["name"] = "web-5d4f-much-longer"


def _nameless(document: Any) -> None:  # noqa: ANN401 - a document
    del document["metadata"]["name"]
    document["metadata"]["generateName"] = "web-5d4f-"


def _named_as_its_controller(document: Any) -> None:  # noqa: ANN401 - a document
    document["metadata"]["name"] = "web"


def _disowned(document: Any) -> None:  # noqa: ANN401 - a document
    del document["metadata"]["ownerReferences"]


def _elsewhere(document: Any) -> None:  # noqa: ANN401 - a document
    document["metadata"]["ownerReferences"] = [{**REPLICA_SET, "name": "other-5d4f"}]


def _mirrored(document: Any) -> None:  # noqa: ANN401 - a document
    document["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "1"}
    document["spec"]["nodeName"] = "a"


def _privileged(document: Any) -> None:  # noqa: ANN401 - a document
    document["spec"]["containers"][0]["securityContext"] = {"privileged": True}


def _on_the_host(document: Any) -> None:  # noqa: ANN401 - a document
    document["spec"]["hostPID"] = True


def _misshapen(document: Any) -> None:  # noqa: ANN401 - a document
    document["spec"]["hostPID"] = "yes"


CHANGES = (
    _renamed,
    _longer,
    _nameless,
    _named_as_its_controller,
    _disowned,
    _elsewhere,
    _mirrored,
    _privileged,
    _on_the_host,
    _misshapen,
)
ABOUT: tuple[dict[str, Any], ...] = (
    {},
    {"user": "alice"},
    {"user": "system:node:a", "groups": ("system:nodes",)},
    {"namespace": "canteen"},
    {"operation": "UPDATE"},
    {"name": "web-5d4f-other"},
)


class TestAnswers:
    """Nobody can tell from an answer whether it was remembered."""

    @given(everything(), st.lists(st.tuples(st.sampled_from((None, *CHANGES)), st.sampled_from(ABOUT)), max_size=6))
    def test_in_any_order_of_requests_each_is_answered_as_if_it_were_the_first(
        self, document: JsonMap, changes: list[tuple[Callable[[Any], None] | None, dict[str, Any]]]
    ) -> None:
        document["metadata"] = {**OWNED, "name": "web-5d4f-aaaaa"}
        recall = Recall()

        for change, about in [(None, {}), *changes, (None, {}), (_renamed, {})]:
            changed = copy.deepcopy(document)
            if change is not None:
                change(changed)
            old = document if about.get("operation") == "UPDATE" else None
            request = sent(changed, old=old, **about)

            assert answers(request, MENDING, recall) == found(request, MENDING)

    def test_replicas_are_judged_once_and_each_denial_has_its_own_name(self) -> None:
        recall = Recall()

        verdicts = [
            recall.validate(sent(replica(each, PRIVILEGED)), MENDING, now=NOW) for each in ("aaaaa", "bbbbb", "ccccc")
        ]

        assert recall.recalled == 2
        assert [verdict.message.split('"')[1] for verdict in verdicts] == [
            "web-5d4f-aaaaa",
            "web-5d4f-bbbbb",
            "web-5d4f-ccccc",
        ]
        assert verdicts[2] == validate(sent(replica("ccccc", PRIVILEGED)), MENDING, now=NOW)

    def test_a_name_of_another_length_is_judged_anew(self) -> None:
        recall = Recall()
        recall.validate(sent(replica("9", PRIVILEGED)), MENDING, now=NOW)

        verdict = recall.validate(sent(replica("10", PRIVILEGED)), MENDING, now=NOW)

        assert recall.recalled == 0
        assert verdict == validate(sent(replica("10", PRIVILEGED)), MENDING, now=NOW)

    def test_replicas_get_one_patch(self) -> None:
        recall = Recall()
        bare: JsonMap = {"containers": [{"name": "app", "image": "registry.example/app:1.0"}]}
        requests = [sent({**replica(each), "spec": bare}) for each in ("aaaaa", "bbbbb")]

        first, second = (recall.mutate(each, MENDING, now=NOW) for each in requests)

        assert recall.recalled == 1
        assert first.patch
        assert second == first == mutate(requests[1], MENDING, now=NOW)

    @pytest.mark.parametrize(
        ("written", "odd"),
        [
            ('"spec":{', '"spec":{"hostPID":true},"spec":{'),
            ('"spec":{', '"spec":{"hostPID":true,'),
            ('"spec":{', '"sp\\u0065c":{"host\\u0050ID":true,'),
            ('"spec":{', '"spec":{"hostPID":true,"hostPID":false,'),
            ('"spec":{', '"spec":{"hostPID":false,"hostPID":true,'),
            ('"labels":{', '"labels":{"pod-template-hash":"other"},"labels":{'),
        ],
    )
    def test_keys_that_come_twice_or_are_spelled_oddly_are_answered_alike(self, written: str, odd: str) -> None:
        recall = Recall()
        plain = sent(replica("aaaaa"))
        strange = msgspec.structs.replace(
            plain, object=msgspec.Raw(bytes(plain.object).replace(written.encode(), odd.encode(), 1))
        )

        assert bytes(strange.object) != bytes(plain.object)
        for request in (plain, strange, plain, strange):
            assert answers(request, MENDING, recall) == found(request, MENDING)


class TestForgetting:
    """What is remembered holds as long as all that it was found by, and is bounded."""

    def test_another_set_of_policies_judges_anew(self) -> None:
        recall = Recall()
        allowing = rulebook(policy(action=Action.AUDIT))
        request = sent(replica("aaaaa", PRIVILEGED))

        before = recall.validate(request, allowing, now=NOW)
        after = recall.validate(request, MENDING, now=NOW)

        assert (before.allowed, after.allowed, recall.recalled) == (True, False, 0)

    def test_nothing_is_remembered_where_exemptions_are_granted(self) -> None:
        recall = Recall()
        held = rulebook(
            policy(),
            exemptions=[
                exemption("any", "privileged-container", workload=Workload("Deployment", "other"), namespace="shop")
            ],
        )

        for _ in range(3):
            recall.validate(sent(replica("aaaaa", PRIVILEGED)), held, now=NOW)
            recall.mutate(sent(replica("aaaaa", PRIVILEGED)), held, now=NOW)

        assert recall.recalled == 0

    def test_what_is_asked_for_again_outlives_what_is_not(self) -> None:
        recall = Recall(generation=4)
        often = sent(replica("often"))

        for number in range(40):
            recall.validate(often, MENDING, now=NOW)
            recall.validate(sent(replica("other", generateName=str(number))), MENDING, now=NOW)

        assert recall.recalled == 39

    def test_the_answer_to_a_pod_with_hundreds_of_violations_is_not_kept(self) -> None:
        recall = Recall()
        many: JsonMap = {
            "containers": [{"name": f"c{each}", "image": "a:1", "securityContext": {}} for each in range(200)]
        }
        request = sent({**replica("aaaaa"), "spec": many})

        for _ in range(2):
            recall.validate(request, MENDING, now=NOW)
            recall.mutate(request, MENDING, now=NOW)

        assert recall.recalled == 0

    def test_what_is_not_asked_for_again_is_forgotten(self) -> None:
        recall = Recall(generation=4)

        for number in [*range(20), *range(10)]:
            recall.validate(sent(replica("other", generateName=str(number))), MENDING, now=NOW)

        assert recall.recalled == 0
