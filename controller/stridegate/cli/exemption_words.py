"""What people type about an exemption: rules, workloads, values and times, and the object that it amounts to."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping

import click

from stridegate.model.exemptions import LONGEST_LIFE
from stridegate.model.policies import Workload
from stridegate.model.vocabulary import ValueKind

# By every name that kubectl takes for it. Any other kind is written as Kubernetes does, such as Rollout.
_KINDS = {
    typed: kind
    for kind, names in {
        "Deployment": "deployment deployments deploy",
        "StatefulSet": "statefulset statefulsets sts",
        "DaemonSet": "daemonset daemonsets ds",
        "ReplicaSet": "replicaset replicasets rs",
        "ReplicationController": "replicationcontroller replicationcontrollers rc",
        "Job": "job jobs",
        "CronJob": "cronjob cronjobs cj",
        "Pod": "pod pods po",
    }.items()
    for typed in names.split()
}
_SPAN = re.compile(r"(?P<count>[0-9]{1,4})(?P<unit>[hdw])", re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 168}
_GENERATED = 57


def rule(slug: str) -> str:
    """Return the slug of a rule that there is. Raises click.BadParameter."""
    from stridegate.engine.catalogue import RULES  # noqa: PLC0415 - loading every rule takes a while

    if slug not in RULES:
        near = difflib.get_close_matches(slug, RULES, 1)
        hint = f"did you mean {near[0]}?" if near else "`stridegate rules` lists them"
        raise click.BadParameter(f"there is no rule {slug!r}; {hint}")
    return slug


def workload(text: str) -> Workload:
    """Return the workload that KIND/NAME is. Raises click.BadParameter."""
    typed, _, name = text.partition("/")
    kind = _KINDS.get(typed.lower(), typed if typed[:1].isupper() else "")
    if not name or not kind:
        raise click.BadParameter(
            f"wanted KIND/NAME such as deployment/web, or Rollout/web for other kinds, got {text!r}"
        )
    return Workload(kind, name)


def value(text: str) -> Mapping[str, object]:
    """Return the value that KEY=VALUE is, as an exemption has it. Raises click.BadParameter."""
    key, _, given = text.partition("=")
    kinds = [each.value for each in ValueKind if each is not ValueKind.DIGEST]
    if key not in kinds or not given:
        raise click.BadParameter(f"wanted KEY=VALUE with one of the keys {', '.join(kinds)}, got {text!r}")
    if key != ValueKind.PORT.value:
        return {key: given}
    if not given.isdecimal():
        raise click.BadParameter(f"wanted the number of a port, got {given!r}")
    return {key: int(given)}


def end(text: str) -> str:
    """Return the time at which an exemption is to end, as Kubernetes writes it. Raises click.BadParameter."""
    now = dt.datetime.now(dt.UTC)
    at = _end(text, now)
    if at is None:
        raise click.BadParameter(f"wanted 30d, 12h, 2w, 2027-01-31 or 2027-01-31T12:00:00Z, got {text!r}")
    if not now < at <= now + dt.timedelta(seconds=LONGEST_LIFE):
        raise click.BadParameter(f"wanted a time within the next {LONGEST_LIFE // 86400} days, got {text!r}")
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _end(text: str, now: dt.datetime) -> dt.datetime | None:
    span = _SPAN.fullmatch(text)
    if span:
        return now + dt.timedelta(hours=int(span["count"]) * _HOURS[span["unit"]])
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    # A date, and a time without its offset, are in UTC.
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)


def draft(namespace: str, name: str | None, spec: Mapping[str, object], now: dt.datetime) -> dict[str, object]:
    """Return the object to create, without what is empty; a name that is absent is left to the API server.

    Raises click.UsageError where it is none that could be honoured.
    """
    from stridegate.kube.errors import InvalidExemption  # noqa: PLC0415 - not before it is needed
    from stridegate.kube.exemptions import read_exemption  # noqa: PLC0415

    filled = {key: value for key, value in spec.items() if value not in (None, [])}
    about: dict[str, object] = {"namespace": namespace}
    obj: dict[str, object] = {
        "apiVersion": "stridegate.dev/v1alpha1",
        "kind": "HardeningExemption",
        "metadata": about,
        "spec": filled,
    }
    stored = {**about, "name": name or "new", "creationTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    try:
        exemption = read_exemption({**obj, "metadata": stored})
    except InvalidExemption as problem:
        raise click.UsageError(str(problem).partition(": ")[2]) from problem
    if name:
        about["name"] = name
    else:
        whom = exemption.workload.name if exemption.workload else "nodes"
        about["generateName"] = f"{whom}-{min(exemption.rules)}"[:_GENERATED].rstrip("-.") + "-"
    return obj


def days(seconds: float) -> str:
    """Return a span as people say it."""
    return f"{seconds / 86400:.0f} days" if seconds >= 2 * 86400 else f"{seconds / 3600:.0f} hours"
