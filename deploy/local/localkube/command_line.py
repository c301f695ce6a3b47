"""The commands of `python3 deploy/local`, each a few lines over the part that does the work."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from localkube import engine, ownership, pinning, teardown
from localkube.api_server import ApiServer
from localkube.binaries import PROGRAMS, Binaries
from localkube.cache import Cache
from localkube.demo import demonstrate
from localkube.errors import LocalError
from localkube.kind_cluster import KindCluster
from localkube.places import Places
from localkube.progress import say
from localkube.versions import KubernetesVersion

_INTERRUPTED = 130
"""The exit code of what Ctrl-C ended, as shells have it."""
_PASSED_ON = ("kubectl", "helm")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what is known to go wrong is told in one sentence, with code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    try:
        if arguments and arguments[0] in _PASSED_ON:  # all further flags are theirs
            return _pass_on(arguments[0], arguments[1:])
        options = _parser().parse_args(arguments)
        code: int = options.run(options)
    except LocalError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 deploy/local",
        description="A real local Kubernetes on this machine.",
        epilog="Environment: KUBERNETES chooses the version, CLUSTER the cluster's name.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("demo", help="show Stridegate at work").set_defaults(run=_demo)
    tools = commands.add_parser("tools", help="build programs and print where they are")
    tools.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    tools.set_defaults(run=_tools)
    up = commands.add_parser("kind-up", help="make a kind cluster, or take the one that is there")
    up.add_argument("--nodes", type=int, default=1, choices=range(1, 10), metavar="N", help="1 (default) to 9")
    up.set_defaults(run=_kind_up)
    commands.add_parser("kind-down", help="delete the kind cluster").set_defaults(run=_kind_down)
    commands.add_parser("down", help="take away everything that was started here").set_defaults(run=_down)
    commands.add_parser("status", help="say what is there").set_defaults(run=_status)
    server = commands.add_parser("api-server", help="run an API server without nodes until Ctrl-C")
    server.set_defaults(run=_api_server)
    for program in _PASSED_ON:
        commands.add_parser(program, help=f"run {program} on the kind cluster", add_help=False)
    pin = commands.add_parser("pin", help="write go.mod and go.sum for another Kubernetes version")
    pin.add_argument("version", metavar="VERSION", help="such as 1.36.3")
    pin.set_defaults(run=_pin)
    return parser


def _binaries() -> Binaries:
    return Binaries(cache=Cache(root=Places.of().cache), kubernetes=KubernetesVersion.chosen())


def _demo(_: argparse.Namespace) -> int:
    named = os.environ.get("KUBECONFIG")
    existing = Path(named) if named and Path(named) != KindCluster().kubeconfig else None
    demonstrate(existing, _binaries())
    return 0


def _tools(options: argparse.Namespace) -> int:
    for name in options.names or PROGRAMS:
        print(_binaries().program(name))
    return 0


def _kind_up(options: argparse.Namespace) -> int:
    cluster = KindCluster(nodes=options.nodes)
    cluster.create()
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _kind_down(_: argparse.Namespace) -> int:
    KindCluster().delete()
    return 0


def _down(_: argparse.Namespace) -> int:
    teardown.take_down(Places.of())
    say("nothing is left running")
    return 0


def _status(_: argparse.Namespace) -> int:
    places, found = Places.of(), engine.running()
    owner = ownership.recorded_owner(places.state)
    print(f"cluster    {places.state.name}{f' (of {owner})' if owner else ', not made'}")
    print(f"engine     {'none' if not found else 'ours' if found.ours else 'the one that was running'}")
    cluster = KindCluster(places=places)
    if found and cluster.exists():
        print(f"nodes      {' '.join(cluster.node_names())}\nkubeconfig {cluster.kubeconfig}")
    print(f"Kubernetes {KubernetesVersion.chosen()}\ncache      {places.cache}")
    return 0


def _api_server(_: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as state, ApiServer(state_dir=Path(state)) as server:
        print(f"export KUBECONFIG={server.kubeconfig}", flush=True)
        say(f"the API server, Kubernetes {server.version}, serves at {server.url} until Ctrl-C")
        signal.pause()
    return 0


def _pin(options: argparse.Namespace) -> int:
    print(pinning.pin(options.version, Cache(root=Places.of().cache)))
    return 0


def _pass_on(program: str, arguments: Sequence[str]) -> int:
    """Hand a program the terminal, and the kind cluster unless the user's environment names another."""
    environment = dict(os.environ)
    kubeconfig = KindCluster().kubeconfig
    if kubeconfig.exists():
        environment.setdefault("KUBECONFIG", str(kubeconfig))
    return subprocess.run([_binaries().program(program), *arguments], check=False, env=environment).returncode
