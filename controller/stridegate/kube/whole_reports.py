"""HardeningReports with all that they say, as what repeats them reads it. Unknown fields are skipped."""

from __future__ import annotations

from msgspec import Struct


class Owner(Struct, frozen=True, kw_only=True):
    """metav1.OwnerReference."""

    kind: str = ""
    uid: str = ""


class Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """metav1.ObjectMeta."""

    name: str
    uid: str
    owner_references: list[Owner] | None = None


class Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the scanner is told of the node; without a name it is the report on the cluster."""

    node_name: str = ""
    profile: str = ""
    role: str = ""


class Reference(Struct, frozen=True, kw_only=True):
    """What a rule is called in an edition of a benchmark."""

    benchmark: str
    version: str
    id: str


class Evidence(Struct, frozen=True, kw_only=True):
    """What a finding rests on."""

    source: str
    path: str
    digest: str


class Offender(Struct, frozen=True, kw_only=True):
    """One of the things that break a rule."""

    name: str
    observed: str


class Exemption(Struct, frozen=True, kw_only=True):
    """The exemption that takes a finding."""

    name: str
    expires: str


class Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    """A rule that did not pass."""

    rule: str
    severity: str
    state: str
    observed: str
    last_transition: str
    first_seen: str
    title: str = ""
    stride: str = ""
    wanted: str = ""
    note: str = ""
    fix: str = ""
    references: list[Reference] = []
    evidence: Evidence | None = None
    offenders: list[Offender] = []
    offenders_total: int = 0
    previous_state: str = ""
    exemption: Exemption | None = None


class Summary(Struct, frozen=True, kw_only=True, rename={"passed": "pass", "not_applicable": "notApplicable"}):
    """How many rules came out how."""

    passed: int
    fail: int
    warn: int
    error: int
    not_applicable: int
    exempted: int


class Condition(Struct, frozen=True, kw_only=True, rename="camel"):
    """metav1.Condition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str = ""


class Status(Struct, frozen=True, kw_only=True):
    """What was found."""

    summary: Summary | None = None
    findings: list[Finding] = []
    passed: list[str] = []
    dropped: int = 0
    conditions: list[Condition] = []


class WholeReport(Struct, frozen=True, kw_only=True):
    """A HardeningReport with all that a ClusterReport repeats of it."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()
