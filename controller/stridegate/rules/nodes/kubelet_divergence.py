"""A kubelet that does not run with what its files say: edited and not restarted, or tampered with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from stridegate.model.nodes.durations import parse_duration
from stridegate.model.nodes.fields import Field, Origin, find
from stridegate.model.nodes.kubelet import Configuration, configuration, live
from stridegate.model.nodes.kubelet_fields import (
    ANONYMOUS,
    AUTHORIZATION,
    CIPHERS,
    CLIENT_CA,
    FAIL_SWAP_ON,
    IPTABLES_CHAINS,
    KERNEL_DEFAULTS,
    POD_PIDS,
    READ_ONLY_PORT,
    ROTATE_CERTIFICATES,
    SECCOMP_DEFAULT,
    SERVER_BOOTSTRAP,
    STATIC_PODS,
    TLS_VERSION,
    TOKEN_WEBHOOK,
    UNSAFE_SYSCTLS,
)
from stridegate.model.nodes.kubelet_rules import NO_KUBELET, RUNTIME_EXPOSURE, filed
from stridegate.model.nodes.nodes import Node
from stridegate.model.nodes.queries import KubeletConfigz
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import judged
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.vocabulary import Severity, Stride

T = TypeVar("T")
JsonObject = Mapping[str, object]

# Settings that are compared also where nothing sets them: their defaults are the same in every version.
_BOOLEANS: tuple[Field[bool], ...] = (
    ANONYMOUS,
    TOKEN_WEBHOOK,
    IPTABLES_CHAINS,
    SERVER_BOOTSTRAP,
    ROTATE_CERTIFICATES,
    KERNEL_DEFAULTS,
    SECCOMP_DEFAULT,
    FAIL_SWAP_ON,
)
_NUMBERS: tuple[Field[int], ...] = (READ_ONLY_PORT, POD_PIDS)
_TEXTS: tuple[Field[str], ...] = (AUTHORIZATION, CLIENT_CA, TLS_VERSION, STATIC_PODS)
_LISTS: tuple[Field[tuple[str, ...]], ...] = (CIPHERS, UNSAFE_SYSCTLS)
_COMPARED = frozenset(
    {
        *(field.at for field in _BOOLEANS),
        *(field.at for field in _NUMBERS),
        *(field.at for field in _TEXTS),
        *(field.at for field in _LISTS),
    }
)
# What says what a document is, what a flag of its own adds to, and quantities, which are served in other words.
_LEFT_OUT = ("apiVersion", "kind", "featureGates", "reservedMemory")
_SHORTEST_FLAG = 4


def _judge(node: Node) -> Verdict:
    node[KubeletConfigz()]
    running = live(node) or {}
    here = configuration(node)
    offenders = [
        *(each for field in _BOOLEANS for each in _differing(here, running, field)),
        *(each for field in _NUMBERS for each in _differing(here, running, field)),
        *(each for field in _TEXTS for each in _differing(here, running, field)),
        *(each for field in _LISTS for each in _differing(here, running, field)),
        *_further(here, running),
    ]
    files = ", ".join(path for path, _ in here.layers) or here.launch.evidence.path
    evidence = Evidence(source=Source.CONFIGZ, path=f"configz against {files}")
    verdict = judged(evidence, offenders, f"runs as {files} say")
    note = "Either the files were edited and the kubelet was not restarted, or somebody changed one of the two."
    return (
        verdict
        if not offenders
        else Verdict(
            state=verdict.state, observed=verdict.observed, evidence=evidence, offenders=verdict.offenders, note=note
        )
    )


def _differing(here: Configuration, running: JsonObject, field: Field[T]) -> Iterator[Offender]:
    """Yield a setting that runs with another value than flags, files and defaults give it."""
    found, raw = find(running, field.at)
    value = field.reading.of_value(raw) if found and raw is not None else field.omitted
    if value is None:  # what this version does not serve, or serves otherwise
        return
    expected = here.setting(field)
    if value != expected.value and not _is_resolved(expected.value, value):
        said = field.reading.words
        unset = " (unset)" if expected.origin is Origin.DEFAULT else ""
        yield Offender(
            name=field.at, observed=f"runs with {said(value)[:40]}, set to {said(expected.value)[:40]}{unset}"
        )


def _is_resolved(path: object, resolved: object) -> bool:
    """Tell whether a path is what a relative one was made of: the kubelet resolves them against its file's directory."""
    return (
        isinstance(path, str)
        and isinstance(resolved, str)
        and bool(path)
        and resolved.endswith(f"/{path.removeprefix('./')}")
    )


def _further(here: Configuration, running: JsonObject) -> Iterator[Offender]:
    """Yield what else the files set and the kubelet does not run with, but for what a flag may have set."""
    flags = [flag.name.replace("-", "") for flag in here.launch.flags.all]
    for at, value in _leaves(here.merged, ""):
        top = at.partition(".")[0]
        # A zero may stand for a default.
        if at in _COMPARED or top in _LEFT_OUT or _is_zero(value) or _has_flag(top, flags):
            continue
        found, raw = find(running, at)
        if not found or not _alike(value, raw):
            what = "set in the file, runs with another value" if found else "set in the file alone"
            yield Offender(name=at, observed=what)


def _has_flag(field: str, flags: list[str]) -> bool:
    """Tell whether a flag may set a field: flags are named like fields, some shorter (imageGCHighThresholdPercent)."""
    name = field.lower()
    if name == "logging" and any(flag == "v" or flag.startswith("log") for flag in flags):
        return True
    return any(len(flag) >= _SHORTEST_FLAG and name.startswith(flag) for flag in flags)


def _is_zero(value: object) -> bool:
    return not value or parse_duration(value) == 0


def _leaves(document: JsonObject, below: str) -> Iterator[tuple[str, object]]:
    for key, value in document.items():
        if "." in key:  # thresholds and resources have dots in their names: compared as a whole
            continue
        at = f"{below}{key}"
        if isinstance(value, Mapping) and value and not any("." in str(each) for each in value):
            yield from _leaves(value, f"{at}.")
        else:
            yield at, value


def _alike(value: object, running: object) -> bool:
    if value == running or _is_resolved(value, running):
        return True
    if isinstance(value, Mapping) and isinstance(running, Mapping):
        return all(_is_zero(each) or (key in running and _alike(each, running[key])) for key, each in value.items())
    if isinstance(value, list) and isinstance(running, list):
        return len(value) == len(running) and all(map(_alike, value, running))
    seconds = parse_duration(value)
    return (seconds is not None and seconds == parse_duration(running)) or str(value) == str(running)


def _against(title: str, state: State, text: str, served: JsonObject, *flags: str) -> NodeExample:
    host = filed(title, state, text, *flags)
    return NodeExample(
        title=title, state=state, files=host.files, processes=host.processes, answers={KubeletConfigz(): served}
    )


# What a kubelet serves whose file is empty.
_SERVED: JsonObject = {
    "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {}},
    "authorization": {"mode": "Webhook"},
    "makeIPTablesUtilChains": True,
    "failSwapOn": True,
    "seccompDefault": False,
    "podPidsLimit": -1,
    "syncFrequency": "1m0s",
    "maxPods": 110,
}

RULES = (
    NodeRule(
        slug="kubelet-config-divergence",
        severity=Severity.HIGH,
        stride=frozenset({Stride.TAMPERING}),
        references=(),
        threats=RUNTIME_EXPOSURE | {"kubelet-config-tampering", "unauthorized-kubelet-change"},
        wrong="The kubelet does not run with what its files say.",
        threat="A file that looks right hides a kubelet that is not, or waits for its next start to weaken it.",
        wants="run with what its flags and files say",
        fix="Compare the files with their source, then restart the kubelet",
        remedy=Remedy.KUBELET,
        judge=_judge,
        examples=(
            _against("an empty file", State.PASS, "", _SERVED),
            _against("edited, not restarted", State.FAIL, "authentication: {anonymous: {enabled: true}}\n", _SERVED),
            _against("runs with what nothing sets", State.FAIL, "", {**_SERVED, "readOnlyPort": 10255}),
            _against(
                "a flag explains it", State.PASS, "", {**_SERVED, "readOnlyPort": 10255}, "--read-only-port=10255"
            ),
            _against("a duration in other words", State.PASS, "syncFrequency: 60s\n", _SERVED),
            _against("a setting that no rule asks for", State.FAIL, "maxPods: 250\n", _SERVED),
            _against("the same setting by flag", State.PASS, "maxPods: 250\n", _SERVED, "--max-pods=110"),
            _against("a zero, which is a default", State.PASS, "syncFrequency: 0s\nmaxPods: 0\n", _SERVED),
            _against(
                "thresholds with dots in their names",
                State.FAIL,
                "evictionHard: {memory.available: 1Gi}\n",
                {**_SERVED, "evictionHard": {"memory.available": "100Mi"}},
            ),
            _against(
                "taints with and without empty values",
                State.PASS,
                "registerWithTaints: [{key: a, effect: NoSchedule, value: ''}]\n",
                {**_SERVED, "registerWithTaints": [{"key": "a", "effect": "NoSchedule"}]},
            ),
            filed("no live configuration", State.NOT_APPLICABLE, ""),
            NO_KUBELET,
        ),
    ),
)
