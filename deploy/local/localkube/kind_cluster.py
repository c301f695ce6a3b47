"""A kind cluster: real nodes in containers, with kubeadm's layout, kubelet, containerd and kube-proxy.

cluster = KindCluster(nodes=3)
cluster.create()
cluster.on_node("stridegate-worker", "crictl", "ps")
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from localkube import engine as engines
from localkube import ownership
from localkube.binaries import Binaries
from localkube.cache import Cache
from localkube.commands import Argument, run
from localkube.engine import Engine
from localkube.errors import CommandFailed, ForeignCluster, ImageMissing, LocalError, NotRunning
from localkube.kind_configuration import AUDIT_LOG, KindConfiguration, PortMapping
from localkube.machine import has_cgroup_v1
from localkube.node_image import NodeImage
from localkube.places import Places
from localkube.ports import require_free
from localkube.progress import say, step
from localkube.versions import KubernetesVersion

_WAIT = "180s"
_ANSWER_SECONDS = 20.0
"""How long a cluster that is there already may take to answer, before it is made anew."""
_NETWORK = "kind"
_STOP_SECONDS = 3
"""A node of our own image does not end on SIGTERM: waiting longer than this before SIGKILL is in vain."""


@dataclass(slots=True, kw_only=True)
class KindCluster:
    """One cluster. Creating it builds and starts whatever is missing, down to the container engine."""

    places: Places = field(default_factory=Places.of)
    """The name of the state folder is also the cluster's (environment variable CLUSTER)."""
    nodes: int = 1
    """The first is the control plane, and runs other pods only if it is alone."""
    version: KubernetesVersion = field(default_factory=KubernetesVersion.chosen)
    audit_policy: str = ""
    """An audit Policy as YAML or JSON. Empty: no audit."""
    ports: tuple[PortMapping, ...] = ()
    api_server_flags: tuple[tuple[str, str], ...] = ()
    """Further flags of kube-apiserver: name without dashes, value."""
    _engine: Engine | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """What kind calls it."""
        return self.places.state.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.places.state / "kubeconfig"

    @property
    def binaries(self) -> Binaries:
        """The programs of this cluster's version."""
        return Binaries(cache=self._cache, kubernetes=self.version)

    @property
    def engine(self) -> Engine:
        """The container engine that the nodes run in. Raises NotRunning where there is none."""
        self._engine = self._engine or engines.running()
        if self._engine is None:
            raise NotRunning(self.name, "`python3 deploy/local kind-up` makes one")
        return self._engine

    def create(self) -> None:
        """Make the cluster, or take the one that is there if it answers and is as wanted.

        Raises OwnedByAnotherCheckout, ForeignCluster, PortTaken, NoEngine, CommandFailed and what building the
        parts raises.
        """
        ownership.require_mine(self.places.state)
        self._engine = engines.ensure(self._cache)
        if self.exists() and ownership.recorded_owner(self.places.state) is None:
            raise ForeignCluster(self.name)
        ownership.claim(self.places.state)
        image, without_dns = self._image()
        configuration = self._configuration(without_dns=without_dns).text()
        wanted = json.dumps({"image": image, "configuration": configuration})
        if self.exists():
            if self._read("created.json") == wanted and self._answers():
                say(f"kind cluster {self.name}, Kubernetes {self.version}, is there already")
                return
            say(f"kind cluster {self.name} is not as wanted now: making it anew")
            self._delete_nodes()
        for port in self.ports:
            require_free(port.host, purpose=f"the kind cluster {self.name}", remedy="stop what listens there")
        self._start(image, configuration)
        self._write("created.json", wanted)

    def delete(self) -> None:
        """Take the cluster, its state and kind's network away; the engine stays. Harmless when it is not there.

        Raises OwnedByAnotherCheckout.
        """
        ownership.require_mine(self.places.state)
        if not self.places.state.exists():
            return
        self._engine = engines.running()
        if self._engine:
            if self.exists():
                with step(f"deleting kind cluster {self.name}"):
                    self._delete_nodes()
            if self._read("network-made-here"):
                self._delete_network()
        shutil.rmtree(self.places.state)

    def exists(self) -> bool:
        """Tell whether the engine has nodes of a cluster of this name."""
        return bool(self._containers())

    def node_names(self) -> list[str]:
        """List the nodes, which are also the names of their containers; the control plane comes first."""
        return sorted(self._containers())

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator and return its stdout. Raises CommandFailed, whose words are kubectl's."""
        return run([self.binaries.program("kubectl"), "--kubeconfig", self.kubeconfig, *arguments], stdin=stdin)

    def load_image(self, tag: str) -> None:
        """Copy an image of the engine into every node. Raises ImageMissing."""
        if not self.engine.has_image(tag):
            raise ImageMissing(tag)
        with step(f"loading {tag} into {self.name}"):
            self._kind("load", "docker-image", tag, "--name", self.name)

    def on_node(self, node: str, *command: str, stdin: str | None = None) -> str:
        """Run a command as root on a node and return its stdout. Raises CommandFailed."""
        interactive = ["--interactive"] if stdin is not None else []
        return self.engine.docker("exec", *interactive, node, *command, stdin=stdin)

    def stop_node(self, node: str) -> None:
        """Pull a node's plug; Kubernetes calls it NotReady after about 50 s."""
        self.engine.docker("stop", "--time", str(_STOP_SECONDS), node)

    def start_node(self, node: str) -> None:
        """Start a stopped node."""
        self.engine.docker("start", node)

    def read_audit_log(self) -> str:
        """Read the API server's audit log, one JSON event a line."""
        return self.on_node(self.node_names()[0], "cat", AUDIT_LOG)

    @property
    def _cache(self) -> Cache:
        return Cache(root=self.places.cache)

    def _image(self) -> tuple[str, bool]:
        """Choose the node image: what is at hand, else kind's own by its registry, else ours; and whether it lacks CoreDNS."""
        kinds, ours = f"kindest/node:{self.version}", NodeImage(cache=self._cache, binaries=self.binaries)
        if self.engine.has_image(kinds):
            return kinds, False
        if not self.engine.has_image(ours.tag):
            log = self._cache.log("node-image-pull")
            if not ours.is_built() and self.engine.can_pull(kinds) and self.engine.pull(kinds, log):
                return kinds, False
            archive = ours.archive()
            with step("importing the node image into the container engine"):
                self.engine.import_root(archive, ours.tag, ours.changes)
            self.engine.forget_images(ours.tag.rpartition("-")[0] + "-*", but=ours.tag)
        return ours.tag, True

    def _configuration(self, *, without_dns: bool) -> KindConfiguration:
        policy = self.places.state / "audit-policy.yaml" if self.audit_policy else None
        if policy:
            policy.write_text(self.audit_policy, encoding="utf-8")
        return KindConfiguration(
            nodes=self.nodes,
            cgroup_v1=has_cgroup_v1(),
            without_dns=without_dns,
            audit_policy=policy,
            ports=self.ports,
            flags=self.api_server_flags,
        )

    def _start(self, image: str, configuration: str) -> None:
        if not self.engine.has_network(_NETWORK):
            self._write("network-made-here", _NETWORK)
        self._write("kind.json", configuration)
        count = f"{self.nodes} nodes" if self.nodes > 1 else "1 node"
        with step(f"creating kind cluster {self.name}, Kubernetes {self.version}, {count}"):
            self._kind(
                "create", "cluster", "--name", self.name, "--image", image,
                "--config", self.places.state / "kind.json", "--kubeconfig", self.kubeconfig, "--wait", _WAIT,
            )  # fmt: skip
            self.kubeconfig.chmod(0o600)
            # kind waits for the control plane alone
            self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", f"--timeout={_WAIT}")

    def _delete_nodes(self) -> None:
        (self.places.state / "created.json").unlink(missing_ok=True)
        self._kind("delete", "cluster", "--name", self.name, "--kubeconfig", self.kubeconfig)

    def _delete_network(self) -> None:
        try:
            self.engine.docker("network", "rm", _NETWORK)
        except CommandFailed as failure:
            say(f"the network {_NETWORK} stays: {failure.last_words}")  # another kind cluster uses it

    def _answers(self) -> bool:
        """Tell whether the nodes that are there are Ready, or will be soon: after a stop of the engine they start anew."""
        for node in self.node_names():
            self.start_node(node)
        deadline = monotonic() + _ANSWER_SECONDS
        while monotonic() < deadline:
            try:
                self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=5s", "--request-timeout=5s")
            except LocalError:
                sleep(0.5)
            else:
                return True
        return False

    def _containers(self) -> list[str]:
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        return self.engine.docker("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()

    def _kind(self, *arguments: Argument) -> str:
        environment = {**self.engine.environment, "KIND_EXPERIMENTAL_PROVIDER": "docker"}
        log = self._cache.log(f"kind-{self.name}")
        return run([self.binaries.program("kind"), *arguments], environment=environment, log=log)

    def _write(self, name: str, text: str) -> None:
        (self.places.state / name).write_text(text, encoding="utf-8")

    def _read(self, name: str) -> str:
        file = self.places.state / name
        return file.read_text(encoding="utf-8") if file.exists() else ""
