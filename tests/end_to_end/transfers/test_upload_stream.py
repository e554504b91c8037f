"""upload_stream and upload_fileobj store any source of bytes, also one with short reads."""

import asyncio
import io
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.protocol.errors import (
    AccessDenied,
    ParameterError,
    PreconditionFailed,
    TransferTimeout,
)
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_MULTIPART_UPLOAD,
    PUT_OBJECT,
    UPLOAD_PART,
)
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import MIB, no_leaks, unfinished_uploads, via_proxy
from tests.faults.proxy.faults import CutRequest, DropReply, FlipByte, Stall, Status
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.worlds import World

ALWAYS = None


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def faulty(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[World]:
    with via_proxy(request.param, proxy, server, tmp_path / "journals") as world:
        yield world


def content_of(size: int) -> bytes:
    """Return bytes in which no two MiB are equal."""
    return b"".join(f"{n:1024}".encode() for n in range(-(-size // 1024)))[:size]


class ShortReads(io.RawIOBase):
    """A file with reads of at most 10,007 bytes, like a socket."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._content.read(min(size, 10_007) if size >= 0 else 10_007)


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, 0), (1, 0), (MIB, 0), (MIB + 1, 2), (2 * MIB, 2), (3 * MIB + 5, 4)],
)
@pytest.mark.parametrize("kind", ["memory", "dribble", "iterator", "bytes"])
def test_every_stream_of_every_size_arrives_as_it_is(
    faulty: World, proxy: FaultProxy, bucket: str, kind: str, size: int, parts: int
) -> None:
    content = content_of(size)
    pieces = [content[at : at + 300_000] for at in range(0, size, 300_000)]
    stream: Any = {
        "memory": io.BytesIO(content),
        "dribble": ShortReads(content),
        "iterator": faulty.source([b"", *pieces, b""]),
        "bytes": bytearray(content),
    }[kind]
    heard: list[tuple[int, int | None]] = []
    result = faulty.upload_stream(
        bucket,
        "key",
        stream,
        PartSize=1,
        progress_callback=lambda consumed, total: heard.append((consumed, total)),
    )
    assert faulty.fetch(bucket, "key") == content
    assert len(proxy.matching(UPLOAD_PART)) == parts
    assert len(proxy.matching(PUT_OBJECT)) == (0 if parts else 1)
    assert result["ETag"] == faulty.head_object(bucket, "key")["ETag"]
    numbers = [consumed for consumed, _ in heard]
    assert numbers == sorted(numbers)
    assert heard[-1] == (size, size)
    assert unfinished_uploads(faulty, bucket) == []


def test_a_generator_feeds_either_client(faulty: World, bucket: str) -> None:
    content = content_of(2 * MIB)
    faulty.upload_stream(
        bucket, "key", (content[at : at + 70_000] for at in range(0, 2 * MIB, 70_000))
    )
    assert faulty.fetch(bucket, "key") == content


def test_a_pipe_and_a_socket_are_read_to_their_end(faulty: World, bucket: str) -> None:
    content = content_of(3 * MIB)
    reading, writing = os.pipe()
    near, far = socket.socketpair()

    def feed() -> None:
        with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123 - it has no path
            for at in range(0, len(content), 65_536):
                pipe.write(content[at : at + 65_536])
        with far:
            far.sendall(content)

    thread = threading.Thread(target=feed)
    thread.start()
    with open(reading, "rb") as pipe, near, near.makefile("rb") as received:  # noqa: PTH123
        faulty.upload_stream(bucket, "pipe", pipe, PartSize=1)
        faulty.upload_fileobj(bucket, "socket", received, PartSize=1)
    thread.join()
    assert faulty.fetch(bucket, "pipe") == faulty.fetch(bucket, "socket") == content


def test_an_asynchronous_file_is_read(
    server: LocalServer, proxy: FaultProxy, bucket: str, tmp_path: Path
) -> None:
    content = content_of(2 * MIB + 3)

    async def upload(world: World) -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(content)
        reader.feed_eof()
        await world.client.upload_stream(bucket, "key", reader, PartSize=1)

    with via_proxy("async", proxy, server, tmp_path) as world:
        world.run(upload(world))
        assert world.fetch(bucket, "key") == content


def test_a_file_is_sent_from_its_position_and_stays_open(
    faulty: World, bucket: str, tmp_path: Path
) -> None:
    content = content_of(3 * MIB)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        file.seek(1000)
        faulty.upload_fileobj(bucket, "key", file, PartSize=1)
        assert not file.closed
        assert file.read() == b""
    assert faulty.fetch(bucket, "key") == content[1000:]


class NotYet(io.RawIOBase):
    """A non-blocking file without data."""

    def read(self, _size: int = -1, /) -> None:
        return None


@pytest.mark.parametrize(
    "stream",
    [io.StringIO("text"), "text", 5, NotYet(), [b"a", 5], ["text"], None],
    ids=lambda stream: type(stream).__name__,
)
def test_what_gives_no_bytes_is_refused(faulty: World, bucket: str, stream: Any) -> None:
    with pytest.raises(ParameterError):
        faulty.upload_stream(bucket, "key", stream)
    with pytest.raises(ParameterError):
        faulty.upload_fileobj(bucket, "key", stream)
    assert not faulty.object_exists(bucket, "key")


@pytest.mark.parametrize("wrong", [{"PartSize": 0}, {"MAXThread": 0}, {"Metdata": {}}], ids=str)
def test_a_wrong_parameter_is_refused(faulty: World, bucket: str, wrong: dict[str, Any]) -> None:
    for size in (1, 9 * MIB):
        with pytest.raises(ParameterError):
            faulty.upload_stream(bucket, "key", bytes(size), **wrong)
    assert not faulty.object_exists(bucket, "key")


@pytest.mark.parametrize("after", [0, 3])
def test_a_stream_that_raises_ends_the_upload_with_its_own_error(
    faulty: World, bucket: str, tmp_path: Path, after: int
) -> None:
    def broken() -> Iterator[bytes]:
        yield from [bytes(MIB)] * after
        raise LookupError("the source broke")

    with no_leaks(tmp_path), pytest.raises(LookupError, match="the source broke"):
        faulty.upload_stream(bucket, "key", broken(), PartSize=1)
    assert not faulty.object_exists(bucket, "key")
    assert unfinished_uploads(faulty, bucket) == []


def test_a_part_that_fails_ends_the_upload(faulty: World, proxy: FaultProxy, bucket: str) -> None:
    proxy.rules = [Rule(UPLOAD_PART, Status(403), times=ALWAYS, skip=1)]
    with pytest.raises(AccessDenied) as failure:
        faulty.upload_stream(bucket, "key", bytes(6 * MIB), PartSize=1, MAXThread=1)
    assert failure.value.part_number == 2
    assert unfinished_uploads(faulty, bucket) == []
    proxy.rules = []
    faulty.upload_stream(bucket, "key", bytes(6 * MIB), PartSize=1)
    assert unfinished_uploads(faulty, bucket) == [], (
        "the memory of the failed upload was given back"
    )


def test_parts_are_sent_again_from_memory(faulty: World, proxy: FaultProxy, bucket: str) -> None:
    content = content_of(4 * MIB)
    proxy.rules = [
        Rule(UPLOAD_PART, CutRequest(1000)),
        Rule(UPLOAD_PART, FlipByte(1000, "request")),
        Rule(UPLOAD_PART, DropReply()),
        Rule(CREATE_MULTIPART_UPLOAD, DropReply()),
        Rule(COMPLETE_MULTIPART_UPLOAD, DropReply()),
    ]
    faulty.upload_stream(bucket, "key", ShortReads(content), PartSize=1)
    assert faulty.fetch(bucket, "key") == content
    assert unfinished_uploads(faulty, bucket) == []


def test_an_upload_that_fails_with_a_lost_initiation_leaves_no_orphan(
    faulty: World, proxy: FaultProxy, bucket: str
) -> None:
    proxy.rules = [
        Rule(CREATE_MULTIPART_UPLOAD, DropReply()),
        Rule(UPLOAD_PART, Status(403), times=ALWAYS),
    ]
    with pytest.raises(AccessDenied):
        faulty.upload_stream(bucket, "key", bytes(3 * MIB), PartSize=1)
    assert unfinished_uploads(faulty, bucket) == []


@pytest.mark.parametrize("size", [1, 3 * MIB])
def test_options_and_conditions_hold(faulty: World, bucket: str, size: int) -> None:
    options = {"IfNoneMatch": "*", "Metadata": {"x-cos-meta-a": "1"}, "EnableMD5": True}
    faulty.upload_stream(bucket, "key", bytes(size), PartSize=1, **options)
    assert faulty.head_object(bucket, "key")["x-cos-meta-a"] == "1"
    with pytest.raises(PreconditionFailed):
        faulty.upload_stream(bucket, "key", bytes(size), PartSize=1, **options)
    assert unfinished_uploads(faulty, bucket) == []


def test_a_deadline_ends_an_upload_that_stalls(
    faulty: World, proxy: FaultProxy, bucket: str, tmp_path: Path
) -> None:
    proxy.rules = [Rule(UPLOAD_PART, Stall(), times=ALWAYS, skip=1)]
    with no_leaks(tmp_path), pytest.raises(TransferTimeout, match="deadline"):
        faulty.upload_stream(bucket, "key", bytes(4 * MIB), PartSize=1, Deadline=1)
    proxy.rules = []
    assert unfinished_uploads(faulty, bucket) == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_more_is_read_than_the_memory_may_hold(
    server: LocalServer, proxy: FaultProxy, bucket: str, tmp_path: Path, kind: str
) -> None:
    given, seen = 0, []

    def stream() -> Iterator[bytes]:
        nonlocal given
        for _ in range(16):
            through_by_now = sum(exchange.received for exchange in proxy.matching(UPLOAD_PART))
            seen.append(given - through_by_now)
            given += MIB
            yield bytes(MIB)

    with via_proxy(kind, proxy, server, tmp_path, memory=4 * MIB) as world:
        world.upload_stream(bucket, "key", stream(), PartSize=2, MAXThread=8)
        assert world.head_object(bucket, "key")["Content-Length"] == str(16 * MIB)
    # One chunk is read ahead to know whether a part is the last one.
    assert max(seen) <= 5 * MIB


def test_a_part_is_never_larger_than_the_memory(
    server: LocalServer, proxy: FaultProxy, bucket: str, tmp_path: Path
) -> None:
    with via_proxy("sync", proxy, server, tmp_path, memory=2 * MIB) as world:
        world.upload_stream(bucket, "key", bytes(5 * MIB), PartSize=100)
    sizes = [exchange.received for exchange in proxy.matching(UPLOAD_PART)]
    assert sorted(sizes) == [MIB, 2 * MIB, 2 * MIB]
