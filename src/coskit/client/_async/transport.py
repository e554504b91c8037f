"""HTTP for asyncio: one multi handle for all connections, driven by the event loop."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Self, cast

import pycurl

from coskit.client._async.concurrency import defer_cancellation
from coskit.client.cancellation import CLEANUP_TIMEOUT
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl.asyncio_multi import AsyncioMulti
from coskit.client.transport.curl.body_pump import BodyPump
from coskit.client.transport.curl.curl_exchange import CurlExchange
from coskit.client.transport.exchange import CAPACITY, UNBOUNDED
from coskit.client.transport.http_request import AsyncSource, HTTPRequest, MemorySource, source_of
from coskit.protocol.errors import ClientClosed
from coskit.protocol.messages import Response


class _Flow:
    """An exchange on the multi handle, and the task that waits for it."""

    def __init__(
        self,
        multi: AsyncioMulti,
        request: HTTPRequest,
        limits: TransportSettings,
        capacity: int,
    ) -> None:
        self.multi = multi
        self.paused = False
        self._pump: BodyPump | None = None
        self._capacity = capacity
        self._waiter: asyncio.Future[None] | None = None
        self._moved = 0
        self._moved_at = multi.loop.time()
        handle = multi.take_handle(request.url)
        source = source_of(request)
        read: Callable[[int], bytes | int] | None = None
        if isinstance(source, MemorySource):
            read = source.read
        elif source is not None:
            self._pump = BodyPump(cast(AsyncSource, source), handle)
            read = self._pump.read
        self.exchange = CurlExchange(handle, request, limits, capacity, read)
        # The loop drives all transfers: only a callback can hold one back and wake its task.
        handle.write_to(self._receive)
        multi.start(self)

    def _receive(self, data: bytes) -> int | None:
        exchange = self.exchange
        try:
            if exchange.inbox.held >= self._capacity:
                self.paused = True
                return int(pycurl.WRITEFUNC_PAUSE)
            exchange.receive(data)
            if exchange.is_too_long:
                return -1
            if exchange.ready:
                self.wake()
        except BaseException as error:  # libcurl would print or lose it
            exchange.raised = error
            return -1
        return None

    async def settled(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        A task that is interrupted here takes the exchange along.

        Raises:
            Exception: what the source of the request's body raised.
        """
        if self._pump is None:
            await self._wait()
            return
        pumping = self.multi.loop.create_task(self._run_pump(self._pump))
        try:
            await self._wait()
        finally:
            pumping.cancel()
            await asyncio.wait([pumping])

    async def _wait(self) -> None:
        exchange, loop = self.exchange, self.multi.loop
        try:
            while not exchange.is_settled:
                self._waiter = loop.create_future()
                try:
                    await self._waiter
                except asyncio.CancelledError as error:
                    late = exchange.finished or not exchange.handle.is_connected
                    if late or not defer_cancellation(error):
                        raise
                    loop.call_later(CLEANUP_TIMEOUT, self.multi.drop, self)
            if exchange.raised is not None:
                raise exchange.raised
        except BaseException:
            self.multi.drop(self)
            raise

    async def settled_into(self, target: io.BytesIO, most: int) -> bool:
        """Write the rest of the body to a target; return whether that was possible.

        It is if exactly `most` more bytes are to come; nothing is done otherwise.
        """
        if not self.exchange.aim(target, most):
            return False
        self.resume()
        try:
            await self.settled()
        finally:
            self.exchange.leave_target()
        return True

    def resume(self) -> None:
        """Let a response go on that was held back."""
        if self.paused and not self.exchange.finished:
            self.paused = False
            self.exchange.handle.unpause()

    async def _run_pump(self, pump: BodyPump) -> None:
        try:
            await pump.run()
        except Exception as error:
            self.exchange.raised = error
            self.wake()

    def wake(self) -> None:
        """Let the waiting task look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def detached(self) -> None:
        """Note that the exchange's handle is no longer this one's to drive."""
        if self._pump is not None:
            self._pump.starved = False

    def is_stalled(self, now: float) -> bool:
        """Return whether nothing has moved for the read timeout though both ends were willing."""
        handle = self.exchange.handle
        moved = handle.moved
        waits = self.paused or (self._pump is not None and self._pump.starved)
        if moved != self._moved or waits or not handle.is_connected:
            self._moved, self._moved_at = moved, now
        return now - self._moved_at >= self.exchange.limits.read_timeout


class AsyncStreamedResponse:
    """A response whose body is read as it arrives.

    Attributes:
        status: the HTTP status code.
        headers: the headers, by names in the vendor's spelling.
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

    async def read_into(self, target: io.BytesIO, most: int) -> None:
        """Write up to `most` of the next bytes to a target, none only at the end.

        If exactly `most` bytes are left, all of them are written. Raises what `read` raises, after
        all bytes that arrived were written.
        """
        if not await self._run_into(target, most):
            target.write(await self.read(most))

    async def _run_into(self, target: io.BytesIO, most: int) -> bool:
        exchange, flow = self._exchange, self._flow
        if self._closed or flow is None or flow.multi.inherited or exchange.inbox.held:
            return False
        try:
            return await flow.settled_into(target, most) and exchange.failure is None
        except BaseException:
            self._close()
            raise

    async def _arrival(self) -> None:
        """Wait until something is in the inbox, or all of the body has come."""
        if self._closed:
            raise ValueError("read of a closed response")
        exchange, flow = self._exchange, self._flow
        if not exchange.finished and flow is not None:
            if flow.multi.inherited:
                raise ValueError("read of a response that came to another process")
            if not exchange.inbox.held:
                await self._more(flow)
        if not exchange.inbox.held and exchange.failure is not None:
            raise exchange.failure

    def _go_on(self) -> None:
        if self._flow is not None and self._exchange.inbox.held < CAPACITY // 2:
            self._flow.resume()

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
            self._flow.multi.drop(self._flow)

    async def aclose(self) -> None:
        """Drop what was not read, and the connection if more of the body is to come."""
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._close()

    def __del__(self) -> None:
        if self._flow is not None and not self._exchange.finished:
            self._flow.multi.drop_soon(self._flow)


class AsyncTransport:
    """Sends requests over connections that are kept, on the event loop that it first runs on.

    When that loop is closed, or the process is forked, it begins anew on the next one.

    Args:
        settings: how connections are made, and the timeouts of each request.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        self._multi: AsyncioMulti | None = None
        self._closed = False

    async def send(
        self, request: HTTPRequest, settings: TransportSettings | None = None
    ) -> Response:
        """Return the whole response, its body in memory.

        A task that is cancelled here ends the exchange and its connection at once.

        Args:
            request: the request.
            settings: the settings whose timeouts hold for this request, instead of the transport's.

        Raises:
            TransportError: no whole response arrived; `sent` says whether the request may have
                been acted on.
            TransferTimeout: a timeout passed.
            ParameterError: the URL or a header cannot be sent.
            IntegrityError: the body's source ended before `length`.
            RuntimeError: another event loop, still open, uses this transport.
            Exception: what the body's source raised, as it is.
        """
        flow = await self._exchange(request, settings, UNBOUNDED)
        return flow.exchange.response()

    async def stream(
        self, request: HTTPRequest, settings: TransportSettings | None = None
    ) -> AsyncStreamedResponse:
        """Return the response when its head and the first bytes of its body are in.

        A body of up to 256 KiB has then arrived whole. A longer one arrives as it is read. Raises
        what `send` raises; a body that is cut short raises when it is read.
        """
        return AsyncStreamedResponse(await self._exchange(request, settings, CAPACITY))

    async def _exchange(
        self, request: HTTPRequest, settings: TransportSettings | None, capacity: int
    ) -> _Flow:
        flow = _Flow(self._multi_here(), request, settings or self._settings, capacity)
        await flow.settled()
        return flow

    def _multi_here(self) -> AsyncioMulti:
        if self._closed:
            raise ClientClosed("the transport is closed with its client; create another client")
        multi, loop = self._multi, asyncio.get_running_loop()
        if multi is not None and not multi.inherited:
            if multi.loop is loop:
                return multi
            if not multi.loop.is_closed():
                raise RuntimeError("the transport is in use on another event loop")
            multi.close()
        self._multi = AsyncioMulti(self._settings)
        return self._multi

    async def aclose(self) -> None:
        """Close all connections; exchanges that are under way fail."""
        self._closed = True
        if self._multi is not None:
            self._multi.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()
