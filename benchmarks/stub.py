"""A responder with prepared responses, so that a benchmark measures the client.

It runs as a process and prints its port. It serves clients of COS and S3: an object whose key ends
in a number has that number of bytes, any other one 1 KiB. Uploads are checksummed and dropped. A
bucket has 100,000 keys.
"""

import asyncio
import re
import ssl
import sys
from functools import cache
from pathlib import Path
from typing import cast

import uvloop

from coskit.protocol.codec.checksums.md5_crc64 import crc64

KEYS = 100_000
PAGE = 1000
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SIZE = re.compile(rb"-(\d+)(?:\?|$)")
_MARKER = re.compile(rb"[?&](?:marker|continuation-token)=(\d+)")
_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_FIXED = (
    b'ETag: "0123456789abcdef0123456789abcdef"\r\n'
    b"Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    b"Accept-Ranges: bytes\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    b"x-cos-request-id: NTg3NzQ3ZmVfYmRjMzVfMzE5N182NzczMQ==\r\n"
)


def content(size: int) -> bytes:
    """Return an object of a size."""
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@cache
def _object(size: int) -> tuple[bytes, bytes]:
    """Return head and body of the response to a GET."""
    body = content(size)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n"
    return head % size + _FIXED + b"x-cos-hash-crc64ecma: %d\r\n\r\n" % crc64(body), body


@cache
def _page(first: int) -> bytes:
    """Return the response to a listing, for clients of COS and of S3's ListObjectsV2."""
    last = min(first + PAGE, KEYS) - 1
    more = last + 1 < KEYS
    items = "".join(
        f"<Contents><Key>{n:08}</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>"
        "<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>1024</Size>"
        "<Owner><ID>1250000000</ID><DisplayName>1250000000</DisplayName></Owner>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for n in range(first, last + 1)
    )
    following = (
        f"<NextMarker>{last:08}</NextMarker>"
        f"<NextContinuationToken>{last:08}</NextContinuationToken>"
    )
    return _document(
        f"<ListBucketResult><Name>bench</Name><EncodingType>url</EncodingType><Prefix></Prefix>"
        f"<Marker></Marker><MaxKeys>{PAGE}</MaxKeys><KeyCount>{last + 1 - first}</KeyCount>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{following if more else ''}{items}"
        "</ListBucketResult>"
    )


def _document(text: str) -> bytes:
    body = f"<?xml version='1.0' encoding='utf-8' ?>\n{text}".encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n"
    return head % len(body) + _FIXED + b"\r\n" + body


class Responder(asyncio.Protocol):
    """The protocol of one connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._rest = b""
        self._target = b""
        self._left = 0  # bytes of a body that are still missing
        self._crc64 = 0
        self._document: list[bytes] | None = None

    def data_received(self, data: bytes) -> None:
        """Respond to the requests that have arrived completely."""
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._take(piece)
                continue
            data, self._rest = self._rest + data, b""
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = data
                return
            data = rest
            self._begin(head)

    def _begin(self, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        if method == b"GET":
            self._get(target)
        elif method == b"HEAD":
            self._transport.write(_object(_size_of(target))[0])
        else:
            if b"100-continue" in head:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = _LENGTH.search(head)
            self._left = int(length[1]) if length else 0
            self._crc64, self._document = 0, [] if method == b"POST" else None
            if not self._left:
                self._end()

    def _get(self, target: bytes) -> None:
        if b"?" in target and b"object" not in target:
            marker = _MARKER.search(target)
            self._transport.write(_page(int(marker[1]) + 1 if marker else 0))
            return
        head, body = _object(_size_of(target))
        if len(body) > PAGE * 100:
            self._transport.writelines((head, body))
        else:
            self._transport.write(head + body)

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._document is not None:
            self._document.append(piece)
        else:
            self._crc64 = crc64(piece, self._crc64)
        if not self._left:
            self._end()

    def _end(self) -> None:
        if self._document is None:
            told = b"x-cos-hash-crc64ecma: %d\r\n\r\n" % self._crc64
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
            self._transport.write(head + _FIXED + told)
            return
        keys = _KEY.findall(b"".join(self._document))
        deleted = "".join(f"<Deleted><Key>{key.decode()}</Key></Deleted>" for key in keys)
        self._transport.write(_document(f"<DeleteResult>{deleted}</DeleteResult>"))


def _size_of(target: bytes) -> int:
    found = _SIZE.search(target)
    return int(found[1]) if found else 1024


async def main() -> None:
    """Serve until the process is stopped."""
    context = None
    if "--tls" in sys.argv:
        keys = Path(__file__).parent.parent / "tests" / "support" / "tls"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys / "server.pem", keys / "server.key")
    server = await asyncio.get_running_loop().create_server(
        Responder, "127.0.0.1", 0, backlog=512, ssl=context
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
