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
        headers: the headers that are sent, besides Host, User-Agent and the framing of the body.
        body: the body; None for none.
        length: the number of the body's bytes; None with a source sends chunks until it ends.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | memoryview | Source | AsyncSource | None = None
    length: int | None = None


class MemorySource:
    """Bytes in memory as a `Source`."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._rest = memoryview(data).cast("B")

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; `b""` is the end."""
        chunk = first_bytes(self._rest, size)
        self._rest = self._rest[size:]
        return chunk


def source_of(request: HTTPRequest) -> Source | AsyncSource | None:
    """Return the source of a request's body, None where libcurl is given the whole body.

    libcurl repeats a request by itself if a kept connection turns out to be closed, but only if it
    holds the whole body. A POST is never repeated: its body always comes from a source.
    """
    if isinstance(request.body, bytes | memoryview):
        return MemorySource(request.body) if request.method == "POST" else None
    return request.body


def as_bytes(body: bytes | memoryview | None) -> bytes:
    """Return a body in memory as bytes, without a copy if it is all of some bytes."""
    if isinstance(body, memoryview):
        whole = body.obj
        return whole if type(whole) is bytes and len(whole) == body.nbytes else bytes(body)
    return body or b""


def first_bytes(stock: memoryview, size: int) -> bytes:
    """Return the first bytes of a view, without a copy if these are all of some bytes."""
    return as_bytes(stock if len(stock) <= size else stock[:size])


def must_be_sent_once(request: HTTPRequest) -> bool:
    """Return whether a request needs a new connection, so that libcurl does not repeat it.

    libcurl repeats a request if a kept connection ends without a response. If an upload was
    initiated twice, the first one would be lost; if a conditional write succeeded and was
    repeated, the second would be refused.
    """
    if request.method == "PUT":
        return not _CONDITIONS.isdisjoint([name.lower() for name, _ in request.headers])
    return request.method == "POST" and not request.body


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, as written."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]
