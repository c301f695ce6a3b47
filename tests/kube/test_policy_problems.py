"""The sentence for everything in a HardeningPolicy that is not as it must be."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_objects import changed
from stridegate.engine.catalogue import RULES as CATALOGUE
from stridegate.kube.errors import InvalidPolicy
from stridegate.kube.policies import PolicyReading, read_policy, strictest_reading
from stridegate.model.vocabulary import Action


def read(obj: dict[str, Any]) -> PolicyReading:
    return read_policy(obj, CATALOGUE)


def problem(obj: dict[str, Any]) -> str:
    with pytest.raises(InvalidPolicy) as refusal:
        read(obj)
    return str(refusal.value)


FIELDS = "namespaceSelector, profile, action, patching, templates, podSecurityVersion, rulesVersion, rules, exclude"
SELECTING, SELECTOR = "spec/namespaceSelector", "spec.namespaceSelector"
FIRST, EXPRESSIONS = "spec/namespaceSelector/matchExpressions/0", "spec.namespaceSelector.matchExpressions"


DEFAULT = "spec/rules/unlimited-memory/parameters/default"


BYTES = "spec.rules.unlimited-memory.parameters.default: wanted a whole number of bytes above zero, such as 256Mi"


PATH = "spec/rules/writable-root-filesystem/parameters/paths/0"


ABSOLUTE = (
    "spec.rules.writable-root-filesystem.parameters.paths[0]: "
    "wanted an absolute path below /, without a colon and without . or .. in it"
)

RULES, SETTINGS = "spec/rules", "spec.rules"


ALLOWED = f"{SETTINGS}.untrusted-registry.parameters.allow[0]: wanted what is let pass, such as registry.example/team"


SECONDS = f"{SETTINGS}.overlong-projected-token.parameters.maximumSeconds: wanted a whole number of seconds from 600 to 31536000"


TAG = f"{SETTINGS}.mutable-image-tag.parameters.tags[0]"


GROUP = f"{SETTINGS}.exec-into-privileged-pod.parameters.groups[1]: wanted the name of a group"


NAMESPACE = f"{SETTINGS}.system-priority-class.parameters.namespaces[0]"


SENTENCES = [
    ("spec", [], "spec: wanted a map, got a list"),
    ("spec/profil", "x", f"spec: wanted only {FIELDS}, got 'profil'"),
    ("spec/profile", None, "spec.profile: wanted baseline, restricted or hardened, got nothing"),
    ("spec/profile", "advisory", "spec.profile: wanted baseline, restricted or hardened, got 'advisory'"),
    ("spec/profile", "Baseline", "spec.profile: wanted baseline, restricted or hardened, got 'Baseline'"),
    ("spec/action", None, "spec.action: wanted off, audit, warn or deny, got nothing"),
    ("spec/action", ["deny"], "spec.action: wanted off, audit, warn or deny, got a list"),
    ("spec/patching", True, "spec.patching: wanted none, safe or all, got true"),
    ("spec/templates", "audit", "spec.templates: wanted warn or deny, got 'audit'"),
    ("spec/podSecurityVersion", "1.36", "spec.podSecurityVersion: wanted v1.N or latest, got '1.36'"),
    ("spec/podSecurityVersion", "v1.036", "spec.podSecurityVersion: wanted v1.N or latest, got 'v1.036'"),
    ("spec/podSecurityVersion", "v1.36\n", "spec.podSecurityVersion: wanted v1.N or latest, got 'v1.36\\n'"),
    ("spec/podSecurityVersion", 1.36, "spec.podSecurityVersion: wanted v1.N or latest, got 1.36"),
    ("spec/rulesVersion", "0.3", "spec.rulesVersion: wanted a version of Stridegate such as v0.1, got '0.3'"),
    ("spec/namespaceSelector", "all", "spec.namespaceSelector: wanted a map, got 'all'"),
    (f"{SELECTING}/labels", {}, "spec.namespaceSelector: wanted only matchLabels, matchExpressions, got 'labels'"),
    (f"{SELECTING}/matchLabels/tier", 1, f"{SELECTOR}.matchLabels.tier: wanted a label's value, got 1"),
    (f"{SELECTING}/matchLabels/tier", "a b", f"{SELECTOR}.matchLabels.tier: wanted a label's value, got 'a b'"),
    (f"{SELECTING}/matchLabels", {"a b": "c"}, f"{SELECTOR}.matchLabels['a b']: wanted a label's key before it, got 'a b'"),
    (f"{SELECTING}/matchLabels", {1: "c"}, f"{SELECTOR}.matchLabels: wanted strings as keys, got 1"),
    (f"{SELECTING}/matchExpressions", {}, f"{SELECTOR}.matchExpressions: wanted a list, got a map"),
    (f"{FIRST}/key", "", f"{EXPRESSIONS}[0].key: wanted a label's key, got ''"),
    (f"{FIRST}/key", "/x", f"{EXPRESSIONS}[0].key: wanted a label's key, got '/x'"),
    (f"{FIRST}/operator", "in", f"{EXPRESSIONS}[0].operator: wanted In, NotIn, Exists or DoesNotExist, got 'in'"),
    (f"{FIRST}/values", [], f"{EXPRESSIONS}[0].values: wanted at least one value for In, got a list"),
    (f"{SELECTING}/matchExpressions/1/values", ["x"], f"{EXPRESSIONS}[1].values: wanted no values for DoesNotExist, got a list"),
    ("spec/rules", [], "spec.rules: wanted a map, got a list"),
    ("spec/rules/unlimited-memory", "deny", "spec.rules.unlimited-memory: wanted a map, got 'deny'"),
    ("spec/rules/unlimited-memory/actions", "deny", "spec.rules.unlimited-memory: wanted only action, override, parameters, got 'actions'"),
    ("spec/rules/unlimited-memory/action", "block", "spec.rules.unlimited-memory.action: wanted off, audit, warn or deny, got 'block'"),
    ("spec/rules/unlimited-memory/override", "yes", "spec.rules.unlimited-memory.override: wanted true or false, got 'yes'"),
    ("spec/rules/unlimited-memory/parameters", 1, "spec.rules.unlimited-memory.parameters: wanted a map, got 1"),
    ("spec/rules/unlimited-memory/parameters/ceiling", "1Gi", "spec.rules.unlimited-memory.parameters: wanted only default, got 'ceiling'"),
    ("spec/rules/unlimited-memory/parameters/colour", "red", "spec.rules.unlimited-memory.parameters: wanted only default, got 'colour'"),
    (
        "spec/rules/privileged-container",
        {"parameters": {"default": "1"}},
        "spec.rules.privileged-container.parameters: wanted no parameters: the rule takes none, got 'default'",
    ),
    (DEFAULT, "lots", f"{BYTES}, got 'lots'"),
    (DEFAULT, "0", f"{BYTES}, got '0'"),
    (DEFAULT, -1, f"{BYTES}, got -1"),
    (DEFAULT, "512m", f"{BYTES}, got '512m'"),
    (DEFAULT, True, f"{BYTES}, got true"),
    ("spec/rules/writable-root-filesystem/parameters/paths", "/x", "spec.rules.writable-root-filesystem.parameters.paths: wanted a list, got '/x'"),
    (PATH, "tmp", f"{ABSOLUTE}, got 'tmp'"),
    (PATH, "/", f"{ABSOLUTE}, got '/'"),
    (PATH, "/scratch/../etc", f"{ABSOLUTE}, got '/scratch/../etc'"),
    (PATH, "/a:b", f"{ABSOLUTE}, got '/a:b'"),
    (f"{RULES}/untrusted-registry/parameters/allow/0", "https://x", f"{ALLOWED}, got 'https://x'"),
    (f"{RULES}/untrusted-registry/parameters/allow/0", "a.*.b", f"{ALLOWED}, got 'a.*.b'"),
    (f"{RULES}/untrusted-registry/parameters/allow/0", "", f"{ALLOWED}, got ''"),
    (f"{RULES}/mutable-image-tag/parameters/tags/0", "a b", f"{TAG}: wanted a tag of an image, got 'a b'"),
    (f"{RULES}/system-priority-class/parameters/namespaces/0", "A", f"{NAMESPACE}: wanted the name of a namespace, got 'A'"),
    (f"{RULES}/exec-into-privileged-pod/parameters/groups/1", "a b", f"{GROUP}, got 'a b'"),
    (f"{RULES}/exec-into-privileged-pod/parameters/groups/1", "", f"{GROUP}, got ''"),
    (f"{RULES}/overlong-projected-token/parameters/maximumSeconds", 599, f"{SECONDS}, got 599"),
    (f"{RULES}/overlong-projected-token/parameters/maximumSeconds", "2h", f"{SECONDS}, got '2h'"),
    (f"{RULES}/overlong-projected-token/parameters/maximumSeconds", True, f"{SECONDS}, got true"),
    (f"{RULES}/overlong-projected-token/parameters/maximumSeconds", 31536001, f"{SECONDS}, got 31536001"),
    ("spec/exclude", {}, "spec.exclude: wanted a list, got a map"),
    ("spec/exclude/0/namespace", "x", "spec.exclude[0]: wanted only namespaces, workload, containers, rules, reason, got 'namespace'"),
    ("spec/exclude/0/namespaces", None, "spec.exclude[0].namespaces: wanted at least one namespace, got nothing"),
    ("spec/exclude/0/namespaces", [], "spec.exclude[0].namespaces: wanted at least one namespace, got a list"),
    ("spec/exclude/0/namespaces/0", 7, "spec.exclude[0].namespaces[0]: wanted the name of a namespace, got 7"),
    ("spec/exclude/0/reason", None, "spec.exclude[0].reason: wanted the reason, in words, got nothing"),
    ("spec/exclude/0/reason", "  ", "spec.exclude[0].reason: wanted the reason, in words, got '  '"),
    ("spec/exclude/0/workload/kind", None, "spec.exclude[0].workload.kind: wanted a kind such as Deployment, got nothing"),
    ("spec/exclude/0/workload/name", "", "spec.exclude[0].workload.name: wanted a name, got ''"),
    ("spec/exclude/0/workload/uid", "x", "spec.exclude[0].workload: wanted only kind, name, got 'uid'"),
    ("spec/exclude/0/containers/0", None, "spec.exclude[0].containers[0]: wanted the name of a container, got nothing"),
    ("spec/exclude/0/rules", "all", "spec.exclude[0].rules: wanted a list, got 'all'"),
]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


PLACES = [path for path, _, _ in SENTENCES if path != "spec"]


@pytest.mark.parametrize(("path", "value", "sentence"), SENTENCES)
def test_whatever_is_wrong_is_said_with_its_place(path: str, value: object, sentence: str) -> None:
    assert problem(changed(path, value)) == f"policy production: {sentence}"


def test_a_policy_without_a_name_is_invalid() -> None:
    assert problem(changed("metadata", {})) == "policy : policy.metadata.name: wanted a name, got nothing"


def test_a_problem_owns_its_facts() -> None:
    with pytest.raises(InvalidPolicy) as refusal:
        read(changed("spec/action", "block"))

    error = refusal.value
    assert (error.policy, error.field, error.got) == ("production", "spec.action", "block")


def test_hostile_text_is_escaped_and_cut() -> None:
    sentence = problem(changed("spec/profile", "\x1b[31m\u202e" + "x" * 10_000))

    assert sentence.isprintable()
    assert len(sentence) < 200


@given(path=st.sampled_from(["metadata", "spec", *PLACES]), value=JSON)
@settings(max_examples=500)
def test_no_input_raises_anything_else(path: str, value: object) -> None:
    obj = changed(path, value)

    with contextlib.suppress(InvalidPolicy):
        read(obj)

    assert strictest_reading(obj, CATALOGUE).action in Action
