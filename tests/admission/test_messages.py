"""What people read is complete, bounded, and cannot be forged by what it speaks of."""

from __future__ import annotations

import json
import shlex
import tracemalloc
import unicodedata
from collections.abc import Callable

import pytest

from reviewing import PRIVILEGED, Asked, container, embedding, pod, policy, validated
from stridegate.admission.messages import MOST_BYTES, WARNINGS_RUNES
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.texts import VALUE_RUNES, clean
from stridegate.model.vocabulary import Action
from work import TENFOLD, calls

HOSTILE = {
    "a newline": "app\n1. all-is-well",
    "a carriage return": "app\rok",
    "an escape sequence": "app\x1b[2J\x1b[1;31mok",
    "a title": "app\x1b]0;owned\x07ok",
    "right to left": "app\u202egnp.exe",
    "an isolate": "app\u2066ok\u2069",
    "a bell": "app\x07",
    "a delete": "app\x7f",
    "a line separator": "app\u2028ok",
    "a byte order mark": "app\ufeffok",
    "runes of four bytes": "🙂" * 200,
    "much of it": "x" * 10_000,
}
OWNED: JsonMap = {
    "labels": {"pod-template-hash": "5d4f"},
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d4f", "controller": True}],
}


def crowd(count: int) -> JsonMap:
    """Return a pod with many containers, each of which breaks several rules."""
    containers: list[Json] = [
        {"name": f"container-{number}", "image": "x:1", "securityContext": {"privileged": True}}
        for number in range(count)
    ]
    return pod({"containers": containers, "hostNetwork": True, "hostPID": True, "hostIPC": True})


class TestDenials:
    def test_the_message_is_as_documented(self) -> None:
        patch = """'{"spec":{"containers":[{"name":"app","securityContext":{"allowPrivilegeEscalation":false}}]}}'"""
        send = "kubectl -n shop apply -f -"
        exempt = "stridegate exemption create -n shop --rule unmasked-proc-mount --workload pod/web --container app"

        message = validated(Asked(object=pod(container(allowPrivilegeEscalation=None, procMount="Unmasked")))).message

        assert message.splitlines() == [
            'Stridegate denied pod "web" in "shop" (policy production): 2 violations',
            "1. privilege-escalation [E, high] containers[app]: securityContext.allowPrivilegeEscalation is absent → must be false",
            "2. unmasked-proc-mount [IE, high] containers[app]: securityContext.procMount is Unmasked → must be Default or absent",
            f'fix (Pod "web"): kubectl patch --local -f pod.yaml --type=strategic -p {patch} -o yaml | {send}',
            f"no automatic fix: 1 · exempt: {exempt} · help: stridegate explain <slug>",
        ]

    def test_the_fix_is_for_the_owner_that_a_person_edits(self) -> None:
        document = pod(container(allowPrivilegeEscalation=None), **OWNED)

        message = validated(Asked(object=document)).message

        fix = next(line for line in message.splitlines() if line.startswith("fix"))
        assert fix.startswith('fix (Deployment "web"): kubectl -n shop patch deployment web --type=strategic -p ')
        words = shlex.split(fix.partition(": ")[2])
        assert json.loads(words[-1])["spec"]["template"]["spec"]["containers"][0]["name"] == "app"

    def test_what_may_stop_an_application_is_marked(self) -> None:
        message = validated(Asked(object=PRIVILEGED)).message

        assert "; check first: privileged-container): kubectl" in message

    def test_one_violation_is_no_violations(self) -> None:
        message = validated(Asked(object=pod(container(allowPrivilegeEscalation=None)))).message

        assert message.splitlines()[0].endswith("1 violation")

    @pytest.mark.parametrize("count", [2, 8, 12, 40, 200, 1000])
    def test_however_many_violations_every_slug_is_there(self, count: int) -> None:
        document = crowd(count)
        counts = validated(Asked(object=document)).counts
        slugs = {count.slug for count in counts if count.action is Action.DENY}

        message = validated(Asked(object=document)).message

        assert len(message.encode()) <= MOST_BYTES
        assert all(slug in message for slug in slugs)

    def test_what_does_not_fit_is_counted(self) -> None:
        message = validated(Asked(object=crowd(40))).message

        first = message.splitlines()[0]
        detailed = sum(line[:1].isdigit() for line in message.splitlines())
        total = int(first.rpartition(": ")[2].split()[0])
        assert f"… and {total - detailed} more, see stridegate check: " in message

    def test_policies_are_named_and_many_are_counted(self) -> None:
        policies = [policy(f"policy-{number}") for number in range(6)]

        message = validated(Asked(object=PRIVILEGED), *policies).message

        assert "(policy policy-0)" in message.splitlines()[0]

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_no_name_can_forge_a_line(self, name: str) -> None:
        document = pod({"containers": [{"name": name, "image": "x:1", "securityContext": {"privileged": True}}]})
        document["metadata"] = {"name": name}

        message = validated(Asked(object=document, namespace=name)).message

        assert len(message.encode()) <= MOST_BYTES
        starts = (
            "Stridegate denied",
            "1.",
            "2.",
            "3.",
            "4.",
            "5.",
            "6.",
            "fix",
            "… and",
            "no automatic fix",
            "exempt",
            "help",
        )
        assert all(line.startswith(starts) for line in message.split("\n"))
        assert "1. all-is-well" not in message.splitlines()
        assert not [each for each in message if unicodedata.category(each) in {"Cc", "Cf", "Zl"} and each != "\n"]

    @pytest.mark.parametrize("name", ["a'; rm -rf / #", "$(reboot)", "`reboot`", 'a"b', "a\\b", "--force"])
    def test_the_fix_is_one_word_of_shell_whatever_a_name_says(self, name: str) -> None:
        document = pod(
            {"containers": [{"name": name, "image": "x:1", "securityContext": {"privileged": True}}]}, **OWNED
        )

        message = validated(Asked(object=document)).message

        fix = next(line for line in message.splitlines() if line.startswith("fix"))
        words = shlex.split(fix.partition("): ")[2])
        assert words[:5] == ["kubectl", "-n", "shop", "patch", "deployment"]
        assert len(words) == 9
        assert json.loads(words[8])["spec"]["template"]["spec"]["containers"][0]["name"] == name

    @pytest.mark.parametrize("name", ["web; reboot", "$(reboot)", "-web", "a\nb", "Web", ""])
    def test_an_owner_that_cannot_exist_gets_no_command(self, name: str) -> None:
        owner: JsonMap = {"ownerReferences": [{"kind": "StatefulSet", "name": name or "-", "controller": True}]}

        message = validated(Asked(object=pod(container(allowPrivilegeEscalation=None), **owner))).message

        assert "kubectl" not in message
        assert message.endswith("no automatic fix: 1 · help: stridegate explain <slug>")


def bare(count: int) -> JsonMap:
    """Return a pod with so many containers that say nothing."""
    return pod({"containers": [{"name": f"container-{number}", "image": "x"} for number in range(count)]})


def exposed(count: int) -> JsonMap:
    """Return a pod of one container with so many ports of the node."""
    ports: list[Json] = [{"containerPort": number, "hostPort": number} for number in range(1, count + 1)]
    return pod({"containers": [{"name": "app", "ports": ports}]})


def tuned(count: int) -> JsonMap:
    """Return a pod with so many kernel parameters."""
    sysctls: list[Json] = [{"name": f"kernel.x{number}", "value": "1"} for number in range(count)]
    return pod({"securityContext": {"sysctls": sysctls}})


def capable(count: int) -> JsonMap:
    """Return a pod of one container with so many capabilities."""
    return pod(container(capabilities={"drop": ["ALL"], "add": [f"CAP_{number}" for number in range(count)]}))


class TestWork:
    @pytest.mark.parametrize("many", [crowd, bare, exposed, tuned, capable])
    def test_a_denial_takes_work_in_proportion_to_its_violations(self, many: Callable[[int], JsonMap]) -> None:
        hundred, thousand = Asked(object=many(100)), Asked(object=many(1000))

        work = calls(lambda: validated(thousand))

        assert work < TENFOLD * calls(lambda: validated(hundred))

    def test_a_name_that_stands_in_every_violation_is_not_read_to_its_end_each_time(self) -> None:
        ports: list[Json] = [{"containerPort": number, "hostPort": number} for number in range(1, 1001)]
        containers: list[Json] = [{"name": "x" * 100_000, "image": "x", "ports": ports}]

        tracemalloc.start()
        message = validated(Asked(object=pod({"containers": containers}))).message
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert len(message.encode()) <= MOST_BYTES
        assert peak < 10 * 2**20

    def test_a_fix_that_nobody_could_check_is_not_made(self) -> None:
        message = validated(Asked(object=bare(1000))).message

        assert "\nfix: too long for this message, see stridegate check\n" in message


class TestWarnings:
    def test_there_are_at_most_eight_lines_in_two_thousand_runes(self) -> None:
        lines = validated(Asked(object=crowd(40)), policy(action=Action.WARN)).warnings

        assert len(lines) == 8
        assert sum(map(len, lines)) <= WARNINGS_RUNES
        assert lines[-1].startswith("… and ")

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
    def test_no_name_puts_a_control_character_into_a_header(self, name: str) -> None:
        document = pod({"containers": [{"name": name, "image": "x:1", "securityContext": {"privileged": True}}]})

        lines = validated(Asked(object=document), policy(action=Action.WARN)).warnings

        assert lines
        assert all(line.isprintable() and len(line) <= 256 for line in lines)

    def test_a_warning_names_its_policy(self) -> None:
        lines = validated(Asked(kind="Job", object=embedding("Job", PRIVILEGED))).warnings

        assert lines[0].endswith("(policy production)")


class TestCleaning:
    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
    def test_what_is_left_is_printable_and_short(self, text: str) -> None:
        left = clean(text)

        assert left.isprintable()
        assert len(left) <= VALUE_RUNES

    def test_plain_text_stays_as_it_is(self) -> None:
        assert clean("registry.example/app:1.0 äöü 日本") == "registry.example/app:1.0 äöü 日本"

    def test_an_escape_sequence_leaves_nothing_behind(self) -> None:
        assert clean("a\x1b[1;31mb\x1b]0;title\x07c") == "abc"
