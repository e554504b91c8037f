"""A connection of a thread: libcurl's handles, driven by the thread that waits for the answer."""

import select
import time
from collections.abc import Callable
from typing import Any, cast

import pycurl

from coskit.client.cancellation import POLL_INTERVAL, current
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl_easy import HandleOwner, new_easy
from coskit.client.transport.exchange import CurlExchange, Exchange
from coskit.client.transport.http_request import HTTPRequest, Source, source_of

_INTEREST = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}

# Seconds; poll takes no number of any size.
LONGEST_WAIT = 3600.0


class Line(HandleOwner):
    """A connection to one origin: an easy handle in a multi handle of its own.

    The multi handle lets a transfer pause, and waiting in Python's `poll` lets Ctrl-C through.

    Attributes:
        origin: scheme, host and port.
        exchange: the one under way, or the last one.
    """

    exchange: Exchange

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        super().__init__()
        self._attached = False
        self._moved = 0.0
        self._settings = settings
        self._poll = select.poll()
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, _watcher(self._poll))
        self.origin = origin
        self._easy = new_easy(settings, secure=origin.startswith("https:"))

    def begin(self, out: HTTPRequest, limits: TransportSettings, capacity: int) -> None:
        """Start an exchange; `run` carries it on."""
        source = cast("Source | None", source_of(out))
        read = source.read if source else None
        self.exchange = CurlExchange(self._easy, out, limits, capacity, read)
        self._multi.add_handle(self._easy)
        self._attached = True
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    @property
    def is_reusable(self) -> bool:
        """Whether another exchange may begin."""
        return True

    def run(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        Raises:
            BaseException: what a callback raised, such as the source of the request's body.
        """
        exchange = self.exchange
        self._moved = time.monotonic()
        if exchange.paused and not exchange.inbox.held:
            exchange.resume()
        while not exchange.is_settled:
            self._step()
        if exchange.raised is not None:
            raise exchange.raised

    def _step(self) -> None:
        stall = self._moved + self.exchange.limits.read_timeout - time.monotonic()
        longest = LONGEST_WAIT
        if current.token is not None:
            current.token.check()
            longest = POLL_INTERVAL
        wait = round(min(max(stall, 0), longest) * 1000)
        due = self._multi.timeout()
        events = self._poll.poll(wait if due < 0 else min(wait, due))
        for socket, flags in events or ((pycurl.SOCKET_TIMEOUT, 0),):
            self._act(socket, _mask(flags))
        if events or not self.exchange.is_connected:
            self._moved = time.monotonic()
        elif stall <= 0 and not self.exchange.finished:
            self._detach()
            self.exchange.fail(self.exchange.stall())

    def _act(self, socket: int, mask: int) -> None:
        _, running = self._multi.socket_action(socket, mask)
        if not running and self._attached:
            _, done, failed = self._multi.info_read()
            if done or failed:
                self._conclude(*failed[0][1:] if failed else ())

    def _conclude(self, code: int = 0, text: str = "") -> None:
        """Take libcurl's verdict."""
        self._detach()
        exchange = cast(CurlExchange, self.exchange)
        exchange.end(code, text)

    def _detach(self) -> None:
        self._attached = False
        try:
            self._multi.remove_handle(self._easy)
        except SystemError as error:
            # What pycurl makes of a Ctrl-C that strikes while libcurl calls back.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            raise

    def close(self) -> None:
        """Close the connection and both handles, unless they are the parent process's."""
        if self.inherited:
            return
        if self._attached:
            self._detach()
        self._easy.close()
        self._multi.close()

    def __del__(self) -> None:
        self.close()


def _watcher(poll: "select.poll") -> Callable[[int, int, object, object], None]:
    def watch(what: int, socket: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            poll.unregister(socket)
        else:
            poll.register(socket, _INTEREST.get(what, 0))

    return watch


def _mask(flags: int) -> int:
    readable = pycurl.CSELECT_IN if flags & ~select.POLLOUT else 0
    return int(readable | (pycurl.CSELECT_OUT if flags & select.POLLOUT else 0))
