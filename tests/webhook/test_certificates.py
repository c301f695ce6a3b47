"""The newest good certificate is served, whatever is put into the directory."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from authorities import DAY, SERVER_NAME, Authority, Mount, Pair, mounted, rsa_key
from stridegate.webhook.certificates import CertificateStore, load
from stridegate.webhook.errors import BadCertificate

AUTHORITY = Authority()
STRANGER = Authority("stranger")
GOOD = AUTHORITY.leaf()


def served_by(store: CertificateStore, client: ssl.SSLContext) -> x509.Certificate:
    """Return the certificate that a client is served; it must accept it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = store.context.wrap_bio(to_server, to_client, server_side=True)
    caller = client.wrap_bio(to_client, to_server, server_hostname=SERVER_NAME)
    done: set[int] = set()
    while len(done) < 2:
        for number, side in enumerate((caller, server)):
            try:
                side.do_handshake()
                done.add(number)
            except ssl.SSLWantReadError:
                pass
    certificate = caller.getpeercert(binary_form=True)
    assert certificate is not None
    assert caller.version() == "TLSv1.3"
    return x509.load_der_x509_certificate(certificate)


BAD: dict[str, Callable[[], tuple[Pair, bytes]]] = {
    "a key of another pair": lambda: (Pair(GOOD.certificate, AUTHORITY.leaf().key), AUTHORITY.bundle),
    "expired": lambda: (AUTHORITY.leaf(since=-2 * DAY, until=-DAY), AUTHORITY.bundle),
    "not valid yet": lambda: (AUTHORITY.leaf(since=DAY), AUTHORITY.bundle),
    "another name": lambda: (AUTHORITY.leaf(name="other.svc"), AUTHORITY.bundle),
    "another authority": lambda: (STRANGER.leaf(), AUTHORITY.bundle),
    "an empty bundle": lambda: (GOOD, b""),
    "a bundle that is none": lambda: (GOOD, b"hello"),
    "an empty certificate": lambda: (Pair(b"", GOOD.key), AUTHORITY.bundle),
    "an empty key": lambda: (Pair(GOOD.certificate, b""), AUTHORITY.bundle),
    "half a certificate": lambda: (Pair(GOOD.certificate[:200], GOOD.key), AUTHORITY.bundle),
    "half a key": lambda: (Pair(GOOD.certificate, GOOD.key[:100]), AUTHORITY.bundle),
    "bytes": lambda: (Pair(b"\x00\xff" * 50, b"\x00\xff" * 50), b"\x00\xff" * 50),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_no_client_would_accept_is_refused(tmp_path: Path, make: Callable[[], tuple[Pair, bytes]]) -> None:
    mount = Mount(tmp_path / "tls")
    mount.write(*make())

    with pytest.raises(BadCertificate, match=r"wanted .*, got "):
        load(mount.directory, SERVER_NAME)


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_the_last_good_one_stays_in_service(tmp_path: Path, make: Callable[[], tuple[Pair, bytes]]) -> None:
    mount = mounted(tmp_path / "tls", AUTHORITY)
    store = CertificateStore(mount.directory, SERVER_NAME)
    store.refresh()
    before = served_by(store, AUTHORITY.client_context())

    mount.write(*make())
    store.refresh()

    assert served_by(store, AUTHORITY.client_context()) == before
    assert store.failures == 1
    assert store.problem


def test_a_directory_that_is_empty_or_gone_is_a_problem_and_no_end(tmp_path: Path) -> None:
    store = CertificateStore(tmp_path / "tls", SERVER_NAME)

    store.refresh()

    assert store.current is None
    assert "tls.crt" in store.problem


def test_after_a_bad_one_a_good_one_is_taken_over(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "tls")
    store = CertificateStore(mount.directory, SERVER_NAME)
    mount.write(AUTHORITY.leaf(), b"")
    store.refresh()

    mount.write(AUTHORITY.leaf(), AUTHORITY.bundle)
    store.refresh()

    assert store.problem == ""
    assert store.current is not None


def test_what_was_refused_for_its_date_is_taken_over_once_its_time_has_come(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "tls")
    store = CertificateStore(mount.directory, SERVER_NAME)
    mount.write(AUTHORITY.leaf(since=dt.timedelta(seconds=2)), AUTHORITY.bundle)
    for _ in range(2):
        store.refresh()
    refused = (store.current, store.failures)

    time.sleep(2.5)
    store.refresh()

    assert refused == (None, 1)
    assert store.current is not None
    assert store.problem == ""


def test_a_key_of_another_type_is_served_from_the_next_handshake_on_and_back(tmp_path: Path) -> None:
    mount = mounted(tmp_path / "tls", AUTHORITY)
    store = CertificateStore(mount.directory, SERVER_NAME)
    kinds = []

    for pair in (AUTHORITY.leaf(), AUTHORITY.leaf(rsa_key()), AUTHORITY.leaf()):
        mount.write(pair, AUTHORITY.bundle)
        store.refresh()
        kinds.append(type(served_by(store, AUTHORITY.client_context()).public_key()))

    assert [issubclass(kind, rsa.RSAPublicKey) for kind in kinds] == [False, True, False]
    assert issubclass(kinds[0], ec.EllipticCurvePublicKey)


def test_a_leaf_of_the_next_authority_is_served_once_the_bundle_has_both(tmp_path: Path) -> None:
    mount = mounted(tmp_path / "tls", AUTHORITY)
    store = CertificateStore(mount.directory, SERVER_NAME)

    mount.write(STRANGER.leaf(), AUTHORITY.bundle + STRANGER.bundle)
    store.refresh()

    assert served_by(store, STRANGER.client_context()).issuer.rfc4514_string() == "CN=stranger"


def test_files_that_do_not_change_are_not_loaded_again(tmp_path: Path) -> None:
    store = CertificateStore(mounted(tmp_path / "tls", AUTHORITY).directory, SERVER_NAME)
    store.refresh()
    before = store.current

    store.refresh()

    assert store.current is before
    assert store.rotations == 1


def test_expiry_is_told_for_leaf_and_authority(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "tls")
    mount.write(AUTHORITY.leaf(until=10 * DAY), AUTHORITY.bundle)

    loaded = load(mount.directory, SERVER_NAME)

    assert dt.timedelta(seconds=loaded.expires - time.time()) < 10 * DAY < 300 * DAY
    assert dt.timedelta(seconds=loaded.authority_expires - time.time()) > 300 * DAY


def test_nobody_is_spoken_to_below_tls_13(tmp_path: Path) -> None:
    store = CertificateStore(mounted(tmp_path / "tls", AUTHORITY).directory, SERVER_NAME)
    store.refresh()
    old = AUTHORITY.client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError):
        served_by(store, old)


def test_an_encrypted_key_does_not_make_the_process_wait_for_a_person(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "tls")
    key = serialization.load_pem_private_key(GOOD.key, None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    mount.write(Pair(GOOD.certificate, encrypted), AUTHORITY.bundle)

    with pytest.raises(BadCertificate):
        load(mount.directory, SERVER_NAME)
