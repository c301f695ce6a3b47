"""What an administrator wants: policies, as written in HardeningPolicy objects, and the built-in ones."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR, Parameters
from stridegate.model.vocabulary import Action, Patching, Profile

# The only label of a namespace that its editors cannot change (KEP-2161).
IMMUTABLE_LABEL = "kubernetes.io/metadata.name"


class Operator(enum.Enum):
    """The operators of a label selector (metav1.LabelSelectorOperator)."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of a label selector."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet the condition; NotIn is also met by a label that is missing, as in Kubernetes."""
        if self.operator is Operator.IN:
            return labels.get(self.key) in self.values
        if self.operator is Operator.NOT_IN:
            return labels.get(self.key) not in self.values
        return (self.key in labels) is (self.operator is Operator.EXISTS)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A label selector (metav1.LabelSelector); without requirements it selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def trusted(self) -> bool:
        """Whether nobody who merely edits a namespace can move it in or out of the selection."""
        return all(requirement.key == IMMUTABLE_LABEL for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by kind and name: the owner that people know a pod by, or the bare pod itself."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}" if self.name else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSetting:
    """What a policy says about one rule; what it leaves unsaid follows from the policy."""

    action: Action | None = None
    override: bool = False
    parameters: Parameters = Parameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Something that one policy does not judge. Empty `rules` and `containers` mean all of them; no workload means every workload."""

    namespaces: frozenset[str]
    reason: str
    workload: Workload | None = None
    containers: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A HardeningPolicy, read and checked."""

    name: str
    selector: LabelSelector = LabelSelector()
    profile: Profile
    action: Action
    patching: Patching = Patching.NONE
    # The most that happens to a workload template: WARN or DENY.
    templates: Action = Action.WARN
    pod_security: int = NEWEST_POD_SECURITY_MINOR
    rules_version: tuple[int, int] | None = None
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    exclude: tuple[Exclusion, ...] = ()


CANARY_NAMESPACE = "stridegate-canary"

# What speaks where no policy selects a namespace: it refuses nothing, and says what a baseline would have found.
DEFAULT_POLICY = Policy(name="default", profile=Profile.BASELINE, action=Action.AUDIT)

# The only policy of the canary namespace, where dry-runs prove every half minute that the webhook still refuses.
# Its one rule beyond the baseline is broken by the canary alone.
CANARY_POLICY = Policy(
    name="canary",
    profile=Profile.BASELINE,
    action=Action.DENY,
    rules={"runtime-annotation": RuleSetting(action=Action.DENY)},
)
