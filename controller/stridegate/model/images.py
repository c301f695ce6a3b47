"""References to images, read as container runtimes read them (github.com/distribution/reference)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# What a name is held to where nobody says otherwise.
DEFAULT_DOMAIN = "docker.io"

# Far above any real reference: name, tag and digest have bounds of their own.
_LONGEST = 600
_LONGEST_NAME = 255
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})", re.ASCII)
_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_IDENTIFIER = re.compile(r"[a-f0-9]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference in canonical form: the registry's host and port in lower case, the path below it, tag and digest where they are given."""

    domain: str
    path: str
    tag: str | None
    digest: str | None


def parse_image(text: str) -> ImageReference | None:
    """Return what a reference names, or None where it does not parse."""
    return _parse(text) if 0 < len(text) <= _LONGEST else None


# The same few images come with every pod.
@lru_cache(maxsize=4096)
def _parse(text: str) -> ImageReference | None:
    named, at, digest = text.partition("@")
    if at and not _real_digest(digest):
        return None
    name, tag = _split_tag(named)
    if (tag is not None and not _TAG.fullmatch(tag)) or (not at and tag is None and _IDENTIFIER.fullmatch(name)):
        return None
    domain, path = _split_domain(name)
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path) or len(domain) + 1 + len(path) > _LONGEST_NAME:
        return None
    return ImageReference(domain.lower(), path, tag, digest or None)


def _split_tag(named: str) -> tuple[str, str | None]:
    """Split a tag off: a colon before the last slash is the one of a port."""
    name, colon, tag = named.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (named, None)


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not (set(first) & {".", ":"} or first == "localhost" or first != first.lower()):
        first, rest = DEFAULT_DOMAIN, name
    # In capitals it is the same host, but nothing is completed: `Docker.io/app` is not `docker.io/library/app`.
    if first in {DEFAULT_DOMAIN, f"index.{DEFAULT_DOMAIN}"}:
        return DEFAULT_DOMAIN, rest if "/" in rest else f"library/{rest}"
    return first, rest


def _real_digest(digest: str) -> bool:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        return False
    algorithm, digits = match.groups()
    # OCI image specification, descriptors: registered algorithms have a length, and lower case.
    wanted = _DIGITS.get(algorithm)
    return wanted is None or (len(digits) == wanted and digits == digits.lower())


def under(image: ImageReference, entry: str) -> bool:
    """Whether an image lies under an entry of an allow-list: `host[:port]` or `host[:port]/path`, the host perhaps with a leading `*.`.

    Hosts are compared whole with their port, and paths by component. `*.` stands for one or more labels. An entry that
    means nothing allows nothing.
    """
    host, slash, path = entry.partition("/")
    host = host.lower()
    if host == f"index.{DEFAULT_DOMAIN}":
        host = DEFAULT_DOMAIN
    if host.startswith("*."):
        if not image.domain.endswith(host[1:]) or len(host) == 2:
            return False
    elif not host or image.domain != host:
        return False
    return not slash or image.path == path or image.path.startswith(f"{path}/")
