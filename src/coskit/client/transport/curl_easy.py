"""What both transports tell libcurl: settings, requests, handles; and how a head is read."""

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol
from weakref import WeakSet

import pycurl

from coskit.client.settings.argument_checks import flag, limit, path_of, text, whole
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import decode_text, encode_text, spell

# Body bytes of one response that wait unread, at most, before libcurl is told to pause.
CAPACITY = 256 * 1024
# What `send` may collect: the whole body, whatever its length.
UNBOUNDED = sys.maxsize

# What libcurl reads from a source at once.
_UPLOAD_CHUNK = 256 * 1024
# libcurl adds these by itself where they are not given; an empty value stops it.
UNASKED = ("Accept:", "Expect:", "Content-Type:")
_CONDITIONS = frozenset(("if-match", "if-none-match", "x-cos-forbid-overwrite"))
# A head ends with an empty line; some servers end lines without a carriage return.
HEAD_END = re.compile(rb"\n\r?\n")
_spell = lru_cache(maxsize=256)(spell)
_HTTP = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "3": pycurl.CURL_HTTP_VERSION_3,
}


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
        longest_error: bytes of an error document that are read; what follows is left.
        longest_result: bytes of a listing or another document, from which on it is refused.
        http: the newest version of HTTP to use where the endpoint offers it over TLS. The older
            one costs less per request; others help where connections are slow to make.
        certificate: the client's own, as PEM, for services that ask for one.
        certificate_key: its key, as PEM, where it is not in the same file.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float | None = None
    proxy: str | None = None
    ca_file: str | None = None
    verify: bool = True
    connections: int = 64
    user_agent: str | None = None
    http: Literal["1.1", "2", "3"] = "1.1"
    certificate: str | None = None
    certificate_key: str | None = None
    longest_error: int = 1 << 20
    longest_result: int = 64 << 20

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: one is of a wrong type or out of range.
        """
        limit("connect_timeout", self.connect_timeout)
        limit("read_timeout", self.read_timeout, endless=True)
        if self.total_timeout is not None:
            limit("total_timeout", self.total_timeout)
        flag("verify", self.verify)
        whole("connections", self.connections, 0)
        whole("longest_error", self.longest_error)
        whole("longest_result", self.longest_result)
        for name in ("proxy", "user_agent"):
            if getattr(self, name) is not None:
                text(name, getattr(self, name))
        for name in ("ca_file", "certificate", "certificate_key"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, path_of(name, getattr(self, name)))
        if self.http not in _HTTP:
            raise ParameterError(f"http is one of {', '.join(_HTTP)}, not {self.http!r}")


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


def read_head(block: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of the last response whose header lines these are.

    Interim responses, a proxy's answer and trailers may stand around it. Headers that come more
    than once are joined by a comma.

    Raises:
        ValueError: the connection ended within the head, which libcurl lets pass.
    """
    start = block.rfind(b"\nHTTP/") + 1
    end = HEAD_END.search(block, start)
    if end is None:
        raise ValueError("the head has no end")
    return read_fields(block[start : end.start()])


def read_fields(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of one head, from its first line to the text of its last."""
    first, *lines = decode_text(head).split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        given, _, value = line.partition(":")
        name, value = _spell(given), value.strip(" \t\r")
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


def source_of(out: Outgoing) -> Source | AsyncSource | None:
    """Return where a request's body is read from, None where libcurl itself holds it.

    libcurl sends a request again by itself if a kept connection turns out to be closed, but only
    where it holds the whole body. For a POST that choice is the caller's.
    """
    if isinstance(out.body, bytes | memoryview):
        return Slices(out.body) if out.method == "POST" else None
    return out.body


def must_be_sent_once(out: Outgoing) -> bool:
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
        (pycurl.HTTP_VERSION, _HTTP[settings.http]),
        # Where one connection serves many requests, it is waited for.
        (pycurl.PIPEWAIT, int(settings.http != "1.1")),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
        (pycurl.TCP_NODELAY, 1),
        (pycurl.TCP_KEEPALIVE, 1),
        (pycurl.BUFFERSIZE, 64 * 1024),
        (pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_CHUNK),
        (pycurl.USERAGENT, user_agent(settings)),
    ):
        easy.setopt(option, value)
    if settings.proxy is not None:
        easy.setopt(pycurl.PROXY, settings.proxy)
    if settings.certificate is not None:
        easy.setopt(pycurl.SSLCERT, settings.certificate)
        easy.setopt(pycurl.SSLKEY, settings.certificate_key or settings.certificate)
    if not settings.verify:
        easy.setopt(pycurl.SSL_VERIFYPEER, 0)
        easy.setopt(pycurl.SSL_VERIFYHOST, 0)
    elif secure:
        _trust(easy, settings.ca_file)
    return easy


def user_agent(settings: TransportSettings) -> str:
    """Return what a client calls itself."""
    from coskit import __version__  # here, since the package imports this module first

    return settings.user_agent or f"coskit/{__version__}"


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


def header_lines(headers: tuple[tuple[str, str], ...]) -> list[str | bytes]:
    """Return headers as libcurl takes them.

    Raises:
        ParameterError: one holds a line break.
    """
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in headers]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ParameterError("a header holds a line break or a zero byte")
    return [line if line.isascii() else encode_text(line) for line in lines]


def set_timeouts(easy: Any, limits: TransportSettings) -> None:
    """Tell a handle how long connecting and the whole may take."""
    easy.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(limits.connect_timeout))
    easy.setopt(pycurl.TIMEOUT_MS, _milliseconds(limits.total_timeout or 0))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0
