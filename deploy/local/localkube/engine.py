"""The container engine: the user's own Docker where one runs, else Debian's, started by us and stopped by us.

Ours is one per machine, shared by all clusters of this kind: two engines would fight over iptables' chains. It has
its own socket, data and runtime folders, and no default bridge. An engine that was running is never touched.
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from localkube import debian, kernel_settings
from localkube.cache import Cache, locked
from localkube.commands import Argument, last_words, on_path, run, succeeds
from localkube.errors import CommandFailed, NoEngine, NotReady, NotRoot
from localkube.machine import lacks_sys_resource
from localkube.mounts import remove_tree, unmount_below
from localkube.places import RECIPES
from localkube.progress import say, step

_RUNTIME_FOLDER = Path("/run/stridegate")
"""Socket, process id, containerd's state: short, since a socket's path may have 107 characters."""
_SOCKET = _RUNTIME_FOLDER / "docker.sock"
_PID = _RUNTIME_FOLDER / "dockerd.pid"
_BEFORE = _RUNTIME_FOLDER / "before.json"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_PULL_DECISION_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine, spoken to with the `docker` command."""

    ours: bool
    environment: Mapping[str, str]
    """What programs that call docker (kind) need in their environment."""

    def docker(self, *arguments: Argument, log: Path | None = None, stdin: str | None = None) -> str:
        """Run a docker command and return its stdout. Raises CommandFailed."""
        return run(["docker", *arguments], environment=self.environment, log=log, stdin=stdin)

    def has_image(self, tag: str) -> bool:
        """Tell whether the engine has an image of that name."""
        return succeeds(["docker", "image", "inspect", tag], environment=self.environment)

    def has_network(self, name: str) -> bool:
        """Tell whether the engine has a network of that name."""
        return succeeds(["docker", "network", "inspect", name], environment=self.environment)

    def import_root(self, archive: Path, tag: str, changes: Sequence[str]) -> None:
        """Make an image of a root file system's tar; `changes` are lines of a Dockerfile."""
        options = [word for change in changes for word in ("--change", change)]
        self.docker("import", *options, archive, tag)

    def forget_images(self, pattern: str, *, but: str) -> None:
        """Remove images of ours whose tag fits the pattern, except one, and except those that containers still use."""
        for tag in self.docker("images", "--format", "{{.Repository}}:{{.Tag}}", pattern).split():
            if tag != but:
                succeeds(["docker", "image", "rm", tag], environment=self.environment)

    def can_pull(self, image: str) -> bool:
        """Ask the image's registry for it, and decide in ten seconds."""
        return succeeds(
            ["docker", "manifest", "inspect", image], environment=self.environment, timeout=_PULL_DECISION_SECONDS
        )

    def pull(self, image: str, log: Path) -> bool:
        """Pull an image that `can_pull`; False where the registry gives up on the way."""
        try:
            with step(f"pulling {image}", expect="first time only"):
                self.docker("pull", "--quiet", image, log=log)
        except CommandFailed as failure:
            say(f"{image} cannot be pulled after all ({failure.last_words}): building it instead")
            return False
        return True


def running() -> Engine | None:
    """Find an engine that answers: the user's first."""
    if not on_path("docker"):
        return None
    if _answers({}):
        return Engine(ours=False, environment={})
    return _our_engine() if _answers(_our_environment()) else None


def ensure(cache: Cache) -> Engine:
    """Find a running engine or start one. Raises NoEngine, NotRoot, NotReady, PackagesUnavailable."""
    found = running()
    if found:
        return found
    if os.geteuid() != 0:
        raise NotRoot("starting a container engine, since none is running that this user may use,")
    _RUNTIME_FOLDER.mkdir(mode=0o700, exist_ok=True)
    with locked(_RUNTIME_FOLDER / "lock", waiting_for="another run that starts the container engine"):
        if not _answers(_our_environment()):
            _install(cache.log("debian"))
            _start(cache)
    return _our_engine()


def stop_ours(cache: Cache) -> None:
    """Stop our engine and take away what it left on the machine; its images stay in the cache. Harmless when it is not there."""
    if not _RUNTIME_FOLDER.exists():
        return
    pid = _engine_pid()
    if pid:
        with step("stopping the container engine"):
            _end(pid, cache.log("engine"))
    if _BEFORE.exists():
        kernel_settings.restore(json.loads(_BEFORE.read_text(encoding="utf-8")))
    unmount_below(_data(cache))
    _remove_empty_folders()
    remove_tree(_RUNTIME_FOLDER)


def kind_clusters_of_ours() -> list[str]:
    """List the kind clusters whose nodes live in our engine; none where it does not run."""
    if not _answers(_our_environment()):
        return []
    label = "io.x-k8s.kind.cluster"
    names = _our_engine().docker("ps", "--all", "--filter", f"label={label}", "--format", f'{{{{.Label "{label}"}}}}')
    return sorted(set(names.split()))


def _our_environment() -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{_SOCKET}", "DOCKER_CONTEXT": "", "DOCKER_TLS_VERIFY": ""}


def _our_engine() -> Engine:
    return Engine(ours=True, environment=_our_environment())


def _answers(environment: Mapping[str, str]) -> bool:
    return succeeds(["docker", "version", "--format", "{{.Server.Version}}"], environment=environment, timeout=10)


def _data(cache: Cache) -> Path:
    return cache.root / "engine"


def _install(log: Path) -> None:
    if not on_path("dockerd") or not on_path("docker"):
        debian.ensure(["docker.io", "iptables"], purpose="kind, as no container engine is running", log=log)
    if not on_path("dockerd"):
        raise NoEngine("Debian's docker.io brought no dockerd")


def _start(cache: Cache) -> None:
    if not _BEFORE.exists():
        _BEFORE.write_text(json.dumps(kernel_settings.remember()), encoding="utf-8")
    runtime_folder = _RUNTIME_FOLDER / "engine"
    command: list[Argument] = [
        on_path("dockerd") or "dockerd", "--host", f"unix://{_SOCKET}", "--group", "root",
        "--data-root", _data(cache), "--exec-root", runtime_folder, "--pidfile", _PID,
        "--bridge", "none",  # kind makes a network of its own; nothing here uses the default one
    ]  # fmt: skip
    if lacks_sys_resource():
        # Privileged containers ask for every capability, and this machine cannot give one of them.
        command += ["--add-runtime", f"within-reach={RECIPES / 'engine' / 'runc-caps'}"]
        command += ["--default-runtime", "within-reach"]
    log = cache.log("engine")
    log.parent.mkdir(parents=True, exist_ok=True)
    _PID.unlink(missing_ok=True)
    with step("starting a container engine of our own (Debian's Docker)"), log.open("ab") as sink:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        deadline = monotonic() + _START_SECONDS
        while not _answers(_our_environment()):
            if process.poll() is not None:
                raise NoEngine(f"{last_words(log, lines=1)} (log: {log})")
            if monotonic() > deadline:
                process.terminate()
                raise NotReady("dockerd", _START_SECONDS, last_words(log, lines=1), log)
            sleep(0.2)
    # The engine outlives us and is ended by its process id; without this, Python complains that nobody waited for it.
    process.returncode = 0


def _engine_pid() -> int | None:
    """Read the process id of our engine; None when that process is gone or is another program by now."""
    try:
        pid = int(_PID.read_text(encoding="utf-8"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(_SOCKET).encode() in command else None


def _end(pid: int, log: Path) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = monotonic() + _STOP_SECONDS
    while _engine_pid():
        if monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            raise NotReady("the end of dockerd", _STOP_SECONDS, last_words(log, lines=1), log)
        sleep(0.1)


def _remove_empty_folders() -> None:
    """Remove the `docker` cgroups and folders for plugins and sockets, which outlive the engine; rmdir refuses what is in use."""
    cgroups = (*Path("/sys/fs/cgroup").glob("*/docker"), Path("/sys/fs/cgroup/docker"))
    tops = (*cgroups, Path("/run/docker"), Path("/run/containerd"))
    for top in tops:
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            succeeds(["rmdir", folder])
        if top.is_dir():
            succeeds(["rmdir", top])
