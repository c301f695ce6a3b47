"""What Docker's daemon is switched to for every container that it starts."""

from __future__ import annotations

from collections.abc import Mapping

from stridegate.model.nodes.answers import Absent, FileStatus, Unreadable
from stridegate.model.nodes.docker import Daemon
from stridegate.model.nodes.docker_rules import configured, daemon_rule, judged, running, switch_rule, verdict
from stridegate.model.nodes.nodes import Node, NotReadable
from stridegate.model.nodes.queries import Document, FileStatusOf, FileText, KubeletPods, Syntax
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_BUILT_IN_SECCOMP = frozenset({"", "builtin", "default"})


def _live_restore(docker: Daemon, node: Node) -> Verdict:
    setting = docker.truth("live-restore", default=False)
    found = judged(docker, setting, lambda value: value, wanted="live-restore=true")
    if found.state is State.FAIL:
        state_file = f"{docker.data_root}/swarm/docker-state.json"
        if node.get(FileStatusOf(state_file)) is not None:
            evidence = Evidence(source=Source.FILE, path=state_file)
            return verdict(docker, State.PASS, "swarm, which live restore excludes", evidence)
    return found


def _user_namespaces(docker: Daemon, node: Node) -> Verdict:
    if docker.process is not None and docker.process.uid != 0:
        return verdict(docker, State.PASS, f"rootless, uid {docker.process.uid}")
    setting = docker.text("userns-remap", "")
    if setting.value:
        user = "dockremap" if setting.value == "default" else setting.value.partition(":")[0]
        lacking = [path for path in ("/etc/subuid", "/etc/subgid") if not _mentions(node, path, user)]
        if lacking:
            return verdict(
                docker, State.WARN, f"{setting.said}, but {' and '.join(lacking)} lack {user}", setting.evidence
            )
        return verdict(docker, State.PASS, setting.said, setting.evidence)
    pods = node.get(KubeletPods())
    if pods and all(_own_users(pod) for pod in pods):
        evidence = Evidence(source=Source.KUBELET, path="/pods")
        return verdict(docker, State.PASS, "every pod has hostUsers: false", evidence)
    return verdict(docker, State.FAIL, setting.said, setting.evidence)


def _mentions(node: Node, path: str, user: str) -> bool:
    """Return whether a file of subordinate ids has a line for a user (subuid(5))."""
    text = node.get(FileText(path)) or ""
    return any(line.partition(":")[0] == user for line in text.splitlines())


def _own_users(pod: Mapping[str, object]) -> bool:
    spec = pod.get("spec")
    return isinstance(spec, Mapping) and spec.get("hostUsers") is False


def _seccomp(docker: Daemon, node: Node) -> Verdict:
    setting = docker.text("seccomp-profile", "")
    if setting.value == "unconfined" or setting.value in _BUILT_IN_SECCOMP:
        return judged(docker, setting, lambda value: value != "unconfined", wanted="not unconfined")
    profile = node.look(Document(setting.value, Syntax.JSON))
    if isinstance(profile, Unreadable):
        raise NotReadable(profile)
    if isinstance(profile, Absent):
        return verdict(docker, State.WARN, f"{setting.said}, which is absent", setting.evidence)
    permits = not isinstance(profile, Mapping) or profile.get("defaultAction") in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")
    state, what = (State.FAIL, ", which permits by default") if permits else (State.PASS, "")
    return verdict(docker, state, f"{setting.said}{what}", setting.evidence)


def _authorization(docker: Daemon, node: Node) -> Verdict:
    setting = docker.members("authorization-plugins")
    if not setting.value:
        return judged(docker, setting, bool, wanted="a plugin")
    sockets = [f"/run/docker/plugins/{name}.sock" for name in setting.value]
    for answer in node.look_at([FileStatusOf(path) for path in sockets]):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, FileStatus) and answer.uid != 0:
            evidence = Evidence(source=Source.FILE, path=answer.path)
            return verdict(
                docker, State.FAIL, f"its socket belongs to uid {answer.uid}", evidence, wanted="root's socket"
            )
    # A plugin without such a socket is one that the daemon runs itself; one that is missing makes it refuse every request.
    return judged(docker, setting, bool)


RULES: tuple[NodeRule, ...] = (
    switch_rule(
        "inter-container-communication",
        (Severity.HIGH, Stride.INFORMATION_DISCLOSURE),
        (CisDocker("2.2"), CisDocker("5.30", "5.29")),
        setting="icc",
        default=True,
        wanted=False,
        wrong="Containers on the default bridge may talk to each other.",
        threat="One container reads and forges what its neighbours send, and reaches ports that were never published.",
        threats=frozenset({"network-spoofing-to-host", "default-bridge-traffic"}),
    ),
    switch_rule(
        "docker-new-privileges",
        (Severity.HIGH, Stride.ELEVATION),
        (CisDocker("2.14"),),
        setting="no-new-privileges",
        default=False,
        wanted=True,
        wrong="Containers may gain privileges by default.",
        threat="A setuid program in an image makes root of a container's user. Pods have a setting of their own (privilege-escalation).",
        threats=frozenset({"suid-privilege-gain", "missing-no-new-privileges-option"}),
    ),
    switch_rule(
        "docker-userland-proxy",
        (Severity.LOW, Stride.INFORMATION_DISCLOSURE),
        (CisDocker("2.16"),),
        setting="userland-proxy",
        default=True,
        wanted=False,
        wrong="Docker publishes ports by a proxy process.",
        threat="Connections through the proxy hide who the client is, and each port costs a process with the daemon's rights.",
    ),
    switch_rule(
        "docker-experimental-features",
        (Severity.MEDIUM, Stride.ELEVATION),
        (CisDocker("2.18"),),
        setting="experimental",
        default=False,
        wanted=False,
        wrong="Docker's experimental features are on.",
        threat="Features that are not finished have had less review, and run as root.",
    ),
    daemon_rule(
        "missing-live-restore",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("2.15"),),
        wrong="Containers stop when Docker's daemon does.",
        threat="A crash or an upgrade of the daemon takes every container down, and makes people put off upgrades.",
        wants="run with live-restore on, unless it is in a swarm",
        fix='Set "live-restore": true in daemon.json.',
        judge=_live_restore,
        threats=frozenset({"client-compromise-after-crash"}),
        examples=(
            running("by default", State.FAIL),
            running("on", State.PASS, files=configured(live_restore=True)),
            running("by flag", State.PASS, "--live-restore"),
            running("off by flag", State.FAIL, "--live-restore=false"),
            running("in a swarm", State.PASS, files={"/var/lib/docker/swarm/docker-state.json": HostFile(text="{}")}),
        ),
    ),
    daemon_rule(
        "docker-without-user-namespaces",
        (Severity.MEDIUM, Stride.ELEVATION),
        (CisDocker("2.9"),),
        wrong="Root in a container is root on the host.",
        threat="Whoever breaks out of a container as root owns the host and every other container on it.",
        wants="run with userns-remap, as a user other than root, or only pods with hostUsers: false",
        fix='Set "userns-remap": "default" in daemon.json.',
        judge=_user_namespaces,
        threats=frozenset({"cross-container-access"}),
        examples=(
            running("by default", State.FAIL),
            running("switched off by hand", State.FAIL, files=configured(userns_remap="")),
            running(
                "remapped",
                State.PASS,
                files={
                    **configured(userns_remap="default"),
                    "/etc/subuid": HostFile(text="dockremap:100000:65536\n", mode=0o644),
                    "/etc/subgid": HostFile(text="dockremap:100000:65536\n", mode=0o644),
                },
            ),
            running("remapped to a user without ids", State.WARN, "--userns-remap=alice:alice"),
            running("rootless", State.PASS, uid=1000),
            running(
                "every pod has users of its own",
                State.PASS,
                answers={KubeletPods(): ({"spec": {"hostUsers": False}}, {"spec": {"hostUsers": False}})},
            ),
            running(
                "one pod has the host's users",
                State.FAIL,
                answers={KubeletPods(): ({"spec": {"hostUsers": False}}, {"spec": {}})},
            ),
        ),
    ),
    daemon_rule(
        "docker-unconfined-seccomp",
        (Severity.MEDIUM, Stride.ELEVATION),
        (CisDocker("2.17"),),
        wrong="Docker starts containers without a seccomp profile.",
        threat="Every system call of the kernel, and every bug in one, can be reached from every container.",
        wants="run with the built-in seccomp profile, or one that refuses by default",
        fix="Remove seccomp-profile from daemon.json.",
        judge=_seccomp,
        examples=(
            running("by default", State.PASS),
            running("built in", State.PASS, "--seccomp-profile", "builtin"),
            running("unconfined in daemon.json", State.FAIL, files=configured(seccomp_profile="unconfined")),
            running("unconfined by flag", State.FAIL, "--seccomp-profile", "unconfined"),
            running(
                "a profile that refuses by default",
                State.PASS,
                "--seccomp-profile=/etc/docker/seccomp.json",
                files={"/etc/docker/seccomp.json": HostFile(text='{"defaultAction": "SCMP_ACT_ERRNO"}', mode=0o644)},
            ),
            running(
                "a profile that permits by default",
                State.FAIL,
                "--seccomp-profile=/etc/docker/seccomp.json",
                files={"/etc/docker/seccomp.json": HostFile(text='{"defaultAction": "SCMP_ACT_ALLOW"}', mode=0o644)},
            ),
            running("a profile that is absent", State.WARN, "--seccomp-profile=/etc/docker/seccomp.json"),
        ),
    ),
    daemon_rule(
        "missing-docker-authorization-plugin",
        (Severity.MEDIUM, Stride.ELEVATION),
        (CisDocker("2.12"),),
        wrong="Whoever may talk to Docker's daemon may do everything.",
        threat="Without an authorization plugin every client of the socket is root on the node.",
        wants="run with an authorization plugin whose socket belongs to root",
        fix='Set "authorization-plugins": ["NAME"] in daemon.json.',
        judge=_authorization,
        threats=frozenset({"docker-client-takeover", "docker-daemon-overload", "client-authorization-abuse"}),
        examples=(
            running("by default", State.FAIL),
            running("an empty list", State.FAIL, files=configured(authorization_plugins=[])),
            running("a plugin", State.PASS, files=configured(authorization_plugins=["opa"])),
            running("a plugin by flag", State.PASS, "--authorization-plugin=opa"),
            running("no list", State.UNKNOWN, files=configured(authorization_plugins="opa")),
            running(
                "a plugin with another user's socket",
                State.FAIL,
                "--authorization-plugin=opa",
                files={"/run/docker/plugins/opa.sock": HostFile(uid=1000, mode=0o660)},
            ),
        ),
    ),
)
