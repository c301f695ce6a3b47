"""The command `stridegate`: one subcommand per process, and what people type.

Each subcommand imports what it runs when it runs, so that `explain` does not pay for a web server.
"""

from __future__ import annotations

from pathlib import Path

import click

from stridegate.cli.awaited import Awaited
from stridegate.cli.contexts import connect, in_cluster, reached

_SETTINGS = {"auto_envvar_prefix": "STRIDEGATE", "help_option_names": ["-h", "--help"], "max_content_width": 110}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_KUBECONFIG = click.option(
    "--kubeconfig", type=_FILE, help="Talk to this cluster; without it, to the one the process runs in."
)
_PROBE_PORT = click.option(
    "--probe-port", type=click.IntRange(0, 65535), default=9090, show_default=True, help="Plain HTTP: probes, metrics."
)
_BIND = click.option("--bind", default="", help="Address to listen on; without it, every one, IPv4 and IPv6.")
_LOG_LEVEL = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning"]),
    default="info",
    show_default=True,
    help="Least to log.",
)

# Commands that stand in modules of their own.
_ELSEWHERE = {
    "check": "stridegate.cli.check",
    "completion": "stridegate.cli.completions",
    "exemption": "stridegate.cli.exemptions",
    "explain": "stridegate.cli.rules",
    "fix": "stridegate.cli.fix",
    "reader": "stridegate.cli.scanners",
    "doctor": "stridegate.cli.doctor",
    "report": "stridegate.cli.report",
    "rules": "stridegate.cli.rules",
    "scan-node": "stridegate.cli.scans",
    "scanner": "stridegate.cli.scanners",
}


@click.group(context_settings=_SETTINGS, invoke_without_command=True, commands=Awaited(_ELSEWHERE))
@click.option("--version", is_flag=True, allow_from_autoenv=False, help="Say which version this is.")
@click.option("--json", "as_json", is_flag=True, allow_from_autoenv=False, help="Of the version: for programs.")
@click.pass_context
def main(context: click.Context, version: bool, as_json: bool) -> None:  # noqa: FBT001 - flags
    """Harden Kubernetes against a STRIDE threat model.

    Every option is also read from the environment: --probe-port of the webhook from STRIDEGATE_WEBHOOK_PROBE_PORT.
    Exit codes: 0 clean, 1 findings or a refusal, 2 usage, 3 an input or a cluster that cannot be read, 4 a defect.
    """
    if as_json and not version:
        raise click.UsageError("--json goes with --version; commands have -o json")
    if version:
        from stridegate.cli.versions import versions  # noqa: PLC0415 - see the module's docstring

        click.echo(versions(as_json=as_json))
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@main.command(short_help="Serve the admission webhook.")
@click.option(
    "--tls-directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Has tls.crt, tls.key and ca.crt; watched for changes.",
)
@click.option("--server-name", required=True, help="The name the API server calls: SERVICE.NAMESPACE.svc.")
@_BIND
@click.option("--port", type=click.IntRange(0, 65535), default=9443, show_default=True, help="TLS: reviews.")
@_PROBE_PORT
@click.option(
    "--drain-delay",
    type=click.FloatRange(0, 60),
    default=5.0,
    show_default=True,
    help="Seconds to serve on after SIGTERM, while endpoints forget this replica.",
)
@click.option(
    "--pod-template",
    "pod_templates",
    multiple=True,
    metavar="GROUP/VERSION/RESOURCE=KIND:PATH",
    help="A further kind that embeds a pod template, such as argoproj.io/v1alpha1/rollouts=Rollout:spec.template.",
)
@click.option(
    "--exact-exec",
    is_flag=True,
    help="Judge exec and attach by what the very pod holds; every pod is watched for it.",
)
@click.option(
    "--client-ca",
    type=_FILE,
    help="Only whoever shows a certificate of these authorities (PEM) may call; watched for changes.",
)
@click.option(
    "--client-name",
    "client_names",
    multiple=True,
    metavar="NAME",
    help="A common name or DNS name that such a certificate may have; at least one.",
)
@_KUBECONFIG
@_LOG_LEVEL
def webhook(  # noqa: PLR0913, PLR0917 - one argument per option
    tls_directory: Path,
    server_name: str,
    bind: str,
    port: int,
    probe_port: int,
    drain_delay: float,
    pod_templates: tuple[str, ...],
    exact_exec: bool,  # noqa: FBT001 - one argument per option
    client_ca: Path | None,
    client_names: tuple[str, ...],
    kubeconfig: Path | None,
    log_level: str,
) -> None:
    """Serve the admission webhook until SIGTERM.

    Example: stridegate webhook --tls-directory /run/tls --server-name stridegate-webhook.stridegate-system.svc
    """
    from stridegate.admission.errors import BadEmbedder  # noqa: PLC0415
    from stridegate.admission.kinds import read_embedder  # noqa: PLC0415
    from stridegate.cli.logs import configure  # noqa: PLC0415 - see the module's docstring
    from stridegate.kube.errors import KubeError  # noqa: PLC0415
    from stridegate.webhook.callers import Admitted  # noqa: PLC0415
    from stridegate.webhook.errors import WebhookError  # noqa: PLC0415
    from stridegate.webhook.main import Options, run  # noqa: PLC0415

    if (client_ca is None) != (not client_names):
        raise click.UsageError("--client-ca and --client-name go together: a certificate for any name would do")
    lines = configure(log_level)
    try:
        options = Options(
            tls_directory=tls_directory,
            server_name=server_name,
            bind=bind,
            port=port,
            probe_port=probe_port,
            drain_delay=drain_delay,
            embedders=tuple(map(read_embedder, pod_templates)),
            exact_exec=exact_exec,
            admitted=Admitted(authority=client_ca, names=frozenset(client_names)) if client_ca else None,
            kubeconfig=kubeconfig,
            lines_dropped=lambda: lines.dropped,
        )
        run(options)
    except (BadEmbedder, KubeError, WebhookError) as error:
        raise click.ClickException(str(error)) from error


@main.command(short_help="Keep certificates, arm the webhook, audit what runs.")
@click.option("--namespace", required=True, help="The release's namespace: its Secrets, Lease and Service.")
@click.option("--webhooks-file", type=_FILE, required=True, help="JSON with the webhook entries to arm.")
@click.option("--guard-file", type=_FILE, required=True, help="JSON with the guard of exemptions as it must be.")
@click.option("--report-guard-file", type=_FILE, required=True, help="JSON with the guard of reports as it must be.")
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
@_BIND
@_PROBE_PORT
@_KUBECONFIG
@_LOG_LEVEL
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
    from stridegate.cli.logs import configure  # noqa: PLC0415 - see the module's docstring
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


@main.command(short_help="Prove by dry-runs that the webhook refuses what it should.")
@in_cluster
def canary(kubeconfig: Path | None, context: str | None) -> None:
    """Prove by dry-runs in stridegate-canary that a good pod is admitted and a bad one refused; nothing is created.

    Example: stridegate canary --kubeconfig admin.conf
    """
    import datetime as dt  # noqa: PLC0415 - see the module's docstring

    from stridegate.operator.canaries import run_canary  # noqa: PLC0415

    cluster, _ = connect(kubeconfig, context)
    outcome = reached(lambda: run_canary(cluster, dt.datetime.now(dt.UTC)))
    for case, problem in outcome.problems.items():
        click.echo(f"{case.value} pod: {problem or 'answered as it should be'}")
    if outcome.problem:
        raise click.exceptions.Exit(1)
