"""The bytes of a connection that libcurl has made."""

import os
from typing import Any

import pycurl

from coskit.client.transport.libc import SHORT, short_calls


class Channel:
    """Sends and receives through libcurl, which knows of TLS.

    No method waits: each raises BlockingIOError if the connection is not ready for it.

    Args:
        easy: a handle that has connected with CONNECT_ONLY.

    Attributes:
        descriptor: of its socket, to wait for.
    """

    def __init__(self, easy: Any) -> None:
        self._easy = easy
        self.descriptor = int(easy.getinfo(pycurl.ACTIVESOCKET))

    def send(self, piece: bytes | memoryview) -> int:
        """Return how many bytes of a piece were taken.

        Raises:
            pycurl.error: the connection has failed.
        """
        return int(self._easy.send(piece))

    def receive(self, most: int) -> bytes:
        """Return what has arrived; b"" if the peer has ended the connection.

        Raises:
            pycurl.error: the connection has failed.
        """
        data: bytes = self._easy.recv(most)
        return data

    def receive_into(self, memory: memoryview) -> int:
        """Write what has arrived to the start of a view and return its length; 0 is the end.

        Raises:
            pycurl.error: the connection has failed.
        """
        data = self.receive(len(memory))
        memory[: len(data)] = data
        return len(data)


class PlainChannel(Channel):
    """Sends and receives on the socket itself; where that fails, libcurl finds words for it."""

    def __init__(self, easy: Any) -> None:
        super().__init__(easy)
        self._short = short_calls(self.descriptor)

    def send(self, piece: bytes | memoryview) -> int:
        """See `Channel.send`."""
        if self._short is not None and len(piece) <= SHORT:
            sent = self._short.send(bytes(piece))
            if sent >= 0:
                return sent
        return super().send(piece)

    def receive(self, most: int) -> bytes:
        """See `Channel.receive`."""
        data = None
        if self._short is not None and most <= SHORT:
            data = self._short.receive()
        return super().receive(most) if data is None else data

    def receive_into(self, memory: memoryview) -> int:
        """See `Channel.receive_into`."""
        try:
            return os.readv(self.descriptor, (memory,))
        except BlockingIOError:
            raise
        except OSError:
            return super().receive_into(memory)


def open_channel(easy: Any, *, secure: bool) -> Channel:
    """Return the channel of a handle that has connected, with TLS if `secure`."""
    return Channel(easy) if secure or os.name != "posix" else PlainChannel(easy)
