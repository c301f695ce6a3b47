"""`stridegate scanner` and `stridegate reader`: the two processes of the pod that each node has."""

from __future__ import annotations

from pathlib import Path

import click

from stridegate.cli.processes import BIND, KUBECONFIG, LOG_LEVEL, PROBE_PORT

_SOCKET = click.option(
    "--socket",
    "socket_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("/run/stridegate/reader.sock"),
    show_default=True,
    help="Where the reader answers.",
)
_ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/host"),
    show_default=True,
    help="Where the host's directories are mounted.",
)


@click.command(short_help="Scan a node and keep its HardeningReport.")
@click.option("--node", required=True, help="The node that this pod runs on: the name of its report.")
@click.option("--address", required=True, help="The node's address, as its pods reach it.")
@click.option("--pod-uid", default="", help="The uid of this pod, which is not judged.")
@_SOCKET
@_ROOT
@BIND
@PROBE_PORT
@click.option("--instance-metadata", is_flag=True, help="Try whether the cloud's metadata service answers pods.")
@click.option("--kubelet-port", type=click.IntRange(1, 65535), default=10250, show_default=True)
@KUBECONFIG
@LOG_LEVEL
def scanner(  # noqa: PLR0913, PLR0917 - one argument per option
    node: str,
    address: str,
    pod_uid: str,
    socket_path: Path,
    root: Path,
    bind: str,
    probe_port: int,
    instance_metadata: bool,  # noqa: FBT001 - one argument per option
    kubelet_port: int,
    kubeconfig: Path | None,
    log_level: str,
) -> None:
    """Scan a node and keep its HardeningReport until SIGTERM.

    Example: stridegate scanner --node node1 --address 192.0.2.10
    """
    from stridegate.cli.logs import configure  # noqa: PLC0415 - each process imports what it runs when it runs
    from stridegate.kube.errors import KubeError  # noqa: PLC0415
    from stridegate.scanner.main import Options, run  # noqa: PLC0415

    configure(log_level)
    options = Options(
        node=node,
        address=address,
        pod_uid=pod_uid,
        root=root,
        reader=socket_path,
        bind=bind,
        probe_port=probe_port,
        kubelet_port=kubelet_port,
        instance_metadata=instance_metadata,
        kubeconfig=kubeconfig,
    )
    try:
        run(options)
    except KubeError as error:
        raise click.ClickException(str(error)) from error


@click.command(short_help="Read files of the host for the scanner.")
@_SOCKET
@_ROOT
@click.option(
    "--visible",
    multiple=True,
    default=("/",),
    metavar="PATH",
    help="A path of the host that is mounted; repeat it. What is elsewhere is unknown, and not absent.",
)
@click.option("--masked", multiple=True, metavar="PATH", help="A path below those that something hides; repeat it.")
@LOG_LEVEL
def reader(socket_path: Path, root: Path, visible: tuple[str, ...], masked: tuple[str, ...], log_level: str) -> None:
    """Read files of the host for the scanner, and tell no secret, until SIGTERM. It needs no network and no token.

    Example: stridegate reader --visible /etc --visible /usr
    """
    from stridegate.cli.logs import configure  # noqa: PLC0415 - as above
    from stridegate.scanner.reading import Options, run  # noqa: PLC0415

    configure(log_level)
    run(Options(socket_path=socket_path, root=root, visible=visible, masked=masked))
