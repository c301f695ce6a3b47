"""Flags are read from a command line as the program itself reads them."""

from __future__ import annotations

import pytest

from stridegate.model.nodes.flags import Flags
from stridegate.model.nodes.nodes import NotReadable


@pytest.mark.parametrize(
    "words",
    [
        ["--authorization-mode", "AlwaysAllow"],
        ["--authorization-mode=AlwaysAllow"],
        ["--authorization_mode=AlwaysAllow"],
    ],
)
def test_a_value_may_stand_apart_or_after_an_equals_sign(words: list[str]) -> None:
    assert Flags.of(words).text("authorization-mode") == "AlwaysAllow"


def test_the_last_of_repeated_flags_wins() -> None:
    flags = Flags.of(["--profiling=true", "--port=1", "--profiling=false", "--port", "2"])

    assert flags.truth("profiling") is False
    assert flags.text("port") == "2"


def test_a_list_flag_adds_to_itself() -> None:
    flags = Flags.of(["--authorization-mode=AlwaysAllow", "--authorization-mode=Node, RBAC"])

    assert flags.members("authorization-mode") == ("AlwaysAllow", "Node", "RBAC")


@pytest.mark.parametrize("words", [["--client-cert-auth"], ["--client-cert-auth", "--other"], ["--client-cert-auth=T"]])
def test_a_boolean_flag_without_a_value_is_true(words: list[str]) -> None:
    assert Flags.of(words).truth("client-cert-auth") is True


def test_a_word_after_a_boolean_flag_is_not_its_value() -> None:
    assert Flags.of(["--anonymous-auth", "false"]).truth("anonymous-auth") is True


def test_a_false_that_is_no_value_is_told() -> None:
    assert Flags.of(["--anonymous-auth", "false"]).is_ambiguous("anonymous-auth")
    assert not Flags.of(["--anonymous-auth", "true"]).is_ambiguous("anonymous-auth")
    assert not Flags.of(["--anonymous-auth", "false", "--anonymous-auth=false"]).is_ambiguous("anonymous-auth")


def test_a_long_command_line_is_read_at_once() -> None:
    words = ["--flag", "value"] * 200_000

    assert len(Flags.of(words).all) == 200_000


def test_a_boolean_that_is_none_is_not_guessed() -> None:
    with pytest.raises(NotReadable, match="--anonymous-auth: wanted true or false, got 'maybe'"):
        Flags.of(["--anonymous-auth=maybe"]).truth("anonymous-auth")


def test_an_unset_flag_is_neither_true_nor_false() -> None:
    flags = Flags.of(["--profiling=false", "word"])

    assert flags.truth("anonymous-auth") is None
    assert flags.text("anonymous-auth") is None
    assert flags.members("anonymous-auth") is None
    assert "anonymous-auth" not in flags


def test_a_negative_number_is_a_value() -> None:
    assert Flags.of(["--pod-max-pids", "-1", "--v=2"]).text("pod-max-pids") == "-1"


def test_what_follows_two_dashes_is_no_flag() -> None:
    assert "profiling" not in Flags.of(["--", "--profiling=false"])


def test_a_single_dash_counts_where_go_takes_it() -> None:
    assert Flags.of(["-data-dir", "/x"], single_dash=True).text("data-dir") == "/x"
    assert Flags.of(["-data-dir", "/x"]).text("data-dir") is None


@pytest.mark.parametrize("words", [["-H", "tcp://:1"], ["-H=tcp://:1"], ["-Htcp://:1"], ["--host", "tcp://:1"]])
def test_a_letter_stands_for_its_flag(words: list[str]) -> None:
    assert Flags.of(words, short={"H": "host"}).every("host") == ("tcp://:1",)


def test_a_feature_gate_is_found_among_others() -> None:
    flags = Flags.of(["--feature-gates=A=true,RotateKubeletServerCertificate=false", "--feature-gates=B=false"])

    assert flags.gate("RotateKubeletServerCertificate") is False
    assert flags.gate("A") is True
    assert flags.gate("C") is None
