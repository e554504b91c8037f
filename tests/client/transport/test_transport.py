"""Both transports against a server that a test scripts byte by byte."""

import asyncio
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from coskit.client._async.transport import AsyncStreamedResponse, AsyncTransport
from coskit.client._sync.transport import Transport
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.exchange import CAPACITY
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.response_head import read_head
from coskit.protocol.errors import IntegrityError, ParameterError, TransferTimeout, TransportError
from coskit.protocol.messages import Response
from tests.client.stubs.stub import TLS, Script, Stub, StubConnection, always, once

T = TypeVar("T")
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BIG = 64 * 1024 * 1024
SETTINGS = TransportSettings(connect_timeout=5, read_timeout=5, proxy="")


class Reading:
    """A source in either world: yields the chunks, raises what stands among them."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = list(chunks)

    def next(self, size: int) -> bytes:
        if not self._chunks:
            return b""
        chunk = self._chunks.pop(0)
        if isinstance(chunk, Exception):
            raise chunk
        if len(chunk) > size:
            self._chunks.insert(0, chunk[size:])
        return chunk[:size]


class SyncReading(Reading):
    def read(self, size: int, /) -> bytes:
        return self.next(size)


class AsyncReading(Reading):
    async def read(self, size: int, /) -> bytes:
        await asyncio.sleep(0)
        return self.next(size)


class SyncWorld:
    source: type[Reading] = SyncReading

    def __init__(self, settings: TransportSettings) -> None:
        self.transport = Transport(settings)
        self.send = self.transport.send
        self.stream = self.transport.stream
        self.close = self.transport.close


class AsyncBox:
    """An `AsyncStreamedResponse` seen from outside its loop."""

    def __init__(
        self, run: Callable[[Awaitable[Any]], Any], incoming: AsyncStreamedResponse
    ) -> None:
        self._run, self._incoming = run, incoming
        self.status, self.headers = incoming.status, incoming.headers

    def read(self, size: int = -1) -> bytes:
        return bytes(self._run(self._incoming.read(size)))

    def close(self) -> None:
        self._run(self._incoming.aclose())

    def __enter__(self) -> "AsyncBox":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class AsyncWorld:
    source: type[Reading] = AsyncReading

    def __init__(
        self, settings: TransportSettings, loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        self._runner = asyncio.Runner(loop_factory=loop)
        self.transport = AsyncTransport(settings)

    def _run(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        return self._runner.run(wait())

    def send(self, out: HTTPRequest, settings: TransportSettings | None = None) -> Response:
        return self._run(self.transport.send(out, settings))

    def stream(self, out: HTTPRequest, settings: TransportSettings | None = None) -> AsyncBox:
        return AsyncBox(self._run, self._run(self.transport.stream(out, settings)))

    def close(self) -> None:
        self._run(self.transport.aclose())
        self._runner.close()


World = SyncWorld | AsyncWorld
Opener = Callable[[TransportSettings], World]


@pytest.fixture(params=["sync", "asyncio", "uvloop"])
def open_world(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Open transports of one kind, closed at the end."""
    opened: list[World] = []

    def open_one(settings: TransportSettings) -> World:
        if request.param == "sync":
            opened.append(SyncWorld(settings))
        else:
            loop = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop
            opened.append(AsyncWorld(settings, loop))
        return opened[-1]

    yield open_one
    for world in opened:
        world.close()


@pytest.fixture
def world(open_world: Opener) -> World:
    """Give one transport."""
    return open_world(SETTINGS)


def get(url: str, path: str = "/key", **more: Any) -> HTTPRequest:
    return HTTPRequest("GET", url + path, **more)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def until(truth: Callable[[], bool]) -> None:
    """Wait for what another thread or the kernel is about to do."""
    deadline = time.monotonic() + 5
    while not truth():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)


def drain(incoming: Any, into: bytearray) -> None:
    while chunk := incoming.read(100_000):
        into += chunk


# What goes out


@pytest.mark.parametrize(
    "path",
    ["/a/../b", "/./a", "//a//b", "/..", "/a/.", "/%2E%2E/%E4%B8%AD", "/a?x=%2F&y&z=", "/a%20b+c"],
)
def test_the_path_goes_out_as_it_is(world: World, path: str) -> None:
    with Stub(always(HELLO)) as stub:
        world.send(get(stub.url, path))
    assert stub.requests[0].line == f"GET {path} HTTP/1.1"


HEADERS = [
    ("GET", None, {}),
    ("HEAD", None, {}),
    ("DELETE", None, {}),
    ("OPTIONS", None, {}),
    ("PUT", None, {"content-length": "0"}),
    ("POST", None, {"content-length": "0"}),
    ("PUT", b"", {"content-length": "0"}),
    ("PUT", b"12345", {"content-length": "5"}),
    ("POST", b"12345", {"content-length": "5"}),
    ("PUT", bytes(2_000_000), {"content-length": "2000000"}),
    ("POST", bytes(2_000_000), {"content-length": "2000000"}),
    ("PUT", memoryview(b"0123456789")[2:5], {"content-length": "3"}),
]


@pytest.mark.parametrize(("method", "body", "framing"), HEADERS)
def test_only_the_given_headers_and_the_framing_go_out(
    world: World, method: str, body: bytes | memoryview | None, framing: dict[str, str]
) -> None:
    given = (("x-cos-meta-name", "中文"), ("X-Empty", ""), ("authorization", "q-sign"))
    length = None if body is None else len(body)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Stub(always(response)) as stub:
        world.send(HTTPRequest(method, f"{stub.url}/key", given, body, length))
    (request,) = stub.requests
    assert request.line == f"{method} /key HTTP/1.1"
    agent = request.header.pop("user-agent")
    assert agent.startswith("coskit/")
    lower = {name.lower(): value for name, value in given}
    assert request.header == {"host": f"127.0.0.1:{stub.port}", **lower, **framing}
    assert request.body == bytes(body or b"")


def test_host_content_type_and_user_agent_can_be_given(world: World) -> None:
    headers = (("host", "b.cos.local"), ("Content-Type", "a/b"), ("User-Agent", "me"))
    with Stub(always(HELLO)) as stub:
        world.send(HTTPRequest("PUT", f"{stub.url}/key", headers, b"x", 1))
    assert [
        (k.lower(), v) for k, v in stub.requests[0].headers if k.lower() != "content-length"
    ] == [
        ("host", "b.cos.local"),
        ("content-type", "a/b"),
        ("user-agent", "me"),
    ]


@pytest.mark.parametrize("header", [("a", "b\r\nc: d"), ("a\n", "b"), ("a", "\0")])
def test_a_header_cannot_smuggle_another(world: World, header: tuple[str, str]) -> None:
    with Stub(always(HELLO)) as stub:
        with pytest.raises(ParameterError, match="line break"):
            world.send(get(stub.url, headers=(header,)))
        assert world.send(get(stub.url)).body == b"hello"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "http://[::1/a", "http://a b/"])
def test_a_url_that_is_none_is_a_wrong_parameter(world: World, url: str) -> None:
    with pytest.raises(ParameterError):
        world.send(HTTPRequest("GET", url))


CHUNKS = (b"first", b"x" * 700_000, b"last")


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("known", [True, False], ids=["length", "chunked"])
def test_a_source_is_sent_to_its_end(world: World, method: str, known: bool) -> None:
    whole = b"".join(CHUNKS)
    source: Any = world.source(*CHUNKS)
    with Stub(always(HELLO)) as stub:
        out = HTTPRequest(method, f"{stub.url}/key", (), source, len(whole) if known else None)
        assert world.send(out).body == b"hello"
    (request,) = stub.requests
    assert request.body == whole
    assert request.header.get("transfer-encoding") == (None if known else "chunked")
    assert request.header.get("content-length") == (str(len(whole)) if known else None)


@pytest.mark.parametrize("chunks", [(), (b"one",)], ids=["at once", "later"])
def test_what_a_source_raises_comes_out_as_it_is(world: World, chunks: tuple[bytes, ...]) -> None:
    error = OSError("the disk is gone")
    source: Any = world.source(*chunks, error)
    with Stub(always(HELLO)) as stub:
        with pytest.raises(OSError, match="the disk is gone") as caught:
            world.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, 100))
        assert caught.value is error
        assert world.send(get(stub.url)).body == b"hello"


def test_a_source_that_ends_early_is_no_success(world: World) -> None:
    source: Any = world.source(b"short")
    with Stub(always(HELLO)) as stub, pytest.raises(IntegrityError, match="100 bytes"):
        world.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, 100))


def test_an_early_refusal_of_an_upload_is_heard(world: World) -> None:
    def refuse(connection: StubConnection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        while connection.sock.recv(1 << 20):
            pass

    source: Any = world.source(*[bytes(1 << 20)] * 64)
    with Stub(refuse) as stub:
        response = world.send(HTTPRequest("PUT", f"{stub.url}/key", (), source, 64 << 20))
    assert (response.status, response.body) == (403, b"no")


# What comes in

ANSWERS = [
    ("a body of known length", "GET", HELLO, 200, b"hello"),
    ("no body", "GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ("not modified", "GET", b"HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n", 304, b""),
    ("a head with a length", "HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 200, b""),
    ("an empty body", "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    (
        "chunks and a trailer",
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n"
        b"X-Late: 1\r\n\r\n",
        200,
        b"hello",
    ),
    (
        "no chunks and a trailer",
        "GET",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n",
        200,
        b"",
    ),
    ("interim responses", "GET", b"HTTP/1.1 103 Early\r\nX-A: b\r\n\r\n" + HELLO, 200, b"hello"),
    (
        "a redirect, not followed",
        "GET",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nhm",
        302,
        b"hm",
    ),
    (
        "gzip, as it is stored",
        "GET",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        200,
        b"\x1f\x8b\x08\x00",
    ),
    ("an error", "GET", b"HTTP/1.1 503 Slow\r\nContent-Length: 1\r\n\r\n!", 503, b"!"),
]


@pytest.mark.parametrize(
    ("method", "data", "status", "body"),
    [row[1:] for row in ANSWERS],
    ids=[row[0] for row in ANSWERS],
)
def test_responses_are_parsed(
    world: World, method: str, data: bytes, status: int, body: bytes
) -> None:
    with Stub(always(data)) as stub:
        out = HTTPRequest(method, f"{stub.url}/key")
        for _ in range(2):
            response = world.send(out)
            assert (response.status, response.body) == (status, body)
            with world.stream(out) as incoming:
                assert (incoming.status, incoming.read(), incoming.read(9)) == (status, body, b"")
            assert dict(incoming.headers) == dict(response.headers)
            assert not {"X-Late", "x-late", "x-a"} & set(response.headers)
        assert stub.connections == 1


def test_a_body_may_end_with_the_connection(world: World) -> None:
    with Stub(once(b"HTTP/1.1 200 OK\r\n\r\n", b"hello")) as stub:
        assert world.send(get(stub.url)).body == b"hello"
        with world.stream(get(stub.url)) as incoming:
            assert incoming.read() == b"hello"


HEADS = [
    (b"HTTP/1.1 200 OK\r\nETAG:  \"x\" \r\nX-Cos-Meta-A: \xe4\xb8\xad\r\n\r\n",
     (200, {"ETag": '"x"', "x-cos-meta-a": "中"})),
    (b"HTTP/1.1 200\r\nx-a: 1\r\nX-A: 2\r\n\r\n", (200, {"x-a": "1, 2"})),
    (b"HTTP/1.1 404 Not HTTP/1.1 200\r\nEmpty:\r\nBad: \xff\r\n\r\n",
     (404, {"Empty": "", "Bad": "\udcff"})),
    (b"HTTP/1.0 200 OK\nContent-Length: 5\n\n", (200, {"Content-Length": "5"})),
    (b"HTTP/1.1 100 C\r\nx-a: 1\r\n\r\nHTTP/1.1 201 OK\r\nVary: b\r\n\r\nx-late: 1\r\n\r\n",
     (201, {"Vary": "b"})),
    (b"HTTP/1.1 200 OK\r\nx-a: b\x85c\x0cd:e\r\n\r\n".replace(b"\x85", "\x85".encode()),
     (200, {"x-a": "b\x85c\x0cd:e"})),
]  # fmt: skip


@pytest.mark.parametrize(("block", "head"), HEADS)
def test_header_lines_are_read(block: bytes, head: tuple[int, dict[str, str]]) -> None:
    assert read_head(block) == head


# What fails


def reset_after(data: bytes) -> Script:
    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(data)
        connection.reset()

    return run


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(400_000)
FAILURES = [
    ("no response", once(), "the exchange with {peer} failed"),
    ("a reset", reset_after(b""), "the exchange with {peer} failed"),
    ("half a head", once(b"HTTP/1.1 200 OK\r\nContent-Le"), "the exchange with {peer} failed"),
    ("a head cut between lines", once(b"HTTP/1.1 200 OK\r\nETag: a\r\n"), "the head has no end"),
    ("no HTTP", once(b"SSH-2.0-OpenSSH\r\n\r\n"), "the exchange with {peer} failed"),
    ("a short body", once(HELLO[:-2]), "3 of 5 bytes of the body arrived"),
    ("a long body cut", once(LONG), "400000 of 1000000 bytes of the body arrived"),
    (
        "chunks without an end",
        once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"),
        "3 of an unknown number of bytes of the body arrived",
    ),
]


@pytest.mark.parametrize(
    ("script", "words"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_failures_say_what_happened(world: World, script: Script, words: str) -> None:
    with Stub(script) as stub:
        secret = (("authorization", "q-signature=s3cret"),)
        with pytest.raises(TransportError) as caught:
            world.send(get(stub.url, "/k?q-signature=s3cret", headers=secret))
    error = caught.value
    assert words.format(peer=f"127.0.0.1:{stub.port}") in str(error)
    assert f"127.0.0.1:{stub.port}" in str(error)
    assert "s3cret" not in str(error)
    assert error.sent
    assert not isinstance(error, TransferTimeout)


@pytest.mark.parametrize(("response", "arrived"), [(HELLO[:-2], 3), (LONG, 400_000)])
def test_a_cut_body_gives_what_came_and_then_fails(
    world: World, response: bytes, arrived: int
) -> None:
    with Stub(once(response)) as stub, world.stream(get(stub.url)) as incoming:
        received = bytearray()
        with pytest.raises(TransportError, match=f"{arrived} of") as caught:
            drain(incoming, received)
        assert len(received) == arrived
        assert caught.value.sent
        with pytest.raises(TransportError, match=f"{arrived} of"):
            incoming.read(1)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("body", [None, b"x"])
def test_a_refused_connection_sent_nothing(world: World, body: bytes | None) -> None:
    port = unused_port()
    with pytest.raises(TransportError, match=f"no connection to 127.0.0.1:{port}") as caught:
        world.send(HTTPRequest("PUT", f"http://127.0.0.1:{port}/k", (), body))
    assert not caught.value.sent


def test_a_kept_connection_that_the_server_closed_is_replaced(world: World) -> None:
    closed = threading.Event()

    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(HELLO)
        connection.close()
        closed.set()

    with Stub(run) as stub:
        for body in (None, b"x", memoryview(b"y")):
            closed.clear()
            method = "GET" if body is None else "PUT"
            assert world.send(HTTPRequest(method, f"{stub.url}/k", (), body)).body == b"hello"
            assert closed.wait(5)
        assert stub.connections == 3


def test_a_post_is_never_sent_twice_in_silence(world: World) -> None:
    def run(connection: StubConnection) -> None:
        if connection.request():
            connection.send(HELLO)
        connection.request()  # read, and never responded to

    with Stub(run) as stub:
        world.send(get(stub.url))
        with pytest.raises(TransportError) as caught:
            world.send(HTTPRequest("POST", f"{stub.url}/k?append", (), b"more", 4))
        assert caught.value.sent
        assert [r.line for r in stub.requests].count("POST /k?append HTTP/1.1") == 1


# How long it may take


def silence(connection: StubConnection) -> None:
    connection.request()
    connection.is_left()


def stalls_after(data: bytes) -> Script:
    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(data)
        connection.is_left()

    return run


@pytest.mark.parametrize("data", [b"", HELLO[:-1]])
def test_the_read_timeout_ends_a_stall(world: World, data: bytes) -> None:
    with Stub(stalls_after(data)) as stub:
        started = time.monotonic()
        with pytest.raises(TransferTimeout, match=r"not a byte moved .* 0.15 s \(read timeout\)"):
            world.send(get(stub.url), replace(SETTINGS, read_timeout=0.15))
        assert 0.14 < time.monotonic() - started < 10


def test_the_read_timeout_holds_on_a_kept_connection_too(world: World) -> None:
    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(HELLO)
        silence(connection)

    with Stub(run) as stub:
        world.send(get(stub.url))
        with pytest.raises(TransferTimeout, match="read timeout") as caught:
            world.send(get(stub.url), replace(SETTINGS, read_timeout=0.15))
        assert caught.value.sent
        assert stub.connections == 1


def test_the_read_timeout_ends_a_stall_in_a_body(world: World) -> None:
    limits = replace(SETTINGS, read_timeout=0.15)
    with Stub(stalls_after(LONG)) as stub, world.stream(get(stub.url), limits) as incoming:
        received = bytearray()
        with pytest.raises(TransferTimeout, match="read timeout"):
            drain(incoming, received)
        assert len(received) == 400_000


def test_the_read_timeout_ends_a_stalled_upload(world: World) -> None:
    def never_reads(connection: StubConnection) -> None:
        connection.head()
        released.wait(10)

    released = threading.Event()
    limits = replace(SETTINGS, read_timeout=0.15)
    with Stub(never_reads) as stub:
        out = HTTPRequest("PUT", f"{stub.url}/k", (), bytes(BIG), BIG)
        with pytest.raises(TransferTimeout, match="read timeout") as caught:
            world.send(out, limits)
        released.set()
    assert caught.value.sent


def test_a_trickle_is_no_stall(world: World) -> None:
    def trickle(connection: StubConnection) -> None:
        connection.request()
        connection.send(HELLO[:-5])
        for byte in HELLO[-5:]:
            time.sleep(0.1)
            connection.send(bytes([byte]))

    with Stub(trickle) as stub:
        limits = replace(SETTINGS, read_timeout=0.4)
        assert world.send(get(stub.url), limits).body == b"hello"


def test_a_slow_reader_is_no_stall(world: World) -> None:
    body = bytes(8_000_000)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + body
    limits = replace(SETTINGS, read_timeout=0.15)
    with Stub(always(response)) as stub, world.stream(get(stub.url), limits) as incoming:
        first = incoming.read(1000)
        time.sleep(0.5)
        assert first + incoming.read() == body


def test_the_total_timeout_ends_an_exchange(world: World) -> None:
    def trickle(connection: StubConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while True:
            connection.send(b"x")
            time.sleep(0.05)

    words = r"longer than 0.2 s \(total timeout\)"
    with Stub(trickle) as stub, pytest.raises(TransferTimeout, match=words):
        world.send(get(stub.url), replace(SETTINGS, total_timeout=0.2))


def test_the_connect_timeout_ends_a_connecting(world: World) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TransferTimeout, match=r"0.2 s \(connect timeout\)") as caught:
            world.send(get(url), replace(SETTINGS, connect_timeout=0.2, read_timeout=0.1))
    assert not caught.value.sent


# Streams


def endless(sent: list[int], total: int = BIG) -> Script:
    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        block = bytes(range(256)) * 256
        for _ in range(total // len(block)):
            connection.send(block)
            sent.append(len(block))
        connection.is_left()

    return run


def test_nothing_is_downloaded_long_before_it_is_read(world: World) -> None:
    sent: list[int] = []
    with Stub(endless(sent)) as stub, world.stream(get(stub.url)) as incoming:
        held = -1
        while held != len(sent):  # until the server is stuck
            held = len(sent)
            time.sleep(0.05)
        assert sum(sent) < BIG // 4
        received, crc = 0, 0
        while chunk := incoming.read(1_000_000):
            received, crc = received + len(chunk), zlib.crc32(chunk, crc)
        assert received == BIG
        assert crc == zlib.crc32(bytes(range(256)) * (BIG // 256))


@pytest.mark.parametrize("size", [1, 7, 4096, 10**9])
def test_reads_give_at_most_what_is_asked(world: World, size: int) -> None:
    body = bytes(range(200)) * 2
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + body
    with Stub(always(response)) as stub, world.stream(get(stub.url)) as incoming:
        chunks = []
        while chunk := incoming.read(size):
            chunks.append(chunk)
        assert b"".join(chunks) == body
        assert {len(c) for c in chunks[:-1]} <= {size}


def test_a_long_chunked_body_starts_before_it_ends(world: World) -> None:
    go = threading.Event()

    def run(connection: StubConnection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        go.wait(5)
        connection.send(b"4\r\nlast\r\n0\r\n\r\n")

    with Stub(run) as stub, world.stream(get(stub.url)) as incoming:
        assert incoming.read(100) == b"first"
        go.set()
        assert incoming.read() == b"last"


def test_a_small_body_frees_its_connection_even_unread(world: World) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % CAPACITY + bytes(CAPACITY)
    with Stub(always(response)) as stub:
        unread = [world.stream(get(stub.url)) for _ in range(5)]
        assert stub.connections == 1
        assert [len(incoming.read()) for incoming in unread] == [CAPACITY] * 5


@pytest.mark.parametrize("how", ["closed", "forgotten"])
def test_an_unread_response_drops_its_connection(world: World, how: str) -> None:
    gone = threading.Event()

    def run(connection: StubConnection) -> None:
        connection.request()
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG + bytes(BIG))
        except OSError:
            gone.set()

    with Stub(run) as stub:
        incoming = world.stream(get(stub.url))
        incoming.read(1000)
        if how == "closed":
            incoming.close()
            with pytest.raises(ValueError, match="closed"):
                incoming.read(1)
        del incoming
        gc.collect()
        if isinstance(world, AsyncWorld):
            world._run(asyncio.sleep(0))
        assert gone.wait(5)


def test_a_closed_transport_says_so(world: World) -> None:
    with Stub(always(HELLO)) as stub:
        world.send(get(stub.url))
        if isinstance(world, SyncWorld):
            world.close()
        else:
            world._run(world.transport.aclose())
        with pytest.raises(ValueError, match="transport is closed"):
            world.send(get(stub.url))


def test_no_more_idle_connections_are_kept_than_set(open_world: Opener) -> None:
    together = threading.Barrier(6)

    def run(connection: StubConnection) -> None:
        while connection.request():
            together.wait(5)
            connection.send(HELLO)

    before = open_files()
    world = open_world(replace(SETTINGS, connections=2))
    with Stub(run) as stub:
        if isinstance(world, SyncWorld):
            threads = [threading.Thread(target=world.send, args=(get(stub.url),)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            transport = world.transport

            async def all_at_once() -> None:
                await asyncio.gather(*(transport.send(get(stub.url)) for _ in range(6)))

            world._run(all_at_once())
        assert stub.connections == 6
        until(lambda: len(stub._open) == 2)
    world.close() if isinstance(world, SyncWorld) else world._run(world.transport.aclose())
    assert open_files() <= before + 8  # an event loop has some of its own


# Where it runs: threads, signals, processes, loops


def test_threads_share_a_transport() -> None:
    def echo(connection: StubConnection) -> None:
        while request := connection.request():
            body = request.line.split()[1].encode() + request.body
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(20):
            path, body = f"/{number}/{turn}", b"x" * number
            sent = transport.send(HTTPRequest("PUT", stub.url + path, (), body, number)).body
            with transport.stream(get(stub.url, path)) as incoming:
                if (sent, incoming.read()) != (path.encode() + body, path.encode()):
                    wrong.append((sent, path))

    with Stub(echo) as stub, Transport(SETTINGS) as transport:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert len(stub.requests) == 16 * 20 * 2
        assert stub.connections <= 16


class Blocking:
    """A source that never has anything."""

    def read(self, size: int, /) -> bytes:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        threading.Event().wait(5)
        return b""


def read_interrupted(transport: Transport, url: str) -> None:
    with transport.stream(get(url)) as incoming:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        incoming.read()


CALLS: dict[str, Callable[[Transport, str], object]] = {
    "send": lambda transport, url: transport.send(get(url)),
    "stream": lambda transport, url: transport.stream(get(url)),
    "read": read_interrupted,
    "source": lambda transport, url: transport.send(
        HTTPRequest("PUT", url + "/key", (), Blocking(), 100)
    ),
}


@pytest.mark.parametrize("during", CALLS)
def test_ctrl_c_ends_a_call_at_once_and_leaves_the_transport_usable(during: str) -> None:
    def run(connection: StubConnection) -> None:
        request = connection.head()
        if request is not None and request.line.startswith("GET /fine"):
            connection.send(HELLO)
            return
        if during == "read":
            connection.send(LONG)
        elif during != "source":
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        connection.is_left()

    with Stub(run) as stub, Transport(SETTINGS) as transport:
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            CALLS[during](transport, stub.url)
        assert time.monotonic() - started < 5, "it went on until a timeout"
        assert transport.send(get(stub.url, "/fine")).body == b"hello"


def test_ctrl_c_at_any_moment_leaves_the_transport_usable() -> None:
    def again() -> None:
        while not stop.wait(0.003):
            os.kill(os.getpid(), signal.SIGINT)

    def calls() -> None:
        while True:
            with transport.stream(get(stub.url)) as incoming:
                assert incoming.read() == b"hello"

    stop = threading.Event()
    handled = signal.signal(signal.SIGINT, signal.default_int_handler)
    with Stub(always(HELLO)) as stub, Transport(SETTINGS) as transport:
        pest = threading.Thread(target=again)
        caught = 0
        pest.start()
        try:
            while caught < 60:
                try:
                    calls()
                except KeyboardInterrupt:
                    caught += 1
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            stop.set()
            pest.join()
            signal.signal(signal.SIGINT, handled)
        assert transport.send(get(stub.url)).body == b"hello"


FORKED = """
    import os, sys
    from coskit.client._sync.transport import Transport
    from coskit.client.settings.transport import TransportSettings
    from coskit.client.transport.http_request import HTTPRequest

    out = HTTPRequest("GET", sys.argv[1] + "/key")
    transport = Transport(TransportSettings(proxy="", ca_file=sys.argv[2]))
    half_read = transport.stream(HTTPRequest("GET", sys.argv[1] + "/long"))
    start = half_read.read(1000)
    assert transport.send(out).body == b"hello"
    child = os.fork()
    if child == 0:
        if sys.argv[3] == "use":
            assert transport.send(out).body == b"hello"
            try:
                while half_read.read(1000):
                    pass
            except ValueError as error:
                assert "another process" in str(error)
        if sys.argv[3] == "close":
            half_read.close()
            transport.close()
        sys.exit(0)  # clears up as any program does
    assert os.waitpid(child, 0)[1] == 0
    assert transport.send(out).body == b"hello"
    assert len(start) + len(half_read.read()) == 1000000
    assert transport.send(out).body == b"hello"
"""


ASYNC_FORKED = """
    import asyncio, os, sys
    from coskit.client._async.transport import AsyncTransport
    from coskit.client.settings.transport import TransportSettings
    from coskit.client.transport.http_request import HTTPRequest

    out = HTTPRequest("GET", sys.argv[1] + "/key")
    transport = AsyncTransport(TransportSettings(proxy="", ca_file=sys.argv[2]))
    runner = asyncio.Runner()
    half_read = runner.run(transport.stream(HTTPRequest("GET", sys.argv[1] + "/long")))
    start = runner.run(half_read.read(1000))
    assert runner.run(transport.send(out)).body == b"hello"
    child = os.fork()
    if child == 0:
        asyncio.set_event_loop(None)
        if sys.argv[3] == "use":
            assert asyncio.run(transport.send(out)).body == b"hello"
            try:
                asyncio.run(half_read.read(1000))
            except ValueError as error:
                assert "another process" in str(error)
        if sys.argv[3] == "close":
            asyncio.run(half_read.aclose())
            asyncio.run(transport.aclose())
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert runner.run(transport.send(out)).body == b"hello"
    assert len(start) + len(runner.run(half_read.read())) == 1000000
    assert runner.run(transport.send(out)).body == b"hello"
    runner.run(transport.aclose())
    runner.close()
"""


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("how", ["use", "close", "leave"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_forked_child_leaves_the_connections_of_its_parent_alone(
    kind: str, how: str, tls: bool
) -> None:
    def run(connection: StubConnection) -> None:
        while request := connection.request():
            long = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
            connection.send(long if "/long" in request.line else HELLO)

    with Stub(run, tls=tls) as stub:
        script = textwrap.dedent(FORKED if kind == "sync" else ASYNC_FORKED)
        command = [sys.executable, "-c", script, stub.url, str(TLS / "ca.pem"), how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        # The parent's two, kept to the end, and one of the child.
        assert stub.connections == (3 if how == "use" else 2)


def test_descriptors_above_1024_work(world: World) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    taken: list[int] = []
    try:
        with Stub(always(HELLO)) as stub:
            world.send(get(stub.url))
            while not taken or taken[-1] < 1100:
                taken.append(os.dup(0))
            other = HTTPRequest("GET", f"http://localhost:{stub.port}/key")
            assert world.send(other).body == b"hello"
            assert world.stream(other).read() == b"hello"
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
Loop = Callable[[], asyncio.AbstractEventLoop]


@LOOPS
def test_a_cancelled_task_frees_its_connection_at_once(loop: Loop) -> None:
    arrived, left = threading.Event(), threading.Event()

    def run(connection: StubConnection) -> None:
        request = connection.request()
        if request is not None and request.line.startswith("GET /fine"):
            connection.send(HELLO)
            return
        arrived.set()
        if connection.is_left():
            left.set()

    async def main() -> None:
        async with AsyncTransport(SETTINGS) as transport:
            task = asyncio.create_task(transport.send(get(stub.url)))
            await asyncio.to_thread(arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert left.wait(5)
            assert (await transport.send(get(stub.url, "/fine"))).body == b"hello"

    with Stub(run) as stub, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@LOOPS
def test_a_cancelled_upload_stops_its_source(loop: Loop) -> None:
    class Endless:
        reads = 0
        cancelled = False

        async def read(self, size: int, /) -> bytes:
            self.reads += 1
            if self.reads < 4:
                return b"x" * 1000
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            return b""

    async def main() -> None:
        source = Endless()
        async with AsyncTransport(SETTINGS) as transport:
            out = HTTPRequest("PUT", stub.url + "/k", (), source, None)
            task = asyncio.create_task(transport.send(out))
            await asyncio.to_thread(until, lambda: source.reads == 4)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert source.cancelled

    with Stub(silence) as stub, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@LOOPS
def test_a_hundred_streams_dropped_half_read_leave_nothing_open(loop: Loop) -> None:
    async def main() -> None:
        async with AsyncTransport(SETTINGS) as transport:
            await transport.send(get(stub.url))
            before = open_files()
            streams = await asyncio.gather(*(transport.stream(get(stub.url)) for _ in range(100)))
            for stream in streams:
                assert await stream.read(1000)
            del stream
            streams.clear()
            gc.collect()
            await asyncio.sleep(0)
            # The server's ends are this process's too, and close when their threads notice.
            await asyncio.to_thread(until, lambda: open_files() <= before)
            assert (await transport.send(get(stub.url))).status == 200

    long = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    with Stub(always(long)) as stub, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@LOOPS
def test_many_at_once_do_not_mix(loop: Loop) -> None:
    def echo(connection: StubConnection) -> None:
        while request := connection.request():
            body = request.line.split()[1].encode()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def main() -> None:
        async with AsyncTransport(replace(SETTINGS, connections=100)) as transport:
            for _ in range(3):
                paths = [f"/{number}" for number in range(100)]
                responses = await asyncio.gather(*(transport.send(get(stub.url, p)) for p in paths))
                assert [response.body.decode() for response in responses] == paths

    with Stub(echo) as stub, asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
        assert stub.connections <= 100


@LOOPS
def test_a_transport_moves_to_a_new_loop_once_its_own_is_closed(loop: Loop) -> None:
    transport = AsyncTransport(SETTINGS)
    with Stub(always(HELLO)) as stub:
        for _ in range(3):
            with asyncio.Runner(loop_factory=loop) as runner:
                assert runner.run(transport.send(get(stub.url))).body == b"hello"
        with asyncio.Runner(loop_factory=loop) as first, asyncio.Runner() as second:
            first.run(transport.send(get(stub.url)))
            with pytest.raises(RuntimeError, match="another event loop"):
                second.run(transport.send(get(stub.url)))
            first.run(transport.aclose())


def test_closing_ends_what_is_under_way() -> None:
    async def main() -> None:
        transport = AsyncTransport(SETTINGS)
        task = asyncio.create_task(transport.send(get(stub.url)))
        await asyncio.to_thread(until, lambda: bool(stub.requests))
        await transport.aclose()
        with pytest.raises(TransportError, match="closed"):
            await task

    with Stub(silence) as stub:
        asyncio.run(main())


# TLS and proxies


@pytest.mark.parametrize(
    ("ca", "host", "verify", "words"),
    [
        ("ca.pem", "localhost", True, None),
        ("other-ca.pem", "localhost", True, "certificate"),
        ("ca.pem", "127.0.0.1", True, "127.0.0.1"),
        ("missing.pem", "localhost", True, "missing.pem"),
        (None, "localhost", True, "certificate"),
        (None, "127.0.0.1", False, None),
    ],
)
def test_only_the_right_certificate_is_trusted(
    open_world: Opener, ca: str | None, host: str, verify: bool, words: str | None
) -> None:
    ca_file = ca and str(TLS / ca)
    world = open_world(replace(SETTINGS, ca_file=ca_file, verify=verify))
    with Stub(always(HELLO), tls=True) as stub:
        out = HTTPRequest("GET", f"https://{host}:{stub.port}/key")
        if words is None:
            assert world.send(out).body == b"hello"
            assert world.stream(out).read() == b"hello"
            assert stub.connections == 1
            return
        with pytest.raises(TransportError, match=f"no connection to {host}.*{words}") as caught:
            world.send(out)
        assert not caught.value.sent
        assert not stub.requests


@pytest.mark.parametrize("http", ["2", "3"])
def test_a_newer_http_falls_back_to_the_one_that_the_endpoint_speaks(
    open_world: Opener, http: Any
) -> None:
    world = open_world(replace(SETTINGS, ca_file=str(TLS / "ca.pem"), http=http))
    with Stub(always(HELLO), tls=True) as stub:
        for _ in range(2):
            assert world.send(get(stub.url)).body == b"hello"
            assert world.stream(get(stub.url)).read() == b"hello"
        assert stub.connections == 1


def test_an_unknown_http_is_a_wrong_parameter() -> None:
    wrong: Any = "0.9"
    with pytest.raises(ParameterError, match="http must be one of"):
        TransportSettings(http=wrong)


def test_the_environment_can_name_certificates(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    with Stub(always(HELLO), tls=True) as stub:
        assert world.send(get(stub.url)).body == b"hello"


@pytest.mark.parametrize(
    ("setting", "line"),
    [(None, "GET http://cos.test/k HTTP/1.1"), ("{stub}", "GET http://cos.test/k HTTP/1.1")],
)
def test_a_proxy_is_used(
    open_world: Opener, monkeypatch: pytest.MonkeyPatch, setting: str | None, line: str
) -> None:
    with Stub(always(HELLO)) as stub:
        monkeypatch.setenv("http_proxy", stub.url if setting is None else "http://127.0.0.1:1")
        world = open_world(replace(SETTINGS, proxy=setting and stub.url))
        assert world.send(HTTPRequest("GET", "http://cos.test/k")).body == b"hello"
        assert stub.requests[0].line == line


def test_no_proxy_is_used_where_none_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with Stub(always(HELLO)) as stub:
        assert world.send(get(stub.url)).body == b"hello"
