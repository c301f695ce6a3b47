"""Requests to an API server at a steady pace, as many clients send them, and what became of each."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import yaml

# A stream ends by itself, whatever the test that started it does.
_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said to one request; `code` 0 means that no answer came."""

    code: int
    message: str
    at: float

    @property
    def admitted(self) -> bool:
        """Whether the object was admitted."""
        return self.code == http.HTTPStatus.CREATED

    @property
    def denied(self) -> bool:
        """Whether Stridegate refused it, with its reasons."""
        return self.code == http.HTTPStatus.FORBIDDEN and "Stridegate denied" in self.message

    @property
    def unanswered(self) -> bool:
        """Whether the API server refused it because no webhook answered."""
        return "failed calling webhook" in self.message


class Client:
    """An administrator's keep-alive connection to the API server of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._address = urlsplit(cluster["server"]).netloc
        self._tls = ssl.create_default_context(cadata=_data(cluster, "certificate-authority", kubeconfig).decode())
        folder = kubeconfig.parent
        certificate, key = folder / f"traffic-{id(self)}.crt", folder / f"traffic-{id(self)}.key"
        certificate.write_bytes(_data(user, "client-certificate", kubeconfig))
        key.write_bytes(_data(user, "client-key", kubeconfig))
        key.chmod(0o600)
        self._tls.load_cert_chain(certificate, key)
        certificate.unlink()
        key.unlink()
        self._connection = http.client.HTTPSConnection(self._address, context=self._tls, timeout=30)

    def create(self, namespace: str, pod: Mapping[str, object]) -> Answer:
        """Ask for a pod by server-side dry-run."""
        try:
            self._connection.request(
                "POST",
                f"/api/v1/namespaces/{namespace}/pods?dryRun=All",
                body=json.dumps(pod),
                headers={"Content-Type": "application/json"},
            )
            response = self._connection.getresponse()
            body = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(0, str(error), time.monotonic())
        message = body.get("message", "") if body.get("kind") == "Status" else ""
        return Answer(response.status, message, time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _data(entry: Mapping[str, str], name: str, kubeconfig: Path) -> bytes:
    inline = entry.get(f"{name}-data")
    return base64.b64decode(inline) if inline else (kubeconfig.parent / entry[name]).read_bytes()


@dataclass(slots=True)
class Stream:
    """Dry-run creations of one pod, a fixed number a second, from entering the context to leaving it."""

    kubeconfig: Path
    namespace: str
    pod: Mapping[str, object]
    per_second: float = 20.0
    answers: list[Answer] = field(default_factory=list, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=40)

    def _run(self) -> None:
        until = time.monotonic() + _LONGEST_SECONDS
        with Client(self.kubeconfig) as client:
            while not self._stop.is_set() and time.monotonic() < until:
                self.answers.append(client.create(self.namespace, self.pod))
                self._stop.wait(1 / self.per_second)


def pod(*, privileged: bool = False) -> dict[str, object]:
    """Return a hardened pod, or the same but privileged."""
    confined = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "traffic-"},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "app",
                    "image": "registry.example/app:1",
                    "resources": {"limits": {"memory": "64Mi"}},
                    "securityContext": {"privileged": True} if privileged else confined,
                }
            ],
        },
    }
