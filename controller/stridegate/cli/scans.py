"""`stridegate scan-node`: what a person at a desk learns about the machine in front of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stridegate import __version__
from stridegate.cli.check_words import fail_on
from stridegate.cli.outputs.targets import Format, Target, outputs_as, write_with
from stridegate.cli.terminals import COLOR, Color, Sheet
from stridegate.model.nodes.nodes import Installation, Role
from stridegate.model.nodes.verdicts import State
from stridegate.model.texts import clean
from stridegate.model.vocabulary import Severity

if TYPE_CHECKING:
    from stridegate.engine.survey import NodeFinding
    from stridegate.model.reports import StatusEntry
    from stridegate.scanner.bare_machine import Machine
    from stridegate.scanner.clusters import Api

# Exit codes, as of every command: findings, nothing that could be judged, a rule of ours that broke.
_FOUND, _UNREADABLE, _DEFECT = 1, 3, 4
_MARKS = {State.FAIL: "fail", State.WARN: "warn", State.UNKNOWN: "unknown", State.ERROR: "error"}
_OFFENDERS = 5
# What a verdict observed is shown whole, within reason; severity and mark stand before slugs and above all else.
_RUNES, _INDENT = 400, 19


@click.command("scan-node", short_help="Judge this machine: daemons, files, running containers.")
@click.option(
    "--profile",
    type=click.Choice([each.value for each in Installation]),
    help="How the node was installed; found out by itself.",
)
@click.option(
    "--role", type=click.Choice([each.value for each in Role]), help="What the node is for; found out by itself."
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ask the kubelet as this user, by its certificate; without it, as the kubelet itself.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/"),
    show_default=True,
    help="Read a disk that is mounted here, in place of the running machine.",
)
@click.option("--trusted-docker-user", multiple=True, metavar="NAME", help="May be in the group docker; repeat it.")
@fail_on(Severity.LOW)
@outputs_as(Format.TABLE, Format.JSON)
@COLOR
def scan_node(  # noqa: PLR0913, PLR0917 - one argument per option
    profile: str | None,
    role: str | None,
    kubeconfig: Path | None,
    root: Path,
    trusted_docker_user: tuple[str, ...],
    fail_on: Severity | None,
    outputs: Sequence[Target],
    color: Color,
) -> None:
    """Judge this machine: daemons, files, sockets, settings and running containers. Nothing on it is changed or executed.

    Run it as root, or much stays unknown. Docker hosts need no Kubernetes.

    Example: stridegate scan-node -o json
    """
    from stridegate.scanner.bare_machine import scan_machine  # noqa: PLC0415 - loading every rule takes a while

    if os.geteuid() != 0:
        click.echo("not root: what only root may read stays unknown", err=True)
    machine = scan_machine(
        root,
        installation=Installation(profile) if profile else None,
        role=Role(role) if role else None,
        api=_api(kubeconfig) if kubeconfig else None,
        trusted_docker_users=trusted_docker_user,
    )
    status = _status(machine)

    def render(format_: Format, sheet: Sheet) -> str:
        return _json(machine, status) if format_ is Format.JSON else "\n".join(_table(machine, status, sheet))

    write_with(render, outputs, color)
    code = _exit_code(machine.survey.findings, fail_on)
    if code:
        raise click.exceptions.Exit(code)


def _api(kubeconfig: Path) -> Api:
    from stridegate.kube.errors import NoAccess  # noqa: PLC0415 - as above
    from stridegate.kube.reader import find_way_in  # noqa: PLC0415
    from stridegate.scanner.clusters import Api, Credentials  # noqa: PLC0415

    try:
        way = find_way_in(kubeconfig)
        token = way.bearer() or ""
    except NoAccess as error:
        raise click.UsageError(str(error)) from error
    chain = f"{way.certificate}\n{way.key}" if way.certificate and way.key else ""
    return Api(server=way.server, credentials=Credentials(token=token, chain=chain, authority=way.authority or ""))


def _exit_code(findings: tuple[NodeFinding, ...], least: Severity | None) -> int:
    states = [each.verdict.state for each in findings]
    if State.ERROR in states:
        return _DEFECT
    if not set(states) & {State.PASS, State.FAIL, State.WARN}:
        return _UNREADABLE
    failed = least is not None and any(
        each.verdict.state is State.FAIL and each.rule.severity >= least for each in findings
    )
    return _FOUND if failed else 0


def _status(machine: Machine) -> StatusEntry:
    from stridegate.engine.reports import Scan, catalogue_digest, report  # noqa: PLC0415 - as above

    scan = Scan(
        findings=machine.survey.findings,
        now=machine.circumstances.now,
        duration=machine.duration,
        version=__version__,
        catalogue=catalogue_digest(each.rule for each in machine.survey.findings),
        generation=0,
        node=machine.node,
        bounded=False,
    )
    return report(scan, None)


def _json(machine: Machine, status: StatusEntry) -> str:
    """Return what a cluster would have: a HardeningReport, so that one program reads both."""
    import json  # noqa: PLC0415 - as above

    from stridegate.kube.reports import API_VERSION  # noqa: PLC0415

    circumstances = machine.circumstances
    told = {
        "apiVersion": API_VERSION,
        "kind": "HardeningReport",
        "metadata": {"name": clean(socket.gethostname())},
        "spec": {"profile": circumstances.installation.value, "role": circumstances.role.value},
        "status": status,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _table(machine: Machine, status: StatusEntry, sheet: Sheet) -> Iterator[str]:
    findings = sorted(
        (each for each in machine.survey.findings if each.verdict.state in _MARKS),
        key=lambda each: (list(_MARKS).index(each.verdict.state), -each.rule.severity, each.rule.slug),
    )
    widest = max((len(each.rule.slug) for each in findings), default=0)
    for each in findings:
        yield from _finding(each, sheet, widest)
    if findings:
        yield ""
    yield from _summary(machine, status, sheet)


def _finding(finding: NodeFinding, sheet: Sheet, widest: int) -> Iterator[str]:
    rule, verdict = finding.rule, finding.verdict
    indent = " " * _INDENT
    head = f"{sheet.severe(f'{rule.severity!s:8}', rule.severity)}  {_MARKS[verdict.state]:7}  {rule.slug}"
    observed = clean(verdict.observed, _RUNES)
    if sheet.width is None or _INDENT + widest + 2 + len(observed) <= sheet.width:
        yield f"{head}{' ' * (widest - len(rule.slug))}  {observed}"
    else:
        yield head
        yield from sheet.wrapped(observed, indent)
    if verdict.state in {State.FAIL, State.WARN}:
        for offender in verdict.offenders[:_OFFENDERS]:
            yield f"{indent}{clean(offender.name, 80)}: {clean(offender.observed, 80)}"
        if len(verdict.offenders) > _OFFENDERS:
            yield f"{indent}and {len(verdict.offenders) - _OFFENDERS} more"
        for line in sheet.wrapped(rule.fix, indent):
            yield sheet.faint(line)


def _summary(machine: Machine, status: StatusEntry, sheet: Sheet) -> Iterator[str]:
    summary, circumstances = status["summary"], machine.circumstances
    node = machine.node
    about = filter(None, (node.get("osImage"), node.get("kernel"), node.get("runtime")))
    yield sheet.bold(clean(f"{socket.gethostname()}: {', '.join(about)}", 200))
    yield (
        f"profile {circumstances.installation.value}, {circumstances.role.value}; {len(machine.survey.findings)} rules"
        f" in {machine.duration:.1f} s"
    )
    worst = ", ".join(f"{summary[str(each)]} {each}" for each in sorted(Severity, reverse=True) if summary[str(each)])
    yield (
        f"{summary['pass']} pass, {summary['fail']} fail{f' ({worst})' if worst else ''}, {summary['warn']} warn,"
        f" {summary['error']} unknown, {summary['notApplicable']} do not apply"
    )
    score = f"score {summary['score']} of 100, " if "score" in summary else ""
    yield f"{score}coverage {summary['coverage']} %"
