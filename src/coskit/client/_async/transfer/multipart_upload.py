"""One multipart upload of ours on the service, of which every reply may get lost on the way."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coskit.client._async.concurrency import (
    async_blocking,
    async_cleanup,
    async_shielded,
    async_sleep,
)
from coskit.client._async.transfer.context import AsyncEngine
from coskit.client.config import ClientConfig
from coskit.client.request.checksums import bare_etag, joined_etag
from coskit.client.request.dialects.lookup import dialect_of
from coskit.client.request.validation import checked_key
from coskit.client.settings.retry import is_lost
from coskit.client.transfer.state.journal import Journal
from coskit.client.transfer.state.upload_state import (
    LostInitiation,
    UploadState,
    decode_state,
    encode_state,
    is_completed,
    is_worth_resuming,
    may_be_lost_upload,
    may_have_completed,
    seconds_ahead,
)
from coskit.protocol import types
from coskit.protocol.errors import (
    AccessDenied,
    CosException,
    CosServiceError,
    IntegrityError,
    NoSuchUpload,
    TransportError,
)

_log = logging.getLogger("coskit")
_CUSTOMER_KEY = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
# They are decided when the object appears.
_CONDITIONS = ("ForbidOverwrite", "IfMatch", "IfNoneMatch")
# They belong to one body, which here is a part's.
_OF_ONE_BODY = frozenset(("ContentMD5", "ContentLength", "TrafficLimit", *_CONDITIONS))


class AsyncMultipartUpload:
    """A multipart upload: begun or taken up again, then completed, kept or aborted.

    Only uploads of ours are ever touched: the one in the journal, and those whose initiation got
    no reply, which are looked for once the transfer is over.

    Args:
        engine: whose calls are made.
        config: of its client.
        bucket: the bucket's name.
        key: of the object.
        options: as for `put_object`.
        journal: where its trace is kept, if it is.

    Attributes:
        place: the arguments that name it in calls; without an upload id before it has begun.
        trace: what is known of it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        config: ClientConfig,
        bucket: str,
        key: str,
        options: Mapping[str, Any],
        journal: Journal | None = None,
    ) -> None:
        self._engine = engine
        self._config = config
        self._object: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._options = options
        self._customer_key = _chosen(options, _CUSTOMER_KEY)
        self._journal = journal
        self._tells_crc64 = dialect_of(config).returns_crc64
        self.trace = UploadState() if journal is None else decode_state(journal.state)

    @property
    def place(self) -> dict[str, Any]:
        """Bucket, key and upload id."""
        return {**self._object, "UploadId": self.trace.upload_id}

    @property
    def part_options(self) -> dict[str, Any]:
        """The options that come with every part again."""
        return {**self._customer_key, **_chosen(self._options, ("TrafficLimit",))}

    async def _note(self, trace: UploadState) -> None:
        self.trace = trace
        if self._journal is not None:
            await async_blocking(self._journal.save, encode_state(trace))

    async def begin(self, metadata: Mapping[str, str], source: Mapping[str, str]) -> None:
        """Initiate it. That is written down before, so that no sudden death makes it forgotten.

        Args:
            metadata: that the source wants next to the caller's.
            source: what the source needs to give the same bytes again.

        Raises:
            CosException: it cannot be initiated.
        """
        options = {name: v for name, v in self._options.items() if name not in _OF_ONE_BODY}
        if metadata:
            options["Metadata"] = {**(options.get("Metadata") or {}), **metadata}
        attempt = 1
        while True:
            before, start = self.trace, self._config.clock()
            await self._note(replace(before, lost=(*before.lost, LostInitiation(start))))
            try:
                await async_shielded(self._create, options, start, source)
            except CosException as error:
                if not is_lost(error):
                    await self._note(before)
                    raise
                window = LostInitiation(start, self._config.clock())
                await self._note(replace(before, lost=(*before.lost, window)))
                pause = self._pause(attempt)
                if pause is None:
                    raise
            else:
                return
            await async_sleep(pause)
            attempt += 1

    async def _create(
        self, options: Mapping[str, Any], begun: float, source: Mapping[str, str]
    ) -> None:
        """Initiate it and note its id: who is cancelled meanwhile knows what there is to abort."""
        result = await self._engine.create_multipart_upload(**self._object, **options)
        known = replace(self.trace, lost=self.trace.lost[:-1])  # this one was not
        await self._note(replace(known, upload_id=result["UploadId"], begun=begun, source=source))

    async def listed(self) -> list[types.ListedPart] | None:
        """Return the parts that the service has, or None if it does not have the upload.

        Raises:
            CosException: they cannot be listed.
        """
        try:
            return [part async for part in self._engine.iter_parts(**self.place)]
        except NoSuchUpload:
            return None
        except AccessDenied:  # to list parts is a permission of its own
            await self._abort_quietly(self.trace.upload_id)
            return None

    async def completed(self, size: int) -> dict[str, Any] | None:
        """Return what the completion returned, if it was asked for and the object is there.

        Args:
            size: the object's bytes as they should be.
        """
        if self.trace.crc64 is None and not self.trace.etag:
            return None
        try:
            head: Mapping[str, Any] = await self._engine.head_object(
                **self._object, **self._customer_key
            )
        except CosException as error:
            _log.debug("%s cannot be looked at: %s", self._object["Key"], error)
            return None
        ahead = seconds_ahead(head.get("Date", ""), self._config.clock())
        if not is_completed(head, size, self.trace, ahead):
            return None
        self.trace = replace(self.trace, upload_id="")
        result = {
            name: value for name, value in head.items() if name.startswith(("x-cos-", "Date"))
        }
        where = self._engine.get_object_url(self._object["Bucket"], self._object["Key"])
        key = checked_key(self._object["Key"])
        result.update(Location=where, Bucket=self._object["Bucket"], Key=key, ETag=head["ETag"])
        return result

    async def forget(self) -> None:
        """Note that the service does not have it; another one may be begun."""
        await self._note(UploadState(lost=self.trace.lost))

    async def complete(self, etags: Sequence[str], size: int, crc64: int | None) -> dict[str, Any]:
        """Join the parts and return what `complete_multipart_upload` returns.

        If its reply is lost it is asked for again; where the upload is gone then, the object tells
        by length and CRC64, or by the ETag of its parts, whether it is the one.

        Args:
            etags: of all parts, in order.
            size: of all parts together.
            crc64: likewise, or None if nobody knows.

        Raises:
            IntegrityError: the object is there, and has another CRC64 or length.
            CosException: the object was not made, or it cannot be found out whether it was.
        """
        joined = joined_etag(etags)
        await self._note(replace(self.trace, crc64=crc64, etag=joined))
        parts: list[types.CompletedPart] = [
            {"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)
        ]
        options = {**_chosen(self._options, _CONDITIONS), **self._customer_key}
        attempt, lost = 1, None
        while True:
            pause = None
            try:
                result: Mapping[str, Any] = await self._engine.complete_multipart_upload(
                    **self.place, MultipartUpload={"Part": parts}, **options
                )
            except (TransportError, CosServiceError) as error:
                if is_lost(error):
                    lost, pause = error, self._pause(attempt)
                elif not may_have_completed(error, lost):
                    raise
                if pause is None:
                    found = await self.completed(size)
                    if found is None:
                        raise
                    return found
            else:
                self.trace = replace(self.trace, upload_id="")
                stored = result.get("x-cos-hash-crc64ecma", "")
                if stored.isdecimal() and crc64 not in (None, int(stored)):
                    raise IntegrityError(
                        f"The object {self._object['Key']} is there, but wrong: its CRC64 is "
                        f"{stored}, that of the bytes sent is {crc64}"
                    )
                if not stored and not self._tells_crc64 and bare_etag(result) != joined:
                    await self._check_length(result, size)
                return dict(result)
            await async_sleep(pause)
            attempt += 1

    async def _check_length(self, result: Mapping[str, Any], size: int) -> None:
        """Look at what has been made where the answer proves nothing.

        Raises:
            IntegrityError: it has another length.
        """
        version = result.get("x-cos-version-id", "")
        asked = {**self._object, **({"VersionId": version} if version else {})}
        try:
            head: Mapping[str, Any] = await self._engine.head_object(**asked, **self._customer_key)
        except CosException as error:  # to read is a permission of its own
            _log.debug("%s cannot be looked at: %s", self._object["Key"], error)
            return
        if bare_etag(head) == bare_etag(result) and head.get("Content-Length") != str(size):
            raise IntegrityError(
                f"The object {self._object['Key']} is there, but wrong: it has "
                f"{head.get('Content-Length')} bytes, {size} were sent"
            )

    def _pause(self, attempt: int) -> float | None:
        """Return the seconds to wait after a lost reply, or None if it was one too many."""
        error, jitter = TransportError("the reply was lost"), self._config.jitter()
        return self._config.retry.delay(error, attempt, idempotent=True, jitter=jitter)

    async def clear(self) -> None:
        """Abort what a transfer of other content or options has left in this one's journal.

        Its parts are of no use any more.
        """
        stale = UploadState() if self._journal is None else decode_state(self._journal.stale)
        if stale.upload_id:
            await self._abort_quietly(stale.upload_id)
        if stale.lost:
            await self._note(replace(self.trace, lost=(*self.trace.lost, *stale.lost)))

    async def end_well(self, date: str) -> None:
        """Leave nothing behind after the object has appeared.

        Args:
            date: the Date of a recent answer.
        """
        await async_cleanup(self._sweep, date)
        if self._journal is not None:
            self._journal.remove()

    async def end_badly(self, error: BaseException) -> None:
        """Keep it for the next transfer if that may be able to use it; else abort it.

        Args:
            error: what ended the transfer; it is told if the upload cannot be aborted.
        """
        await async_cleanup(self._end_badly, error)

    async def _end_badly(self, error: BaseException) -> None:
        keep = self._journal is not None and is_worth_resuming(error)
        if self.trace.upload_id and not keep:
            try:
                await self._engine.abort_multipart_upload(**self.place)
            except NoSuchUpload:
                pass
            except CosException as failure:
                upload_id = self.trace.upload_id
                error.add_note(f"The upload {upload_id} could not be aborted: {failure!r}")
                return
            self.trace = UploadState(lost=self.trace.lost)
        if self._journal is None:
            await self._sweep("")
        elif self.trace.lost and not self.trace.upload_id:
            await self._note(self.trace)
        elif not self.trace.upload_id:
            self._journal.remove()

    async def _sweep(self, date: str) -> None:
        """Abort uploads that were initiated for this transfer and whose ids never arrived."""
        trace, key = self.trace, checked_key(self._object["Key"])
        if not trace.lost:
            return
        ahead = seconds_ahead(date, self._config.clock())
        bucket = self._object["Bucket"]
        try:
            async for upload in self._engine.iter_uploads(bucket, Prefix=key):
                if upload["Key"] != key:
                    break  # the key itself comes first
                if may_be_lost_upload(upload, key, trace.upload_id, trace.lost, ahead):
                    place = {**self._object, "UploadId": upload["UploadId"]}
                    parts = await self._engine.list_parts(**place, MaxParts=1)
                    if not parts.get("Part"):
                        await self._engine.abort_multipart_upload(**place)
        except CosException as error:
            _log.debug("uploads of %s that got no reply were not looked for: %s", key, error)

    async def _abort_quietly(self, upload_id: str) -> None:
        try:
            await self._engine.abort_multipart_upload(**self._object, UploadId=upload_id)
        except CosException as error:
            _log.debug("the earlier upload %s was not aborted: %s", upload_id, error)


def _chosen(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}
