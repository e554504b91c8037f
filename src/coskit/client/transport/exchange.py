"""The state of one request and its response."""

import sys

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import failures
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.receive_buffer import ReceiveBuffer
from coskit.protocol.errors import CosClientError
from coskit.protocol.messages import Response

# Body bytes of one response up to which it is waited for, and that may wait unread: libcurl reads
# up to ten buffers at once, then it is paused (asyncio) or no longer driven (threads).
CAPACITY = 256 * 1024
# The capacity of an exchange that collects the whole body, whatever its length.
UNBOUNDED = sys.maxsize


class Exchange:
    """The state of one request and its response, for each kind of connection.

    The connection works until the exchange `is_settled` and takes from the `inbox`.

    Args:
        request: the request.
        limits: the settings whose timeouts hold for it.
        capacity: the bytes of a body up to which it is waited for.

    Attributes:
        url: the URL of the request.
        inbox: the bytes of the body that have arrived and were not taken.
        head: status and headers, once they are here.
        failure: the error with which the exchange ended.
        raised: the exception that the source of the request's body raised.
        ready: whether there is a head, and its body is too long to be waited for.
        finished: whether nothing more will come.
        longest: the bytes of the body that are read.
    """

    # Most exchanges never set these.
    head: tuple[int, dict[str, str]] | None = None
    failure: CosClientError | None = None
    raised: BaseException | None = None
    ready = finished = False
    longest = UNBOUNDED

    def __init__(self, request: HTTPRequest, limits: TransportSettings, capacity: int) -> None:
        self.url, self.limits = request.url, limits
        self.inbox = ReceiveBuffer()
        self._capacity = capacity

    def begin_body(self, head: tuple[int, dict[str, str]]) -> None:
        """Note the head; a small body is waited for, so that its connection is free at once."""
        status, headers = self.head = head
        if self._capacity == UNBOUNDED:
            succeeded = 200 <= status < 300
            self.longest = self.limits.longest_result if succeeded else self.limits.longest_error
        else:
            length = headers.get("Content-Length", "")
            self.ready = not length.isdigit() or int(length) > self._capacity

    @property
    def is_settled(self) -> bool:
        """True if there are bytes to take, or the exchange has ended."""
        return self.finished or self.raised is not None or (self.ready and self.inbox.held > 0)

    @property
    def is_too_long(self) -> bool:
        """True if more of a document has arrived than is read."""
        return self.inbox.arrived > self.longest

    def end_too_long(self) -> None:
        """Note that a document was given up because of its length; of an error the start serves."""
        assert self.head is not None
        if 200 <= self.head[0] < 300:
            self.failure = failures.too_long(self.url, self.longest)
        self.finish()

    def fail(self, error: CosClientError) -> None:
        """Note that the exchange was given up."""
        self.failure = error
        self.finish()

    def fail_stalled(self) -> None:
        """Note that nothing moved for the read timeout."""
        self.fail(failures.stalled(self.url, self.limits))

    def finish(self) -> None:
        """Note that nothing more will come."""
        self.finished = True

    def cut(self, code: int, text: str) -> CosClientError:
        """Return the error of a connection that failed after the request was sent.

        Args:
            code: libcurl's error code.
            text: the reason.
        """
        if self.head is not None:
            whole = self.head[1].get("Content-Length", "an unknown number of")
            text = f"{self.inbox.arrived} of {whole} bytes of the body arrived: {text}"
        return failures.cut(code, text, self.url, self.limits)

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
