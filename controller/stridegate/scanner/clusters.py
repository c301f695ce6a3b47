"""GET requests to the cluster's own servers, the kubelet and the API server, with what this process may show them."""

from __future__ import annotations

import http.client
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from stridegate.model.nodes.queries import ConfigMapEntry
from stridegate.scanner.documents import document
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.secrets import redacted

# Seconds to wait, and the most bytes of an answer: 110 pods, the default of a node, have about 2 MiB.
_PATIENCE = 5.0
_MOST_BYTES = 16 * 1024 * 1024
# The ConfigMaps that the scanner's role names (kubeadm's, and that of EKS).
_CONFIG_MAPS = {"kube-proxy", "kube-proxy-config"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What is shown to a server, and what signs its certificate.

    A token's file is read anew each time, since the kubelet renews it; `chain` is certificate and key, in PEM form.
    """

    token_file: Path | None = None
    token: str = ""
    chain: str = ""
    authority: str = ""

    def context(self, *, verifying: bool = True, public: bool = True) -> ssl.SSLContext:
        """Return the TLS side; `public` says that without an authority the system's own count. Raises OSError for bad certificates or keys."""
        if self.authority or (verifying and public):
            context = ssl.create_default_context(cadata=self.authority or None)
        else:
            # Reading the system's authorities takes longer than everything else here.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not verifying:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.chain:
            # The standard library reads a chain from a file only.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(self.chain)
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def headers(self) -> Mapping[str, str]:
        """Return what goes with each request. Raises OSError where a token cannot be read."""
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}


def fetched(
    what: str, server: str, path: str, credentials: Credentials, context: ssl.SSLContext
) -> Mapping[str, object]:
    """Return the JSON object that a server answers a GET with.

    Raises Missing where nobody listens or nothing is there, ssl.SSLCertVerificationError for a certificate that does not
    verify, and Barred for the rest.
    """
    where = urlsplit(server)
    connection = http.client.HTTPSConnection(
        where.hostname or "", where.port or 443, timeout=_PATIENCE, context=context
    )
    try:
        connection.request("GET", path, headers=credentials.headers())
        response = connection.getresponse()
        body = response.read(_MOST_BYTES + 1)
    except ssl.SSLCertVerificationError:
        raise
    except ConnectionRefusedError as error:
        raise Missing(what) from error
    except (OSError, http.client.HTTPException) as error:
        raise Barred(what, f"no answer ({type(error).__name__})") from error
    finally:
        connection.close()
    if response.status == http.client.NOT_FOUND:
        raise Missing(what)
    if response.status != http.client.OK:
        raise Barred(what, f"answered {response.status}")
    if len(body) > _MOST_BYTES:
        raise Barred(what, f"answered more than {_MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Barred(what, "answered something that is no JSON object") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The API server, of which one kind of object is read."""

    server: str
    credentials: Credentials

    def config_map_entry(self, query: ConfigMapEntry) -> object:
        """Return what an entry of one of kube-proxy's ConfigMaps says, without secrets. Raises Missing and Barred."""
        what = f"ConfigMap kube-system/{query.name}"
        if query.name not in _CONFIG_MAPS:
            raise Barred(what, "is never read")
        path = f"/api/v1/namespaces/kube-system/configmaps/{query.name}"
        try:
            data = fetched(what, self.server, path, self.credentials, self.credentials.context()).get("data")
        except OSError as error:
            raise Barred(what, f"no answer ({type(error).__name__})") from error
        text = data.get(query.key) if isinstance(data, dict) else None
        if not isinstance(text, str):
            raise Missing(f"{what}, {query.key}")
        return redacted(document(f"{what}, {query.key}", text, query.syntax))
