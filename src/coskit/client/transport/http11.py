"""HTTP/1.1 as it stands on a connection: a request as bytes, an answer read from bytes."""

import re
from functools import lru_cache
from typing import NamedTuple

from coskit.client.transport.http_request import HTTPRequest, must_be_sent_once
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import decode_text, encode_text, spell

# A head ends with an empty line; some servers end lines without a carriage return.
_HEAD_END = re.compile(rb"\n\r?\n")
_spell = lru_cache(maxsize=256)(spell)
# Bytes of a head, and of a line between chunks, from which on they are taken for nonsense.
_LONGEST_HEAD = 256 * 1024
_LONGEST_LINE = 16 * 1024
_METHODS = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE"))
# Headers that say how a body is framed or how a connection goes on, which is not the caller's say.
_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "expect", "upgrade"))
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
_TARGET = re.compile(r"/[!\"$-~]*")  # all that is visible, but for the # of a fragment
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_FOLD = re.compile(rb"\r?\n[ \t]+")


def is_plain(out: HTTPRequest, origin: str) -> bool:
    """Return whether a request is of the kind that `write_request` writes.

    There is no body, or one that is at hand or whose length is known; it may go out on a kept
    connection, and nothing in its address or headers asks for more care.
    """
    return (
        out.method in _METHODS
        and (
            out.body is None
            or isinstance(out.body, bytes | memoryview)
            or (out.length is not None and out.method == "PUT")
        )
        and _host(origin) is not None
        and _TARGET.fullmatch(out.url, len(origin)) is not None
        and not _names(tuple([name for name, _ in out.headers])).frames
        and not must_be_sent_once(out)
    )


class _Names(NamedTuple):
    """What a request's own headers say: the host, the agent, and how its body is framed."""

    host: bool
    agent: bool
    frames: bool


# The headers of a program's requests are few sets, each of which comes again and again.
@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> _Names:
    given = {name.lower() for name in names}
    return _Names("host" in given, "user-agent" in given, not given.isdisjoint(_FRAMING))


@lru_cache(maxsize=256)
def _host(origin: str) -> str | None:
    """Return what the Host header says of an origin, None if it is not of the usual form."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return None
    usual = ":443" if found[1] == "https" else ":80"
    return found[2] if found[3] in (None, usual) else found[2] + found[3]


def write_request(out: HTTPRequest, origin: str, user_agent: str) -> bytes:
    """Return the head of a plain request.

    Args:
        out: the request; `is_plain` holds.
        origin: scheme, host and port of its URL.
        user_agent: what the client calls itself, if the headers do not say.

    Raises:
        ParameterError: a header holds a line break.
    """
    lines = [f"{out.method} {out.url[len(origin) :]} HTTP/1.1"]
    given = _names(tuple([name for name, _ in out.headers]))
    if not given.host:
        lines.append(f"Host: {_host(origin)}")
    if not given.agent:
        lines.append(f"User-Agent: {user_agent}")
    lines += [f"{name}: {value}" for name, value in out.headers]
    if out.method in ("PUT", "POST") or out.body:
        lines.append(f"Content-Length: {_length(out)}")
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ParameterError("a header holds a line break or a zero byte")
    return encode_text(text + "\r\n\r\n")


def _length(out: HTTPRequest) -> int | None:
    if isinstance(out.body, bytes):
        return len(out.body)
    if isinstance(out.body, memoryview):
        return out.body.nbytes
    return out.length if out.body is not None else 0


def read_head(block: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of the last response whose header lines these are.

    Interim responses, a proxy's answer and trailers may stand around it. Headers that come more
    than once are joined by a comma.

    Raises:
        ValueError: the connection ended within the head, which libcurl lets pass.
    """
    start = block.rfind(b"\nHTTP/") + 1
    end = _HEAD_END.search(block, start)
    if end is None:
        raise ValueError("the head has no end")
    return _read_fields(block[start : end.start()])


def _read_fields(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of one head, from its first line to the text of its last."""
    first, *lines = decode_text(head).split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        given, _, value = line.partition(":")
        name, value = _spell(given), value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(first.split(None, 2)[1]), headers


class Answer:
    """One response, read from the bytes of its connection as they arrive.

    Interim responses are passed over. Of trailers nothing is kept.

    Attributes:
        head: status and headers, once they are here.
        finished: whether all of it is here.
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
        """Whether nothing has come yet."""
        return self.head is None and not self._held

    @property
    def left(self) -> int:
        """Bytes that are known to be still to come."""
        return self._left or 0

    def feed(self, data: bytes) -> bytes:
        """Take what has arrived and return what of it is the body's.

        Raises:
            ValueError: this is no answer in HTTP/1.
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
        """Note that so many bytes of those `left` came another way than through `feed`."""
        assert self._left is not None
        self._left -= size
        if not self._left and not self._chunked:
            self._finish(rest=0)

    def end(self) -> None:
        """Note that the connection has ended.

        Raises:
            ValueError: something is missing.
        """
        self.keeps = False
        if self.head is None:
            raise ValueError("the head has no end" if self._held else "no answer came")
        if self._chunked or self._left is not None:
            raise ValueError("the connection was closed")
        self.finished = True

    def _read_head(self, data: bytes) -> bytes:
        """Read the final head and return what follows, or keep what there is of it."""
        while end := _HEAD_END.search(data):
            head, data = data[: end.start()], data[end.end() :]
            if not head.startswith(b"HTTP/1."):
                raise ValueError("the answer is not HTTP/1")
            if b"\n " in head or b"\n\t" in head:
                head = _FOLD.sub(b" ", head)
            status, headers = _read_fields(head)
            if status == 101:
                raise ValueError("the answer changes the protocol")
            if status >= 200:
                self._held = b""
                self._begin(status, headers, is_old=head.startswith(b"HTTP/1.0"))
                return data
        if len(data) > _LONGEST_HEAD or not (b"HTTP/1." + data[7:]).startswith(data):
            raise ValueError("the answer is not HTTP/1")
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
        if rest:  # nobody asked for it: whose answer would the next one be?
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
        """Take a line that stands around chunks: a size, what ends a chunk, or a trailer."""
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
