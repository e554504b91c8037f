"""What both transports tell libcurl and what they understand of its answers."""

import os
import re
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, cast
from urllib.parse import urlsplit
from weakref import WeakSet

import pycurl

from coskit.protocol.errors import (
    CosClientError,
    IntegrityError,
    ParameterError,
    TransferTimeout,
    TransportError,
)
from coskit.protocol.messages import Response, decode_text, encode_text, spell

# Body bytes of one response that wait unread, at most, before libcurl is told to pause.
CAPACITY = 256 * 1024
# What `send` may collect: the whole body, whatever its length.
UNBOUNDED = sys.maxsize

# What libcurl reads from a source at once.
_UPLOAD_CHUNK = 256 * 1024
# libcurl adds these by itself where they are not given; an empty value stops it.
_UNASKED = ("Accept:", "Expect:", "Content-Type:")
_CONDITIONS = frozenset(("if-match", "if-none-match", "x-cos-forbid-overwrite"))
_HEAD_END = re.compile(rb"\n\r?\n")
_spell = lru_cache(maxsize=256)(spell)
_MISUSED = frozenset((pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL))


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How connections are made and how long anything may take.

    Attributes:
        connect_timeout: seconds to a connection, name look-up and TLS included.
        read_timeout: seconds without a single byte moving either way.
        total_timeout: seconds for the whole exchange, reading of the body included.
        proxy: a proxy's URL; None takes the environment's, "" takes none.
        ca_file: certificates to trust, as PEM; None takes the host's.
        verify: whether the server's certificate and name are checked.
        connections: idle connections that are kept.
        user_agent: what the client calls itself; None says coskit and its version.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    proxy: str | None = None
    ca_file: str | None = None
    verify: bool = True
    connections: int = 64
    user_agent: str | None = None


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


@dataclass(frozen=True, slots=True)
class Outgoing:
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
        chunk = bytes(self._rest[:size])
        self._rest = self._rest[size:]
        return chunk


class Inbox:
    """Body bytes that have arrived and were not yet taken."""

    __slots__ = ("_chunks", "arrived", "held")

    def __init__(self) -> None:
        self._chunks: deque[bytes | memoryview] = deque()
        self.held = 0
        self.arrived = 0

    def put(self, data: bytes) -> None:
        """Keep what has just arrived."""
        self._chunks.append(data)
        self.held += len(data)
        self.arrived += len(data)

    def take(self, size: int = -1) -> bytes:
        """Return `size` bytes of what is held, or all where that is less or `size` negative."""
        if size < 0 or size >= self.held:
            parts = list(self._chunks)
            self._chunks.clear()
        else:
            parts = self._first(size)
        data = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
        self.held -= len(data)
        return data

    def _first(self, size: int) -> list[bytes | memoryview]:
        parts: list[bytes | memoryview] = []
        while size:
            chunk = self._chunks.popleft()
            if len(chunk) > size:
                view = memoryview(chunk)
                self._chunks.appendleft(view[size:])
                chunk = view[:size]
            parts.append(chunk)
            size -= len(chunk)
        return parts


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
    first, *lines = decode_text(block[start : end.start()]).split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = _spell(name), value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(first.split(None, 2)[1]), headers


class HandleOwner:
    """What holds libcurl's handles, which only the process that made them may touch.

    Attributes:
        inherited: whether this is a forked child's copy. It is then kept for ever, because to
            clean its handles up would say goodbye on the parent's TLS connections.
    """

    inherited = False

    def __init__(self) -> None:
        _owners.add(self)


# The only state of this module: a fork happens to the process, and all owners have to hear of it.
_owners: WeakSet[HandleOwner] = WeakSet()


def _after_fork() -> None:
    import ctypes  # here, since it is slow to import

    for owner in tuple(_owners):
        owner.inherited = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))


os.register_at_fork(after_in_child=_after_fork)


class Exchange:
    """One request and its response on an easy handle: what goes out and what has come in.

    Whoever drives the handle lets libcurl work until the exchange is `ready` (the head and part of
    a long body are in) or `finished`, takes from the `inbox`, and hands libcurl's verdict to `end`;
    the handle is then free for the next exchange. Callbacks let no exception through libcurl: it
    waits in `raised`.

    Args:
        easy: a handle made by `new_easy`.
        out: the request.
        limits: settings whose timeouts hold for it.
        capacity: body bytes to hold before pausing.
        read: where the body comes from if libcurl does not hold it; may return `READFUNC_PAUSE`.
        notify: called when the exchange is ready and whenever more has arrived from then on.

    Raises:
        ParameterError: a header holds a line break.
    """

    def __init__(
        self,
        easy: Any,
        out: Outgoing,
        limits: TransportSettings,
        capacity: int,
        read: Callable[[int], bytes | int] | None,
        notify: Callable[[], None] | None = None,
    ) -> None:
        self.easy, self.limits, self.inbox = easy, limits, Inbox()
        self.head: tuple[int, dict[str, str]] | None = None
        self.failure: CosClientError | None = None
        self.raised: BaseException | None = None
        self.paused = self.ready = self.finished = False
        self.out, self._capacity, self._read, self._notify = out, capacity, read, notify
        self._head_block = bytearray()
        self._prepare()

    def _prepare(self) -> None:
        setopt, out, limits = self.easy.setopt, self.out, self.limits
        # A bound C method: libcurl calls once for each header line, and this is the hot path.
        setopt(pycurl.HEADERFUNCTION, self._head_block.extend)
        setopt(pycurl.WRITEFUNCTION, self._receive)
        setopt(pycurl.URL, out.url)
        setopt(pycurl.HTTPHEADER, _header_lines(out.headers))
        if self._read is not None:
            setopt(pycurl.READFUNCTION, self._supply)
            setopt(pycurl.UPLOAD, 1)
            setopt(pycurl.INFILESIZE_LARGE, -1 if out.length is None else out.length)
        elif out.body or out.method in ("PUT", "POST"):
            setopt(pycurl.POST, 1)
            setopt(pycurl.POSTFIELDS, bytes(cast("bytes | memoryview", out.body or b"")))
        elif out.method == "HEAD":
            setopt(pycurl.NOBODY, 1)
        else:
            setopt(pycurl.HTTPGET, 1)
        setopt(pycurl.CUSTOMREQUEST, out.method)
        setopt(pycurl.FRESH_CONNECT, int(_must_be_sent_once(out)))
        setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(limits.connect_timeout))
        setopt(pycurl.TIMEOUT_MS, _milliseconds(limits.total_timeout or 0))

    def _receive(self, data: bytes) -> int | None:
        try:
            if self.inbox.held >= self._capacity:
                self.paused = True
                return int(pycurl.WRITEFUNC_PAUSE)
            self.inbox.put(data)
            if self.head is None:
                self.head = read_head(bytes(self._head_block))
                length = self.head[1].get("Content-Length", "")
                # A small body is waited for, so that its connection is free at once.
                long = not length.isdigit() or int(length) > self._capacity
                self.ready = long and self._capacity != UNBOUNDED
            if self.ready and self._notify is not None:
                self._notify()
        except BaseException as error:  # libcurl would print or lose it
            self.raised = error
            return -1
        return None

    def _supply(self, size: int) -> bytes | int:
        try:
            return self._read(size) if self._read is not None else b""
        except BaseException as error:  # libcurl would print or lose it
            self.raised = error
            return int(pycurl.READFUNC_ABORT)

    def resume(self) -> None:
        """Let a paused response go on."""
        self.paused = False
        unpause(self.easy)

    @property
    def is_settled(self) -> bool:
        """Whether there is something to do for the one who waits: bytes to take, or the end."""
        return bool(self.finished or self.raised is not None or (self.ready and self.inbox.held))

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands, so that the read timeout counts."""
        return bool(self.easy.getinfo(pycurl.PRETRANSFER_TIME))

    @property
    def moved(self) -> int:
        """Return a number that grows with every byte that moves either way."""
        return (
            int(self.easy.getinfo(pycurl.SIZE_UPLOAD_T))
            + len(self._head_block)
            + self.inbox.arrived
        )

    def end(self, code: int = 0, text: str = "") -> None:
        """Note how the request ended: libcurl's code, 0 if well, and its words."""
        if code:
            self.failure = self._explained(code, text)
        elif self.head is None:
            try:
                self.head = read_head(bytes(self._head_block))
            except ValueError as error:
                self.failure = self._explained(pycurl.E_PARTIAL_FILE, str(error))
        self._finish()

    def fail(self, error: CosClientError) -> None:
        """Note that the exchange was given up."""
        self.failure = error
        self._finish()

    def stall(self) -> TransferTimeout:
        """Return the error of an exchange on which nothing moved for the read timeout."""
        words = f"not a byte moved to or from {_peer(self.out.url)}"
        return TransferTimeout(f"{words} for {self.limits.read_timeout:g} s (read timeout)")

    def _finish(self) -> None:
        self.finished = True
        self._read = self._notify = None
        if self.out.body is not None:
            self.easy.setopt(pycurl.POSTFIELDS, b"")  # an idle handle holds no body in memory

    def _explained(self, code: int, text: str) -> CosClientError:
        peer, limits = _peer(self.out.url), self.limits
        sent = bool(self.easy.getinfo(pycurl.REQUEST_SIZE))
        if code in _MISUSED and not sent:
            return ParameterError(f"{text} ({peer})")
        if code == pycurl.E_READ_ERROR:
            return IntegrityError(f"the request's body ended before its {self.out.length} bytes")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            total = limits.total_timeout or sys.maxsize
            if not sent and limits.connect_timeout < total:
                words = f"connecting to {peer} took longer than {limits.connect_timeout:g} s"
                return TransferTimeout(f"{words} (connect timeout)", sent=sent)
            words = f"the exchange with {peer} took longer than {total:g} s"
            return TransferTimeout(f"{words} (total timeout)", sent=sent)
        if not sent:
            return TransportError(f"no connection to {peer}: {text}", sent=False)
        if self.head is not None:
            whole = self.head[1].get("Content-Length", "an unknown number of")
            text = f"{self.inbox.arrived} of {whole} bytes of the body arrived: {text}"
        return TransportError(f"the exchange with {peer} failed: {text}")

    def opened(self) -> tuple[int, dict[str, str]]:
        """Return status and headers once the exchange is ready or has finished.

        Raises:
            CosClientError: there are none, because the exchange failed.
        """
        if self.head is not None:
            return self.head
        assert self.failure is not None
        raise self.failure

    def response(self) -> Response:
        """Return the whole response of an exchange that has finished.

        Raises:
            CosClientError: the exchange failed.
        """
        if self.failure is not None:
            raise self.failure
        assert self.finished
        return Response(*self.opened(), self.inbox.take())


def source_of(out: Outgoing) -> Source | AsyncSource | None:
    """Return where a request's body is read from, None where libcurl itself holds it.

    libcurl sends a request again by itself if a kept connection turns out to be closed, but only
    where it holds the whole body. For a POST that choice is the caller's.
    """
    if isinstance(out.body, bytes | memoryview):
        return Slices(out.body) if out.method == "POST" else None
    return out.body


def _must_be_sent_once(out: Outgoing) -> bool:
    """Return whether a request needs a new connection, lest libcurl send it again by itself.

    It does so if a kept connection ends without an answer. An upload that was initiated twice
    would never be heard of, a conditional write that succeeded would be refused the second time.
    """
    if out.method == "PUT":
        return any(name.lower() in _CONDITIONS for name, _ in out.headers)
    return out.method == "POST" and not out.body


def unpause(easy: Any) -> None:
    """Let a transfer go on in both directions."""
    with suppress(pycurl.error):  # what goes wrong is told again by the transfer's verdict
        easy.pause(pycurl.PAUSE_CONT)


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, as written."""
    end = url.find("/", url.find("://") + 3)
    return url if end < 0 else url[:end]


def new_easy(settings: TransportSettings, *, secure: bool) -> Any:
    """Return an easy handle set up for exchanges, with TLS if `secure`."""
    easy = pycurl.Curl()
    for option, value in (
        (pycurl.NOSIGNAL, 1),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.FOLLOWLOCATION, 0),
        (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.TCP_NODELAY, 1),
        (pycurl.TCP_KEEPALIVE, 1),
        (pycurl.BUFFERSIZE, 64 * 1024),
        (pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_CHUNK),
        (pycurl.USERAGENT, settings.user_agent or _user_agent()),
    ):
        easy.setopt(option, value)
    if settings.proxy is not None:
        easy.setopt(pycurl.PROXY, settings.proxy)
    if not settings.verify:
        easy.setopt(pycurl.SSL_VERIFYPEER, 0)
        easy.setopt(pycurl.SSL_VERIFYHOST, 0)
    elif secure:
        _trust(easy, settings.ca_file)
    return easy


def _user_agent() -> str:
    from coskit import __version__  # here, since the package imports this module first

    return f"coskit/{__version__}"


def _trust(easy: Any, ca_file: str | None) -> None:
    if ca_file is None:
        import ssl  # slow to import, and of no use to plain HTTP

        host = ssl.get_default_verify_paths()  # heeds SSL_CERT_FILE and SSL_CERT_DIR
        ca_file = host.cafile or _certifi()
        if host.capath:
            easy.setopt(pycurl.CAPATH, host.capath)
    if ca_file is not None:
        easy.setopt(pycurl.CAINFO, ca_file)


def _certifi() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()


def _header_lines(headers: tuple[tuple[str, str], ...]) -> list[str | bytes]:
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ParameterError("a header holds a line break or a zero byte")
    return [*_UNASKED, *(line if line.isascii() else encode_text(line) for line in lines)]


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0


def _peer(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        return "an address that cannot be read"
