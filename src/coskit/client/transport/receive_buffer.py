"""Memory for the body of a response: chunks as they arrive, or one block of a known size."""

import io

from coskit.client.transport.large_pages import prefer_large_pages


class ReceiveBuffer:
    """Body bytes that have arrived and were not yet taken.

    Attributes:
        held: the number of these bytes.
        arrived: the number of all that have arrived.
    """

    __slots__ = ("_chunks", "arrived", "held")

    def __init__(self) -> None:
        self._chunks: list[bytes | memoryview] = []
        self.held = self.arrived = 0

    def put(self, data: bytes) -> None:
        """Keep what has just arrived."""
        self._chunks.append(data)
        self.held += len(data)
        self.arrived += len(data)

    def extend(self, chunks: list[bytes]) -> None:
        """Keep several chunks that have just arrived."""
        self._chunks += chunks
        size = len(chunks[0]) if len(chunks) == 1 else sum(map(len, chunks))
        self.held += size
        self.arrived += size

    def take(self, size: int = -1) -> bytes:
        """Return `size` bytes of what is held, or all where that is less or `size` negative."""
        if not self.held:
            return b""
        if 0 <= size < self.held:
            parts = self._first(size)
        else:
            parts, self._chunks = self._chunks, []
        first = parts[0]
        data = first if len(parts) == 1 and type(first) is bytes else b"".join(parts)
        self.held -= len(data)
        return data

    def _first(self, size: int) -> list[bytes | memoryview]:
        at = 0
        while size >= len(self._chunks[at]):
            size -= len(self._chunks[at])
            at += 1
        parts = self._chunks[:at]
        del self._chunks[:at]
        if size:
            view = memoryview(self._chunks[0])
            parts.append(view[:size])
            self._chunks[0] = view[size:]
        return parts or [b""]


class _Unwritten(io.RawIOBase):
    """A raw file that reads nothing, for `io.BufferedReader`: only that makes unwritten bytes."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, memory: memoryview, /) -> int:  # type: ignore[override]
        """Leave the memory as it is."""
        prefer_large_pages(memory)
        return len(memory)


def reserved(size: int) -> io.BytesIO:
    """Return a buffer of `size` bytes whose content is undefined until it is written.

    `getvalue` returns the same memory that is written to. Memory is taken only where it is written.

    Raises:
        MemoryError: there is not enough memory.
    """
    # With a buffer of one byte the reader makes the bytes at once, and keeps no reference to them.
    return io.BytesIO(io.BufferedReader(_Unwritten(), 1).read(size))
