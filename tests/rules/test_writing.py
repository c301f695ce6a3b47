"""Equal manifests written differently get equal verdicts: order, nulls, quotes, YAML or JSON, and quantities by other suffixes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from typing import cast

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pod_strategies import everything
from specimens import questions
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap
from stridegate.kube.shapes import shape_of
from stridegate.model.edits import Json
from stridegate.model.errors import BadQuantity
from stridegate.model.pods import PodTemplate
from stridegate.model.quantities import parse_quantity
from stridegate.model.rules import Given, Parameters, Quantity
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome

many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ASKED = questions(Given(parameters=Parameters(ceiling=Quantity("8Gi", Fraction(8 * 2**30)))), named=POD_RULES.keys())
READ = msgspec.json.Decoder(shape_of(PodTemplate))
Verdict = set[tuple[object, ...]]


def verdict(text: bytes) -> Verdict:
    """Return what a pod is found to break, from the bytes on; a pod that cannot be read breaks everything."""
    try:
        template = READ.decode(text)
    except msgspec.ValidationError:
        return {("unreadable",)}
    found = evaluate(ASKED, PodView(template, (), Setting(namespace="shop")))
    return {(*finding.key, finding.outcome, finding.violation.rank if finding.violation else 0) for finding in found}


def as_json(pod: Json) -> bytes:
    return json.dumps(pod).encode()


def mapped(value: Json, change: Callable[[dict[str, Json]], dict[str, Json]]) -> Json:
    """Return a value with every map in it changed, the innermost first."""
    if isinstance(value, list):
        return [mapped(each, change) for each in value]
    if isinstance(value, dict):
        return change({key: mapped(each, change) for key, each in value.items()})
    return value


def without_nulls(pod: Json) -> Json:
    return mapped(pod, lambda fields: {key: value for key, value in fields.items() if value is not None})


def with_nulls(pod: JsonMap) -> JsonMap:
    """Return a pod in which every absent field that a rule reads is null."""
    read = READ.decode(as_json(pod))
    return cast("JsonMap", _nulled(pod, read))


def _nulled(value: Json, shape: object) -> Json:
    if isinstance(value, list) and isinstance(shape, tuple):
        return [_nulled(each, inner) for each, inner in zip(value, shape, strict=True)]
    fields = getattr(shape, "__struct_fields__", ())
    if isinstance(value, dict) and fields:
        return {key: _nulled(each, getattr(shape, key, None)) for key, each in value.items()} | {
            name: None for name in fields if name not in value
        }
    return value


@many
@given(everything())
def test_the_order_of_fields_means_nothing(pod: JsonMap) -> None:
    turned = mapped(pod, lambda fields: dict(reversed(fields.items())))

    assert verdict(as_json(turned)) == verdict(as_json(pod))


@many
@given(everything())
def test_null_is_what_is_absent(pod: JsonMap) -> None:
    expected = verdict(as_json(pod))

    assert verdict(as_json(without_nulls(pod))) == expected
    if ("unreadable",) not in expected:
        assert verdict(as_json(with_nulls(pod))) == expected


@many
@given(everything(), st.sampled_from([None, "'", '"']), st.booleans(), st.integers(1, 9))
def test_yaml_is_json_however_it_is_laid_out(pod: JsonMap, quotes: str | None, flow: bool, indent: int) -> None:
    try:
        text = yaml.safe_dump(pod, default_style=quotes, default_flow_style=flow, indent=indent, allow_unicode=flow)
        again = yaml.safe_load(text)
    except yaml.YAMLError:
        return  # Some control characters and lone surrogates cannot be written in YAML.

    assert verdict(as_json(again)) == verdict(as_json(pod))


@many
@given(everything(), st.sampled_from([None, 1, 4]), st.booleans())
def test_blanks_and_escapes_mean_nothing(pod: JsonMap, indent: int | None, ascii_alone: bool) -> None:
    text = json.dumps(pod, indent=indent, ensure_ascii=ascii_alone)

    try:
        written = text.encode()
    except UnicodeEncodeError:
        return  # What is no text cannot be sent unescaped.
    assert verdict(written) == verdict(as_json(pod))


def rewritten(pod: JsonMap, write: Callable[[Fraction], Json]) -> JsonMap:
    """Return a pod in which every quantity of memory is written in another way."""
    copied = copy.deepcopy(pod)

    def change(fields: dict[str, Json]) -> dict[str, Json]:
        for key in ("memory", "sizeLimit"):
            quantity = fields.get(key)
            if isinstance(quantity, str | int) and not isinstance(quantity, bool):
                try:
                    value = parse_quantity(quantity)
                except BadQuantity:
                    continue
                if value.denominator == 1:
                    fields[key] = write(value)
        return fields

    return cast("JsonMap", mapped(copied, change))


WRITINGS: list[Callable[[Fraction], Json]] = [
    str,
    int,
    lambda value: f"{value * 1000}m",
    lambda value: f"{int(value)}e0",
    lambda value: f"{int(value)}.000",
    lambda value: f"+{int(value)}" if value >= 0 else str(value),
    lambda value: f"{int(value) // 1024}Ki" if value % 1024 == 0 else str(value),
    lambda value: f"{int(value) // 1000}k" if value % 1000 == 0 else str(value),
]


@pytest.mark.parametrize("write", range(len(WRITINGS)))
@many
@given(pod=everything())
def test_a_quantity_is_what_it_is_worth(pod: JsonMap, write: int) -> None:
    before = [each for each in verdict(as_json(pod)) if each[0] != "unlimited-memory"]
    after = [each for each in verdict(as_json(rewritten(pod, WRITINGS[write]))) if each[0] != "unlimited-memory"]

    assert set(after) == set(before)


@pytest.mark.parametrize("write", range(len(WRITINGS)))
@many
@given(pod=everything())
def test_a_memory_limit_is_one_however_it_is_written(pod: JsonMap, write: int) -> None:
    def failing(found: Verdict) -> Verdict:
        # A warning of a slip is about the way it is written.
        return {each for each in found if each[0] == "unlimited-memory" and Outcome.FAIL in each}

    assert failing(verdict(as_json(rewritten(pod, WRITINGS[write])))) == failing(verdict(as_json(pod)))
