"""The two checksums of COS: CRC-64/XZ as unsigned decimal text, MD5 as a quoted hex ETag."""

import base64
import binascii
import hashlib
from functools import lru_cache

from fastcrc import crc64 as _fastcrc

_POLY = 0xC96C5795D7870F42  # 0x42F0E1EBA9EA3693, reflected
_ONE = 1 << 63  # the polynomial 1, reflected
_MASK = (1 << 64) - 1


def crc64(data: bytes | bytearray | memoryview, seed: int = 0) -> int:
    """Return the CRC64 of `data`, continuing from `seed`, the CRC64 of what came before it."""
    # fastcrc takes bytes; a view is copied once here rather than at every caller.
    return int(_fastcrc.xz(data if isinstance(data, bytes) else bytes(data), seed))


def crc64_combine(first: int, second: int, second_length: int) -> int:
    """Return the CRC64 of two joined pieces from the CRC64 of each, without their bytes."""
    return _multiply(_zeros(second_length), first) ^ second


@lru_cache(maxsize=16)
def _zeros(length: int) -> int:
    # Most parts of a body are of one length, hence the cache.
    shift, place, bits = _ONE, 0, length * 8
    while bits:
        if bits & 1:
            shift = _multiply(_POWERS[place], shift)
        bits >>= 1
        place += 1
    return shift


def _multiply(left: int, right: int) -> int:
    """Return the product of two polynomials modulo the CRC's."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & _MASK
        right = (right >> 1) ^ _POLY if right & 1 else right >> 1
    return product


def _powers() -> tuple[int, ...]:
    """Return x, x^2, x^4, ...: what 1, 2, 4, ... zero bits do to the register."""
    powers = [_ONE >> 1]
    while len(powers) < 3 + 64:  # the bits of a length that itself takes 64 bits
        powers.append(_multiply(powers[-1], powers[-1]))
    return tuple(powers)


_POWERS = _powers()


def content_md5(data: bytes | bytearray | memoryview) -> str:
    """Return the Content-MD5 header of a body."""
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def parse_content_md5(text: str) -> bytes | None:
    """Return the 16 bytes that a Content-MD5 header holds, or None if it holds no MD5."""
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == 16 else None


def quote_etag(hex_digest: str) -> str:
    """Return an ETag header value: the hex text in double quotes."""
    return f'"{hex_digest}"'
