"""What cannot be read is never allowed, and never ends the process."""

from __future__ import annotations

import json

import pytest

from reviewing import Asked, pod
from stridegate.admission.errors import UnreadableObject, UnreadableReview
from stridegate.admission.kinds import POD
from stridegate.admission.reviews import read_review

GOOD = Asked(object=pod()).body()
DEEP = b'{"a":' * 1100 + b"1" + b"}" * 1100

UNREADABLE = {
    "nothing": b"",
    "blanks": b"  \n",
    "no JSON": b"apiVersion: v1",
    "half a document": GOOD[: len(GOOD) // 2],
    "two documents": GOOD + GOOD,
    "a list": b"[]",
    "a string": b'"AdmissionReview"',
    "null": b"null",
    "no request": b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
    "null request": b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}',
    "no uid": b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}',
    "a number as uid": b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":7}}',
    "the older version": GOOD.replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"),
    "another kind": GOOD.replace(b'"AdmissionReview"', b'"ConversionReview"'),
    "not a number": GOOD.replace(b'"dryRun": false', b'"dryRun": NaN'),
    "no UTF-8": GOOD.replace(b"alice", b"\xff\xfe"),
    "a lone surrogate as uid": GOOD.replace(b"705ab4f5", b"\\ud800"),
    "1,100 levels": b'{"request":' + DEEP + b"}",
}

MISTYPED = {
    "no object": b"null",
    "a list": b"[]",
    "a string": b'"pod"',
    "a number": b"1",
    "a string for the containers": b'{"spec":{"containers":"app"}}',
    "a number for the spec": b'{"spec":7}',
    "a string for a boolean": b'{"spec":{"hostNetwork":"true"}}',
    "a number for a boolean": b'{"spec":{"containers":[{"securityContext":{"privileged":1}}]}}',
    "a list for a map": b'{"spec":{"containers":[{"securityContext":[]}]}}',
    "null for a container": b'{"spec":{"containers":[null]}}',
    "an endless number": b'{"spec":{"securityContext":{"runAsUser":1e400}}}',
    "ten thousand digits": b'{"spec":{"securityContext":{"runAsUser":' + b"9" * 10_000 + b"}}}",
    "ten thousand digits in a volume": b'{"spec":{"volumes":[{"name":"a","x":' + b"9" * 10_000 + b"}]}}",
    "a fraction for a user": b'{"spec":{"securityContext":{"runAsUser":0.5}}}',
    "not a number": b'{"spec":{"securityContext":{"runAsUser":NaN}}}',
    "a lone surrogate": b'{"spec":{"containers":[{"name":"\\ud800"}]}}',
    "1,100 levels in a volume": b'{"spec":{"volumes":[{"x":' + DEEP + b"}]}}",
    "1,100 levels in an unknown field": b'{"spec":{"later":' + DEEP + b"}}",
    "a number for an annotation": b'{"metadata":{"annotations":{"a":1}}}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_review_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableReview, match="wanted an AdmissionReview"):
        read_review(body)


@pytest.mark.parametrize("written", MISTYPED.values(), ids=MISTYPED)
def test_what_is_no_pod_is_refused(written: bytes) -> None:
    document = Asked(object="POD").body().replace(b'"POD"', written)

    with pytest.raises((UnreadableObject, UnreadableReview)):
        POD.new(read_review(document))


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    written = b'{"spec":{"hostNetwork":true,"hostNetwork":false,"hostPID":false,"hostPID":true}}'
    document = Asked(object="POD").body().replace(b'"POD"', written)

    read = POD.new(read_review(document))

    assert read.template is not None
    assert read.template.spec is not None
    assert (read.template.spec.hostNetwork, read.template.spec.hostPID) == (False, True)


def test_null_and_absent_are_the_same() -> None:
    written = {
        "metadata": {"name": None, "annotations": None, "ownerReferences": None},
        "spec": {
            "containers": [{"name": "app", "securityContext": None, "resources": None, "ports": None}],
            "initContainers": None,
            "securityContext": None,
        },
    }
    bare = {"metadata": {}, "spec": {"containers": [{"name": "app"}]}}

    read = [POD.new(read_review(Asked(object=json.loads(json.dumps(each))).body())) for each in (written, bare)]

    assert read[0] == read[1]


def test_fields_that_nobody_knows_are_ignored() -> None:
    document = pod({"fieldOfTheNextMinor": {"a": [1, 2]}, "containers": [{"name": "app", "alsoNew": True}]})

    read = POD.new(read_review(Asked(object=document).body()))

    assert read.template is not None
