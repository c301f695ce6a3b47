"""A connection to one API server by the `kubernetes` package, which nothing else imports: requests in, typed answers out.

Synchronous: the operator calls it in threads. Every request has a timeout, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import msgspec
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from stridegate.kube.errors import Conflict, Denied, NoAccess, NotFound, Refused, Unreachable
from stridegate.kube.objects import Status
from stridegate.kube.shapes import UNDECODABLE

T = TypeVar("T")

JSON = "application/json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

# Seconds to connect and to wait for an answer; less than the time in which a lease must be renewed.
_TIMEOUT = (2, 5)
# Connections that are kept open: of more threads at a time, each request would open one and close it.
_KEPT = 16
_ERRORS = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.CONFLICT: Conflict, HTTPStatus.FORBIDDEN: Denied}


class Connection:
    """A connection to one API server."""

    def __init__(self, configuration: client.Configuration) -> None:
        configuration.connection_pool_maxsize = _KEPT
        configuration.retries = False  # The operator's loops look again soon; a silent retry would only hide an outage.
        self._client = client.ApiClient(configuration)

    @classmethod
    def open(cls, kubeconfig: Path | None, context: str | None = None) -> Connection:
        """Return a connection by a context of a kubeconfig, by default its current one, or without a kubeconfig by this pod's account.

        Raises NoAccess.
        """
        configuration = client.Configuration()
        source = str(kubeconfig) if kubeconfig else "this process"
        try:
            _loader(kubeconfig, context)(client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise NoAccess(source, error) from error
        return cls(configuration)

    def send(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        content: str = JSON,
    ) -> T:
        """Send one request, its body of the type `content`, and return the answer. Raises Unreachable and Refused."""
        request = f"{method} {path}"
        try:
            method, url, headers, _, _ = self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Accept": JSON, "Content-Type": content},
                auth_settings=["BearerToken"],
            )
            response = self._client.call_api(method, url, headers, body, _request_timeout=_TIMEOUT)
            received: bytes = response.read()  # type: ignore[no-untyped-call] # the package types only a part of itself
        except (HTTPError, client.ApiException, config.ConfigException, OSError) as error:
            # ConfigException is about the token, whose file is read anew every minute.
            raise Unreachable(request, type(error).__name__) from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _ERRORS.get(response.status, Refused)(request, response.status, _message(received))
        try:
            return msgspec.json.decode(received, type=answer)
        except UNDECODABLE as error:
            raise Refused(request, response.status, f"not what it should be: {error}") from error


def context_namespace(kubeconfig: Path | None, context: str | None = None) -> str:
    """Return the namespace that a context of a kubeconfig names, by default its current one; `default` where none does. Raises NoAccess."""
    if kubeconfig is None:
        return "default"
    try:
        contexts, current = config.list_kube_config_contexts(str(kubeconfig))  # type: ignore[no-untyped-call] # as above
    except (config.ConfigException, OSError) as error:
        raise NoAccess(str(kubeconfig), error) from error
    chosen = next((each for each in contexts if each["name"] == context), current)
    named = chosen["context"].get("namespace")
    return named if isinstance(named, str) else "default"


def _loader(kubeconfig: Path | None, context: str | None) -> Callable[..., None]:
    if kubeconfig is None:
        return config.load_incluster_config
    return partial(config.load_kube_config, str(kubeconfig), context=context, persist_config=False)


def _message(received: bytes) -> str:
    try:
        return msgspec.json.decode(received, type=Status).message
    except UNDECODABLE:
        return received[:200].decode(errors="replace")
