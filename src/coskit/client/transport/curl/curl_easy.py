"""Easy handles of libcurl, set up for both transports."""

import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from weakref import WeakSet

import pycurl

from coskit._version import __version__
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.http_request import HTTPRequest, as_bytes, must_be_sent_once
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import encode_text

# Bytes that libcurl receives and sends at once.
_DOWNLOAD_BUFFER = 64 * 1024
_UPLOAD_BUFFER = 256 * 1024
# Milliseconds between two looks where libcurl names no socket: it looks a name up, or the
# descriptor is above the 1023 that `fdset` can express.
_POLL_MILLISECONDS = 10
# libcurl adds these by itself where they are not given; an empty value stops it.
_REMOVED_HEADERS = ("Accept:",)
_REMOVED_HEADERS_WITH_BODY = ("Accept:", "Expect:", "Content-Type:")
# Since version 7.46 or so pycurl passes memory on without a copy.
_CAN_PASS_VIEWS = "use_memoryview" in (pycurl.Curl.setopt.__doc__ or "")
_HTTP = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "3": pycurl.CURL_HTTP_VERSION_3,
}


class HandleOwner:
    """An owner of libcurl's handles, which only the process that made them may touch.

    Attributes:
        inherited: whether this is a forked child's copy. The copy is then never freed, because
            cleaning up its handles would close the parent's TLS connections.
    """

    inherited = False

    def __init__(self) -> None:
        _owners.add(self)


# The only state of this module: a fork happens to the process, and every owner has to know.
_owners: WeakSet[HandleOwner] = WeakSet()


def _after_fork() -> None:
    import ctypes  # here, since it is slow to import

    for owner in tuple(_owners):
        owner.inherited = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))


os.register_at_fork(after_in_child=_after_fork)


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
        (pycurl.BUFFERSIZE, _DOWNLOAD_BUFFER),
        (pycurl.UPLOAD_BUFFERSIZE, _UPLOAD_BUFFER),
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
    return settings.user_agent or f"coskit/{__version__}"


def _trust(easy: Any, ca_file: str | None) -> None:
    if ca_file is None:
        import ssl  # slow to import, and of no use to plain HTTP

        host = ssl.get_default_verify_paths()  # honours SSL_CERT_FILE and SSL_CERT_DIR
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


def header_lines(request: HTTPRequest) -> list[str | bytes]:
    """Return a request's headers as libcurl takes them.

    Raises:
        ParameterError: one holds a line break.
    """
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ParameterError("a header holds a line break or a zero byte")
    bodiless = request.body is None and request.method in ("GET", "HEAD", "DELETE")
    unasked = _REMOVED_HEADERS if bodiless else _REMOVED_HEADERS_WITH_BODY
    if text.isascii():
        return [*unasked, *lines]
    return [*unasked, *(line if line.isascii() else encode_text(line) for line in lines)]


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0


def set_timeouts(easy: Any, limits: TransportSettings) -> None:
    """Set the timeouts that libcurl itself enforces."""
    easy.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(limits.connect_timeout))
    easy.setopt(pycurl.TIMEOUT_MS, _milliseconds(limits.total_timeout or 0))


def wait_for_sockets(multi: Any, milliseconds: int) -> None:
    """Wait until a socket of a multi handle is ready, in any direction.

    Waiting in Python's `poll` lets Ctrl-C through.
    """
    readable, writable, _ = multi.fdset()
    poll = select.poll()
    for socket in {*readable, *writable}:
        interest = select.POLLIN if socket in readable else 0
        poll.register(socket, interest | (select.POLLOUT if socket in writable else 0))
    poll.poll(milliseconds if readable or writable else min(milliseconds, _POLL_MILLISECONDS))


class EasyHandle:
    """An easy handle, prepared for one request after the other.

    What comes back is kept by C functions: libcurl calls them while it holds the interpreter's
    lock only for an instant, and no Python code runs.

    Attributes:
        easy: libcurl's handle.
        header_lines: the header lines that have arrived for the current request.
        chunks: the pieces of the body that have arrived and were not taken yet.
    """

    __slots__ = ("_holds_body", "_shape", "chunks", "easy", "header_lines")

    def __init__(self, settings: TransportSettings, *, secure: bool) -> None:
        self.easy: Any = new_easy(settings, secure=secure)
        self.header_lines: list[bytes] = []
        self.chunks: list[bytes] = []
        self.easy.setopt(pycurl.HEADERFUNCTION, self.header_lines.append)
        self.write_to(self.chunks.append)
        self._shape: tuple[object, ...] = ()
        self._holds_body = False

    def write_to(self, write: Callable[[bytes], object], *, as_views: bool = False) -> None:
        """Have the pieces of the body passed to `write`, as views of libcurl's memory if it can."""
        if as_views and _CAN_PASS_VIEWS:
            self.easy.setopt(pycurl.WRITEFUNCTION, write, use_memoryview=True)
        else:
            self.easy.setopt(pycurl.WRITEFUNCTION, write)

    def write_to_chunks(self) -> None:
        """Have the pieces of the body kept in `chunks`."""
        self.write_to(self.chunks.append)

    def prepare(
        self,
        request: HTTPRequest,
        limits: TransportSettings,
        read: Callable[[int], bytes | int] | None,
        *,
        anew: bool = False,
    ) -> None:
        """Set the handle up for a request.

        Args:
            request: the request.
            limits: the settings whose timeouts hold for it.
            read: the source of its body, if libcurl is not given the whole of it.
            anew: whether it needs a new connection, because the kept one has ended.

        Raises:
            ParameterError: a header holds a line break.
        """
        easy = self.easy
        self.header_lines.clear()
        self.chunks.clear()
        easy.setopt(pycurl.URL, request.url)
        easy.setopt(pycurl.HTTPHEADER, header_lines(request))
        body, method = request.body, request.method
        in_memory = read is None and (method in ("PUT", "POST") or bool(body))
        # The options that follow are the same for most of the requests on a handle.
        anew = anew or must_be_sent_once(request)
        shape = (method, in_memory, read is None, anew, limits)
        if shape != self._shape:
            self._shape = ()
            self._reshape(request, limits, in_memory=in_memory, read=read is not None, anew=anew)
            self._shape = shape
        if read is not None:
            easy.setopt(pycurl.READFUNCTION, read)
            length = request.length
            easy.setopt(pycurl.INFILESIZE_LARGE, -1 if length is None else length)
        elif in_memory:
            data = as_bytes(cast("bytes | memoryview | None", body))
            easy.setopt(pycurl.POSTFIELDS, data)
            self._holds_body = bool(data)

    def _reshape(
        self,
        request: HTTPRequest,
        limits: TransportSettings,
        *,
        in_memory: bool,
        read: bool,
        anew: bool,
    ) -> None:
        setopt = self.easy.setopt
        if read:
            setopt(pycurl.UPLOAD, 1)
        elif in_memory:
            setopt(pycurl.POST, 1)
        elif request.method == "HEAD":
            setopt(pycurl.NOBODY, 1)
        else:
            setopt(pycurl.HTTPGET, 1)
        setopt(pycurl.CUSTOMREQUEST, request.method)
        setopt(pycurl.FRESH_CONNECT, int(anew))
        set_timeouts(self.easy, limits)

    def release_body(self) -> None:
        """Let go of the request's body: an idle handle holds none in memory."""
        if self._holds_body:
            self._holds_body = False
            self.easy.setopt(pycurl.POSTFIELDS, b"")

    @property
    def is_connected(self) -> bool:
        """True once the connection stands; only then the read timeout counts."""
        return bool(self.easy.getinfo(pycurl.PRETRANSFER_TIME))

    @property
    def moved(self) -> int:
        """A number that grows with every byte that moves either way."""
        info = self.easy.getinfo
        return (
            int(info(pycurl.SIZE_UPLOAD_T))
            + int(info(pycurl.SIZE_DOWNLOAD_T))
            + int(info(pycurl.HEADER_SIZE))
        )

    def unpause(self) -> None:
        """Let a paused transfer go on in both directions."""
        with suppress(pycurl.error):  # the transfer's verdict repeats the error
            self.easy.pause(pycurl.PAUSE_CONT)
