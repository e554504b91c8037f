"""One request and its response: what both transports know of it while it is under way."""

import sys
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import pycurl

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl_easy import (
    UNASKED,
    UNBOUNDED,
    header_lines,
    set_timeouts,
    unpause,
)
from coskit.client.transport.error_advice import Advice, advise
from coskit.client.transport.http11 import read_head
from coskit.client.transport.http_request import HTTPRequest, must_be_sent_once
from coskit.client.transport.receive_buffer import ReceiveBuffer
from coskit.protocol.errors import (
    CosClientError,
    IntegrityError,
    ParameterError,
    TransferTimeout,
    TransportError,
)
from coskit.protocol.messages import Response

_MISUSED = frozenset((pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL))


class Exchange:
    """One request and its response: what goes out and what has come in.

    Whoever drives the handle works until the exchange `is_settled`, and takes from the `inbox`.

    Attributes:
        easy: the handle.
        out: the request.
        limits: settings whose timeouts hold for it.
        inbox: what has arrived of the body.
        head: status and headers, once they are here.
        failure: what went wrong.
        ready: whether there is a head, and its body is too long to be waited for.
        finished: whether nothing more will come.
        longest: bytes of the body that are read.
    """

    def __init__(
        self, easy: Any, out: HTTPRequest, limits: TransportSettings, capacity: int
    ) -> None:
        self.easy, self.out, self.limits, self.inbox = easy, out, limits, ReceiveBuffer()
        self.head: tuple[int, dict[str, str]] | None = None
        self.failure: CosClientError | None = None
        self.raised: BaseException | None = None
        self.paused = self.ready = self.finished = False
        self.longest = UNBOUNDED
        self._capacity = self.wanted = capacity

    def begin_body(self, head: tuple[int, dict[str, str]]) -> None:
        """Note the head; a small body is waited for, so that its connection is free at once."""
        self.head = head
        length = head[1].get("Content-Length", "")
        long = not length.isdigit() or int(length) > self._capacity
        self.ready = long and self._capacity != UNBOUNDED
        if self._capacity == UNBOUNDED:
            succeeded = 200 <= head[0] < 300
            self.longest = self.limits.longest_result if succeeded else self.limits.longest_error

    def is_too_long(self) -> bool:
        """Return whether more of a document has come than is read; the exchange has ended then."""
        if self.inbox.arrived <= self.longest:
            return False
        assert self.head is not None
        if 200 <= self.head[0] < 300:
            self.failure = CosClientError(
                f"{_peer(self.out.url)} answered with more than {self.longest} bytes, "
                "which no result may have (TransportSettings.longest_result)"
            )
        self.finish()
        return True

    @property
    def is_settled(self) -> bool:
        """Whether there is something to do for the one who waits: bytes to take, or the end."""
        return bool(self.finished or self.raised is not None or (self.ready and self.inbox.held))

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands, so that the read timeout counts."""
        return bool(self.easy.getinfo(pycurl.PRETRANSFER_TIME))

    def resume(self) -> None:
        """Let a paused response go on."""
        self.paused = False
        unpause(self.easy)

    def fail(self, error: CosClientError) -> None:
        """Note that the exchange was given up."""
        self.failure = error
        self.finish()

    def finish(self) -> None:
        """Note that nothing more will come, and let go of the request's body."""
        self.finished = True
        if self.out.body is not None:  # whoever keeps the connection keeps this
            self.out = HTTPRequest(self.out.method, self.out.url, self.out.headers)

    def stall(self) -> TransferTimeout:
        """Return the error of an exchange on which nothing moved for the read timeout."""
        words = f"not a byte moved to or from {_peer(self.out.url)}"
        return TransferTimeout(f"{words} for {self.limits.read_timeout:g} s (read timeout)")

    def overdue(self) -> TransferTimeout:
        """Return the error of an exchange that took longer than its total timeout."""
        total = self.limits.total_timeout or sys.maxsize
        words = f"the exchange with {_peer(self.out.url)} took longer than {total:g} s"
        return TransferTimeout(f"{words} (total timeout)")

    def cut(self, text: str, code: int = 0) -> TransportError:
        """Return the error of an exchange whose connection failed, for which libcurl has words."""
        advice = advise(code, text)
        if self.head is not None:
            whole = self.head[1].get("Content-Length", "an unknown number of")
            text = f"{self.inbox.arrived} of {whole} bytes of the body arrived: {text}"
        words = f"the exchange with {_peer(self.out.url)} failed: {text}"
        return _advised(TransportError(_joined(words, advice)), advice)

    def explained(self, code: int, text: str) -> CosClientError:
        """Return the error for a verdict of libcurl: its code and its words."""
        peer, limits = _peer(self.out.url), self.limits
        sent = bool(self.easy.getinfo(pycurl.REQUEST_SIZE))
        if code in _MISUSED and not sent:
            return ParameterError(f"{text} ({peer})")
        if code == pycurl.E_READ_ERROR:
            return IntegrityError(f"the request's body ended before its {self.out.length} bytes")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            if not sent and limits.connect_timeout < (limits.total_timeout or sys.maxsize):
                words = f"connecting to {peer} took longer than {limits.connect_timeout:g} s"
                return TransferTimeout(f"{words} (connect timeout)", sent=sent)
            late = self.overdue()
            late.sent = sent
            return late
        if not sent:
            advice = advise(code, text, through_proxy=bool(limits.proxy))
            words = _joined(f"no connection to {peer}: {text}", advice)
            error = TransportError(words, sent=False)
            error.unresolved = code == pycurl.E_COULDNT_RESOLVE_HOST
            return _advised(error, advice)
        return self.cut(text, code)

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
        return Response(*self.opened(), self.inbox.take(min(self.longest, self.inbox.held)))


class CurlExchange(Exchange):
    """An exchange that libcurl carries out by itself, on an easy handle.

    Whoever drives the handle hands libcurl's verdict to `end`; the handle is then free for the next
    exchange. Callbacks let no exception through libcurl: it waits in `raised`.

    Args:
        easy: a handle made by `new_easy`.
        out: the request.
        limits: settings whose timeouts hold for it.
        capacity: body bytes to hold before pausing.
        read: where the body comes from if libcurl does not hold it; may return `READFUNC_PAUSE`.
        notify: called when the exchange is ready and whenever more has arrived from then on.

    Raises:
        ParameterError: a header holds a line break.
    """

    def __init__(
        self,
        easy: Any,
        out: HTTPRequest,
        limits: TransportSettings,
        capacity: int,
        read: Callable[[int], bytes | int] | None,
        notify: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(easy, out, limits, capacity)
        self._read, self._notify = read, notify
        self._head_block = bytearray()
        self._prepare()

    def _prepare(self) -> None:
        setopt, out, limits = self.easy.setopt, self.out, self.limits
        # A bound C method: libcurl calls once for each header line, and this is the hot path.
        setopt(pycurl.HEADERFUNCTION, self._head_block.extend)
        setopt(pycurl.WRITEFUNCTION, self._receive)
        setopt(pycurl.URL, out.url)
        setopt(pycurl.HTTPHEADER, [*UNASKED, *header_lines(out.headers)])
        if self._read is not None:
            setopt(pycurl.READFUNCTION, self._supply)
            setopt(pycurl.UPLOAD, 1)
            setopt(pycurl.INFILESIZE_LARGE, -1 if out.length is None else out.length)
        elif out.body or out.method in ("PUT", "POST"):
            setopt(pycurl.POST, 1)
            setopt(pycurl.POSTFIELDS, bytes(cast("bytes | memoryview", out.body or b"")))
        elif out.method == "HEAD":
            setopt(pycurl.NOBODY, 1)
        else:
            setopt(pycurl.HTTPGET, 1)
        setopt(pycurl.CUSTOMREQUEST, out.method)
        setopt(pycurl.FRESH_CONNECT, int(must_be_sent_once(out)))
        set_timeouts(self.easy, limits)

    def _receive(self, data: bytes) -> int | None:
        try:
            if self.inbox.held >= self._capacity:
                self.paused = True
                return int(pycurl.WRITEFUNC_PAUSE)
            self.inbox.put(data)
            if self.head is None:
                self.begin_body(read_head(bytes(self._head_block)))
            if self.inbox.arrived > self.longest:
                return -1
            if self.ready and self._notify is not None:
                self._notify()
        except BaseException as error:  # libcurl would print or lose it
            self.raised = error
            return -1
        return None

    def _supply(self, size: int) -> bytes | int:
        try:
            return self._read(size) if self._read is not None else b""
        except BaseException as error:  # libcurl would print or lose it
            self.raised = error
            return int(pycurl.READFUNC_ABORT)

    @property
    def moved(self) -> int:
        """Return a number that grows with every byte that moves either way."""
        return (
            int(self.easy.getinfo(pycurl.SIZE_UPLOAD_T))
            + len(self._head_block)
            + self.inbox.arrived
        )

    def end(self, code: int = 0, text: str = "") -> None:
        """Note how the request ended: libcurl's code, 0 if well, and its words."""
        if self.head is not None and self.is_too_long():
            return
        if code:
            self.failure = self.explained(code, text)
        elif self.head is None:
            try:
                self.head = read_head(bytes(self._head_block))
            except ValueError as error:
                self.failure = self.explained(pycurl.E_PARTIAL_FILE, str(error))
        self.finish()

    def finish(self) -> None:
        """Note that nothing more will come, and let go of what the request was made of."""
        if self.out.body is not None:
            self.easy.setopt(pycurl.POSTFIELDS, b"")  # an idle handle holds no body in memory
        super().finish()
        self._read = self._notify = None


def _joined(words: str, advice: Advice) -> str:
    return f"{words}; {advice.text}" if advice.text else words


def _advised(error: TransportError, advice: Advice) -> TransportError:
    error.lasting = advice.lasting
    return error


def _peer(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        return "an address that cannot be read"
