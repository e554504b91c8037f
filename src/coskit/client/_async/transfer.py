"""Uploading whole files: in one request if they are small, in parallel parts if they are not."""

import os
from pathlib import Path
from typing import Any

from coskit.client._async.pages import AsyncPages
from coskit.client._async.workers import AsyncWorkers, async_blocking
from coskit.client.plan import MIB, SINGLE_UPLOAD, PartRange, plan_parts
from coskit.client.section import FileSection
from coskit.protocol import types
from coskit.protocol.errors import CosException, ParameterError


class AsyncTransfers(AsyncPages):
    """Transfers of files, made of the operations."""

    async def upload_file(
        self,
        Bucket: str,
        Key: str,
        LocalFilePath: str | os.PathLike[str],
        PartSize: int = 1,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        **options: Any,
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Upload a file: up to 20 MB in one request, above that in parts, several at a time.

        A failed part ends the others and aborts the upload, so that nothing is left behind.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            LocalFilePath: the file.
            PartSize: of a part, in MB; it grows where 10,000 parts would not be enough.
            MAXThread: parts that are on their way at a time.
            EnableMD5: send the MD5 of every body with it.
            **options: as for `put_object`, such as `StorageClass` or `Metadata`.

        Returns:
            What `put_object` or `complete_multipart_upload` returned.

        Raises:
            CosServiceError: the service refused a request.
            CosClientError: a request failed, or the file changed on the way.
            OSError: the file cannot be read.
        """
        path = Path(LocalFilePath)
        before = await async_blocking(path.stat)
        if before.st_size <= SINGLE_UPLOAD:
            with await async_blocking(path.open, "rb") as file:
                return await self.put_object(Bucket, file, Key, EnableMD5=EnableMD5, **options)
        parts = plan_parts(before.st_size, PartSize * MIB)
        upload = await self.create_multipart_upload(Bucket, Key, **_for_the_upload(options))
        place: dict[str, Any] = {"Bucket": Bucket, "Key": Key, "UploadId": upload["UploadId"]}
        try:
            common = {"EnableMD5": EnableMD5, **_for_parts(options)}
            etags = await self._upload_parts(place, path, parts, MAXThread, common)
            after = await async_blocking(path.stat)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ParameterError(f"{path} changed while it was uploaded")
            listed: list[types.CompletedPart] = [
                {"PartNumber": part.number, "ETag": etags[part.number]} for part in parts
            ]
            return await self.complete_multipart_upload(
                **place, MultipartUpload={"Part": listed}, **_for_completion(options)
            )
        except BaseException as error:
            try:
                await self.abort_multipart_upload(**place)
            except CosException as failure:
                error.add_note(f"The upload {upload['UploadId']} could not be aborted: {failure}")
            raise

    async def _upload_parts(
        self,
        place: dict[str, Any],
        path: Path,
        parts: tuple[PartRange, ...],
        limit: int,
        common: dict[str, Any],
    ) -> dict[int, str]:
        etags: dict[int, str] = {}

        async def upload(part: PartRange) -> None:
            with FileSection(path, part.offset, part.length) as section:
                result = await self.upload_part(
                    **place, Body=section, PartNumber=part.number, **common
                )
            etags[part.number] = result["ETag"]

        async with AsyncWorkers(limit) as workers:
            for part in parts:
                await workers.submit(upload, part)
        return etags


# They are decided when the object appears.
_CONDITIONS = frozenset(("ForbidOverwrite", "IfMatch", "IfNoneMatch"))


# They have to come with every part again.
_WITH_PARTS = frozenset(
    ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5", "TrafficLimit")
)


def _for_parts(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in _WITH_PARTS}


def _for_completion(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in _CONDITIONS}


def _for_the_upload(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that a multipart upload takes; those of one body do not apply to it."""
    others = {"ContentMD5", "ContentLength", "TrafficLimit", *_CONDITIONS}
    return {name: value for name, value in options.items() if name not in others}
