"""How Docker's daemon runs: as whom, where it stores and logs, and what it limits."""

from __future__ import annotations

from collections.abc import Mapping

from stridegate.model.nodes.answers import Absent, FileKind, Mount
from stridegate.model.nodes.docker import Daemon
from stridegate.model.nodes.docker_rules import configured, daemon_rule, judged, running, verdict
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.queries import FileStatusOf, HostMounts, KubeletPods
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

# Log drivers that leave what was written on the node (docs.docker.com, "Supported logging drivers").
_LOCAL_DRIVERS = frozenset({"json-file", "journald", "local", "none", ""})
# Drivers whose files or journal a log agent on the node can read and send away.
_COLLECTED_DRIVERS = frozenset({"json-file", "journald", ""})
# Images of log agents, by the last part of their name.
_LOG_AGENTS = (
    "alloy",
    "beats",
    "datadog-agent",
    "agent-logs",
    "filebeat",
    "fluent-bit",
    "fluentd",
    "logstash",
    "opentelemetry-collector",
    "otelcol",
    "promtail",
    "splunk",
    "vector",
)


def _partition(docker: Daemon, node: Node) -> Verdict:
    root = node[FileStatusOf(docker.data_root)]
    mounts = node[HostMounts()]
    evidence = Evidence(source=Source.PROC, path="/proc/1/mountinfo")
    devices = {mount.point: mount.device for mount in mounts}
    above = max((point for point in devices if root.target.startswith(f"{point.rstrip('/')}/")), key=len, default="/")
    # dockerd mounts its data on itself where the host's mounts are private (daemon_linux.go, setupDaemonRootPropagation):
    # a mount point, and no room of its own.
    if devices.get(root.target, devices.get(above)) == devices.get(above):
        return verdict(docker, State.FAIL, f"{root.target} shares the file system of {above}", evidence)
    return verdict(docker, State.PASS, f"{root.target} is a file system of its own", evidence)


def _rootful(docker: Daemon, _: Node) -> Verdict:
    if docker.process is None:
        raise NotThere(Absent("dockerd"))
    uid = docker.process.uid
    return verdict(docker, State.WARN if uid == 0 else State.PASS, f"uid {uid}", wanted="a uid other than 0")


def _log_level(docker: Daemon, _: Node) -> Verdict:
    debug = docker.truth("debug", default=False)
    level = docker.text("log-level", "info")
    found = judged(docker, debug, lambda value: not value, wanted="debug=false")
    if found.state is not State.PASS:
        return found
    if level.value in {"debug", "trace"} or level.contradicted in {"debug", "trace"}:
        return verdict(docker, State.FAIL, level.said, level.evidence, wanted="log-level=info")
    return judged(docker, level, lambda value: value == "info", State.WARN, wanted="log-level=info")


def _log_driver(docker: Daemon, node: Node) -> Verdict:
    driver = docker.text("log-driver", "json-file")
    found = judged(docker, driver, lambda value: value not in _LOCAL_DRIVERS, wanted="a driver that sends logs away")
    if found.state is State.FAIL and driver.value in _COLLECTED_DRIVERS:
        agent = next((name for pod in node.get(KubeletPods()) or () if (name := _log_agent(pod))), "")
        if agent:
            return verdict(
                docker, State.PASS, f"{driver.said}, read by {agent}", Evidence(source=Source.KUBELET, path="/pods")
            )
    return found


def _log_agent(pod: Mapping[str, object]) -> str:
    """Return the name of a pod of a DaemonSet that runs a log agent, by its images; empty for another pod."""
    metadata, spec = pod.get("metadata"), pod.get("spec")
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
        return ""
    owners = metadata.get("ownerReferences") or ()
    of_daemon_set = any(isinstance(each, Mapping) and each.get("kind") == "DaemonSet" for each in owners)
    containers = [each for each in spec.get("containers") or () if isinstance(each, Mapping)]
    names = [str(each.get("image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0] for each in containers]
    agent = any(name.startswith(_LOG_AGENTS) for name in names)
    return f"{metadata.get('namespace')}/{metadata.get('name')}" if of_daemon_set and agent else ""


def _storage_driver(docker: Daemon, _: Node) -> Verdict:
    driver = docker.text("storage-driver", "overlay2")
    if driver.value in {"devicemapper", "vfs"}:
        return verdict(docker, State.WARN, driver.said, driver.evidence, wanted="overlay2")
    return judged(docker, driver, lambda value: value != "aufs", wanted="overlay2")


def _ulimits(docker: Daemon, _: Node) -> Verdict:
    limits = docker.names("default-ulimits")
    lacking = [name for name in ("nofile", "nproc") if name not in limits.value]
    state, observed = (State.WARN, f"no {' and no '.join(lacking)}") if lacking else (State.PASS, limits.said)
    return verdict(docker, state, observed, limits.evidence, wanted="nofile and nproc")


def _cgroup_parent(docker: Daemon, _: Node) -> Verdict:
    return judged(docker, docker.text("cgroup-parent", ""), lambda value: not value, wanted="unset")


def _base_size(docker: Daemon, _: Node) -> Verdict:
    options = docker.members("storage-opts")
    return judged(docker, options, lambda members: not any(each.startswith("dm.basesize") for each in members))


def _on_mounts(title: str, state: State, *mounts: Mount) -> NodeExample:
    mounts = (_mount("/", "8:1"), *mounts)
    files = {"/var/lib/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o710)}
    return running(title, state, files=files, answers={HostMounts(): mounts})


def _mount(point: str, device: str, root: str = "/") -> Mount:
    return Mount(point=point, root=root, source="/dev/sda", file_system="ext4", device=device)


def _with_agent(title: str, state: State, driver: str, image: str, owner: str = "DaemonSet") -> NodeExample:
    pod = {
        "metadata": {"name": "agent-x", "namespace": "logging", "ownerReferences": [{"kind": owner, "name": "agent"}]},
        "spec": {"containers": [{"name": "agent", "image": image}]},
    }
    return running(title, state, f"--log-driver={driver}", answers={KubeletPods(): (pod,)})


RULES: tuple[NodeRule, ...] = (
    daemon_rule(
        "shared-docker-partition",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("1.1.1"),),
        wrong="Docker keeps images and containers on a file system that the host needs too.",
        threat="Images, layers and logs of containers fill the disk, and the host stops working.",
        wants="keep its data on a file system of its own",
        fix="Mount a file system at the data root (/var/lib/docker).",
        remedy=Remedy.HOST,
        judge=_partition,
        threats=frozenset({"host-filesystem-exposure"}),
        examples=(
            _on_mounts("of its own", State.PASS, _mount("/var/lib/docker", "8:2")),
            _on_mounts("shared", State.FAIL, _mount("/var/lib/docker/overlay2/x/merged", "0:50")),
            _on_mounts("mounted on itself", State.FAIL, _mount("/var/lib/docker", "8:1", "/var/lib/docker")),
            _on_mounts("with what is above it", State.FAIL, _mount("/var/lib", "8:2")),
            running(
                "elsewhere",
                State.FAIL,
                "--data-root=/srv/docker",
                files={"/srv/docker": HostFile(kind=FileKind.DIRECTORY, mode=0o710)},
                answers={HostMounts(): (_mount("/", "8:1"), _mount("/var/lib/docker", "8:2"))},
            ),
        ),
    ),
    daemon_rule(
        "rootful-docker-daemon",
        (Severity.LOW, Stride.ELEVATION),
        (CisDocker("2.1"),),
        wrong="Docker's daemon runs as root.",
        threat="A flaw in the daemon, or anybody who may talk to it, is root on the node.",
        wants="run as a user other than root",
        fix="Run Docker rootless: dockerd-rootless-setuptool.sh install.",
        judge=_rootful,
        examples=(
            running("as root", State.WARN),
            running("rootless", State.PASS, uid=1000),
            NodeExample(title="not running", state=State.NOT_APPLICABLE, files=configured()),
        ),
    ),
    daemon_rule(
        "docker-debug-logging",
        (Severity.LOW, Stride.INFORMATION_DISCLOSURE),
        (CisDocker("2.3"),),
        wrong="Docker's daemon logs at another level than info.",
        threat="Debug logs show what containers are started with, secrets included; sparser ones do not show what happened.",
        wants="log at level info, with debug off",
        fix='Remove "debug" and "log-level" from daemon.json.',
        judge=_log_level,
        examples=(
            running("by default", State.PASS),
            running("info", State.PASS, "-l", "info"),
            running("debug level", State.FAIL, "-l", "debug"),
            running("debug flag", State.FAIL, "-D"),
            running("debug in daemon.json", State.FAIL, files=configured(debug=True)),
            running("debug level in daemon.json", State.FAIL, files=configured(log_level="debug")),
            running("errors alone", State.WARN, "--log-level=error"),
        ),
    ),
    daemon_rule(
        "aufs-storage-driver",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("2.6"),),
        wrong="Docker stores layers with a driver that is not maintained.",
        threat="aufs is no part of the kernel and known to crash it; devicemapper and vfs are removed or waste the disk.",
        wants="not use aufs",
        fix='Set "storage-driver": "overlay2" in daemon.json.',
        judge=_storage_driver,
        examples=(
            running("by default", State.PASS),
            running("overlay2", State.PASS, files=configured(storage_driver="overlay2")),
            running("aufs", State.FAIL, files=configured(storage_driver="aufs")),
            running("aufs by flag", State.FAIL, "-s", "aufs"),
            running("devicemapper", State.WARN, "--storage-driver=devicemapper"),
            running("vfs", State.WARN, "--storage-driver=vfs"),
        ),
    ),
    daemon_rule(
        "missing-docker-ulimits",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("2.8"),),
        wrong="Containers have no default limits of open files and processes.",
        threat="One container opens files or forks until the host has none left.",
        wants="give containers default limits of nofile and nproc",
        fix='Set nofile and nproc under "default-ulimits" in daemon.json.',
        judge=_ulimits,
        threats=frozenset({"docker-daemon-overload"}),
        examples=(
            running("by default", State.WARN),
            running("both", State.PASS, "--default-ulimit", "nofile=1024:2048", "--default-ulimit=nproc=512"),
            running("both in daemon.json", State.PASS, files=configured(default_ulimits={"nofile": {}, "nproc": {}})),
            running("one", State.WARN, files=configured(default_ulimits={"nofile": {"Name": "nofile", "Hard": 64000}})),
        ),
    ),
    daemon_rule(
        "docker-cgroup-parent",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("2.10"),),
        wrong="Docker puts containers under another cgroup than its own.",
        threat="Limits of that cgroup, or the lack of any, hold for every container without anybody expecting it.",
        wants="leave cgroup-parent unset",
        fix="Remove cgroup-parent from daemon.json.",
        judge=_cgroup_parent,
        examples=(
            running("by default", State.PASS),
            running("another", State.FAIL, files=configured(cgroup_parent="/foobar")),
            running("another by flag", State.FAIL, "--cgroup-parent", "/foobar"),
        ),
    ),
    daemon_rule(
        "docker-base-device-size",
        (Severity.LOW, Stride.DENIAL_OF_SERVICE),
        (CisDocker("2.11"),),
        wrong="Docker's base device size is changed.",
        threat="Larger root file systems let one container fill the pool that all share.",
        wants="leave dm.basesize unset",
        fix="Remove dm.basesize from storage-opts in daemon.json.",
        judge=_base_size,
        examples=(
            running("by default", State.PASS),
            running("changed", State.FAIL, files=configured(storage_opts=["dm.basesize=50G"])),
            running("changed by flag", State.FAIL, "--storage-opt", "dm.basesize=50G"),
            running("another option", State.PASS, files=configured(storage_opts=["overlay2.size=10G"])),
        ),
    ),
    daemon_rule(
        "local-docker-logging",
        (Severity.LOW, Stride.REPUDIATION),
        (CisDocker("2.13"),),
        wrong="Logs of containers stay on the node.",
        threat="Whoever takes over the node, or fills its disk, deletes the traces.",
        wants="send logs to another machine, by the log driver or by a log agent's DaemonSet",
        fix='Set "log-driver" in daemon.json to one that sends logs away, or run a log agent.',
        judge=_log_driver,
        examples=(
            running("by default", State.FAIL),
            running("sent away", State.PASS, files=configured(log_driver="fluentd")),
            running("local", State.FAIL, files=configured(log_driver="local")),
            running("the journal", State.FAIL, "--log-driver=journald"),
            _with_agent(
                "read by an agent", State.PASS, "json-file", "registry.example.com/fluent/fluent-bit:3@sha256:0"
            ),
            _with_agent("in a format that no agent reads", State.FAIL, "local", "fluent-bit"),
            _with_agent("an agent on this node by chance", State.FAIL, "json-file", "fluent-bit", "ReplicaSet"),
            _with_agent("another DaemonSet", State.FAIL, "json-file", "node-exporter:1"),
        ),
    ),
)
