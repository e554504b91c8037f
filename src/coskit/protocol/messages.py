"""What travels: a request and a response, before any socket and after it."""

import re
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import quote

META_PREFIX = "x-cos-meta-"  # of the headers with user metadata

# What a caller may pass as `Body`: bytes, text (sent as UTF-8), a binary file read from its
# current position, or chunks from an iterator.
Content = bytes | bytearray | memoryview | str | BinaryIO | Iterable[bytes]
AsyncContent = Content | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way: header names are lower-case, path and query are decoded text."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response: header names are spelled as the vendor spells them."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


# The vendor's SDK copies headers into a plain dict, so users index by exact spelling; a proxy that
# lower-cases names must not break them.
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
    """Read header bytes as UTF-8, keeping any other byte recoverable."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    """Give back the very bytes that `decode_text` read."""
    return text.encode("utf-8", "surrogateescape")


def percent_encode(text: str) -> str:
    """Return a text with all but slashes and unreserved characters percent-encoded."""
    return quote(encode_text(text), safe="/-_.~")


def unsendable(text: str) -> bool:
    """Return whether a text holds what no header's value can (RFC 9110 5.5), such as a line end."""
    # Most values are printable, which is seen faster.
    return not text.isprintable() and _CONTROLS.search(text) is not None


def is_header_name(name: str) -> bool:
    """Return whether a text can name a header (RFC 9110 5.1)."""
    return _TOKEN.fullmatch(name) is not None
