"""Client certificates: who may call the webhook where not everybody may."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from authorities import DAY, SERVER_NAME, Authority, Mount, Pair, mounted
from callers import request
from enforcement import SERVICE, configuration, created, service
from localkube.api_server import ApiServer
from localkube.places import CHECKOUT
from replicas import Replica, eventually
from reviewing import response_of
from serving import AUTHORITY, BAD, GOOD, Here, serving
from stridegate.webhook.callers import Admitted, Objection, Strangers, certified_names
from stridegate.webhook.certificates import load
from stridegate.webhook.errors import BadCertificate
from traffic import pod as traffic_pod

CLIENTS = Authority("clients")
STRANGER = Authority("stranger")
NAME = "kube-apiserver-webhooks"


def context(folder: Path, pair: Pair | None, trusted: Authority = AUTHORITY) -> ssl.SSLContext:
    """Return a caller's side that shows a certificate, or none."""
    made = trusted.client_context()
    if pair is not None:
        file = folder / "client.pem"
        file.write_bytes(pair.key + pair.certificate)
        made.load_cert_chain(file)
    return made


@pytest.fixture
def admitted(tmp_path: Path) -> Admitted:
    file = tmp_path / "clients.crt"
    file.write_bytes(CLIENTS.bundle)
    return Admitted(authority=file, names=frozenset({NAME, "api.example"}))


@pytest.mark.parametrize(
    "pair",
    [CLIENTS.client(NAME), CLIENTS.client("somebody", dns_names=("other.example", "api.example"))],
    ids=["by its common name", "by a DNS name"],
)
def test_whoever_shows_the_right_certificate_is_answered_as_ever(
    tmp_path: Path, admitted: Admitted, pair: Pair
) -> None:
    async def check(here: Here) -> None:
        caller = await here.connect(context(tmp_path, pair))

        verdicts = [response_of((await caller.send(request(body))).body)["allowed"] for body in (GOOD, BAD, GOOD)]

        assert verdicts == [True, False, True]
        assert here.server.connections == 1
        assert not here.server.callers.counted

    serving(tmp_path, check, admitted=admitted)


@pytest.mark.parametrize(
    ("pair", "objection", "said"),
    [
        (None, Objection.NONE, f"client certificate: wanted one for api.example or {NAME}, got none"),
        (CLIENTS.client("jane"), Objection.NAME, f"wanted one for api.example or {NAME}, got one for jane"),
        (CLIENTS.client("\x1b[31mjane"), Objection.NAME, "got one for "),
    ],
    ids=["none", "another name", "a hostile name"],
)
def test_a_stranger_is_told_what_is_wanted_and_gets_no_verdict(
    tmp_path: Path, admitted: Admitted, pair: Pair | None, objection: Objection, said: str
) -> None:
    async def check(here: Here) -> None:
        caller = await here.connect(context(tmp_path, pair))

        answer = await caller.send(request(BAD))

        assert (answer.status, answer.closes) == (403, True)
        assert said in answer.body.decode()
        assert b"\x1b" not in answer.body
        assert await caller.ended()
        assert here.server.callers.counted == {objection: 1}

    serving(tmp_path, check, admitted=admitted)


def test_where_strangers_are_only_counted_each_is_answered(tmp_path: Path, admitted: Admitted) -> None:
    async def check(here: Here) -> None:
        callers = [await here.connect(context(tmp_path, pair)) for pair in (None, CLIENTS.client("jane"))]
        await here.connect()

        verdicts = [
            response_of((await caller.send(request(body))).body)["allowed"]
            for caller in callers
            for body in (GOOD, BAD)
        ]

        assert verdicts == [True, False] * 2
        assert here.server.callers.counted == {Objection.NONE: 1, Objection.NAME: 1}
        # The third asks nothing; it is nobody's place that it takes.
        assert here.server.connections == 2
        await asyncio.sleep(2.2)
        assert (await callers[0].send(request(GOOD))).status == 200

    serving(tmp_path, check, admitted=replace(admitted, strangers=Strangers.COUNT))


@pytest.mark.parametrize(
    "pair",
    [STRANGER.client(NAME), CLIENTS.client(NAME, until=-DAY), CLIENTS.leaf(name="api.example", until=-DAY)],
    ids=["another authority", "expired", "expired, for a server"],
)
def test_a_certificate_that_does_not_verify_ends_the_handshake(tmp_path: Path, admitted: Admitted, pair: Pair) -> None:
    async def check(here: Here) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            caller = await here.connect(context(tmp_path, pair))
            await caller.send(request(GOOD))

        await here.until(lambda: here.server.callers.counted[Objection.UNVERIFIED] == 1)
        assert here.server.connections == 0

    serving(tmp_path, check, admitted=admitted)


def test_strangers_take_no_place_of_callers_and_are_not_waited_for(tmp_path: Path, admitted: Admitted) -> None:
    async def check(here: Here) -> None:
        caller = await here.connect(context(tmp_path, CLIENTS.client(NAME)))
        strangers = [await here.connect() for _ in range(70)]

        gone = await strangers[0].ended()
        answer = await caller.send(request(GOOD))

        assert gone
        assert answer.status == 200
        assert here.server.connections == 1
        assert await strangers[-1].ended()
        assert not here.server.callers.counted

    serving(tmp_path, check, admitted=admitted)


def test_another_authority_is_taken_over_while_the_process_runs(tmp_path: Path, admitted: Admitted) -> None:
    async def check(here: Here) -> None:
        before = await (await here.connect(context(tmp_path, CLIENTS.client(NAME)))).send(request(GOOD))
        admitted.authority.write_bytes(STRANGER.bundle)
        here.certificates.refresh()

        after = await (await here.connect(context(tmp_path, STRANGER.client(NAME)))).send(request(GOOD))

        assert (before.status, after.status) == (200, 200)

    serving(tmp_path, check, admitted=admitted)


@pytest.mark.parametrize("bundle", [b"", b"hello"])
def test_without_certificates_to_verify_callers_by_nothing_is_served(tmp_path: Path, bundle: bytes) -> None:
    mount = mounted(tmp_path / "tls", AUTHORITY)
    file = tmp_path / "ca.crt"
    file.write_bytes(bundle)

    with pytest.raises(BadCertificate, match=r"^ca\.crt: wanted certificates in PEM form, got "):
        load(mount.directory, SERVER_NAME, client_authority=file)


def test_a_certificate_without_names_has_none() -> None:
    assert certified_names({"subject": (), "subjectAltName": (("IP Address", "192.0.2.1"),)}) == []


def told(folder: Path, namespace: str) -> Path:
    """Return the API server's configuration as the guide has it: a certificate for the webhook in one namespace."""
    made = CLIENTS.client(NAME)
    pair, users, configuration = folder / "client.pem", folder / "webhooks.conf", folder / "admission.json"
    pair.write_bytes(made.certificate + made.key)
    user = {"client-certificate": str(pair), "client-key": str(pair)}
    named = {"name": f"{SERVICE}.{namespace}.svc", "user": user}
    users.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": [named]}))
    group = "apiserver.config.k8s.io/v1"
    plugin = {"apiVersion": group, "kind": "WebhookAdmissionConfiguration", "kubeConfigFile": str(users)}
    plugins = [{"name": f"{kind}AdmissionWebhook", "configuration": plugin} for kind in ("Validating", "Mutating")]
    configuration.write_text(json.dumps({"apiVersion": group, "kind": "AdmissionConfiguration", "plugins": plugins}))
    return configuration


@pytest.mark.api_server
def test_an_api_server_that_is_told_to_show_one_is_answered_and_another_told_why_not(
    tmp_path: Path, admitted: Admitted
) -> None:
    flag = f"--admission-control-config-file={told(tmp_path, 'told-system')}"
    options = ("--client-ca", str(admitted.authority), "--client-name", NAME)

    with ApiServer(state_dir=tmp_path / "api", flags=[flag]) as server, ExitStack() as stack:
        server.kubectl("apply", "--server-side", "-f", str(CHECKOUT / "deploy" / "crds"))
        server.kubectl("wait", "--for=condition=Established", "crd", "--all")
        replicas: dict[str, Replica] = {}
        for name in ("told", "untold"):
            mount = Mount(tmp_path / name / "tls")
            host = f"{SERVICE}.{name}-system.svc"
            mount.write(AUTHORITY.leaf(name=host), AUTHORITY.bundle)
            replicas[name] = stack.enter_context(
                Replica(server.kubeconfig, mount.directory, server_name=host, bind="0.0.0.0", told=options)  # noqa: S104 - reached by Service
            ).wait_ready()
            for namespace in (f"{name}-system", f"{name}-shop"):
                created(server, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            created(server, *service(f"{name}-system", server.host_address, replicas[name].port))
            created(
                server,
                configuration("Validating", "/validate", "Fail", name=name, shop=f"{name}-shop", authority=AUTHORITY),
            )
        pod = json.dumps(traffic_pod())

        def said(namespace: str) -> str:
            return server.kubectl("-n", namespace, "create", "--dry-run=server", "-f", "-", stdin=pod, check=False)

        eventually(lambda: "failed calling webhook" in said("untold-shop"))
        eventually(lambda: "created (server dry run)" in said("told-shop"))

        assert f"client certificate: wanted one for {NAME}, got none" in said("untold-shop")
        assert replicas["untold"].metric('stridegate_strangers_total{reason="no-certificate"}') >= 1
