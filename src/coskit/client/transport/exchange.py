"""One request and its response on an easy handle, as both transports know them."""

import io
from collections.abc import Callable

import pycurl

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import failures
from coskit.client.transport.curl_easy import UNBOUNDED, EasyHandle
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.receive_buffer import ReceiveBuffer
from coskit.client.transport.response_head import read_head
from coskit.protocol.errors import CosClientError, IntegrityError
from coskit.protocol.messages import Response


class Exchange:
    """One request and its response: what goes out and what has come in.

    The driver of the handle works until the exchange `is_settled`, takes from the `inbox`, and
    passes libcurl's verdict to `end`; the handle is then free for the next exchange. No exception
    passes through libcurl: it waits in `raised`.

    Args:
        handle: the handle that carries the exchange out.
        request: the request.
        limits: the settings whose timeouts hold for it.
        capacity: the bytes of a body up to which it is waited for.
        read: the source of the request's body, if libcurl is not given the whole of it; it may
            return `READFUNC_PAUSE`.
        anew: whether the request needs a new connection, because the kept one has ended.

    Attributes:
        url: the URL of the request.
        inbox: the bytes of the body that have arrived and were not taken.
        head: status and headers, once they are here.
        failure: the error with which the exchange ended.
        raised: the exception that the source of the request's body raised.
        ready: whether there is a head, and its body is too long to be waited for.
        finished: whether nothing more will come.
        longest: the bytes of the body that are read.

    Raises:
        ParameterError: a header holds a line break.
    """

    # Most exchanges never set these.
    head: tuple[int, dict[str, str]] | None = None
    failure: CosClientError | None = None
    raised: BaseException | None = None
    ready = finished = False
    longest = UNBOUNDED
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
        self.handle, self.url, self.limits = handle, request.url, limits
        self.inbox = ReceiveBuffer()
        self._capacity = capacity
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
                self._begin_body()
            self.inbox.extend(chunks)
            chunks.clear()

    def receive(self, data: bytes) -> None:
        """Put a piece of the body into the inbox."""
        if self.head is None:
            self._begin_body()
        self.inbox.put(data)

    def _begin_body(self) -> None:
        """Read the head; a small body is waited for, so that its connection is free at once."""
        status, headers = self.head = read_head(b"".join(self.handle.header_lines))
        if self._capacity == UNBOUNDED:
            succeeded = 200 <= status < 300
            self.longest = self.limits.longest_result if succeeded else self.limits.longest_error
        else:
            length = headers.get("Content-Length", "")
            self.ready = not length.isdigit() or int(length) > self._capacity

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

    @property
    def is_settled(self) -> bool:
        """True if there are bytes to take, or the exchange has ended."""
        return self.finished or self.raised is not None or (self.ready and self.inbox.held > 0)

    @property
    def is_too_long(self) -> bool:
        """True if more of a document has arrived than is read."""
        return self.inbox.arrived > self.longest

    def end(self, code: int = 0, text: str = "") -> None:
        """Note how the exchange ended: libcurl's code, 0 if well, and its text."""
        if self._target is not None:
            self.leave_target()
        self.collect()
        if self.head is None and not code:
            try:
                self._begin_body()
            except ValueError as error:
                code, text = pycurl.E_PARTIAL_FILE, str(error)
        if self.inbox.arrived > self.longest:
            self.end_too_long()
            return
        if code:
            self.failure = self._explained(code, text)
        self._finish()

    def end_too_long(self) -> None:
        """Note that a document was given up because of its length; of an error the start serves."""
        assert self.head is not None
        if 200 <= self.head[0] < 300:
            self.failure = failures.too_long(self.url, self.longest)
        self._finish()

    def fail(self, error: CosClientError) -> None:
        """Note that the exchange was given up."""
        self.leave_target()
        self.failure = error
        self._finish()

    def fail_stalled(self) -> None:
        """Note that nothing moved for the read timeout."""
        self.fail(failures.stalled(self.url, self.limits))

    def _finish(self) -> None:
        """Note that nothing more will come, and let go of the request's body."""
        self.finished = True
        self._read = None
        self.handle.release_body()

    def _explained(self, code: int, text: str) -> CosClientError:
        """Return the error for a verdict of libcurl."""
        url, limits = self.url, self.limits
        if code == pycurl.E_READ_ERROR:
            return failures.body_ended_early(self._length)
        if not self.handle.easy.getinfo(pycurl.REQUEST_SIZE):
            return failures.not_sent(code, text, url, limits)
        if self.head is not None:
            whole = self.head[1].get("Content-Length", "an unknown number of")
            text = f"{self.inbox.arrived} of {whole} bytes of the body arrived: {text}"
        return failures.cut(code, text, url, limits)

    def opened(self) -> tuple[int, dict[str, str]]:
        """Return status and headers once the exchange is ready or has finished.

        Raises:
            CosClientError: it failed before anything of a body arrived.
        """
        if self.failure is not None and not self.inbox.arrived:
            raise self.failure
        assert self.head is not None
        return self.head

    def response(self) -> Response:
        """Return the whole response of an exchange that has finished.

        Raises:
            CosClientError: the exchange failed.
        """
        if self.failure is not None:
            raise self.failure
        assert self.finished
        assert self.head is not None
        inbox = self.inbox
        return Response(*self.head, inbox.take(min(self.longest, inbox.held)))
