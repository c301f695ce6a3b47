"""Whatever stands on a component's command line, every rule about it comes to a verdict, and none passes by accident."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stridegate.engine.node_catalogue import NODE_RULES
from stridegate.engine.survey import survey
from stridegate.model.nodes.answers import Absent, Process
from stridegate.model.nodes.nodes import Circumstances, Role
from stridegate.model.nodes.queries import HostProcesses, Query
from stridegate.model.nodes.remedies import Remedy
from stridegate.model.nodes.verdicts import State, Verdict

ABOUT_FLAGS = [
    rule
    for rule in NODE_RULES.values()
    if rule.remedy in {Remedy.CONTROL_PLANE_FLAG, Remedy.ETCD_TLS, Remedy.AUDIT_LOG, Remedy.ENCRYPTION}
]
NAMES = st.sampled_from(
    [
        "anonymous-auth",
        "authentication-config",
        "authorization-mode",
        "authorization-config",
        "enable-admission-plugins",
        "disable-admission-plugins",
        "admission-control-config-file",
        "insecure-port",
        "etcd-servers",
        "etcd-servers-overrides",
        "tls-cipher-suites",
        "tls-min-version",
        "cert-dir",
        "encryption-provider-config",
        "audit-policy-file",
        "audit-log-path",
        "audit-log-maxage",
        "request-timeout",
        "max-requests-inflight",
        "feature-gates",
        "bind-address",
        "cluster-signing-duration",
        "terminated-pod-gc-threshold",
        "config",
        "config-file",
        "openshift-config",
        "client-cert-auth",
        "listen-client-urls",
        "listen-metrics-urls",
        "initial-cluster",
        "cipher-suites",
        "trusted-ca-file",
    ]
)
VALUES = st.sampled_from(
    [
        "true",
        "false",
        "",
        "0",
        "-1",
        "1e9",
        "9" * 5000,
        "/",
        "//",
        "/etc/a",
        "a,b,,",
        "x=y,z",
        "http://[",
        "[::]:1",
        "::1",
    ]
) | st.text(max_size=6)
WORDS = st.lists(
    st.one_of(
        st.builds("--{}={}".format, NAMES, VALUES),
        st.builds("--{}".format, NAMES),
        st.builds("-{}={}".format, NAMES, VALUES),
        VALUES,
        st.just("--"),
    ),
    max_size=8,
)


def judged(component: str, *words: str) -> Mapping[str, Verdict]:
    """Return the verdicts on a host where nothing else is than one process."""
    process = Process(pid=9, comm=component[:15], argv=(component, *words), namespace_pids=(9,))

    def answering(asked: frozenset[Query[object]]) -> dict[Query[object], object]:
        return {each: (process,) if isinstance(each, HostProcesses) else Absent(str(each)) for each in asked}

    found = survey(ABOUT_FLAGS, answering, Circumstances(role=Role.CONTROL_PLANE))
    return {finding.rule.slug: finding.verdict for finding in found.findings}


@pytest.mark.parametrize("component", ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"])
@settings(max_examples=30)
@given(words=WORDS)
def test_every_command_line_gets_verdicts(component: str, words: list[str]) -> None:
    verdicts = judged(component, *words)

    assert not [slug for slug, verdict in verdicts.items() if verdict.state is State.ERROR]
    assert not [slug for slug, verdict in verdicts.items() if len(verdict.observed) > 200]


@pytest.mark.parametrize(
    ("component", "flag", "slug"),
    [
        ("kube-apiserver", "anonymous-auth", "apiserver-anonymous-auth"),
        ("kube-apiserver", "profiling", "apiserver-profiling"),
        ("kube-controller-manager", "profiling", "controller-manager-profiling"),
    ],
)
@settings(max_examples=30)
@given(words=WORDS, last=st.sampled_from(["", "=true", "=1", "=T"]))
def test_what_comes_last_decides_whatever_came_before(
    component: str, flag: str, slug: str, words: list[str], last: str
) -> None:
    # What ends the flags, and what names files of settings, is not about order.
    before = [word for word in words if word != "--" and "-config" not in word]

    verdicts = judged(component, *before, "--separator=x", f"--{flag}{last}")

    assert verdicts[slug].state is State.FAIL
