"""A secret stands in the manifest.

Threat: whoever may read pods, their templates, the repository they come from or a backup has it, and it cannot be
changed without a release.
Check: no literal in `env`, `command` or `args` of a container, nor in the commands and headers of its probes and
lifecycle hooks, looks like a secret. By its name: password, passwd, secret, token, api key, private key, credential,
connection string, unless it says where one lies (`_FILE`, `_PATH`, `_NAME`), with a value that is no placeholder,
`$(VAR)` reference, path, address, number or boolean; under further suspicious names, a random string. Or by its shape: a
private key, a password in a URL, tokens of AWS, GitHub, Slack and Google, JSON web tokens.
Fix: keep it in a Secret, and mount that as a file. There is no automatic fix. What was found is never repeated: not its
value, nor any part, length or hash of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stridegate.model.container_views import ContainerView
from stridegate.model.handlers import Header, Probe
from stridegate.model.places import Place
from stridegate.model.references import CisDocker, CisKubernetes
from stridegate.model.rules import Given, PodRule, Violation, bad, good
from stridegate.model.secrets import Suspicious, clear, clear_arguments, shape_of_secret, shapes_in_arguments
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile, Severity, Stride


def check(pod: PodView, _: Given) -> Iterable[Violation]:
    """Yield every literal that looks like a secret, by its place and its shape alone."""
    try:
        for _container, _position, variable in pod.variables:
            if value := variable.value:
                clear(variable.name, value)
        for container in pod.containers:
            shape = container.shape
            if shape.command is not None or shape.args is not None:
                clear_arguments((shape.command or ()) + (shape.args or ()))
            for _path, handler in container.handlers():
                if handler.exec is not None and handler.exec.command:
                    clear_arguments(handler.exec.command)
                for header in _headers(handler):
                    clear(header.name, header.value or "")
    except Suspicious:
        return _found(pod)
    return ()


def _found(pod: PodView) -> Iterator[Violation]:
    for variable in pod.variables:
        value = variable.shape.value
        if value and (shape := shape_of_secret(variable.shape.name or "", value)) is not None:
            yield _told(variable.spot.place("value"), shape)
    for container in pod.containers:
        command, args = container.shape.command or (), container.shape.args or ()
        for position, shape in shapes_in_arguments(command + args):
            field, index = ("command", position) if position < len(command) else ("args", position - len(command))
            yield _told(container.element(field, index, None, index).place(), shape)

        for path, handler in container.handlers():
            yield from _handled(container, ".".join(path), handler)


def _handled(container: ContainerView, path: str, handler: Probe) -> Iterator[Violation]:
    for position, shape in shapes_in_arguments((handler.exec and handler.exec.command) or ()):
        yield _told(container.element(f"{path}.exec.command", position, None, position).place(), shape)
    for position, header in enumerate(_headers(handler)):
        known = shape_of_secret(header.name or "", header.value or "")
        if known is not None:
            spot = container.element(f"{path}.httpGet.httpHeaders", position, header, header.name)
            yield _told(spot.place("value"), known)


def _headers(handler: Probe) -> tuple[Header, ...]:
    return (handler.httpGet.httpHeaders or ()) if handler.httpGet is not None else ()


def _told(place: Place, shape: str) -> Violation:
    # The shape makes the finding's key: another value is not another finding, another shape is.
    return Violation(place, observed=shape, wanted="come from a Secret", value=shape)


RULE = PodRule(
    slug="literal-secret",
    doc=__doc__,
    severity=Severity.HIGH,
    profile=Profile.HARDENED,
    stride=frozenset({Stride.INFORMATION_DISCLOSURE}),
    references=(CisDocker("4.10"), CisKubernetes("5.4.1")),
    threats=frozenset({"hardcoded-client-secrets", "secrets-in-dockerfile"}),
    check=check,
    examples=(
        bad("by its name", "containers: [{name: app, env: [{name: DB_PASSWORD, value: correct-horse}]}]"),
        bad("by its name, in camel case", "containers: [{name: app, env: [{name: apiKey, value: correct-horse}]}]"),
        bad(
            "a random string under a suspicious name",
            "containers: [{name: app, env: [{name: SIGNING_KEY, value: q8Zr2LmX0vT5bNcY7wKd}]}]",
        ),
        bad(
            "a password in a URL",
            "containers: [{name: app, env: [{name: DATABASE, value: 'postgres://web:correct-horse@db/shop'}]}]",
        ),
        bad(
            "a key of AWS under any name",
            "containers: [{name: app, env: [{name: COLOUR, value: AKIAIOSFODNN7EXAMPLE}]}]",
        ),
        bad(
            "a private key",
            "containers: [{name: app, env: [{name: PEM, value: '-----BEGIN RSA PRIVATE KEY----- ...'}]}]",
        ),
        bad("in a flag", "containers: [{name: app, args: ['--password=correct-horse']}]"),
        bad("after a flag", "containers: [{name: app, command: [app, --api-token], args: [correct-horse]}]"),
        bad("in a script", "containers: [{name: app, command: [sh, -c, 'export DB_PASSWORD=correct-horse; app']}]"),
        bad("within another flag", "containers: [{name: app, args: ['--from-literal=password=correct-horse']}]"),
        bad(
            "in the command of a probe",
            "containers: [{name: app, livenessProbe: {exec: {command: [sh, -c, 'PGPASSWORD=correct-horse psql']}}}]",
        ),
        bad(
            "in the command of a hook",
            "containers: [{name: app, lifecycle: {preStop: {exec: {command: [app, 'https://web:correct-horse@db/']}}}}]",
        ),
        bad(
            "in a header",
            """
            containers:
            - name: app
              readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: X-Api-Token, value: correct-horse}]}}
            """,
        ),
        good(
            "a header that is none",
            """
            containers:
            - name: app
              readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: Host, value: shop.example}]}}
            """,
        ),
        good("a file", "containers: [{name: app, env: [{name: DB_PASSWORD_FILE, value: /secrets/db}]}]"),
        good("the name of a Secret", "containers: [{name: app, env: [{name: TOKEN_SECRET_NAME, value: shop-token}]}]"),
        good("another variable", "containers: [{name: app, env: [{name: DB_PASSWORD, value: $(PASSWORD)}]}]"),
        good(
            "another variable in a URL",
            "containers: [{name: app, env: [{name: DATABASE, value: 'postgres://web:$(PASSWORD)@db/shop'}]}]",
        ),
        good("a placeholder", "containers: [{name: app, env: [{name: DB_PASSWORD, value: <from the vault>}]}]"),
        good("empty", "containers: [{name: app, env: [{name: DB_PASSWORD, value: ''}]}]"),
        good("a number", "containers: [{name: app, env: [{name: TOKEN_SECONDS, value: '3600'}]}]"),
        good("a boolean", "containers: [{name: app, args: ['--require-token=true']}]"),
        good("a word that only begins alike", "containers: [{name: app, env: [{name: TOKENIZER, value: fast}]}]"),
        good(
            "from a Secret",
            "containers: [{name: app, env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: p}}}]}]",
        ),
        good("a variable of the shell", "containers: [{name: app, command: [sh, -c, 'TOKEN=$(cat /t) app']}]"),
    ),
)
