"""One line of JSON for each request, written by a thread of its own; no secret is in it."""

import json
import logging
import os
import threading
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import unquote_plus

from coskit.server.http.exchange.request_reader import RequestReader
from coskit.server.http.exchange.request_record import RequestRecord

_log = logging.getLogger("coskit.server")
_WAITING = 10_000  # entries that wait for a slow disk; more are lost rather than kept
_BEAT = 0.1  # seconds from one look at what waits to the next
_STDOUT = 1
_TOGETHER = 256  # entries written at a time
_LONGEST = 1024  # characters kept of what a client says freely
# Parameters that sign a request, by lower-case name, in all versions of both dialects.
_SECRET = frozenset(
    """authorization awsaccesskeyid sign signature policy x-amz-credential x-amz-signature
    x-amz-security-token x-cos-security-token x-ci-security-token""".split()
)
_SECRET_PREFIX = "q-"  # noqa: S105 - what the names begin with
_OF_KEYS = "server-side-encryption-customer-key"  # of the object, of a copy's source, and their MD5


class LogEntry(NamedTuple):
    """What is logged of one request.

    Attributes:
        time: of its begin, in seconds since 1970.
        request_id: as in the answer.
        address: where it came from.
        method: of HTTP.
        bucket: its name, or None.
        key: the object's, or None; what signs a URL that stands in it is left out.
        operation: the row's name, or "-" if none fits.
        query: as it was sent; the line leaves out signatures, tokens and keys of encryption.
        status: of the answer; 0 if there was none.
        error: its code, or "".
        received: bytes of its body.
        sent: bytes of the answer's body.
        milliseconds: from its head to the end of its answer.
        account: who asked, or None.
        signature: where it was signed: `header`, `url`, `form` or `none`.
        user_agent: what the client calls itself.
    """

    time: float
    request_id: str
    address: str
    method: str
    bucket: str | None
    key: str | None
    operation: str
    query: str
    status: int
    error: str
    received: int
    sent: int
    milliseconds: float
    account: str | None
    signature: str
    user_agent: str

    def line(self) -> bytes:
        """Return the line, in ASCII."""
        moment = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="milliseconds")
        fields = self._asdict() | {
            "time": moment.replace("+00:00", "Z"),
            "key": self.key and _key(self.key)[:_LONGEST],
            "query": without_secrets(self.query)[:_LONGEST],
            "milliseconds": round(self.milliseconds, 3),
            "user_agent": self.user_agent[:_LONGEST],
        }
        return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def entry(reader: RequestReader, record: RequestRecord, seconds: float) -> LogEntry:
    """Return the entry of a request.

    Args:
        reader: the request.
        record: the facts gathered while it was served.
        seconds: the time from its head to the end of its response.
    """
    is_signed_form = record.operation == "PostObject" and record.account is not None
    signature = reader.signature
    return LogEntry(
        record.time,
        record.request_id,
        reader.address,
        reader.method,
        record.bucket,
        record.key,
        record.operation,
        reader.query,
        record.status,
        record.error,
        record.received,
        record.sent,
        seconds * 1000,
        record.account,
        "form" if signature == "none" and is_signed_form else signature,
        reader.user_agent,
    )


def without_secrets(query: str) -> str:
    """Return a query string without what signs a request or opens an object."""
    return "&".join(pair for pair in query.split("&") if not _is_secret(pair))


def _is_secret(pair: str) -> bool:
    name = pair.partition("=")[0]
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    name = name.strip().lower()
    return name.startswith(_SECRET_PREFIX) or name in _SECRET or _OF_KEYS in name


def _key(key: str) -> str:
    """Return a key as it is logged: clients that encode a whole URL have its query in there."""
    path, mark, query = key.partition("?")
    return path + mark + without_secrets(query) if mark else key


class AccessLog:
    """Writes entries to a file, or to standard output; a context, at whose end all is written.

    Requests never wait for it: when the disk cannot keep up, entries are lost and counted. A line
    is written a tenth of a second after its request, which is also what a kill takes with it.

    Args:
        path: of the file, to which is appended; "-" is standard output.
        turns: is entered to write, where other processes write to the same.

    Attributes:
        lost: entries that were not written.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str, turns: AbstractContextManager[None] | None = None) -> None:
        self.lost = 0
        self._turns = turns or nullcontext()
        self._path = path
        self._fd = self._open()
        self._is_moved = False
        self._waiting: deque[LogEntry] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coskit-access-log", daemon=True)
        self._thread.start()

    def write(self, entry: LogEntry) -> None:
        """Have an entry written soon."""
        if len(self._waiting) < _WAITING:
            self._waiting.append(entry)
        else:
            self.lost += 1

    def reopen(self) -> None:
        """Go on in the file that has the path from now on; for whoever moves the old one away."""
        self._is_moved = True

    def close(self) -> None:
        """Return when all is written."""
        self._closing.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # In the thread, which looks now and then: to be woken would cost each request 50 us.

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            is_closing = self._closing.wait(_BEAT)
            if self._is_moved:
                self._is_moved = False
                self._replace()
            while self._waiting:
                count = min(len(self._waiting), _TOGETHER)
                self._put([self._waiting.popleft() for _ in range(count)])
        if self._fd != _STDOUT:
            os.close(self._fd)

    def _put(self, entries: list[LogEntry]) -> None:
        try:
            left = memoryview(b"".join(entry.line() for entry in entries))
            with self._turns:  # a pipe takes long writes piece by piece
                while left:
                    left = left[os.write(self._fd, left) :]
        except OSError as cause:
            if not self.lost:
                _log.error("the access log cannot be written: %s", cause)
            self.lost += len(entries)

    def _open(self) -> int:
        if self._path == "-":
            return _STDOUT
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        return os.open(self._path, flags, 0o600)

    def _replace(self) -> None:
        try:
            new = self._open()
        except OSError as cause:
            _log.error("the access log goes on in the old file: %s", cause)
            return
        if self._fd != _STDOUT:
            os.close(self._fd)
        self._fd = new
