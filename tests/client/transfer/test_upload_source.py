"""Sections of files: side by side, bounded, summed anew for each try, never of a changed file."""

import contextlib
import io
import os
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from coskit.client.transfer.progress import Progress
from coskit.client.transfer.upload_source import CheckedReader, FileChunk, FileSource
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import ParameterError, SourceChanged


def tally(path: Path, offset: int, length: int) -> CheckedReader:
    """Return a tally of a section whose source never changes."""
    section = cast(BinaryIO, FileChunk(path, offset, length))
    return CheckedReader(section, length, Progress(None, length).part(), lambda: None)


def test_a_section_ends_where_it_should_and_has_its_own_position(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with FileChunk(path, 2, 5) as one, FileChunk(path, 4, 100) as other:
        assert (one.read(2), other.read(), one.read(), one.read()) == (
            b"23",
            b"456789",
            b"456",
            b"",
        )
        assert one.seek(0, os.SEEK_END) == 5
        assert (one.seek(1), one.tell(), one.read(1)) == (1, 1, b"3")


def test_a_closed_section_reads_nothing_even_if_its_descriptor_is_in_use_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    section = FileChunk(path, 0, 10)
    section.close()
    with path.open("rb"), pytest.raises(ValueError, match="closed"):
        section.read(1)
    section.close()


def test_closing_while_threads_read_is_safe(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    for _ in range(50):
        section = FileChunk(path, 0, 1 << 20)

        def read(section: FileChunk = section) -> None:
            with contextlib.suppress(ValueError):  # it is closed
                while section.read(4096):
                    pass

        thread = threading.Thread(target=read)
        thread.start()
        section.close()
        thread.join()


def test_a_missing_file_is_an_os_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileChunk(tmp_path / "file", 0, 1)


def test_a_rewind_sums_and_counts_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with tally(path, 1, 8) as body:
        assert body.seek(0, io.SEEK_END) == 8
        body.seek(0)
        body.read(3)
        body.seek(0)
        assert b"".join(iter(lambda: body.read(3), b"")) == b"12345678"
        assert body.crc64 == crc64(b"12345678")


def test_a_file_that_ends_too_early_gives_no_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with tally(path, 0, 10) as body:
        body.read(4)
        os.truncate(path, 6)
        assert body.read(100) == b"45"
        with pytest.raises(SourceChanged, match="4 bytes too early"):
            body.read(100)


def test_the_last_byte_of_a_changed_file_is_not_given_away(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    source = FileSource(path)
    body = CheckedReader(source.section(0, 10), 10, Progress(None, 10).part(), source.check)
    with body:
        assert body.read(9) == b"012345678"
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceChanged):
            body.read(1)


def test_a_pipe_is_no_file_of_known_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParameterError, match="upload_stream"):
        FileSource(tmp_path / "pipe")


@pytest.mark.parametrize("how", ["grown", "cut", "touched", "replaced", "gone", "a pipe"])
def test_a_source_notices_every_change(tmp_path: Path, how: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    os.utime(path, ns=(5, 5))
    source = FileSource(path)
    source.check()
    if how in ("grown", "cut"):
        os.truncate(path, 11 if how == "grown" else 9)
        os.utime(path, ns=(5, 5))
    elif how == "touched":
        os.utime(path, ns=(5, 6))
    else:
        path.rename(tmp_path / "old")
        if how == "replaced":
            path.write_bytes(b"9876543210")
            os.utime(path, ns=(5, 5))
        elif how == "a pipe":
            os.mkfifo(path)
    with pytest.raises(SourceChanged):
        source.check()
