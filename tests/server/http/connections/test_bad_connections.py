"""Arbitrary bytes and ends of a connection: the log of the server stays empty."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.testing import LocalServer
from tests.server.support.http_client import Connection, HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /x HTTP/1.1\r\n" + HOST
PUT = b"PUT /x/k HTTP/1.1\r\n" + HOST
FORM = b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Type: multipart/form-data; boundary=x\r\n"

SENT: dict[str, bytes] = {
    "a header of 2.8 MB": GET + b"a: " + b"b" * 2_800_000,
    "a header of 2.8 MB that ends": GET + b"a: " + b"b" * 2_800_000 + b"\r\n\r\n",
    "headers of 2.8 MB": GET + b"a: b\r\n" * 470_000,
    "headers of 2.8 MB that end": GET + b"a: b\r\n" * 470_000 + b"\r\n",
    "an address of 2.8 MB": b"GET /" + b"a" * 2_800_000,
    "many heads": (GET + b"\r\n") * 900,
    "a large head after a small one": GET + b"\r\n" + GET + b"a: " + b"b" * 900_000,
    "a large head after a body begun": PUT + b"Content-Length: 9\r\n\r\n123",
    "a large head, then what is none": GET + b"a: " + b"b" * 200_000 + b"\0\r\n\r\n\0",
    "what is none after a request": GET + b"\r\n\0\0\0" + b"a" * 300_000,
    "zeros": bytes(300_000),
    "blank lines": b"\r\n" * 150_000,
    "a letter": b"G",
    "a greeting of TLS": bytes.fromhex("16030100a5010000a10303") + b"x" * 200,
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade": GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    "an upgrade to HTTP/2": (
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n"
    ),
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\nxyz",
    "no path": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a whole URL": b"GET http://[::1:80/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "bytes that are no ASCII": b"GET /\xff\xfe HTTP/1.1\r\nHost: \xff\r\n\xff: \xff\r\n\r\n",
    "a folded header": GET + b"a: b\r\n c\r\n\r\n",
    "two lengths": PUT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length of chunks": PUT + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length that is none": PUT + b"Content-Length: -1\r\n\r\n",
    "an enormous length": PUT + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "chunks that are none": PUT + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a chunk of 2^64 bytes": PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    "a long extension": PUT + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 300_000,
    "long trailers": PUT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 50_000,
    "a body that is awaited": PUT + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    "another expectation": PUT + b"Content-Length: 9\r\nExpect: tea\r\n\r\n",
    "a body that ends early": PUT + b"Content-Length: 99999\r\n\r\nabc",
    "a form": FORM + b"Content-Length: 99999\r\n\r\n--x\r\n",
    "a form that is none": FORM + b"Content-Length: 6\r\n\r\n--y---",
    "long headers in a form": (
        FORM + b"Content-Length: 99999\r\n\r\n--x\r\n" + b"a: " + b"b" * 90_000
    ),
    "a document": b"POST /x?delete HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n<a>",
}


def half_close(connection: Connection) -> None:
    connection.finish()
    with suppress(OSError):  # the server may have taken the connection back
        connection.rest()


def close(connection: Connection) -> None:
    """Leave without a word; what was not read makes it a reset."""


def reset(connection: Connection) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


ENDS: tuple[Callable[[Connection], None], ...] = (half_close, close, reset)


def send(http_client: HTTPClient, data: bytes, end: Callable[[Connection], None]) -> None:
    with (
        http_client.connect() as connection,
        suppress(ConnectionError),
    ):  # the server does not wait for the end
        connection.send(data)
        end(connection)


def test_nothing_is_logged_of_bad_connections(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM], options=["--timeout=head=2s"]) as server:
        http_client = HTTPClient.of(server)
        assert http_client.request("PUT", f"/{ROOM}/own", {}, b"own").status == 200
        for name, data in SENT.items():
            for end in ENDS:
                send(http_client, data, end)
            assert http_client.request("GET", f"/{ROOM}/own").body == b"own", name
            assert capfd.readouterr() == ("", ""), name
        assert server.stop() == 0
    assert capfd.readouterr() == ("", "")


CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
ENDLESS = {
    "a trailer": b"0\r\na: " + b"b" * 20_000_000,
    "a trailer's name": b"0\r\n" + b"b" * 20_000_000,
    "trailers": b"0\r\n" + b"a: b\r\n" * 3_000_000,
    "an extension": b"1;" + b"a" * 20_000_000,
}


@pytest.mark.parametrize("frame", ENDLESS.values(), ids=ENDLESS)
def test_what_frames_a_body_has_64_kb_too(
    server: LocalServer, http_client: HTTPClient, frame: bytes
) -> None:
    assert http_client.request("GET", "/").status == 200
    before = peak(server.pid)
    with http_client.connect() as connection:
        with suppress(ConnectionError):
            connection.send(CHUNKED + frame)
        assert connection.receive(b"PUT").outcome[0] in (400, 403, 404)
        with suppress(ConnectionError):
            assert connection.rest() == b"", "a second answer to one request"
    assert peak(server.pid) - before < 16 << 10, "KB that the server holds"


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in KB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize(
    ("size", "status"), [(60_000, 404), (66_000, 400), (130_000, 400), (2_800_000, 400)]
)
def test_a_head_has_64_kb_in_whatever_pieces_it_comes(
    http_client: HTTPClient, size: int, status: int
) -> None:
    request = b"GET /no-such-bucket/ HTTP/1.1\r\n" + HOST + b"a: " + b"b" * size + b"\r\n\r\n"
    for piece in (len(request), 5000):
        with http_client.connect() as connection:
            with suppress(ConnectionResetError, BrokenPipeError):
                for at in range(0, len(request), piece):
                    connection.send(request[at : at + piece])
            assert connection.receive().status == status
