"""What tests of rules about objects share: from an example to a view, and to a policy that asks its rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import yaml

from stridegate.engine.catalogue import RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, example_object
from stridegate.engine.policies import compile_policy, compile_regime
from stridegate.model.findings import Finding
from stridegate.model.object_views import ConnectionView, JobView, ObjectView, PersistentVolumeView, ServiceView
from stridegate.model.objects import Connection, Job, PersistentVolume, Service
from stridegate.model.policies import Policy, RuleSetting
from stridegate.model.rules import AnyRule, Example, PodRule
from stridegate.model.settings import Setting
from stridegate.model.vocabulary import Action, Profile

OBJECT_RULES: Mapping[str, AnyRule] = {slug: rule for slug, rule in RULES.items() if not isinstance(rule, PodRule)}
SHOWN = [(rule, example) for rule in OBJECT_RULES.values() for example in rule.examples]
NAMES = [f"{rule.slug}: {example.title}" for rule, example in SHOWN]

_VIEWS: Mapping[type, Callable[[Any, Setting], ObjectView]] = {
    ServiceView: lambda document, _: ServiceView(msgspec.convert(document, Service).spec),
    PersistentVolumeView: lambda document, _: PersistentVolumeView(msgspec.convert(document, PersistentVolume).spec),
    JobView: lambda document, _: JobView(msgspec.convert(document, Job).spec),
    ConnectionView: lambda document, setting: ConnectionView(
        msgspec.convert({"namespace": setting.namespace, **document}, Connection)
    ),
}


def document_of(rule: AnyRule, example: Example) -> JsonMap:
    """Return an example's object; of a connection, who asks for it."""
    return example_object(rule, yaml.safe_load(example.spec))


def view_of(rule: AnyRule, example: Example) -> ObjectView:
    """Return the view of an example's object."""
    return _VIEWS[rule.subject](document_of(rule, example), example.setting or Setting(namespace="shop"))


def policy_for(rule: AnyRule, example: Example) -> Policy:
    """Return a policy that denies what an example shows."""
    setting = RuleSetting(action=Action.DENY, parameters=example.given.parameters)
    return Policy(
        name="production",
        profile=Profile.BASELINE,
        action=Action.DENY,
        templates=Action.DENY,
        rules={rule.slug: setting},
    )


def found_in(rule: AnyRule, example: Example) -> list[Finding]:
    """Return what all rules about an example's kind of object find in it, where its own rule has its parameters."""
    view = view_of(rule, example)
    settings = {slug: RuleSetting(action=Action.DENY) for slug in OBJECT_RULES}
    asked = Policy(
        name="production",
        profile=Profile.HARDENED,
        action=Action.DENY,
        rules={**settings, **policy_for(rule, example).rules},
    )
    regime = compile_regime({"production": compile_policy(asked, RULES.values())})
    return evaluate(regime.about(type(view)), view)
