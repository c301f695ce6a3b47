"""YAML says what it says to kubectl: sigs.k8s.io/yaml reads YAML 1.1, and makes JSON of it."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stridegate.cli.manifests import nodes
from stridegate.cli.manifests.documents import read_text
from stridegate.cli.manifests.errors import DuplicateKey, ManifestError, Oversized, Unrepresentable
from stridegate.cli.manifests.nodes import compose
from stridegate.cli.manifests.sources import Source
from stridegate.cli.manifests.values import value_of

_SOURCE = Source("web.yaml")


def value(text: str) -> object:
    (root,) = compose(text)
    return value_of(root, len(text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", True),
        ("on", True),
        ("y", True),
        ("No", False),
        ("OFF", False),
        ("yEs", "yEs"),
        ("~", None),
        ("", None),
        ("'yes'", "yes"),
        ("'5'", "5"),
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("-0b11", -3),
        ("+12", 12),
        ("1_000", 1000),
        ("08", 8),
        ("1e3", 1000),
        ("8.0", 8),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2001-01-01", "2001-01-01"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("1.2.3", "1.2.3"),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)),
        ("1e999", "1e999"),
        ("_1", "_1"),
        ("=", "="),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!vault secret", "secret"),
        ("!Ref web", "web"),
        ("0", 0),
        ("-", "-"),
    ],
)
def test_a_scalar_means_what_kubectl_reads(written: str, meant: object) -> None:
    text = f"- {written}" if written != "-" else "- '-'"

    assert value(text) == [meant]
    assert type(value(text)[0]) is type(meant)  # type: ignore[index] # it is a list


def test_keys_become_texts_as_in_json() -> None:
    assert value("8080: a\non: b\n1.5: c\n'5': d") == {"8080": "a", "true": "b", "1.5": "c", "5": "d"}


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "on: 1\n'true': 2", "8: 1\n'8': 2", "{a: 1, 'a': 2}", '{"a": 1, "a": 2}']
)
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(DuplicateKey, match="once, got it again"):
        value(text)


@pytest.mark.parametrize("text", ["a: .nan", "a: -.inf", "? [a]\n: b", "~: a", "a: !!binary aGk=", "a: !!int b"])
def test_what_json_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(Unrepresentable):
        value(text)


def test_merged_maps_lie_under_what_follows_them() -> None:
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall:\n  <<: [*one, *two]\n  c: 3"

    assert value(text) == {"one": {"a": 1, "b": 1}, "two": {"b": 2, "c": 2}, "all": {"a": 1, "b": 1, "c": 3}}


def test_a_merge_that_readers_disagree_about_is_refused() -> None:
    with pytest.raises(Unrepresentable, match="<< before the key 'a'"):
        value("base: &base {a: 1}\nall:\n  a: 2\n  <<: *base")


def test_aliases_cannot_exhaust_the_process() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )

    with pytest.raises(Oversized, match="aliases that expand to at most 100000 more values"):
        value(bomb)


def test_an_alias_in_what_it_stands_for_is_refused() -> None:
    with pytest.raises(Oversized, match="at most 128 levels"):
        value("a: &a [*a]")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 499 + "]" * 499,
        "- " * 399 + "a",
        "\n".join(f"{' ' * level}a:" for level in range(700)),
        "\n".join(f"{' ' * level}a:\n{' ' * level}- b: 1" for level in range(700)),
        "? " * 399,
    ],
)
def test_what_is_deep_within_short_lines_is_refused(text: str) -> None:
    reading = read_text(text, _SOURCE)

    assert reading.errors
    assert not reading.documents


@pytest.mark.parametrize("parser", ["fast", "pure"])
@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 5_000, "? " * 20_000])
def test_deep_nesting_is_refused_before_it_ends_the_process(
    text: str, parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if parser == "pure":
        monkeypatch.setattr(nodes, "_PARSER", nodes._PureParser)  # noqa: SLF001 - what runs where nobody built libyaml

    with pytest.raises(ManifestError):
        list(compose(text))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_json_means_what_it_says(obj: object) -> None:
    text = json.dumps({"kind": "X", "apiVersion": "v1", "spec": obj})

    reading = read_text(text, _SOURCE)

    if reading.errors:
        # YAML has no way to write these few, and says so.
        assert any(not character.isprintable() for character in json.dumps(obj, ensure_ascii=False)) or "key" in str(
            reading.errors
        )
    else:
        assert _close(reading.documents[0].value["spec"], obj)


def _close(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other)
    return one == other


@given(st.text(alphabet=st.sampled_from("abn0123456789._+-exXoOyY~tTrRuUeE:# "), max_size=8))
def test_both_parsers_agree(word: str) -> None:
    text = f"k: {word}\n"

    def read(parser: type) -> object:
        try:
            loader = parser(text)
            return value_of(loader.get_single_node(), len(text))
        except (yaml.YAMLError, ManifestError):
            return "refused"

    assert read(nodes._PARSER) == read(nodes._PureParser)  # noqa: SLF001 - as above
