"""The promises of blob storage; every backend keeps them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store.blobs.files import FileBlobs
from coskit.server.store.interfaces.blobs import Blobs
from coskit.server.store.interfaces.errors import DamagedBlob

# Every check runs with each of these: other blobs are another line.
PLACES: dict[str, Callable[[Path], Blobs]] = {"files": FileBlobs}


@pytest.fixture(params=PLACES)
def reopen(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Blobs]:
    """Open the same place again and again."""
    return lambda: PLACES[request.param](tmp_path)


def write(blobs: Blobs, *blocks: bytes) -> str:
    writer = blobs.create()
    for block in blocks:
        writer.write(block)
    writer.finish()
    writer.close()
    return writer.blob_id


def read(blobs: Blobs, blob_id: str, whole: bytes, offset: int = 0, length: int = 1 << 30) -> bytes:
    reader = blobs.open(blob_id, len(whole), crc64(whole))
    try:
        return reader.read(offset, length)
    finally:
        reader.close()


def test_a_finished_blob_is_what_was_written(reopen: Callable[[], Blobs]) -> None:
    blob_id = write(reopen(), b"first ", b"", b"second")
    assert read(reopen(), blob_id, b"first second") == b"first second"


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 3, b"012"), (3, 4, b"3456"), (7, 100, b"789"), (10, 1, b""), (50, 1, b""), (2, 0, b"")],
)
def test_any_part_of_a_blob_can_be_read(
    reopen: Callable[[], Blobs], offset: int, length: int, expected: bytes
) -> None:
    blobs = reopen()
    blob_id = write(blobs, b"0123456789")
    assert read(blobs, blob_id, b"0123456789", offset, length) == expected


def test_each_blob_has_an_id_of_its_own(reopen: Callable[[], Blobs]) -> None:
    blobs = reopen()
    made = [write(blobs, b"%d" % n) for n in range(20)]
    assert len(set(made)) == 20
    bodies = [b"%d" % n for n in range(20)]
    assert [read(blobs, *pair) for pair in zip(made, bodies, strict=True)] == bodies


def test_an_unfinished_blob_cannot_be_opened_and_can_be_discarded(
    reopen: Callable[[], Blobs],
) -> None:
    writer = reopen().create()
    writer.write(b"half")
    writer.close()
    blobs = reopen()
    with pytest.raises(DamagedBlob) as caught:
        blobs.open(writer.blob_id, 4, crc64(b"half"))
    assert (caught.value.blob_id, caught.value.what) == (writer.blob_id, "missing")
    assert blobs.unsettled() == [writer.blob_id]
    blobs.discard([writer.blob_id])
    assert blobs.unsettled() == []


def test_a_blob_is_unsettled_until_it_is_settled_or_discarded(reopen: Callable[[], Blobs]) -> None:
    blobs = reopen()
    kept, dropped, left = (write(blobs, name) for name in (b"kept", b"dropped", b"left"))
    blobs.settle([kept])
    blobs.discard([dropped])
    blobs = reopen()
    assert blobs.unsettled() == [left]
    assert read(blobs, kept, b"kept") == b"kept"
    assert read(blobs, left, b"left") == b"left"


def test_a_discarded_blob_is_gone_but_for_who_reads_it(reopen: Callable[[], Blobs]) -> None:
    blobs = reopen()
    blob_id = write(blobs, b"going")
    reader = blobs.open(blob_id, 5, crc64(b"going"))
    blobs.discard([blob_id, "never-was"])
    blobs.discard([blob_id])
    assert reader.read(0, 100) == b"going"
    reader.close()
    reader.close()
    with pytest.raises(DamagedBlob):
        blobs.open(blob_id, 5, crc64(b"going"))


def test_settling_what_is_settled_or_gone_does_not_matter(reopen: Callable[[], Blobs]) -> None:
    blobs = reopen()
    blob_id = write(blobs, b"x")
    blobs.settle([blob_id, "never-was"])
    blobs.settle([blob_id])
    assert read(blobs, blob_id, b"x") == b"x"
