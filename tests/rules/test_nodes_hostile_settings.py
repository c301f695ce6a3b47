"""Whatever a node's files say, a rule about Docker, the host or its ports comes to a verdict: none breaks."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from stridegate.engine.survey import survey
from stridegate.model.nodes.answers import (
    Absent,
    Accounts,
    FileKind,
    FileStatus,
    Handshake,
    HttpAnswer,
    Process,
    Socket,
    SocketState,
)
from stridegate.model.nodes.nodes import Circumstances
from stridegate.model.nodes.queries import (
    ComponentVersion,
    Document,
    FileDigest,
    FileStatusOf,
    FilesUnder,
    FileText,
    HostAccounts,
    HostMounts,
    HostProcesses,
    HostSockets,
    HttpGet,
    Query,
    Syntax,
    TlsHandshake,
)
from stridegate.model.nodes.verdicts import State
from stridegate.rules import nodes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(
    st.sampled_from(
        [
            "icc",
            "hosts",
            "tlsverify",
            "tlscacert",
            "insecure-registries",
            "registry-mirrors",
            "log-level",
            "log-driver",
            "debug",
            "default-ulimits",
            "storage-opts",
            "userns-remap",
            "seccomp-profile",
            "authorization-plugins",
            "data-root",
            "group",
            "live-restore",
            "auths",
            "Service",
        ]
    ),
    JSON,
    max_size=6,
)
WORDS = st.lists(
    st.sampled_from(["-H", "-D", "--icc", "--host=tcp://", "--tlsverify=x", "-l", "--config-file=/x", "--group=7", "-"])
    | st.text(max_size=12),
    max_size=5,
)
FILES = ("docker", "audit_rules", "content_trust", "host_", "listeners", "runtime_versions")
MINE = tuple(f"stridegate.rules.nodes.{name}" for name in FILES)
MODULES = [
    importlib.import_module(f"stridegate.rules.nodes.{each.name}") for each in pkgutil.iter_modules(nodes.__path__)
]
RULES = [rule for module in MODULES if module.__name__.startswith(MINE) for rule in module.RULES]


def told(query: Query[object], settings: object, text: str, process: Process) -> object:
    """Return an answer with the same hostile contents everywhere."""
    match query:
        case FileStatusOf(path):
            return FileStatus(path=path, target=path, kind=FileKind.FILE, mode=0o644, uid=0, gid=0)
        case Document(_, Syntax.UNIT):
            return {"Service": {"ExecStart": [text], "Restart": [text]}, "Socket": {"ListenStream": [text]}}
        case FilesUnder(directory):
            return (f"{directory}/{text[:4]}x",) if directory.count("/") < 4 else Absent(directory)
    ports = (2375, 2376, 10250, 10256, 6443)
    plain: Mapping[type, object] = {
        Document: settings,
        FileText: text,
        HostProcesses: (process,),
        HostSockets: tuple(Socket(state=SocketState.LISTEN, local_address=text[:9], local_port=port) for port in ports),
        TlsHandshake: Handshake(
            oldest_version=text[:9], cipher=text, certificates=(), demands_client_certificate=False
        ),
        HttpGet: HttpAnswer(status=len(text)),
        HostAccounts: Accounts(),
        HostMounts: (),
        FileDigest: text,
        ComponentVersion: text,
    }
    return plain.get(type(query), Absent(str(query)))


@effort(max_examples=40)
@given(settings=SETTINGS | JSON, text=st.text(max_size=60), words=WORDS)
def test_no_contents_break_a_rule(settings: object, text: str, words: list[str]) -> None:
    process = Process(pid=9, comm="dockerd", argv=("/usr/bin/dockerd", *words))

    found = survey(
        RULES,
        lambda asked: {query: told(query, settings, text, process) for query in asked},
        Circumstances(accepted_files={"/x": text}),
    )

    assert not [f"{each.rule.slug}: {each.verdict}" for each in found.findings if each.verdict.state is State.ERROR]
