"""What the webhook's replicas present: one TLS handshake with each, as the API server would make it."""

from __future__ import annotations

import asyncio
import ssl

from cryptography import x509

# Seconds for connection and handshake.
_TIMEOUT = 3.0


async def presented_leaf(address: str, port: int, server_name: str) -> x509.Certificate | None:
    """Return the certificate that a server proves to have the key of, None where no handshake comes about.

    Nothing is verified here: whoever asks wants to know what is presented, and judges it against every CA he knows.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with asyncio.timeout(_TIMEOUT):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=server_name)
    except (OSError, TimeoutError):
        return None
    try:
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = connection.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(der) if der else None
    except ValueError:
        return None
    finally:
        writer.transport.abort()
