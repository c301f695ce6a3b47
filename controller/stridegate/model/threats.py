"""The threats that Stridegate answers, each with its STRIDE letters and the claim in a sentence. Rules name those they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stridegate.model.vocabulary import Stride


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One claim of the threat model.

    `by_policies` says that no single rule answers it, but that policies are there and deny. A remark has no letters.
    """

    slug: str
    stride: frozenset[Stride]
    claim: str
    by_policies: bool = False


def _threat(slug: str, letters: str, claim: str, *, by_policies: bool = False) -> Threat:
    return Threat(slug=slug, stride=frozenset(map(Stride, letters)), claim=claim, by_policies=by_policies)


_ALL = (
    _threat("unlimited-container-memory", "D", "A container has no limit on its memory and takes what the node has."),
    _threat("unlimited-container-restarts", "D", "A container that keeps failing is started again without end."),
    _threat(
        "privileged-exec-command",
        "E",
        "A command is run inside a container with more rights than the container itself has.",
    ),
    _threat("shared-host-network", "I", "A container uses the node's own network and sees all of its traffic."),
    _threat(
        "unbound-host-port",
        "I",
        "A published port listens on every network of the node instead of the one that is meant.",
    ),
    _threat(
        "disabled-seccomp", "E", "A container may make every system call, since its seccomp profile is switched off."
    ),
    _threat("docker-client-spoofing", "S", "Somebody poses as a legitimate client of the Docker daemon."),
    _threat(
        "docker-client-takeover", "T", "An attacker gains control of a Docker client, and through it of the daemon."
    ),
    _threat(
        "dockerfile-tampering",
        "T",
        "The build instructions of an image are changed, so that every build carries the change.",
    ),
    _threat(
        "unauthorized-image-commit",
        "R",
        "An image is published by somebody who has no right to, and nobody can tell afterwards who it was.",
    ),
    _threat("host-filesystem-exposure", "I", "Loose permissions or mounts on the node lay its files open."),
    _threat(
        "insecure-docker-defaults", "I", "Docker's settings are left at defaults that are convenient rather than safe."
    ),
    _threat("privileged-flag-on-container", "E", "A container is started privileged and so has the node's powers."),
    _threat("flawed-image-libraries", "E", "Libraries inside images have known flaws that lead to further rights."),
    _threat("spoofed-api-caller", "S", "Somebody sends requests to the API server in another's name."),
    _threat("kubelet-config-tampering", "T", "The files that configure the kubelet are changed."),
    _threat(
        "unauthorized-apiserver-change",
        "R",
        "The API server's configuration is changed, and it cannot be told by whom.",
    ),
    _threat("kube-proxy-disclosure", "I", "kube-proxy gives away credentials, or facts about the network."),
    _threat("privileged-pod-abuse", "E", "A pod is granted powers over its node that its work does not need."),
    _threat(
        "docker-socket-unit-tampering", "T", "The unit file of Docker's socket can be changed by others than root."
    ),
    _threat(
        "docker-remote-api-alteration",
        "T",
        "Whoever may write the socket's unit file decides who reaches Docker's API.",
    ),
    _threat(
        "registry-certificate-exposure",
        "I",
        "The certificates and keys for registries can be read or written too widely.",
    ),
    _threat(
        "registry-certificate-full-access",
        "I",
        "Ordinary users of the node own the registries' certificates or may change them.",
    ),
    _threat("root-container-process", "E", "The processes of a container run as root."),
    _threat(
        "late-privilege-drop", "E", "A container starts as root and is trusted to become somebody else on its own."
    ),
    _threat("writable-golden-image", "T", "What an image brought can be changed while its container runs."),
    _threat(
        "undeclared-write-paths", "T", "A container writes where nobody expects it, so tampering does not stand out."
    ),
    _threat("suid-privilege-gain", "E", "A program with the setuid or setgid bit gives its caller more rights."),
    _threat("lost-no-new-privileges", "E", "A child process gains rights that its parent had given up for good."),
    _threat(
        "sidecar-namespace-spoofing",
        "S",
        "A container that shares its neighbour's processes takes the neighbour's place.",
    ),
    _threat(
        "isolation-tampering",
        "T",
        "The boundaries between a container, its neighbours and the node are bent or removed.",
    ),
    _threat("malicious-registry-image", "ST", "A harmful image is placed in a registry that people pull from."),
    _threat(
        "supply-chain-injection",
        "T",
        "Harmful code reaches a cluster inside something that looks like a trusted image.",
    ),
    _threat("hardcoded-client-secrets", "I", "Passwords and tokens stand readable in configuration files."),
    _threat("secrets-in-dockerfile", "I", "Passwords and tokens are baked in as an image is built."),
    _threat("docker-daemon-overload", "D", "A flood of requests brings the Docker daemon down."),
    _threat(
        "client-compromise-after-crash",
        "D",
        "A daemon that fell over on a shared machine leaves its clients open to attack.",
    ),
    _threat(
        "network-spoofing-to-host", "E", "By forging traffic an attacker moves on to the node and to other containers."
    ),
    _threat(
        "unnecessary-image-packages",
        "E",
        "An image carries tools that the application does not need and an intruder does.",
    ),
    _threat(
        "insecure-kubernetes-defaults",
        "S",
        "A fresh cluster permits what nobody would permit on purpose.",
        by_policies=True,
    ),
    _threat("net-raw-by-default", "S", "Every pod may forge packets unless somebody forbids it."),
    _threat("raw-packet-injection", "S", "A pod sends handmade packets into the cluster's network."),
    _threat("unauthorized-kubelet-change", "R", "The kubelet is told to do things, and it cannot be told by whom."),
    _threat("apiserver-overload", "D", "A flood of requests keeps the API server from answering anybody."),
    _threat("etcd-disclosure", "I", "The cluster's database, secrets included, is read by others than the API server."),
    _threat(
        "malicious-container-out-of-scope",
        "E",
        "A hostile container is counted as the user's own problem, so nothing stands in its way.",
        by_policies=True,
    ),
    _threat("path-to-cluster-admin", "E", "One pod's credentials lead step by step to rights over the whole cluster."),
    _threat("unauthenticated-management-access", "E", "A management port answers whoever reaches it."),
    _threat("docker-daemon-spoofing", "S", "Something else answers in the Docker daemon's place."),
    _threat("registry-spoofing", "S", "Something else answers in a registry's place."),
    _threat("spoofed-image", "S", "A look-alike name makes people run somebody else's image."),
    _threat("docker-client-config-tampering", "T", "The configuration of a Docker client is changed."),
    _threat("docker-daemon-config-tampering", "T", "The configuration of the Docker daemon is changed."),
    _threat("cross-container-access", "E", "Root in one container is root in the next one on the same node."),
    _threat(
        "apiserver-kubelet-spoofing", "S", "API server and kubelet talk to each other without proof of who is there."
    ),
    _threat("weak-tls-ciphers", "S", "Connections are protected by ciphers or versions that can be broken."),
    _threat(
        "etcd-config-tampering", "T", "etcd's configuration or data is changed, and with it what runs in the cluster."
    ),
    _threat("loose-etcd-file-permissions", "T", "Others than root may write, or read, etcd's manifest."),
    _threat("etcd-manifest-not-root-owned", "T", "etcd's manifest belongs to somebody who is not root."),
    _threat(
        "kubelet-privilege-elevation", "E", "Access to a kubelet is turned into rights over its node and the cluster."
    ),
    _threat("kubelet-allows-every-request", "E", "A kubelet does whatever it is asked without checking rights."),
    _threat("etcd-unencrypted-at-rest", "I", "Secrets lie in etcd's files, and in their backups, as plain text."),
    _threat("etcd-reachable-by-others", "I", "etcd talks to others than the API server, or without certificates."),
    _threat("etcd-other-traffic-accepted", "I", "Connections to etcd from elsewhere are not turned away."),
    _threat("kubelet-authentication-without-tls", "R", "A kubelet does not ask its callers for certificates."),
    _threat(
        "weak-kubelet-authentication", "R", "Passwords, static tokens or nothing at all are good enough as credentials."
    ),
    _threat("unsigned-image-pull", "T", "Images are run without a signature that anybody checked."),
    _threat("unverified-publisher", "S", "Nobody proves who made an image and from what."),
    _threat("content-trust-not-exported", "T", "The shell that pulls images does not ask for signatures."),
    _threat(
        "missing-read-only-flag",
        "T",
        "A container is started without the flag that makes its root filesystem read-only.",
    ),
    _threat(
        "missing-no-new-privileges-option",
        "E",
        "A container is started without the option that forbids further rights.",
    ),
    _threat("malware-image-pull", "S", "A node pulls and runs an image that is not the one that was reviewed."),
    _threat("outdated-vulnerable-image", "T", "An image that nobody renews keeps flaws that were mended long ago."),
    _threat(
        "daemon-config-exploited-from-container",
        "T",
        "From inside a container the engine's own configuration is reached and turned against the node.",
    ),
    _threat("default-bridge-traffic", "I", "Containers on one bridge hear and reach each other freely."),
    _threat("noisy-neighbour", "D", "One container's hunger leaves the others without memory or time."),
    _threat("public-api-exposure", "S", "The API server can be reached from the internet."),
    _threat("apiserver-without-tls-tunnel", "S", "The way to the API server is not protected from end to end."),
    _threat("etcd-plaintext-traffic", "I", "What etcd and its clients or peers say to each other can be overheard."),
    _threat(
        "kubelet-unprotected-kernel", "D", "The node's kernel is left with settings under which it fails under load."
    ),
    _threat("unaudited-docker-data", "R", "Changes to Docker's data leave no trace in the audit log."),
    _threat("unaudited-docker-config", "R", "Changes to Docker's configuration leave no trace in the audit log."),
    _threat("unaudited-docker-unit", "R", "Changes to Docker's service unit leave no trace in the audit log."),
    _threat(
        "docker-client-compromise", "S", "The machine of an administrator is taken over, with the credentials on it."
    ),
    _threat(
        "client-authorization-abuse", "E", "Rights that were given for ordinary work are used for privileged changes."
    ),
    _threat(
        "dockerfile-misconfiguration", "T", "An image is built carelessly: as root, writable, with too much in it."
    ),
    _threat(
        "client-traffic-interception", "S", "Traffic between client, daemon and registry is read, changed or repeated."
    ),
    _threat("client-traffic-without-tls", "S", "A client's traffic crosses the network unencrypted."),
    _threat("container-escape", "E", "A process leaves its container and acts on the node."),
    _threat("docker-host-misconfiguration", "T", "The node under the containers is itself badly set up."),
    _threat("image-insecurity", "T", "What an image holds is not what its name promises."),
    _threat("open-source-flaws", "T", "Software from elsewhere brings its flaws along."),
    _threat("registry-compromise", "T", "The registry itself falls into wrong hands."),
    _threat("internet-reachable-control-plane", "I", "The control plane answers the internet."),
    _threat("internet-reachable-nodes", "I", "Nodes and what runs on them answer the internet."),
    _threat("node-runtime-exposure", "T", "kubelet and kube-proxy offer more than the cluster needs of them."),
    _threat("cloud-provider-link", "I", "Credentials for the cloud's own API can be had from inside the cluster."),
    _threat(
        "cloud-controller-separation", "I", "Parts that hold the cloud's credentials are not kept apart from the rest."
    ),
    _threat("unrevocable-certificate", "R", "A client certificate that leaked stays good until it expires."),
    _threat("node-resource-exhaustion", "D", "Disk, memory or process ids of a node run out, and its pods with them."),
    _threat(
        "docker-socket-wrong-owner", "T", "Docker's socket belongs to somebody else than root and the docker group."
    ),
    _threat("docker-socket-too-open", "T", "Docker's socket is open to more than its owner and its group."),
    _threat("daemon-json-wrong-owner", "T", "The daemon's configuration file belongs to somebody who is not root."),
    _threat("daemon-json-too-open", "T", "The daemon's configuration file may be written by others than its owner."),
    _threat("finding-appears-with-its-file", "", "A fault shows only once the file that it concerns exists."),
)

THREATS: Mapping[str, Threat] = MappingProxyType({threat.slug: threat for threat in _ALL})
