"""Every field that a rule reads, with values that nobody hopes for, from the bytes of a call to the bytes of the answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import jsonpatch
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pod_strategies import everything
from reviewing import Asked, response_of
from specimens import policy as policy_for
from specimens import regime
from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.engine.examples import JsonMap, hardened_pod
from stridegate.kube.rosters import Version
from stridegate.kube.shapes import shape_of
from stridegate.model.pods import PodTemplate
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Outcome
from stridegate.webhook.admission import Admission, Call
from stridegate.webhook.journals import Journal
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet

Path = tuple[str | int, ...]

# As JSON, since some of it is nothing that Python would write.
HOSTILE: Final = (
    *("null", "true", "false", "0", "-1", "1e400", "-0.0", "1.5", "9" * 4000, "18446744073709551616", "NaN"),
    *(
        '""',
        '" "',
        '"true"',
        '"0"',
        '"\\u0000"',
        '"\\ud800"',
        '"\\u202e/\\u2066"',
        '"\\uff0fproc"',
        f'"{"x" * 100_000}"',
    ),
    *(f'"{"/" * 50_000}"', f'"{"../" * 20_000}"', f'"{"9" * 4000}Gi"', '"\\u0661Gi"', f'"{"a:" * 20_000}"'),
    *("[]", "[null]", "[[]]", "[{}]", "[0]", '[""]', "{}", '{"":{}}', '{"name":null}', '{"type":[]}', '{"memory":{}}'),
    "[" * 200 + "]" * 200,
    '{"a":' * 200 + "0" + "}" * 200,
)
# What a volume and the maps of resources hold is not declared as fields.
FURTHER: Final[tuple[Path, ...]] = (
    *(("spec", "volumes", 0, key) for key in ("name", "hostPath", "emptyDir", "image", "projected", "gitRepo", "nfs")),
    *(("spec", "volumes", 0, "hostPath", key) for key in ("path", "type")),
    *(("spec", "volumes", 0, "emptyDir", key) for key in ("medium", "sizeLimit")),
    *(("spec", "volumes", 0, "image", key) for key in ("reference", "pullPolicy")),
    ("spec", "volumes", 0, "projected", "sources"),
    ("spec", "volumes", 0, "projected", "sources", 0),
    ("spec", "volumes", 0, "projected", "sources", 0, "serviceAccountToken"),
    ("spec", "volumes", 0, "projected", "sources", 0, "serviceAccountToken", "expirationSeconds"),
    *(("spec", *owner, "resources", kind, key) for owner in ((), ("containers", 0)) for kind in ("limits", "requests")
      for key in ("memory", "cpu", "ephemeral-storage")),
    ("metadata", "annotations", "stridegate.dev/writable-paths"),
    ("metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/app"),
    ("metadata", "annotations", "seccomp.security.alpha.kubernetes.io/pod"),
    ("metadata", "annotations", "io.kubernetes.cri-o.userns-mode"),
)  # fmt: skip


def paths_of(shape: type, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every field of a shape, and of the first element of each list."""
    hints = get_type_hints(shape)
    for each in fields(shape):
        below = (*path, each.name)
        yield below
        hint = hints[each.name]
        for part in get_args(hint) if isinstance(hint, UnionType) else (hint,):
            inner, deeper = part, below
            if get_origin(part) is tuple:
                inner, deeper = get_args(part)[0], (*below, 0)
                yield deeper
            if isinstance(inner, type) and is_dataclass(inner):
                yield from paths_of(inner, deeper)


PATHS: Final = [*paths_of(PodTemplate), *FURTHER]


def placed(pod: JsonMap, path: Path, value: object) -> JsonMap:
    """Return a pod with a value at a path, whose parents are made."""
    changed: Any = copy.deepcopy(pod)
    current = changed
    for part, following in zip(path, [*path[1:], None], strict=True):
        made: object = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if part >= len(current):
                current.append(made)
            elif following is None or not isinstance(current[part], (dict, list)):
                current[part] = made
        elif following is None or not isinstance(current.get(part), (dict, list)):
            current[part] = made
        current = current[part]
    return changed  # type: ignore[no-any-return] # the pod it was copied from


def admission(patching: str) -> Admission:
    """Return what answers calls under one policy that denies what the profile has, and audits the rest."""
    spec = {"profile": "hardened", "action": "deny", "patching": patching}
    held = {"metadata": {"name": "production", "uid": "p", "generation": 1}, "spec": spec}
    live = LivePolicySet(POD_RULES)
    live.replace(
        [ListedPolicy(Version(name="production", uid="p", revision=1), held)],
        [ListedNamespace(Version(name="shop", uid="n", revision=1), {IMMUTABLE_LABEL: "shop"})],
        (1, 1),
    )
    return Admission(live, Journal(), lambda: 0.0)


HELD: Final = admission("all")
EVERYTHING: Final = regime(policy_for())
DECODER: Final = msgspec.json.Decoder(shape_of(PodTemplate))


def answer(body: bytes, *, mutating: bool = False) -> tuple[int, dict[str, Any]]:
    """Return code and response of a call; code 0 where its namespace is unknown, and so waited for."""
    reply = (HELD.mutate_at_once if mutating else HELD.validate_at_once)(Call(body=body, arrived=0.0, timeout=None))
    if reply is None:
        return 0, {}
    return reply.status, response_of(reply.body) if reply.status == 200 else {}


def clean(pod: bytes) -> bool:
    """Whether a pod can be read and breaks no rule of the profile."""
    try:
        template = DECODER.decode(pod)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    found = evaluate(EVERYTHING.questions, PodView(template, (), Setting(namespace="shop")))
    return all(finding.outcome is Outcome.WARN for finding in found)


def prove(pod: bytes) -> None:
    """Assert that a pod is allowed only where it is clean, and that what is patched can be patched."""
    body = Asked(object="POD").body().replace(b'"POD"', pod)

    code, response = answer(body)
    assert code in {200, 400}
    assert not response.get("allowed") or clean(pod)
    code, response = answer(body, mutating=True)
    assert code in {200, 400}
    if "patch" in response:
        jsonpatch.apply_patch(json.loads(pod), response["patch"])


def test_a_clean_pod_is_allowed() -> None:
    assert answer(Asked(object=hardened_pod()).body())[1]["allowed"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_value_of_a_field_breaks_an_answer_or_buys_a_pass(path: Path) -> None:
    pod = placed(hardened_pod(), path, "HOSTILE")

    for value in HOSTILE:
        prove(json.dumps(pod).encode().replace(b'"HOSTILE"', value.encode()))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    everything(),
    st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(HOSTILE)), max_size=4),
)
def test_no_values_together_do_either(pod: JsonMap, hostile: list[tuple[Path, str]]) -> None:
    for index, (path, _) in enumerate(hostile):
        pod = placed(pod, path, f"HOSTILE{index}")
    text = json.dumps(pod).encode()
    for index, (_, value) in enumerate(hostile):
        text = text.replace(f'"HOSTILE{index}"'.encode(), value.encode())

    prove(text)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(everything(), st.data())
def test_no_bytes_do(pod: JsonMap, data: st.DataObject) -> None:
    body = bytearray(Asked(object=pod).body())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "add"]))
        if kind == "set":
            body[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del body[at : at + data.draw(st.integers(1, 40))]
        else:
            body[at:at] = data.draw(
                st.sampled_from([b"null", b"{", b"}", b'"', b",", b"[", b"\xff", b"\\u0000", b"1e9"])
            )
        if not body:
            break

    for mutating in (False, True):
        code, response = answer(bytes(body), mutating=mutating)
        assert code in {0, 200, 400}
        assert code != 200 or response["allowed"] is True or not mutating
