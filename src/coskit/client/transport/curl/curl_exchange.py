"""One request and its response on an easy handle of libcurl, for both transports."""

import io
from collections.abc import Callable

import pycurl

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import failures
from coskit.client.transport.curl.curl_easy import EasyHandle
from coskit.client.transport.exchange import Exchange
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.response_head import read_head
from coskit.protocol.errors import CosClientError, IntegrityError


class CurlExchange(Exchange):
    """An exchange that an easy handle of libcurl carries out.

    The driver of the handle passes libcurl's verdict to `end`; the handle is then free for the next
    exchange. No exception passes through libcurl: it waits in `raised`.

    Args:
        handle: the handle that carries the exchange out.
        request: the request.
        limits: the settings whose timeouts hold for it.
        capacity: the bytes of a body up to which it is waited for.
        read: the source of the request's body, if libcurl is not given the whole of it; it may
            return `READFUNC_PAUSE`.
        anew: whether the request needs a new connection, because the kept one has ended.

    Raises:
        ParameterError: a header holds a line break.
    """

    _target: io.BytesIO | None = None

    def __init__(
        self,
        handle: EasyHandle,
        request: HTTPRequest,
        limits: TransportSettings,
        capacity: int,
        read: Callable[[int], bytes | int] | None,
        *,
        anew: bool = False,
    ) -> None:
        super().__init__(request, limits, capacity)
        self.handle = handle
        self._read = read
        self._length = request.length
        handle.prepare(request, limits, None if read is None else self._supply, anew=anew)

    def _supply(self, size: int) -> bytes | int:
        try:
            chunk = self._read(size) if self._read is not None else b""
            if isinstance(chunk, bytes) and len(chunk) > size:
                raise IntegrityError(
                    f"the request's body gave {len(chunk)} bytes instead of {size}"
                )
        except BaseException as error:  # libcurl would print or lose it
            self.raised = error
            return int(pycurl.READFUNC_ABORT)
        return chunk

    def collect(self) -> None:
        """Move what the handle has kept to the inbox."""
        chunks = self.handle.chunks
        if chunks:
            if self.head is None:
                self._read_head()
            self.inbox.extend(chunks)
            chunks.clear()

    def receive(self, data: bytes) -> None:
        """Put a piece of the body into the inbox."""
        if self.head is None:
            self._read_head()
        self.inbox.put(data)

    def _read_head(self) -> None:
        self.begin_body(read_head(b"".join(self.handle.header_lines)))

    def aim(self, target: io.BytesIO, most: int) -> bool:
        """Have all that is still to come written to a target; return whether that is possible.

        It is if exactly `most` more bytes will come. `leave_target` has to follow.
        """
        if self.finished or self.inbox.held or self.head is None:
            return False
        length = self.head[1].get("Content-Length", "")
        if not length.isdigit() or int(length) - self.inbox.arrived != most:
            return False
        self._target = target
        self.inbox.arrived -= target.tell()
        self.handle.write_to(target.write, as_views=True)
        return True

    def leave_target(self) -> None:
        """Have what comes kept in the inbox again, and count what was written to the target."""
        if self._target is not None:
            self.inbox.arrived += self._target.tell()
            self._target = None
            self.handle.write_to_chunks()

    def end(self, code: int = 0, text: str = "") -> None:
        """Note how the exchange ended: libcurl's code, 0 if well, and its text."""
        if self._target is not None:
            self.leave_target()
        self.collect()
        if self.head is None and not code:
            try:
                self._read_head()
            except ValueError as error:
                code, text = pycurl.E_PARTIAL_FILE, str(error)
        if self.inbox.arrived > self.longest:
            self.end_too_long()
            return
        if code:
            self.failure = self._explained(code, text)
        self.finish()

    def fail(self, error: CosClientError) -> None:
        """Note that the exchange was given up."""
        self.leave_target()
        super().fail(error)

    def finish(self) -> None:
        """Note that nothing more will come, and let go of the request's body."""
        super().finish()
        self._read = None
        self.handle.release_body()

    def _explained(self, code: int, text: str) -> CosClientError:
        """Return the error for a verdict of libcurl."""
        if code == pycurl.E_READ_ERROR:
            return failures.body_ended_early(self._length)
        if not self.handle.easy.getinfo(pycurl.REQUEST_SIZE):
            return failures.not_sent(code, text, self.url, self.limits)
        return self.cut(code, text)
