"""`stridegate webhook`: the process that answers the API server."""

from __future__ import annotations

from pathlib import Path

import click

from stridegate.cli.processes import BIND, FILE, KUBECONFIG, LOG_LEVEL, PROBE_PORT


@click.command(short_help="Serve the admission webhook.")
@click.option(
    "--tls-directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Has tls.crt, tls.key and ca.crt; watched for changes.",
)
@click.option("--server-name", required=True, help="The name the API server calls: SERVICE.NAMESPACE.svc.")
@BIND
@click.option("--port", type=click.IntRange(0, 65535), default=9443, show_default=True, help="TLS: reviews.")
@PROBE_PORT
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
    type=FILE,
    help="Only whoever shows a certificate of these authorities (PEM) may call; watched for changes.",
)
@click.option(
    "--client-name",
    "client_names",
    multiple=True,
    metavar="NAME",
    help="A common name or DNS name that such a certificate may have; at least one.",
)
@click.option(
    "--strangers",
    type=click.Choice(["refuse", "count"]),
    default="refuse",
    show_default=True,
    help="What becomes of calls without such a certificate.",
)
@KUBECONFIG
@LOG_LEVEL
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
    strangers: str,
    kubeconfig: Path | None,
    log_level: str,
) -> None:
    """Serve the admission webhook until SIGTERM.

    Example: stridegate webhook --tls-directory /run/tls --server-name stridegate-webhook.stridegate-system.svc
    """
    from stridegate.admission.errors import BadEmbedder  # noqa: PLC0415
    from stridegate.admission.kinds import read_embedder  # noqa: PLC0415
    from stridegate.cli.logs import configure  # noqa: PLC0415 - `--help` needs none of it
    from stridegate.kube.errors import KubeError  # noqa: PLC0415
    from stridegate.webhook.callers import Admitted, Strangers  # noqa: PLC0415
    from stridegate.webhook.errors import WebhookError  # noqa: PLC0415
    from stridegate.webhook.main import Options, run  # noqa: PLC0415

    if (client_ca is None) != (not client_names):
        raise click.UsageError("--client-ca and --client-name go together: a certificate for any name would do")
    admitted = None
    if client_ca is not None:
        names = frozenset(client_names)
        admitted = Admitted(authority=client_ca, names=names, strangers=Strangers(strangers))
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
            admitted=admitted,
            kubeconfig=kubeconfig,
            lines_dropped=lambda: lines.dropped,
        )
        run(options)
    except (BadEmbedder, KubeError, WebhookError) as error:
        raise click.ClickException(str(error)) from error
