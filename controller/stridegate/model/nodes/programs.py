"""Which processes on a node are a component's own, and what a container's command really starts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise

from stridegate.model.nodes.answers import Absent, Process, Unreadable
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.paths import base_name
from stridegate.model.nodes.queries import HostProcesses

# One binary that is many programs, by its first argument.
_MULTICALL = frozenset({"hyperkube"})
# Programs that run the one named after their own arguments.
_WRAPPERS = frozenset(
    {"go-runner", "kube-log-runner", "watch-termination", "tini", "dumb-init", "env", "nice", "ionice", "taskset"}
)
_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
# A script that starts a component has some dozen lines; reading one takes a second per million characters.
_MOST_SCRIPT = 65_536
# Where a shell's command ends: at an operator, or at a redirection.
_SHELL_END = re.compile(r"^(?:\d*[<>].*|&>.*|[|&;]+)$")
# How engines name a container's own cgroup, with systemd's driver and with cgroupfs. What a node inside a container runs
# has more behind it, such as /docker/<id>/system.slice/kubelet.service.
_CONTAINER = re.compile(
    r"(?:^|/)(?:(?:docker|cri-containerd|crio|libpod)-[0-9a-f]{64}\.scope|(?:docker|libpod)/[0-9a-f]{64})$"
)
# What may stand before a command: keywords and assignments.
_BEFORE_COMMANDS = re.compile(r"exec|then|else|do|if|!|\{|\(|[A-Za-z_]\w*=.*")
_RUNS_SCRIPT = re.compile(r"^-[a-zA-Z]*c$")
_SHELL_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
# Variables in a container's command (Kubernetes' $(NAME)); $$(NAME) is literal.
_VARIABLE = re.compile(r"\$\$\(|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


def host_processes(node: Node, *programs: str) -> tuple[Process, ...]:
    """Return the processes of the host itself that run one of these programs, root's first. A name inside a pod proves nothing."""
    return _ranked(process for process in node[HostProcesses()] if _on_host(process) and _runs(process, programs))


def host_process(node: Node, *programs: str) -> Process:
    """Return the host's process that runs one of these programs. Raises NotThere."""
    for process in host_processes(node, *programs):
        return process
    raise NotThere(Absent(f"process {' or '.join(programs)}"))


def component_processes(node: Node, *programs: str) -> tuple[Process, ...]:
    """Return the processes that are a component: a static pod's, then the host's own; what other pods run is none."""
    found = [
        process
        for process in node[HostProcesses()]
        if (_in_static_pod(process) or _on_host(process)) and _runs(process, programs)
    ]
    return _ranked(found)


def _on_host(process: Process) -> bool:
    """Tell whether no container runs it; one that shares the host's pids has a cgroup of its own all the same."""
    alone = len(process.namespace_pids) <= 1 and not _CONTAINER.search(process.cgroup)
    return not process.pod_uid and alone


def _in_static_pod(process: Process) -> bool:
    """Tell whether a static pod of this node runs it: one pid namespace below the node's, not in a node inside a container."""
    return process.static and len(process.namespace_pids) <= 2


def _ranked(processes: Iterable[Process]) -> tuple[Process, ...]:
    return tuple(sorted(processes, key=lambda process: (not process.static, process.uid != 0, process.pid)))


def _runs(process: Process, programs: Sequence[str]) -> bool:
    return bool(process.argv) and _after_name(process.argv, programs) is not None


def arguments(argv: Sequence[str], *programs: str) -> tuple[str, ...]:
    """Return the words after the program's name."""
    found = _after_name(argv, programs)
    return tuple(argv[1:]) if found is None else found


def _after_name(words: Sequence[str], programs: Sequence[str]) -> tuple[str, ...] | None:
    if not words:
        return None
    name = base_name(words[0])
    if name in programs:
        return tuple(words[1:])
    if (
        name in _MULTICALL
        and len(words) > 1
        and words[1] in {*programs, *(each.removeprefix("kube-") for each in programs)}
    ):
        return tuple(words[2:])
    return None


def started(
    words: Sequence[str], *programs: str, environment: Mapping[str, str] | None = None
) -> tuple[str, ...] | None:
    """Return the arguments that a container's command gives one of these programs, None where it starts none of them.

    Shells (`sh -c "exec kube-apiserver … 1>>log"`) and wrappers (`go-runner … kube-apiserver …`) are seen through, with
    the variables of a shell that `environment` has.
    """
    direct = _after_name(words, programs)
    if direct is not None or not words:
        return direct
    if base_name(words[0]) in _SHELLS:
        return _in_shell(_script(words[1:]), programs, environment or {})
    if base_name(words[0]) in _WRAPPERS:
        return _behind(words, programs)
    return None


def _behind(words: Sequence[str], programs: Sequence[str]) -> tuple[str, ...] | None:
    """Return what follows the first word that is one of the programs."""
    first = next((at for at, word in enumerate(words) if base_name(word) in {*programs, *_MULTICALL}), None)
    return None if first is None else _after_name(words[first:], programs)


def _script(words: Sequence[str]) -> str:
    """Return the word that a shell takes for its script: the one behind -c, however that is combined (`-ec`)."""
    behind = (script for option, script in pairwise(words) if _RUNS_SCRIPT.match(option))
    return next(behind, next((word for word in words if not word.startswith("-")), ""))


def _in_shell(script: str, programs: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return what the last command of a script that runs one of the programs gives it; one that only names it counts for nothing."""
    if len(script) > _MOST_SCRIPT:
        raise NotReadable(Unreadable("a container's script", f"is longer than {_MOST_SCRIPT} characters"))
    lines = (line for line in script.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))
    lexer = shlex.shlex(" ; ".join(lines), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # quotes that never end
        return None
    found = None
    for is_end, group in groupby(tokens, lambda token: _SHELL_END.match(token) is not None):
        command = [
            _SHELL_VARIABLE.sub(lambda match: environment.get(match[1] or match[2], match[0]), each) for each in group
        ]
        while command and _BEFORE_COMMANDS.fullmatch(command[0]):
            del command[0]
        if not is_end and command and base_name(command[0]) in {*programs, *_WRAPPERS, *_MULTICALL}:
            found = _behind(command, programs) or found
    return found


def expanded(word: str, environment: Mapping[str, str]) -> str:
    """Return a word of a container's command with its variables replaced as the kubelet does; unknown ones stay."""

    def value(match: re.Match[str]) -> str:
        return "$(" if match[1] is None else environment.get(match[1], match[0])

    return _VARIABLE.sub(value, word)
