"""A request as the transport sends it, and the rules that follow from its method and body."""

from typing import NamedTuple, Protocol

_CONDITIONS = frozenset(("if-match", "if-none-match", "x-cos-forbid-overwrite"))


class Source(Protocol):
    """A request body that is read while it is sent, once, from its start."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; `b""` is the end."""
        ...


class AsyncSource(Protocol):
    """A `Source` for asyncio."""

    async def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; `b""` is the end."""
        ...


class HTTPRequest(NamedTuple):
    """A request ready for the wire.

    Attributes:
        method: the HTTP method.
        url: absolute, path percent-encoded, query included.
        headers: exactly those that are sent, next to Host, User-Agent and what frames the body.
        body: what is sent; None for nothing.
        length: the body's bytes; None with a source sends chunks until it ends.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | memoryview | Source | AsyncSource | None = None
    length: int | None = None


class Slices:
    """Bytes in memory as a `Source`."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._rest = memoryview(data).cast("B")

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; `b""` is the end."""
        chunk = first_bytes(self._rest, size)
        self._rest = self._rest[size:]
        return chunk


def source_of(out: HTTPRequest) -> Source | AsyncSource | None:
    """Return where a request's body is read from, None where libcurl itself holds it.

    libcurl sends a request again by itself if a kept connection turns out to be closed, but only
    where it holds the whole body. For a POST that choice is the caller's.
    """
    if isinstance(out.body, bytes | memoryview):
        return Slices(out.body) if out.method == "POST" else None
    return out.body


def as_bytes(body: bytes | memoryview | None) -> bytes:
    """Return a body in memory as bytes, without a copy if it is all of some bytes."""
    if isinstance(body, memoryview):
        whole = body.obj
        return whole if type(whole) is bytes and len(whole) == body.nbytes else bytes(body)
    return body or b""


def first_bytes(stock: memoryview, size: int) -> bytes:
    """Return the first bytes of a view, without a copy if these are all of some bytes."""
    return as_bytes(stock if len(stock) <= size else stock[:size])


def must_be_sent_once(out: HTTPRequest) -> bool:
    """Return whether a request needs a new connection, lest libcurl send it again by itself.

    It does so if a kept connection ends without an answer. An upload that was initiated twice
    would never be heard of, a conditional write that succeeded would be refused the second time.
    """
    if out.method == "PUT":
        return not _CONDITIONS.isdisjoint([name.lower() for name, _ in out.headers])
    return out.method == "POST" and not out.body


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, as written."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]
