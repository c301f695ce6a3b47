"""`stridegate operator`: the process that keeps the webhook able to answer, and reports."""

from __future__ import annotations

from pathlib import Path

import click

from stridegate.cli.processes import BIND, FILE, KUBECONFIG, LOG_LEVEL, PROBE_PORT


@click.command(short_help="Keep certificates, arm the webhook, audit what runs.")
@click.option("--namespace", required=True, help="The release's namespace: its Secrets, Lease and Service.")
@click.option("--webhooks-file", type=FILE, required=True, help="JSON with the webhook entries to arm.")
@click.option("--guard-file", type=FILE, required=True, help="JSON with the guard of exemptions as it must be.")
@click.option("--report-guard-file", type=FILE, required=True, help="JSON with the guard of reports as it must be.")
@click.option("--service", default="stridegate-webhook", show_default=True, help="The webhook's Service.")
@click.option("--identity", required=True, help="This replica's name in the Lease: the pod's.")
@click.option(
    "--audit-interval",
    type=click.IntRange(30, 86400),
    default=600,
    show_default=True,
    help="Seconds between audits of all running pods; one also follows when policies change.",
)
@click.option(
    "--scan-interval",
    type=click.IntRange(30, 86400),
    default=600,
    show_default=True,
    help="Seconds between scans of each node; one also follows when something changes on it.",
)
@click.option(
    "--installation", default="auto", show_default=True, help="How all nodes were installed, such as kubeadm."
)
@click.option(
    "--without-scanner", is_flag=True, help="No scanner runs: no node has a report, and those that are left go."
)
@click.option("--open-reports", is_flag=True, help="Repeat reports as OpenReports' ClusterReports, where served.")
@BIND
@PROBE_PORT
@KUBECONFIG
@LOG_LEVEL
def operator(  # noqa: PLR0913, PLR0917 - one argument per option
    namespace: str,
    webhooks_file: Path,
    guard_file: Path,
    report_guard_file: Path,
    service: str,
    identity: str,
    audit_interval: int,
    scan_interval: int,
    installation: str,
    without_scanner: bool,  # noqa: FBT001 - one argument per option
    open_reports: bool,  # noqa: FBT001 - one argument per option
    bind: str,
    probe_port: int,
    kubeconfig: Path | None,
    log_level: str,
) -> None:
    """Keep certificates, arm the webhook, audit what runs and report on policies until SIGTERM.

    Example: stridegate operator --namespace stridegate-system --webhooks-file webhooks.json --guard-file guard.json
    --report-guard-file report-guard.json --identity pod-1
    """
    from stridegate.cli.logs import configure  # noqa: PLC0415 - `--help` needs none of it
    from stridegate.kube.errors import KubeError  # noqa: PLC0415
    from stridegate.model.nodes.nodes import Installation  # noqa: PLC0415
    from stridegate.operator.assignments import Settings  # noqa: PLC0415
    from stridegate.operator.errors import OperatorError  # noqa: PLC0415
    from stridegate.operator.main import run  # noqa: PLC0415
    from stridegate.operator.options import Options  # noqa: PLC0415

    lines = configure(log_level)
    installations = {each.value: each for each in Installation}
    if installation not in {"auto", *installations}:
        wanted = ", ".join(("auto", *installations))
        raise click.BadParameter(f"wanted one of {wanted}, got {installation!r}", param_hint="--installation")
    settings = Settings(
        installation=installations.get(installation), interval=scan_interval, scanning=not without_scanner
    )
    options = Options(
        namespace=namespace,
        webhooks_file=webhooks_file,
        guard_file=guard_file,
        report_guard_file=report_guard_file,
        service=service,
        identity=identity,
        audit_interval=audit_interval,
        report_settings=settings,
        open_reports=open_reports,
        bind=bind,
        probe_port=probe_port,
        kubeconfig=kubeconfig,
        lines_dropped=lambda: lines.dropped,
    )
    try:
        run(options)
    except (KubeError, OperatorError) as error:
        raise click.ClickException(str(error)) from error
