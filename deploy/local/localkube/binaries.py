"""The programs of a cluster, each built from a pinned Go module (`modules/<name>/go.mod` and `go.sum`).

The go.mod is the one place that names a version. A module that only lists tools needs no code of its own: the go
command builds a required module's main package by its path.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from localkube import debian
from localkube.cache import Cache, digest
from localkube.commands import Argument, last_words
from localkube.errors import CommandFailed, NetworkUnreachable, UnknownTool
from localkube.places import RECIPES
from localkube.progress import step
from localkube.toolchain import Toolchain
from localkube.versions import KubernetesVersion, required_version

_BUILD = ("build", "-mod=readonly", "-trimpath", "-buildvcs=false")
_NO_NETWORK = ("dial tcp", "no such host", "i/o timeout", "connection refused", "TLS handshake timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A pinned module and the programs that come from it."""

    name: str
    packages: Mapping[str, str]
    """Program name to Go package; none where only the files beside its code are of use."""
    expect: str
    """How long a cold build takes on two cores, for the progress line."""
    version_variable: str = ""
    """The Go variable that tells the program its own version; set by the linker."""
    version_prefix: str = "v"
    tags: str = ""
    debian_packages: tuple[str, ...] = ()
    """What its C code needs; a module that needs none is built without cgo."""
    path: str = ""
    """Its own path; absent: that of its first program."""

    def version(self) -> str:
        """Read the version from the go.mod."""
        text = (RECIPES / "modules" / self.name / "go.mod").read_text(encoding="utf-8")
        return required_version(text, self.inside())

    def inside(self) -> str:
        """Return its path, or one inside it."""
        return self.path or next(iter(self.packages.values()))


_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins/plugins"
MODULES = (
    Module(name="etcd", packages={"etcd": "go.etcd.io/etcd/server/v3"}, expect="about 30 s"),
    Module(name="kind", packages={"kind": "sigs.k8s.io/kind"}, expect="less than a minute"),
    Module(
        name="helm",
        packages={"helm": "helm.sh/helm/v4/cmd/helm"},
        expect="about 90 s",
        version_variable="helm.sh/helm/v4/internal/version.version",
    ),
    Module(
        name="crictl",
        packages={"crictl": "sigs.k8s.io/cri-tools/cmd/crictl"},
        expect="about 30 s",
        version_variable="sigs.k8s.io/cri-tools/pkg/version.Version",
    ),
    Module(
        name="containerd",
        packages={
            program: f"{_CONTAINERD}/cmd/{program}" for program in ("containerd", "ctr", "containerd-shim-runc-v2")
        },
        expect="about 70 s",
        version_variable=f"{_CONTAINERD}/version.Version",
        tags="no_btrfs,no_devmapper,no_zfs",  # snapshotters that kind's nodes do not use
    ),
    Module(
        name="runc",
        packages={"runc": "github.com/opencontainers/runc"},
        expect="about 20 s",
        version_variable="main.version",
        version_prefix="",
        tags="seccomp",
        # libseccomp, and the C code that enters namespaces before Go's runtime starts
        debian_packages=("gcc", "libc6-dev", "libseccomp-dev", "pkg-config"),
    ),
    Module(
        name="cni-plugins",
        packages={
            "ptp": f"{_CNI}/main/ptp",
            "loopback": f"{_CNI}/main/loopback",
            "host-local": f"{_CNI}/ipam/host-local",
            "portmap": f"{_CNI}/meta/portmap",
        },
        expect="about 10 s",
    ),
    # Proves the chart's alerts, without the places that Prometheus finds its targets in, which double its size.
    Module(
        name="promtool",
        packages={"promtool": "github.com/prometheus/prometheus/cmd/promtool"},
        expect="about 2 min",
        tags="remove_all_sd",
    ),
    # What the scanner is measured against; nothing else needs it.
    Module(name="kube-bench", packages={"kube-bench": "github.com/aquasecurity/kube-bench"}, expect="some minutes"),
    # Where the kind ClusterReport is defined. It carries no licence text, so that it is fetched, and no copy is kept here.
    Module(name="openreports", packages={}, expect="a second", path="github.com/openreports/reports-api"),
)

KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubeadm",
    "kubectl",
)
PROGRAMS = (*KUBERNETES_PROGRAMS, *(program for module in MODULES for program in module.packages))
_KUBERNETES_SOURCE = RECIPES / "modules" / "kubernetes"


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The programs for one Kubernetes version; each module is built when its first program is asked for."""

    cache: Cache
    kubernetes: KubernetesVersion

    def program(self, name: str) -> Path:
        """Return the path of a program. Raises CommandFailed, NetworkUnreachable and what finding Go raises."""
        if name in KUBERNETES_PROGRAMS:
            return self.kubernetes_folder() / name
        if name not in PROGRAMS:
            raise UnknownTool(name, PROGRAMS)
        module = next(module for module in MODULES if name in module.packages)
        return self._built(module) / name

    def kubernetes_folder(self) -> Path:
        """Return the folder with `kube` and its seven names."""
        source = _KUBERNETES_SOURCE / self.kubernetes.number
        key = digest([_KUBERNETES_SOURCE / "main.go", source, kubernetes_linker_flags(self.kubernetes)])
        name = f"kubernetes-{self.kubernetes.number}"
        return self.cache.built(name, key, lambda place: self._build_kubernetes(place, name), gib=8)

    def module_source(self, name: str) -> Path:
        """Return the folder of a module's own source, for files that it carries beside its code."""
        module = next(module for module in MODULES if module.name == name)
        text = (RECIPES / "modules" / name / "go.mod").read_text(encoding="utf-8")
        path = module.inside()
        while f"\t{path} v" not in text:
            path = path.rpartition("/")[0]
        folder = RECIPES / "modules" / name
        self._toolchain.run("mod", "download", path, folder=folder)
        return Path(self._toolchain.run("list", "-m", "-f", "{{.Dir}}", path, folder=folder).strip())

    @cached_property
    def _toolchain(self) -> Toolchain:
        return Toolchain.find(self.cache)  # only when something is built: a warm start needs no Go at all

    def _built(self, module: Module) -> Path:
        version = module.version()
        flags = "-s -w"
        if module.version_variable:
            flags += f" -X {module.version_variable}={module.version_prefix}{version.removeprefix('v')}"
        key = digest([RECIPES / "modules" / module.name, flags, module.tags, *module.packages])

        def build(place: Path) -> None:
            debian.ensure(module.debian_packages, purpose=f"building {module.name}", log=self.cache.log("debian"))
            _ = self._toolchain  # fetched, if it has to be, under its own line of progress
            with step(f"building {module.name} {version}", expect=f"first time only, {module.expect}"):
                for program, package in module.packages.items():
                    arguments: list[Argument] = [
                        *_BUILD,
                        "-tags",
                        module.tags,
                        "-ldflags",
                        flags,
                        "-o",
                        place / program,
                        package,
                    ]
                    self._compile(
                        module.name, RECIPES / "modules" / module.name, arguments, cgo=bool(module.debian_packages)
                    )

        return self.cache.built(f"{module.name}-{version.removeprefix('v')}", key, build, gib=4)

    def _build_kubernetes(self, place: Path, name: str) -> None:
        # The go command wants main.go beside go.mod; every version has its own go.mod and shares main.go.
        source = place / "source"
        shutil.copytree(_KUBERNETES_SOURCE / self.kubernetes.number, source)
        shutil.copy(_KUBERNETES_SOURCE / "main.go", source)
        _ = self._toolchain
        with step(f"building Kubernetes {self.kubernetes.number}", expect="first time only, about 5 min"):
            flags = kubernetes_linker_flags(self.kubernetes)
            self._compile(name, source, [*_BUILD, "-ldflags", flags, "-o", place / "kube", "."])
        shutil.rmtree(source)
        for program in KUBERNETES_PROGRAMS:
            (place / program).symlink_to("kube")

    def _compile(self, name: str, folder: Path, arguments: list[Argument], *, cgo: bool = False) -> None:
        log = self.cache.log(name)
        try:
            self._toolchain.run(*arguments, folder=folder, log=log, cgo=cgo)
        except CommandFailed as failure:
            if any(sign in last_words(log, lines=20) for sign in _NO_NETWORK):
                raise NetworkUnreachable(f"the Go modules of {name}", log) from failure
            raise


def kubernetes_linker_flags(version: KubernetesVersion) -> str:
    """Write the version into the programs: a build without these reports v0.0.0, which clients refuse to compare."""
    facts = {
        "gitVersion": str(version),
        "gitMajor": str(version.major),
        "gitMinor": str(version.minor),
        "gitTreeState": "clean",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(
        ["-s", "-w", *(f"-X {package}.{name}={fact}" for package in packages for name, fact in facts.items())]
    )
