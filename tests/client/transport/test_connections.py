"""Connections of threads, direct ones and libcurl's: bodies both ways, ends, timeouts."""

import hashlib
import io
import secrets
import socket
import struct
import sys
import threading

import pytest

from coskit.client._sync.transport import Transport
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import large_pages
from coskit.client.transport.direct import short_calls
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.receive_buffer import reserved
from coskit.protocol.errors import IntegrityError, TransferTimeout, TransportError
from tests.client.stubs.stub import TLS, Stub, StubConnection, always

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
SETTINGS = TransportSettings(connect_timeout=20, read_timeout=20, proxy="")
SECURE = TransportSettings(
    connect_timeout=20, read_timeout=20, proxy="", ca_file=str(TLS / "ca.pem")
)
BIG = secrets.token_bytes(8 << 20)


@pytest.fixture(autouse=True, params=["direct", "libcurl"])
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test on both kinds of connections."""
    if request.param == "libcurl":
        monkeypatch.setattr("coskit.client._sync.transport.is_plain", lambda *_: False)


def digest_of_one_body(connection: StubConnection) -> bool:
    request = connection.request()
    if request:
        reported = hashlib.md5(request.body).hexdigest().encode()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n" + reported)
    return request is not None


def digest_of_body(connection: StubConnection) -> None:
    while digest_of_one_body(connection):
        pass


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("size", [1, 64 * 1024, 64 * 1024 + 1, 8 << 20])
def test_a_body_in_memory_goes_out_whole(size: int, tls: bool) -> None:
    body = BIG[:size]
    with Stub(digest_of_body, tls=tls) as stub, Transport(SECURE if tls else SETTINGS) as transport:
        for _ in range(2):
            response = transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), body, size))
            assert response.body == hashlib.md5(body).hexdigest().encode()
        assert stub.connections == 1


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_long_body_arrives_whole(chunked: bool, tls: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG)
    body = BIG
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = [BIG[at : at + 100_001] for at in range(0, len(BIG), 100_001)]
        body = b"".join([b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]) + b"0\r\n\r\n"
    settings = SECURE if tls else SETTINGS
    with Stub(always(head + body), tls=tls) as stub, Transport(settings) as transport:
        out = HTTPRequest("GET", f"{stub.url}/key")
        assert transport.send(out).body == BIG
        with transport.stream(out) as incoming:
            assert incoming.read() == BIG
        assert stub.connections == 1


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("most", [1 << 16, 1 << 24])
def test_a_body_is_written_to_a_target(most: int, chunked: bool, tls: bool) -> None:
    head, body = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG), BIG
    if chunked:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"".join([b"%x\r\n%b\r\n" % (1 << 20, BIG[n << 20 :][: 1 << 20]) for n in range(8)])
        body += b"0\r\n\r\n"
    with (
        Stub(always(head + body), tls=tls) as stub,
        Transport(SECURE if tls else SETTINGS) as transport,
    ):
        for _ in range(2):
            target, at = io.BytesIO(), -1
            with transport.stream(HTTPRequest("GET", f"{stub.url}/key")) as incoming:
                while at < target.tell():
                    at = target.tell()
                    incoming.read_into(target, min(most, len(BIG) - at or 1))
                    assert target.tell() - at <= most
            assert target.getvalue() == BIG
        assert stub.connections == 1


def test_bytes_already_in_a_target_are_not_counted() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG)

    def cut(connection: StubConnection) -> None:
        connection.request()
        connection.send(head + BIG[:3_000_000])

    with Stub(cut) as stub, Transport(SETTINGS) as transport:
        target = io.BytesIO()
        target.write(b"before")
        with transport.stream(HTTPRequest("GET", f"{stub.url}/key")) as incoming:
            target.write(incoming.read(1 << 24))

            def read_on() -> None:
                while True:
                    incoming.read_into(target, len(BIG) - target.tell() + 6)

            with pytest.raises(TransportError, match=f"3000000 of {len(BIG)} bytes"):
                read_on()
        assert target.getvalue() == b"before" + BIG[:3_000_000]


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_body_that_is_cut_while_it_is_written_is_no_success(end: str, tls: bool) -> None:
    def cut(connection: StubConnection) -> None:
        connection.request()
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG[:3_000_000]
        )
        if end == "reset":
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Stub(cut, tls=tls) as stub, Transport(SECURE if tls else SETTINGS) as transport:
        target = io.BytesIO()
        with transport.stream(HTTPRequest("GET", f"{stub.url}/key")) as incoming:

            def read_on() -> None:
                while True:
                    incoming.read_into(target, len(BIG) - target.tell())

            with pytest.raises(TransportError, match=f"of {len(BIG)} bytes of the body arrived"):
                read_on()
        assert target.getvalue() == BIG[: target.tell()]


def test_a_python_without_ctypes_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    for module in (large_pages, short_calls):
        module._library.cache_clear()
    try:
        with Stub(digest_of_body) as stub, Transport(SETTINGS) as transport:
            out = HTTPRequest("PUT", f"{stub.url}/key", (), b"x", 1)
            assert transport.send(out).body == hashlib.md5(b"x").hexdigest().encode()
            assert len(reserved(len(BIG)).getvalue()) == len(BIG)
    finally:
        for module in (large_pages, short_calls):
            module._library.cache_clear()


def test_an_early_refusal_of_a_body_in_memory_is_heard() -> None:
    def refuse(connection: StubConnection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        while connection.sock.recv(1 << 20):
            pass

    with Stub(refuse) as stub, Transport(SETTINGS) as transport:
        body = bytes(64 << 20)
        response = transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), body, len(body)))
    assert (response.status, response.body) == (403, b"no")


@pytest.mark.parametrize(
    "name", ["authorization", "if-match"], ids=["kept connection", "new connection"]
)
def test_an_idle_connection_holds_no_body(name: str) -> None:
    body = secrets.token_bytes(100_000)
    held = sys.getrefcount(body)
    with Stub(always(HELLO)) as stub, Transport(SETTINGS) as transport:
        transport.send(HTTPRequest("PUT", f"{stub.url}/key", ((name, "x"),), body, len(body)))
        assert sys.getrefcount(body) == held


class Counted(io.BytesIO):
    """A source that counts how often it is read from its start."""

    beginnings = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.beginnings += not self.tell()
        return super().read(size)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_sources_travel_on_a_kept_connection(tls: bool) -> None:
    with Stub(digest_of_body, tls=tls) as stub, Transport(SECURE if tls else SETTINGS) as transport:
        for size in (1, 300_000, len(BIG)):
            source = Counted(BIG[:size])
            response = transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, size))
            assert response.body == hashlib.md5(BIG[:size]).hexdigest().encode()
        assert stub.connections == 1


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_source_is_not_begun_on_a_connection_that_has_ended(tls: bool) -> None:
    closed = threading.Event()

    def run(connection: StubConnection) -> None:
        digest_of_one_body(connection)
        connection.close()
        closed.set()

    with Stub(run, tls=tls) as stub, Transport(SECURE if tls else SETTINGS) as transport:
        for _ in range(3):
            closed.clear()
            source = Counted(BIG)
            response = transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, len(BIG)))
            assert response.body == hashlib.md5(BIG).hexdigest().encode()
            assert source.beginnings == 1
            assert closed.wait(5)
        assert stub.connections == 3


def test_a_source_that_was_begun_is_not_sent_again_in_silence() -> None:
    def run(connection: StubConnection) -> None:
        digest_of_one_body(connection)
        connection.head()
        connection.sock.recv(100_000)  # and goes without a word

    with Stub(run) as stub, Transport(SETTINGS) as transport:
        transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), b"x", 1))
        source = Counted(BIG)
        with pytest.raises(TransportError) as caught:
            transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, len(BIG)))
        assert caught.value.sent
        assert source.beginnings == 1
        assert stub.connections == 1


def test_a_source_that_gives_more_than_was_asked_is_no_success() -> None:
    class Generous(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            return super().read()

    with Stub(always(HELLO)) as stub, Transport(SETTINGS) as transport:
        out = HTTPRequest("PUT", f"{stub.url}/key", (), Generous(b"too much"), 3)
        with pytest.raises(IntegrityError, match="gave 8 bytes instead of 3"):
            transport.send(out)


def test_an_idle_connection_holds_no_source() -> None:
    source = Counted(BIG)
    held = sys.getrefcount(source)
    with Stub(always(HELLO)) as stub, Transport(SETTINGS) as transport:
        transport.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, len(BIG)))
        assert sys.getrefcount(source) == held


def test_the_total_timeout_ends_a_trickle() -> None:
    def trickle(connection: StubConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n")
        while True:
            connection.send(b"x")

    settings = TransportSettings(read_timeout=20, total_timeout=0.3, proxy="")
    out_of_time = pytest.raises(TransferTimeout, match="total timeout")
    with Stub(trickle) as stub, Transport(settings) as transport, out_of_time:
        transport.send(HTTPRequest("GET", f"{stub.url}/key"))
