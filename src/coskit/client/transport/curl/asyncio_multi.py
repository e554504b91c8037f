"""One multi handle for all connections of an event loop, which drives it."""

import asyncio
from typing import Any, Protocol

import pycurl

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl.body_pump import PUMP_CHUNK
from coskit.client.transport.curl.curl_easy import EasyHandle, HandleOwner
from coskit.client.transport.curl.curl_exchange import CurlExchange
from coskit.protocol.errors import TransportError

# Seconds between two looks for transfers on which nothing moves.
_SWEEP_INTERVAL = 0.25


class Transfer(Protocol):
    """An exchange on the multi handle, and the task that waits for it."""

    exchange: CurlExchange

    def wake(self) -> None:
        """Let the waiting task look again."""
        ...

    def detached(self) -> None:
        """Note that the exchange's handle is no longer the transfer's."""
        ...

    def is_stalled(self, now: float) -> bool:
        """Return whether nothing has moved for the read timeout."""
        ...


class AsyncioMulti(HandleOwner):
    """A multi handle on one event loop: connections, transfers under way, idle easy handles.

    Attributes:
        loop: the event loop.
    """

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self._settings = settings
        self._idle: dict[bool, list[EasyHandle]] = {False: [], True: []}
        self._active: dict[Any, Transfer] = {}
        self._watched: dict[int, int] = {}
        self._timer: asyncio.Handle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, settings.connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    def take_handle(self, url: str) -> EasyHandle:
        """Return an idle handle for a URL's scheme, or a new one."""
        secure = _is_secure(url)
        if self._idle[secure]:
            return self._idle[secure].pop()
        handle = EasyHandle(self._settings, secure=secure)
        # All transfers of a multi handle share one such buffer.
        handle.easy.setopt(pycurl.UPLOAD_BUFFERSIZE, PUMP_CHUNK)
        return handle

    def start(self, transfer: Transfer) -> None:
        """Start a transfer whose exchange has been prepared."""
        easy = transfer.exchange.handle.easy
        self._active[easy] = transfer
        self._multi.add_handle(easy)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(_SWEEP_INTERVAL, self._sweep)

    def drop(self, transfer: Transfer, error: TransportError | None = None) -> None:
        """Give up an exchange and its connection, unless it has finished."""
        if self._is_under_way(transfer):
            self._detach(transfer)
            transfer.exchange.fail(error or TransportError("the exchange was given up"))
            self._close(transfer)

    def _is_under_way(self, transfer: Transfer) -> bool:
        easy = transfer.exchange.handle.easy
        return self._active.get(easy) is transfer and not self.inherited

    def _close(self, transfer: Transfer) -> None:
        transfer.wake()
        transfer.exchange.handle.easy.close()

    def _detach(self, transfer: Transfer) -> None:
        easy = transfer.exchange.handle.easy
        del self._active[easy]
        self._multi.remove_handle(easy)
        transfer.detached()

    def _end(self, easy: Any, *verdict: Any) -> None:
        transfer = self._active[easy]
        exchange = transfer.exchange
        self._detach(transfer)
        exchange.end(*verdict)
        transfer.wake()
        idle = self._idle[_is_secure(exchange.url)]
        if len(idle) < self._settings.connections:
            idle.append(exchange.handle)
        else:
            easy.close()

    def _act(self, socket: int, mask: int) -> None:
        _, running = self._multi.socket_action(socket, mask)
        queued = running < len(self._active)
        while queued:
            queued, done, failed = self._multi.info_read()
            for easy in done:
                self._end(easy)
            for verdict in failed:
                self._end(*verdict)

    def _on_socket(self, what: int, socket: int, _multi: object, _data: object) -> None:
        wanted = what & pycurl.POLL_INOUT
        changed = wanted ^ self._watched.pop(socket, 0)
        if wanted:
            self._watched[socket] = wanted
        if self.loop.is_closed():
            return
        if changed & pycurl.POLL_IN:
            if wanted & pycurl.POLL_IN:
                self.loop.add_reader(socket, self._act, socket, pycurl.CSELECT_IN)
            else:
                self.loop.remove_reader(socket)
        if changed & pycurl.POLL_OUT:
            if wanted & pycurl.POLL_OUT:
                self.loop.add_writer(socket, self._act, socket, pycurl.CSELECT_OUT)
            else:
                self.loop.remove_writer(socket)

    def _on_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.loop.is_closed() or milliseconds < 0:
            return
        if milliseconds == 0:
            self._timer = self.loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        else:
            self._timer = self.loop.call_later(
                milliseconds / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0
            )

    def _sweep(self) -> None:
        now = self.loop.time()
        for transfer in [each for each in self._active.values() if each.is_stalled(now)]:
            if self._is_under_way(transfer):
                self._detach(transfer)
                transfer.exchange.fail_stalled()
                self._close(transfer)
        self._sweeper = self.loop.call_later(_SWEEP_INTERVAL, self._sweep) if self._active else None

    def drop_soon(self, transfer: Transfer) -> None:
        """Do what `drop` does, from any thread and from anywhere in one."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.drop, transfer)

    def close(self) -> None:
        """Close all connections; exchanges under way fail. Does nothing to a parent's handles."""
        if self.inherited:
            return
        for transfer in list(self._active.values()):
            self.drop(transfer, TransportError("the transport was closed"))
        for timer in (self._timer, self._sweeper):
            if timer is not None:
                timer.cancel()
        for handle in (*self._idle[False], *self._idle[True]):
            handle.easy.close()
        self._multi.close()

    def __del__(self) -> None:
        self.close()


def _is_secure(url: str) -> bool:
    return url.startswith("https:")
