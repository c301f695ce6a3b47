"""The API server's own Pod Security admission, asked by server-side dry-run creates in labelled namespaces."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import urllib.parse
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, cast

from localkube.api_server import ApiServer
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.model.edits import Json
from stridegate.model.vocabulary import Profile

LEVELS: Final = {Profile.BASELINE: "baseline", Profile.RESTRICTED: "restricted"}

# What PodSecurity calls the checks in its message; a reason ends the message or is followed by details or another.
_REASONS: Final = (
    "allowPrivilegeEscalation != false",
    "forbidden AppArmor profile",
    "non-default capabilities",
    "unrestricted capabilities",
    "host namespaces",
    "hostPath volumes",
    "hostPort",
    "probe or lifecycle host",
    "privileged",
    "procMount",
    "restricted volume types",
    "runAsNonRoot != true",
    "runAsUser=0",
    "seLinuxOptions",
    "seccompProfile",
    "forbidden sysctls",
    "hostProcess",
)
_REASON: Final = re.compile(rf"(?::|,) ({'|'.join(map(re.escape, _REASONS))})s?(?= \(|, |$)")


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the standards at a version; `latest` is asked for where the server's own newest is meant."""

    profile: Profile
    minor: int
    latest: bool = False

    @property
    def namespace(self) -> str:
        """The namespace that enforces it."""
        return f"{LEVELS[self.profile]}-{'latest' if self.latest else self.minor}"

    @property
    def version(self) -> str:
        """The version as the label says it."""
        return "latest" if self.latest else f"v1.{self.minor}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server says to a pod: stored or not, and which checks it fails; None where it is no valid pod at all."""

    code: int
    checks: frozenset[str] | None
    message: str


class Oracle:
    """The admission of one API server, asked over connections that stay open, one for each thread."""

    def __init__(self, server: ApiServer, threads: int = 4) -> None:
        address = urllib.parse.urlsplit(server.url)
        self._address = (address.hostname or "", address.port or 443)
        self._trust = ssl.create_default_context(cafile=str(server.certificate_authority))
        self._trust.load_cert_chain(*map(str, server.client_certificate))
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []
        self._pool = ThreadPoolExecutor(threads)

    def close(self) -> None:
        """End all threads and connections."""
        self._pool.shutdown()
        for connection in self._open:
            connection.close()

    def prepare(self, levels: Iterable[Level]) -> None:
        """Make the namespaces, with a harmless pod in each that ephemeral containers can be added to."""
        for level in levels:
            labels = {
                "pod-security.kubernetes.io/enforce": LEVELS[level.profile],
                "pod-security.kubernetes.io/enforce-version": level.version,
            }
            self.make_namespace(level.namespace, labels)
            harmless = {**hardened_pod(), "metadata": {"name": "harmless"}}
            code, message = self.request("POST", f"/api/v1/namespaces/{level.namespace}/pods", harmless)
            assert code == 201, message

    def make_namespace(self, name: str, labels: dict[str, str] | None = None) -> None:
        """Make a namespace."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
        code, message = self.request("POST", "/api/v1/namespaces", body)
        assert code == 201, message

    def ask(self, questions: Iterable[tuple[JsonMap, str]]) -> list[Answer]:
        """Return the answers to the creation of pods in namespaces, in order."""
        return list(self._pool.map(lambda question: self.create(*question), questions))

    def create(self, pod: JsonMap, namespace: str) -> Answer:
        """Return the answer to the creation of a pod, without making it."""
        return self.send("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict", pod)

    def debug(self, container: Json, namespace: str) -> Answer:
        """Return the answer to adding an ephemeral container to the harmless pod, without adding it."""
        patch = {"spec": {"ephemeralContainers": [container]}}
        path = f"/api/v1/namespaces/{namespace}/pods/harmless/ephemeralcontainers?dryRun=All&fieldValidation=Strict"
        return self.send("PATCH", path, patch)

    def send(self, method: str, path: str, body: object) -> Answer:
        """Return the answer to a request that PodSecurity judges."""
        code, text = self.request(method, path, body)
        if code in {200, 201}:
            return Answer(code, frozenset(), "")
        message = cast("str", json.loads(text)["message"])
        if code == 403 and "violates PodSecurity" in message:
            return Answer(code, frozenset(_REASON.findall(message.partition("violates PodSecurity")[2])), message)
        return Answer(code, None, message)

    def request(self, method: str, path: str, body: object) -> tuple[int, str]:
        """Return code and body of the answer to a request."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(*self._address, context=self._trust, timeout=60)
            self._local.connection = connection
            self._open.append(connection)
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": kind})
            response = connection.getresponse()
        except http.client.RemoteDisconnected:
            # The server closes connections that were idle for a minute and a half; a new one is opened by itself.
            connection.request(method, path, json.dumps(body), {"Content-Type": kind})
            response = connection.getresponse()
        return response.status, response.read().decode()
