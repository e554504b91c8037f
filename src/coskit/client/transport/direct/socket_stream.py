"""Open a connection with libcurl, and send and receive on it."""

import os
from typing import Any

import pycurl

from coskit.client.cancellation import POLL_INTERVAL, current
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import failures
from coskit.client.transport.curl.curl_easy import new_easy, set_timeouts, wait_for_sockets
from coskit.client.transport.direct.short_calls import SHORT, ShortCalls, short_calls

_LONGEST_WAIT = 1000  # milliseconds between two looks at libcurl's own timers


class SocketStream:
    """The bytes of one connection, which libcurl opens: names, addresses, TLS.

    `send` and `receive` do not wait: they raise BlockingIOError if the connection is not ready.

    Args:
        settings: the settings of the connection.
        origin: the scheme, host and port of the peer.

    Attributes:
        descriptor: the descriptor of the socket, to wait for; -1 before `open`.
    """

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        self.descriptor = -1
        self._url = f"{origin}/"
        self._attached = False
        self._short: ShortCalls | None = None  # for plain connections: TLS is libcurl's
        self._is_secure = origin.startswith("https:")
        self._multi: Any = pycurl.CurlMulti()
        self._easy = new_easy(settings, secure=self._is_secure)

    def open(self, limits: TransportSettings) -> None:
        """Connect to the peer.

        Args:
            limits: the settings whose timeouts hold.

        Raises:
            TransportError: there is no connection.
            TransferTimeout: connecting took too long.
        """
        easy, multi = self._easy, self._multi
        easy.setopt(pycurl.URL, self._url)
        easy.setopt(pycurl.CONNECT_ONLY, 1)
        set_timeouts(easy, limits)
        multi.add_handle(easy)
        self._attached = True
        while multi.perform()[1]:
            if current.token is not None:
                current.token.check()
            due = multi.timeout()
            longest = _LONGEST_WAIT if current.token is None else round(POLL_INTERVAL * 1000)
            wait_for_sockets(multi, longest if due < 0 else min(due, longest))
        _, _, failed = multi.info_read()
        if failed:
            _, code, text = failed[0]
            raise failures.not_sent(code, text, self._url, limits)
        # The handle stays attached, which keeps the connection open.
        self.descriptor = int(easy.getinfo(pycurl.ACTIVESOCKET))
        if not self._is_secure:
            self._short = short_calls(self.descriptor)

    def send(self, piece: bytes | memoryview) -> int:
        """Send the start of a piece and return the number of bytes that were taken.

        Raises:
            pycurl.error: the connection has failed.
        """
        if self._short is not None and len(piece) <= SHORT:
            sent = self._short.send(bytes(piece))
            if sent >= 0:
                return sent
        return int(self._easy.send(piece))  # which also finds the words for a failure

    def receive(self, most: int) -> bytes:
        """Return up to `most` bytes that have arrived; `b""` if the peer has closed the connection.

        Raises:
            pycurl.error: the connection has failed.
        """
        if self._short is not None and most <= SHORT:
            arrived = self._short.receive()
            if arrived is not None:
                return arrived
        data: bytes = self._easy.recv(most)
        return data

    def receive_into(self, memory: memoryview) -> int:
        """Write bytes that have arrived to the start of a view; return their number, 0 at the end.

        On a plain connection the system writes them there itself: a GET of 64 MiB takes 0.8 times
        the CPU of one that copies them.

        Raises:
            pycurl.error: the connection has failed.
        """
        if not self._is_secure and os.name == "posix":
            try:
                return os.readv(self.descriptor, (memory,))
            except BlockingIOError:
                raise
            except OSError:
                pass  # libcurl finds the text for a failure
        data = self.receive(len(memory))
        memory[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the connection and its handles."""
        if self._attached:
            self._attached = False
            self._multi.remove_handle(self._easy)
        self._easy.close()
        self._multi.close()
