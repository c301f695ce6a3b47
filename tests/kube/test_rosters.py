"""Which version of an object counts, whatever order news of it come in: the revision alone says."""

from __future__ import annotations

from stridegate.kube.rosters import Roster, Version


def heard(roster: Roster[str], name: str, uid: str, revision: int) -> None:
    version = Version(name=name, uid=uid, revision=revision)
    if roster.admits_heard(version):
        roster.put(version, uid)


def deleted(roster: Roster[str], name: str, uid: str, revision: int) -> None:
    roster.remove(Version(name=name, uid=uid, revision=revision))


def listed(roster: Roster[str], revision: int, *objects: tuple[str, str, int]) -> None:
    versions = [Version(name=name, uid=uid, revision=each) for name, uid, each in objects]
    for version in versions:
        if roster.admits_listed(version, revision):
            roster.put(version, version.uid)
    roster.retain(versions, revision)


def known(roster: Roster[str]) -> dict[str, tuple[str, int]]:
    entries = {name: roster.get(name) for name, _ in roster.items()}
    return {name: (entry.value, entry.version.revision) for name, entry in entries.items() if entry}


def test_a_namesake_that_was_made_anew_counts_though_nobody_told_of_the_deletion() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 10, ("p", "old", 5))

    listed(roster, 30, ("p", "new", 20))

    assert known(roster) == {"p": ("new", 20)}


def test_a_namesake_that_was_made_anew_counts_at_once_after_the_deletion() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 10, ("p", "old", 5))

    deleted(roster, "p", "old", 19)
    heard(roster, "p", "new", 20)

    assert known(roster) == {"p": ("new", 20)}


def test_a_namesake_in_the_first_listing_after_a_deletion_counts() -> None:
    roster: Roster[str] = Roster()
    heard(roster, "p", "old", 5)
    deleted(roster, "p", "old", 19)

    listed(roster, 30, ("p", "new", 20))

    assert known(roster) == {"p": ("new", 20)}


def test_a_deletion_that_is_told_late_leaves_the_namesake() -> None:
    roster: Roster[str] = Roster()
    heard(roster, "p", "new", 20)

    deleted(roster, "p", "old", 19)

    assert known(roster) == {"p": ("new", 20)}


def test_a_late_event_does_not_bring_back_what_a_listing_did_not_have() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 30)

    heard(roster, "p", "old", 15)

    assert known(roster) == {}


def test_a_late_event_does_not_bring_back_what_was_deleted_while_a_listing_was_under_way() -> None:
    roster: Roster[str] = Roster()
    deleted(roster, "p", "old", 40)

    listed(roster, 30, ("p", "old", 15))
    heard(roster, "p", "old", 35)

    assert known(roster) == {}


def test_what_an_event_told_after_a_listing_was_made_stays() -> None:
    roster: Roster[str] = Roster()
    heard(roster, "p", "same", 40)
    heard(roster, "q", "later", 41)

    listed(roster, 30, ("p", "same", 15))

    assert known(roster) == {"p": ("same", 40), "q": ("later", 41)}


def test_a_listing_of_a_restored_cluster_is_taken_whole() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 100, ("changed", "a", 90), ("made since the backup", "b", 95), ("deleted since the backup", "c", 10))
    deleted(roster, "deleted since the backup", "c", 110)
    heard(roster, "heard since the backup", "d", 120)

    listed(roster, 50, ("changed", "a", 40), ("deleted since the backup", "c", 10))

    assert known(roster) == {"changed": ("a", 40), "deleted since the backup": ("c", 10)}


def test_events_of_a_restored_cluster_are_news_once_it_was_listed() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 100, ("p", "a", 90))
    listed(roster, 50, ("p", "a", 40))

    heard(roster, "p", "a", 60)

    assert known(roster) == {"p": ("a", 60)}


def test_what_a_restored_cluster_had_before_goes_with_the_first_listing_that_is_past_it() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 30)
    heard(roster, "p", "before", 40)

    listed(roster, 45, ("p", "restored", 35))

    assert known(roster) == {"p": ("restored", 35)}


def test_what_a_listing_does_not_have_is_gone_though_nobody_told_of_the_deletion() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 10, ("p", "a", 5), ("q", "b", 10))

    gone = [roster.retain([Version(name="q", uid="b", revision=10)], 30) for _ in range(2)]

    assert gone == [True, False]
    assert known(roster) == {"q": ("b", 10)}


def test_two_listings_of_one_revision_are_no_restored_cluster() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 30)
    heard(roster, "p", "later", 40)

    listed(roster, 30)

    assert known(roster) == {"p": ("later", 40)}


def test_what_was_deleted_before_a_cluster_was_restored_can_be_made_in_it() -> None:
    roster: Roster[str] = Roster()
    listed(roster, 100, ("p", "old", 90))
    deleted(roster, "p", "old", 110)
    listed(roster, 50)

    heard(roster, "p", "new", 60)

    assert known(roster) == {"p": ("new", 60)}


def test_what_is_told_twice_is_news_once() -> None:
    roster: Roster[str] = Roster()
    version = Version(name="p", uid="a", revision=20)

    first = roster.admits_heard(version)
    roster.put(version, "a")

    assert first
    assert not roster.admits_heard(version)
    assert not roster.admits_listed(version, 30)


def test_a_deletion_says_whether_anything_went() -> None:
    roster: Roster[str] = Roster()
    heard(roster, "p", "a", 20)

    went = [roster.remove(Version(name="p", uid="a", revision=revision)) for revision in (19, 21, 22)]

    assert went == [False, True, False]
