"""HMAC with prepared keys: the hashes of recent keys are kept and copied.

A copy takes a fifth of the time of `hmac.digest` for SHA-1 and half of it for SHA-256.
"""

from functools import lru_cache
from hashlib import sha1, sha256
from typing import TYPE_CHECKING

from coskit.protocol.messages import encode_text

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

_BLOCK = 64  # bytes of a block of either hash
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha1(key: str, text: str) -> str:
    """Return the HMAC-SHA1 of a text, in hex."""
    return _finish(_prepare_sha1(key), text)


def hmac_sha256(key: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of a text, in hex."""
    return _finish(_prepare_sha256(key), text)


def _finish(prepared: tuple["HASH", "HASH"], text: str) -> str:
    inner, outer = prepared[0].copy(), prepared[1].copy()
    inner.update(encode_text(text))
    outer.update(inner.digest())
    return outer.hexdigest()


@lru_cache(maxsize=256)
def _prepare_sha1(key: str) -> tuple["HASH", "HASH"]:
    raw = encode_text(key)
    block = (sha1(raw).digest() if len(raw) > _BLOCK else raw).ljust(_BLOCK, b"\0")
    return sha1(block.translate(_INNER)), sha1(block.translate(_OUTER))


@lru_cache(maxsize=256)
def _prepare_sha256(key: bytes) -> tuple["HASH", "HASH"]:
    block = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))
