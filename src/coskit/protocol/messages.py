"""HTTP messages: requests and responses, and the texts that their headers can carry."""

import re
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote

META_PREFIX = "x-cos-meta-"  # of the headers with user metadata

# The values of `Body`: bytes, text (sent as UTF-8), a binary file read from its current position,
# or an iterator of chunks.
Content = bytes | bytearray | memoryview | str | BinaryIO | Iterable[bytes]
AsyncContent = Content | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names are lower-case, path and query are decoded text."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; header names are in the vendor's spelling."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


# The vendor's SDK copies headers into a plain dict, so programs use the exact spelling. They must
# work behind a proxy that lower-cases names too.
_SPELLINGS = {
    name.lower(): name
    for name in (
        "Accept-Ranges",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Headers",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Origin",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Cache-Control",
        "Connection",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Length",
        "Content-MD5",
        "Content-Range",
        "Content-Type",
        "Date",
        "ETag",
        "Expires",
        "Last-Modified",
        "Location",
        "Retry-After",
        "Server",
        "Transfer-Encoding",
        "Vary",
    )
}


_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def spell(name: str) -> str:
    """Return a response header's name in the vendor's spelling."""
    lower = name.lower()
    if lower.startswith("x-"):
        return f"{lower[:-3]}MD5" if lower.endswith("-customer-key-md5") else lower
    return _SPELLINGS.get(lower, name)


def decode_text(raw: bytes) -> str:
    """Decode header bytes as UTF-8, with other bytes as surrogate escapes."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    """Encode a text to the bytes that `decode_text` decoded."""
    return text.encode("utf-8", "surrogateescape")


def percent_encode(text: str) -> str:
    """Return a text with all but slashes and unreserved characters percent-encoded."""
    return quote(encode_text(text), safe="/-_.~")


def unsendable(text: str) -> bool:
    """Return whether a text holds a character that no header can, such as LF (RFC 9110 5.5)."""
    # `isprintable` is faster than the regex, and most values are printable.
    return not text.isprintable() and _CONTROLS.search(text) is not None


def is_header_name(name: str) -> bool:
    """Return whether a text is a valid header name (RFC 9110 5.1)."""
    return _TOKEN.fullmatch(name) is not None
