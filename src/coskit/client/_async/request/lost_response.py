"""Find out, by other calls, whether a call succeeded whose response was lost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.operations import AsyncOperations
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import CosException, CosServiceError, NoSuchUpload


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The outcome of a call whose response was lost.

    Attributes:
        result: the call's result, if it succeeded.
        undone: whether the call certainly had no effect, so that it may be repeated.
        note: the reason why the outcome is unknown, if it is.
    """

    result: dict[str, Any] | None = None
    undone: bool = False
    note: str = ""


class AsyncOutcomeFinder(Protocol):
    """Finds out the outcome of calls of one operation; errors on the way become notes."""

    async def __call__(
        self,
        operations: AsyncOperations,
        params: Mapping[str, Any],
        body: AsyncRequestBody | None,
    ) -> CallOutcome:
        """Return the outcome of a call."""
        ...


async def find_append(
    operations: AsyncOperations, params: Mapping[str, Any], body: AsyncRequestBody | None
) -> CallOutcome:
    """Find out whether the object ends with the bytes of an append."""
    assert body is not None
    place = {"Bucket": params["Bucket"], "Key": params["Key"]}
    position = int(params["Position"])
    try:
        head: Mapping[str, Any] = await operations.head_object(**place)
        length = str(head.get("Content-Length") or "")
        if not (length.isascii() and length.isdigit()):
            return CallOutcome(note="The response was lost, and the object's length is unknown")
        size = int(length)
        if size == position:
            return CallOutcome(undone=True)
        if body.length is None or size != position + body.length:
            return CallOutcome(note=f"The response was lost, and the object now has {size} bytes")
        tail = await operations.get_object(
            **place, Range=f"bytes={position}-{size - 1}", IfMatch=head["ETag"]
        )
        found = 0
        async for chunk in tail["Body"].get_stream():
            found = crc64(chunk, found)
    except CosException as error:
        if isinstance(error, CosServiceError) and error.status == 404 and not position:
            return CallOutcome(undone=True)
        return CallOutcome(note=f"The response was lost, and its outcome is unknown: {error!r}")
    if found != body.sent_crc64():
        return CallOutcome(note="The response was lost, and the object ends with other bytes")
    kept = ("ETag", "x-cos-hash-crc64ecma", "x-cos-request-id")
    result = {name: head[name] for name in kept if name in head}
    return CallOutcome({**result, "x-cos-next-append-position": str(size)})


async def find_completion(
    operations: AsyncOperations, params: Mapping[str, Any], body: AsyncRequestBody | None
) -> CallOutcome:
    """Find out whether an upload is still there.

    If it is gone, it may be complete; the object under its key alone does not prove it.
    """
    place = {name: params[name] for name in ("Bucket", "Key", "UploadId")}
    try:
        await operations.list_parts(**place, MaxParts=1)
    except NoSuchUpload:
        return CallOutcome(note="The response was lost, and the upload is gone: it may be complete")
    except CosException as error:
        return CallOutcome(note=f"The response was lost, and its outcome is unknown: {error!r}")
    return CallOutcome(undone=True)


OUTCOME_FINDERS: Mapping[str, AsyncOutcomeFinder] = {
    "AppendObject": find_append,
    "CompleteMultipartUpload": find_completion,
}
