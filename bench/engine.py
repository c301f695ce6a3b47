"""One review in process, from the bytes of its body to the bytes of the answer: what profiles and containers cost, without transport."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Callable, Mapping

from bench.reviews import NAMESPACE, Object, Scenario, review, unlike
from stridegate.engine.catalogue import POD_RULES
from stridegate.kube.rosters import Version
from stridegate.model.policies import IMMUTABLE_LABEL
from stridegate.model.vocabulary import Profile
from stridegate.webhook.admission import Admission, Call
from stridegate.webhook.granted import ListedExemption
from stridegate.webhook.journals import Journal
from stridegate.webhook.live import ListedNamespace, ListedPolicy, LivePolicySet

_TIMES = 200
_numbers = itertools.count()
_CONTAINERS = (1, 10, 100)
_OFF: Object = {"action": "off"}
_ADVISORY: Object = {slug: _OFF for slug, rule in POD_RULES.items() if rule.profile is Profile.ADVISORY}

# Every policy says deny; the pod breaks none of their rules but, as nearly every pod, some that are only advice.
POLICIES: Mapping[str, Object] = {
    "every rule off": {"profile": "hardened", "rules": dict.fromkeys(POD_RULES, _OFF)},
    "restricted": {"profile": "restricted", "rules": _ADVISORY},
    "hardened": {"profile": "hardened", "rules": _ADVISORY},
    "restricted, advice audited": {"profile": "restricted"},
    "hardened, advice audited": {"profile": "hardened"},
}
# Twenty that are in force for the pod's workload: for everything that it is found to break, and for much that it is not.
EXEMPTED = ("hardened, advice audited, 20 exemptions", 20)


def microseconds_by_policy(rounds: int) -> dict[str, list[float]]:
    """Return, for each policy, what a review of a well-kept pod takes of the processor, round by round; policies take turns."""
    body = _body(2)
    answers = {title: _answering(spec) for title, spec in POLICIES.items()}
    title, count = EXEMPTED
    answers[title] = _answering(POLICIES["hardened, advice audited"], exemptions=count)
    taken: dict[str, list[float]] = {title: [] for title in answers}
    for _ in range(rounds):
        for title, answer in answers.items():
            taken[title].append(_microseconds(answer, body, _TIMES))
    return taken


def microseconds_by_containers(rounds: int) -> dict[int, list[float]]:
    """Return, for some numbers of containers, what a review of so large a pod takes under the hardened profile, round by round."""
    answer = _answering(POLICIES["hardened, advice audited"])
    bodies = {count: _body(count) for count in _CONTAINERS}
    taken: dict[int, list[float]] = {count: [] for count in bodies}
    for _ in range(rounds):
        for count, body in bodies.items():
            taken[count].append(_microseconds(answer, body, max(_TIMES // count, 5)))
    return taken


def _answering(spec: Object, *, exemptions: int = 0) -> Callable[[bytes], bool]:
    """Return what answers a body under one policy, and says whether it was allowed."""
    live = LivePolicySet(POD_RULES)
    policy = {"metadata": {"name": NAMESPACE, "uid": "p", "generation": 1}, "spec": spec | {"action": "deny"}}
    live.replace(
        [ListedPolicy(Version(name=NAMESPACE, uid="p", revision=1), policy)],
        [ListedNamespace(Version(name=NAMESPACE, uid="n", revision=1), {IMMUTABLE_LABEL: NAMESPACE})],
        (1, 1),
    )
    rules = [*_ADVISORY, *(slug for slug in POD_RULES if slug not in _ADVISORY)]
    live.replace_exemptions([_exemption(number, slug) for number, slug in enumerate(rules[:exemptions])], 1)
    admission = Admission(live, Journal(), time.monotonic)

    def answer(body: bytes) -> bool:
        reply = admission.validate_at_once(Call(body, time.monotonic(), None))
        return reply is not None and b'"allowed":true' in reply.body

    return answer


def _exemption(number: int, slug: str) -> ListedExemption:
    now = dt.datetime.now(dt.UTC)
    spec = {
        "rules": [slug],
        "workload": {"kind": "Deployment", "name": "checkout"},
        "reason": "measured for what it costs",
        "expires": (now + dt.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "grantedBy": "alice",
    }
    version = Version(name=f"{NAMESPACE}/{number}", uid=str(number), revision=1)
    return ListedExemption(version, NAMESPACE, str(number), now.strftime("%Y-%m-%dT%H:%M:%SZ"), spec)


def _microseconds(answer: Callable[[bytes], bool], body: bytes, times: int) -> float:
    # Of pods that are alike, only the first is judged.
    bodies = [unlike(body, next(_numbers)) for _ in range(times)]
    begun = time.thread_time()
    right = sum(answer(each) for each in bodies)
    taken = time.thread_time() - begun
    if right != times:
        raise AssertionError("the well-kept pod was refused")
    return taken / times * 1e6


def _body(containers: int) -> bytes:
    """Return the review of a pod with so many containers, well kept by every rule of the hardened profile."""
    document = review(Scenario.CLEAN, 0)
    spec = document["request"]["object"]["spec"]
    spec["automountServiceAccountToken"] = False
    spec["volumes"] = [each for each in spec["volumes"] if "projected" not in each]
    mounted = {each["name"] for each in spec["volumes"]}
    kept = spec["containers"]
    for container in kept:
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] in mounted]
    spec["containers"] = [kept[number % 2] | {"name": f"container-{number}"} for number in range(containers)]
    return json.dumps(document, separators=(",", ":")).encode()
