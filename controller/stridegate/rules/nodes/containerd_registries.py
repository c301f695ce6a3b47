"""Which registries containerd trusts, and how: certificates, plain HTTP, passwords in its configuration, image verifiers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from stridegate.model.nodes.addresses import Reach, parse_endpoint
from stridegate.model.nodes.answers import FileKind
from stridegate.model.nodes.containerd import Containerd, Part, containerd, cri
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.file_rules import GuardedFiles, permissions_rule
from stridegate.model.nodes.files import Limit, judge_modes, judge_owners, listed
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import ComponentVersion, Document, Syntax
from stridegate.model.nodes.readings import TEXT
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import (
    NO_RUNTIME,
    RUNTIME_DEFAULTS,
    VERSION_2,
    daemon_process,
    judged,
    with_containerd,
)
from stridegate.model.nodes.verdicts import Offender, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_SPOOFING = frozenset({Stride.SPOOFING})
_REGISTRY_CLAIMS = RUNTIME_DEFAULTS | {"registry-spoofing", "malicious-registry-image"}
_CONFIG_PATH = Field(at="registry.config_path", reading=TEXT, default="")
_VERIFIERS = Field(at="bin_dir", reading=TEXT, default="/opt/containerd/image-verifier/bin")
# Where containerd 2 looks when nothing says where (plugins/cri/images).
_DEFAULT_HOSTS = "/etc/containerd/certs.d:/etc/docker/certs.d"
_HOSTS = "/etc/containerd/certs.d"
_SPLIT = 3
_CREDENTIALS = ("username", "password", "auth", "identitytoken")
_VERIFIERS_SINCE = 2
_VERIFIER_PLUGIN = "io.containerd.image-verifier.v1.bindir"


def _maps(value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the tables in a table, by name."""
    if isinstance(value, Mapping):
        yield from ((str(name), each) for name, each in value.items() if isinstance(each, Mapping))


def _registry(found: Containerd) -> Mapping[str, object]:
    return dict(_maps(found.table(Part.IMAGES))).get("registry", {})


def _directories(found: Containerd) -> tuple[str, ...]:
    """Return where the registries' own files are."""
    path = found.setting(Part.IMAGES, _CONFIG_PATH).value
    if not path and found.version >= _SPLIT and not _registry(found).get("mirrors"):
        path = _DEFAULT_HOSTS
    return tuple(each.rstrip("/") for each in path.split(":") if each)


def _insecure(node: Node) -> Verdict:
    found = cri(node)
    directories = _directories(found)
    files = [path for directory in directories for path in listed(node, directory, "hosts.toml", 2)]
    node.look_at([Document(path, Syntax.TOML) for path in files])
    offenders = [*_legacy(_registry(found))]
    for path in files:
        offenders += _in_hosts(path, node.get(Document(path, Syntax.TOML)))
    if offenders or directories:
        return judged(found.evidence, offenders, f"{len(files)} registries in {', '.join(directories)}")
    note = "Without it, nothing says which registries are trusted, and by which certificates."
    return Verdict(state=State.WARN, observed="config_path unset", evidence=found.evidence, note=note)


def _legacy(registry: Mapping[str, object]) -> Iterator[Offender]:
    for name, table in _maps(registry.get("configs")):
        tls = table.get("tls")
        if isinstance(tls, Mapping) and tls.get("insecure_skip_verify") not in (None, False):
            yield Offender(name=name, observed="insecure_skip_verify = true")
    for name, table in _maps(registry.get("mirrors")):
        endpoints = table.get("endpoint")
        for endpoint in endpoints if isinstance(endpoints, list) else ():
            if _is_plain(endpoint):
                yield Offender(name=name, observed="http:// endpoint")


def _in_hosts(path: str, document: object) -> Iterator[Offender]:
    """Yield what is unsafe in a registry's hosts.toml: at its top, for the registry itself, and for each of its mirrors."""
    if not isinstance(document, Mapping):
        return
    top = {"server": document}
    for name, table in (*top.items(), *_maps(document.get("host"))):
        if table.get("skip_verify") not in (None, False):
            yield Offender(name=path, observed=f"skip_verify = true for {name[:60]}")
        if _is_plain(document.get("server") if name == "server" else name):
            yield Offender(name=path, observed="http:// server")


def _is_plain(url: object) -> bool:
    endpoint = parse_endpoint(url) if isinstance(url, str) else None
    return endpoint is not None and endpoint.scheme == "http" and endpoint.reach is not Reach.LOOPBACK


def _passwords(node: Node) -> Verdict:
    found = cri(node)
    registry = _registry(found)
    given = [(name, table.get("auth")) for name, table in _maps(registry.get("configs"))]
    given += list(_maps(registry.get("auths")))
    offenders = [
        Offender(name=name, observed="credentials in the configuration")
        for name, table in given
        if isinstance(table, Mapping) and any(table.get(key) for key in _CREDENTIALS)
    ]
    return judged(found.evidence, offenders, "no credentials")


def _certificates(node: Node) -> Iterable[str]:
    return [path for each in _directories(cri(node)) for path in listed(node, each, "*", 3) if _is_certificate(path)]


def _is_certificate(path: str) -> bool:
    return path.endswith((".crt", ".cert", ".key", ".pem"))


_LIMIT = Limit(files=0o444, by_pattern={"*.key": 0o400, "*key.pem": 0o400})
_GUARDED = GuardedFiles(
    what="containerd's certificates and keys for registries",
    find=_certificates,
    severity=Severity.MEDIUM,
    stride=Stride.INFORMATION_DISCLOSURE,
    threat="Who writes them makes containerd trust another registry; who reads a key pulls and pushes as this node.",
    example=f"{_HOSTS}/registry.example.com/ca.crt",
    files=with_containerd("", State.PASS, f'{VERSION_2}registry.config_path = "{_HOSTS}"\n').files,
    processes=(daemon_process("containerd"),),
    threats=RUNTIME_DEFAULTS | {"registry-certificate-exposure", "host-filesystem-exposure"},
)


_A_USERS = NodeExample(
    title="a user's",
    state=State.FAIL,
    files={**_GUARDED.files, _GUARDED.example: HostFile(mode=0o444, uid=1000)},
    processes=_GUARDED.processes,
)


def _judge_certificates(node: Node) -> Verdict:
    paths = tuple(_certificates(node))
    modes = judge_modes(node, paths, _LIMIT)
    return modes if modes.state is State.FAIL else judge_owners(node, paths)


def _verifier(node: Node) -> Verdict:
    found = containerd(node)
    version = node.get(ComponentVersion("containerd")) or ""
    major = version.partition(".")[0]
    if found.disabled(_VERIFIER_PLUGIN) or (major.isdigit() and int(major) < _VERIFIERS_SINCE):
        why = "switched off" if found.disabled(_VERIFIER_PLUGIN) else f"containerd {version[:20]} has none"
        return Verdict(state=State.WARN, observed=why, evidence=found.evidence)
    directory = found.setting(Part.VERIFIER, _VERIFIERS).value
    programs = listed(node, directory)
    if not programs:
        return Verdict(state=State.WARN, observed=f"{directory}: absent or empty, so all pass", evidence=found.evidence)
    paths = (directory, *programs)
    owners = judge_owners(node, paths, otherwise=State.WARN)
    return owners if owners.state is State.WARN else judge_modes(node, paths, Limit(files=0o755), State.WARN)


def _hosts(title: str, state: State, text: str) -> NodeExample:
    return with_containerd(
        title,
        state,
        f'{VERSION_2}registry.config_path = "{_HOSTS}"\n',
        files={f"{_HOSTS}/registry.example.com/hosts.toml": HostFile(text=text)},
    )


_BIN = "/opt/containerd/image-verifier/bin"
_LEGACY = '[plugins."io.containerd.grpc.v1.cri".registry.'

RULES = (
    NodeRule(
        slug="containerd-insecure-registry",
        severity=Severity.HIGH,
        stride=_SPOOFING,
        references=(CisDocker("2.5"),),
        threats=_REGISTRY_CLAIMS,
        wrong="containerd pulls from registries that it does not verify.",
        threat="Whoever is between node and registry gives the node images of their own.",
        wants="have config_path set, no skip_verify and no http:// server but on loopback",
        fix=f'registry.config_path = "{_HOSTS}", and there the registry\'s ca instead of skip_verify',
        remedy=Remedy.RUNTIME,
        judge=_insecure,
        examples=(
            _hosts("an unverified mirror", State.FAIL, '[host."https://mirror.example.com"]\nskip_verify = true\n'),
            _hosts(
                "an unverified registry", State.FAIL, 'server = "https://registry.example.com"\nskip_verify = true\n'
            ),
            _hosts(
                "a mirror over HTTP", State.FAIL, '[host."http://mirror.example.com:5000"]\ncapabilities = ["pull"]\n'
            ),
            _hosts("a registry over HTTP", State.FAIL, 'server = "http://registry.example.com"\n'),
            _hosts("a mirror on loopback", State.PASS, '[host."http://127.0.0.1:5000"]\ncapabilities = ["pull"]\n'),
            _hosts(
                "a CA", State.PASS, '[host."https://mirror.example.com"]\nca = "/etc/ca.crt"\nskip_verify = false\n'
            ),
            _hosts("a file that does not parse", State.UNKNOWN, "[host\n"),
            with_containerd(
                "unverified the old way",
                State.FAIL,
                f'version = 2\n{_LEGACY}configs."r.example.com".tls]\ninsecure_skip_verify = true\n',
            ),
            with_containerd(
                "HTTP the old way",
                State.FAIL,
                f'version = 2\n{_LEGACY}mirrors."r.example.com"]\nendpoint = ["http://r.example.com"]\n',
            ),
            with_containerd("unset before version 3", State.WARN, VERSION_2),
            with_containerd("unset in version 3, which has a default", State.PASS, "version = 3\n"),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="containerd-inline-registry-password",
        severity=Severity.HIGH,
        stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
        references=(),
        threats=RUNTIME_DEFAULTS | {"hardcoded-client-secrets"},
        wrong="containerd's configuration holds a registry's password.",
        threat="Whoever reads the file, which is no secret to most tools, pulls and pushes as the node.",
        wants="hold no credentials for registries",
        fix="Use imagePullSecrets or the kubelet's image credential provider instead",
        remedy=Remedy.RUNTIME,
        judge=_passwords,
        examples=(
            with_containerd(
                "a password",
                State.FAIL,
                f'version = 2\n{_LEGACY}configs."r.example.com".auth]\nusername = "a"\npassword = "b"\n',
            ),
            with_containerd(
                "a password in version 3",
                State.FAIL,
                'version = 3\n[plugins."io.containerd.cri.v1.images".registry.configs."r".auth]\nauth = "YTpi"\n',
            ),
            with_containerd("none", State.PASS, VERSION_2),
            NO_RUNTIME,
        ),
    ),
    # One rule where Docker's files have two.
    replace(
        permissions_rule(
            "containerd-registry-certificate-permissions",
            _GUARDED,
            _LIMIT,
            (CisDocker("3.8"), CisDocker("3.7")),
            more=(_A_USERS,),
        ),
        judge=_judge_certificates,
        wants="be 0444 or stricter, keys 0400, and belong to user 0 and group 0",
    ),
    NodeRule(
        slug="missing-image-verifier",
        severity=Severity.INFO,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisDocker("4.5"),),
        threats=RUNTIME_DEFAULTS | {"unauthorized-image-commit"},
        wrong="Nothing on the node verifies images before containerd uses them.",
        threat="An image that somebody put into the registry runs, whoever signed it.",
        wants="have a verifier's program in bin_dir, root's and writable by nobody else",
        fix=f"Install a verifier in {_BIN}",
        remedy=Remedy.TRUST,
        judge=_verifier,
        examples=(
            with_containerd("no directory", State.WARN, "version = 3\n"),
            with_containerd(
                "an empty directory",
                State.WARN,
                "version = 3\n",
                files={_BIN: HostFile(kind=FileKind.DIRECTORY, mode=0o755)},
            ),
            with_containerd("a verifier", State.PASS, "version = 3\n", files={f"{_BIN}/v": HostFile(mode=0o755)}),
            with_containerd("a user's", State.WARN, "version = 3\n", files={f"{_BIN}/v": HostFile(mode=0o755, uid=5)}),
            with_containerd(
                "before containerd 2",
                State.WARN,
                VERSION_2,
                files={f"{_BIN}/v": HostFile(mode=0o755)},
                answers={ComponentVersion("containerd"): "1.7.27"},
            ),
            NO_RUNTIME,
        ),
    ),
)
