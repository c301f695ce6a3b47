"""kopf's own admission server, with the same checks and patches in plain Python on dictionaries.

    python -m bench.kopf_server PORT DIRECTORY KUBECONFIG    (tls.crt and tls.key are in the directory)

Handlers are coroutines, which spares kopf a thread per call, and the loop is uvloop's, as in the other servers.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import kopf
import uvloop

from bench.plain_checks import Object, violations
from bench.plain_patches import mend
from stridegate.kube.reader import find_way_in

_REGISTRY = kopf.OperatorRegistry()


@kopf.on.validate("pods", id="validate", registry=_REGISTRY)
async def _validate(body: kopf.Body, name: str | None, namespace: str | None, **_: object) -> None:
    found = violations(dict(body))
    if found:
        head = f'denied pod "{name}" in "{namespace}": {len(found)} violations'
        lines = [f"{number}. {slug}: {sentence}" for number, (slug, sentence) in enumerate(found, 1)]
        raise kopf.AdmissionError("\n".join([head, *lines]), code=403)


@kopf.on.mutate("pods", id="mutate", operations=["CREATE"], registry=_REGISTRY)
async def _mutate(patch: kopf.Patch, **_: object) -> None:
    patch.fns.append(lambda body: mend(cast("Object", body)))


async def _serve(port: int, directory: Path, kubeconfig: Path) -> None:
    way_in = find_way_in(kubeconfig)

    @kopf.on.login(registry=_REGISTRY)
    async def login(**_: object) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=way_in.server,
            ca_data=way_in.authority,
            certificate_data=way_in.certificate,
            private_key_data=way_in.key,
        )

    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.admission.server = kopf.WebhookServer(
        addr="127.0.0.1", port=port, certfile=directory / "tls.crt", pkeyfile=directory / "tls.key"
    )
    await kopf.operator(registry=_REGISTRY, settings=settings, standalone=True, clusterwide=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loops:
        loops.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
