"""The two checksums of COS: CRC-64/XZ as unsigned decimal text, MD5 as a quoted hex ETag."""

import base64
import binascii
import hashlib

from fastcrc import crc64 as _fastcrc

from coskit.protocol.codec.checksums.crc_combine import CrcCombiner

_JOINED = CrcCombiner(0xC96C5795D7870F42, 64)  # 0x42F0E1EBA9EA3693, reflected


def crc64(data: bytes | bytearray | memoryview, seed: int = 0) -> int:
    """Return the CRC64 of `data`, continuing from `seed`, the CRC64 of the preceding bytes."""
    # fastcrc takes bytes only, so a view is copied.
    return int(_fastcrc.xz(data if isinstance(data, bytes) else bytes(data), seed))


def crc64_combine(first: int, second: int, second_length: int) -> int:
    """Return the CRC64 of two joined pieces from the CRC64 of each, without their bytes."""
    return _JOINED.join(first, second, second_length)


def content_md5(data: bytes | bytearray | memoryview) -> str:
    """Return the Content-MD5 header of a body."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def parse_content_md5(text: str) -> bytes | None:
    """Return the 16 bytes in a Content-MD5 header, or None if it holds no MD5."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == 16 else None


def quote_etag(hex_digest: str) -> str:
    """Return an ETag header value: the hex text in double quotes."""
    return f'"{hex_digest}"'
