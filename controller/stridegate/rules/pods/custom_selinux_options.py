"""A container asks for an SELinux label of the author's choice.

Threat: another type, user or role takes the container out of the confinement that keeps it from the node's files;
`spc_t` takes it out altogether.
Check: at the pod and on every container `seLinuxOptions.type` is absent, empty, container_t, container_init_t,
container_kvm_t or, from version 1.31 on, container_engine_t; `user` and `role` are absent or empty. `level` is free.
Fix: take them out. There is no automatic fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from stridegate.model.places import Field
from stridegate.model.references import CisDocker, PodSecurity
from stridegate.model.rules import Given, PodRule, Violation, bad, good, observe
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride

TYPE = Field[str]("securityContext.seLinuxOptions.type")
USER = Field[str]("securityContext.seLinuxOptions.user")
ROLE = Field[str]("securityContext.seLinuxOptions.role")
OPTIONS = Field[object]("securityContext.seLinuxOptions")

_TYPES = frozenset({"container_t", "container_init_t", "container_kvm_t"})
_TYPES_SINCE_31 = _TYPES | {"container_engine_t"}


def check(pod: PodView, given: Given) -> Iterator[Violation]:
    """Yield every type, user and role that is not allowed."""
    allowed = _TYPES_SINCE_31 if given.pod_security >= 31 else _TYPES
    for spot, _ in pod.present(OPTIONS):
        kind = TYPE.of(spot)
        if kind and kind not in allowed:
            wanted = "be absent: it is unconfined" if kind == "spc_t" else "be absent or a type of confined containers"
            yield Violation(TYPE.at(spot), observed=observe(kind), wanted=wanted, value=kind)
        for field in (USER, ROLE):
            name = field.of(spot)
            if name:
                yield Violation(field.at(spot), observed=observe(name), wanted="be absent", value=name)


RULE = PodRule(
    slug="custom-selinux-options",
    doc=__doc__,
    severity=Severity.MEDIUM,
    profile=Profile.BASELINE,
    stride=frozenset({Stride.ELEVATION}),
    references=(PodSecurity("seLinuxOptions"), CisDocker("5.3", before_1_6="5.2")),
    check=check,
    examples=(
        bad("unconfined", "containers: [{name: app, securityContext: {seLinuxOptions: {type: spc_t}}}]"),
        bad("at the pod", "securityContext: {seLinuxOptions: {type: unconfined_t}}"),
        bad("a user", "containers: [{name: app, securityContext: {seLinuxOptions: {user: system_u}}}]"),
        bad("a role", "securityContext: {seLinuxOptions: {role: sysadm_r}}"),
        bad(
            "container engines before version 1.31",
            "containers: [{name: app, securityContext: {seLinuxOptions: {type: container_engine_t}}}]",
            given=Given(pod_security=30),
        ),
        good(
            "container engines",
            "containers: [{name: app, securityContext: {seLinuxOptions: {type: container_engine_t}}}]",
            given=Given(pod_security=31),
        ),
        good("a level", "securityContext: {seLinuxOptions: {level: 's0:c123,c456'}}"),
        good("empty is absent", "securityContext: {seLinuxOptions: {type: '', user: '', role: ''}}"),
    ),
)
