"""HTTP/1.1 messages: write a request's head, parse a response from bytes as they arrive."""

import re
from functools import lru_cache
from typing import NamedTuple

from coskit.client.transport.http_request import HTTPRequest, must_be_sent_once
from coskit.client.transport.response_head import HEAD_END, read_fields
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import encode_text

# Bytes of a head, and of a line between chunks, above which a response is not HTTP.
_LONGEST_HEAD = 256 * 1024
_LONGEST_LINE = 16 * 1024
_METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE"))
# Headers that frame a body or control a connection; the transport sets them itself.
_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "expect", "upgrade"))
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
_TARGET = re.compile(r"/[!\"$-~]*")  # visible characters, without the # of a fragment
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]+")


def is_plain(request: HTTPRequest, origin: str) -> bool:
    """Return whether `write_request` can write a request.

    Its body is in memory or of known length, it may be sent on a kept connection, and its URL and
    headers are of the usual form.
    """
    return (
        request.method in _METHODS
        and (
            request.body is None
            or isinstance(request.body, bytes | memoryview)
            or (request.length is not None and request.method == "PUT")
        )
        and _host(origin) is not None
        and _TARGET.fullmatch(request.url, len(origin)) is not None
        and not _names(tuple([name for name, _ in request.headers])).frames
        and not must_be_sent_once(request)
    )


class _Names(NamedTuple):
    """Facts about a request's headers: whether they give host and agent, or frame the body."""

    host: bool
    agent: bool
    frames: bool


# A program uses few sets of header names, each of them for many requests.
@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> _Names:
    given = {name.lower() for name in names}
    return _Names("host" in given, "user-agent" in given, not given.isdisjoint(_FRAMING))


@lru_cache(maxsize=256)
def _host(origin: str) -> str | None:
    """Return the Host header for an origin, None if the origin has an unusual form."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return None
    usual = ":443" if found[1] == "https" else ":80"
    return found[2] if found[3] in (None, usual) else found[2] + found[3]


def write_request(request: HTTPRequest, origin: str, user_agent: str) -> bytes:
    """Return the head of a plain request.

    Args:
        request: the request; `is_plain` holds for it.
        origin: the scheme, host and port of its URL.
        user_agent: the User-Agent, unless the request's headers give one.

    Raises:
        ParameterError: a header holds a line break.
    """
    lines = [f"{request.method} {request.url[len(origin) :]} HTTP/1.1"]
    given = _names(tuple([name for name, _ in request.headers]))
    if not given.host:
        lines.append(f"Host: {_host(origin)}")
    if not given.agent:
        lines.append(f"User-Agent: {user_agent}")
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.method in ("PUT", "POST") or request.body:
        lines.append(f"Content-Length: {_length(request)}")
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ParameterError("a header holds a line break or a zero byte")
    return encode_text(text + "\r\n\r\n")


def _length(request: HTTPRequest) -> int | None:
    if isinstance(request.body, bytes):
        return len(request.body)
    if isinstance(request.body, memoryview):
        return request.body.nbytes
    return request.length if request.body is not None else 0


class ResponseParser:
    """Parses one response from the bytes of its connection as they arrive.

    Interim responses are skipped, trailers are dropped.

    Args:
        method: the method of the request.

    Attributes:
        head: status and headers, once they are here.
        finished: whether the response is complete.
        keeps: whether the connection may serve the next exchange.
    """

    __slots__ = ("_chunked", "_held", "_left", "_line", "_method", "finished", "head", "keeps")

    def __init__(self, method: str) -> None:
        self.head: tuple[int, dict[str, str]] | None = None
        self.finished = False
        self.keeps = True
        self._method = method
        self._held = b""
        self._chunked = False
        self._left: int | None = None  # bytes of the body, or of this chunk; None has no end
        self._line = "size"

    @property
    def is_untouched(self) -> bool:
        """True if no byte has arrived yet."""
        return self.head is None and not self._held

    @property
    def is_chunked(self) -> bool:
        """True if the body comes in chunks."""
        return self._chunked

    @property
    def left(self) -> int:
        """The number of body bytes that certainly follow."""
        return self._left or 0

    def feed(self, data: bytes) -> bytes:
        """Parse bytes that have arrived and return the part that belongs to the body.

        Raises:
            ValueError: they are not an HTTP/1 response.
        """
        if self.head is None:
            data = self._read_head(self._held + data)
            if self.head is None:
                return b""
        if self._chunked:
            return self._read_chunks(data)
        if self._left is None:
            return data
        body = data if len(data) <= self._left else data[: self._left]
        self._left -= len(body)
        if not self._left:
            self._finish(rest=len(data) - len(body))
        return body

    def took(self, size: int) -> None:
        """Note that `size` of the bytes `left` were received without `feed`."""
        assert self._left is not None
        self._left -= size
        if not self._left and not self._chunked:
            self._finish(rest=0)

    def end(self) -> None:
        """Note that the connection has ended.

        Raises:
            ValueError: the response is incomplete.
        """
        self.keeps = False
        if self.head is None:
            raise ValueError("the head has no end" if self._held else "no response came")
        if self._chunked or self._left is not None:
            raise ValueError("the connection was closed")
        self.finished = True

    def _read_head(self, data: bytes) -> bytes:
        """Parse the final head and return the bytes after it; keep an incomplete head."""
        while end := HEAD_END.search(data):
            head, data = data[: end.start()], data[end.end() :]
            if not head.startswith(b"HTTP/1."):
                raise ValueError("the response is not HTTP/1")
            if b"\n " in head or b"\n\t" in head:
                head = _FOLD.sub(b" ", head)
            status, headers = read_fields(head)
            if status == 101:
                raise ValueError("the response changes the protocol")
            if status >= 200:
                self._held = b""
                self._begin(status, headers, is_old=head.startswith(b"HTTP/1.0"))
                return data
        if len(data) > _LONGEST_HEAD or not (b"HTTP/1." + data[7:]).startswith(data):
            raise ValueError("the response is not HTTP/1")
        self._held = data
        return b""

    def _begin(self, status: int, headers: dict[str, str], *, is_old: bool) -> None:
        self.head = status, headers
        connection = headers.get("Connection", "").lower()
        self.keeps = "keep-alive" in connection if is_old else "close" not in connection
        length = headers.get("Content-Length")
        if self._method == "HEAD" or status in (204, 304):
            self._left = 0
        elif "Transfer-Encoding" in headers:
            if headers["Transfer-Encoding"].lower() != "chunked":
                raise ValueError("the body is encoded in an unknown way")
            self._chunked, self._left = True, 0
        elif length is not None:
            if not (length.isascii() and length.isdigit()):
                raise ValueError("the length of the body is no number")
            self._left = int(length)

    def _finish(self, rest: int) -> None:
        self.finished = True
        if rest:  # bytes that belong to no request: the next response could not be told apart
            self.keeps = False

    def _read_chunks(self, data: bytes) -> bytes:
        data, self._held, at = self._held + data, b"", 0
        body = []
        while at < len(data) and not self.finished:
            if self._left:
                piece = data[at : at + self._left]
                body.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                if len(data) - at > _LONGEST_LINE:
                    raise ValueError("a line between chunks has no end")
                self._held = data[at:]
                break
            self._read_line(data[at:end].rstrip(b"\r"))
            at = end + 1
        if self.finished:
            self._finish(rest=len(data) - at)
        return body[0] if len(body) == 1 else b"".join(body)

    def _read_line(self, line: bytes) -> None:
        """Parse a line around chunks: a size, the end of a chunk, or a trailer."""
        if self._line == "size":
            found = _SIZE.fullmatch(line)
            if found is None:
                raise ValueError("the size of a chunk is no number")
            self._left = int(found[1], 16)
            self._line = "end of chunk" if self._left else "trailer"
        elif self._line == "end of chunk":
            if line:
                raise ValueError("a chunk is longer than its size")
            self._line = "size"
        elif not line:
            self.finished = True
