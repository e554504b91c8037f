"""Records of the requests and responses that pass through the proxy."""

import contextlib
import itertools
from dataclasses import dataclass, field

from coskit.protocol.codec.routing import match
from coskit.protocol.endpoint import decode_path, decode_query, resolve
from coskit.protocol.errors import CosServiceError
from coskit.protocol.messages import encode_text
from coskit.protocol.model import Operation
from tests.faults.proxy.framing import Head

_ticks = itertools.count(1)


def tick() -> int:
    """Return the next time of a clock that counts events."""
    return next(_ticks)


@dataclass
class RecordedRequest:
    """The proxy's record of one request and its response.

    Every field is set before the bytes that it describes are sent on, so that a test which waits
    for its client need not wait for the proxy.

    Attributes:
        number: the request's number, from 0.
        method: the HTTP method.
        target: path and query of the request line.
        headers: the request's headers, by lower-case name.
        operation: the row of the operation table, or None.
        bucket: the bucket's name, or None.
        key: the object's key, or None.
        query: the decoded query parameters.
        fault: the fault that was applied, or None.
        began_at: when its head arrived, on the clock of `tick`.
        received: the number of body bytes received from the client.
        crc64: the CRC64 of these bytes.
        is_complete: whether the whole body was received.
        forwarded: the number of body bytes last sent to the server.
        forwards: how often the request was sent to the server.
        statuses: the statuses of the server's responses.
        answered_at: when the first response arrived, on the clock of `tick`; 0 if none did.
        status: the status that was sent to the client, or None.
        delivered: the number of body bytes sent to the client.
    """

    number: int
    method: str
    target: str
    headers: dict[str, str]
    operation: Operation | None = None
    bucket: str | None = None
    key: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    fault: object = None
    began_at: int = field(default_factory=tick)
    received: int = 0
    crc64: int = 0
    is_complete: bool = False
    forwarded: int = 0
    forwards: int = 0
    statuses: list[int] = field(default_factory=list)
    answered_at: int = 0
    status: int | None = None
    delivered: int = 0

    @classmethod
    def of(cls, number: int, head: Head) -> "RecordedRequest":
        """Return the record of a request whose head has arrived."""
        method, target, _ = head.line.split(" ")
        record = cls(number, method, target, head.headers)
        raw_path, _, raw_query = encode_text(target).partition(b"?")
        # Requests that name no bucket or no operation are forwarded too.
        with contextlib.suppress(CosServiceError):
            host = record.headers.get("host", "")
            record.bucket, record.key = resolve(host, decode_path(raw_path))
            record.query = dict(decode_query(raw_query))
            found = match(method, record.bucket, record.key, record.query, record.headers)
            record.operation = found
        return record

    @property
    def is_done(self) -> bool:
        """True if the server responded with a success, even if the client did not get it."""
        return any(200 <= status < 300 for status in self.statuses)

    @property
    def reached(self) -> bool:
        """True if the server got the whole request."""
        return self.forwards > 0 and self.is_complete and self.forwarded == self.received

    def __str__(self) -> str:
        name = self.operation.name if self.operation else self.method
        responses = ", ".join(str(status) for status in self.statuses) or "none"
        fault = f" under {self.fault}" if self.fault else ""
        return (
            f"#{self.number} {name} {self.target} with {self.received} bytes{fault}: "
            f"{self.forwarded} forwarded, answers {responses}, client got "
            f"{self.status or 'nothing'} and {self.delivered} bytes"
        )
