"""The access log: a line of JSON for each request, without secrets, written by a thread."""

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
_QUEUE_SIZE = 10_000  # entries that may wait for a slow disk; further ones are lost
_INTERVAL = 0.1  # seconds from one write to the next
_STDOUT = 1
_BATCH = 256  # entries written at a time
_LONGEST = 1024  # characters kept of values that clients choose
# Lower-case names of the parameters that sign a request, in all versions of both dialects.
_SECRET = frozenset(
    """authorization awsaccesskeyid sign signature policy x-amz-credential x-amz-signature
    x-amz-security-token x-cos-security-token x-ci-security-token""".split()
)
_SECRET_PREFIX = "q-"  # noqa: S105 - a prefix of names
# In parameters for the object's key, for the key of a copy's source, and for the MD5 of both.
_OF_KEYS = "server-side-encryption-customer-key"


class LogEntry(NamedTuple):
    """The log entry of one request.

    Attributes:
        time: the start of the request, in seconds since 1970.
        request_id: the id in the response.
        address: the client's address.
        method: the HTTP method.
        bucket: the bucket's name, or None.
        key: the object's key, or None; the line leaves out the signature of a URL in it.
        operation: the operation's name, or "-" if the request fits none.
        query: the query string; the line leaves out signatures, tokens and encryption keys.
        status: the status of the response; 0 without a response.
        error: the error's code, or "".
        received: the bytes of the request's body.
        sent: the bytes of the response's body.
        milliseconds: the time from the request's head to the end of the response.
        account: the account that signed the request, or None.
        signature: the place of the signature: `header`, `url`, `form` or `none`.
        user_agent: the User-Agent header.
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
    """Return a query string without signatures, tokens and encryption keys."""
    return "&".join(pair for pair in query.split("&") if not _is_secret(pair))


def _is_secret(pair: str) -> bool:
    name = pair.partition("=")[0]
    if "%" in name or "+" in name:
        name = unquote_plus(name)
    name = name.strip().lower()
    return name.startswith(_SECRET_PREFIX) or name in _SECRET or _OF_KEYS in name


def _key(key: str) -> str:
    """Return a key for the log; clients that encode a whole URL have its query in the key."""
    path, mark, query = key.partition("?")
    return path + mark + without_secrets(query) if mark else key


class AccessLog:
    """Write entries to a file or standard output; the end of its context writes the last ones.

    Requests never wait for the log: when the disk cannot keep up, entries are lost and counted. A
    line is written within a tenth of a second, so a kill loses the lines of that time.

    Args:
        path: the file to append to; "-" is standard output.
        lock: held during a write, where other processes write to the same file.

    Attributes:
        lost: the number of entries that were not written.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str, lock: AbstractContextManager[None] | None = None) -> None:
        self.lost = 0
        self._lock = lock or nullcontext()
        self._path = path
        self._fd = self._open()
        self._is_moved = False
        self._waiting: deque[LogEntry] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coskit-access-log", daemon=True)
        self._thread.start()

    def write(self, entry: LogEntry) -> None:
        """Queue an entry for the writing thread."""
        if len(self._waiting) < _QUEUE_SIZE:
            self._waiting.append(entry)
        else:
            self.lost += 1

    def reopen(self) -> None:
        """Open the path again, because a log rotation has moved the old file away."""
        self._is_moved = True

    def close(self) -> None:
        """Write the queued entries and close the file."""
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

    # In the thread, which polls: waking it would cost each request 50 us.

    def _run(self) -> None:
        is_closing = False
        while not is_closing:
            is_closing = self._closing.wait(_INTERVAL)
            if self._is_moved:
                self._is_moved = False
                self._replace()
            while self._waiting:
                count = min(len(self._waiting), _BATCH)
                self._put([self._waiting.popleft() for _ in range(count)])
        if self._fd != _STDOUT:
            os.close(self._fd)

    def _put(self, entries: list[LogEntry]) -> None:
        try:
            left = memoryview(b"".join(entry.line() for entry in entries))
            with self._lock:  # a pipe takes a long write in pieces
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
