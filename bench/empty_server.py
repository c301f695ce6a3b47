"""An aiohttp application that reads a body and answers a constant: what a review costs before anybody looks at it.

python -m bench.empty_server PORT DIRECTORY    (tls.crt and tls.key are in the directory)
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

import uvloop
from aiohttp import web

_ALLOWED = json.dumps(
    {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": "", "allowed": True}}
).encode()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_ALLOWED, content_type="application/json")


async def _serve(port: int, directory: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.add_routes([web.post("/validate", _answer), web.post("/mutate", _answer)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loops:
        loops.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
