"""The closed sets of words that rules, policies and findings are made of."""

from __future__ import annotations

import enum


class Severity(enum.IntEnum):
    """How bad a finding is, worst highest, so that findings sort by it."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self._name_.lower()


class Stride(enum.Enum):
    """The six kinds of threat of the STRIDE model."""

    SPOOFING = "S"
    TAMPERING = "T"
    REPUDIATION = "R"
    INFORMATION_DISCLOSURE = "I"
    DENIAL_OF_SERVICE = "D"
    ELEVATION = "E"

    @property
    def title(self) -> str:
        """Its name, as the model writes it."""
        return "elevation of privilege" if self is Stride.ELEVATION else self.name.replace("_", " ").lower()


class Profile(enum.IntEnum):
    """A named set of rules; each contains the one before it.

    BASELINE and RESTRICTED are exactly the levels of the Pod Security Standards; HARDENED adds Stridegate's own rules.
    An ADVISORY rule belongs to no profile: it is audited everywhere and does more only where a policy names it.
    """

    BASELINE = 1
    RESTRICTED = 2
    HARDENED = 3
    ADVISORY = 4

    def __str__(self) -> str:
        return self._name_.lower()


class Action(enum.IntEnum):
    """What a policy does with a finding, strictest highest."""

    OFF = 0
    AUDIT = 1
    WARN = 2
    DENY = 3

    def __str__(self) -> str:
        return self._name_.lower()


class Patching(enum.IntEnum):
    """Which patches a policy lets the webhook make, boldest highest."""

    NONE = 0
    SAFE = 1
    ALL = 2

    def __str__(self) -> str:
        return self._name_.lower()


class Safety(enum.IntEnum):
    """Whether a patch can break a working image: SAFE cannot in practice, RISKY may."""

    SAFE = 1
    RISKY = 2

    def __str__(self) -> str:
        return self._name_.lower()


class Outcome(enum.Enum):
    """What a rule found at one place.

    WARN is a finding that warns at most, whatever the policy's action. ERROR is a rule that could not judge; it acts
    like FAIL. A rule that passes or does not apply yields no finding.
    """

    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


class ValueKind(enum.Enum):
    """What the value of a violation is, which an exemption may name; also the keys of `values` in an exemption.

    DIGEST is of what was found on a node, and never that of a violation in a pod.
    """

    CAPABILITY = "capability"
    PATH = "path"
    PORT = "port"
    IMAGE = "image"
    MEMORY = "memory"
    DIGEST = "digest"


# The capabilities that the baseline level lets a container add (k8s.io/pod-security-admission,
# `check_capabilities_baseline.go`): the default set of container runtimes without NET_RAW.
DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)


def capability_name(written: str) -> str:
    """Return a capability in canonical spelling, however it was written: any case, a `CAP_` prefix and blanks count."""
    return written.strip().upper().removeprefix("CAP_")
