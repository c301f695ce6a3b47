"""Everything that can go wrong here, as one tree: each error owns the one sentence that the user reads.

LocalError
├── CommandFailed          a program that we called ended with an error
├── ProgramMissing         a program that we cannot install is not there
├── NotRoot                a step needs root
├── UnsuitableName         a cluster's name that neither kind nor a folder could have
├── UnsupportedMachine     neither amd64 nor arm64, or not Linux
├── UnknownTool            a program that is not built here
├── UnsupportedVersion     a Kubernetes version without a pinned module
├── TooLittleDisk          less room than a step is known to need
├── PackagesUnavailable    a Debian package could not be installed
├── NetworkUnreachable     a download failed for want of a network
├── ToolchainUnavailable   no Go that is new enough, and none to be had
├── PortTaken              a port that was asked for is in use
├── NotReady               a server did not answer in time
├── OwnedByAnotherCheckout the cluster of that name belongs to another working copy
├── ForeignCluster         a cluster of that name exists that nobody made from here
├── NoEngine               no container engine, and none could be started
├── ImageMissing           an image that should be loaded is not in the engine
├── NotRunning             the cluster that a command works on is not there
├── NotInTime              something that should happen on a cluster did not, in time
└── DemoBroken             the demo cannot show what it promises, or may not go on
"""

from collections.abc import Iterable, Sequence
from pathlib import Path


class LocalError(Exception):
    """What the user is told, in one sentence, instead of a traceback."""


class CommandFailed(LocalError):
    """A program that we called ended with an error."""

    def __init__(self, command: Sequence[str], code: int, last_words: str, log: Path | None = None) -> None:
        """Take the command line, its exit code, what it said last and where all of it was written."""
        self.code = code
        self.last_words = last_words
        where = f" (log: {log})" if log else ""
        says = f": {last_words}" if last_words else ""
        super().__init__(f"`{_shortened(command)}` ended with code {code}{says}{where}")


class ProgramMissing(LocalError):
    """A program that we cannot install is not there."""

    def __init__(self, program: str, remedy: str) -> None:
        """Take the program's name and what the user can do."""
        super().__init__(f"the program {program} is missing: {remedy}")


class NotRoot(LocalError):
    """A step needs root."""

    def __init__(self, step: str) -> None:
        """Take what needs root, as a noun phrase."""
        super().__init__(f"{step} needs root: run the command as root or with sudo")


class UnsuitableName(LocalError):
    """A cluster's name that neither kind nor a folder could have."""

    def __init__(self, name: str) -> None:
        """Take the name."""
        super().__init__(f"CLUSTER={name} is no name for a cluster: at most 40 small letters, digits and inner hyphens")


class UnsupportedMachine(LocalError):
    """Neither amd64 nor arm64, or not Linux."""

    def __init__(self, system: str, machine: str) -> None:
        """Take what the machine calls itself."""
        super().__init__(f"the local cluster runs on Linux on x86_64 or aarch64, this machine is {system} on {machine}")


class UnknownTool(LocalError):
    """A program that is not built here."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Take what was asked for and what there is."""
        super().__init__(f"{name} is not built here: {', '.join(known)} are")


class UnsupportedVersion(LocalError):
    """A Kubernetes version without a pinned module."""

    def __init__(self, version: str, supported: Iterable[str]) -> None:
        """Take what was asked for and what there is."""
        super().__init__(f"KUBERNETES={version} is not a version that can be built here: {', '.join(supported)} are")


class TooLittleDisk(LocalError):
    """Less room than a step is known to need."""

    def __init__(self, folder: Path, wanted_gib: float, free_gib: float) -> None:
        """Take the folder and both sizes in GiB."""
        super().__init__(f"{folder} needs {wanted_gib:.0f} GiB of free disk, there are {free_gib:.1f} GiB")


class PackagesUnavailable(LocalError):
    """A Debian package could not be installed."""

    def __init__(self, packages: Iterable[str], why: str) -> None:
        """Take the packages' names and the reason."""
        super().__init__(f"the Debian packages {' '.join(packages)} could not be installed: {why}")


class NetworkUnreachable(LocalError):
    """A download failed for want of a network."""

    def __init__(self, what: str, log: Path) -> None:
        """Take what was to be downloaded, and the log."""
        super().__init__(f"{what} could not be downloaded: is there a network, or a proxy to set? (log: {log})")


class ToolchainUnavailable(LocalError):
    """No Go that is new enough, and none to be had."""

    def __init__(self, wanted: str, why: str) -> None:
        """Take the least version and the reason that none could be fetched."""
        super().__init__(f"Go {wanted} or newer is not on PATH and could not be installed: {why}")


class PortTaken(LocalError):
    """A port that was asked for is in use."""

    def __init__(self, port: int, purpose: str, remedy: str) -> None:
        """Take the port, what wants it and what the user can do."""
        super().__init__(f"port {port} on 127.0.0.1, wanted for {purpose}, is taken: {remedy}")


class NotReady(LocalError):
    """A server did not answer in time."""

    def __init__(self, server: str, seconds: float, last_words: str, log: Path) -> None:
        """Take who, how long we waited, what it said last and its log."""
        says = f"; it last said: {last_words}" if last_words else ""
        super().__init__(f"{server} was not ready after {seconds:.0f} s{says} (log: {log})")


class OwnedByAnotherCheckout(LocalError):
    """The cluster of that name belongs to another working copy."""

    def __init__(self, name: str, owner: str, mine: Path) -> None:
        """Take the cluster's name, the checkout that made it and the one that asks."""
        super().__init__(
            f'the local cluster "{name}" belongs to the checkout {owner}, not to {mine}: '
            f"run there, or choose another name for this one with CLUSTER=another-name"
        )


class ForeignCluster(LocalError):
    """A cluster of that name exists that nobody made from here."""

    def __init__(self, name: str) -> None:
        """Take the cluster's name."""
        super().__init__(
            f'there is a kind cluster "{name}" that was not made from here: '
            f"delete it yourself, or choose another name with CLUSTER=another-name"
        )


class NoEngine(LocalError):
    """No container engine, and none could be started."""

    def __init__(self, why: str) -> None:
        """Take the reason."""
        super().__init__(f"no container engine is running and none could be started: {why}")


class ImageMissing(LocalError):
    """An image that should be loaded is not in the engine."""

    def __init__(self, image: str) -> None:
        """Take the image's tag."""
        super().__init__(f"the image {image} is not in the container engine: build it first")


class NotRunning(LocalError):
    """The cluster that a command works on is not there."""

    def __init__(self, name: str, remedy: str) -> None:
        """Take the cluster's name and the command that makes it."""
        super().__init__(f'there is no local cluster "{name}": {remedy}')


class NotInTime(LocalError):
    """Something that should happen on a cluster did not, in time."""

    def __init__(self, what: str, seconds: float) -> None:
        """Take what was waited for, as a sentence's beginning, and how long."""
        super().__init__(f"{what}: not within {seconds:.0f} s")


class DemoBroken(LocalError):
    """The demo cannot show what it promises, or may not go on."""

    def __init__(self, sentence: str) -> None:
        """Take the whole sentence."""
        super().__init__(sentence)


def _shortened(command: Sequence[str]) -> str:
    words = " ".join(command)
    return words if len(words) <= 100 else words[:97] + "…"
