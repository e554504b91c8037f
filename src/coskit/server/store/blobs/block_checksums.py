"""The checksums at the end of a blob's file, by which any part of the blob can be checked.

The bytes of the blob are followed by a table: for each block of 64 KiB, the CRC64 of everything up
to the block's end, in eight bytes, little-endian. Blocks that are read together are therefore
checked by one calculation that starts from the entry before them, and the last entry is the CRC64
of the whole blob. A footer ends the file: the blob's id and length, and the checksums of the table
and of the footer itself.
"""

import struct
from dataclasses import dataclass

from coskit.protocol.codec.checksums.md5_crc64 import crc64

BLOCK = 1 << 16  # bytes

_MAGIC = b"cosblob1"
_FOOTER = struct.Struct("<8s16sQIIQ")  # magic, blob id, size, block size, zero, CRC64 of the table
_CHECK = struct.Struct("<Q")
FOOTER = _FOOTER.size + _CHECK.size


class ChecksumMismatch(ValueError):
    """Bytes do not match their checksums; the text names the place."""


class BlockChecksumWriter:
    """Calculates the trailer of a blob from its bytes."""

    def __init__(self) -> None:
        self._crc = 0
        self._size = 0
        self._table = bytearray()

    def update(self, data: bytes) -> None:
        """Add the next bytes."""
        place = 0
        while place < len(data):
            part = data[place : place + BLOCK - self._size % BLOCK]
            self._crc = crc64(part, self._crc)
            self._size += len(part)
            place += len(part)
            if not self._size % BLOCK:
                self._table += _CHECK.pack(self._crc)

    def trailer(self, blob_id: str) -> bytes:
        """Return the table and the footer.

        Args:
            blob_id: 32 hexadecimal digits.
        """
        end = _CHECK.pack(self._crc) if self._size % BLOCK else b""
        table = bytes(self._table) + end
        name = bytes.fromhex(blob_id)
        footer = _FOOTER.pack(_MAGIC, name, self._size, BLOCK, 0, crc64(table))
        return table + footer + _CHECK.pack(crc64(footer))


def trailer_length(size: int) -> int:
    """Return the length of the trailer of a blob of this size."""
    return -(-size // BLOCK) * _CHECK.size + FOOTER


def span(offset: int, length: int, size: int) -> tuple[int, int]:
    """Return the start and the end of the blocks that hold these bytes of a blob."""
    first = offset // BLOCK * BLOCK
    return first, min(size, -(-(offset + length) // BLOCK) * BLOCK)


@dataclass(frozen=True, slots=True)
class BlockChecksums:
    """The table of checksums of one blob."""

    size: int
    table: bytes

    def check(self, first: int, data: bytes) -> None:
        """Check whole blocks.

        Args:
            first: the offset of the first block.
            data: the bytes of the blocks.

        Raises:
            ChecksumMismatch: a byte differs from what was written.
        """
        number, count = first // BLOCK, -(-len(data) // BLOCK)
        if crc64(data, self._at(number)) != self._at(number + count):
            raise ChecksumMismatch(f"wrong checksum {self._place(first, data)}")

    def _place(self, first: int, data: bytes) -> str:
        """Return a description of the first damaged block's place."""
        for place in range(0, len(data), BLOCK):
            number = (first + place) // BLOCK
            if crc64(data[place : place + BLOCK], self._at(number)) != self._at(number + 1):
                return f"in the 64 KiB from byte {first + place} on"
        return "in the table of checksums"  # pragma: no cover - the footer's checksum covers it

    def _at(self, blocks: int) -> int:
        """Return the CRC64 of the first blocks, this number of them."""
        if not blocks:
            return 0
        place = (blocks - 1) * _CHECK.size
        return int.from_bytes(self.table[place : place + _CHECK.size], "little")


def read_trailer(trailer: bytes, blob_id: str, size: int, crc: int) -> BlockChecksums:
    """Return the checksums that a trailer holds.

    Args:
        trailer: the last `trailer_length(size)` bytes of the file.
        blob_id: the id that the blob should have.
        size: the size that the blob should have.
        crc: the CRC64 that the blob should have.

    Raises:
        ChecksumMismatch: the trailer is damaged, or belongs to another blob.
    """
    footer, check = trailer[-FOOTER : -_CHECK.size], trailer[-_CHECK.size :]
    if len(trailer) != trailer_length(size) or _CHECK.pack(crc64(footer)) != check:
        raise ChecksumMismatch("damaged footer")
    magic, name, length, block, _, of_table = _FOOTER.unpack(footer)
    if (magic, name, length, block) != (_MAGIC, bytes.fromhex(blob_id), size, BLOCK):
        raise ChecksumMismatch("footer of another blob")
    table = trailer[:-FOOTER]
    if crc64(table) != of_table:
        raise ChecksumMismatch("damaged table of checksums")
    if size and _CHECK.pack(crc) != table[-_CHECK.size :]:
        raise ChecksumMismatch("bytes of another checksum")
    return BlockChecksums(size, table)
