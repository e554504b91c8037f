"""Memory for the body of a response: chunks as they arrive, or one block of a known size."""

import io
from collections import deque

from coskit.client.transport.libc import prefer_large_pages


class ReceiveBuffer:
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
        if not self.held:
            return b""
        if size < 0 or size >= self.held:
            parts: list[bytes | memoryview] = list(self._chunks)
            self._chunks.clear()
        else:
            parts = self._first(size)
        first = parts[0]
        data = b"".join(parts) if len(parts) > 1 or type(first) is not bytes else first
        self.held -= len(data)
        return data

    def pour(self, memory: memoryview) -> int:
        """Move what is held to the start of a view, as far as there is room; return its length."""
        at = 0
        while self._chunks and at < len(memory):
            chunk = self._chunks.popleft()
            room = len(memory) - at
            if len(chunk) > room:
                view = memoryview(chunk)
                self._chunks.appendleft(view[room:])
                chunk = view[:room]
            memory[at : at + len(chunk)] = chunk
            at += len(chunk)
        self.held -= at
        return at

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


class _Unwritten(io.RawIOBase):
    """What `io.BufferedReader` reads from: it alone makes bytes that are written afterwards."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, memory: memoryview, /) -> int:  # type: ignore[override]
        """Leave the memory as it is."""
        prefer_large_pages(memory)
        return len(memory)


def reserved(size: int) -> io.BytesIO:
    """Return so many bytes whose content is undefined until it is written.

    What `getbuffer` gives is written to, what `getvalue` gives is the very same memory; it takes
    room only where it was written.

    Raises:
        MemoryError: there is no room for so many.
    """
    # A buffer of one byte is none: what is asked for is made at once, and has no other owner.
    return io.BytesIO(io.BufferedReader(_Unwritten(), 1).read(size))
