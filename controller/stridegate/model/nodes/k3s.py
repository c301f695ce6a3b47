"""k3s, whose control plane runs inside one process: its own settings, and the flags that it gives each component.

What k3s gives a component stands in its source (pkg/daemons/control/server.go); what its owner adds, under
`kube-apiserver-arg` and the like, replaces that flag by flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stridegate.model.nodes.answers import Absent, Process
from stridegate.model.nodes.files import listed
from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.queries import Document, FileStatusOf, HostProcesses, Syntax
from stridegate.model.nodes.units import command, environment, unit

CONFIGURATION = "/etc/rancher/k3s/config.yaml"
# A node's k3s is a server, which runs pods too, or an agent.
_UNITS = {"server": "k3s.service", "agent": "k3s-agent.service"}

# The options that give a component's flags, by the component's name.
_OPTIONS = {
    "kube-apiserver": "kube-apiserver-arg",
    "kube-controller-manager": "kube-controller-manager-arg",
    "kube-scheduler": "kube-scheduler-arg",
}


@dataclass(frozen=True, slots=True)
class K3s:
    """The settings of a k3s: all values of each option, from its files and then from its command line.

    `hidden` says that its command line could not be seen: it writes its own anew, and has no unit.
    """

    options: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]
    hidden: bool = False

    def text(self, option: str) -> str:
        """Return an option's value, else that of its variable (K3S_…), empty where both are unset."""
        values = self.options.get(option, ())
        return values[-1] if values else self.variables.get(f"K3S_{option.upper().replace('-', '_')}", "")

    @property
    def data(self) -> str:
        """Where it keeps its files."""
        return self.text("data-dir").rstrip("/") or "/var/lib/rancher/k3s"

    @property
    def directory(self) -> str:
        """Where the server keeps its files."""
        return f"{self.data}/server"


def k3s_of(node: Node, role: str = "server") -> K3s:
    """Return how the k3s on a node is set up, `role` server or agent. Raises NotThere where none runs, NotReadable."""
    process = next((each for each in node[HostProcesses()] if _is(each, role)), None)
    if process is None:
        raise NotThere(Absent(f"k3s {role}"))
    options: dict[str, tuple[str, ...]] = {}
    paths = (CONFIGURATION, *listed(node, f"{CONFIGURATION}.d", "*.yaml"))
    node.look_at([Document(path, Syntax.YAML) for path in paths])
    for path in paths:
        document = node.get(Document(path, Syntax.YAML))
        for key, values in _entries(document):
            # A later file replaces, unless its key says that it adds.
            name = key.removesuffix("+")
            options[name] = (*options.get(name, ()), *values) if key.endswith("+") else values
    variables: Mapping[str, str] = {}
    words: Sequence[str] = process.argv
    try:
        service = unit(node, _UNITS[role])
    except NotThere:
        pass
    else:
        variables = environment(node, service)
        words = command(node, service)
    for flag in Flags.of(words[1:]).all:
        options[flag.name] = (*options.get(flag.name, ()), "true" if flag.value is None else flag.value)
    return K3s(options, variables, hidden=len(words) == 1)


def embedded_words(node: Node, name: str) -> tuple[str, ...]:
    """Return the flags that k3s gives one of its components. Raises NotThere, also for what is no component of k3s, NotReadable."""
    option = _OPTIONS.get(name)
    if option is None:
        raise NotThere(Absent(name))
    k3s = k3s_of(node)
    flags = dict(_given(k3s, node, name))
    for argument in k3s.options.get(option, ()):
        flag, equals, value = argument.removeprefix("--").partition("=")
        if flag.endswith("+"):
            flags[flag[:-1]] = ",".join(each for each in (flags.get(flag[:-1], ""), value) if each)
        else:
            flags[flag] = value if equals else "true"
    return tuple(f"--{flag}={value}" for flag, value in flags.items())


def _is(process: Process, role: str) -> bool:
    """Tell whether a process of the host is k3s in a role. It writes its own command line anew, as one word."""
    words = " ".join(process.argv).split()
    return (
        not process.pod_uid
        and len(process.namespace_pids) <= 1
        and len(words) > 1
        and base_name(words[0]) == "k3s"
        and words[1] == role
    )


def _entries(document: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, value in document.items() if isinstance(document, Mapping) else ():
        values: Iterable[object] = value if isinstance(value, list) else (value,)
        yield str(key), tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)


def _given(k3s: K3s, node: Node, name: str) -> Iterator[tuple[str, str]]:
    tls = f"{k3s.directory}/tls"
    yield "profiling", "false"
    yield "bind-address", "127.0.0.1"
    if name == "kube-controller-manager":
        yield "use-service-account-credentials", "true"
        yield "service-account-private-key-file", f"{tls}/service.current.key"
        yield "root-ca-file", f"{tls}/server-ca.crt"
    if name == "kube-apiserver":
        yield from _given_to_api_server(k3s, node, tls)


def _given_to_api_server(k3s: K3s, node: Node, tls: str) -> Iterator[tuple[str, str]]:
    yield "anonymous-auth", "false"
    yield "authorization-mode", "Node,RBAC"
    yield "enable-admission-plugins", "NodeRestriction"
    yield "enable-bootstrap-token-auth", "true"
    yield "client-ca-file", f"{tls}/client-ca.crt"
    yield "service-account-key-file", f"{tls}/service.key"
    for flag, path in (
        ("tls-cert-file", "serving-kube-apiserver.crt"),
        ("tls-private-key-file", "serving-kube-apiserver.key"),
        ("kubelet-certificate-authority", "server-ca.crt"),
        ("kubelet-client-certificate", "client-kube-apiserver.crt"),
        ("kubelet-client-key", "client-kube-apiserver.key"),
    ):
        yield flag, f"{tls}/{path}"
    if node.get(FileStatusOf(f"{k3s.directory}/db/etcd/config")) is None:
        yield "etcd-servers", f"unix://{k3s.directory}/kine.sock"
    else:
        yield "etcd-servers", "https://127.0.0.1:2379"
        yield "etcd-cafile", f"{tls}/etcd/server-ca.crt"
        yield "etcd-certfile", f"{tls}/etcd/client.crt"
        yield "etcd-keyfile", f"{tls}/etcd/client.key"
    if k3s.text("secrets-encryption") == "true":
        yield "encryption-provider-config", f"{k3s.directory}/cred/encryption-config.json"
