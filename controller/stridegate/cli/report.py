"""`stridegate report`: how a cluster stands, for people who answer for it. Nothing in the cluster is changed."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from stridegate.cli.contexts import OutOfReach, connect, in_cluster, reached
from stridegate.cli.outputs.targets import Format, Target, outputs_as, write_with
from stridegate.cli.terminals import COLOR, Color, Sheet

if TYPE_CHECKING:
    from stridegate.kube.cluster import Cluster
    from stridegate.model.postures import Posture

_UNREADABLE = 3
# Reports of a page: each can have some hundred kilobytes.
_PAGE = 50
# The rules that the operator leaves open, since it reads no Secret.
_OF_SECRETS = ("static-service-account-token", "expired-bootstrap-token")


@click.command(short_help="Say how a cluster stands: policies, nodes, exemptions.")
@click.option("--cluster", "of_cluster", is_flag=True, help="Report on a cluster: its policies, nodes and exemptions.")
@in_cluster
@outputs_as(Format.TABLE, Format.JSON, Format.HTML)
@COLOR
def report(
    of_cluster: bool,  # noqa: FBT001 - a flag
    kubeconfig: Path | None,
    context: str | None,
    outputs: Sequence[Target],
    color: Color,
) -> None:
    """Say how a cluster stands: what policies hold, what nodes' scans found, what is exempted and for how long.

    It only reads, and says what the operator and the scanners have written down. Tokens in Secrets, which those may not
    read, are judged here if whoever asks may list Secrets.

    Example: stridegate report --cluster -o html=posture.html
    """
    if not of_cluster:
        raise click.UsageError("wanted --cluster, got nothing to report on")
    cluster, _ = connect(kubeconfig, context)
    posture = reached(lambda: _gathered(cluster, dt.datetime.now(dt.UTC).timestamp()))

    def render(format_: Format, sheet: Sheet) -> str:
        module = importlib.import_module(f"stridegate.cli.postures.{format_.value}")
        return cast("str", module.render(posture, sheet))

    write_with(render, outputs, color)
    if posture.problems:
        for problem in posture.problems:
            click.echo(f"cannot be read: {problem}", err=True)
        raise click.exceptions.Exit(_UNREADABLE)


def _gathered(cluster: Cluster, at: float) -> Posture:
    """Return how a cluster stands. Raises OutOfReach where it does not know Stridegate's kinds."""
    from stridegate.kube.errors import NotFound  # noqa: PLC0415 - `--help` needs none of it
    from stridegate.kube.postures import read_posture  # noqa: PLC0415
    from stridegate.kube.reports import REPORTS  # noqa: PLC0415

    try:
        policies, exemptions = cluster.policies().items or [], cluster.exemptions().items or []
    except NotFound as error:
        raise OutOfReach(
            "this cluster does not know the kind HardeningPolicy: Stridegate is not installed in it"
        ) from error
    try:
        # All of them are asked for before any is read: the absence of the kind shows with the first page.
        reports = list(cluster.objects(REPORTS, _PAGE))
    except NotFound:
        return read_posture(at, policies, None, exemptions)
    return read_posture(at, policies, [_with_secrets(cluster, each, at) for each in reports], exemptions)


def _with_secrets(cluster: Cluster, report: dict[str, object], at: float) -> dict[str, object]:
    """Return a report, and that on the cluster with the rules about Secrets judged by the rights of whoever asks."""
    from stridegate.engine.clusters import judge_cluster  # noqa: PLC0415 - as above
    from stridegate.engine.node_catalogue import CLUSTER_RULES, ENTRIES  # noqa: PLC0415
    from stridegate.engine.rejudgements import rejudged  # noqa: PLC0415
    from stridegate.kube.cluster_objects import SECRETS, with_secrets  # noqa: PLC0415
    from stridegate.kube.errors import Denied  # noqa: PLC0415
    from stridegate.model.reports import CLUSTER_REPORT  # noqa: PLC0415

    metadata, status = report.get("metadata"), report.get("status")
    if not isinstance(metadata, dict) or metadata.get("name") != CLUSTER_REPORT or not isinstance(status, dict):
        return report
    try:
        seen = with_secrets(cluster.objects(SECRETS), at)
    except Denied:
        return report
    findings = judge_cluster((CLUSTER_RULES[slug] for slug in _OF_SECRETS), seen)
    return {**report, "status": rejudged(status, findings, ENTRIES)}
