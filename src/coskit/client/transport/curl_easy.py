"""Easy handles of libcurl, set up for both transports."""

import os
import sys
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import pycurl

from coskit._version import __version__
from coskit.client.settings.transport import TransportSettings
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import encode_text

# Body bytes of one response that wait unread, at most, before libcurl is told to pause.
CAPACITY = 256 * 1024
# What `send` may collect: the whole body, whatever its length.
UNBOUNDED = sys.maxsize

# What libcurl reads from a source at once.
_UPLOAD_CHUNK = 256 * 1024
# libcurl adds these by itself where they are not given; an empty value stops it.
UNASKED = ("Accept:", "Expect:", "Content-Type:")
_HTTP = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "3": pycurl.CURL_HTTP_VERSION_3,
}


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


def unpause(easy: Any) -> None:
    """Let a transfer go on in both directions."""
    with suppress(pycurl.error):  # what goes wrong is told again by the transfer's verdict
        easy.pause(pycurl.PAUSE_CONT)


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
