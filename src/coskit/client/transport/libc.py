"""Calls of the C library that Python has no name for, or none that fits."""

import mmap
import os
import socket
from functools import lru_cache
from typing import Any, NamedTuple

# Bytes up to which a message is short: the system copies them in a few microseconds.
SHORT = 16 * 1024
_AT_ONCE = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_NOSIGNAL", 0)
_LARGE_PAGE = 2 << 20
# Bytes of memory from which on large pages pay.
_LARGE = 2 * _LARGE_PAGE


class _Library(NamedTuple):
    ctypes: Any
    send: Any
    recv: Any
    madvise: Any


@lru_cache(maxsize=1)
def _library() -> _Library | None:
    if os.name != "posix":
        return None
    try:
        import ctypes  # here, since it is slow to import

        system = ctypes.PyDLL(None)  # keeps the interpreter's lock, where CDLL gives it away
        send, recv, madvise = system["send"], system["recv"], system["madvise"]
    except (ImportError, OSError, AttributeError):  # some builds of Python are without it
        return None
    number, size, place = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
    send.argtypes = (number, ctypes.c_char_p, size, number)
    recv.argtypes = (number, place, size, number)
    madvise.argtypes = (place, size, number)
    send.restype = recv.restype = ctypes.c_ssize_t
    return _Library(ctypes, send, recv, madvise)


class ShortCalls:
    """Sends and receives short messages without giving the interpreter's lock away.

    Python and libcurl give the lock away around each call. Where sixteen threads want it, each
    time is a change of threads, which costs more than a call that ends at once.

    Args:
        descriptor: of a socket; stays its owner's.
        library: with the calls.
    """

    __slots__ = ("_buffer", "_descriptor", "_place", "_recv", "_send", "_string_at")

    def __init__(self, descriptor: int, library: _Library) -> None:
        self._descriptor = descriptor
        self._send, self._recv = library.send, library.recv
        self._buffer = library.ctypes.create_string_buffer(SHORT)
        self._place = library.ctypes.addressof(self._buffer)
        self._string_at = library.ctypes.string_at

    def send(self, data: bytes) -> int:
        """Return how many bytes the socket took; negative if it took none."""
        return int(self._send(self._descriptor, data, len(data), _AT_ONCE))

    def receive(self) -> bytes | None:
        """Return what has arrived, up to `SHORT` bytes; None if nothing has, or all has failed."""
        size = self._recv(self._descriptor, self._place, SHORT, _AT_ONCE)
        return bytes(self._string_at(self._place, size)) if size >= 0 else None


def short_calls(descriptor: int) -> ShortCalls | None:
    """Return these calls for a socket, None where the system has none of them."""
    library = _library()
    return None if library is None else ShortCalls(descriptor, library)


def prefer_large_pages(memory: memoryview) -> None:
    """Ask for large pages under memory that is about to be written for the first time.

    To be given pages of 4 KiB one by one takes longer than to receive what fills them.
    """
    advice = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux has it
    library = _library() if advice is not None and len(memory) >= _LARGE else None
    if library is None:
        return
    start = library.ctypes.addressof(library.ctypes.c_char.from_buffer(memory))
    first = -(-start // _LARGE_PAGE) * _LARGE_PAGE
    size = (start + len(memory)) // _LARGE_PAGE * _LARGE_PAGE - first
    library.madvise(first, size, advice)  # no more than a hint: it may well fail
