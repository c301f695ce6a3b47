"""References to images: one reading of them, held to another that is written differently, and what lists of registries mean."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from specimens import judged, laid_over, slugs
from stridegate.model.images import ImageReference, parse_image, under
from stridegate.model.rules import Given, Parameters
from stridegate.model.settings import Setting
from stridegate.model.vocabulary import Profile

DIGEST: Final = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "domain", "path", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", None),
        ("DOCKER.IO/team/app", "docker.io", "team/app", None, None),
        ("Docker.io/nginx", "docker.io", "nginx", None, None),
        ("INDEX.docker.io/nginx", "index.docker.io", "nginx", None, None),
        ("team/app:1.0", "docker.io", "team/app", "1.0", None),
        ("reg:5000/img", "reg:5000", "img", None, None),
        ("img:5000", "docker.io", "library/img", "5000", None),
        ("reg:5000/img:5000", "reg:5000", "img", "5000", None),
        ("localhost/x", "localhost", "x", None, None),
        ("REGISTRY.IO/x", "registry.io", "x", None, None),
        ("Reg/x", "reg", "x", None, None),
        ("registry.io:443/x", "registry.io:443", "x", None, None),
        ("[2001:db8::1]:5000/x:1", "[2001:db8::1]:5000", "x", "1", None),
        ("xn--e1awd7f.example/x", "xn--e1awd7f.example", "x", None, None),
        (f"img@{DIGEST}", "docker.io", "library/img", None, DIGEST),
        (f"img:tag@{DIGEST}", "docker.io", "library/img", "tag", DIGEST),
        (f"reg:5000/a/b__c/d--e:LATEST@{DIGEST}", "reg:5000", "a/b__c/d--e", "LATEST", DIGEST),
        ("img@blake3:" + "0" * 32, "docker.io", "library/img", None, "blake3:" + "0" * 32),
        ("registry.io.evil.example/x", "registry.io.evil.example", "x", None, None),
        ("0" * 64 + ":1", "docker.io", "library/" + "0" * 64, "1", None),
    ],
)
def test_a_reference_is_read_as_runtimes_read_it(
    text: str, domain: str, path: str, tag: str | None, digest: str | None
) -> None:
    assert parse_image(text) == ImageReference(domain, path, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        " nginx",
        "nginx\n",
        "nginx:",
        "nginx@",
        "nginx:1:2",
        "nginx@sha256:abc",
        "nginx@sha256:" + "AB" * 32,
        "nginx@sha256:" + "0" * 65,
        f"nginx@{DIGEST}@{DIGEST}",
        "registry.io@evil.example/x",
        "registry.io./x",
        ".registry.io/x",
        "-reg.io/x",
        "reg.io:/x",
        "reg.io:port/x",
        "reg.io//x",
        "reg.io/x/",
        "/x",
        "App",
        "reg.io/App",
        "reg.io/a___b",
        "reg.io/-a",
        "https://reg.io/x",
        "user:pass@reg.io/x",
        "r\u0435gistry.io/x",
        "reg.io/x:\u0661",
        "reg.io/x:" + "t" * 129,
        "0" * 64,
        "reg.io/" + "a" * 249,
        "a" * 10_000,
        "[::1/x",
    ],
)
def test_what_runtimes_refuse_names_nothing(text: str) -> None:
    assert parse_image(text) is None


def test_a_name_may_have_255_characters() -> None:
    assert parse_image("reg.io/" + "a" * 248) is not None


# The grammar as one expression (github.com/distribution/reference, `regexp.go`), against the parser that splits.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_GRAMMAR = re.compile(
    rf"(?:({_HOST})/)?({_PART}(?:/{_PART})*)(?::(\w[\w.-]{{0,127}}))?"
    r"(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


def read_otherwise(text: str) -> ImageReference | None:
    """Return what the expression makes of a reference: it finds the registry last, where the parser begins with it."""
    match = _GRAMMAR.fullmatch(text)
    if match is None or re.fullmatch("[a-f0-9]{64}", text):
        return None
    host, path, tag, digest = match.groups()
    if host is not None and not re.search(r"[.:A-Z]", host) and host != "localhost":
        host, path = None, f"{host}/{path}"
    if host is None and re.match(r"(?:[^/]*[.:][^/]*|localhost)/", path):
        return None  # What would be the registry is none.
    if digest is not None:
        algorithm, _, digits = digest.partition(":")
        if algorithm in _LENGTHS and (len(digits) != _LENGTHS[algorithm] or digits.lower() != digits):
            return None
    domain = host or "docker.io"
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return None if len(f"{host or 'docker.io'}/{path}") > 255 else ImageReference(domain.lower(), path, tag, digest)


PIECES = st.sampled_from(
    [
        "a",
        "b9",
        "A",
        ".",
        ":",
        "/",
        "-",
        "_",
        "__",
        "@",
        "localhost",
        "docker.io",
        "index.docker.io",
        "[::1]",
        "5000",
        "library",
        "latest",
        DIGEST,
        "@" + DIGEST,
        "sha256:",
        "0" * 64,
        " ",
        "\u0435",
        "xn--e1",
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join))
@example("localhost/a")
@example("a.b/c")
@example("A/b")
def test_two_readings_agree(text: str) -> None:
    assert parse_image(text) == read_otherwise(text)


@pytest.mark.parametrize(
    ("text", "entry", "lies"),
    [
        ("registry.io/x", "registry.io", True),
        ("registry.io/x", "REGISTRY.IO", True),
        ("registry.io.evil.example/x", "registry.io", False),
        ("registry.io:8443/x", "registry.io", False),
        ("registry.io/x", "registry.io:443", False),
        ("registry.io:443/x", "registry.io:443", True),
        ("evil.example/registry.io/x", "registry.io", False),
        ("ghcr.io/acme/app", "ghcr.io/acme", True),
        ("ghcr.io/acme", "ghcr.io/acme", True),
        ("ghcr.io/acme-evil/app", "ghcr.io/acme", False),
        ("ghcr.io/Acme/app", "ghcr.io/acme", False),
        ("nginx", "docker.io", True),
        ("nginx", "docker.io/library", True),
        ("Docker.io/nginx", "docker.io/library", False),
        ("nginx", "index.docker.io/library", True),
        ("team/app", "docker.io/library", False),
        ("a.mirror.example/x", "*.mirror.example", True),
        ("a.b.mirror.example/x", "*.mirror.example", True),
        ("mirror.example/x", "*.mirror.example", False),
        ("evilmirror.example/x", "*.mirror.example", False),
        ("a.mirror.example:5000/x", "*.mirror.example", False),
        ("a.mirror.example:5000/x", "*.mirror.example:5000/x", True),
        ("anything.example/x", "*.", False),
        ("anything.example/x", "", False),
        ("anything.example/x", "/x", False),
        ("localhost/x", "docker.io", False),
    ],
)
def test_an_entry_allows_what_lies_under_it_by_its_parts(text: str, entry: str, lies: bool) -> None:
    image = parse_image(text)

    assert (image is not None and under(image, entry)) is lies


def test_an_image_volume_is_held_to_the_registries() -> None:
    given_list = Given(parameters=Parameters(allow=("registry.example",)))
    pod = laid_over("volumes: [{name: x, image: {reference: 'quay.io/x:1'}}]")

    assert slugs(judged(pod, given_list, named={"untrusted-registry"})) == {"untrusted-registry"}


def test_an_image_volume_is_listed_for_restricted() -> None:
    pod = laid_over("volumes: [{name: x, image: {reference: 'registry.example/x:1'}}]")

    assert not judged(pod, Given(profile=Profile.RESTRICTED))


def test_an_image_volume_of_another_shape_is_an_error_and_never_a_pass() -> None:
    pod = laid_over("volumes: [{name: x, image: [evil]}]")

    errors = {finding.rule.slug for finding in judged(pod) if finding.error}

    assert errors == {"malformed-image-reference", "mutable-image-tag"}


def test_an_empty_image_in_a_template_is_nobodys() -> None:
    named = {"undigested-image", "cached-image-reuse", "untrusted-registry"}
    given_list = Given(parameters=Parameters(allow=("registry.example",)))
    pod = laid_over("containers: [{name: app, image: ''}]")

    template = judged(pod, given_list, named=named, setting=Setting(template=True))
    itself = judged(pod, given_list, named=named)

    assert not template
    assert slugs(itself) == named | {"malformed-image-reference", "mutable-image-tag"}
