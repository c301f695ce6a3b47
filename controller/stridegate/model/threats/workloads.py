"""What threatens what runs in a cluster: containers and pods."""

from __future__ import annotations

from stridegate.model.threats.claims import threat

WORKLOADS = (
    threat(
        "unlimited-container-memory", "D", "CR", "A container has no limit on its memory and takes what the node has."
    ),
    threat(
        "unlimited-container-restarts",
        "D",
        "C",
        "A container that keeps failing is started again without end.",
        unseen="Kubernetes caps the retries of a Job, never the restarts of a Deployment's containers.",
    ),
    threat(
        "privileged-exec-command",
        "E",
        "",
        "A command is run inside a container with more rights than the container itself has.",
        unseen="kubectl exec knows no rights beyond the container's own, so who may enter which pod is all there is to refuse.",
    ),
    threat("shared-host-network", "I", "R", "A container uses the node's own network and sees all of its traffic."),
    threat(
        "unbound-host-port",
        "I",
        "CR",
        "A published port listens on every network of the node instead of the one that is meant.",
    ),
    threat(
        "disabled-seccomp",
        "E",
        "NR",
        "A container may make every system call, since its seccomp profile is switched off.",
    ),
    threat("privileged-flag-on-container", "E", "R", "A container is started privileged and so has the node's powers."),
    threat("privileged-pod-abuse", "E", "R", "A pod is granted powers over its node that its work does not need."),
    threat("root-container-process", "E", "R", "The processes of a container run as root."),
    threat(
        "late-privilege-drop",
        "E",
        "R",
        "A container starts as root and is trusted to become somebody else on its own.",
        unseen="An image's own USER is not in the pod; runAsNonRoot makes the kubelet look at it.",
    ),
    threat("writable-golden-image", "T", "R", "What an image brought can be changed while its container runs."),
    threat(
        "undeclared-write-paths",
        "T",
        "",
        "A container writes where nobody expects it, so tampering does not stand out.",
    ),
    threat("suid-privilege-gain", "E", "NR", "A program with the setuid or setgid bit gives its caller more rights."),
    threat("lost-no-new-privileges", "E", "R", "A child process gains rights that its parent had given up for good."),
    threat(
        "sidecar-namespace-spoofing",
        "S",
        "R",
        "A container that shares its neighbour's processes takes the neighbour's place.",
    ),
    threat(
        "isolation-tampering",
        "T",
        "R",
        "The boundaries between a container, its neighbours and the node are bent or removed.",
    ),
    threat(
        "network-spoofing-to-host",
        "E",
        "NCR",
        "By forging traffic an attacker moves on to the node and to other containers.",
    ),
    threat("net-raw-by-default", "S", "N", "Every pod may forge packets unless somebody forbids it."),
    threat("raw-packet-injection", "S", "R", "A pod sends handmade packets into the cluster's network."),
    threat(
        "malicious-container-out-of-scope",
        "E",
        "C",
        "A hostile container is counted as the user's own problem, so nothing stands in its way.",
        by_policies=True,
    ),
    threat("cross-container-access", "E", "N", "Root in one container is root in the next one on the same node."),
    threat(
        "missing-read-only-flag",
        "T",
        "R",
        "A container is started without the flag that makes its root filesystem read-only.",
    ),
    threat(
        "missing-no-new-privileges-option",
        "E",
        "N",
        "A container is started without the option that forbids further rights.",
    ),
    threat("default-bridge-traffic", "I", "NC", "Containers on one bridge hear and reach each other freely."),
    threat("noisy-neighbour", "D", "NC", "One container's hunger leaves the others without memory or time."),
    threat("container-escape", "E", "NR", "A process leaves its container and acts on the node."),
)
