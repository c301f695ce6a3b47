"""What threatens Docker: its client, its daemon, images and registries."""

from __future__ import annotations

from stridegate.model.threats.claims import threat

DOCKER_CLIENT = (
    threat("docker-client-spoofing", "S", "N", "Somebody poses as a legitimate client of the Docker daemon."),
    threat(
        "docker-client-takeover",
        "T",
        "N",
        "An attacker gains control of a Docker client, and through it of the daemon.",
    ),
    threat("hardcoded-client-secrets", "I", "N", "Passwords and tokens stand readable in configuration files."),
    threat(
        "client-compromise-after-crash",
        "D",
        "N",
        "A daemon that fell over on a shared machine leaves its clients open to attack.",
        unseen="The compromise leaves nothing to see; what softens the crash does.",
    ),
    threat(
        "docker-client-config-tampering",
        "T",
        "N",
        "The configuration of a Docker client is changed.",
        unseen="Only clients on nodes are within sight.",
    ),
    threat(
        "content-trust-not-exported",
        "T",
        "N",
        "The shell that pulls images does not ask for signatures.",
        unseen="The environment of a shell is out of sight, and neither kubelet nor runtimes read the variable.",
    ),
    threat(
        "docker-client-compromise",
        "S",
        "NC",
        "The machine of an administrator is taken over, with the credentials on it.",
        unseen="An administrator's machine is no node; what its credentials open is the nearest signal.",
    ),
    threat(
        "client-authorization-abuse",
        "E",
        "NC",
        "Rights that were given for ordinary work are used for privileged changes.",
    ),
    threat(
        "client-traffic-interception",
        "S",
        "N",
        "Traffic between client, daemon and registry is read, changed or repeated.",
    ),
    threat("client-traffic-without-tls", "S", "N", "A client's traffic crosses the network unencrypted."),
)


DOCKER_DAEMON = (
    threat(
        "insecure-docker-defaults",
        "I",
        "N",
        "Docker's settings are left at defaults that are convenient rather than safe.",
    ),
    threat(
        "docker-socket-unit-tampering", "T", "N", "The unit file of Docker's socket can be changed by others than root."
    ),
    threat(
        "docker-remote-api-alteration",
        "T",
        "N",
        "Whoever may write the socket's unit file decides who reaches Docker's API.",
    ),
    threat(
        "docker-daemon-overload",
        "D",
        "N",
        "A flood of requests brings the Docker daemon down.",
        unseen="Docker bounds no requests; who may ask, and what a flood can use up, is all there is to judge.",
    ),
    threat("docker-daemon-spoofing", "S", "N", "Something else answers in the Docker daemon's place."),
    threat("docker-daemon-config-tampering", "T", "N", "The configuration of the Docker daemon is changed."),
    threat(
        "daemon-config-exploited-from-container",
        "T",
        "N",
        "From inside a container the engine's own configuration is reached and turned against the node.",
    ),
    threat("unaudited-docker-data", "R", "N", "Changes to Docker's data leave no trace in the audit log."),
    threat("unaudited-docker-config", "R", "N", "Changes to Docker's configuration leave no trace in the audit log."),
    threat("unaudited-docker-unit", "R", "N", "Changes to Docker's service unit leave no trace in the audit log."),
    threat(
        "docker-socket-wrong-owner",
        "T",
        "N",
        "Docker's socket belongs to somebody else than root and the docker group.",
    ),
    threat("docker-socket-too-open", "T", "NR", "Docker's socket is open to more than its owner and its group."),
    threat("daemon-json-wrong-owner", "T", "N", "The daemon's configuration file belongs to somebody who is not root."),
    threat(
        "daemon-json-too-open", "T", "N", "The daemon's configuration file may be written by others than its owner."
    ),
)


IMAGES = (
    threat(
        "dockerfile-tampering",
        "T",
        "C",
        "The build instructions of an image are changed, so that every build carries the change.",
        unseen="A Dockerfile is on no node and in no request; who built the image is the nearest signal.",
    ),
    threat(
        "flawed-image-libraries",
        "E",
        "C",
        "Libraries inside images have known flaws that lead to further rights.",
        unseen="Which flaws are known is in feeds that nothing here fetches.",
    ),
    threat(
        "supply-chain-injection",
        "T",
        "C",
        "Harmful code reaches a cluster inside something that looks like a trusted image.",
    ),
    threat(
        "secrets-in-dockerfile",
        "I",
        "",
        "Passwords and tokens are baked in as an image is built.",
        unseen="The history of a build is seen neither at admission nor on a node: only what a pod repeats is.",
    ),
    threat(
        "unnecessary-image-packages",
        "E",
        "C",
        "An image carries tools that the application does not need and an intruder does.",
        unseen="What is unnecessary is a judgement; shells, package managers and size are the signal.",
    ),
    threat("spoofed-image", "S", "C", "A look-alike name makes people run somebody else's image."),
    threat(
        "unsigned-image-pull",
        "T",
        "NC",
        "Images are run without a signature that anybody checked.",
        unseen="The webhook asks no registry; a verifying plugin beside it is the gate.",
    ),
    threat(
        "unverified-publisher",
        "S",
        "C",
        "Nobody proves who made an image and from what.",
        unseen="The webhook asks no registry; a verifying plugin beside it is the gate.",
    ),
    threat("malware-image-pull", "S", "", "A node pulls and runs an image that is not the one that was reviewed."),
    threat(
        "outdated-vulnerable-image",
        "T",
        "C",
        "An image that nobody renews keeps flaws that were mended long ago.",
        unseen="Which flaws are known is in feeds that nothing here fetches.",
    ),
    threat(
        "dockerfile-misconfiguration",
        "T",
        "CR",
        "An image is built carelessly: as root, writable, with too much in it.",
        unseen="The Dockerfile is out of sight; what it leads to is not.",
    ),
)


REGISTRIES = (
    threat(
        "unauthorized-image-commit",
        "R",
        "NC",
        "An image is published by somebody who has no right to, and nobody can tell afterwards who it was.",
        unseen="Who published an image stands in the registry's own log.",
    ),
    threat(
        "registry-certificate-exposure",
        "I",
        "N",
        "The certificates and keys for registries can be read or written too widely.",
    ),
    threat(
        "registry-certificate-full-access",
        "I",
        "N",
        "Ordinary users of the node own the registries' certificates or may change them.",
    ),
    threat("malicious-registry-image", "ST", "NC", "A harmful image is placed in a registry that people pull from."),
    threat("registry-spoofing", "S", "N", "Something else answers in a registry's place."),
    threat("image-insecurity", "T", "C", "What an image holds is not what its name promises."),
    threat(
        "open-source-flaws",
        "T",
        "C",
        "Software from elsewhere brings its flaws along.",
        unseen="Which flaws are known is in feeds that nothing here fetches.",
    ),
    threat(
        "registry-compromise",
        "T",
        "N",
        "The registry itself falls into wrong hands.",
        unseen="How a registry itself is run cannot be seen from its users.",
    ),
)
