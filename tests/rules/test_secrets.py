"""What looks like a secret is found, and nothing that is ever written says what it was."""

from __future__ import annotations

import json
import logging
from typing import Final

import pytest

from reviewing import Asked, mutated, pod, policy, validated
from specimens import judged, laid_over, slugs, view
from stridegate.engine.examples import JsonMap
from stridegate.model.edits import Json
from stridegate.model.findings import Finding
from stridegate.model.policies import RuleSetting
from stridegate.model.secrets import shape_of_secret, shapes_in_arguments
from stridegate.model.vocabulary import Action, Patching
from work import calls

SECRET: Final = "correct-horse-battery-staple"  # noqa: S105 - the secret that must not appear
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


def found_in(pod: JsonMap) -> list[Finding]:
    return [finding for finding in judged(pod) if finding.rule.slug == "literal-secret"]


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD", "DB_PASSWORD", "db-password", "dbPassword", "PGPASSWORD", "MYSQL_ROOT_PASSWORD", "passwd"),
        *(
            "CLIENT_SECRET",
            "SECRETS",
            "API_KEY",
            "apiKey",
            "APIKey",
            "X_API_KEYS",
            "PRIVATE_KEY",
            "TOKEN",
            "githubToken",
        ),
        *("AZURE_CREDENTIALS", "CONNECTION_STRING", "connectionString"),
    ],
)
def test_a_name_gives_a_secret_away(name: str) -> None:
    assert shape_of_secret(name, SECRET) == "a literal under the name of a secret"


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD_FILE", "DB_PASSWORD_PATH", "SECRET_NAME", "tokenFile", "SECRET_NAMESPACE"),
        *("TOKENIZER", "SECRETARY", "PASSWORDLESS", "MONKEY", "AUTHOR", "KEYBOARD", "LOG_LEVEL"),
    ],
)
def test_a_name_that_only_sounds_alike_gives_nothing_away(name: str) -> None:
    assert shape_of_secret(name, SECRET) is None


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "   ",
            "$(OTHER)",
            "$(A)$(B)",
            "${VALUE}",
            "$VALUE",
            "<password>",
            "{{ .Values.password }}",
            "xxxxxxxx",
            "****",
        ),
        *("changeme", "CHANGE_ME", "replace-me", "your-password-here", "REDACTED", "TODO", "none"),
        *("/run/secrets/db", "./token", "~/.token", "C:\\secrets\\db", "https://login.example/token"),
        *("0", "123456", "-1", "3.5", "24h", "30s", "true", "False", "yes", "off"),
    ],
)
def test_a_value_that_is_none_is_no_secret(value: str) -> None:
    assert shape_of_secret("DB_PASSWORD", value) is None


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("---BEGIN OPENSSH PRIVATE KEY---", "a private key"),  # as a template engine leaves it
        ("AKIAIOSFODNN7EXAMPLE", "an access key of AWS"),
        ("ASIAIOSFODNN7EXAMPLE", "an access key of AWS"),
        ("ghp_" + "a1B2" * 9, "a token of GitHub"),
        ("github_pat_" + "a1B2" * 9, "a token of GitHub"),
        ("xoxb-12345678901-abcdef", "a token of Slack"),
        ("AIza" + "Sy-1" * 9, "an API key of Google"),
        (JWT, "a JSON web token"),
        (f"Bearer {JWT}", "a JSON web token"),
        ("postgres://web:hunter2@db:5432/shop", "a password in a URL"),
        ("see http://x/ and https://u:p4ss@y/", "a password in a URL"),
    ],
)
def test_a_shape_gives_a_secret_away_under_any_name(value: str, shape: str) -> None:
    assert shape_of_secret("COLOUR", value) == shape


@pytest.mark.parametrize(
    "value",
    [
        "postgres://web:$(PASSWORD)@db/shop",
        "postgres://web:<password>@db/shop",
        "postgres://db/shop",
        "http://registry.example:5000/x@1",
        "-----BEGIN CERTIFICATE-----",
        "BAKIAIOSFODNN7EXAMPLES",
        "eyJub3Q.a.token",
    ],
)
def test_a_shape_without_the_secret_in_it_is_none(value: str) -> None:
    assert shape_of_secret("COLOUR", value) is None


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("SIGNING_KEY", "q8Zr2LmX0vT5bNcY7wKd", True),
        ("COOKIE_SALT", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", True),
        ("SIGNING_KEY", "q8Zr2LmX0vT", False),
        ("SORT_KEY", "customer-name-and-address", False),
        ("KMS_KEY", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab", False),
        ("COLOUR", "q8Zr2LmX0vT5bNcY7wKd", False),
    ],
)
def test_a_random_string_counts_under_a_suspicious_name(name: str, value: str, found: bool) -> None:
    assert (shape_of_secret(name, value) is not None) is found


@pytest.mark.parametrize(
    ("arguments", "positions"),
    [
        (("app", "--password=" + SECRET), [1]),
        (("app", "--password", SECRET), [2]),
        (("app", "--password", "--verbose"), []),
        (("app", "-token", SECRET), [2]),
        (("app", "--token-file", "/run/token"), []),
        (("app", "--token-file=/run/token"), []),
        (("app", "--secret-name=" + SECRET), []),
        (("sh", "-c", f"export DB_PASSWORD={SECRET}; app"), [2]),
        (("sh", "-c", f"DB_PASSWORD='{SECRET}' app"), [2]),
        (("sh", "-c", 'DB_PASSWORD="$(cat /x)" app'), []),
        (("sh", "-c", "TOKEN=get_token() app"), []),
        (("kubectl", "--from-literal=password=" + SECRET), [1]),
        (("app", "--db=postgres://u:hunter2@db/x"), [1]),
        (("app", "--require-token=true"), []),
        (("app", SECRET), []),
    ],
)
def test_arguments_are_read_as_flags_and_assignments(arguments: tuple[str, ...], positions: list[int]) -> None:
    assert [position for position, _ in shapes_in_arguments(arguments)] == positions


def test_a_flag_of_the_command_may_have_its_value_in_the_arguments() -> None:
    (finding,) = found_in(laid_over(f"containers: [{{name: app, command: [app, --password], args: [{SECRET}]}}]"))

    assert finding.key[1:3] == ("containers[app]", "args[0]")


def test_another_value_is_the_same_finding_and_another_shape_is_not() -> None:
    def key(value: str) -> tuple[str, ...]:
        (finding,) = found_in(laid_over(f"containers: [{{name: app, env: [{{name: DB_PASSWORD, value: '{value}'}}]}}]"))
        return finding.key

    assert key("correct-horse") == key("battery-staple")
    assert key("correct-horse") != key(JWT)


def test_every_kind_of_container_is_read() -> None:
    env = f"env: [{{name: DB_PASSWORD, value: {SECRET}}}]"
    pod = laid_over(
        f"""
        initContainers: [{{name: i, {env}}}, {{name: s, restartPolicy: Always, {env}}}]
        containers: [{{name: app, {env}}}]
        ephemeralContainers: [{{name: e, {env}}}]
        """
    )

    assert [finding.key[1] for finding in found_in(pod)] == [
        "initContainers[i]",
        "initContainers[s]",
        "containers[app]",
        "ephemeralContainers[e]",
    ]


def leaky() -> JsonMap:
    variable: Json = [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "LD_PRELOAD", "value": SECRET}]
    container: Json = {
        "name": "app",
        "env": variable,
        "command": ["app", "--password", SECRET],
        "args": [f"--token={SECRET}", f"postgres://u:{SECRET}@db/x"],
        "securityContext": {"allowPrivilegeEscalation": None},
    }
    return pod({"containers": [container], "hostPID": True})


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("kind", ["Pod", "Deployment"])
def test_no_answer_says_what_it_was(action: Action, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    document: Json = leaky()
    if kind != "Pod":
        document = {"metadata": {"name": "x"}, "spec": {"template": document}}
    demanding = policy(
        action=action, patching=Patching.ALL, rules={"secret-in-environment": RuleSetting(action=Action.WARN)}
    )

    with caplog.at_level(logging.DEBUG):
        verdict = validated(Asked(kind=kind, object=document), demanding)
        mutation = mutated(Asked(kind=kind, object=document), demanding)

    for said in (repr(verdict), repr(mutation), caplog.text):
        assert SECRET not in said
        assert SECRET[:7] not in said


def test_no_finding_says_what_it_was() -> None:
    findings = judged(leaky())

    assert {"literal-secret", "loader-injection"} <= slugs(findings)
    for finding in findings:
        assert SECRET[:7] not in json.dumps([finding.sentence, *finding.key])
        assert str(len(SECRET)) not in finding.sentence
        assert SECRET not in repr(finding)


def test_no_shape_of_the_model_shows_it() -> None:
    assert SECRET not in repr(view(leaky()).shape)


@pytest.mark.parametrize("value", ["eyJ-" * 5_000, "://" * 5_000, "a=" * 5_000, "AKIA" * 5_000, "-----BEGIN " * 2_000])
def test_hostile_text_costs_no_more_than_it_is_long(value: str) -> None:
    def work(text: str) -> int:
        return calls(lambda: (shape_of_secret("COLOUR", text), list(shapes_in_arguments((text,)))))

    assert work(value) < 12 * work(value[: len(value) // 10])
