"""What the node's own kubelet serves: its pods and its live configuration (KEP-2862: nodes/pods, nodes/configz)."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stridegate.scanner.errors import Barred, Missing

# Seconds to wait, and the most bytes of an answer: 110 pods, the default of a node, have about 2 MiB.
_PATIENCE = 5.0
_MOST_BYTES = 16 * 1024 * 1024
# Fields of a container that may hold secrets, and that no rule reads.
_LEFT_OUT = ("env", "envFrom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is shown to a kubelet: a token's file, which is read anew each time, or a file with certificate and key."""

    token_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    # In PEM form, what signs the kubelet's serving certificate.
    authority: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubelet:
    """This node's kubelet. `is_the_hosts` tells whether a port is listened on by the host's root, and not by a pod."""

    address: str
    credentials: Credentials
    is_the_hosts: Callable[[int], bool]
    port: int = 10250

    def pods(self) -> tuple[Mapping[str, object], ...]:
        """Return the pods that it serves, without their environments. Raises Missing and Barred."""
        answer = self._get("/pods")
        items = answer.get("items")
        return tuple(map(_pruned, items)) if isinstance(items, list) else ()

    def configz(self) -> Mapping[str, object]:
        """Return its live KubeletConfiguration. Raises Missing and Barred."""
        found = self._get("/configz").get("kubeletconfig")
        if not isinstance(found, dict):
            raise Barred("kubelet /configz", "has no kubeletconfig")
        return found

    def _get(self, path: str) -> Mapping[str, object]:
        what = f"kubelet {path}"
        try:
            status, body = self._fetch(path, self._context(verified=True))
        except ssl.SSLCertVerificationError as error:
            # A kubelet that signed its own certificate cannot be verified; that it is the host's own listener can.
            if not self.is_the_hosts(self.port):
                raise Barred(what, "shows a certificate that does not verify, on a port that is not root's") from error
            status, body = self._settled(what, path)
        except ConnectionRefusedError as error:
            raise Missing("kubelet") from error
        except (OSError, http.client.HTTPException) as error:
            raise Barred(what, f"no answer ({type(error).__name__})") from error
        if status != http.client.OK:
            raise Barred(what, f"answered {status}")
        try:
            return msgspec.json.decode(body, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Barred(what, "answered something that is no JSON object") from error

    def _settled(self, what: str, path: str) -> tuple[int, bytes]:
        try:
            return self._fetch(path, self._context(verified=False))
        except (OSError, http.client.HTTPException) as error:
            raise Barred(what, f"no answer ({type(error).__name__})") from error

    def _fetch(self, path: str, context: ssl.SSLContext) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=_PATIENCE, context=context)
        try:
            connection.request("GET", path, headers=self._headers())
            response = connection.getresponse()
            body = response.read(_MOST_BYTES + 1)
            if len(body) > _MOST_BYTES:
                raise Barred(f"kubelet {path}", f"answered more than {_MOST_BYTES} bytes")
            return response.status, body
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        token_file = self.credentials.token_file
        return {"Authorization": f"Bearer {token_file.read_text().strip()}"} if token_file else {}

    def _context(self, *, verified: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.credentials.authority or None)
        if not verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.credentials.certificate:
            context.load_cert_chain(self.credentials.certificate, self.credentials.key)
        return context


def _pruned(pod: object) -> Mapping[str, object]:
    """Return a pod without what may be secret and what nobody reads, so that a scan keeps little of it."""
    if not isinstance(pod, dict):
        return {}
    metadata, spec = pod.get("metadata"), pod.get("spec")
    told = dict(pod)
    if isinstance(metadata, dict):
        told["metadata"] = {key: value for key, value in metadata.items() if key != "managedFields"}
    if isinstance(spec, dict):
        told["spec"] = {
            key: [_without(each) for each in value]
            if key.lower().endswith("containers") and isinstance(value, list)
            else value
            for key, value in spec.items()
        }
    return told


def _without(container: object) -> object:
    if not isinstance(container, dict):
        return container
    return {key: value for key, value in container.items() if key not in _LEFT_OUT}
