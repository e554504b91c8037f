"""A Body is a raw file of Python's `io`; the asynchronous one has its methods."""

import contextlib
import io
import json
import pickle
import random
import shutil
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coskit.compat import CosConfig, CosS3Client
from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.protocol.errors import CosException, ParameterError
from coskit.testing import LocalServer
from tests.client.stubs.scripted import ScriptedServer
from tests.encryption.strategies import AES
from tests.faults.proxy.faults import FlipByte
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import World

LARGE = random.Random(3).randbytes(3_500_000)
LENGTH = len(LARGE)
TEXT = b"one\ntwo\r\n\n" + b"long" * 500_000 + b"\nlast"


@pytest.fixture(scope="module")
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that damages responses as a test says."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Yield each kind of client."""
    proxy.decide = lambda _: None
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(request.param, endpoint=proxy.endpoint, **keys) as client:
        yield client


@pytest.fixture(params=["plain", "sealed"])
def opened(request: pytest.FixtureRequest, world: World, bucket: str) -> Callable[[bytes], Any]:
    """Yield a function that stores content and returns its body."""
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    client: Any = kind(world.client, AES) if request.param == "sealed" else world.client

    def give(content: bytes) -> Any:
        world.run(client.put_object(bucket, content, "k"))
        return world.run(client.get_object(bucket, "k"))["Body"]

    return give


# Python's documentation, io.IOBase and io.RawIOBase: readline, __iter__, read, readall, readinto.
def test_lines_are_those_of_pythons_files(world: World, opened: Callable[..., Any]) -> None:
    expected = list(io.BytesIO(TEXT))
    assert world.all(opened(TEXT)) == expected
    body = opened(TEXT)
    assert [world.run(body.readline()) for _ in range(6)] == [*expected, b""]
    body = opened(TEXT)
    model = io.BytesIO(TEXT)
    for size in (2, 0, 5, None, 1, -1, 3_000_000, 9):
        assert world.run(body.readline(size)) == model.readline(size)
        assert world.run(body.read(1)) == model.read(1)
    assert world.run(body.read(None)) == model.read(None)
    assert world.all(opened(b"a\nb\r\n\nc").iter_lines()) == [b"a", b"b", b"", b"c"]
    assert world.all(opened(b"")) == []


def test_what_a_read_gives(world: World, opened: Callable[..., Any]) -> None:
    assert world.run(opened(TEXT).read(None)) == TEXT
    assert world.run(opened(TEXT).readall()) == TEXT
    body, memory = opened(b"abcde"), bytearray(3)
    assert world.run(body.readinto(memory)) == 3
    assert memory == b"abc"
    assert world.run(body.readinto(memoryview(memory)[1:])) == 2
    assert memory == b"ade"
    assert [world.run(body.readinto(memory)), world.run(body.read())] == [0, b""]
    assert (body.readable(), body.seekable(), body.writable(), body.closed) == (
        True,
        False,
        False,
        False,
    )


# io.BufferedReader: read gives size bytes, or up to the end of the file if that is not given or
# negative; read1 gives up to size bytes, with at most one call to the underlying raw stream.
@pytest.mark.parametrize(
    "sizes",
    [
        [0, 1, 3, 65_536, 262_144, 262_145, 1_000_000, 2_000_001, 5],
        [4_000_000, 1],
        [LENGTH - 1, 5, 5],
        [LENGTH, 1],
        [LENGTH + 1, 1],
        [5, None],
        [700_000, -1, 1],
    ],
    ids=str,
)
def test_a_read_gives_as_many_bytes_as_are_asked_for(
    world: World, opened: Callable[..., Any], sizes: list[int | None]
) -> None:
    body, model = opened(LARGE), io.BytesIO(LARGE)
    for size in sizes:
        assert world.run(body.read(size)) == model.read(size)


@pytest.mark.parametrize("size", [1, 1_000_000, LENGTH, LENGTH + 1])
def test_a_buffer_is_filled(world: World, opened: Callable[..., Any], size: int) -> None:
    body, memory = opened(LARGE), bytearray(size)
    assert world.run(body.readinto(memory)) == min(size, LENGTH)
    assert memory[:LENGTH] == LARGE[:size]


def test_a_read_after_a_line_and_beyond_what_it_held_is_whole(
    world: World, opened: Callable[..., Any]
) -> None:
    content = b"line\n" + LARGE
    body, model = opened(content), io.BytesIO(content)
    assert world.run(body.readline()) == model.readline()
    for size in (3, 3_000_000, -1):
        assert world.run(body.read(size)) == model.read(size)


def test_one_read_gives_what_there_is(world: World, opened: Callable[..., Any]) -> None:
    body, pieces = opened(LARGE), list[bytes]()
    assert world.run(body.read1(0)) == b""
    while piece := world.run(body.read1(2_000_000)):
        pieces.append(piece)
    assert b"".join(pieces) == LARGE
    assert 0 < len(world.run(opened(LARGE).read1())) <= LENGTH
    memory, size = bytearray(LENGTH), 0
    body = opened(LARGE)
    while count := world.run(body.readinto1(memoryview(memory)[size:])):
        size += count
    assert bytes(memory) == LARGE
    assert world.run(opened(b"").read1()) == b""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_body_of_unknown_length_is_read_as_exactly(kind: str) -> None:
    lines = ("Transfer-Encoding: chunked", 'ETag: "e"', "x-cos-request-id: i", "", "")
    head = "\r\n".join(("HTTP/1.1 200 OK", *lines)).encode()
    pieces = [LARGE[start : start + 9_999] for start in range(0, LENGTH, 9_999)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    with ScriptedServer([head + chunks + b"0\r\n\r\n"]) as server:
        keys = {"secret_id": "id", "secret_key": "key"}
        with World(kind, endpoint=server.endpoint, **keys) as world:
            body = world.get_object("examplebucket-1250000000", "k")["Body"]
            model = io.BytesIO(LARGE)
            for size in (1, 2_000_000, 4_000_000, 1):
                assert world.run(body.read(size)) == model.read(size)


@pytest.mark.parametrize("size", [3_000_000, LENGTH, -1])
def test_a_read_that_meets_damage_gives_nothing(
    world: World, opened: Callable[..., Any], proxy: FaultProxy, size: int
) -> None:
    proxy.decide = lambda exchange: FlipByte(offset=2) if exchange.method == "GET" else None
    body = opened(LARGE)
    with pytest.raises(CosException):
        [world.run(body.read(size)) for _ in range(2)]
    with pytest.raises(ValueError, match="failed"):
        world.run(body.read(1))


def test_compat_reads_as_exactly(server: LocalServer, bucket: str) -> None:
    config = CosConfig(
        Region="ap-guangzhou",
        SecretId=server.secret_id,
        SecretKey=server.secret_key,
        Endpoint=f"localhost:{server.port}",
        Scheme="http",
    )
    client = CosS3Client(config)
    client.put_object(Bucket=bucket, Body=LARGE, Key="k")
    body, model = client.get_object(Bucket=bucket, Key="k")["Body"], io.BytesIO(LARGE)
    for size in (1, 1024, 2_000_000, 4_000_000, 1):
        assert body.read(size) == model.read(size)
    chunks = list(client.get_object(Bucket=bucket, Key="k")["Body"].get_stream(300_000))
    assert {len(chunk) for chunk in chunks[:-1]} == {300_000}
    assert b"".join(chunks) == LARGE


def test_a_closed_body_cannot_be_read(world: World, opened: Callable[..., Any]) -> None:
    for content in (b"", b"abc", TEXT):
        for before in (0, 1, -1):
            body = opened(content)
            world.run(body.read(before))
            world.run(body.readline(1))
            world.close_body({"Body": body})
            world.close_body({"Body": body})
            assert body.closed
            for name in ("read", "read1", "readline", "readall"):
                with pytest.raises(ValueError, match="closed"):
                    world.run(getattr(body, name)())
            with pytest.raises(ValueError, match="closed"):
                world.run(body.readinto(bytearray(1)))


# io.IOBase.close: any operation on a closed file raises a ValueError, except close itself.
@pytest.mark.parametrize("name", ["readable", "seekable", "writable"])
def test_a_closed_body_says_nothing_of_itself(
    world: World, opened: Callable[..., Any], name: str
) -> None:
    body, model = opened(b"abc"), io.BytesIO(b"abc")
    assert getattr(body, name)() in (True, False)
    world.close_body({"Body": body})
    model.close()
    for file in (body, model):
        with pytest.raises(ValueError, match="closed file"):
            getattr(file, name)()


def test_a_closed_body_cannot_be_entered(world: World, opened: Callable[..., Any]) -> None:
    async def enter(body: Any) -> None:
        async with body:
            raise AssertionError("it was entered")

    body = opened(b"abc")
    world.close_body({"Body": body})
    with pytest.raises(ValueError, match="closed file"), contextlib.ExitStack() as stack:
        world.run(enter(body)) if world._runner else stack.enter_context(body)
    body = opened(b"abc")
    with contextlib.ExitStack() as stack:
        if world._runner is None:
            assert stack.enter_context(body).read() == b"abc"


def test_after_a_failure_nothing_is_read(
    world: World, opened: Callable[..., Any], proxy: FaultProxy
) -> None:
    proxy.decide = lambda exchange: FlipByte(offset=2) if exchange.method == "GET" else None
    body = opened(b"abcdef")
    with pytest.raises(CosException):
        world.run(body.read())
    for _ in range(2):
        with pytest.raises(ValueError, match="failed"):
            world.run(body.read())


@pytest.mark.parametrize("size", [0, -1, "5", None, 1.5])
def test_chunks_of_no_size_are_refused(world: World, opened: Callable[..., Any], size: Any) -> None:
    with pytest.raises(ParameterError, match="chunk_size"):
        world.all(opened(b"abc").get_stream(size))


def test_python_reads_it_as_a_file(server: LocalServer, bucket: str) -> None:
    with server.client() as client:

        def body(content: bytes) -> Any:
            client.put_object(bucket, content, "k")
            return client.get_object(bucket, "k")["Body"]

        assert isinstance(body(b""), io.RawIOBase)
        assert io.TextIOWrapper(body("ä\nö".encode()), "utf-8").read() == "ä\nö"
        assert list(io.TextIOWrapper(body(b"a\r\nb"), "ascii")) == ["a\n", "b"]
        assert io.BufferedReader(body(TEXT)).peek(3)[:3] == b"one"
        assert io.BufferedReader(body(TEXT)).read() == TEXT
        assert pickle.load(body(pickle.dumps([1, "a"]))) == [1, "a"]
        assert pickle.load(body(pickle.dumps([1, "a", LARGE]))) == [1, "a", LARGE]
        assert pickle.load(io.BufferedReader(body(pickle.dumps(LARGE)))) == LARGE
        assert json.load(body(b'{"a": 1}')) == {"a": 1}
        to = io.BytesIO()
        shutil.copyfileobj(body(TEXT), to)
        assert to.getvalue() == TEXT
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.addfile(tarfile.TarInfo("name"))
        with tarfile.open(fileobj=body(packed.getvalue()), mode="r|gz") as archive:
            assert archive.getnames() == ["name"]
        for name, given in (("seek", 0), ("truncate", 0)):
            with pytest.raises(io.UnsupportedOperation):
                getattr(body(b"abc"), name)(given)
