"""Bytes, files and chunks are stored completely; anything else is refused as a body."""

import array
import codecs
import io
import mmap
import os
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.encryption.master_keys import AESKey
from coskit.protocol.errors import NoSuchKey, ParameterError, SourceChanged
from coskit.testing import LocalServer
from tests.support.worlds import World, connect

KEY = AESKey(bytes(range(32)))
MIB = 1 << 20


class Put:
    """A call that stores a body under the key `k`."""

    def __init__(self, world: World, bucket: str, way: str) -> None:
        self.world, self.bucket, self.way = world, bucket, way
        self._upload = ""
        self._sealed: Any = None
        self._key = ""
        self.next()
        if way == "sealed":
            kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
            self._sealed = kind(world.client, KEY)

    def next(self) -> None:
        """Use another key."""
        self._key += "k"
        if self.way == "upload_part":
            response = self.world.create_multipart_upload(self.bucket, self._key)
            self._upload = response["UploadId"]

    def __call__(self, body: Any, **options: Any) -> None:
        """Store the body."""
        world, bucket = self.world, self.bucket
        if self.way == "put_object":
            world.put_object(bucket, body, self._key, **options)
        elif self.way == "append_object":
            world.append_object(bucket, self._key, 0, body, **options)
        elif self.way == "sealed":
            world.run(self._sealed.put_object(bucket, body, self._key, **options))
        else:
            world.upload_part(bucket, self._key, body, 1, self._upload, **options)

    def stored(self) -> bytes | None:
        """Return the stored content, or None."""
        if self._upload:
            parts = self.world.all(
                self.world.client.iter_parts(self.bucket, self._key, self._upload)
            )
            if not parts:
                return None
            part = {"PartNumber": 1, "ETag": parts[0]["ETag"]}
            self.world.complete_multipart_upload(
                self.bucket, self._key, self._upload, {"Part": [part]}
            )
        try:
            if self._sealed is not None:
                response = self.world.run(self._sealed.get_object(self.bucket, self._key))
                return self.world.read(response)
            return self.world.fetch(self.bucket, self._key)
        except NoSuchKey:
            return None


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client."""
    with connect(request.param, server) as client:
        yield client


@pytest.fixture(params=["put_object", "upload_part", "append_object", "sealed"])
def put(request: pytest.FixtureRequest, world: World, bucket: str) -> Put:
    """Yield each call that stores a body."""
    return Put(world, bucket, request.param)


class Text:
    """A text file that does not look like one."""

    def read(self, size: int = -1) -> str:
        """Return text."""
        return "text"


class Silent:
    """A file of chunks that cannot seek."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = deque(pieces)

    def read(self, size: int = -1) -> bytes:
        """Return one chunk."""
        return self._pieces.popleft() if self._pieces else b""


def entry() -> Any:
    """Return an entry of a directory."""
    with os.scandir("/") as entries:
        return next(entries)


# Python's glossary defines "bytes-like object" and "file object"; nothing else is content.
NO_BODIES: dict[str, Callable[[], Any]] = {
    "a mapping": lambda: {"a": 1},
    "a mapping of bytes": lambda: {b"a": 1},
    "keys of a mapping that is empty": dict,
    "a set": lambda: {b"a"},
    "a frozen set": lambda: frozenset((b"a", b"b")),
    "keys": lambda: {"a": 1}.keys(),
    "a number": lambda: 5,
    "a float": lambda: 1.5,
    "a truth": lambda: True,
    "an object": object,
    "a class": lambda: io.BytesIO,
    "a function": lambda: print,
    "a path": lambda: Path("/etc/hostname"),
    "a directory's entry": entry,
    "a list of text": lambda: ["a", "b"],
    "a list of numbers": lambda: [1, 2],
    "a tuple with nothing in it that is": lambda: (None,),
    "an iterator of text": lambda: iter("abc"),
    "a generator of text": lambda: (letter for letter in "abc"),
    "a generator that yields None": lambda: iter((b"a", None, b"c")),
    "a generator of nothing but None": lambda: iter((None,)),
    "a generator of numbers": lambda: (number for number in range(3)),
    "a range": lambda: range(3),
    "a text file": lambda: io.StringIO("text"),
    "a text file of codecs": lambda: codecs.getreader("utf-8")(io.BytesIO(b"text")),
    "a text file of tempfile": lambda: tempfile.SpooledTemporaryFile(0, "w+"),  # noqa: SIM115
    "a file that gives text": Text,
    "lone surrogates": lambda: "\udc80",
    "a socket": socket.socket,
}


def test_what_is_no_body_is_refused(put: Put) -> None:
    name = "Data" if put.way == "append_object" else "Body"
    for kind, make in NO_BODIES.items():
        body = make()
        assert refusal(put, body).startswith(f"{name} "), kind
        close(body)
    assert put.stored() is None


def refusal(put: Put, body: Any, **options: Any) -> str:
    """Return the error message of a refused body, or ""."""
    try:
        put(body, **options)
    except ParameterError as error:
        return str(error)
    return ""


def close(body: Any) -> None:
    """Close an object that has `close`."""
    if hasattr(body, "close") and not isinstance(body, type):
        body.close()


def test_nothing_is_no_body(put: Put) -> None:
    with pytest.raises(ParameterError, match=r"Data|Body"):
        put(None)
    assert put.stored() is None


def test_a_path_as_body_is_refused_with_the_right_method(world: World, bucket: str) -> None:
    with pytest.raises(ParameterError, match="upload_file"):
        world.put_object(bucket, Path("a"), "k")


def mapped(content: bytes) -> mmap.mmap:
    """Return an mmap, whose `seek` returned None before Python 3.13."""
    memory = mmap.mmap(-1, len(content))
    memory.write(content)
    memory.seek(0)
    return memory


class SeekReturnsNone(io.BytesIO):
    """A file whose `seek` returns None."""

    def seek(self, *place: int) -> None:  # type: ignore[override]
        """Seek and return None."""
        super().seek(*place)


def piped(content: bytes) -> Any:
    """Return the reading end of a pipe with content."""
    end, start = os.pipe()
    os.write(start, content)
    os.close(start)
    return os.fdopen(end, "rb")


def wired(content: bytes) -> Any:
    """Return a socket's file with content."""
    ours, theirs = socket.socketpair()
    theirs.sendall(content)
    theirs.close()
    with ours:
        return ours.makefile("rb")


def after(file: Any, start: int) -> Any:
    """Return a file at a position."""
    file.seek(start)
    return file


BODIES: dict[str, tuple[Callable[[], Any], bytes]] = {
    "bytes": (lambda: b"abc", b"abc"),
    "nothing": (lambda: b"", b""),
    "text": (lambda: "aü", b"a\xc3\xbc"),
    "a bytearray": (lambda: bytearray(b"abc"), b"abc"),
    "an array": (lambda: array.array("H", [0x6161, 0x6262]), b"aabb"),
    "a view": (lambda: memoryview(b"abc"), b"abc"),
    "a view with gaps": (lambda: memoryview(b"abcdef")[::2], b"ace"),
    "a view of rows": (lambda: memoryview(b"abcdef").cast("B", (2, 3)), b"abcdef"),
    "a memory map": (lambda: mapped(b"abc"), b"abc"),
    "a memory map in the middle": (lambda: after(mapped(b"abc"), 1), b"bc"),
    "a large memory map": (lambda: mapped(b"ab" * MIB), b"ab" * MIB),
    "a list": (lambda: [b"a", bytearray(b"b"), memoryview(b"c")], b"abc"),
    "a tuple": (lambda: (b"a", b"", b"b"), b"ab"),
    "a deque": (lambda: deque([b"a", b"b"]), b"ab"),
    "values of a mapping": (lambda: {1: b"a", 2: b"b"}.values(), b"ab"),
    "a generator": (lambda: (chunk for chunk in (b"", b"a", array.array("B", b"b"))), b"ab"),
    "one large chunk": (lambda: iter([b"ab" * MIB]), b"ab" * MIB),
    "a file": (lambda: io.BytesIO(b"abc"), b"abc"),
    "a file at its middle": (lambda: after(io.BytesIO(b"abc"), 2), b"c"),
    "a file behind its end": (lambda: after(io.BytesIO(b"abc"), 9), b""),
    "a file whose seek returns nothing": (lambda: SeekReturnsNone(b"abc"), b"abc"),
    "a file that cannot seek": (lambda: Silent(b"a", b"b"), b"ab"),
    "a pipe": (lambda: piped(b"abc"), b"abc"),
    "a socket's file": (lambda: wired(b"abc"), b"abc"),
    "a device": (lambda: open("/dev/null", "rb"), b""),  # noqa: SIM115, PTH123
}


def test_a_body_is_stored_whole(put: Put) -> None:
    for kind, (make, content) in BODIES.items():
        put.next()
        body = make()
        put(body)
        assert put.stored() == content, kind
        close(body)


@pytest.mark.parametrize("size", [5, 2 * MIB])
def test_a_length_that_is_not_the_bodys(put: Put, size: int) -> None:
    content = bytes(size)
    bodies: dict[str, Callable[[], Any]] = {
        "bytes": lambda: content,
        "a generator": lambda: put.world.source([content[:1], content[1:]]),
        "a file": lambda: after(io.BytesIO(b"x" + content), 1),
        "a pipe": lambda: Silent(content[:1], content[1:]),
        "a list": lambda: [content[:1], content[1:]],
        "a view": lambda: memoryview(content),
    }
    for kind, make in bodies.items():
        for claimed in (0, 1, 4, "6", 7_000_000):
            reason = refusal(put, make(), ContentLength=claimed)
            assert "ContentLength" in reason, (kind, claimed)
    assert put.stored() is None


def test_a_length_that_is_the_bodys(put: Put) -> None:
    put(put.world.source([b"ab", b"", b"cde"]), ContentLength="5")
    assert put.stored() == b"abcde"


def test_what_is_no_length(put: Put) -> None:
    for length in ("5x", "-1", -1, 5.0, True, "\N{ARABIC-INDIC DIGIT FIVE}", "", b"5"):
        with pytest.raises(ParameterError, match="ContentLength"):
            put(b"abcde", ContentLength=length)
    assert put.stored() is None


@pytest.mark.parametrize("name", ["/proc/version", "/proc/filesystems"])
@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="only Linux has such files")
def test_a_file_of_reported_size_0_is_read_to_its_end(put: Put, name: str, buffering: int) -> None:
    # proc(5): most files in /proc have a size of 0 and yet content.
    with open(name, "rb", buffering) as file:  # noqa: PTH123
        put(file)
    assert put.stored() == Path(name).read_bytes() != b""


class UnderreportedFile(io.BytesIO):
    """A file that reports less than its size."""

    def __init__(self, content: bytes, reported: int) -> None:
        super().__init__(content)
        self._reported = reported

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Seek, reporting a near end."""
        return super().seek(self._reported if whence == os.SEEK_END else offset)


def test_a_file_that_reports_too_small_a_size(put: Put) -> None:
    for size in (0, 5, 70_000, MIB, MIB + 1, 3 * MIB):
        for reported in (0, 3):
            put.next()
            content = os.urandom(size)
            put(UnderreportedFile(content, min(reported, size)))
            assert put.stored() == content, (size, reported)


def test_a_large_file_that_reports_a_wrong_size_is_an_error(put: Put) -> None:
    for reported in (2 * MIB, 4 * MIB):
        with pytest.raises(SourceChanged):
            put(UnderreportedFile(bytes(3 * MIB), reported))
    assert put.stored() is None


class ChangingFile(io.FileIO):
    """A file that is changed while it is read, with its date restored."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, then change the file."""
        chunk = super().read(size)
        path = Path(str(self.name))
        status = path.stat()
        with path.open("r+b") as file:
            file.write(b"y")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return chunk or b""


@pytest.mark.parametrize("size", [5, 3 * MIB])
def test_an_open_file_that_changes_while_it_is_sent(put: Put, tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    with ChangingFile(path) as file, pytest.raises(SourceChanged):
        put(file)
    assert put.stored() is None


@pytest.mark.parametrize(
    "option", [{"ContentLength": 3}, {"ContentMD5": "kAFQmDzST7DWlj99KOF/cg=="}]
)
def test_a_transfer_takes_no_length_and_no_sum(
    world: World, bucket: str, tmp_path: Path, option: dict[str, Any]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    sealed: Any = kind(world.client, KEY)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: world.upload_file(bucket, "k", path, **option),
        lambda: world.upload_stream(bucket, "k", io.BytesIO(b"abc"), **option),
        lambda: world.upload_fileobj(bucket, "k", io.BytesIO(b"abc"), **option),
        lambda: world.upload_dir(bucket, tmp_path, **option),
        lambda: world.sync(tmp_path, f"cos://{bucket}/", **option),
        lambda: world.run(sealed.upload_file(bucket, "k", path, **option)),
    )
    for call in calls:
        with pytest.raises(ParameterError, match=next(iter(option))):
            call()
    assert world.all(world.client.iter_objects(bucket)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": 1},
        lambda: {b"a"},
        lambda: "text",
        lambda: 5,
        lambda: None,
        lambda: io.StringIO("a"),
        lambda: ["a"],
        lambda: iter("ab"),
        lambda: Path("a"),
        lambda: iter((b"a", None, b"c")),
        lambda: iter((bytes(9 << 20), None, b"c")),
    ],
)
def test_what_is_no_stream_is_refused(world: World, bucket: str, make: Callable[[], Any]) -> None:
    with pytest.raises(ParameterError, match="Stream"):
        world.upload_stream(bucket, "k", make())
    assert world.all(world.client.iter_objects(bucket)) == []


def test_threads_may_write_to_a_pipe_while_it_is_sent(world: World, bucket: str) -> None:
    end, start = os.pipe()
    content = os.urandom(300_000)

    def write() -> None:
        with os.fdopen(start, "wb") as file:
            file.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(end, "rb", 0) as file:
        world.put_object(bucket, file, "k")
    writer.join()
    assert world.fetch(bucket, "k") == content
