"""What threatens what a cluster is made of: control plane, etcd, kubelets, nodes and the cloud under them."""

from __future__ import annotations

from stridegate.model.threats.claims import threat

CONTROL_PLANE = (
    threat("spoofed-api-caller", "S", "NC", "Somebody sends requests to the API server in another's name."),
    threat(
        "unauthorized-apiserver-change",
        "R",
        "NC",
        "The API server's configuration is changed, and it cannot be told by whom.",
    ),
    threat(
        "insecure-kubernetes-defaults",
        "S",
        "NC",
        "A fresh cluster permits what nobody would permit on purpose.",
        by_policies=True,
    ),
    threat("apiserver-overload", "D", "NC", "A flood of requests keeps the API server from answering anybody."),
    threat(
        "path-to-cluster-admin", "E", "C", "One pod's credentials lead step by step to rights over the whole cluster."
    ),
    threat(
        "apiserver-kubelet-spoofing",
        "S",
        "N",
        "API server and kubelet talk to each other without proof of who is there.",
    ),
    threat("weak-tls-ciphers", "S", "N", "Connections are protected by ciphers or versions that can be broken."),
    threat(
        "public-api-exposure",
        "S",
        "NC",
        "The API server can be reached from the internet.",
        unseen="Which networks a cloud lets through is known to its own API alone.",
    ),
    threat(
        "apiserver-without-tls-tunnel",
        "S",
        "N",
        "The way to the API server is not protected from end to end.",
        unseen="The tunnel itself is out of sight; what the API server demands of its callers is not.",
    ),
    threat(
        "internet-reachable-control-plane",
        "I",
        "NC",
        "The control plane answers the internet.",
        unseen="Which networks a cloud lets through is known to its own API alone.",
    ),
    threat(
        "unrevocable-certificate",
        "R",
        "NC",
        "A client certificate that leaked stays good until it expires.",
        unseen="Certificates that were issued cannot be listed; requests for them, and files on nodes, are the signal.",
    ),
)


ETCD = (
    threat(
        "etcd-disclosure", "I", "N", "The cluster's database, secrets included, is read by others than the API server."
    ),
    threat(
        "etcd-config-tampering",
        "T",
        "N",
        "etcd's configuration or data is changed, and with it what runs in the cluster.",
    ),
    threat("loose-etcd-file-permissions", "T", "N", "Others than root may write, or read, etcd's manifest."),
    threat("etcd-manifest-not-root-owned", "T", "N", "etcd's manifest belongs to somebody who is not root."),
    threat("etcd-unencrypted-at-rest", "I", "N", "Secrets lie in etcd's files, and in their backups, as plain text."),
    threat("etcd-reachable-by-others", "I", "N", "etcd talks to others than the API server, or without certificates."),
    threat(
        "etcd-other-traffic-accepted",
        "I",
        "N",
        "Connections to etcd from elsewhere are not turned away.",
        unseen="A firewall cannot be read; that a connection without credentials fails can be tried.",
    ),
    threat(
        "etcd-plaintext-traffic", "I", "N", "What etcd and its clients or peers say to each other can be overheard."
    ),
)


KUBELET = (
    threat("kubelet-config-tampering", "T", "N", "The files that configure the kubelet are changed."),
    threat("kube-proxy-disclosure", "I", "N", "kube-proxy gives away credentials, or facts about the network."),
    threat("unauthorized-kubelet-change", "R", "N", "The kubelet is told to do things, and it cannot be told by whom."),
    threat(
        "kubelet-privilege-elevation",
        "E",
        "NC",
        "Access to a kubelet is turned into rights over its node and the cluster.",
    ),
    threat("kubelet-allows-every-request", "E", "N", "A kubelet does whatever it is asked without checking rights."),
    threat("kubelet-authentication-without-tls", "R", "N", "A kubelet does not ask its callers for certificates."),
    threat(
        "weak-kubelet-authentication",
        "R",
        "N",
        "Passwords, static tokens or nothing at all are good enough as credentials.",
    ),
    threat(
        "kubelet-unprotected-kernel",
        "D",
        "N",
        "The node's kernel is left with settings under which it fails under load.",
    ),
    threat("node-runtime-exposure", "T", "N", "kubelet and kube-proxy offer more than the cluster needs of them."),
)


NODE = (
    threat("host-filesystem-exposure", "I", "NR", "Loose permissions or mounts on the node lay its files open."),
    threat("unauthenticated-management-access", "E", "N", "A management port answers whoever reaches it."),
    threat("docker-host-misconfiguration", "T", "N", "The node under the containers is itself badly set up."),
    threat("internet-reachable-nodes", "I", "C", "Nodes and what runs on them answer the internet."),
    threat(
        "node-resource-exhaustion", "D", "NCR", "Disk, memory or process ids of a node run out, and its pods with them."
    ),
    threat("finding-appears-with-its-file", "", "N", "A fault shows only once the file that it concerns exists."),
)


CLOUD = (
    threat("cloud-provider-link", "I", "NC", "Credentials for the cloud's own API can be had from inside the cluster."),
    threat(
        "cloud-controller-separation",
        "I",
        "N",
        "Parts that hold the cloud's credentials are not kept apart from the rest.",
        unseen="The roles that a cloud gives its accounts cannot be read from the cluster.",
    ),
)
