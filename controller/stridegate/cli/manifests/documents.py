"""From a text to the objects in it: documents parted, lists unfolded, reviews opened, each with the place of everything in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import yaml

from stridegate.cli.manifests.errors import ManifestError, NoObject, Position, Templated, Unrepresentable, shown
from stridegate.cli.manifests.nodes import compose, json_texts
from stridegate.cli.manifests.places import node_at, place_of
from stridegate.cli.manifests.sources import Source
from stridegate.cli.manifests.templates import chart_of, chart_template, marked, opened
from stridegate.cli.manifests.values import value_of
from stridegate.model.places import Pointer

_REVIEW = ("AdmissionReview", "admission.k8s.io/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One object as it stands in a source.

    `value` is the object, plain; `pointer` leads to it from the root of its document, whose number in the source counts
    from 1. `root` is PyYAML's tree of the whole document, and `above` the lines of the source before it that the marks of
    the tree do not count: none but where JSON documents follow each other. Where the object stands in an
    AdmissionReview, `request` is the review's request. `braces` says that the source has the marks of templates somewhere.
    """

    source: Source
    number: int
    value: Mapping[str, object]
    root: yaml.Node
    pointer: Pointer = ()
    above: int = 0
    request: Mapping[str, object] | None = None
    braces: bool = False

    @property
    def line(self) -> int:
        """The line of the source where the object begins."""
        return self.position().line

    @property
    def node(self) -> yaml.Node:
        """The object's own tree."""
        return node_at(self.root, self.pointer) or self.root

    def position(self, pointer: Pointer = ()) -> Position:
        """Return where a field of the object stands in the source; where it is absent, the nearest thing above it."""
        line, column = place_of(self.root, (*self.pointer, *pointer))
        return Position(line + self.above, column)

    def templated(self) -> Templated | None:
        """Return the error for an object that a template engine has yet to finish, though it happens to be YAML as it is."""
        return marked(self.node)

    @property
    def api_version(self) -> str:
        """The object's apiVersion, empty where it has none."""
        return self._text("apiVersion")

    @property
    def kind(self) -> str:
        """The object's kind, empty where it has none."""
        return self._text("kind")

    def _text(self, key: str) -> str:
        found = self.value.get(key)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What stands in one source: objects, in their order, and errors, each with what could not be read."""

    source: Source
    documents: tuple[Document, ...] = ()
    errors: tuple[ManifestError, ...] = ()


@dataclass(slots=True)
class _Found:
    documents: list[Document] = field(default_factory=list)
    errors: list[ManifestError] = field(default_factory=list)


def read(source: Source) -> Reading:
    """Return what stands in a source. Whatever is wrong with it is in the reading: one bad file hides no other.

    A template is refused as a whole. After a mistake in the syntax nothing is read; after any other, the document that
    has it is left out.
    """
    chart = None if source.path is None else chart_of(os.path.dirname(source.path))  # noqa: PTH120 - of ten thousand files
    if chart is not None:
        return Reading(source=source, errors=(chart_template(str(chart)),))
    try:
        text = source.text()
    except ManifestError as error:
        return Reading(source=source, errors=(error,))
    return read_text(text, source)


def read_text(text: str, source: Source) -> Reading:
    """Return what stands in a text that came from a source."""
    if source.met and "kind" not in text and "\\" not in text:
        # Without the word, and without an escape that could stand for it, nothing in it is an object: folders hold
        # values, settings and lists of dependencies, in YAML and JSON of many tastes.
        stranger = NoObject("an object with apiVersion and kind", "none", Position(1, 1))
        return Reading(source=source, errors=(stranger,) if text.strip() else ())
    found = _Found()
    number = 0
    for above, part in _parts(text):
        braces = "{{" in part
        try:
            for root in compose(part):
                number += 1
                _take(found, _Root(source, number, root, above, len(part), braces))
        except Templated as error:
            return Reading(source=source, errors=(error,))
        except ManifestError as error:
            templated = opened(text)
            if templated is not None:
                return Reading(source=source, errors=(templated,))
            found.errors.append(_moved(error, above))
    return Reading(source=source, documents=tuple(found.documents), errors=tuple(found.errors))


def _parts(text: str) -> list[tuple[int, str]]:
    # As kubectl tells them apart: JSON begins with a brace, and what does so and is no JSON may still be YAML.
    return (json_texts(text) if text.lstrip().startswith("{") else []) or [(0, text)]


@dataclass(frozen=True, slots=True)
class _Root:
    source: Source
    number: int
    node: yaml.Node
    above: int
    characters: int
    braces: bool


def _take(found: _Found, root: _Root) -> None:
    try:
        value = value_of(root.node, root.characters)
        if value is None:
            return
        for each in _unfolded(root, value, ()):
            if isinstance(each, Document):
                found.documents.append(each)
            else:
                found.errors.append(_moved(each, root.above))
    except Unrepresentable as error:
        templated = marked(root.node)
        if templated is not None:
            raise templated from error
        found.errors.append(_moved(error, root.above))
    except ManifestError as error:
        found.errors.append(_moved(error, root.above))


def _unfolded(root: _Root, value: object, pointer: Pointer) -> Iterator[Document | ManifestError]:
    """Yield the objects of a document: itself, what a list has, or what a review asks about."""
    if not isinstance(value, dict):
        yield NoObject("an object with apiVersion and kind", _called(value), place_of(root.node, pointer))
        return
    kind, items = value.get("kind"), value.get("items")
    if isinstance(kind, str) and isinstance(items, list):
        yield from _items(root, value, items, pointer)
        if kind.endswith("List"):
            return
    request = value.get("request")
    if (kind, value.get("apiVersion")) == _REVIEW and isinstance(request, dict):
        asked = request.get("object")
        inner = asked if isinstance(asked, dict) else {}
        yield _document(root, inner, (*pointer, "request", "object"), request)
        return
    yield _document(root, value, pointer)


def _items(
    root: _Root, within: Mapping[str, object], items: list[object], pointer: Pointer
) -> Iterator[Document | ManifestError]:
    """Yield what a list has. To kubectl whatever has `items` is one, so that a Pod or a ConfigMap can hide others in it."""
    for index, item in enumerate(items):
        where = (*pointer, "items", index)
        if isinstance(item, dict):
            yield from _unfolded(root, _listed(item, within), where)
        elif item is not None and str(within["kind"]).endswith("List"):
            yield Unrepresentable("an object in the list", _called(item), place_of(root.node, where))


def _document(
    root: _Root, value: dict[str, object], pointer: Pointer, request: Mapping[str, object] | None = None
) -> Document:
    return Document(
        source=root.source,
        number=root.number,
        value=value,
        root=root.node,
        pointer=pointer,
        above=root.above,
        request=request,
        braces=root.braces,
    )


def _listed(item: dict[str, object], within: Mapping[str, object]) -> dict[str, object]:
    """Return an object of a list: what the API server lists of one kind does not repeat it (`PodList`)."""
    kind = cast("str", within["kind"]).removesuffix("List")
    if not kind:
        return item
    named = {"apiVersion": within.get("apiVersion"), "kind": kind}
    return {**named, **{key: each for key, each in item.items() if each is not None or key not in named}}


def _called(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return f"the text {shown(value)}" if isinstance(value, str) else shown(str(value))


def _moved(error: ManifestError, above: int) -> ManifestError:
    """Return an error whose place counts the lines before its part of the text."""
    if above and error.position is not None:
        error.position = Position(error.position.line + above, error.position.column)
    return error
