"""What looks like a secret, told from a name and a value. Nothing here returns any part of a value."""

from __future__ import annotations

import enum
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", re.ASCII)
# The words that name a secret; two words written as one, and libpq's own variable, included.
_SECRETS = re.compile(
    r"(?:^|_)(?:(?:pg)?password|passwd|secret|token|api_?key|private_?key|credential|connection_?string)s?(?:_|$)",
    re.ASCII,
)
# The words that may name one, where the value looks the part.
_PERHAPS = re.compile(r"(?:^|_)(?:key|auth|pass|passphrase|pwd|creds?|salt|signature|cookie|bearer)s?(?:_|$)", re.ASCII)
# Names that end so say where a secret lies.
_WHERE = re.compile(r"_(?:file|path|dir|name|namespace)s?$", re.ASCII)

_SHAPES = re.compile(
    r"""
      (?P<private_key>-BEGIN[ ][A-Z0-9 ]{0,40}PRIVATE[ ]KEY)
    | (?<![A-Za-z0-9])(?:
          (?P<aws_access_key>(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9]))
        | (?P<github_token>gh[a-z]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20})
        | (?P<slack_token>xox[a-z]-[A-Za-z0-9-]{10})
        | (?P<google_api_key>AIza[A-Za-z0-9_-]{30})
      )
    | (?<![A-Za-z0-9_-])(?P<json_web_token>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.)
    | ://[^\s/:@]{0,256}:(?P<password_in_a_url>[^\s/@]{1,256})@
    """,
    re.VERBOSE | re.ASCII,
)
_NAMES = {
    "private_key": "a private key",
    "aws_access_key": "an access key of AWS",
    "github_token": "a token of GitHub",
    "slack_token": "a token of Slack",
    "google_api_key": "an API key of Google",
    "json_web_token": "a JSON web token",
    "password_in_a_url": "a password in a URL",
}
_SHORTEST_SHAPE = 8

_REFERENCE = re.compile(r"\$(?:\(|\{|[A-Za-z_])|`", re.ASCII)
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\{\{.*\}\}|(.)\1*|(?i:change[-_ ]?me|replace[-_ ]?me|place[-_ ]?holder|redacted|todo|none|null|your[-_ ].*)",
    re.ASCII | re.DOTALL,
)
_PLAIN = re.compile(
    r"""
      [+-]?[0-9]+(?:\.[0-9]+)?(?:ms|[smhd])?           # a number, or a time
    | (?i:true|false|yes|no|on|off)
    | (?:~|\.{1,2})?(?:/[A-Za-z0-9_.@+-]+)+/?          # a path
    | [A-Za-z]:\\\S*
    | [A-Za-z][A-Za-z0-9+.-]*://[^\s@?\#]*             # an address without credentials
    """,
    re.VERBOSE | re.ASCII,
)
_DENSE = re.compile(r"[A-Za-z0-9+/=_-]{20,512}", re.ASCII)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{32,}", re.ASCII)
# Bits per character: words in a natural language stay below it at this length.
_HIGH_ENTROPY = 3.5

_FLAG = re.compile(r"--?([A-Za-z][\w.-]{0,127})", re.ASCII)
# A name that is given a value somewhere in a command line or a script. What follows is only looked at, since a value may
# hold further names (`--from-literal=password=…`).
_ASSIGNMENT = re.compile(
    r"""(?<![\w.-])-{0,2}([A-Za-z][\w.-]{0,127})=(?="([^"]{0,256})"|'([^']{0,256})'|([^\s"';&|)]{0,256}))""", re.ASCII
)


class Suspicion(enum.Enum):
    """What a name says about its value."""

    NONE = "nothing"
    PERHAPS = "it may be a secret"
    SURE = "it is a secret"


@lru_cache(maxsize=4096)
def _suspicion(name: str) -> Suspicion:
    words = "_".join(_WORD.findall(name)).lower()
    if _WHERE.search(words):
        return Suspicion.NONE
    if _SECRETS.search(words):
        return Suspicion.SURE
    return Suspicion.PERHAPS if _PERHAPS.search(words) else Suspicion.NONE


def suspicion(name: str) -> Suspicion:
    """Return what a name makes expect of its value."""
    return _suspicion(name) if len(name) <= 256 else Suspicion.SURE


class Suspicious(Exception):
    """Ends a judgement that is not to be remembered."""


# The same few settings come with every pod. What was found harmless is remembered; what may be a secret never is, nor
# what is long: an exception leaves nothing behind.
_LONGEST_REMEMBERED = 256


@lru_cache(maxsize=8192)
def clear(name: str | None, value: str) -> None:
    """Make sure that a value looks harmless under its name. Raises Suspicious where it does not, or takes a closer look."""
    if len(value) > _LONGEST_REMEMBERED or shape_of_secret(name or "", value) is not None:
        raise Suspicious


@lru_cache(maxsize=1024)
def clear_arguments(arguments: tuple[str, ...]) -> None:
    """Make sure that the arguments of a command look harmless. Raises Suspicious where they do not, or take a closer look."""
    if sum(map(len, arguments)) > 4 * _LONGEST_REMEMBERED or any(shapes_in_arguments(arguments)):
        raise Suspicious


def shapes_in_arguments(arguments: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the position of each argument that looks like a secret, and what it looks like."""
    before = None
    for position, argument in enumerate(arguments):
        shape = _shape_in_argument(argument, before)
        if shape is not None:
            yield position, shape
        before = argument


def shape_of_secret(name: str, value: str) -> str | None:
    """Return what a value looks like under its name, in words that tell nothing of it, or None where it looks harmless."""
    shape = known_shape(value)
    if shape is not None:
        return shape
    expected = suspicion(name)
    if expected is Suspicion.SURE and not _harmless(value):
        return "a literal under the name of a secret"
    if expected is Suspicion.PERHAPS and not _harmless(value) and _random(value):
        return "a random string under a suspicious name"
    return None


def known_shape(value: str) -> str | None:
    """Return which well-known kind of secret a value contains."""
    if len(value) < _SHORTEST_SHAPE:
        return None
    for match in _SHAPES.finditer(value):
        kind = match.lastgroup or ""
        if kind != "password_in_a_url" or not _stands_for_another(match[kind]):
            return _NAMES[kind]
    return None


def _shape_in_argument(argument: str, before: str | None) -> str | None:
    shape = known_shape(argument)
    if shape is not None:
        return shape
    flag = None if before is None or argument.startswith("-") else _FLAG.fullmatch(before)
    if flag is not None and (shape := shape_of_secret(flag[1], argument)) is not None:
        return shape
    if "=" not in argument:
        return None
    for match in _ASSIGNMENT.finditer(argument):
        value = next((group for group in match.groups()[1:] if group is not None), "")
        # A bracket is code that gets the value from somewhere.
        if "(" not in value and (shape := shape_of_secret(match[1], value)) is not None:
            return shape
    return None


def _harmless(value: str) -> bool:
    text = value.strip()
    return not text or _stands_for_another(text) or _PLAIN.fullmatch(text) is not None


def _stands_for_another(text: str) -> bool:
    return _REFERENCE.match(text) is not None or _PLACEHOLDER.fullmatch(text) is not None


def _random(value: str) -> bool:
    text = value.strip()
    if not _DENSE.fullmatch(text):
        return False
    mixed = any(map(str.isdigit, text)) and any(map(str.islower, text)) and any(map(str.isupper, text))
    if not mixed and not _HEXADECIMAL.fullmatch(text):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares) >= _HIGH_ENTROPY
