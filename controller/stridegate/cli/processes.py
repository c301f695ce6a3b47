"""What people, or rather the chart, type to the processes that last: where they listen, which cluster is theirs, what they log."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
KUBECONFIG = click.option(
    "--kubeconfig", type=FILE, help="Talk to this cluster; without it, to the one the process runs in."
)
BIND = click.option("--bind", default="", help="Address to listen on; without it, every one, IPv4 and IPv6.")
PROBE_PORT = click.option(
    "--probe-port", type=click.IntRange(0, 65535), default=9090, show_default=True, help="Plain HTTP: probes, metrics."
)
LOG_LEVEL = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning"]),
    default="info",
    show_default=True,
    help="Least to log.",
)
