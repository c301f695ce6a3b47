"""kind's node image, built from Debian packages and Go modules: for machines that cannot pull `kindest/node`.

It follows kind's own `images/base/Dockerfile`, whose files it takes from kind's module, with three differences: netd
in the place of kindnetd, no CoreDNS (kubeadm is told to skip it), and no storage provisioner.
"""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localkube import debian
from localkube.binaries import KUBERNETES_PROGRAMS, Binaries
from localkube.cache import Cache, digest
from localkube.commands import Argument, run
from localkube.debian_root import DebianRoot, pack, unpack
from localkube.image_archives import Image, write_archive
from localkube.mounts import remove_tree
from localkube.places import RECIPES
from localkube.processes import Server
from localkube.progress import step

_FILES = RECIPES / "node"
_DEBIAN = DebianRoot(
    name="debian-node",
    purpose="the node image",
    packages=(
        "systemd", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "util-linux", "mount", "kmod",
        "libseccomp2", "pigz", "e2fsprogs", "bash", "ca-certificates", "curl", "jq", "procps", "socat",
    ),
)  # fmt: skip
_NODE_PROGRAMS = ("kubelet", "kubeadm", "kubectl")
_RUNTIME_PROGRAMS = ("containerd", "ctr", "containerd-shim-runc-v2", "runc", "crictl")
_CNI_PROGRAMS = ("host-local", "loopback", "ptp", "portmap")
_NETD_IMAGE = "localhost/kube:v1"
# The control plane's image needs no init system; what is bound for the node alone is left out of it as well.
_NOT_IN_CONTROL_PLANE = (
    "dev/*", "proc/*", "sys/*", "usr/bin/kube*", "usr/lib/systemd", "usr/share/perl*", "usr/lib/*/perl*",
    "usr/share/zoneinfo", "var/lib/dpkg", "kind", "usr/local", "opt", "etc/systemd", "etc/kubernetes",
)  # fmt: skip
_UNWANTED_UNITS = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/basic.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "etc/systemd/system/*.wants/*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeImage:
    """The recipe of one version's node image."""

    cache: Cache
    binaries: Binaries

    @property
    def tag(self) -> str:
        """The image's name in the engine; it changes with the recipe."""
        return f"localhost/stridegate-node:{self.binaries.kubernetes}-{self._digest}"

    @property
    def changes(self) -> tuple[str, ...]:
        """What the image says beside its files: systemd wants to know that it is in a container."""
        return ("ENV container=docker", 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]')

    def is_built(self) -> bool:
        """Tell whether the archive is in the cache."""
        return self.cache.entry(self._name, self._digest).is_dir()

    def archive(self) -> Path:
        """Return the node's root as a tar, to be imported. Raises NotRoot and what building the programs raises."""
        with ThreadPoolExecutor(max_workers=1) as background:
            root = background.submit(_DEBIAN.archive, self.cache)  # unpacking packages leaves the compiler room
            for program in (*_NODE_PROGRAMS, *_RUNTIME_PROGRAMS, *_CNI_PROGRAMS, "etcd"):
                self.binaries.program(program)
            root.result()
        return self.cache.built(self._name, self._digest, self._build, gib=5) / "node.tar"

    @property
    def _name(self) -> str:
        return f"node-image-{self.binaries.kubernetes.number}"

    @property
    def _digest(self) -> str:
        modules = (
            RECIPES / "modules" / name for name in ("kind", "etcd", "containerd", "runc", "cni-plugins", "crictl")
        )
        kubernetes = RECIPES / "modules" / "kubernetes"
        of_kubernetes = (kubernetes / "main.go", kubernetes / self.binaries.kubernetes.number)
        return digest([Path(__file__), _FILES, *of_kubernetes, *modules, _DEBIAN.digest])

    def _build(self, place: Path) -> None:
        log = self.cache.log("node-image")
        debian.ensure(["gcc", "libc6-dev"], purpose="the pause program", log=self.cache.log("debian"))
        bare = _DEBIAN.archive(self.cache)
        with step(f"building the node image for Kubernetes {self.binaries.kubernetes.number}", expect="about 1 min"):
            root = place / "root"
            unpack(bare, root)
            kind_files = self.binaries.module_source("kind") / "images" / "base" / "files"
            archives = [self._control_plane(place, root), self._pause(place, kind_files, log)]
            self._install(root, kind_files)
            self._preload(place, root, archives)
            pack(root, place / "node.tar")
            remove_tree(root)
            for leftover in archives:
                leftover.unlink()

    def _control_plane(self, place: Path, root: Path) -> Path:
        """One image under the names of all control plane components: the pod's command says which program runs."""
        layer, tree = place / "layer.tar", place / "layer"
        programs = tree / "usr" / "local" / "bin"
        programs.mkdir(parents=True)
        kube = programs / "kube-proxy"
        shutil.copy(self.binaries.kubernetes_folder() / "kube", kube)
        for name in (*KUBERNETES_PROGRAMS[:3], "kubectl"):
            (programs / name).hardlink_to(kube)
        for program in (self.binaries.program("etcd"), _FILES / "netd"):
            shutil.copy(program, programs)
        run(["tar", "-C", root, "--one-file-system", *(f"--exclude=./{path}" for path in _NOT_IN_CONTROL_PLANE),
             "-cf", layer, "."])  # fmt: skip
        run(["tar", "-C", tree, "--owner=0", "--group=0", "-rf", layer, "./usr/local"])
        shutil.rmtree(tree)
        wanted = run([self.binaries.program("kubeadm"), "config", "images", "list",
                      "--kubernetes-version", str(self.binaries.kubernetes)]).split()  # fmt: skip
        names = [name for name in wanted if "/coredns" not in name and "/pause" not in name]
        write_archive(place / "kube.tar", layer, [Image(names=[*names, _NETD_IMAGE])])
        layer.unlink()
        return place / "kube.tar"

    def _pause(self, place: Path, kind_files: Path, log: Path) -> Path:
        configuration = (kind_files / "etc/containerd/config.toml").read_text(encoding="utf-8")
        name = re.findall(r'sandbox_image = "(.*)"', configuration)[0]
        program, layer = place / "pause", place / "layer.tar"
        run(["gcc", "-Os", "-static", "-o", program, _FILES / "pause.c"], log=log)
        run(["tar", "-C", place, "--owner=0", "--group=0", "-cf", layer, "pause"])
        write_archive(place / "pause.tar", layer, [Image(names=[name], entrypoint="/pause")])
        program.unlink()
        layer.unlink()
        return place / "pause.tar"

    def _install(self, root: Path, kind_files: Path) -> None:
        """Do what kind's Dockerfile does."""
        _copy_contents(kind_files, root)
        executables = (root / "usr/local/bin/entrypoint", root / "kind", root / "kind/bin", *root.glob("kind/bin/*"))
        for path in executables:
            path.chmod(0o755)
        for folder in ("opt/cni/bin", "etc/kubernetes/manifests", "etc/cni/net.d", "kind/manifests"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        kubelet = root / "usr/bin/kubelet"
        shutil.copy(self.binaries.kubernetes_folder() / "kube", kubelet)
        for name in _NODE_PROGRAMS[1:]:
            (root / "usr/bin" / name).hardlink_to(kubelet)
        for names, folder in ((_RUNTIME_PROGRAMS, "usr/local/bin"), (_CNI_PROGRAMS, "opt/cni/bin")):
            for name in names:
                shutil.copy(self.binaries.program(name), root / folder)
        for manifest in ("default-cni.yaml", "default-storage.yaml"):
            shutil.copy(_FILES / manifest, root / "kind/manifests")
        (root / "kind/version").write_text(str(self.binaries.kubernetes), encoding="utf-8")
        self._configure_containerd(root)
        self._configure_systemd(root)

    def _configure_containerd(self, root: Path) -> None:
        configuration = root / "etc/containerd/config.toml"
        text = configuration.read_text(encoding="utf-8")
        # The node's containerd cannot lower scores below its own where CAP_SYS_RESOURCE is missing.
        text = text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")
        configuration.write_text(text, encoding="utf-8")
        container = json.loads(run([self.binaries.program("ctr"), "oci", "spec"]))
        container["hooks"] = {"createContainer": [{"path": "/kind/bin/mount-product-files.sh"}]}
        container["process"].pop("rlimits", None)
        (root / "etc/containerd/cri-base.json").write_text(json.dumps(container), encoding="utf-8")

    def _configure_systemd(self, root: Path) -> None:
        for pattern in _UNWANTED_UNITS:
            for unit in root.glob(pattern):
                unit.unlink()
        with (root / "etc/systemd/journald.conf").open("a", encoding="utf-8") as journal:
            journal.write("ReadKMsg=no\n")  # the host's kernel log is not the node's
        init = root / "sbin/init"
        init.unlink(missing_ok=True)
        init.symlink_to("/usr/lib/systemd/systemd")
        systemd = root / "etc/systemd/system"
        wants = systemd / "multi-user.target.wants"
        wants.mkdir(parents=True, exist_ok=True)
        for service in ("kubelet", "containerd", "undo-mount-hacks"):
            (wants / f"{service}.service").symlink_to(f"/etc/systemd/system/{service}.service")
        (systemd / "systemd-binfmt.service").symlink_to("/dev/null")  # it would register with the host's kernel

    def _preload(self, place: Path, root: Path, archives: list[Path]) -> None:
        """Put the images into the node's containerd store, not unpacked: a containerd on this host fills it."""
        store, socket = root / "var/lib/containerd", place / "containerd.sock"
        configuration = place / "containerd.toml"
        configuration.write_text(
            # Neither CRI nor NRI: they would leave folders and sockets on the host.
            'version = 3\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]\n'
            f'root = "{store}"\nstate = "{place / "state"}"\n[grpc]\n  address = "{socket}"\n'
            f'[ttrpc]\n  address = "{socket}.ttrpc"\n',
            encoding="utf-8",
        )
        log = self.cache.log("node-image-containerd")
        server = Server(name="containerd", command=[self.binaries.program("containerd"), "-c", configuration], log=log)
        control: list[Argument] = [self.binaries.program("ctr"), "--address", socket]
        server.start()
        try:
            server.wait_until(socket.exists, seconds=30)
            for archive in archives:
                run([*control, "-n", "k8s.io", "images", "import", "--no-unpack", "--all-platforms", "--digests",
                     "--label", "io.cri-containerd.pinned=pinned", archive], log=log)  # fmt: skip
        finally:
            server.stop(kill=False)
        remove_tree(place / "state")
        configuration.unlink()


def _copy_contents(source: Path, target: Path) -> None:
    """Lay files over a tree without their modes: Go's module cache is read-only."""
    for file in source.rglob("*"):
        place = target / file.relative_to(source)
        if file.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.unlink(missing_ok=True)
            shutil.copyfile(file, place)
