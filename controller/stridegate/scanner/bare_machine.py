"""One scan of the machine that this process runs on, as a person would do it at a desk: one process, as root, no cluster needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stridegate.engine.survey import Survey, survey
from stridegate.model.nodes import queries
from stridegate.model.nodes.nodes import Circumstances, Installation, Role
from stridegate.model.nodes.queries import Query
from stridegate.model.reports import NodeEntry
from stridegate.scanner.answering import HostAnswers
from stridegate.scanner.clusters import Api, Credentials
from stridegate.scanner.docker_versions import docker_versions
from stridegate.scanner.errors import Barred, Missing
from stridegate.scanner.file_answers import looked_up
from stridegate.scanner.host_root import HostRoot
from stridegate.scanner.installations import installation_and_role, self_description
from stridegate.scanner.kubelets import KUBELET_PORT, Kubelet
from stridegate.scanner.probes import Probes
from stridegate.scanner.scans import RULES, is_roots, own_addresses
from stridegate.scanner.versions import version_of
from stridegate.scanner.workers import Looks, Workers

_KUBELET_CLIENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found on a machine: verdicts, and what they were judged by."""

    survey: Survey
    circumstances: Circumstances
    node: NodeEntry
    duration: float


def scan_machine(
    root: Path,
    *,
    installation: Installation | None = None,
    role: Role | None = None,
    api: Api | None = None,
    trusted_docker_users: Iterable[str] = (),
) -> Machine:
    """Scan a machine. `root` other than / is a disk that is not running: nothing but its files is asked.

    `installation` and `role` are found out where they are not given; the kubelet is asked with what `api` is shown.
    """
    started = time.monotonic()
    with HostRoot(root) as here, Workers(here) as host:
        addresses = host.run(own_addresses)
        runs = root == Path("/")
        further = _further(host, addresses, api) if runs else {}
        answers = HostAnswers(host, partial(looked_up, host), further)
        found_out = installation_and_role(answers)
        known_role = role or found_out[1]
        circumstances = Circumstances(
            installation=installation or found_out[0],
            role=known_role,
            addresses=tuple(sorted(addresses)),
            control_plane_addresses=tuple(sorted(addresses)) if known_role is Role.CONTROL_PLANE else (),
            trusted_docker_users=frozenset(trusted_docker_users),
            now=time.time(),
        )
        found = survey(RULES, answers, circumstances)
        node = self_description(answers)
    return Machine(survey=found, circumstances=circumstances, node=node, duration=time.monotonic() - started)


def _further(
    host: Looks, addresses: frozenset[str], api: Api | None
) -> Mapping[type[Query[Any]], Callable[[Any], object]]:
    probes = Probes(addresses=addresses, loopback=True)
    kubelet = Kubelet(
        address="127.0.0.1",
        credentials=api.credentials if api else _kubelets_own(host),
        is_the_hosts=lambda port: host.run(is_roots, port),
    )
    versions = docker_versions()
    return {
        queries.TlsHandshake: probes.handshake,
        queries.HttpGet: probes.get,
        queries.KubeletPods: lambda _: kubelet.pods(),
        queries.KubeletConfigz: lambda _: kubelet.configz(),
        queries.ConfigMapEntry: lambda query: _config_map_entry(host, api, query),
        queries.ComponentVersion: lambda query: versions.get(query.component) or host.run(version_of, query.component),
    }


def _config_map_entry(host: Looks, api: Api | None, query: queries.ConfigMapEntry) -> object:
    what = f"ConfigMap kube-system/{query.name}"
    if api is None and not host.run(is_roots, KUBELET_PORT):
        raise Missing(f"a cluster that has the {what}")
    if api is None:
        raise Barred(what, "wants a kubeconfig")
    return api.config_map_entry(query)


def _kubelets_own(host: Looks) -> Credentials:
    try:
        return Credentials(chain=host.run(HostRoot.read, _KUBELET_CLIENT).decode())
    except (Missing, Barred, UnicodeDecodeError):
        return Credentials()
