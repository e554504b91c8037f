"""Carry the body of a request from an asynchronous source to libcurl."""

import asyncio

import pycurl

from coskit.client.transport.curl.curl_easy import EasyHandle
from coskit.client.transport.http_request import AsyncSource, first_bytes

# Bytes that are read from a source at once, in a thread; libcurl takes all of them at once.
PUMP_CHUNK = 1024 * 1024


class BodyPump:
    """Carries a body from an `AsyncSource` to libcurl, one chunk read ahead.

    Attributes:
        starved: whether libcurl has paused until there is more to send.
    """

    def __init__(self, source: AsyncSource, handle: EasyHandle) -> None:
        self._source = source
        self._handle = handle
        self._stock = memoryview(b"")
        self._at_end = False
        self._room = asyncio.Event()
        self.starved = False

    async def run(self) -> None:
        """Read the source to its end, as fast as libcurl takes it."""
        # A source that can be read only once stays unread until there is a connection.
        await self._room.wait()
        while not self._at_end:
            chunk = await self._source.read(PUMP_CHUNK)
            while self._stock:
                self._room.clear()
                await self._room.wait()
            self._stock, self._at_end = memoryview(chunk), not chunk
            if self.starved:
                self.starved = False
                self._handle.unpause()

    def read(self, size: int) -> bytes | int:
        """Give libcurl up to `size` bytes, or pause it until there are some."""
        if self._stock:
            chunk, self._stock = first_bytes(self._stock, size), self._stock[size:]
            if not self._stock:
                self._room.set()
            return chunk
        self.starved = not self._at_end
        self._room.set()
        return int(pycurl.READFUNC_PAUSE) if self.starved else b""
