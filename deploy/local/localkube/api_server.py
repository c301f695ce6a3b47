"""An API server without nodes: etcd and kube-apiserver as processes, ready in seconds.

It is the real one: admission, validation, RBAC, CRDs and webhooks by Service behave as in a cluster. What a
controller does (ServiceAccounts and tokens Secrets appear, namespaces finish their deletion) does not happen.

    with ApiServer(state_dir=tmp_path) as server:
        server.kubectl("create", "namespace", "shop")
"""

import base64
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.commands import Argument, run
from localkube.errors import CommandFailed
from localkube.places import Places
from localkube.ports import LOOPBACK, free_ports, host_address
from localkube.processes import Server
from localkube.versions import KubernetesVersion

METADATA_AUDIT_POLICY = json.dumps(
    {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
     "rules": [{"level": "Metadata"}]}
)  # fmt: skip
"""An audit policy that writes one line per request: who, what, and the answer."""

_SERVICE_NETWORK = "10.96.0.0/16"
_ATTEMPTS = 3


@dataclass(slots=True, kw_only=True)
class ApiServer:
    """etcd and kube-apiserver on loopback, on free ports, with all their files in one folder.

    They end with the `with` block, and also when this process dies.
    """

    state_dir: Path
    """A folder of this server's own; it is made if it is missing."""
    version: KubernetesVersion | str | None = None
    """Which Kubernetes; absent: the environment variable KUBERNETES, or the default."""
    emulated_version: str = ""
    """Serve the API as this older minor release does ("1.34"): a version matrix out of one binary."""
    audit_policy: str = ""
    """An audit Policy as YAML or JSON; its lines go to `audit_log`. Empty: no audit."""
    service_account_admission: bool = False
    """Whether pods need the ServiceAccount that they name. No controller makes the default one here."""
    flags: Sequence[str] = ()
    """Further flags of kube-apiserver; the last of two equal flags wins."""
    host_address: str = field(default_factory=host_address)
    """This machine's address for EndpointSlices of webhooks by Service: loopback is refused there."""
    url: str = field(default="", init=False)
    _binaries: Binaries = field(init=False)
    _etcd: Server | None = field(default=None, init=False)
    _api: Server | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Settle the version and the programs' cache."""
        version = self.version or KubernetesVersion.chosen()
        self.version = KubernetesVersion.parse(version) if isinstance(version, str) else version
        self._binaries = Binaries(cache=Cache(root=Places.of().cache), kubernetes=self.version)

    @property
    def name(self) -> str:
        """What the cluster is called in sentences."""
        return "API server only"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (group system:masters)."""
        return self.state_dir / "super-admin.conf"

    @property
    def certificate_authority(self) -> Path:
        """The certificate that signed the server's own, as PEM: for clients that bring a token."""
        return self.state_dir / "pki" / "ca.crt"

    @property
    def client_certificate(self) -> tuple[Path, Path]:
        """The administrator's certificate and key, as PEM: for clients that speak HTTP themselves."""
        return self.state_dir / "super-admin.crt", self.state_dir / "super-admin.key"

    @property
    def audit_log(self) -> Path:
        """The audit log, one JSON event a line; there when `audit_policy` is."""
        return self.state_dir / "audit.log"

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start both processes and wait until they serve; after `stop()` on the same data, port and certificates.

        Raises NotReady, CommandFailed and what building the programs raises.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(_ATTEMPTS):
            try:
                self._start_once()
            except CommandFailed as failure:
                self.stop()
                # Between choosing a free port and listening on it, somebody else may take it.
                if "address already in use" not in failure.last_words or attempt == _ATTEMPTS - 1:
                    raise
                self._etcd = self._api = None
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self, *, kill: bool = True) -> None:
        """Stop both; the data stays in `state_dir`. With `kill=False` the API server drains first (seconds)."""
        for server in (self._api, self._etcd):
            if server is not None:
                server.stop(kill=kill)

    def pause(self) -> None:
        """Freeze the API server: clients connect and get no answer."""
        self._running_api().pause()

    def resume(self) -> None:
        """Let the API server run on."""
        self._running_api().resume()

    def crash_storage(self) -> None:
        """Kill etcd and start it again on what it had written; the API server runs on, and answers errors meanwhile."""
        if self._etcd is None:
            message = "the API server was not started"
            raise RuntimeError(message)
        self._etcd.stop()
        self._etcd.start()

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the administrator and return its stdout. Raises CommandFailed unless `check` is off."""
        # By default kubectl keeps what it discovered by address, and ports come back with other servers behind them.
        cache = f"--cache-dir={self.state_dir / 'kubectl'}"
        command: list[Argument] = [
            self._binaries.program("kubectl"),
            "--kubeconfig",
            self.kubeconfig,
            cache,
            *arguments,
        ]
        if check:
            return run(command, stdin=stdin)
        done = subprocess.run([str(w) for w in command], check=False, capture_output=True, text=True, input=stdin)
        return done.stdout + done.stderr

    def load_image(self, tag: str) -> None:
        """Do nothing: no node here runs containers."""

    def _running_api(self) -> Server:
        if self._api is None:
            message = "the API server was not started"
            raise RuntimeError(message)
        return self._api

    def _start_once(self) -> None:
        if self._etcd is None or self._api is None:
            etcd_port, peer_port, port = free_ports(3)
            self._make_certificates(port)
            self.url = f"https://{LOOPBACK}:{port}"
            self._etcd = Server(
                name="etcd", command=self._etcd_command(etcd_port, peer_port), log=self.state_dir / "etcd.log"
            )
            self._api = Server(
                name="kube-apiserver", command=self._api_command(etcd_port, port),
                log=self.state_dir / "kube-apiserver.log",
            )  # fmt: skip
        self._etcd.start()
        self._api.start()
        self._api.wait_until(self._serves, seconds=60)

    def _make_certificates(self, port: int) -> None:
        """Let kubeadm make its whole PKI and the kubeconfig, in a folder of ours."""
        configuration = self.state_dir / "kubeadm.json"
        documents = (
            {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
             "localAPIEndpoint": {"advertiseAddress": self.host_address, "bindPort": port}},
            {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
             "kubernetesVersion": str(self.version), "certificatesDir": str(self.state_dir / "pki"),
             "controlPlaneEndpoint": f"{LOOPBACK}:{port}",
             "networking": {"serviceSubnet": _SERVICE_NETWORK},
             "encryptionAlgorithm": "ECDSA-P256",  # a tenth of a second for all keys; RSA takes several
             "apiServer": {"certSANs": ["localhost", LOOPBACK]}},
        )  # fmt: skip
        configuration.write_text("\n---\n".join(json.dumps(part) for part in documents), encoding="utf-8")
        kubeadm, log = self._binaries.program("kubeadm"), self.state_dir / "kubeadm.log"
        run([kubeadm, "init", "phase", "certs", "all", "--config", configuration], log=log)
        self.kubeconfig.unlink(missing_ok=True)  # kubeadm keeps one that names another port
        run(
            [kubeadm, "init", "phase", "kubeconfig", "super-admin", "--config", configuration,
             "--kubeconfig-dir", self.state_dir], log=log,
        )  # fmt: skip
        text = self.kubeconfig.read_text(encoding="utf-8")
        for kind, file in zip(("certificate", "key"), self.client_certificate, strict=True):
            found = re.search(rf"client-{kind}-data: (\S+)", text)
            file.touch(mode=0o600)
            file.write_bytes(base64.b64decode(found[1] if found else ""))

    def _etcd_command(self, port: int, peer_port: int) -> list[str | Path]:
        client, peer = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
        return [
            self._binaries.program("etcd"),
            f"--data-dir={self.state_dir / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # the data need not outlive a power cut
            "--log-level=warn",
        ]

    def _api_command(self, etcd_port: int, port: int) -> list[str | Path]:
        pki = self.state_dir / "pki"
        command: list[str | Path] = [
            self._binaries.program("kube-apiserver"),
            f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={port}",
            f"--advertise-address={self.host_address}",
            "--endpoint-reconciler-type=none",  # nobody reaches this server by the Service `kubernetes`
            f"--service-cluster-ip-range={_SERVICE_NETWORK}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # Webhooks by Service go straight to the addresses in the EndpointSlice: there is no kube-proxy here.
            "--enable-aggregator-routing=true",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            "--v=1",
        ]
        if not self.service_account_admission:
            command.append("--disable-admission-plugins=ServiceAccount")
        if self.emulated_version:
            command.append(f"--emulated-version={self.emulated_version}")
        if self.audit_policy:
            policy = self.state_dir / "audit-policy.yaml"
            policy.write_text(self.audit_policy, encoding="utf-8")
            command += [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}"]
        return [*command, *self.flags]

    def _serves(self) -> bool:
        """Ask for readiness, and for a namespace that is made just after it."""
        trust = ssl.create_default_context(cafile=str(self.certificate_authority))
        trust.load_cert_chain(*self.client_certificate)
        try:
            for path in ("/readyz", "/api/v1/namespaces/default"):
                with urllib.request.urlopen(self.url + path, context=trust, timeout=5):  # noqa: S310 - our own https
                    pass
        except (urllib.error.URLError, OSError):
            return False
        return True
