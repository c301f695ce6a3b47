"""From a HardeningPolicy object to the model's policy: every field is checked, and what cannot be read is said."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from stridegate.kube.errors import InvalidField, InvalidPolicy
from stridegate.kube.fields import Field
from stridegate.kube.selectors import read_selector
from stridegate.model.errors import BadQuantity
from stridegate.model.policies import Exclusion, LabelSelector, Policy, RuleSetting, Workload
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR, AnyRule, Parameters, Quantity
from stridegate.model.vocabulary import Action, Patching, Profile

V = TypeVar("V")

PROFILES = {str(each): each for each in (Profile.BASELINE, Profile.RESTRICTED, Profile.HARDENED)}
ACTIONS = {str(each): each for each in Action}
PATCHING = {str(each): each for each in Patching}
TEMPLATE_ACTIONS = {str(each): each for each in (Action.WARN, Action.DENY)}

_SPEC = (
    "namespaceSelector",
    "profile",
    "action",
    "patching",
    "templates",
    "podSecurityVersion",
    "rulesVersion",
    "rules",
    "exclude",
)
_SETTING = ("action", "override", "parameters")
_EXCLUSION = ("namespaces", "workload", "containers", "rules", "reason")
# The names that parameters have in a policy, and in the model.
PARAMETERS = {
    "default": "default",
    "ceiling": "ceiling",
    "sizeLimit": "size_limit",
    "paths": "paths",
    "sockets": "sockets",
    "allow": "allow",
    "tags": "tags",
    "namespaces": "namespaces",
    "groups": "groups",
    "maximumSeconds": "maximum_seconds",
}

# Registries with a port and a path, the host perhaps with *. before it, or the keys of annotations.
_ALLOWED = re.compile(r"(?=.{1,253}$)(\*\.)?[A-Za-z0-9\[][A-Za-z0-9._:\[\]-]*(/[A-Za-z0-9._-]+)*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
# An authenticator may call a group anything; this is what people can read.
_GROUP = re.compile(r"[A-Za-z0-9_/@][!-~]{0,252}", re.ASCII)
# What the API server accepts at least (`ServiceAccountTokenProjection.expirationSeconds`), and a year.
_SECONDS = (600, 365 * 24 * 3600)

_POD_SECURITY = re.compile(r"v1\.(0|[1-9][0-9]{0,3})", re.ASCII)
_RULES_VERSION = re.compile(r"v(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReading:
    """A policy as it was read.

    `unknown_rules` are the slugs it names that this version has no rule for: they are told, and the rest is enforced,
    since a downgrade must not break a policy. `generation` is the object's metadata.generation.
    """

    policy: Policy
    unknown_rules: tuple[str, ...]
    generation: int


def read_policy(obj: Mapping[str, object], rules: Mapping[str, AnyRule]) -> PolicyReading:
    """Return the policy that a HardeningPolicy object describes.

    Raises InvalidPolicy for anything that does not say what it must, an unknown field and a parameter that the rule
    does not declare included.
    """
    root = Field(obj, "policy")
    name = policy_name(obj)
    try:
        spec = Field(obj.get("spec"), "spec").among(_SPEC)
        settings = dict(spec["rules"].items())
        exclude = tuple(_exclusion(each) for each in spec["exclude"].elements())
        policy = Policy(
            name=root["metadata"]["name"].text("a name"),
            selector=read_selector(spec["namespaceSelector"]),
            profile=spec["profile"].choice(PROFILES),
            action=spec["action"].choice(ACTIONS),
            patching=_optional(spec["patching"], PATCHING, Patching.NONE),
            templates=_optional(spec["templates"], TEMPLATE_ACTIONS, Action.WARN),
            pod_security=_pod_security(spec["podSecurityVersion"]),
            rules_version=_rules_version(spec["rulesVersion"]),
            rules={slug: _setting(field, rules[slug]) for slug, field in settings.items() if slug in rules},
            exclude=exclude,
        )
    except InvalidField as problem:
        raise InvalidPolicy(name, problem) from problem
    named = settings.keys() | {slug for exclusion in exclude for slug in exclusion.rules}
    return PolicyReading(
        policy=policy, unknown_rules=tuple(sorted(named - rules.keys())), generation=policy_generation(obj)
    )


def strictest_reading(obj: Mapping[str, object], rules: Mapping[str, AnyRule]) -> Policy:
    """Return what a policy counts as that cannot be read: what it says where that is clear, else the strictest it could mean.

    So an unclear selector selects every namespace, an unclear action denies, and an unclear exclusion excludes nothing;
    a reason that is none leaves the exclusion clear.
    """
    spec = Field(obj.get("spec"), "spec")
    settings: dict[str, Field] = _else(lambda: dict(spec["rules"].items()), {})
    return Policy(
        name=policy_name(obj),
        selector=_else(lambda: read_selector(spec["namespaceSelector"]), LabelSelector()),
        profile=_else(lambda: spec["profile"].choice(PROFILES), Profile.HARDENED),
        action=_else(lambda: spec["action"].choice(ACTIONS), Action.DENY),
        patching=_else(lambda: _optional(spec["patching"], PATCHING, Patching.NONE), Patching.NONE),
        templates=_else(lambda: _optional(spec["templates"], TEMPLATE_ACTIONS, Action.WARN), Action.DENY),
        pod_security=_else(lambda: _pod_security(spec["podSecurityVersion"]), NEWEST_POD_SECURITY_MINOR),
        rules_version=_else(lambda: _rules_version(spec["rulesVersion"]), None),
        rules={slug: _strictest_setting(field, rules[slug]) for slug, field in settings.items() if slug in rules},
        exclude=tuple(_clear_exclusions(spec["exclude"])) if isinstance(spec.value, Mapping) else (),
    )


def policy_name(obj: Mapping[str, object]) -> str:
    """Return the name of an object, empty where it has none that could be one."""
    return _else(lambda: Field(obj, "policy")["metadata"]["name"].text("a name"), "")


def policy_generation(obj: Mapping[str, object]) -> int:
    """Return metadata.generation, which the API server raises at each change of the spec; 0 where there is none."""
    generation = _else(lambda: Field(obj, "policy")["metadata"]["generation"].value, None)
    return generation if isinstance(generation, int) else 0


def _else(read: Callable[[], V], fallback: V) -> V:
    try:
        return read()
    except InvalidField:
        return fallback


def _optional(field: Field, choices: Mapping[str, V], default: V) -> V:
    return default if field.absent else field.choice(choices)


def _pod_security(field: Field) -> int:
    if field.absent or field.value == "latest":
        return NEWEST_POD_SECURITY_MINOR
    match = _POD_SECURITY.fullmatch(field.value) if isinstance(field.value, str) else None
    if match is None:
        raise field.refuse("v1.N or latest")
    return min(int(match[1]), NEWEST_POD_SECURITY_MINOR)


def _rules_version(field: Field) -> tuple[int, int] | None:
    if field.absent:
        return None
    match = _RULES_VERSION.fullmatch(field.value) if isinstance(field.value, str) else None
    if match is None:
        raise field.refuse("a version of Stridegate such as v0.1")
    return int(match[1]), int(match[2])


def _setting(field: Field, rule: AnyRule) -> RuleSetting:
    field.among(_SETTING)
    return RuleSetting(
        action=_explicit_action(field),
        override=field["override"].truth() or False,
        parameters=_parameters(field["parameters"], rule),
    )


def _explicit_action(field: Field) -> Action | None:
    action = field["action"]
    return None if action.absent else action.choice(ACTIONS)


def _strictest_setting(field: Field, rule: AnyRule) -> RuleSetting:
    denies: Action | None = Action.DENY
    action = _else(lambda: _explicit_action(field), denies)
    return _else(lambda: _setting(field, rule), RuleSetting(action=action))


def _parameters(field: Field, rule: AnyRule) -> Parameters:
    taken = tuple(written for written, name in PARAMETERS.items() if name in rule.takes)
    for key, given in field.items():
        if key not in taken and not given.absent:
            raise field.refuse(f"only {', '.join(taken)}" if taken else "no parameters: the rule takes none", key)
    return Parameters(
        default=_quantity(field["default"]),
        ceiling=_quantity(field["ceiling"]),
        size_limit=_quantity(field["sizeLimit"]),
        paths=_paths(field["paths"]),
        sockets=_paths(field["sockets"]),
        allow=_words(field["allow"], _ALLOWED, "what is let pass, such as registry.example/team"),
        tags=_words(field["tags"], _TAG, "a tag of an image"),
        namespaces=_words(field["namespaces"], _NAMESPACE, "the name of a namespace"),
        groups=_words(field["groups"], _GROUP, "the name of a group"),
        maximum_seconds=_seconds(field["maximumSeconds"]),
    )


def _words(field: Field, syntax: re.Pattern[str], wanted: str) -> tuple[str, ...]:
    words = field.texts(wanted)
    for element, word in zip(field.elements(), words, strict=True):
        if not syntax.fullmatch(word):
            raise element.refuse(wanted)
    return words


def _seconds(field: Field) -> int | None:
    if field.absent:
        return None
    least, most = _SECONDS
    if isinstance(field.value, bool) or not isinstance(field.value, int) or not least <= field.value <= most:
        raise field.refuse(f"a whole number of seconds from {least} to {most}")
    return field.value


def _quantity(field: Field) -> Quantity | None:
    if field.absent:
        return None
    if isinstance(field.value, str | int | float):
        try:
            value = parse_quantity(field.value)
        except BadQuantity:
            pass
        else:
            # Zero means "no limit" to the runtime, and the kubelet rounds fractions of a byte.
            if value > 0 and value.denominator == 1:
                return Quantity(str(field.value), value)
    raise field.refuse("a whole number of bytes above zero, such as 256Mi")


def _paths(field: Field) -> tuple[str, ...]:
    """Return paths that can be mounted (the API server refuses a colon in `mountPath`) and that lead where they say."""
    wanted = "an absolute path below /, without a colon and without . or .. in it"
    paths = field.texts(wanted)
    for element, path in zip(field.elements(), paths, strict=True):
        parts = path.rstrip("/").split("/")
        if parts[0] or not parts[1:] or ":" in path or not set(parts[1:]).isdisjoint({"", ".", ".."}):
            raise element.refuse(wanted)
    return paths


def _exclusion(field: Field, *, reason: str | None = None) -> Exclusion:
    """Return what is excluded; `reason` stands for whatever is written as the reason."""
    field.among(_EXCLUSION)
    namespaces = field["namespaces"]
    listed = namespaces.texts("the name of a namespace")
    if not listed:
        raise namespaces.refuse("at least one namespace")
    return Exclusion(
        namespaces=frozenset(listed),
        reason=reason or field["reason"].text("the reason, in words"),
        workload=_workload(field["workload"]),
        containers=frozenset(field["containers"].texts("the name of a container")),
        # Slugs that nobody knows stay: without them the exclusion would cover every rule.
        rules=frozenset(field["rules"].texts("the slug of a rule")),
    )


def _clear_exclusions(field: Field) -> Iterator[Exclusion]:
    elements: tuple[Field, ...] = _else(lambda: tuple(field.elements()), ())
    for each in elements:
        with contextlib.suppress(InvalidField):
            yield _exclusion(each, reason="unclear")


def _workload(field: Field) -> Workload | None:
    if field.absent:
        return None
    field.among(("kind", "name"))
    return Workload(field["kind"].text("a kind such as Deployment"), field["name"].text("a name"))
