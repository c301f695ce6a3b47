"""What the operator knows of the cluster's objects, whatever order it hears of them in."""

from __future__ import annotations

from stridegate.kube.objects import Json, ListMetadata, ObjectList
from stridegate.operator.mirrors import Mirror


def obj(name: str, revision: int, *, uid: str = "", label: str = "") -> Json:
    return {
        "metadata": {
            "name": name,
            "uid": uid or name,
            "creationTimestamp": "2030-01-01T00:00:00Z",
            "resourceVersion": str(revision),
            "labels": {"is": label} if label else None,
        }
    }


def listed(revision: int, *objects: Json) -> ObjectList:
    return ObjectList(metadata=ListMetadata(resource_version=str(revision)), items=list(objects))


def mirror() -> Mirror[str]:
    return Mirror(lambda metadata, _: (metadata.labels or {}).get("is", ""))


def test_a_list_is_kept_by_name_and_makes_the_mirror_synced() -> None:
    kept = mirror()
    before = kept.synced

    kept.replace(listed(5, obj("b", 2, label="two"), obj("a", 1, label="one")))

    assert (before, kept.synced) == (False, True)
    assert kept.values() == {"a": "one", "b": "two"}
    assert [metadata.name for metadata, _ in kept.items()] == ["a", "b"]


def test_an_event_is_newer_than_a_list_that_was_made_before_it() -> None:
    kept = mirror()
    kept.observe(obj("a", 9, label="new"))
    kept.observe(obj("b", 8), deleted=True)

    kept.replace(listed(5, obj("a", 1, label="old"), obj("b", 2)))

    assert kept.values() == {"a": "new"}


def test_what_a_list_lacks_is_gone() -> None:
    kept = mirror()
    kept.observe(obj("a", 1))

    kept.replace(listed(5))

    assert kept.values() == {}


def test_an_object_without_metadata_is_passed_over() -> None:
    kept = mirror()

    kept.observe({})
    kept.observe({"metadata": {"name": 1}})
    kept.observe({"metadata": {"name": "a", "resourceVersion": "9" * 5000}})

    assert kept.values() == {}
