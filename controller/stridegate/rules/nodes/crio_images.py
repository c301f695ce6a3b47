"""Which images CRI-O takes: registries that it does not verify, and policies that accept any signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stridegate.model.nodes.answers import Absent, Unreadable
from stridegate.model.nodes.crio import crio
from stridegate.model.nodes.fields import Field
from stridegate.model.nodes.files import listed
from stridegate.model.nodes.nodes import Node, NotReadable, NotThere
from stridegate.model.nodes.queries import Document, Syntax
from stridegate.model.nodes.readings import TEXT, TEXTS
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.rules import HostFile, NodeExample, NodeRule
from stridegate.model.nodes.runtime_rules import NO_RUNTIME, RUNTIME_DEFAULTS, judged, with_crio
from stridegate.model.nodes.verdicts import Evidence, Offender, Source, State, Verdict
from stridegate.model.references import CisDocker
from stridegate.model.vocabulary import Severity, Stride

_REGISTRIES = "/etc/containers/registries.conf"
_INSECURE = Field(at="crio.image.insecure_registries", reading=TEXTS, default=(), flag="insecure-registry")
_POLICY = Field(at="crio.image.signature_policy", reading=TEXT, default="", flag="signature-policy")
_POLICIES = Field(
    at="crio.image.signature_policy_dir", reading=TEXT, default="/etc/crio/policies", flag="signature-policy-dir"
)
_DEFAULT_POLICY = "/etc/containers/policy.json"
_ACCEPTS_ANYTHING = "insecureAcceptAnything"


def _registries(node: Node) -> Verdict:
    found = crio(node)
    insecure = found.setting(_INSECURE)
    offenders = [Offender(name=name, observed="insecure_registries") for name in insecure.value]
    paths = (_REGISTRIES, *listed(node, f"{_REGISTRIES}.d", "*.conf"))
    short_names = ""
    for path, answer in zip(paths, node.look_at([Document(path, Syntax.TOML) for path in paths]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, Mapping):
            offenders += _insecure_in(path, answer)
            said = answer.get("short-name-mode")
            short_names = said if isinstance(said, str) else short_names
    if short_names and short_names != "enforcing":
        offenders.append(Offender(name="short-name-mode", observed=short_names))
    return judged(insecure.evidence, offenders, "every registry is verified")


def _insecure_in(path: str, document: Mapping[str, object]) -> Iterator[Offender]:
    """Yield the registries and mirrors of a file that are not verified, in either version of its format."""
    for registry in _maps(document.get("registry")):
        for each in (registry, *_maps(registry.get("mirror"))):
            # What is blocked is never pulled from.
            if each.get("insecure") not in (None, False) and registry.get("blocked") is not True:
                name = each.get("location") or registry.get("prefix") or path
                yield Offender(name=str(name), observed="insecure = true")
    registries = document.get("registries")
    older = registries.get("insecure") if isinstance(registries, Mapping) else None
    names = older.get("registries") if isinstance(older, Mapping) else None
    yield from (Offender(name=str(name), observed="insecure") for name in (names if isinstance(names, list) else ()))


def _maps(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _policy(node: Node) -> Verdict:
    found = crio(node)
    paths = (
        found.setting(_POLICY).value or _DEFAULT_POLICY,
        *listed(node, found.setting(_POLICIES).value, "*.json"),
    )
    offenders: list[Offender] = []
    for path, answer in zip(paths, node.look_at([Document(path, Syntax.JSON) for path in paths]), strict=True):
        if isinstance(answer, Unreadable):
            raise NotReadable(answer)
        if isinstance(answer, Absent):
            if path == paths[0]:
                raise NotThere(answer)
            continue
        offenders += _accepting(path, answer)
    return judged(
        Evidence(source=Source.FILE, path=paths[0]), offenders, f"{len(paths)} policies that verify or reject"
    )


def _accepting(path: str, policy: object) -> Iterator[Offender]:
    """Yield where a policy takes any image of a registry; what is not understood is no policy that rejects."""
    default = policy.get("default") if isinstance(policy, Mapping) else None
    if not isinstance(default, list) or not default:
        raise NotReadable(Unreadable(path, "wanted a policy with a default"))
    if any(each.get("type") == _ACCEPTS_ANYTHING for each in _maps(default)):
        yield Offender(name=path, observed=f"default {_ACCEPTS_ANYTHING}")
    transports = policy.get("transports") if isinstance(policy, Mapping) else None
    scopes = transports.get("docker") if isinstance(transports, Mapping) else None
    for scope, requirements in scopes.items() if isinstance(scopes, Mapping) else ():
        if any(each.get("type") == _ACCEPTS_ANYTHING for each in _maps(requirements)):
            yield Offender(name=path, observed=f"{str(scope)[:60] or 'every registry'}: {_ACCEPTS_ANYTHING}")


def _with_policy(title: str, state: State, text: str, path: str = _DEFAULT_POLICY) -> NodeExample:
    accepted = {_DEFAULT_POLICY: HostFile(text='{"default": [{"type": "reject"}]}', mode=0o644)}
    return with_crio(title, state, "", files={**accepted, path: HostFile(text=text, mode=0o644)})


def _with_registries(title: str, state: State, text: str, name: str = "") -> NodeExample:
    path = f"{_REGISTRIES}.d/{name}" if name else _REGISTRIES
    return with_crio(title, state, "", files={path: HostFile(text=text, mode=0o644)})


RULES = (
    NodeRule(
        slug="crio-insecure-registry",
        severity=Severity.HIGH,
        stride=frozenset({Stride.SPOOFING}),
        references=(CisDocker("2.5"),),
        threats=RUNTIME_DEFAULTS | {"registry-spoofing", "malicious-registry-image"},
        wrong="CRI-O pulls from registries that it does not verify.",
        threat="Whoever is between node and registry gives the node images of their own.",
        wants="have no insecure registry, and short names enforcing",
        fix='insecure_registries = [], and in registries.conf insecure = false and short-name-mode = "enforcing"',
        remedy=Remedy.RUNTIME,
        judge=_registries,
        examples=(
            with_crio("one", State.FAIL, '[crio.image]\ninsecure_registries = ["r.example.com"]\n'),
            _with_registries("one in registries.conf", State.FAIL, '[[registry]]\nlocation = "r"\ninsecure = true\n'),
            _with_registries(
                "a mirror in a drop-in",
                State.FAIL,
                '[[registry]]\nlocation = "r"\n[[registry.mirror]]\nlocation = "m"\ninsecure = true\n',
                "m.conf",
            ),
            _with_registries("the older format", State.FAIL, '[registries.insecure]\nregistries = ["r"]\n'),
            _with_registries("guesses at short names", State.FAIL, 'short-name-mode = "permissive"\n'),
            _with_registries(
                "one that is blocked", State.PASS, '[[registry]]\nlocation = "r"\ninsecure = true\nblocked = true\n'
            ),
            _with_registries("a file that does not parse", State.UNKNOWN, "[[registry\n"),
            with_crio("none", State.PASS, ""),
            NO_RUNTIME,
        ),
    ),
    NodeRule(
        slug="crio-accept-anything-policy",
        severity=Severity.MEDIUM,
        stride=frozenset({Stride.TAMPERING}),
        references=(CisDocker("4.5"),),
        threats=RUNTIME_DEFAULTS | {"unauthorized-image-commit"},
        wrong="CRI-O takes any image, signed or not.",
        threat="An image that somebody put into the registry runs, whoever signed it.",
        wants=f"not have {_ACCEPTS_ANYTHING} by default nor for a registry, in any namespace's policy either",
        fix='"default": [{"type": "reject"}], with signedBy or sigstoreSigned for each registry',
        remedy=Remedy.TRUST,
        judge=_policy,
        examples=(
            _with_policy("anything", State.FAIL, '{"default": [{"type": "insecureAcceptAnything"}]}'),
            _with_policy(
                "anything of one registry",
                State.FAIL,
                '{"default": [{"type": "reject"}], "transports": {"docker": {"r": [{"type": "insecureAcceptAnything"}]}}}',
            ),
            _with_policy(
                "anything in a namespace",
                State.FAIL,
                '{"default": [{"type": "insecureAcceptAnything"}]}',
                "/etc/crio/policies/shop.json",
            ),
            _with_policy("nothing", State.PASS, '{"default": [{"type": "reject"}]}'),
            _with_policy("no default", State.UNKNOWN, "{}"),
            with_crio("no policy", State.NOT_APPLICABLE, ""),
            NO_RUNTIME,
        ),
    ),
)
