"""Send and receive short messages without releasing the interpreter's lock.

Python and libcurl release the lock (the GIL) around each call. Where many threads want it, each
release is a change of threads, which costs more than a call that returns at once. Without this
module GET and PUT of 1 KiB take 1.17 and 1.21 times as long with 16 threads, and 1.27 and 1.30
times the CPU (docs/performance.md). ctypes is needed because Python has no such call.
"""

import os
import socket
from functools import lru_cache
from typing import Any, NamedTuple

# Bytes up to which a message is short: the system copies them in a few microseconds. A file of
# 16 KiB goes with the head of its request: uploads of many take 0.6 to 0.8 times the time.
SHORT = 32 * 1024
_FLAGS = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_NOSIGNAL", 0)


class _SocketFunctions(NamedTuple):
    ctypes: Any
    send: Any
    recv: Any


@lru_cache(maxsize=1)
def _library() -> _SocketFunctions | None:
    if os.name != "posix":
        return None
    try:
        import ctypes  # here, since it is slow to import

        system = ctypes.PyDLL(None)  # keeps the interpreter's lock, which CDLL releases
        send, recv = system["send"], system["recv"]
    except (ImportError, OSError, AttributeError):  # some builds of Python are without it
        return None
    number, size, address = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p
    send.argtypes = (number, ctypes.c_char_p, size, number)
    recv.argtypes = (number, address, size, number)
    send.restype = recv.restype = ctypes.c_ssize_t
    return _SocketFunctions(ctypes, send, recv)


class ShortCalls:
    """Calls of the C library on one socket.

    Args:
        descriptor: the descriptor of the socket, which stays open as long as these calls are used.
        library: the C library's functions.
    """

    __slots__ = ("_address", "_buffer", "_descriptor", "_recv", "_send", "_string_at")

    def __init__(self, descriptor: int, library: _SocketFunctions) -> None:
        self._descriptor = descriptor
        self._send, self._recv = library.send, library.recv
        self._buffer = library.ctypes.create_string_buffer(SHORT)
        self._address = library.ctypes.addressof(self._buffer)
        self._string_at = library.ctypes.string_at

    def send(self, data: bytes) -> int:
        """Return the number of bytes that the socket took; negative if it took none."""
        return int(self._send(self._descriptor, data, len(data), _FLAGS))

    def receive(self) -> bytes | None:
        """Return up to `SHORT` bytes that have arrived; None if there are none or it failed."""
        size = self._recv(self._descriptor, self._address, SHORT, _FLAGS)
        return bytes(self._string_at(self._address, size)) if size >= 0 else None


def short_calls(descriptor: int) -> ShortCalls | None:
    """Return these calls for a socket, None where the system lacks them."""
    library = _library()
    return None if library is None else ShortCalls(descriptor, library)
