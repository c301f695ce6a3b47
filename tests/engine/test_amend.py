"""Edits made in memory cost what they change."""

from __future__ import annotations

from specimens import laid_over, view
from stridegate.engine.amend import amended
from stridegate.model.edits import Append, FrozenJson
from stridegate.model.places import Field
from work import TENFOLD, calls

VOLUMES = Field[object]("volumes")


class Volume(dict[str, FrozenJson]):  # noqa: PLW1641 - no map has a hash
    """A map whose comparisons are calls, and so can be counted."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self, other)


def append(count: int) -> None:
    """Append so many volumes, each by an edit of its own."""
    pod = view(laid_over("{}"))
    place = VOLUMES.at(pod)
    amended(pod, [Append(place, (Volume(name=f"v{number}", emptyDir={}),)) for number in range(count)])


def test_what_is_appended_is_compared_with_nothing_one_by_one() -> None:
    assert calls(lambda: append(1000)) < TENFOLD * calls(lambda: append(100))


def test_what_is_appended_twice_is_there_once() -> None:
    pod = view(laid_over("{}"))
    edit = Append(VOLUMES.at(pod), ({"name": "a", "emptyDir": {}},))

    volumes = amended(pod, [edit, edit]).volumes

    assert [volume.name for volume in volumes] == ["a"]
