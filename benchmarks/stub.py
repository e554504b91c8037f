"""A responder that costs next to nothing: it answers every GET with the same 1 KiB object.

Started as a process of its own, it prints its port, so that a client is measured, not a server.
"""

import asyncio
import hashlib
from typing import cast

import uvloop

from coskit.protocol.checksums import crc64

BODY = bytes(range(256)) * 4
ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/octet-stream\r\n"
    b"Content-Length: %d\r\n"
    b'ETag: "%s"\r\n'
    b"Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    b"Accept-Ranges: bytes\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    b"x-cos-request-id: NTg3NzQ3ZmVfYmRjMzVfMzE5N182NzczMQ==\r\n"
    b"x-cos-hash-crc64ecma: %d\r\n"
    b"\r\n" % (len(BODY), hashlib.md5(BODY).hexdigest().encode(), crc64(BODY))
) + BODY


class Responder(asyncio.Protocol):
    """One connection: an answer for each blank line that ends a request without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Answer the requests that have arrived whole."""
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        if requests:
            self._transport.write(ANSWER * len(requests))


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Responder, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
