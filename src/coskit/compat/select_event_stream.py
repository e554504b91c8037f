"""The vendor's `EventStream`: the messages of the response to an SQL query."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from coskit.client.transfer.targets.download_target import partial_name
from coskit.compat.cos_comm import strip_namespaces
from coskit.protocol.errors import CosServiceError, IntegrityError

_FRAME_OVERHEAD = 16  # the bytes of a message without its headers and payload
_LARGEST = 1 << 24


class EventStream:
    """Reads messages as they arrive.

    Args:
        rt: the response, with `raw` to read from, `headers`, `status_code` and `request.url`.
    """

    def __init__(self, rt: Any) -> None:
        self._rt = rt
        self._raw = rt.raw
        self._ended = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        return self.next_event()

    next = __next__

    def next_event(self) -> dict[str, Any]:
        """Return the next event: Records, Stats, Progress, Cont or End.

        Raises:
            StopIteration: the stream has ended.
            CosServiceError: the query failed.
            IntegrityError: the stream ends too early, or a message is damaged.
        """
        if self._ended:
            self._raw.read()  # the rest is read, so that the connection can be reused
            raise StopIteration
        prelude = self._read(12)
        total, size, _ = struct.unpack(">III", prelude)
        if not size + _FRAME_OVERHEAD <= total <= _LARGEST:
            raise IntegrityError("A message of the stream has an impossible length")
        rest = self._read(total - 12)
        headers = dict(_headers(rest[:size]))
        if headers.get(":message-type") == "error":
            raise self._failure(headers)
        (expected,) = struct.unpack(">I", rest[-4:])
        if zlib.crc32(rest[:-4], zlib.crc32(prelude)) != expected:
            raise IntegrityError("A message of the stream is damaged: its CRC32 differs")
        return self._event(headers.get(":event-type", ""), rest[size:-4])

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self._raw.read(size - len(found))
            if not piece:
                raise IntegrityError("The stream ends before its end message")
            found += bytes(piece)
        return found

    def _event(self, kind: str, payload: bytes) -> dict[str, Any]:
        self._ended = kind == "End"
        if kind == "Records":
            return {kind: {"Payload": payload}}
        if kind in ("Stats", "Progress"):
            tree = ElementTree.fromstring(payload)  # noqa: S314 - from the service, and short
            return {kind: {"Details": strip_namespaces(tree)}}
        return {kind: {}}

    def _failure(self, headers: dict[str, str]) -> CosServiceError:
        return CosServiceError(
            headers.get(":error-message", ""),
            code=headers.get(":error-code", "Unknown"),
            status=int(self._rt.status_code),
            resource=str(self._rt.request.url),
            request_id=self._rt.headers.get("x-cos-request-id", ""),
            trace_id=self._rt.headers.get("x-cos-trace-id", ""),
            method="POST",
        )

    def get_select_result(self) -> bytes:
        """Return all records."""
        return b"".join(self._records())

    def get_select_result_to_file(self, file_name: str | os.PathLike[str]) -> None:
        """Write all records to a file, which appears when it is complete."""
        target = Path(file_name)
        partial = target.with_name(partial_name(target.name))
        try:
            with partial.open("xb") as file:
                file.writelines(self._records())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def _records(self) -> Iterator[bytes]:
        for event in self:
            if "Records" in event:
                yield event["Records"]["Payload"]


def _headers(block: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    try:
        while at < len(block):
            end = at + 1 + block[at]
            (size,) = struct.unpack_from(">H", block, end + 1)
            yield block[at + 1 : end].decode(), block[end + 3 : end + 3 + size].decode()
            at = end + 3 + size
    except (IndexError, struct.error, UnicodeDecodeError) as cause:
        raise IntegrityError("A message of the stream has damaged headers") from cause
