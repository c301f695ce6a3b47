"""Directories of what the kubelet starts by itself: static pods, and the programs that it asks for registry credentials."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from stridegate.model.nodes.answers import Absent, FileKind
from stridegate.model.nodes.files import Limit, judge_modes, judge_owners, listed
from stridegate.model.nodes.kubelet import configuration, setting
from stridegate.model.nodes.kubelet_fields import STATIC_PODS
from stridegate.model.nodes.kubelet_rules import NO_KUBELET, RUNTIME_EXPOSURE, filed
from stridegate.model.nodes.nodes import Node, NotThere
from stridegate.model.nodes.queries import FileDigest
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeRule
from stridegate.model.nodes.verdicts import State, Verdict
from stridegate.model.vocabulary import Severity, Stride

_MANIFESTS = "/etc/kubernetes/manifests"
_STATIC = f"staticPodPath: {_MANIFESTS}\n"
_PROVIDERS = "/usr/local/bin/credential-providers"
_PROVIDER_FLAG = "image-credential-provider-bin-dir"


def _judge_static_pods(node: Node) -> Verdict:
    found = setting(node, STATIC_PODS)
    if not found.value:
        raise NotThere(Absent("directory of static pods"))
    modes = judge_modes(node, (found.value,), Limit(files=0o600, directories=0o700), State.WARN)
    owners = judge_owners(node, (found.value,), otherwise=State.WARN)
    worse = modes if modes.state is State.WARN else owners
    return replace(worse, note=_digest(node, found.value))


def _digest(node: Node, directory: str) -> str:
    """Return a digest of all manifests, by which a later scan knows that one of them changed."""
    paths = listed(node, directory, depth=8)
    answers = node.look_at([FileDigest(path) for path in paths])
    known = [(path, digest) for path, digest in zip(paths, answers, strict=True) if isinstance(digest, str)]
    whole = sha256("\n".join(f"{digest} {path}" for path, digest in known).encode()).hexdigest()[:16]
    return f"{len(known)} manifests, together {whole}."


def _judge_providers(node: Node) -> Verdict:
    here = configuration(node)
    directory = here.launch.flags.text(_PROVIDER_FLAG)
    if not directory:
        raise NotThere(Absent(f"--{_PROVIDER_FLAG}"))
    paths = (directory, *listed(node, directory, depth=8))
    owners = judge_owners(node, paths, otherwise=State.WARN)
    return owners if owners.state is State.WARN else judge_modes(node, paths, Limit(files=0o755), State.WARN)


def _directory(path: str, mode: int = 0o700, uid: int = 0) -> dict[str, HostFile]:
    return {path: HostFile(kind=FileKind.DIRECTORY, mode=mode, uid=uid)}


_PROVIDED = f"--{_PROVIDER_FLAG}={_PROVIDERS}"

RULES = (
    NodeRule(
        slug="static-pod-directory-permissions",
        severity=Severity.LOW,
        stride=frozenset({Stride.TAMPERING}),
        references=(),
        threats=RUNTIME_EXPOSURE | {"kubelet-config-tampering"},
        wrong="Others than root get at the directory of static pods.",
        threat="Whoever writes a manifest there runs a privileged pod that no admission ever sees.",
        wants="be 0700 or stricter and root's",
        fix=f"chmod 700 {_MANIFESTS} && chown 0:0 {_MANIFESTS}",
        remedy=Remedy.FILE,
        judge=_judge_static_pods,
        examples=(
            filed("others may enter", State.WARN, _STATIC, files=_directory(_MANIFESTS, 0o755)),
            filed("a user's", State.WARN, _STATIC, files=_directory(_MANIFESTS, uid=1000)),
            filed("root's alone", State.PASS, _STATIC, files=_directory(_MANIFESTS)),
            filed("by flag", State.PASS, "", "--pod-manifest-path", _MANIFESTS, files=_directory(_MANIFESTS)),
            filed("no static pods", State.NOT_APPLICABLE, ""),
            NO_KUBELET,
        ),
    ),
    NodeRule(
        slug="image-credential-provider-ownership",
        severity=Severity.LOW,
        stride=frozenset({Stride.ELEVATION}),
        references=(),
        threats=RUNTIME_EXPOSURE,
        wrong="Others than root can change the programs that the kubelet asks for registry credentials.",
        threat="The kubelet runs them as root with every pull.",
        wants="be root's, and writable by nobody else",
        fix=f"chown -R 0:0 {_PROVIDERS} && chmod -R go-w {_PROVIDERS}",
        remedy=Remedy.FILE,
        judge=_judge_providers,
        examples=(
            filed("others may write", State.WARN, "", _PROVIDED, files=_directory(_PROVIDERS, 0o777)),
            filed("a user's", State.WARN, "", _PROVIDED, files=_directory(_PROVIDERS, uid=1000)),
            filed("root's", State.PASS, "", _PROVIDED, files=_directory(_PROVIDERS, 0o755)),
            filed(
                "a program that others may write",
                State.WARN,
                "",
                _PROVIDED,
                files={f"{_PROVIDERS}/ecr": HostFile(mode=0o777)},
            ),
            filed("none", State.NOT_APPLICABLE, ""),
            NO_KUBELET,
        ),
    ),
)
