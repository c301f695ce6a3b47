"""The policies in force and the namespaces they select, as one immutable value that reviews read by reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stridegate.engine.exemptions import Granted
from stridegate.engine.policies import Claim, Regime, compile_policy, compile_regime
from stridegate.model.policies import CANARY_NAMESPACE, CANARY_POLICY, DEFAULT_POLICY, IMMUTABLE_LABEL, Policy
from stridegate.model.rules import AnyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A policy with everything it demands. `revision` names the object's version that it was read from."""

    policy: Policy
    claims: tuple[Claim, ...]
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """What holds in a namespace.

    `selected` says that an administrator's policy speaks, and not the built-in default. `granted` are the exemptions of
    the namespace that can be in force.
    """

    regime: Regime
    selected: bool
    granted: Granted = field(default_factory=dict)


@dataclass(slots=True)
class _Cache:
    """What has been worked out for one set of policies; filled in as namespaces are asked for."""

    by_policies: dict[tuple[str, ...], Rulebook] = field(default_factory=dict)
    by_namespace: dict[str | None, Rulebook] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Policies by name, the labels of namespaces by name, and the exemptions in each namespace by workload.

    `broken` are the names of policies whose newest version cannot be read, whether an older one is in force or none.
    """

    policies: Mapping[str, CompiledPolicy]
    namespaces: Mapping[str, Mapping[str, str]]
    default: CompiledPolicy
    canary: CompiledPolicy
    granted: Mapping[str, Granted] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    _cache: _Cache = field(default_factory=_Cache, repr=False, compare=False)

    def rulebook(self, namespace: str | None) -> Rulebook | None:
        """Return what holds in a namespace, or for objects that belong to none; None where the namespace is not known.

        What belongs to no namespace has no labels to be selected by: those policies hold that select everything.
        """
        known = self._cache.by_namespace.get(namespace)
        if known is not None:
            return known
        if namespace is None:
            names = tuple(sorted(name for name, each in self.policies.items() if not each.policy.selector.requirements))
        else:
            labels = self.namespaces.get(namespace)
            if labels is None:
                return None
            names = tuple(sorted(name for name, each in self.policies.items() if each.policy.selector.matches(labels)))
        rulebook = self._held(namespace, names)
        granted = self.granted.get(namespace) if namespace is not None else None
        # What the canary dry-runs must be refused, or nobody knows that anything is.
        if granted and namespace != CANARY_NAMESPACE:
            rulebook = replace(rulebook, granted=granted)
        self._cache.by_namespace[namespace] = rulebook
        return rulebook

    def strictest(self, namespace: str) -> Rulebook:
        """Return what holds in a namespace of which only the name is known: every policy that could select it, and no exemption."""
        names = tuple(sorted(name for name, each in self.policies.items() if _could_match(each.policy, namespace)))
        return self._held(namespace, names)

    def _held(self, namespace: str | None, names: tuple[str, ...]) -> Rulebook:
        if namespace == CANARY_NAMESPACE:
            return _rulebook({self.canary.policy.name: self.canary}, selected=True)
        if names not in self._cache.by_policies:
            chosen = {name: self.policies[name] for name in names}
            self._cache.by_policies[names] = _rulebook(
                chosen or {self.default.policy.name: self.default}, selected=bool(chosen)
            )
        return self._cache.by_policies[names]

    def with_policies(self, policies: Iterable[CompiledPolicy], broken: Iterable[str] = ()) -> PolicySet:
        """Return the set with these policies in place of all it had."""
        by_name = {each.policy.name: each for each in policies}
        return replace(self, policies=by_name, broken=frozenset(broken), _cache=_Cache())

    def with_namespaces(self, namespaces: Mapping[str, Mapping[str, str]]) -> PolicySet:
        """Return the set with these namespaces in place of all it knew; what was compiled stays."""
        return replace(self, namespaces=namespaces, _cache=_Cache(by_policies=self._cache.by_policies))

    def with_exemptions(self, granted: Mapping[str, Granted]) -> PolicySet:
        """Return the set with these exemptions in place of all it had; what was compiled stays."""
        return replace(self, granted=granted, _cache=_Cache(by_policies=self._cache.by_policies))

    @property
    def digest(self) -> str:
        """A short name of the policies' content, alike in every replica that enforces the same."""
        content = repr(sorted((name, each.revision, name in self.broken) for name, each in self.policies.items()))
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def empty_policy_set(rules: Mapping[str, AnyRule]) -> PolicySet:
    """Return the set without policies and namespaces."""
    return PolicySet(
        policies={},
        namespaces={},
        default=compiled(DEFAULT_POLICY, rules),
        canary=compiled(CANARY_POLICY, rules),
    )


def compiled(policy: Policy, rules: Mapping[str, AnyRule], *, revision: str = "") -> CompiledPolicy:
    """Return a policy with what it demands of these rules."""
    return CompiledPolicy(policy=policy, claims=compile_policy(policy, rules.values()), revision=revision)


def _rulebook(chosen: Mapping[str, CompiledPolicy], *, selected: bool) -> Rulebook:
    regime = compile_regime({name: each.claims for name, each in chosen.items()})
    return Rulebook(regime=regime, selected=selected)


def _could_match(policy: Policy, namespace: str) -> bool:
    """Whether a policy selects a namespace with some labels: of all of them, only the one with its name is certain."""
    certain = {IMMUTABLE_LABEL: namespace}
    return all(
        requirement.matches(certain)
        for requirement in policy.selector.requirements
        if requirement.key == IMMUTABLE_LABEL
    )
