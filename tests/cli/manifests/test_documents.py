"""Sources become objects, each with the place of everything in it; whatever is wrong names its line."""

from __future__ import annotations

import json

import pytest

from stridegate.cli.manifests.documents import Document, Reading, read_text
from stridegate.cli.manifests.errors import BrokenSyntax, DuplicateKey, NoObject, Position, Templated
from stridegate.cli.manifests.sources import Source

_SOURCE = Source("web.yaml")
_POD = """\
# a comment
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:1
    securityContext:
      privileged: true
  - {name: log, image: "log:1"}
"""


def read(text: str) -> Reading:
    return read_text(text, _SOURCE)


def one(text: str) -> Document:
    (document,) = read(text).documents
    return document


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        ((), 2, 1),
        (("spec", "containers", 0), 8, 5),
        (("spec", "containers", 0, "securityContext", "privileged"), 11, 7),
        (("spec", "containers", 0, "securityContext", "runAsNonRoot"), 10, 5),
        (("spec", "containers", 1, "securityContext", "privileged"), 12, 5),
        (("spec", "containers", 1, "image"), 12, 17),
        (("spec", "containers", 7, "image"), 7, 3),
        (("spec", "securityContext", "runAsNonRoot"), 6, 1),
        (("metadata", "name", "too", "deep"), 5, 3),
    ],
)
def test_every_pointer_has_a_place(pointer: tuple[str | int, ...], line: int, column: int) -> None:
    assert one(_POD).position(pointer) == Position(line, column)


def test_a_merged_field_stands_where_it_was_written() -> None:
    text = "base: &base\n  image: web\nkind: X\napiVersion: v1\nspec:\n  <<: *base\n"

    assert one(text).position(("spec", "image")) == Position(2, 3)


def test_documents_follow_each_other_and_empty_ones_are_none() -> None:
    text = f"---\n# nothing\n---\n{_POD}---\n{_POD}...\n---\n\n"

    first, second = read(text).documents

    assert (first.line, second.line) == (5, 18)
    assert (first.number, second.number) == (2, 3)
    assert not read(text).errors


def test_lists_are_unfolded_however_deep() -> None:
    text = """\
apiVersion: v1
kind: List
items:
- kind: PodList
  apiVersion: v1
  items:
  - metadata: {name: a}
  -
- {apiVersion: v1, kind: Pod, metadata: {name: b}}
"""

    first, second = read(text).documents

    assert (first.kind, first.api_version, first.line) == ("Pod", "v1", 7)
    assert first.pointer == ("items", 0, "items", 0)
    assert (second.kind, second.line) == ("Pod", 9)
    assert second.position(("metadata", "name")).line == 9


def test_a_list_with_something_else_in_it_is_refused_there() -> None:
    reading = read("apiVersion: v1\nkind: List\nitems:\n- {kind: Pod, apiVersion: v1}\n- text\n")

    assert [each.kind for each in reading.documents] == ["Pod"]
    assert reading.errors[0].position == Position(5, 3)


@pytest.mark.parametrize("kind", ["ConfigMap", "Pod", "Whatever"])
def test_what_an_object_of_another_kind_has_as_items_is_found_beside_it(kind: str) -> None:
    # kubectl creates the items, and not the object; other clients create the object, and not the items.
    text = f"""\
apiVersion: v1
kind: {kind}
metadata: {{name: outside}}
items:
- {{apiVersion: v1, kind: Pod, metadata: {{name: hidden}}}}
- text
"""

    hidden, outside = read(text).documents

    assert (hidden.kind, hidden.pointer, hidden.line) == ("Pod", ("items", 0), 5)
    assert (outside.kind, outside.pointer) == (kind, ())
    assert not read(text).errors


def test_a_review_is_its_request() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "object": pod}}

    document = one(json.dumps(review, indent=2))

    assert document.value == pod
    assert document.request is not None
    assert document.request["uid"] == "1"
    assert document.position(("metadata", "name")).line == 10


def test_json_documents_may_follow_each_other() -> None:
    text = '{"kind": "A", "apiVersion": "v1"}\n\n{"kind": "B",\n "apiVersion": "\\ud83d\\ude00 \\\\ud83d"}\n{"a": 1, "a": 2}'

    reading = read(text)

    assert [(each.kind, each.line) for each in reading.documents] == [("A", 1), ("B", 3)]
    assert reading.documents[1].position(("apiVersion",)) == Position(4, 2)
    assert reading.documents[1].api_version == "😀 \\ud83d"
    assert reading.errors[0].position == Position(5, 10)


def test_a_map_in_braces_that_is_no_json_is_yaml() -> None:
    assert one("{kind: Pod, apiVersion: v1}").kind == "Pod"


def test_one_bad_document_hides_no_other() -> None:
    reading = read(f"{_POD}---\na: 1\na: 2\n---\n- a list\n---\n{_POD}")

    assert len(reading.documents) == 2
    duplicate, no_object = reading.errors
    assert isinstance(duplicate, DuplicateKey)
    assert duplicate.position == Position(15, 1)
    assert isinstance(no_object, NoObject)
    assert no_object.position == Position(17, 1)


def test_a_mistake_in_the_syntax_names_its_line_and_keeps_what_stands_before_it() -> None:
    reading = read(f"{_POD}---\na: [1\nb: 2\n")

    assert len(reading.documents) == 1
    (error,) = reading.errors
    assert isinstance(error, BrokenSyntax)
    assert error.position == Position(15, 2)


@pytest.mark.parametrize(
    "template",
    [
        "{{- if .Values.web }}\n" + _POD + "{{- end }}\n",
        _POD.replace("web:1", "{{ .Values.image }}"),
        _POD.replace("name: web\nspec", "name: {{ .Release.Name }}\nspec"),
        _POD + "---\n" + _POD.replace("privileged: true", "{{- toYaml .Values.sc | nindent 6 }}"),
        "{% if web %}\n" + _POD + "{% endif %}\n",
        _POD.replace("  - {name: log", "  {{- range .Values.more }}\n  - {name: log"),
    ],
)
def test_a_template_is_refused_as_a_whole_with_advice(template: str) -> None:
    reading = read(template)

    assert reading.documents == ()
    (error,) = reading.errors
    assert isinstance(error, Templated)
    assert "helm template" in str(error)
    assert error.position is not None


def test_braces_in_comments_and_texts_are_no_template() -> None:
    text = _POD.replace("# a comment", "# {{ a comment }}").replace("web:1", '"{{ web }}"')

    assert one(text).templated() is None


def test_an_object_that_is_yaml_by_accident_is_told_from_one_that_is_finished() -> None:
    unfinished = one(_POD.replace("name: web\nspec", "name: web-{{ .Release.Name }}\nspec"))
    finished = one(_POD.replace("image: web:1", "args:\n    - --format={{.Name}}"))

    assert unfinished.templated() is not None
    assert finished.templated() is None


def test_a_mistake_beside_a_comment_with_braces_is_still_a_mistake() -> None:
    (error,) = read("# {{ a comment }}\na: [1\n").errors

    assert isinstance(error, BrokenSyntax)


def test_windows_line_ends_and_control_characters() -> None:
    assert one(_POD.replace("\n", "\r\n")).position(("spec", "containers", 1)).line == 12
    (error,) = read("a: \x1b[31m\n").errors
    assert isinstance(error, BrokenSyntax)
    assert str(error) == "wanted printable characters, got U+001B"
    assert error.position == Position(1, 1)


@pytest.mark.parametrize("text", ['// settings\n{"a": 1,}', "- hosts: {{ all }}\n", "just words", "a: 1\na: 2\n"])
def test_what_stands_in_a_folder_and_is_no_manifest_is_no_mistake(text: str) -> None:
    (error,) = read_text(text, Source("settings.json", met=True)).errors
    named = read_text(text, _SOURCE).errors

    assert isinstance(error, NoObject)
    assert named


def test_no_spelling_hides_an_object_in_a_folder() -> None:
    text = '"\\x6bind": Pod\napiVersion: v1\n'

    (document,) = read_text(text, Source("settings.yaml", met=True)).documents

    assert document.kind == "Pod"
