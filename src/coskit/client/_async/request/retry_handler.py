"""What is done about a call that fails: it is sent again, or it is found out what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.concurrency import async_sleep
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.request.sender import AsyncSender
from coskit.client._async.transport import AsyncIncoming
from coskit.client.request.resume_body import body_range_of, check_remaining, remaining_call
from coskit.client.request.validation import is_repeatable
from coskit.client.settings.retry import Failure, Tries, is_lost
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import (
    AppendPositionErr,
    CosException,
    CosServiceError,
    IntegrityError,
    NoSuchUpload,
    ObjectChanged,
    TransportError,
)

_GONE = frozenset((404, 412, 416))


@dataclass(frozen=True, slots=True)
class _Finding:
    """What became of a call whose answer was lost.

    Attributes:
        result: what it returns, if it was done.
        undone: whether it certainly was not done, so that it may be sent again.
        note: why neither is known.
    """

    result: dict[str, Any] | None = None
    undone: bool = False
    note: str = ""


class AsyncRecovery:
    """The failures of one call and what is done about each."""

    def __init__(
        self,
        client: AsyncOperations,
        sender: AsyncSender,
        call: Call,
        params: Mapping[str, Any],
        upload: AsyncRequestBody | None,
    ) -> None:
        self._client = client
        self._sender = sender
        self._call = call
        self._params = params
        self._upload = upload
        self._idempotent = is_repeatable(call.operation, params)
        self._find = _FINDERS.get(call.operation.name)
        self._tries = sender.tries(call)
        self._lost: Failure | None = None

    @property
    def attempt(self) -> int:
        """The number of the next try, from 1."""
        return self._tries.next

    async def after(self, error: Failure, seconds: float) -> dict[str, Any] | None:
        """Wait until the call is to be sent again, or return its result if it was done after all.

        Args:
            error: what the try raised.
            seconds: how long it took.

        Raises:
            CosException: the error, if neither is to be.
        """
        self._tries.note(error)
        undone = False
        if self._find is not None and self._is_in_doubt(error):
            self._lost = self._lost or error
            finding = await self._find(self._client, self._params, self._upload)
            if finding.result is not None:
                self._tries.tell(error, seconds, 0.0)
                self.succeeded()
                return finding.result
            if finding.note:
                self._tries.tell(error, seconds, None)
                self._raise_lost(error, finding.note)
            undone = True
        idempotent = self._idempotent or undone
        pause = self._sender.decide(
            self._tries,
            error,
            idempotent=idempotent,
            seconds=seconds,
            can=self._can_be_sent_again(error),
        )
        if pause is None:
            self._sender.explain(error, self._call)
            raise error
        await async_sleep(pause)
        if self._upload:
            self._upload.rewind()
        return None

    def succeeded(self) -> None:
        """Note that the call succeeded."""
        self._tries.succeeded()

    def _is_in_doubt(self, error: Failure) -> bool:
        # Once an answer was lost, a refusal may be the echo of a success.
        echo = self._lost is not None and isinstance(error, AppendPositionErr | NoSuchUpload)
        return echo or is_lost(error)

    def _raise_lost(self, error: Failure, note: str) -> None:
        lost = self._lost or error
        lost.attempts = error.attempts
        lost.add_note(note)
        if lost is error:
            raise lost
        raise lost from error

    def _can_be_sent_again(self, error: Failure) -> bool:
        """Return whether the body can: what is read only once is not, once any of it was read."""
        upload = self._upload
        if upload is None or upload.replayable:
            return True
        return isinstance(error, TransportError) and not error.sent and not upload.started


async def _find_append(
    client: AsyncOperations, params: Mapping[str, Any], upload: AsyncRequestBody | None
) -> _Finding:
    """Look whether the object ends with what was appended."""
    assert upload is not None
    place = {"Bucket": params["Bucket"], "Key": params["Key"]}
    position = int(params["Position"])
    try:
        head: Mapping[str, Any] = await client.head_object(**place)
        length = str(head.get("Content-Length") or "")
        if not (length.isascii() and length.isdigit()):
            return _Finding(note="The answer was lost, and the object's length is not told")
        size = int(length)
        if size == position:
            return _Finding(undone=True)
        if upload.length is None or size != position + upload.length:
            return _Finding(note=f"The answer was lost, and the object now has {size} bytes")
        tail = await client.get_object(
            **place, Range=f"bytes={position}-{size - 1}", IfMatch=head["ETag"]
        )
        found = 0
        async for chunk in tail["Body"].get_stream():
            found = crc64(chunk, found)
    except CosException as answer:
        if isinstance(answer, CosServiceError) and answer.status == 404 and not position:
            return _Finding(undone=True)
        return _Finding(note=f"The answer was lost, and what became of it is unknown: {answer!r}")
    if found != upload.sum():
        return _Finding(note="The answer was lost, and the object ends with other bytes")
    kept = ("ETag", "x-cos-hash-crc64ecma", "x-cos-request-id")
    result = {name: head[name] for name in kept if name in head}
    return _Finding({**result, "x-cos-next-append-position": str(size)})


async def _find_completion(
    client: AsyncOperations, params: Mapping[str, Any], upload: AsyncRequestBody | None
) -> _Finding:
    """Look whether the upload is still there; if it is not, its object proves nothing by itself."""
    place = {name: params[name] for name in ("Bucket", "Key", "UploadId")}
    try:
        await client.list_parts(**place, MaxParts=1)
    except NoSuchUpload:
        return _Finding(note="The answer was lost, and the upload is gone: it may be complete")
    except CosException as answer:
        return _Finding(note=f"The answer was lost, and what became of it is unknown: {answer!r}")
    return _Finding(undone=True)


class AsyncFinder(Protocol):
    """Finds out what became of a call of one kind, by other calls; what fails then is a note."""

    async def __call__(
        self, client: AsyncOperations, params: Mapping[str, Any], upload: AsyncRequestBody | None
    ) -> _Finding:
        """Return what was found."""
        ...


_FINDERS: Mapping[str, AsyncFinder] = {
    "AppendObject": _find_append,
    "CompleteMultipartUpload": _find_completion,
}


class AsyncContinuation:
    """Opens the rest of a body whose connection was cut; the object is held by its ETag."""

    def __init__(
        self, sender: AsyncSender, call: Call, status: int, headers: Mapping[str, str]
    ) -> None:
        self._sender = sender
        self._call = call
        self._status = status
        self._headers = headers
        self._received = 0
        self._tries: Tries | None = None

    async def __call__(self, received: int, cut: TransportError) -> AsyncIncoming:
        """Return the response that goes on after so many bytes.

        Raises:
            ObjectChanged: the object is another one by now.
            IntegrityError: the service sends something else than the rest.
            CosException: it cannot be had; the cut itself, if trying is of no use.
        """
        body_range = body_range_of(self._status, self._headers)
        if body_range is None:
            raise cut
        tries = self._tries = self._tries or self._sender.tries(self._call)
        if received > self._received:
            self._received = received
            tries.succeeded()
        call = remaining_call(self._call, body_range, received)
        error: TransportError | CosServiceError = cut
        started = perf_counter()
        while True:
            tries.note(error)
            pause = self._sender.decide(
                tries, error, idempotent=True, seconds=perf_counter() - started
            )
            if pause is None:
                raise error
            await async_sleep(pause)
            started = perf_counter()
            try:
                incoming = await self._sender.open(call)
            except (TransportError, CosServiceError) as failure:
                if isinstance(failure, CosServiceError) and failure.status in _GONE:
                    raise ObjectChanged(
                        f"The object changed while it was read, after {received} bytes"
                    ) from failure
                error = failure
                continue
            try:
                check_remaining(body_range, received, incoming.status, incoming.headers)
            except IntegrityError:
                await incoming.aclose()
                raise
            return incoming
