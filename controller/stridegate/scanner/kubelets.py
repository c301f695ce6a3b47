"""What the node's own kubelet serves: its pods and its live configuration (KEP-2862: nodes/pods, nodes/configz)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stridegate.scanner.clusters import Credentials, fetched
from stridegate.scanner.errors import Barred

# Where a kubelet serves, unless it is told otherwise (KubeletConfiguration, port).
KUBELET_PORT = 10250
# Fields of a container that may hold secrets, and that no rule reads.
_LEFT_OUT = ("env", "envFrom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubelet:
    """This node's kubelet. `is_the_hosts` tells whether a port is listened on by the host's root, and not by a pod."""

    address: str
    credentials: Credentials
    is_the_hosts: Callable[[int], bool]
    port: int = KUBELET_PORT

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
        what, server = (
            f"kubelet {path}",
            f"https://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}",
        )
        try:
            try:
                return fetched(what, server, path, self.credentials, self.credentials.context(public=False))
            except ssl.SSLCertVerificationError as error:
                # A kubelet that signed its own certificate cannot be verified; that it is the host's own listener can.
                if not self.is_the_hosts(self.port):
                    raise Barred(
                        what, "shows a certificate that does not verify, on a port that is not root's"
                    ) from error
                return fetched(what, server, path, self.credentials, self.credentials.context(verifying=False))
        except OSError as error:
            raise Barred(what, f"cannot be asked ({type(error).__name__})") from error


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
