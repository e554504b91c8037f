"""The checksums at the end of a blob's file: written bytes are read back, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store.blobs.block_checksums import (
    BLOCK,
    FOOTER,
    BlockChecksumWriter,
    ChecksumMismatch,
    read_trailer,
    span,
    trailer_length,
)

ID = "00112233445566778899aabbccddeeff"
BODY = bytes(range(256)) * 1000  # just under four blocks


def trailer(data: bytes, step: int = 1 << 20) -> bytes:
    summing = BlockChecksumWriter()
    for place in range(0, len(data), step):
        summing.update(data[place : place + step])
    return summing.trailer(ID)


@given(st.integers(0, 3 * BLOCK + 1), st.integers(1, BLOCK + 1000), st.data())
def test_any_blocks_are_right_however_they_were_written(
    size: int, step: int, data: st.DataObject
) -> None:
    body = BODY[:size]
    made = trailer(body, max(step, 500))
    assert len(made) == trailer_length(size)
    sums = read_trailer(made, ID, size, crc64(body))
    offset = data.draw(st.integers(0, size))
    length = data.draw(st.integers(0, size - offset))
    first, end = span(offset, length, size)
    assert first <= offset
    assert offset + length <= end <= size
    sums.check(first, body[first:end])


@pytest.mark.parametrize("place", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 7, len(BODY) - 1])
def test_a_changed_byte_is_found_and_its_block_is_named(place: int) -> None:
    sums = read_trailer(trailer(BODY), ID, len(BODY), crc64(BODY))
    changed = bytearray(BODY)
    changed[place] ^= 4
    with pytest.raises(ChecksumMismatch, match=f"from byte {place // BLOCK * BLOCK} on"):
        sums.check(0, bytes(changed))
    good = [n for n in range(4) if n != place // BLOCK]
    for block in good:
        sums.check(block * BLOCK, BODY[block * BLOCK : (block + 1) * BLOCK])


def test_any_changed_bit_of_the_trailer_is_found() -> None:
    made = trailer(BODY)
    for place in range(len(made)):
        for bit in range(8):
            changed = bytearray(made)
            changed[place] ^= 1 << bit
            with pytest.raises(ChecksumMismatch):
                read_trailer(bytes(changed), ID, len(BODY), crc64(BODY))


def test_the_trailer_of_another_blob_is_refused() -> None:
    made, crc = trailer(BODY), crc64(BODY)
    read_trailer(made, ID, len(BODY), crc)
    with pytest.raises(ChecksumMismatch, match="another blob"):
        read_trailer(made, ID[::-1], len(BODY), crc)
    with pytest.raises(ChecksumMismatch, match="another checksum"):
        read_trailer(made, ID, len(BODY), crc ^ 1)
    with pytest.raises(ChecksumMismatch):
        read_trailer(made, ID, len(BODY) - 1, crc)
    with pytest.raises(ChecksumMismatch):
        read_trailer(made[1:], ID, len(BODY), crc)


def test_an_empty_blob_has_only_a_footer() -> None:
    assert len(trailer(b"")) == FOOTER
    read_trailer(trailer(b""), ID, 0, 0).check(0, b"")
