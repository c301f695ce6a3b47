"""Results of a run as tests need them: one that shows everything, and any at all with hostile texts."""

from __future__ import annotations

from hypothesis import strategies as st

from stridegate.cli.results import (
    Ending,
    Finding,
    Fixable,
    Position,
    Problem,
    Result,
    Standing,
    Subject,
    Taken,
    Unjudged,
)
from stridegate.model.vocabulary import Action, Severity

NOON = 1_790_000_000.0
VPN = Taken(name="web-vpn", namespace="shop", expires=NOON + 86400 * 3, owner="network team")


def finding(rule: str = "privilege-escalation", **details: object) -> Finding:
    owner, path = "containers[web]", "securityContext.allowPrivilegeEscalation"
    told: dict[str, object] = {
        "rule": rule,
        "title": "A container can gain more privileges than its parent process.",
        "severity": Severity.HIGH,
        "stride": "E",
        "standing": Standing.DENIED,
        "action": Action.DENY,
        "policy": "restricted",
        "owner": owner,
        "path": path,
        "observed": "absent",
        "wanted": "be false",
        "sentence": f"{owner}: {path} is absent → must be false",
        "pointer": "/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation",
        "fingerprint": "f1d2",
        "fixable": Fixable.SAFE,
        "at": Position(line=25, column=9),
        "owner_at": Position(line=23, column=9),
    }
    return Finding(**(told | details))  # type: ignore[arg-type] # whatever a test says


def subject(*findings: Finding, **details: object) -> Subject:
    told: dict[str, object] = {
        "source": "k8s/web.yaml",
        "kind": "Deployment",
        "name": "web",
        "namespace": "shop",
        "api_version": "apps/v1",
        "at": Position(line=1, column=1),
        "denied": any(each.standing is Standing.DENIED for each in findings),
        "findings": findings,
    }
    return Subject(**(told | details))  # type: ignore[arg-type] # whatever a test says


def result(*subjects: Subject, **details: object) -> Result:
    return Result(at=NOON, policies=("restricted",), subjects=subjects, **details)  # type: ignore[arg-type] # as above


EVERYTHING = result(
    subject(
        finding(
            "privileged-container",
            title="A container runs privileged.",
            severity=Severity.CRITICAL,
            path="securityContext.privileged",
            observed="true",
            wanted="be false or absent",
            sentence="containers[web]: securityContext.privileged is true → must be false or absent",
            fixable=Fixable.NO,
            fingerprint="aa01",
        ),
        finding(),
        finding(
            "possible-root-user",
            title="A container may run as root.",
            path="securityContext.runAsNonRoot",
            wanted="be true",
            sentence="containers[web]: securityContext.runAsNonRoot is absent → must be true",
            standing=Standing.WARNED,
            action=Action.WARN,
            fixable=Fixable.RISKY,
            fingerprint="aa03",
        ),
        finding(
            "dangerous-capability",
            title="A container adds a capability outside the default set.",
            owner="containers[vpn]",
            path="securityContext.capabilities.add",
            observed="NET_ADMIN",
            wanted="not list NET_ADMIN",
            sentence="containers[vpn]: securityContext.capabilities.add is NET_ADMIN → must not list NET_ADMIN",
            standing=Standing.EXEMPTED,
            exemption=VPN,
            fixable=Fixable.NO,
            fingerprint="aa04",
            owner_at=Position(line=31, column=9),
        ),
        finding(
            "undigested-image",
            title="An image is not named by its digest.",
            severity=Severity.LOW,
            stride="T",
            owner="containers[vpn]",
            path="image",
            observed="registry.example/vpn:1.0",
            wanted="end in @sha256: and a digest",
            sentence="containers[vpn]: image is registry.example/vpn:1.0 → must end in @sha256: and a digest",
            standing=Standing.AUDITED,
            action=Action.AUDIT,
            fixable=Fixable.NO,
            fingerprint="aa05",
            owner_at=Position(line=31, column=9),
        ),
        message='Stridegate denied pod "web" in "shop"',
        warnings=("possible-root-user",),
    ),
    subject(kind="Service", name="web", api_version="v1", at=Position(line=40, column=1)),
    subject(
        finding(
            "net-raw-capability",
            title="A container keeps the right to forge packets.",
            stride="S",
            owner="initContainers[setup]",
            path="",
            observed="",
            wanted="",
            sentence="could not be evaluated: KeyError",
            error=True,
            fixable=Fixable.NO,
            fingerprint="aa06",
            at=None,
            owner_at=None,
        ),
        finding(standing=Standing.KNOWN, fingerprint="aa07"),
        source="k8s/job.yaml",
        kind="Job",
        name="load-…",
        api_version="batch/v1",
        at=Position(line=3, column=1),
    ),
    unjudged=(
        Unjudged(source="k8s/web.yaml", kind="ConfigMap", name="web", namespace="shop", reason="its kind holds no pod"),
    ),
    problems=(Problem(source="k8s/broken.yaml", sentence="the key name stands twice", at=Position(line=7, column=3)),),
    assumptions=("namespace shop has no labels",),
    ending=(Ending(exemption=VPN, rules=("dangerous-capability",)),),
)

CLEAN = result(subject())

# What names and values may bring along to break whatever shows them.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eevil\u2066",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]>",
    "&lt;",
    "a|b\\|c",
    "`code` ``two``",
    "@everyone #1 https://evil.example www.evil.example",
    "::error file=x::owned",
    "%0A::warning::owned",
    "a\n::error::owned\r\n",
    "=cmd|' /C calc'!A0",
    "$(touch owned); `id`",
    "../../etc/passwd",
    "file://evil.example/x?y#z",
    "C:\\x y\\%41.yaml",
    "//evil.example/x",
    "\x00\x08\x0b\ufffe\uffff",
    "\ud800",
    "\U0001f600 é 日本",
    "-->",
    "</style></title>",
    "",
)

TEXTS = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=40), st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
)
POSITIONS = st.none() | st.builds(Position, line=st.integers(1, 10_000), column=st.integers(1, 200))
TAKEN = st.builds(Taken, name=TEXTS, namespace=TEXTS, expires=st.floats(0, 4e9), owner=TEXTS)
SLUGS = st.sampled_from(["privilege-escalation", "privileged-container", "host-pid", "no-rule-of-ours"])
FINDINGS = st.builds(
    Finding,
    rule=SLUGS,
    title=TEXTS,
    severity=st.sampled_from(Severity),
    stride=st.sampled_from(["S", "TIE", "E"]),
    standing=st.sampled_from(Standing),
    action=st.sampled_from(Action),
    policy=TEXTS,
    owner=TEXTS,
    path=TEXTS,
    observed=TEXTS,
    wanted=TEXTS,
    sentence=TEXTS,
    pointer=TEXTS,
    fingerprint=st.text("0123456789abcdef", min_size=8, max_size=8),
    fixable=st.sampled_from(Fixable),
    at=POSITIONS,
    owner_at=POSITIONS,
    exemption=st.none() | TAKEN,
    error=st.booleans(),
)
SUBJECTS = st.builds(
    Subject,
    source=TEXTS,
    kind=TEXTS,
    name=TEXTS,
    namespace=TEXTS,
    api_version=TEXTS,
    at=POSITIONS,
    denied=st.booleans(),
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
    message=TEXTS,
    warnings=st.lists(TEXTS, max_size=2).map(tuple),
)
RESULTS = st.builds(
    Result,
    at=st.floats(0, 4e9),
    policies=st.lists(TEXTS, max_size=2).map(tuple),
    subjects=st.lists(SUBJECTS, max_size=4).map(tuple),
    unjudged=st.lists(
        st.builds(Unjudged, source=TEXTS, kind=TEXTS, name=TEXTS, namespace=TEXTS, reason=TEXTS, at=POSITIONS),
        max_size=2,
    ).map(tuple),
    problems=st.lists(st.builds(Problem, source=TEXTS, sentence=TEXTS, at=POSITIONS), max_size=2).map(tuple),
    assumptions=st.lists(TEXTS, max_size=2).map(tuple),
    ending=st.lists(st.builds(Ending, exemption=TAKEN, rules=st.lists(SLUGS, max_size=2).map(tuple)), max_size=1).map(
        tuple
    ),
)
