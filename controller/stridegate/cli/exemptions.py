"""`stridegate exemption`: grant an exemption after showing it, list what was granted, take one back.

The cluster decides who may: these commands write what kubectl could write, and say its refusals in one sentence.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stridegate.cli import exemption_words as words
from stridegate.cli.contexts import NAMESPACE, Declined, asked, connect, in_cluster
from stridegate.model.exemptions import ExemptionState
from stridegate.model.policies import Workload

if TYPE_CHECKING:
    from stridegate.kube.cluster import Cluster
    from stridegate.kube.objects import Json

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_OUTPUT = click.option("-o", "--output", type=click.Choice(["yaml", "json"]), help="Print the object, for programs.")


@click.group()
def exemption() -> None:
    """Let a workload break a rule for a limited time, on record.

    The cluster decides who may: `kubectl auth can-i --list -n NAMESPACE` says so under hardeningrules.stridegate.dev.
    """


@exemption.command(short_help="Grant an exemption: show it, ask, and write it.")
@click.option(
    "--rule", "rules", type=words.rule, multiple=True, required=True, help="A rule to exempt from; repeat for more."
)
@click.option("--workload", type=words.workload, required=True, help="KIND/NAME, such as deployment/web.")
@click.option("--container", "containers", multiple=True, help="Only this container; repeat for more.")
@click.option(
    "--value", "values", type=words.value, multiple=True, help="Only this, such as capability=NET_ADMIN; repeat."
)
@click.option("--reason", help="Why, for those who review it; asked for where absent.")
@click.option(
    "--expires", type=words.end, help="30d, 12h, 2w, a date, or a time; at most 90 days ahead; asked for where absent."
)
@click.option("--ticket", help="Where it was asked for.")
@click.option("--owner", help="Who is to end the need for it.")
@click.option("--name", help="The exemption's name; without it, made of the workload's.")
@click.option("--dry-run", is_flag=True, help="Ask the cluster whether it would be granted, and grant nothing.")
@_YES
@_OUTPUT
@NAMESPACE
@in_cluster
def create(  # noqa: PLR0913, PLR0917 - one argument per option
    rules: Sequence[str],
    workload: Workload,
    containers: Sequence[str],
    values: Sequence[Mapping[str, object]],
    reason: str | None,
    expires: str | None,
    ticket: str | None,
    owner: str | None,
    name: str | None,
    dry_run: bool,  # noqa: FBT001 - a flag
    yes: bool,  # noqa: FBT001 - a flag
    output: str | None,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
) -> None:
    """Grant an exemption: show it, ask, and write it in the name of the current user.

    Example: stridegate exemption create -n shop --rule dangerous-capability --workload deployment/web --container vpn
    --value capability=NET_ADMIN --reason 'VPN sidecar until the mesh is in' --expires 30d
    """
    cluster, home = connect(kubeconfig, context)
    spec = {
        "rules": list(rules),
        "workload": {"kind": workload.kind, "name": workload.name},
        "containers": list(containers),
        "values": list(values),
        "reason": reason or _ask("--reason", "Why"),
        "expires": expires or _ask("--expires", "Until when", words.end, "30d"),
        "grantedBy": asked(cluster.who_am_i),
        "ticket": ticket,
        "owner": owner,
    }
    place = namespace or home
    wanted = words.draft(place, name, spec, dt.datetime.now(dt.UTC))
    tried = _try(cluster, place, wanted, rules)
    click.echo(_sentence(wanted), err=True)
    if dry_run:
        click.echo("It would be granted; nothing was changed.", err=True)
        _print(tried, output)
        return
    _agree("Grant it?", yes=yes)
    granted = asked(lambda: cluster.create_exemption(place, wanted, dry_run=False))
    click.echo(
        f"granted: hardeningexemption/{_metadata(granted)['name']} in {_metadata(granted)['namespace']}", err=True
    )
    _print(granted, output)


@exemption.command("list", short_help="List exemptions, the first to end first.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Those of every namespace.")
@NAMESPACE
@in_cluster
def list_(kubeconfig: Path | None, context: str | None, namespace: str | None, all_namespaces: bool) -> None:  # noqa: FBT001 - a flag
    """List exemptions by what they are worth now, the first to end first.

    Example: stridegate exemption list --all-namespaces
    """
    from stridegate.kube.errors import InvalidExemption  # noqa: PLC0415 - as in `main`
    from stridegate.kube.exemptions import read_exemption  # noqa: PLC0415

    cluster, home = connect(kubeconfig, context)
    found = asked(lambda: cluster.exemptions(None if all_namespaces else namespace or home)).items or []
    now = dt.datetime.now(dt.UTC).timestamp()
    lines: list[tuple[float, str]] = []
    for each in found:
        try:
            one = read_exemption(each)
        except InvalidExemption as problem:
            lines.append((0, f"Invalid    {problem}"))
            continue
        state = one.state(now)
        left = f", {words.days(one.expires - now)} left" if state is ExemptionState.ACTIVE else ""
        what = one.workload or "nodes"
        lines.append(
            (
                one.expires,
                f"{state.value:10} {one.namespace}/{one.name}: {what}, {', '.join(sorted(one.rules))}, by {one.granted_by}{left}",
            )
        )
    for _, line in sorted(lines):
        click.echo(line)
    if not lines:
        click.echo("there are no exemptions", err=True)


@exemption.command(short_help="Take an exemption back before its time.")
@click.argument("name")
@_YES
@NAMESPACE
@in_cluster
def revoke(name: str, yes: bool, kubeconfig: Path | None, context: str | None, namespace: str | None) -> None:  # noqa: FBT001 - a flag
    """Take an exemption back before its time; it stays on record, and cannot be given again.

    Example: stridegate exemption revoke -n shop web-vpn
    """
    cluster, home = connect(kubeconfig, context)
    place = namespace or home
    standing = asked(lambda: cluster.exemption(place, name))
    click.echo(_sentence(standing), err=True)
    _agree("Revoke it?", yes=yes)
    asked(lambda: cluster.revoke_exemption(place, name))
    click.echo(f"revoked: hardeningexemption/{name} in {place}", err=True)


def _try(cluster: Cluster, namespace: str, wanted: Json, rules: Sequence[str]) -> Json:
    """Return what would be stored, or say the refusal with every rule that it is about: the guard names the first alone."""
    try:
        return asked(lambda: cluster.create_exemption(namespace, wanted, dry_run=True))
    except Declined as refusal:
        named = [rule for rule in rules if f" may not exempt {rule} in " in refusal.message]
        others = [
            rule
            for rule in rules
            if named and rule not in named and not asked(partial(cluster.may_exempt, namespace, rule))
        ]
        if not others:
            raise
        raise Declined(f"{refusal.message}; the same for {', '.join(others)}") from refusal


def _ask(option: str, question: str, read: Callable[[str], str] = str, default: str | None = None) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"Missing option '{option}', and nobody to ask.")
    return click.prompt(question, value_proc=read, default=default, err=True)


def _agree(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask; --yes goes ahead without")
    if not click.confirm(question, err=True):
        raise Declined("nothing was changed")


def _sentence(obj: Mapping[str, Any]) -> str:
    """Return what an exemption says, in words."""
    spec = obj["spec"]
    workload = spec.get("workload")
    whom = f"{workload['kind']} {workload['name']}" if workload else "nodes"
    containers = spec.get("containers")
    values = [f"{key} {value}" for each in spec.get("values") or () for key, value in each.items()]
    lines = (
        f"{spec['grantedBy']} exempts {whom} in {_metadata(obj)['namespace']}",
        f"  from     {', '.join(spec['rules'])}",
        f"  for      {', '.join(values) or 'whatever they find'}",
        f"  in       {', '.join(f'container {each}' for each in containers) if containers else 'the pod and all of its containers'}",
        f"  until    {spec['expires']}",
        f"  because  {spec['reason']}",
    )
    return "\n".join(lines)


def _metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = obj["metadata"]
    return metadata


def _print(obj: Json, output: str | None) -> None:
    """Print an object as it can be applied or parsed, without what the API server keeps for itself."""
    if output is None:
        return
    import json  # noqa: PLC0415 - see `main`

    import yaml  # noqa: PLC0415

    shown = {**obj, "metadata": {key: value for key, value in _metadata(obj).items() if key != "managedFields"}}
    click.echo(json.dumps(shown, indent=2) if output == "json" else yaml.safe_dump(shown, sort_keys=False).rstrip())
