"""Which cluster a command talks to, as which user, and what it says where the cluster does not answer as it should."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stridegate.cli.check_words import namespace

if TYPE_CHECKING:
    from stridegate.kube.cluster import Cluster

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

_REFUSED, _UNREADABLE = 1, 3
_USUAL = "~/.kube/config"

NAMESPACE = click.option(
    "-n", "--namespace", callback=namespace, help="The workload's namespace; without it, the context's."
)


class Declined(click.ClickException):
    """The cluster refused, or the person did not agree: nothing was changed."""

    exit_code = _REFUSED


class OutOfReach(click.ClickException):
    """The cluster could not be asked."""

    exit_code = _UNREADABLE


def in_cluster(command: Command) -> Command:
    """Add the options that say which cluster, and as which user."""
    for option in (
        click.option("--context", help="Which context of the kubeconfig; without it, the current one."),
        click.option(
            "--kubeconfig",
            type=click.Path(path_type=Path),
            envvar="KUBECONFIG",
            help="As kubectl's: without it $KUBECONFIG, then ~/.kube/config, then the cluster it runs in.",
        ),
    ):
        command = option(command)
    return command


def connect(kubeconfig: Path | None, context: str | None) -> tuple[Cluster, str]:
    """Return the cluster and the namespace that is meant where none is named. Raises OutOfReach."""
    from stridegate.kube.cluster import Cluster  # noqa: PLC0415 - of an extra: see `entry`
    from stridegate.kube.connections import context_namespace  # noqa: PLC0415 - as above

    # A user that the system does not know, as containers have them, has no home either.
    usual = Path(os.path.expanduser(_USUAL))  # noqa: PTH111 - Path.expanduser raises where there is no home
    path = kubeconfig or (usual if usual.exists() else None)
    if path is None and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise OutOfReach(
            f"no cluster is named: wanted --kubeconfig, $KUBECONFIG, {_USUAL} or a pod to run in, got none of them"
        )
    return asked(lambda: Cluster.connect(path, context)), asked(lambda: context_namespace(path, context))


def asked(question: Callable[[], T]) -> T:
    """Return the cluster's answer. Raises Declined for a refusal, OutOfReach for anything else that is no answer."""
    from stridegate.kube.errors import KubeError, Refused  # noqa: PLC0415 - see `main`

    try:
        return question()
    except Refused as error:
        # The API server says which policy refused, through which binding; its own sentence is what people need.
        raise Declined(error.message.rpartition("denied request: ")[2]) from error
    except KubeError as error:
        raise OutOfReach(str(error)) from error


def reached(question: Callable[[], T]) -> T:
    """Return the cluster's answer to a command that only reads. Raises OutOfReach for whatever is no answer, a refusal included."""
    from stridegate.kube.errors import KubeError  # noqa: PLC0415 - see `main`

    try:
        return question()
    except KubeError as error:
        raise OutOfReach(str(error)) from error
