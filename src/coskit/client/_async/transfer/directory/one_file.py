"""One file of a directory transfer: compared, transferred and, after a move, removed."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import async_blocking, async_sleep
from coskit.client._async.transfer.directory.listing import AsyncListing
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.directory.compare import FileEntry, Verdict, file_time, is_settled, judge
from coskit.client.directory.file_content import FileChecksums, read_small, remove_uploaded
from coskit.client.directory.local_files import LocalDirectory
from coskit.client.directory.locations import BucketPlace, check_name
from coskit.client.directory.result import FileAction, FileInFlight
from coskit.client.directory.result_counter import DirectoryProgress, ResultCounter
from coskit.client.directory.sync_request import SyncRequest, for_source, upload_request
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import SINGLE_UPLOAD
from coskit.client.transfer.upload_source import FileSource
from coskit.protocol import types
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import CosClientError, CosServiceError, ObjectChanged

_SMALL = MIB  # bytes of a file that is transferred without a journal, as a whole


class AsyncFileTransfer:
    """Transfers one file at a time, with the request of the whole directory.

    Args:
        transfers: the client's transfers.
        request: the request of the transfer.
        listing: looks up objects.
        counter: counts the results.
        target: the directory that is downloaded into, if there is one.
    """

    def __init__(
        self,
        transfers: AsyncTransfers,
        request: SyncRequest,
        listing: AsyncListing,
        counter: ResultCounter,
        target: LocalDirectory | None,
    ) -> None:
        self._transfers = transfers
        self._operations = transfers.operations
        self._request = request
        self._listing = listing
        self._counter = counter
        self._target = target
        self._progress = DirectoryProgress(request.progress)
        self._checked: dict[tuple[int, bool, bool], TransferOptions] = {}
        self._journals = target is not None and transfers.context.has_journals()

    async def bring(
        self, source: FileEntry, there: FileEntry | None, verdict: Verdict = Verdict.DIFFERENT
    ) -> FileAction | None:
        """Transfer a file if it differs from its counterpart; return None if it does not.

        Raises:
            Obstacle: a file or directory is in the way.
            CosException: the file cannot be transferred.
            OSError: a local file cannot be read or written.
        """
        if verdict is Verdict.UNSURE and there and await self._is_same(source, there):
            self._settle(source)
            return None
        if verdict is Verdict.SAME:
            return None
        size = source.size if self._request.dry_run else await self._move(source)
        return FileAction(
            self._request.kind, source.name, size, source.new_name, replaces=there is not None
        )

    async def bring_named(self, entry: FileEntry) -> FileAction | None:
        """Look up a file that was named, and transfer it; see `bring`."""
        request, there, verdict = self._request, None, Verdict.DIFFERENT
        if self._target is not None:
            check_name(entry.target)
        # A download and a copy find the object themselves.
        if request.comparison or request.dry_run or isinstance(request.source, Path):
            entry = await self._listing.source_of(entry)
        if request.comparison:
            there = await self._listing.counterpart_of(entry)
            verdict = judge(request.comparison, entry, there) if there else verdict
        return await self.bring(entry, there, verdict)

    async def _move(self, entry: FileEntry) -> int:
        """Transfer one file and return its size."""
        source, destination = self._request.source, self._request.destination
        flight = self._counter.started(self._request.kind, entry.name, entry.size)
        if flight is None and entry.size < 0:
            flight = FileInFlight(self._request.kind, entry.name, entry.size)
        if isinstance(destination, Path):
            assert isinstance(source, BucketPlace)
            await self._download(source, entry, flight)
        elif isinstance(source, Path):
            await self._upload(source, destination, entry, flight)
        else:
            await self._copy(source, destination, entry, flight)
        return entry.size if flight is None else max(flight.size, 0)

    def _options(
        self,
        entry: FileEntry,
        flight: FileInFlight | None,
        *,
        part_size: int,
        with_md5: bool = False,
        resume: bool = True,
    ) -> TransferOptions:
        kind = part_size, with_md5, resume
        options = self._checked.get(kind)
        if options is None:  # checked once for all files
            arguments = {"EnableMD5": with_md5, **self._request.options}
            arguments["MAXThread"] = self._request.threads
            if not resume:
                arguments["Resume"] = False
            options = TransferOptions.from_arguments(arguments, part_size=part_size)
            self._checked[kind] = options
        callback = self._progress.file(entry.size, flight)
        return options if callback is None else replace(options, progress=callback)

    async def _upload(
        self, source: Path, destination: BucketPlace, entry: FileEntry, flight: FileInFlight | None
    ) -> None:
        # An object that is stored damaged would pass for unchanged the next time. The MD5 of parts
        # is not needed then: their CRC64 is compared with the whole object's.
        with_md5 = self._request.move or entry.size <= SINGLE_UPLOAD
        options = self._options(entry, flight, part_size=1, with_md5=with_md5)
        if "GuessContentType" in options.request:
            options = replace(options, request=upload_request(options.request, entry.target))
        place = destination.bucket, destination.key(entry.target)
        if not self._request.move:
            await self._upload_file(f"{source}/{entry.name}", place, entry.size, options)
            return
        path = source / entry.name
        file = await async_blocking(FileSource, path)
        if not file.is_measured:
            raise CosClientError(f"{path} cannot be moved: it has no size")
        await self._transfers.upload(file, *place, options)
        await async_blocking(remove_uploaded, path, file)

    async def _upload_file(
        self, path: str, place: tuple[str, str], size: int, options: TransferOptions
    ) -> None:
        if 0 < size <= _SMALL:
            async with self._transfers.context.memory(size):
                content = await async_blocking(read_small, path, size)
                if content is not None:
                    await self._transfers.upload_content(content, *place, options)
                    return
        await self._transfers.upload_file(path, *place, options)

    async def _copy(
        self,
        source: BucketPlace,
        destination: BucketPlace,
        entry: FileEntry,
        flight: FileInFlight | None,
    ) -> None:
        if self._request.move and source.key(entry.name) == destination.key(entry.target):
            if source.bucket == destination.bucket:
                raise CosClientError("An object cannot be moved to itself")
        arguments = self._options(entry, flight, part_size=64)
        request = {**arguments.request}
        status = request.pop("CopyStatus", "Copy")
        if self._request.move:
            entry = await self._listing.source_of(entry)
            request["CopySourceIfMatch"] = f'"{entry.etag}"'
        options = replace(arguments, request=request)
        named: types.CopySource = {"Bucket": source.bucket, "Key": source.key(entry.name)}
        if entry.version:
            named["VersionId"] = entry.version
        place = destination.bucket, destination.key(entry.target)
        await self._transfers.copy(*place, named, status, options)
        if self._request.move:
            await self._remove(source, entry)

    async def _download(
        self, source: BucketPlace, entry: FileEntry, flight: FileInFlight | None
    ) -> None:
        assert self._target is not None
        target = self._target.prepare(entry.target)
        # The download of a small object leaves no journal, and there may be none of an earlier one.
        resume = self._journals or not 0 <= entry.size <= _SMALL
        options = self._options(entry, flight, part_size=20, resume=resume)
        place = source.bucket, source.key(entry.name)
        headers: Mapping[str, Any] = await self._transfers.download(
            target, *place, entry.version, options, size=entry.size
        )
        modified = parse_http_date(str(headers.get("Last-Modified") or ""))
        if modified is not None:
            moment = file_time(modified, parse_http_date(str(headers.get("Date", ""))))
            os.utime(target.path, ns=(moment, moment))
        if self._request.move:
            size, etag = int(headers["Content-Length"]), str(headers.get("ETag") or "").strip('"')
            await self._remove(source, replace(entry, size=size, etag=etag or "-"))

    async def _remove(self, source: BucketPlace, entry: FileEntry) -> None:
        """Delete an object that was moved, unless another one has taken its place.

        Raises:
            ObjectChanged: the object was replaced; it was not deleted.
            CosException: the object cannot be deleted.
        """
        try:
            found = await self._listing.source_of(entry)
        except CosServiceError as error:
            if error.status == 404:
                return
            raise
        if (found.etag, found.size) != (entry.etag, entry.size):
            raise ObjectChanged("The object was replaced while it was moved, and was not deleted")
        await self._operations.delete_object(
            source.bucket, source.key(entry.name), VersionId=entry.version or None
        )

    def _settle(self, source: FileEntry) -> None:
        """Set the date of an equal file to the object's, once no other object can get that date."""
        by_date = self._request.comparison == "size-mtime" and not self._request.dry_run
        if self._target is not None and by_date and is_settled(source.modified, time.time()):
            os.utime(self._target.root / source.target, ns=(source.modified, source.modified))

    async def _is_same(self, source: FileEntry, there: FileEntry) -> bool:
        """Compare two contents of the same size by their checksums."""
        left, right = self._request.source, self._request.destination
        if isinstance(left, BucketPlace) and isinstance(right, BucketPlace):
            sum_ = await self._crc64(left, source, copy=True)
            return sum_ != "" and sum_ == await self._crc64(right, there)
        if isinstance(left, BucketPlace):
            (left, source), (right, there) = (right, there), (left, source)
        assert isinstance(left, Path)
        assert isinstance(right, BucketPlace)
        with FileChecksums(left / source.name) as sums:
            while await async_blocking(sums.more):
                await async_sleep(0)  # a cancelled transfer stops here
        return there.etag == sums.md5 or await self._crc64(right, there) == sums.crc64

    async def _crc64(self, place: BucketPlace, entry: FileEntry, *, copy: bool = False) -> str:
        asked = for_source(self._request.options, copy=copy)
        head = await self._operations.head_object(place.bucket, place.key(entry.name), **asked)
        return head.get("x-cos-hash-crc64ecma", "")
