"""The webhook before a real API server, with the entries that the chart renders: what it enforces in namespaces of the tests'."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from authorities import Authority, Mount
from charts import KINDS, Helm, Manifest, Rendered
from enforcement import SERVICE, service
from localkube.api_server import ApiServer
from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.places import Places
from localkube.versions import KubernetesVersion
from replicas import Replica, eventually
from stridegate.engine.catalogue import RULES
from stridegate.kube.policies import PARAMETERS
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.rules import AnyRule, Quantity
from traffic import pod as harmless

SYSTEM: Final = "enforced-system"
CONFIGURATION: Final = "enforced"

_DENIED: Final = re.compile(r"^\d+\. ([a-z0-9-]+) \[", re.MULTILINE)
_LISTED: Final = re.compile(r"^… and \d+ more, see stridegate check: (.*)$", re.MULTILINE)
_SLUG: Final = re.compile(r"(?:^|, )([a-z0-9-]+)(?= \(| x\d|,|$)")
_PATCH: Final = {"PATCH": "application/strategic-merge-patch+json"}
_WARNING: Final = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server says to one request: its code, the object or the Status, and the warnings beside it."""

    code: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What a Status says; empty where the answer is an object."""
        return str(self.body.get("message", "")) if self.body.get("kind") == "Status" else ""

    @property
    def accepted(self) -> bool:
        """Whether the request went through."""
        return self.code in {200, 201}

    @property
    def denied(self) -> frozenset[str]:
        """The rules that Stridegate names as it denies the request; none where it does not."""
        if "Stridegate denied" not in self.message:
            return frozenset()
        slugs = set(_DENIED.findall(self.message))
        for rest in _LISTED.findall(self.message):
            slugs |= set(_SLUG.findall(re.sub(r"\([^)]*\)", "(", rest)))
        return frozenset(slugs)

    @property
    def warned(self) -> frozenset[str]:
        """The rules that Stridegate warns about."""
        lines = (line.rpartition("will be denied: ")[2].rpartition("would violate: ")[2] for line in self.warnings)
        return frozenset(line.split(" [")[0] for line in lines if " [" in line)


class Caller:
    """Somebody who sends requests to an API server, over connections that stay open, one for each thread.

    The administrator, or whoever the administrator takes the part of.
    """

    def __init__(self, server: ApiServer, user: str = "", groups: Iterable[str] = (), threads: int = 3) -> None:
        address = urllib.parse.urlsplit(server.url)
        self._address = (address.hostname or "", address.port or 443)
        self._trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        self._trust.load_cert_chain(*map(str, server.client_certificate))
        self._part = [("Impersonate-User", user)] if user else []
        self._part += [("Impersonate-Group", group) for group in groups]
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []
        self._pool = ThreadPoolExecutor(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for connection in self._open:
            connection.close()

    def ask_all(self, questions: Iterable[tuple[str, str, object]]) -> list[Answer]:
        """Return the answers to many requests, in order."""
        return list(self._pool.map(lambda question: self.ask(*question), questions))

    def ask(self, method: str, path: str, body: object = None, *, content: str = "") -> Answer:
        """Return the answer to a request in JSON, whatever it is called; a PATCH is a merge patch that knows the kind, or any."""
        kind = content or _PATCH.get(method, "application/json")
        if kind == _PATCH["PATCH"] and "stridegate.dev" in path:
            kind = "application/merge-patch+json"
        try:
            return self._sent(method, path, body, kind)
        except http.client.RemoteDisconnected:
            # The server closes connections that were idle for long; a new one is opened by itself.
            return self._sent(method, path, body, kind)

    def _sent(self, method: str, path: str, body: object, kind: str) -> Answer:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(*self._address, context=self._trust, timeout=60)
            self._local.connection = connection
            self._open.append(connection)
        connection.putrequest(method, path)
        payload = b"" if body is None else json.dumps(body).encode()
        for key, value in [("Content-Type", kind), ("Content-Length", str(len(payload))), *self._part]:
            connection.putheader(key, value)
        connection.endheaders(payload)
        response = connection.getresponse()
        answer = response.read()
        warnings = tuple(
            text.replace('\\"', '"').replace("\\\\", "\\")
            for header in response.headers.get_all("Warning", [])
            for text in _WARNING.findall(header)
        )
        return Answer(response.status, json.loads(answer or b"{}"), warnings)


def namespaced(path: str, namespace: str, name: str = "") -> str:
    """Return the path of a namespaced resource, such as `api/v1/pods`; with a name, of one object."""
    group, _, resource = path.rpartition("/")
    return f"/{group}/namespaces/{namespace}/{resource}" + (f"/{name}" if name else "")


def manifest(policy: Policy | Manifest, namespace: str) -> Manifest:
    """Return the HardeningPolicy that says what a policy does, or what another one says, for one namespace; without a name for everything."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
    if isinstance(policy, dict):
        return {**policy, "spec": {**policy["spec"], "namespaceSelector": selector}}
    return {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningPolicy",
        "metadata": {"name": policy.name},
        "spec": {
            "namespaceSelector": selector,
            "profile": str(policy.profile),
            "action": str(policy.action),
            "patching": str(policy.patching),
            "templates": str(policy.templates),
            "podSecurityVersion": f"v1.{policy.pod_security}",
            "rules": {slug: _setting(setting, RULES[slug]) for slug, setting in policy.rules.items()},
        },
    }


def _setting(setting: RuleSetting, rule: AnyRule) -> Manifest:
    """Return what is said about a rule; parameters that it does not take are none of its business."""
    said: Manifest = {"override": True} if setting.override else {}
    if setting.action is not None:
        said["action"] = str(setting.action)
    taken = {key: _plain(getattr(setting.parameters, name)) for key, name in PARAMETERS.items() if name in rule.takes}
    if any(taken.values()):
        said["parameters"] = {key: value for key, value in taken.items() if value}
    return said


def _plain(value: object) -> object:
    if isinstance(value, Quantity):
        return value.text
    return list(value) if isinstance(value, tuple) else value


@contextlib.contextmanager
def enforcing(
    server: ApiServer,
    folder: Path,
    policies: Mapping[str, Iterable[Policy | Manifest]],
    values: Mapping[str, object] | None = None,
) -> Iterator[Replica]:
    """Have the API server ask a replica that knows these policies, each for the namespace that it stands under.

    The entries are the chart's with these values, and so is what the replica is told; only kube-system is no longer left
    out. Policies and entries are gone afterwards.
    """
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(KINDS))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all")
    # Nobody else asks a webhook on this server now, and what other tests left would be enforced, too.
    _forget_policies(server)
    kept = [manifest(policy, namespace) for namespace, held in policies.items() for policy in held]
    _apply(server, *(_namespace(name) for name in {SYSTEM, *filter(None, policies)}), *kept)
    authority, mount = Authority(), Mount(folder / "tls")
    name = f"{SERVICE}.{SYSTEM}.svc"
    mount.write(authority.leaf(name=name), authority.bundle)
    release = _release(values or {})
    (container,) = release.one("Deployment", SERVICE)["spec"]["template"]["spec"]["containers"]
    told = [each for each in container["args"] if each.startswith(("--pod-template=", "--exact-exec"))]
    with Replica(server.kubeconfig, mount.directory, server_name=name, bind="0.0.0.0", told=told) as replica:  # noqa: S104 - reached by Service
        replica.wait_ready()
        _apply(server, *service(SYSTEM, server.host_address, replica.port), *_entries(release, authority))
        try:
            with Caller(server) as caller:
                bad = harmless(privileged=True)
                path = namespaced("api/v1/pods", "stridegate-canary") + "?dryRun=All"
                _apply(server, _namespace("stridegate-canary"))
                eventually(lambda: bool(caller.ask("POST", path, bad).denied), 30)
            yield replica
        finally:
            for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
                server.kubectl("delete", kind, CONFIGURATION)
            _forget_policies(server)


def _forget_policies(server: ApiServer) -> None:
    """Delete every policy with one request: kubectl sends one for each, five a second."""
    with Caller(server) as caller:
        answer = caller.ask("DELETE", "/apis/stridegate.dev/v1alpha1/hardeningpolicies")
    assert answer.accepted, answer.message


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _apply(server: ApiServer, *manifests: Manifest) -> None:
    """Make or change objects."""
    listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))


def _release(values: Mapping[str, object]) -> Rendered:
    binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())
    return Helm(binaries.program("helm")).render(values, namespace=SYSTEM)


def _entries(release: Rendered, authority: Authority) -> Iterator[Manifest]:
    """Yield the two configurations, with every entry that the chart has the operator write."""
    wanted = release.webhooks()
    for kind, entries in (("Mutating", wanted["mutating"]), ("Validating", wanted["validating"])):
        for entry in entries:
            entry["clientConfig"]["caBundle"] = base64.b64encode(authority.bundle).decode()
            for condition in entry.get("namespaceSelector", {}).get("matchExpressions", ()):
                condition["values"] = [name for name in condition["values"] if name != "kube-system"]
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": entries,
        }
