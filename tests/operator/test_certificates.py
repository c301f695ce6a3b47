"""What certificates are made of, and each state of the rotation."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from stridegate.operator.certificates import Action, Authority, Leaf, Plan, Replica, Seen, State, plan
from stridegate.operator.issuing import (
    create_authority,
    fingerprint,
    issue_leaf,
    issuer_of,
    read_certificates,
    read_pair,
    service_names,
    write_certificates,
    write_key,
)

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
NAMES = service_names("stridegate-webhook", "stridegate-system")
AUTHORITY = create_authority(NOW)
LEAF = issue_leaf(AUTHORITY, NAMES, NOW)


def test_a_ca_lives_for_a_year_and_signs_leaves_only() -> None:
    certificate = AUTHORITY.certificate
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)

    assert certificate.not_valid_before_utc == NOW - HOUR
    assert certificate.not_valid_after_utc == NOW - HOUR + 365 * DAY
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_a_leaf_lives_for_thirty_days_and_serves_under_every_name_of_the_service() -> None:
    certificate = LEAF.certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert certificate.not_valid_before_utc == NOW - HOUR
    assert certificate.not_valid_after_utc == NOW - HOUR + 30 * DAY
    assert names.get_values_for_type(x509.DNSName) == [
        "stridegate-webhook.stridegate-system.svc",
        "stridegate-webhook.stridegate-system.svc.cluster.local",
        "stridegate-webhook.stridegate-system",
        "stridegate-webhook",
    ]
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert isinstance(LEAF.key.curve, ec.SECP256R1)


def test_a_leaf_never_outlives_its_ca() -> None:
    late = issue_leaf(AUTHORITY, NAMES, NOW + 350 * DAY)

    assert late.certificate.not_valid_after_utc == AUTHORITY.certificate.not_valid_after_utc


def test_two_cas_never_have_the_same_name() -> None:
    assert create_authority(NOW).certificate.subject != AUTHORITY.certificate.subject


def test_the_issuer_is_told_among_several() -> None:
    known = {"other": create_authority(NOW).certificate, "ours": AUTHORITY.certificate}

    assert issuer_of(LEAF.certificate, known, NAMES[0], NOW) == "ours"


@pytest.mark.parametrize(
    ("name", "now"),
    [("other.stridegate-system.svc", NOW), (NAMES[0], NOW + 31 * DAY), (NAMES[0], NOW - 2 * HOUR)],
)
def test_a_leaf_with_another_name_or_out_of_its_time_has_no_issuer(name: str, now: dt.datetime) -> None:
    assert issuer_of(LEAF.certificate, {"ours": AUTHORITY.certificate}, name, now) is None


def test_a_leaf_of_an_unknown_ca_has_no_issuer() -> None:
    assert issuer_of(LEAF.certificate, {"other": create_authority(NOW).certificate}, NAMES[0], NOW) is None


def test_a_pair_survives_writing_and_reading() -> None:
    pair = read_pair(write_certificates([LEAF.certificate]), write_key(LEAF.key))

    assert pair is not None
    assert fingerprint(pair.certificate) == fingerprint(LEAF.certificate)


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (b"", b""),
        (b"nonsense", write_key(LEAF.key)),
        (write_certificates([LEAF.certificate]), b"nonsense"),
        (write_certificates([LEAF.certificate]), write_key(AUTHORITY.key)),
        (
            write_certificates([LEAF.certificate]),
            rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ),
    ],
)
def test_a_pair_that_is_broken_or_does_not_belong_together_is_none(certificate: bytes, key: bytes) -> None:
    assert read_pair(certificate, key) is None


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_certificates_that_cannot_be_read_are_none(pem: bytes) -> None:
    assert read_certificates(pem) == ()


OURS = Authority(fingerprint="aa", not_before=NOW, not_after=NOW + 365 * DAY)
SERVED = Leaf(fingerprint="0001", issuer="aa", not_before=NOW - HOUR, not_after=NOW - HOUR + 30 * DAY)
STEADY = Seen(
    now=NOW + HOUR,
    authority=OURS,
    retired=frozenset(),
    leaf=SERVED,
    bundles=(frozenset({"aa"}), frozenset({"aa"})),
    replicas=(Replica(address="10.0.0.1", ready=True, leaf=SERVED),),
    announced=NOW,
)


def test_nothing_is_done_where_all_agree() -> None:
    assert plan(STEADY) == Plan(state=State.STEADY, bundle=frozenset({"aa"}), serving=True)


def test_without_a_ca_one_is_created_and_nothing_is_dropped() -> None:
    lost = replace(STEADY, authority=None)

    assert plan(lost) == Plan(state=State.EMPTY, bundle=frozenset({"aa"}), action=Action.CREATE_AUTHORITY, serving=True)


@pytest.mark.parametrize(("days", "state"), [(273, State.SWITCH), (274, State.EMPTY), (400, State.EMPTY)])
def test_a_ca_is_replaced_in_its_last_quarter(days: int, state: State) -> None:
    assert plan(replace(STEADY, now=NOW + days * DAY)).state is state


def test_a_ca_of_the_future_is_replaced() -> None:
    assert plan(replace(STEADY, now=NOW - DAY)).state is State.EMPTY


def test_a_new_ca_is_announced_beside_the_old_ones() -> None:
    created = replace(STEADY, authority=replace(OURS, fingerprint="bb"), retired=frozenset({"aa"}))

    assert plan(created) == Plan(state=State.ANNOUNCE, bundle=frozenset({"aa", "bb"}), serving=True)


@pytest.mark.parametrize(
    ("announced", "state", "action"),
    [
        (None, State.OBSERVE, None),
        (STEADY.now - dt.timedelta(seconds=59), State.OBSERVE, None),
        (STEADY.now - dt.timedelta(seconds=60), State.SWITCH, Action.ISSUE_LEAF),
    ],
)
def test_a_leaf_waits_until_every_api_server_knows_its_ca(
    announced: dt.datetime | None, state: State, action: Action | None
) -> None:
    both = frozenset({"aa", "bb"})
    observed = replace(
        STEADY, authority=replace(OURS, fingerprint="bb"), retired=frozenset({"aa"}), bundles=(both, both),
        announced=announced,
    )  # fmt: skip

    following = plan(observed)

    assert (following.state, following.action, following.bundle) == (state, action, both)


def test_a_leaf_waits_for_nobody_where_nothing_is_armed() -> None:
    fresh = replace(STEADY, bundles=(), leaf=None, replicas=(), announced=None)

    assert plan(fresh) == Plan(state=State.SWITCH, bundle=frozenset({"aa"}), action=Action.ISSUE_LEAF, serving=False)


@pytest.mark.parametrize(("days", "state"), [(19, State.STEADY), (21, State.SWITCH), (40, State.SWITCH)])
def test_a_leaf_is_renewed_in_its_last_third(days: int, state: State) -> None:
    assert plan(replace(STEADY, now=NOW + days * DAY)).state is state


def test_leaves_are_renewed_at_different_moments_but_within_a_fiftieth_of_their_life() -> None:
    due = NOW - HOUR + 20 * DAY

    assert replace(SERVED, fingerprint="0000").aged(due)
    assert not replace(SERVED, fingerprint="ffff").aged(due)
    assert replace(SERVED, fingerprint="ffff").aged(due + 30 * DAY / 50)


@pytest.mark.parametrize(
    "replicas",
    [
        (),
        (Replica(address="10.0.0.1", ready=True, leaf=replace(SERVED, issuer="00")),),
        (Replica(address="10.0.0.1", ready=True, leaf=replace(SERVED, issuer=None)),),
        (*STEADY.replicas, Replica(address="10.0.0.2", ready=False, leaf=None)),
    ],
)
def test_nothing_is_retired_before_every_replica_presents_the_new_leaf(replicas: tuple[Replica, ...]) -> None:
    both = frozenset({"aa", "00"})
    rotated = replace(STEADY, retired=frozenset({"00"}), bundles=(both, both), replicas=replicas)

    assert plan(rotated).state is State.VERIFY
    assert plan(rotated).bundle == both


def test_nothing_is_retired_while_a_mount_may_still_be_old() -> None:
    both = frozenset({"aa", "00"})
    rotated = replace(STEADY, now=NOW + dt.timedelta(seconds=119), bundles=(both, both))

    assert plan(rotated).state is State.VERIFY


def test_the_old_ca_is_retired_once_nothing_needs_it() -> None:
    both = frozenset({"aa", "00"})
    rotated = replace(STEADY, retired=frozenset({"00"}), bundles=(both, both))

    assert plan(rotated) == Plan(
        state=State.RETIRE, bundle=frozenset({"aa"}), action=Action.FORGET_RETIRED, serving=True
    )


@pytest.mark.parametrize(
    ("replicas", "serving"),
    [
        ((), False),
        ((Replica(address="10.0.0.1", ready=False, leaf=SERVED),), False),
        ((Replica(address="10.0.0.1", ready=True, leaf=None),), False),
        ((Replica(address="10.0.0.1", ready=True, leaf=replace(SERVED, issuer=None)),), False),
        ((*STEADY.replicas, Replica(address="10.0.0.2", ready=True, leaf=None)), False),
        ((*STEADY.replicas, Replica(address="10.0.0.2", ready=False, leaf=None)), True),
    ],
)
def test_arming_needs_a_ready_replica_and_every_ready_one_to_be_verified(
    replicas: tuple[Replica, ...], serving: bool
) -> None:
    assert plan(replace(STEADY, replicas=replicas)).serving is serving
