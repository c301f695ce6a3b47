"""What a run judges by: policies, the namespaces they select, and exemptions, held against one time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stridegate.admission.policy_set import PolicySet, Rulebook, compiled, empty_policy_set
from stridegate.engine.catalogue import RULES
from stridegate.engine.exemptions import compile_exemptions
from stridegate.model.exemptions import Exemption
from stridegate.model.policies import IMMUTABLE_LABEL, Policy, RuleSetting
from stridegate.model.vocabulary import Action, Profile

Labels = Mapping[str, Mapping[str, str]]


def profile_policy(profile: Profile, *, advisory: bool = True) -> Policy:
    """Return the policy that a profile alone amounts to: it denies whatever its rules find, and heals nothing.

    Advisory rules are asked where that is of interest.
    """
    silent = () if advisory else (slug for slug, rule in RULES.items() if rule.profile is Profile.ADVISORY)
    off = RuleSetting(action=Action.OFF)
    return Policy(name=str(profile), profile=profile, action=Action.DENY, rules=dict.fromkeys(silent, off))


@dataclass(frozen=True, slots=True)
class Standards:
    """The policies in force by namespace. What had to be supposed about namespaces on the way is in `assumed`."""

    now: float
    policies: PolicySet
    assumed: dict[str, str] = field(default_factory=dict)
    _held: dict[str | None, Rulebook] = field(default_factory=dict, repr=False)

    def rulebook(self, namespace: str | None) -> Rulebook:
        """Return what holds in a namespace, or for what belongs to none.

        Of a namespace whose labels nobody knows, every policy holds that could select it, and the exemptions in it do.
        """
        known = self._held.get(namespace)
        if known is None:
            known = self._held[namespace] = self._found(namespace)
        return known

    def _found(self, namespace: str | None) -> Rulebook:
        known = self.policies.rulebook(namespace)
        if known is not None or namespace is None:
            return known or self.policies.strictest("")
        strictest = self.policies.strictest(namespace)
        granted = self.policies.granted.get(namespace)
        unsure = [name for name in strictest.regime.policies if self._unsure(name)]
        if unsure:
            self.assumed[namespace] = (
                f"the labels of namespace {namespace} are not known: held against every policy that could select it"
                f" ({', '.join(unsure)})"
            )
        return replace(strictest, granted=granted) if granted else strictest

    def _unsure(self, name: str) -> bool:
        policy = self.policies.policies.get(name)
        return policy is not None and any(
            requirement.key != IMMUTABLE_LABEL for requirement in policy.policy.selector.requirements
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the policies that were given."""
        return tuple(sorted(self.policies.policies))

    @property
    def selective(self) -> bool:
        """Whether it depends on the labels of a namespace which policies hold there."""
        return any(self._unsure(name) for name in self.policies.policies)

    def with_namespaces(self, labels: Labels) -> Standards:
        """Return the standards with the labels of namespaces that are known."""
        known = {**self.policies.namespaces, **_named(labels)}
        return Standards(self.now, self.policies.with_namespaces(known), dict(self.assumed))


def standards(policies: Iterable[Policy], exemptions: Iterable[Exemption], labels: Labels, now: float) -> Standards:
    """Return what some policies and exemptions amount to where these namespaces are known."""
    held = empty_policy_set(RULES).with_policies([compiled(each, RULES) for each in policies])
    known = held.with_namespaces(_named(labels)).with_exemptions(compile_exemptions(exemptions))
    return Standards(now, known)


def _named(labels: Labels) -> dict[str, Mapping[str, str]]:
    # The API server gives every namespace this label (KEP-2161).
    return {name: {**each, IMMUTABLE_LABEL: name} for name, each in labels.items()}
