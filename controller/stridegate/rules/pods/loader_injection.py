"""A variable loads code into every program of a container.

Threat: what the manifest shows is the trusted image; what runs first is a library or a script from a volume.
Check: no container sets LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH or PYTHONSTARTUP to anything but nothing, nor NODE_OPTIONS to
what preloads a module (`--require`, `--import`, `--loader`), by a literal or from a ConfigMap.
Fix: build the image with what it needs. There is no automatic fix: an agent that instruments is excluded by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stridegate.model.pods import Variable
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

_LOADERS = frozenset({"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONSTARTUP", "NODE_OPTIONS"})
_PRELOADING = re.compile(r"(?:^|[\s\"'=])(?:-r|--(?:require|import|loader|experimental[-_]loader))(?![\w-])", re.ASCII)


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every variable that makes a loader load more; its value is not repeated."""
    for _container, _position, variable in pod.variables:
        if variable.name in _LOADERS:
            return _loading(pod)
    return ()


def _loading(pod: PodView) -> Iterator[Violation]:
    for variable in pod.variables:
        if variable.shape.name in _LOADERS and _loads(variable.shape):
            observed = "set" if variable.shape.valueFrom is None else "set from elsewhere"
            yield Violation(variable.spot.place(), observed=observed, wanted="be absent")


def _loads(variable: Variable) -> bool:
    if variable.valueFrom is not None:
        return True  # What it says is not known before the container starts.
    value = variable.value or ""
    return _PRELOADING.search(value) is not None if variable.name == "NODE_OPTIONS" else bool(value)


RULE = PodRule(
    slug="loader-injection",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.TAMPERING}),
    references=(),
    check=check,
    examples=(
        bad("a library", "containers: [{name: app, env: [{name: LD_PRELOAD, value: /data/x.so}]}]"),
        bad(
            "from a ConfigMap",
            "containers: [{name: app, env: [{name: LD_AUDIT, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}]",
        ),
        bad("a folder of libraries", "containers: [{name: app, env: [{name: LD_LIBRARY_PATH, value: /data}]}]"),
        bad("a module", "containers: [{name: app, env: [{name: NODE_OPTIONS, value: '--inspect --require=/x.js'}]}]"),
        bad("a module, in short", "containers: [{name: app, env: [{name: NODE_OPTIONS, value: '-r /x.js'}]}]"),
        bad("a script", "containers: [{name: app, env: [{name: PYTHONSTARTUP, value: /x.py}]}]"),
        good("nothing", "containers: [{name: app, env: [{name: LD_PRELOAD, value: ''}]}]"),
        good(
            "other options", "containers: [{name: app, env: [{name: NODE_OPTIONS, value: --max-old-space-size=256}]}]"
        ),
        good("another variable", "containers: [{name: app, env: [{name: LD_PRELOADED, value: '1'}]}]"),
    ),
)
