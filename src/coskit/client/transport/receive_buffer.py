"""Memory that a body is received into, and in which it stays."""

import io

from coskit.client.transport.libc import prefer_large_pages


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
