"""Who may read what a node logs in with: to registries, to Docker elsewhere, and to its cloud."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from stridegate.model.nodes.answers import Absent, FileKind, FileStatus, Unreadable
from stridegate.model.nodes.file_rules import MISCONFIGURED_HOST, GuardedFiles, file_rules
from stridegate.model.nodes.files import Limit, every_of, excess, judge_modes, judge_owners
from stridegate.model.nodes.nodes import Circumstances, Installation, Node, NotReadable, NotThere
from stridegate.model.nodes.paths import CONTAINERD_CONFIGURATION, Whereabouts, base_name, parent
from stridegate.model.nodes.queries import Document, FileStatusOf, FilesUnder, Syntax
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import Benchmark, CisCloud
from stridegate.model.vocabulary import Severity, Stride

_CLIENT_FILES = {"key.pem": 0o400, "cert.pem": 0o444, "ca.pem": 0o444}
_DOCKER_LOGINS = ("/root/.docker/config.json", "/var/lib/kubelet/config.json")
_OLD_LOGINS = ("/var/lib/kubelet/.dockercfg",)
_RANCHER_LOGINS = ("/etc/rancher/k3s/registries.yaml", "/etc/rancher/rke2/registries.yaml")
_CREDENTIALS = frozenset({"auth", "password", "identitytoken", "identity_token", "registrytoken"})
_HELPERS = ("credsStore", "credHelpers")
_CLOUD = Whereabouts(
    general=(
        *(f"/etc/kubernetes/{name}" for name in ("azure.json", "cloud-config", "cloud.conf", "gce.conf")),
        "/etc/gce.conf",
    )
)
_ALL_OF_REGISTRIES = frozenset({"hardcoded-client-secrets", MISCONFIGURED_HOST})


def _judge_client_files(node: Node) -> Verdict:
    """Judge each home's key and certificates for Docker: closed enough, and the home's owner's."""
    homes = ("/root", *(node.get(FilesUnder("/home")) or ()))
    paths = [f"{home}/.docker/{name}" for home in homes for name in _CLIENT_FILES]
    owners = dict(zip(homes, node.look_at([FileStatusOf(home) for home in homes]), strict=True))
    there: list[FileStatus] = []
    for answer in (*owners.values(), *node.look_at([FileStatusOf(path) for path in paths])):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, FileStatus) and answer.path not in owners:
            there.append(answer)
    if not there:
        raise NotThere(Absent("client certificates for Docker"))
    offenders = [(each, words) for each in there if (words := _fault(each, owners[parent(parent(each.path))]))]
    return Verdict(
        state=State.FAIL if offenders else State.PASS,
        observed=offenders[0][1] if len(offenders) == 1 else f"{len(offenders)} of {len(there)} files too open",
        evidence=Evidence(source=Source.FILE, path=(offenders[0][0] if offenders else there[0]).path),
        offenders=tuple(Offender(name=each.path, observed=words) for each, words in offenders),
    )


def _fault(file: FileStatus, home: FileStatus | Absent | Unreadable) -> str:
    most = _CLIENT_FILES[base_name(file.path)]
    if excess(file.mode, most):
        return f"{file.mode:04o}, at most {most:04o} wanted"
    if isinstance(home, FileStatus) and (file.uid, file.gid) != (home.uid, home.gid):
        return f"{file.uid}:{file.gid}, {home.uid}:{home.gid} wanted, as its home"
    return ""


def _judge_login_files(node: Node) -> Verdict:
    paths = (*_DOCKER_LOGINS, *_OLD_LOGINS, *_RANCHER_LOGINS, *_inline_logins(node))
    verdicts = (judge_modes(node, paths, Limit(files=0o600)), judge_owners(node, paths))
    return next((verdict for verdict in verdicts if verdict.state is not State.PASS), verdicts[0])


def _inline_logins(node: Node) -> tuple[str, ...]:
    """Return containerd's configuration files that hold credentials of registries themselves."""
    paths = CONTAINERD_CONFIGURATION.on(node.circumstances.installation)
    return tuple(path for path, said in _documents(node, paths, Syntax.TOML) if _holds_credentials(said))


def _judge_plaintext(node: Node) -> Verdict:
    found = [
        *_documents(node, (*_DOCKER_LOGINS, *_OLD_LOGINS), Syntax.JSON),
        *_documents(node, _RANCHER_LOGINS, Syntax.YAML),
    ]
    if not found:
        raise NotThere(Absent("logins for registries"))
    plain = [path for path, said in found if _holds_credentials(said)]
    return Verdict(
        state=State.WARN if plain else State.PASS,
        observed=f"credentials in {len(plain)} files" if plain else f"no credentials in {len(found)} files",
        evidence=Evidence(source=Source.FILE, path=(plain or [found[0][0]])[0]),
        offenders=tuple(Offender(name=path, observed="credentials that anybody decodes") for path in plain),
    )


def _documents(node: Node, paths: Iterable[str], syntax: Syntax) -> list[tuple[str, object]]:
    tried = tuple(paths)
    found: list[tuple[str, object]] = []
    for path, answer in zip(tried, node.look_at([Document(path, syntax) for path in tried]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if not isinstance(answer, Absent):
            found.append((path, answer))
    return found


def _holds_credentials(said: object) -> bool:
    """Return whether a configuration has a credential anywhere below; a helper's name is none."""
    if isinstance(said, Mapping):
        return any(
            (str(name).lower() in _CREDENTIALS and isinstance(value, str) and value != "")
            or (name not in _HELPERS and _holds_credentials(value))
            for name, value in said.items()
        )
    return isinstance(said, list) and any(map(_holds_credentials, said))


def _home(title: str, state: State, mode: int, *, name: str = "key.pem", uid: int = 1000) -> NodeExample:
    return NodeExample(
        title=title,
        state=state,
        files={
            "/home/alice": HostFile(kind=FileKind.DIRECTORY, mode=0o750, uid=1000, gid=1000),
            f"/home/alice/.docker/{name}": HostFile(mode=mode, uid=uid, gid=1000),
        },
    )


def _file(
    title: str, state: State, path: str, text: str = "{}", mode: int = 0o600, owner: tuple[int, int] = (0, 0)
) -> NodeExample:
    return NodeExample(
        title=title, state=state, files={path: HostFile(text=text, mode=mode, uid=owner[0], gid=owner[1])}
    )


_LOGIN = json.dumps({"auths": {"registry.example.com": {"auth": "dXNlcjpwYXNzd29yZA=="}}})
_INLINE = '[plugins."io.containerd.grpc.v1.cri".registry.configs."r.example.com".auth]\npassword = "example"\n'

RULES: tuple[NodeRule, ...] = (
    NodeRule(
        slug="docker-client-key-permissions",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.SPOOFING}),
        references=(),
        threats=frozenset(
            {
                "docker-client-spoofing",
                "docker-client-config-tampering",
                "docker-client-compromise",
                MISCONFIGURED_HOST,
            }
        ),
        wrong="Others may read a user's key for Docker's API, or change what it trusts.",
        threat="Who reads the key is that user to every daemon that takes it, and root on its host.",
        wants="be readable by its owner alone (key.pem 0400, cert.pem and ca.pem 0444) and belong to the owner of the home",
        fix="chmod 0400 ~/.docker/key.pem; chmod 0444 ~/.docker/cert.pem ~/.docker/ca.pem",
        remedy=Remedy.FILE,
        judge=_judge_client_files,
        examples=(
            _home("closed", State.PASS, 0o400),
            _home("a key that the group may read", State.FAIL, 0o440),
            _home("a key that its owner may write", State.FAIL, 0o600),
            _home("a certificate that everybody may read", State.PASS, 0o444, name="cert.pem"),
            _home("an authority that everybody may write", State.FAIL, 0o666, name="ca.pem"),
            _home("another's key", State.FAIL, 0o400, uid=1001),
            _file("root's key", State.PASS, "/root/.docker/key.pem", mode=0o400),
            _file("root's key, that others may read", State.FAIL, "/root/.docker/key.pem", mode=0o404),
            NodeExample(title="no keys", state=State.NOT_APPLICABLE),
        ),
    ),
    NodeRule(
        slug="registry-credential-file-permissions",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=_ALL_OF_REGISTRIES | {"docker-client-config-tampering", "docker-client-compromise"},
        wrong="Others may read or change what the node logs in to registries with.",
        threat="Who reads the file pulls every private image, and pushes where the login may.",
        wants="be at most 0600 and belong to root",
        fix="chmod 600 FILE && chown 0:0 FILE",
        remedy=Remedy.FILE,
        judge=_judge_login_files,
        examples=(
            _file("closed", State.PASS, "/root/.docker/config.json"),
            _file("others may read", State.FAIL, "/root/.docker/config.json", mode=0o644),
            _file("a user's", State.FAIL, "/var/lib/kubelet/config.json", owner=(1000, 0)),
            _file("a group's", State.FAIL, "/var/lib/kubelet/.dockercfg", owner=(0, 1000)),
            _file("k3s", State.FAIL, "/etc/rancher/k3s/registries.yaml", mode=0o640),
            _file(
                "containerd's configuration with a password", State.FAIL, "/etc/containerd/config.toml", _INLINE, 0o644
            ),
            _file("containerd's, closed", State.PASS, "/etc/containerd/config.toml", _INLINE),
            _file("containerd's without", State.NOT_APPLICABLE, "/etc/containerd/config.toml", "version = 3\n", 0o644),
            NodeExample(title="no logins", state=State.NOT_APPLICABLE),
        ),
    ),
    NodeRule(
        slug="plaintext-registry-credentials",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=_ALL_OF_REGISTRIES,
        wrong="What the node logs in to registries with stands in a file as it is.",
        threat="Every backup, image and reader of the file has the password: base64 hides nothing.",
        wants="hold no credentials: a credential helper (credsStore, a kubelet credential provider) fetches them",
        fix="docker logout, set credsStore or a kubelet image credential provider, and change the password.",
        remedy=Remedy.HOST,
        judge=_judge_plaintext,
        examples=(
            _file("a password", State.WARN, "/root/.docker/config.json", _LOGIN),
            _file(
                "a helper",
                State.PASS,
                "/root/.docker/config.json",
                json.dumps({"auths": {"registry.example.com": {}}, "credsStore": "secretservice"}),
            ),
            _file(
                "a helper for each registry",
                State.PASS,
                "/root/.docker/config.json",
                json.dumps({"credHelpers": {"auth": "ecr-login"}}),
            ),
            _file("the old form", State.WARN, "/var/lib/kubelet/.dockercfg", '{"r.example.com": {"auth": "eDp5"}}'),
            _file(
                "k3s",
                State.WARN,
                "/etc/rancher/k3s/registries.yaml",
                "configs: {r.example.com: {auth: {username: x, password: y}}}",
            ),
            _file("nothing in it", State.PASS, "/var/lib/kubelet/config.json"),
            _file("no JSON", State.UNKNOWN, "/root/.docker/config.json", "{"),
            NodeExample(title="no logins", state=State.NOT_APPLICABLE),
        ),
    ),
    *file_rules(
        "cloud-credential-file",
        GuardedFiles(
            what="the credentials for the cloud",
            find=every_of(_CLOUD),
            severity=Severity.HIGH,
            stride=Stride.INFORMATION_DISCLOSURE,
            threat="Who reads them changes machines, networks and disks of the whole cluster by the cloud's API.",
            example="/etc/kubernetes/azure.json",
            threats=frozenset({"cloud-provider-link"}),
        ),
        Limit(files=0o600, by_installation={Installation.AKS: 0o644}),
        (CisCloud(Benchmark.CIS_AKS, "3.1.3"), CisCloud(Benchmark.CIS_AKS, "3.1.4")),
        more=(
            NodeExample(
                title="as AKS ships it",
                state=State.PASS,
                files={"/etc/kubernetes/azure.json": HostFile(mode=0o644)},
                circumstances=Circumstances(installation=Installation.AKS),
            ),
            NodeExample(
                title="another cloud's, too open and a user's",
                state=State.FAIL,
                files={"/etc/gce.conf": HostFile(mode=0o644, uid=1000)},
            ),
        ),
    ),
)
