"""One multipart upload, whose every response may be lost: begun or resumed, then completed."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coskit.client._async.concurrency import (
    async_blocking,
    async_cleanup,
    async_shielded,
)
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.request.retry_handler import AsyncRetryHandler
from coskit.client._async.transfer.context import AsyncTransferContext
from coskit.client.request.checksums import bare_etag, joined_etag
from coskit.client.request.retry_state import RetryBudget, RetryState
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
# Options that the service applies when the object appears.
_CONDITIONS = ("ForbidOverwrite", "IfMatch", "IfNoneMatch")
# Options of a single body, which in a multipart upload is the body of a part.
_OF_ONE_BODY = frozenset(("ContentMD5", "ContentLength", "TrafficLimit", *_CONDITIONS))


class AsyncMultipartUpload:
    """A multipart upload: begun or resumed, then completed, kept or aborted.

    It touches no upload of other clients, only the upload in the journal and uploads that this
    transfer initiated and whose responses were lost; those are looked for after the transfer.

    Args:
        operations: the client's operations.
        context: the context of the client's transfers.
        bucket: the bucket's name.
        key: the object's key.
        options: the options of `put_object`.
        journal: the journal that keeps the state, if any.

    Attributes:
        state: the state of the upload, as the journal keeps it.
    """

    def __init__(
        self,
        operations: AsyncPaginators,
        context: AsyncTransferContext,
        bucket: str,
        key: str,
        options: Mapping[str, Any],
        journal: Journal | None = None,
    ) -> None:
        self._operations = operations
        self._config = context.config
        self._dialect = context.dialect
        self._object: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._options = options
        self._customer_key = _chosen(options, _CUSTOMER_KEY)
        self._journal = journal
        self.state = UploadState() if journal is None else decode_state(journal.state)

    @property
    def place(self) -> dict[str, Any]:
        """The parameters that name the upload; the upload id is empty before `begin`."""
        return {**self._object, "UploadId": self.state.upload_id}

    @property
    def part_options(self) -> dict[str, Any]:
        """The options that are sent with every part."""
        return {**self._customer_key, **_chosen(self._options, ("TrafficLimit",))}

    async def _save(self, state: UploadState) -> None:
        self.state = state
        if self._journal is not None:
            await async_blocking(self._journal.save, encode_state(state))

    # Beginning

    async def begin(self, metadata: Mapping[str, str], source: Mapping[str, str]) -> None:
        """Initiate the upload.

        The journal is written before, so that an upload is found even if the process dies.

        Args:
            metadata: the metadata that the source adds to that of the options.
            source: the state with which the source gives the same bytes again.

        Raises:
            CosException: the upload cannot be initiated.
        """
        options = {name: v for name, v in self._options.items() if name not in _OF_ONE_BODY}
        if metadata:
            options["Metadata"] = {**(options.get("Metadata") or {}), **metadata}
        handler = self._retry_handler("create_multipart_upload")
        await handler.run(lambda: self._initiate(options, source))

    async def _initiate(self, options: Mapping[str, Any], source: Mapping[str, str]) -> None:
        before, start = self.state, self._config.clock()
        await self._save(replace(before, lost=(*before.lost, LostInitiation(start))))
        try:
            await async_shielded(self._create, options, start, source)
        except CosException as error:
            lost = before.lost
            if is_lost(error):
                lost = (*lost, LostInitiation(start, self._config.clock()))
            await self._save(replace(before, lost=lost))
            raise

    async def _create(
        self, options: Mapping[str, Any], begun: float, source: Mapping[str, str]
    ) -> None:
        """Initiate the upload and save its id, so that a cancelled transfer can abort it."""
        result = await self._operations.create_multipart_upload(**self._object, **options)
        known = replace(self.state, lost=self.state.lost[:-1])  # this response has arrived
        await self._save(replace(known, upload_id=result["UploadId"], begun=begun, source=source))

    # Resuming

    async def listed(self) -> list[types.ListedPart] | None:
        """Return the parts that the service has, or None if it does not have the upload.

        Raises:
            CosException: the parts cannot be listed.
        """
        try:
            return [part async for part in self._operations.iter_parts(**self.place)]
        except NoSuchUpload:
            return None
        except AccessDenied:  # listing parts needs a permission of its own
            await self._abort_quietly(self.state.upload_id)
            return None

    async def clear(self) -> None:
        """Abort the upload that a transfer of other content or options left in the journal."""
        stale = UploadState() if self._journal is None else decode_state(self._journal.stale)
        if stale.upload_id:
            await self._abort_quietly(stale.upload_id)
        if stale.lost:
            await self._save(replace(self.state, lost=(*self.state.lost, *stale.lost)))

    async def forget(self) -> None:
        """Record that the service does not have the upload, so that another one can be begun."""
        await self._save(UploadState(lost=self.state.lost))

    # Completing

    async def complete(self, etags: Sequence[str], size: int, crc64: int | None) -> dict[str, Any]:
        """Join the parts and return the result of `complete_multipart_upload`.

        The request is repeated if its response is lost. If the upload does not exist any more, the
        object is recognised by its length and its CRC64, or by the ETag of its parts.

        Args:
            etags: the ETags of all parts, in order.
            size: the bytes of all parts together.
            crc64: the CRC64 of all parts together, or None if it is unknown.

        Raises:
            IntegrityError: the object has another CRC64 or length.
            CosException: the object was not made, or it is unknown whether it was.
        """
        joined = joined_etag(etags)
        await self._save(replace(self.state, crc64=crc64, etag=joined))
        parts: list[types.CompletedPart] = [
            {"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)
        ]
        options = {**_chosen(self._options, _CONDITIONS), **self._customer_key}
        handler = self._retry_handler("complete_multipart_upload")
        try:
            result: Mapping[str, Any] = await handler.run(
                lambda: self._operations.complete_multipart_upload(
                    **self.place, MultipartUpload={"Part": parts}, **options
                )
            )
        except (TransportError, CosServiceError) as error:
            found = None
            if is_lost(error) or may_have_completed(error, handler.lost):
                found = await self.completed(size)
            if found is None:
                raise
            return found
        self.state = replace(self.state, upload_id="")
        await self._check_completed(result, size, crc64, joined)
        return dict(result)

    async def completed(self, size: int) -> dict[str, Any] | None:
        """Return the result of a completion that was requested, or None if there is no object.

        Args:
            size: the bytes that the object should have.
        """
        if self.state.crc64 is None and not self.state.etag:
            return None
        try:
            head: Mapping[str, Any] = await self._operations.head_object(
                **self._object, **self._customer_key
            )
        except CosException as error:
            _log.debug("HEAD of %s failed: %s", self._object["Key"], error)
            return None
        ahead = seconds_ahead(head.get("Date", ""), self._config.clock())
        if not is_completed(head, size, self.state, ahead):
            return None
        self.state = replace(self.state, upload_id="")
        result = {
            name: value for name, value in head.items() if name.startswith(("x-cos-", "Date"))
        }
        bucket, key = self._object["Bucket"], self._object["Key"]
        url = self._operations.get_object_url(bucket, key)
        result.update(Location=url, Bucket=bucket, Key=checked_key(key), ETag=head["ETag"])
        return result

    async def _check_completed(
        self, result: Mapping[str, Any], size: int, crc64: int | None, joined: str
    ) -> None:
        """Compare the object with the bytes that were sent.

        Raises:
            IntegrityError: the object has another CRC64 or length.
        """
        stored = result.get("x-cos-hash-crc64ecma", "")
        if stored.isdecimal() and crc64 not in (None, int(stored)):
            raise IntegrityError(
                f"The object {self._object['Key']} is there, but wrong: its CRC64 is "
                f"{stored}, that of the bytes sent is {crc64}"
            )
        if not stored and not self._dialect.returns_crc64 and bare_etag(result) != joined:
            await self._check_length(result, size)

    async def _check_length(self, result: Mapping[str, Any], size: int) -> None:
        """Compare the length of an object whose response proves nothing.

        Raises:
            IntegrityError: the object has another length.
        """
        version = result.get("x-cos-version-id", "")
        asked = {**self._object, **({"VersionId": version} if version else {})}
        try:
            head: Mapping[str, Any] = await self._operations.head_object(
                **asked, **self._customer_key
            )
        except CosException as error:  # reading needs a permission of its own
            _log.debug("HEAD of %s failed: %s", self._object["Key"], error)
            return
        if bare_etag(head) == bare_etag(result) and head.get("Content-Length") != str(size):
            raise IntegrityError(
                f"The object {self._object['Key']} is there, but wrong: it has "
                f"{head.get('Content-Length')} bytes, {size} were sent"
            )

    def _retry_handler(self, function: str) -> AsyncRetryHandler:
        """Return the retries of a call whose response is lost, which is harmless to repeat here.

        Other failures are left to the retries of the client.
        """
        config, place = self._config, self._object
        state = RetryState(
            config.retry,
            RetryBudget(math.inf),
            f"{function} {place['Bucket']}/{place['Key']}",
            jitter=config.jitter,
            clock=config.clock,
        )
        return AsyncRetryHandler(state, idempotent=True, can_repeat=is_lost)

    # Ending

    async def end_well(self, date: str) -> None:
        """Leave nothing behind after the object has appeared.

        Args:
            date: the Date header of a recent response.
        """
        await async_cleanup(self._abort_lost_uploads, date)
        if self._journal is not None:
            self._journal.remove()

    async def end_badly(self, error: BaseException) -> None:
        """Keep the upload if a later transfer may resume it; abort it otherwise.

        Args:
            error: the error that ended the transfer; it gets a note if the abort fails.
        """
        await async_cleanup(self._end_badly, error)

    async def _end_badly(self, error: BaseException) -> None:
        keep = self._journal is not None and is_worth_resuming(error)
        if self.state.upload_id and not keep:
            try:
                await self._operations.abort_multipart_upload(**self.place)
            except NoSuchUpload:
                pass
            except CosException as failure:
                upload_id = self.state.upload_id
                error.add_note(f"The upload {upload_id} could not be aborted: {failure!r}")
                return
            self.state = UploadState(lost=self.state.lost)
        if self._journal is None:
            await self._abort_lost_uploads("")
        elif self.state.lost and not self.state.upload_id:
            await self._save(self.state)
        elif not self.state.upload_id:
            self._journal.remove()

    async def _abort_lost_uploads(self, date: str) -> None:
        """Abort uploads that this transfer initiated and whose ids never arrived."""
        state, key = self.state, checked_key(self._object["Key"])
        if not state.lost:
            return
        ahead = seconds_ahead(date, self._config.clock())
        bucket = self._object["Bucket"]
        try:
            async for upload in self._operations.iter_uploads(bucket, Prefix=key):
                if upload["Key"] != key:
                    break  # the key itself comes first among the keys that start with it
                if may_be_lost_upload(upload, key, state.upload_id, state.lost, ahead):
                    place = {**self._object, "UploadId": upload["UploadId"]}
                    parts = await self._operations.list_parts(**place, MaxParts=1)
                    if not parts.get("Part"):
                        await self._operations.abort_multipart_upload(**place)
        except CosException as error:
            _log.debug("the search for lost uploads of %s failed: %s", key, error)

    async def _abort_quietly(self, upload_id: str) -> None:
        try:
            await self._operations.abort_multipart_upload(**self._object, UploadId=upload_id)
        except CosException as error:
            _log.debug("the earlier upload %s was not aborted: %s", upload_id, error)


def _chosen(options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}
