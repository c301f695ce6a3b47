"""What a kubelet and an API server are asked: real HTTPS servers, with certificates that verify and such that do not."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from authorities import Authority
from stridegate.model.nodes.queries import ConfigMapEntry, Syntax
from stridegate.scanner.clusters import Api, Credentials
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.kubelets import Kubelet

AUTHORITY = Authority()
TOKEN = "a-token"  # noqa: S105 - a test's
PODS = {
    "items": [
        {
            "metadata": {"uid": "u", "name": "web", "managedFields": [{"x": 1}]},
            "spec": {
                "containers": [{"name": "app", "env": [{"name": "PASSWORD", "value": "hunter2"}], "image": "i"}],
                "initContainers": [{"name": "first", "envFrom": [{"secretRef": {"name": "x"}}]}],
            },
        }
    ]
}
ANSWERS: dict[str, tuple[int, object]] = {
    "/pods": (200, PODS),
    "/configz": (200, {"kubeletconfig": {"readOnlyPort": 0}}),
    "/api/v1/namespaces/kube-system/configmaps/kube-proxy": (
        200,
        {"data": {"config.conf": "metricsBindAddress: 127.0.0.1:10249\ntoken: hunter2\n"}},
    ),
}


class _Server(http.server.BaseHTTPRequestHandler):
    answers: Mapping[str, tuple[int, object]] = ANSWERS

    def do_GET(self) -> None:
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        code, body = self.answers.get(self.path, (404, {})) if allowed else (401, {})
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(folder: Path, name: str = "localhost", **answers: tuple[int, object]) -> Iterator[int]:
    """Serve HTTPS on the loopback, with a certificate for a name, or for none that is asked for."""
    pair = AUTHORITY.leaf(name=name)
    (folder / "chain.pem").write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    handler = type(
        "Handler", (_Server,), {"answers": {**ANSWERS, **{f"/{key}": each for key, each in answers.items()}}}
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that does not trust us hangs up
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def credentials(folder: Path, token: str = TOKEN) -> Credentials:
    (folder / "token").write_text(f"{token}\n")
    return Credentials(token_file=folder / "token", authority=AUTHORITY.bundle.decode())


def kubelet(folder: Path, port: int, *, roots: bool = True, **shown: Any) -> Kubelet:  # noqa: ANN401 - what is shown
    return Kubelet(
        address="localhost", port=port, credentials=credentials(folder, **shown), is_the_hosts=lambda _: roots
    )


def test_pods_come_without_what_may_be_secret(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        (pod,) = kubelet(tmp_path, port, roots=False).pods()

    assert pod["spec"] == {"containers": [{"name": "app", "image": "i"}], "initContainers": [{"name": "first"}]}
    assert pod["metadata"] == {"uid": "u", "name": "web"}


def test_the_live_configuration_is_what_the_kubelet_says(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        assert kubelet(tmp_path, port, roots=False).configz() == {"readOnlyPort": 0}


def test_a_certificate_that_does_not_verify_is_taken_from_root_of_the_node_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "another-name") as port:
        assert kubelet(tmp_path, port, roots=True).configz() == {"readOnlyPort": 0}
        with pytest.raises(Barred, match="not root's"):
            kubelet(tmp_path, port, roots=False).configz()


def test_a_kubelet_that_refuses_is_unreadable(tmp_path: Path) -> None:
    with serving(tmp_path) as port, pytest.raises(Barred, match="401"):
        kubelet(tmp_path, port, token="wrong").pods()  # noqa: S106 - a test's


@pytest.mark.parametrize("answer", [b"", b"[]", b"[" * 5000, b'{"kubeletconfig": 5}'])
def test_what_is_no_answer_is_unreadable(answer: bytes, tmp_path: Path) -> None:
    with serving(tmp_path, configz=(200, answer)) as port, pytest.raises(Barred):
        kubelet(tmp_path, port).configz()


def test_without_a_kubelet_there_is_none(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        pass

    with pytest.raises(Missing):
        kubelet(tmp_path, port).pods()


def test_kube_proxys_configuration_is_read_from_its_config_map_without_secrets(tmp_path: Path) -> None:
    with serving(tmp_path) as port:
        api = Api(server=f"https://localhost:{port}", credentials=credentials(tmp_path))

        told = api.config_map_entry(ConfigMapEntry("kube-proxy", "config.conf", Syntax.YAML))

        assert told == {"metricsBindAddress": "127.0.0.1:10249", "token": "(redacted)"}
        with pytest.raises(Missing):
            api.config_map_entry(ConfigMapEntry("kube-proxy", "nothing", Syntax.YAML))
        with pytest.raises(Missing):
            api.config_map_entry(ConfigMapEntry("kube-proxy-config", "config", Syntax.YAML))
        with pytest.raises(Barred, match="never read"):
            api.config_map_entry(ConfigMapEntry("extension-apiserver-authentication", "x", Syntax.YAML))
