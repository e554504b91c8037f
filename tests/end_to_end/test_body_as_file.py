"""A Body is a raw file as Python's `io` has them; the asynchronous one has its methods."""

import io
import json
import pickle
import shutil
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.protocol.errors import CosException, ParameterError
from coskit.testing import LocalServer
from tests.encryption.strategies import AES
from tests.faults.faults import FlipByte
from tests.faults.proxy import FaultProxy
from tests.worlds import World

TEXT = b"one\ntwo\r\n\n" + b"long" * 500_000 + b"\nlast"


@pytest.fixture(scope="module")
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Damage what a test says."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Give a client in each world."""
    proxy.decide = lambda _: None
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(request.param, endpoint=proxy.endpoint, **keys) as client:
        yield client


@pytest.fixture(params=["plain", "sealed"])
def opened(request: pytest.FixtureRequest, world: World, bucket: str) -> Callable[[bytes], Any]:
    """Give a function that stores content and returns the body of it."""
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


def test_a_closed_body_cannot_be_read(world: World, opened: Callable[..., Any]) -> None:
    for content in (b"", b"abc", TEXT):
        for before in (0, 1, -1):
            body = opened(content)
            world.run(body.read(before))
            world.run(body.readline(1))
            world.close_body({"Body": body})
            world.close_body({"Body": body})
            assert body.closed
            for name in ("read", "readline", "readall"):
                with pytest.raises(ValueError, match="closed"):
                    world.run(getattr(body, name)())
            with pytest.raises(ValueError, match="closed"):
                world.run(body.readinto(bytearray(1)))


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
        # A raw file's read may fall short, which pickle does not expect of long objects.
        large = io.BufferedReader(body(pickle.dumps([1, "a", TEXT])))
        assert pickle.load(large) == [1, "a", TEXT]
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
