"""The targets of downloads: the named file is complete, and no other file is left."""

import io
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transfer.ordered_writer import OrderedWriter, check_writable, write_fully
from coskit.client.transfer.targets.download_target import FileTarget, write_whole
from coskit.client.transfer.targets.special_files import is_special
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import ParameterError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file in a directory of its own."""
    return tmp_path / "file"


def beside(path: Path) -> list[str]:
    """Return what is in the file's directory."""
    return [found.name for found in path.parent.iterdir()]


def put(target: FileTarget, offset: int, *pieces: bytes) -> str:
    """Write a section and return its mark."""
    whole = b"".join(pieces)
    section = target.section(offset, len(whole))
    section.write(pieces)
    return section.seal(crc64(whole))


def test_sections_in_any_order_make_one_file(path: Path) -> None:
    target = FileTarget(path)
    assert target.begin(10, {}) == 1
    put(target, 6, b"g", b"", b"hij")
    assert not path.exists()
    put(target, 0, b"abcdef")
    target.finish()
    assert path.read_bytes() == b"abcdefghij"
    assert beside(path) == ["file"]
    target.discard()
    assert path.exists(), "what is finished is not discarded"


def test_more_pieces_than_one_system_call_takes(path: Path) -> None:
    pieces = [bytes([n % 251]) for n in range(3000)]
    target = FileTarget(path)
    target.begin(len(pieces), {})
    put(target, 0, *pieces)
    target.finish()
    assert path.read_bytes() == b"".join(pieces)


@given(pieces=st.lists(st.binary(max_size=9), max_size=9), most=st.integers(1, 7))
def test_short_writes_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], most: int
) -> None:
    path = tmp_path_factory.mktemp("short") / "file"
    write = os.pwritev
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os,
            "pwritev",
            lambda file, rest, offset: write(file, [b"".join(rest)[:most]], offset),
        )
        write_whole(FileTarget(path), {}, b"")
        target = FileTarget(path)
        target.begin(sum(map(len, pieces)), {})
        put(target, 0, *pieces)
    target.finish()
    assert path.read_bytes() == b"".join(pieces)


def test_what_is_discarded_is_gone_and_may_be_begun_anew(path: Path) -> None:
    target = FileTarget(path)
    announced = dict(target.state)["partial"]
    target.begin(3, {})
    assert beside(path) == [announced], "its name was not known before"
    put(target, 0, b"old")
    target.discard()
    assert beside(path) == []
    assert target.state["partial"] != announced
    write_whole(target, {}, b"new")
    assert path.read_bytes() == b"new"


def test_what_is_suspended_is_gone_on_with_and_its_damage_seen(path: Path) -> None:
    first = FileTarget(path)
    first.begin(6, {})
    marks = [put(first, 0, b"abc"), put(first, 3, b"def")]
    state = dict(first.state)
    first.suspend()
    second = FileTarget(path)
    assert second.resume(6, {}, state)
    assert [second.holds(0, 3, marks[0]), second.holds(3, 3, marks[1])] == [True, True]
    assert [second.holds(0, 3, marks[1]), second.holds(3, 4, marks[1])] == [False, False]
    second.finish()
    assert path.read_bytes() == b"abcdef"
    # As if it had never been interrupted.
    (path.parent / "plain").touch()
    assert path.stat().st_mode == (path.parent / "plain").stat().st_mode


@pytest.mark.parametrize(
    "name", ["", "file", "../file", "/etc/passwd", ".file.part", ".a/.0123456789abcdef.part"]
)
def test_a_state_that_names_no_partial_file_is_not_followed(path: Path, name: str) -> None:
    path.write_bytes(b"old")
    target = FileTarget(path)
    target.forget({"partial": name})
    assert not target.resume(3, {}, {"partial": name})
    assert path.read_bytes() == b"old"


def test_a_section_is_not_closed_under_a_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = FileTarget(path)
    target.begin(3, {})
    section = target.section(0, 3)
    begun, go_on = threading.Event(), threading.Event()
    write = os.pwritev

    def slow(file: int, pieces: list[bytes], offset: int) -> int:
        begun.set()
        assert go_on.wait(30)
        return write(file, pieces, offset)

    monkeypatch.setattr(os, "pwritev", slow)
    writer = threading.Thread(target=section.write, args=([b"abc"],))
    writer.start()
    assert begun.wait(30)
    closer = threading.Thread(target=section.close)
    closer.start()
    target.suspend()  # does not wait, and takes nothing from the section
    go_on.set()
    writer.join()
    closer.join()
    with pytest.raises(ValueError, match="closed"):
        section.write([b"x"])
    (partial,) = path.parent.iterdir()
    assert partial.read_bytes() == b"abc"


def test_what_is_special_is_no_place_for_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").touch()
    assert is_special(tmp_path / "pipe")
    assert is_special(tmp_path / "link")
    assert is_special("/dev/null")
    assert not is_special(tmp_path / "file")
    assert not is_special(tmp_path)
    assert not is_special(tmp_path / "none")


def test_a_partial_file_is_its_owners_alone(path: Path) -> None:
    target = FileTarget(path)
    target.begin(3, {})
    (partial,) = path.parent.iterdir()
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    assert partial.stat().st_size == 3
    target.discard()


class Trickle(io.RawIOBase):
    """A file that takes two bytes at a time."""

    def __init__(self) -> None:
        self.got = b""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.got += data[:2]
        return len(data[:2])


class Awaited:
    """A file whose `write` has to be awaited."""

    async def write(self, data: bytes) -> int:
        return len(data)


class Silent:
    """A file whose write returns None: it has written all bytes."""

    def __init__(self) -> None:
        self.got = b""

    def write(self, data: bytes) -> None:
        self.got += data


class Full(io.RawIOBase):
    """A file that does not block and takes nothing."""

    def write(self, data: bytes) -> None:  # type: ignore[override]
        return None


def test_a_callers_file_gets_everything_however_little_it_takes() -> None:
    for file in (Trickle(), Silent()):
        check_writable(file)
        write_fully(file, [b"abcde", b"", b"f"])
        assert file.got == b"abcdef"


def test_a_callers_file_that_cannot_take_bytes_is_an_error() -> None:
    with pytest.raises(BlockingIOError):
        write_fully(Full(), [b"a"])
    with pytest.raises(ParameterError, match="awaited"):
        write_fully(Awaited(), [b"a"])
    with pytest.raises(ParameterError, match="text"):
        check_writable(io.StringIO())


@given(order=st.permutations(range(1, 9)))
def test_parts_are_written_in_the_order_of_their_numbers(order: list[int]) -> None:
    turn, written = OrderedWriter(), list[bytes]()
    for number in order:
        turn.offer(number, [b"%d" % number])
        while (ready := turn.claim()) is not None:
            assert turn.claim() is None, "two callers write at a time"
            written += ready
            turn.done()
    assert written == [b"%d" % number for number in range(1, 9)]
    assert turn.written == 8
