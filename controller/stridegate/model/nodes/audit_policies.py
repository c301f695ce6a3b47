"""What an audit policy logs: the level that requests get, as the API server decides it (audit.k8s.io Policy, first match).

Rules that name users, groups, namespaces or names match some requests only: what they leave out is an exception that
somebody made, what they log too much of leaks all the same.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stridegate.model.nodes.answers import Unreadable
from stridegate.model.nodes.nodes import NotReadable


class Level(enum.IntEnum):
    """How much of a request is logged."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    RESPONSE = 3


_LEVELS = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.RESPONSE,
}

_READS = ("get", "list", "watch")
_WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A kind of request that a policy must log, and whether its body must stay out of the log. `resource` may have a subresource."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    secret: bool = False

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


# CIS Kubernetes 3.2.2: Secrets, ConfigMaps and TokenReviews without their contents, ways into pods, changes of rights.
PROBES: tuple[Probe, ...] = (
    Probe(group="", resource="secrets", verbs=(*_READS, *_WRITES), secret=True),
    Probe(group="", resource="configmaps", verbs=(*_READS, *_WRITES), secret=True),
    Probe(group="authentication.k8s.io", resource="tokenreviews", verbs=("create",), secret=True),
    *(Probe(group="", resource=f"pods/{each}", verbs=("create", "get")) for each in ("exec", "attach", "portforward")),
    *(Probe(group="", resource=f"{each}/proxy", verbs=("create", "get")) for each in ("pods", "services", "nodes")),
    *(
        Probe(group="rbac.authorization.k8s.io", resource=each, verbs=_WRITES)
        for each in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    ),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a policy leaves out of the log, or puts too much into it, in words."""

    what: str
    words: str


def gaps(policy: Mapping[str, object], path: str) -> tuple[Gap, ...]:
    """Return what a policy lacks, nothing where it is complete. Raises NotReadable where it is no policy."""
    rules = policy.get("rules")
    if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
        raise NotReadable(Unreadable(f"{path}: rules", "wanted a list of rules"))
    found = tuple(_gaps(rules, _texts(policy.get("omitStages"))))
    first = rules[0] if rules else None
    if first is not None and _level(first) is Level.NONE and _matches_all(first):
        return (Gap("rules[0]", "logs nothing, and comes first"), *found)
    return found


def _gaps(rules: Sequence[Mapping[str, object]], omitted: Sequence[str]) -> Iterator[Gap]:
    for probe in PROBES:
        unlogged = [verb for verb in probe.verbs if _certain(rules, probe, verb, omitted) is Level.NONE]
        if unlogged:
            yield Gap(str(probe), f"not logged: {', '.join(unlogged)}")
        if probe.secret and any(_most(rules, probe, verb) > Level.METADATA for verb in probe.verbs):
            yield Gap(str(probe), "logged with contents")


def _reached(
    rules: Sequence[Mapping[str, object]], probe: Probe, verb: str
) -> Iterator[tuple[Mapping[str, object], bool]]:
    """Yield the rules that such a request can meet, with whether every such request does; none after the first that all meet."""
    for rule in rules:
        if _verb_matches(rule, verb) and (certain := _resource_matches(rule, probe)) is not None:
            everybody = certain and not _limits_callers(rule)
            yield rule, everybody
            if everybody:
                return


def _certain(rules: Sequence[Mapping[str, object]], probe: Probe, verb: str, omitted: Sequence[str]) -> Level:
    """Return the level that a request gets which no exception fits."""
    for rule, everybody in _reached(rules, probe, verb):
        if everybody:
            stages = {*omitted, *_texts(rule.get("omitStages"))}
            # A request that ends well shows in these two stages alone.
            return Level.NONE if {"RequestReceived", "ResponseComplete"} <= stages else _level(rule)
    return Level.NONE


def _most(rules: Sequence[Mapping[str, object]], probe: Probe, verb: str) -> Level:
    return max((_level(rule) for rule, _ in _reached(rules, probe, verb)), default=Level.NONE)


def _level(rule: Mapping[str, object]) -> Level:
    """Return a rule's level; one that nobody knows logs nothing."""
    return _LEVELS.get(str(rule.get("level")), Level.NONE)


def _matches_all(rule: Mapping[str, object]) -> bool:
    limits = ("verbs", "resources", "nonResourceURLs")
    return not _limits_callers(rule) and not any(rule.get(key) for key in limits)


def _limits_callers(rule: Mapping[str, object]) -> bool:
    """Tell whether a rule is about some callers or namespaces alone; everybody is in system:authenticated, or gets no answer."""
    groups = _texts(rule.get("userGroups"))
    limited = bool(groups) and "system:authenticated" not in groups
    return limited or bool(rule.get("users")) or bool(rule.get("namespaces"))


def _verb_matches(rule: Mapping[str, object], verb: str) -> bool:
    verbs = _texts(rule.get("verbs"))
    return not verbs or verb in verbs


def _resource_matches(rule: Mapping[str, object], probe: Probe) -> bool | None:
    """Tell whether a rule meets all requests for a resource: False where only some names, None where it meets none.

    As k8s.io/apiserver pkg/audit/policy/checker.go has it.
    """
    resources = rule.get("resources")
    if not resources:
        return None if rule.get("nonResourceURLs") else True
    some = None
    for entry in resources if isinstance(resources, list) else ():
        if not isinstance(entry, Mapping) or (entry.get("group") or "") != probe.group:
            continue
        names = _texts(entry.get("resources"))
        if not names:
            return True
        if any(_covers(name, probe.resource) for name in names):
            if not _texts(entry.get("resourceNames")):
                return True
            some = False
    return some


def _covers(pattern: str, resource: str) -> bool:
    name, slash, below = resource.partition("/")
    return pattern in {"*", resource, f"{name}/*"} or (bool(slash) and pattern == f"*/{below}")


def _texts(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else []
