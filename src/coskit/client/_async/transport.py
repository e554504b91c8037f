"""HTTP for asyncio: one multi handle for all connections, driven by the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self, cast

import pycurl

from coskit.client._async.concurrency import defer_cancellation
from coskit.client.cancellation import CLEANUP_TIMEOUT
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl_easy import CAPACITY, UNBOUNDED, HandleOwner, new_easy, unpause
from coskit.client.transport.exchange import CurlExchange
from coskit.client.transport.http_request import AsyncSource, HTTPRequest, Slices, source_of
from coskit.protocol.errors import ClientClosed, TransportError
from coskit.protocol.messages import Response

# Seconds between two looks for transfers on which nothing moves.
_TICK = 0.25
# What is read of a source at once, in a thread, and what libcurl takes at once: all of it.
_CHUNK = 1024 * 1024


class _Pump:
    """Carries a body from an `AsyncSource` to libcurl, one chunk read ahead."""

    def __init__(self, source: AsyncSource, easy: Any) -> None:
        self._source = source
        self._easy = easy
        self._stock = memoryview(b"")
        self._at_end = False
        self._room = asyncio.Event()
        self.starved = False

    async def run(self) -> None:
        """Read the source to its end, as fast as libcurl takes it."""
        # What can be read only once stays whole until a connection stands.
        await self._room.wait()
        while not self._at_end:
            chunk = await self._source.read(_CHUNK)
            while self._stock:
                self._room.clear()
                await self._room.wait()
            self._stock, self._at_end = memoryview(chunk), not chunk
            if self.starved:
                self.starved = False
                unpause(self._easy)

    def read(self, size: int) -> bytes | int:
        """Give libcurl up to `size` bytes, or tell it to pause until there are some."""
        if self._stock:
            chunk, self._stock = _first(self._stock, size), self._stock[size:]
            if not self._stock:
                self._room.set()
            return chunk
        self.starved = not self._at_end
        self._room.set()
        return int(pycurl.READFUNC_PAUSE) if self.starved else b""


def _first(stock: memoryview, size: int) -> bytes:
    """Return the first bytes of some that are held, without a copy if these are all there were."""
    whole = stock.obj
    if isinstance(whole, bytes) and len(whole) == len(stock) <= size:
        return whole
    return bytes(stock[:size])


class _Flow:
    """An exchange in the engine, and the task that waits for it."""

    def __init__(
        self,
        engine: "_Engine",
        easy: Any,
        out: HTTPRequest,
        limits: TransportSettings,
        capacity: int,
    ) -> None:
        self.engine = engine
        self.pump: _Pump | None = None
        source = source_of(out)
        read: Callable[[int], bytes | int] | None = None
        if isinstance(source, Slices):
            read = source.read
        elif source is not None:
            self.pump = _Pump(cast(AsyncSource, source), easy)
            read = self.pump.read
        self.exchange = CurlExchange(easy, out, limits, capacity, read, self.wake)
        self._waiter: asyncio.Future[None] | None = None
        self._moved = 0
        self._moved_at = engine.loop.time()

    async def settled(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        A task that is interrupted here takes the exchange along.

        Raises:
            Exception: what the source of the request's body raised.
        """
        if self.pump is None:
            await self._wait()
            return
        pumping = self.engine.loop.create_task(self._pump(self.pump))
        try:
            await self._wait()
        finally:
            pumping.cancel()
            await asyncio.wait([pumping])

    async def _wait(self) -> None:
        exchange = self.exchange
        try:
            while not exchange.is_settled:
                self._waiter = self.engine.loop.create_future()
                try:
                    await self._waiter
                except asyncio.CancelledError as error:
                    if not (exchange.is_connected and defer_cancellation(error)):
                        raise
                    self.engine.loop.call_later(CLEANUP_TIMEOUT, self.engine.drop, self)
            if exchange.raised is not None:
                raise exchange.raised
        except BaseException:
            self.engine.drop(self)
            raise

    async def _pump(self, pump: _Pump) -> None:
        try:
            await pump.run()
        except Exception as error:
            self.exchange.raised = error
            self.wake()

    def wake(self) -> None:
        """Let the waiting task look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def is_stalled(self, now: float) -> bool:
        """Whether nothing has moved for the read timeout though both ends were willing."""
        exchange = self.exchange
        moved = exchange.moved
        waits = exchange.paused or (self.pump is not None and self.pump.starved)
        if moved != self._moved or waits or not exchange.is_connected:
            self._moved, self._moved_at = moved, now
        return now - self._moved_at >= exchange.limits.read_timeout


class _Engine(HandleOwner):
    """The multi handle on one event loop: connections, transfers under way, idle easy handles."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self._settings = settings
        self._idle: dict[bool, list[Any]] = {False: [], True: []}
        self._active: dict[Any, _Flow] = {}
        self._watched: dict[int, int] = {}
        self._timer: asyncio.Handle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, settings.connections)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)

    def begin(self, out: HTTPRequest, limits: TransportSettings, capacity: int) -> _Flow:
        """Start an exchange."""
        secure = _is_secure(out)
        idle = self._idle[secure]
        easy = idle.pop() if idle else self._new_easy(secure=secure)
        flow = _Flow(self, easy, out, limits, capacity)
        self._active[easy] = flow
        self._multi.add_handle(easy)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(_TICK, self._sweep)
        return flow

    def _new_easy(self, *, secure: bool) -> Any:
        easy = new_easy(self._settings, secure=secure)
        # All transfers of a multi handle share one such buffer.
        easy.setopt(pycurl.UPLOAD_BUFFERSIZE, _CHUNK)
        return easy

    def drop(self, flow: _Flow, error: TransportError | None = None) -> None:
        """Give up an exchange and its connection, unless it has finished."""
        easy = flow.exchange.easy
        if self._active.get(easy) is flow and not self.inherited:
            self._detach(flow)
            flow.exchange.fail(error or TransportError("the exchange was given up"))
            flow.wake()
            easy.close()

    def _detach(self, flow: _Flow) -> None:
        easy = flow.exchange.easy
        del self._active[easy]
        self._multi.remove_handle(easy)
        if flow.pump is not None:
            flow.pump.starved = False  # the handle is no longer the pump's to wake

    def _end(self, easy: Any, *verdict: Any) -> None:
        flow = self._active[easy]
        self._detach(flow)
        flow.exchange.end(*verdict)
        flow.wake()
        idle = self._idle[_is_secure(flow.exchange.out)]
        if len(idle) < self._settings.connections:
            idle.append(easy)
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
        for flow in [flow for flow in self._active.values() if flow.is_stalled(now)]:
            self.drop(flow, flow.exchange.stall())
        self._sweeper = self.loop.call_later(_TICK, self._sweep) if self._active else None

    def drop_soon(self, flow: _Flow) -> None:
        """Do what `drop` does, from any thread and from anywhere in one."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.drop, flow)

    def close(self) -> None:
        """Close all connections; exchanges under way fail. Does nothing to a parent's handles."""
        if self.inherited:
            return
        for flow in list(self._active.values()):
            self.drop(flow, TransportError("the transport was closed"))
        for timer in (self._timer, self._sweeper):
            if timer is not None:
                timer.cancel()
        for easy in (*self._idle[False], *self._idle[True]):
            easy.close()
        self._multi.close()

    def __del__(self) -> None:
        self.close()


def _is_secure(out: HTTPRequest) -> bool:
    return out.url.startswith("https:")


class AsyncIncoming:
    """A response whose body is read as it arrives.

    Attributes:
        status: the HTTP status.
        headers: by name as the vendor spells it.
    """

    def __init__(self, flow: _Flow) -> None:
        self._flow: _Flow | None = None  # `__del__` comes even if the next line raises
        self._exchange = flow.exchange
        self._closed = False
        self.headers: Mapping[str, str]
        self.status, self.headers = flow.exchange.opened()
        self._flow = flow

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes as soon as there are any, or the whole rest if negative.

        `b""` is the end, and means that the whole body has come. A task that is cancelled here
        closes the response.

        Raises:
            TransportError: the body was cut short, after all of it that arrived was returned.
            ValueError: the response is closed, or came to another process.
        """
        if size < 0:
            return b"".join([chunk async for chunk in self._chunks()])
        await self._arrival()
        data = self._exchange.inbox.take(size)
        self._go_on()
        return data

    async def readinto(self, memory: memoryview) -> int:
        """Write what comes next to the start of a view and return its length; 0 is the end.

        Raises what `read` raises.
        """
        await self._arrival()
        size = self._exchange.inbox.pour(memory)
        self._go_on()
        return size

    async def _arrival(self) -> None:
        """Wait until something is in the inbox, or all of the body has come."""
        if self._closed:
            raise ValueError("read of a closed response")
        exchange, flow = self._exchange, self._flow
        if not exchange.finished and flow is not None:
            if flow.engine.inherited:
                raise ValueError("read of a response that came to another process")
            if not exchange.inbox.held:
                await self._more(flow)
        if not exchange.inbox.held and exchange.failure is not None:
            raise exchange.failure

    def _go_on(self) -> None:
        exchange = self._exchange
        if exchange.paused and not exchange.finished and exchange.inbox.held < CAPACITY // 2:
            exchange.resume()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self.read(CAPACITY):
            yield chunk

    async def _more(self, flow: _Flow) -> None:
        try:
            await flow.settled()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        self._closed = True
        self._exchange.inbox.take()
        if self._flow is not None:
            self._flow.engine.drop(self._flow)

    async def aclose(self) -> None:
        """Drop what was not read, and the connection if more of the body is to come."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._close()

    def __del__(self) -> None:
        if self._flow is not None and not self._exchange.finished:
            self._flow.engine.drop_soon(self._flow)


class AsyncTransport:
    """Sends requests over connections that are kept, on the event loop that it first runs on.

    When that loop is closed, or the process is forked, it begins anew on the next one.

    Args:
        settings: how connections are made, and the timeouts of each request.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        self._engine: _Engine | None = None
        self._closed = False

    async def send(self, out: HTTPRequest, settings: TransportSettings | None = None) -> Response:
        """Return the whole response, its body in memory.

        A task that is cancelled here ends the exchange and its connection at once.

        Args:
            out: the request.
            settings: whose timeouts hold for this request instead of the transport's.

        Raises:
            TransportError: no whole response arrived; `sent` tells whether the request may have
                been acted on.
            TransferTimeout: a timeout passed.
            ParameterError: the URL or a header cannot be sent.
            IntegrityError: the body's source ended before `length`.
            RuntimeError: another event loop, still open, uses this transport.
            Exception: what the body's source raised, as it is.
        """
        flow = await self._exchange(out, settings, UNBOUNDED)
        return flow.exchange.response()

    async def stream(
        self, out: HTTPRequest, settings: TransportSettings | None = None
    ) -> AsyncIncoming:
        """Return the response when its head and the first bytes of its body are in.

        A body of up to 256 KiB has then arrived whole. A longer one arrives as it is read. Raises
        what `send` raises; a body that is cut short raises when it is read.
        """
        return AsyncIncoming(await self._exchange(out, settings, CAPACITY))

    async def _exchange(
        self, out: HTTPRequest, settings: TransportSettings | None, capacity: int
    ) -> _Flow:
        flow = self._engine_here().begin(out, settings or self._settings, capacity)
        await flow.settled()
        return flow

    def _engine_here(self) -> _Engine:
        if self._closed:
            raise ClientClosed("use of a closed transport: its client was closed, make another")
        engine, loop = self._engine, asyncio.get_running_loop()
        if engine is not None and not engine.inherited:
            if engine.loop is loop:
                return engine
            if not engine.loop.is_closed():
                raise RuntimeError("the transport is in use on another event loop")
            engine.close()
        self._engine = _Engine(self._settings)
        return self._engine

    async def aclose(self) -> None:
        """Close all connections; exchanges that are under way fail."""
        self._closed = True
        if self._engine is not None:
            self._engine.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
