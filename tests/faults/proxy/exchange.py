"""What the proxy saw of one request and its answer."""

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
    """Return the next time of a clock that ticks once for each event."""
    return next(_ticks)


@dataclass
class Exchange:
    """What the proxy saw of one request and its answer.

    Every field is written before the bytes that it tells about go on, so that a test which waits
    for its client need not wait for the proxy.

    Attributes:
        number: its place among all requests, from 0.
        method: of HTTP.
        target: path and query as they stood in the request line.
        headers: of the request, by lower-case name.
        operation: the row that it is, or None.
        bucket: that it names, or None.
        key: that it names, or None.
        query: its parameters, decoded.
        fault: what happened to it; None if nothing.
        began: when its head came, on a clock that ticks once for each event.
        received: bytes of its body that came from the client.
        crc64: of those bytes.
        is_whole: all of its body came.
        forwarded: bytes of its body that went to the server, the last time it was asked.
        asked: how often the server was asked.
        answers: the statuses that the server gave.
        answered: when the first of them came, on the clock of `began`; 0 if none did.
        status: the one that the client was given, or None.
        delivered: bytes of the answer's body that the client was given.
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
    began: int = field(default_factory=tick)
    received: int = 0
    crc64: int = 0
    is_whole: bool = False
    forwarded: int = 0
    asked: int = 0
    answers: list[int] = field(default_factory=list)
    answered: int = 0
    status: int | None = None
    delivered: int = 0

    @classmethod
    def of(cls, number: int, head: Head) -> "Exchange":
        """Return the record of a request of which only the head is known."""
        method, target, _ = head.line.split(" ")
        record = cls(number, method, target, head.headers)
        raw_path, _, raw_query = encode_text(target).partition(b"?")
        # What addresses nothing or is no operation is forwarded all the same.
        with contextlib.suppress(CosServiceError):
            host = record.headers.get("host", "")
            record.bucket, record.key = resolve(host, decode_path(raw_path))
            record.query = dict(decode_query(raw_query))
            found = match(method, record.bucket, record.key, record.query, record.headers)
            record.operation = found
        return record

    @property
    def is_done(self) -> bool:
        """Whether the server did it and said so, whatever the client learned."""
        return any(200 <= status < 300 for status in self.answers)

    @property
    def reached(self) -> bool:
        """Whether the server was given the whole request."""
        return self.asked > 0 and self.is_whole and self.forwarded == self.received

    def __str__(self) -> str:
        name = self.operation.name if self.operation else self.method
        answers = ", ".join(str(status) for status in self.answers) or "none"
        fault = f" under {self.fault}" if self.fault else ""
        return (
            f"#{self.number} {name} {self.target} with {self.received} bytes{fault}: "
            f"{self.forwarded} forwarded, answers {answers}, client got "
            f"{self.status or 'nothing'} and {self.delivered} bytes"
        )
