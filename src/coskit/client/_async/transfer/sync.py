"""Transfers of directories: both sides are listed in step, and files that differ are moved."""

import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import (
    AsyncWorkers,
    async_blocking,
    async_deadline,
    async_sleep,
)
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.directory.compare import FileEntry, Verdict, file_time, is_settled, judge
from coskit.client.directory.local_files import FileChecksums, LocalDirectory, Obstacle, files
from coskit.client.directory.locations import BucketPlace, NameCollisions, check_name
from coskit.client.directory.result import (
    DirectoryProgress,
    DirectoryResult,
    DirectoryTransferError,
    FileFailure,
    ResultCounter,
)
from coskit.client.directory.spooled_names import SpooledNames
from coskit.client.directory.sync_request import SyncRequest
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import SINGLE_UPLOAD
from coskit.protocol import types
from coskit.protocol.codec.dates import parse_http_date, parse_iso_date
from coskit.protocol.codec.xml.document import carries
from coskit.protocol.errors import (
    BY_CODE,
    CosException,
    CosServiceError,
    TransferTimeout,
    UnexpectedAnswer,
)

_BATCH = 1000  # the number of files that are listed, or keys that are deleted, at a time


class AsyncDirectorySync:
    """One transfer of a directory.

    Args:
        transfers: the client's transfers.
        request: the request, already checked.
    """

    def __init__(self, transfers: AsyncTransfers, request: SyncRequest) -> None:
        self._operations = transfers.operations
        self._transfers = transfers
        self._request = request
        self._limit = transfers.context.config.transfers.files
        self._counter = ResultCounter(request.action)
        self._progress = DirectoryProgress(request.progress)
        self._postponed: list[FileEntry] = []
        self._target: LocalDirectory | None = None
        self._clashes: NameCollisions | None = None
        if isinstance(request.destination, Path):
            self._target = LocalDirectory(request.destination)
            self._clashes = NameCollisions(case_blind=self._target.is_case_blind())
        self._ends = None if request.deadline is None else time.monotonic() + request.deadline

    async def run(self) -> DirectoryResult:
        """Transfer the directory.

        Raises:
            DirectoryTransferError: a file failed.
            CosException: a listing failed, or the deadline passed.
            OSError: a directory cannot be read.
        """
        try:
            async with async_deadline(self._request.deadline):
                with SpooledNames() as doomed:
                    await self._transfer(doomed)
                    # Files that the source lacks are known only after all of it was listed.
                    if self._request.delete and self._counter.clean:
                        await self._delete(doomed)
                        await self._transfer_postponed()
        except (CosException, OSError) as error:
            if not self._counter.knows(error):
                raise
            raise DirectoryTransferError(self._counter.result()) from error
        result = self._counter.result()
        if result.failed:
            raise DirectoryTransferError(result) from result.failures[0].error
        return result

    async def _transfer(self, doomed: SpooledNames) -> None:
        async with AsyncWorkers(self._limit) as workers:
            async for source, there in self._pairs():
                if source is None:
                    if there is not None and self._request.delete:
                        doomed.add(there.name)
                elif self._may_be_stored(source):
                    verdict = Verdict.DIFFERENT
                    if there is not None and self._request.comparison is not None:
                        verdict = judge(self._request.comparison, source, there)
                    if verdict is Verdict.SAME:
                        self._counter.unchanged()
                    else:
                        await workers.submit(self._bring, source, there, verdict)

    async def _transfer_postponed(self) -> None:
        again, self._postponed = self._postponed, []
        async with AsyncWorkers(self._limit) as workers:
            for source in again:
                await workers.submit(self._bring, source, None, Verdict.DIFFERENT, last=True)

    def _fail(self, name: str, error: Exception) -> None:
        """Count a failure; raise it if the transfer is to stop at the first one."""
        late = self._ends is not None and time.monotonic() >= self._ends
        if late and isinstance(error, TransferTimeout):
            raise error
        self._counter.failed(FileFailure(name, error))
        if self._request.on_error == "stop":
            raise error

    # Listing

    async def _pairs(self) -> AsyncIterator[tuple[FileEntry | None, FileEntry | None]]:
        """Yield each file of the source with its counterpart, and files that the source lacks."""
        left = self._entries(self._request.source, source=True)
        if self._request.comparison is None:
            async for entry in left:
                yield entry, None
            return
        right = self._entries(self._request.destination, source=False)
        source, there = await anext(left, None), await anext(right, None)
        while source is not None or there is not None:
            if there is None or (source is not None and source.name < there.name):
                yield source, None
                source = await anext(left, None)
            elif source is None or there.name < source.name:
                yield None, there
                there = await anext(right, None)
            else:
                yield source, there
                source, there = await anext(left, None), await anext(right, None)

    def _entries(self, place: BucketPlace | Path, *, source: bool) -> AsyncIterator[FileEntry]:
        if isinstance(place, BucketPlace):
            return self._objects(place)
        return self._files(place, source=source)

    async def _objects(self, place: BucketPlace) -> AsyncIterator[FileEntry]:
        folders = isinstance(self._request.source, Path) or self._target is not None
        async for listed in self._operations.iter_objects(place.bucket, Prefix=place.prefix):
            name = listed["Key"][len(place.prefix) :]
            size = _size_of(listed)
            # An empty object whose key ends with a slash stands for a folder, not for a file.
            if not size and (not name or (folders and name.endswith("/"))):
                continue
            if self._request.wanted.takes(name):
                modified = parse_iso_date(str(listed.get("LastModified") or "")) or 0
                etag = str(listed.get("ETag") or "").strip('"') or "-"
                yield FileEntry(name, size, modified * 1_000_000, etag)

    async def _files(self, root: Path, *, source: bool) -> AsyncIterator[FileEntry]:
        if not source and not root.exists():
            return
        follow = source and self._request.follow
        walk = files(root, self._request.wanted, follow=follow, source=source)
        while batch := await async_blocking(_some_of, walk):
            for found in batch:
                if isinstance(found, FileFailure):
                    self._fail(found.name, found.error)
                else:
                    yield found

    def _may_be_stored(self, source: FileEntry) -> bool:
        if self._clashes is not None:
            try:
                check_name(source.name)
                self._clashes.check(source.name)
            except CosException as error:
                self._fail(source.name, error)
                return False
        return True

    # One file

    async def _bring(
        self, source: FileEntry, there: FileEntry | None, verdict: Verdict, last: bool = False
    ) -> None:
        name = source.name
        try:
            if verdict is Verdict.UNSURE and there and await self._is_same(source, there):
                self._settle(source)
                self._counter.unchanged()
                return
            kind = await self._move(source)
        except Obstacle as obstacle:
            # Deletions may clear the way, so the file is transferred after them.
            if last or not self._request.delete:
                self._fail(name, obstacle)
            else:
                self._postponed.append(source)
        except (CosException, OSError) as error:
            self._fail(name, error)
        else:
            self._counter.transferred(kind, name, source.size)

    async def _move(self, entry: FileEntry) -> str:
        """Transfer one file and return the kind of its `FileAction`."""
        source, destination = self._request.source, self._request.destination
        if isinstance(destination, Path):
            assert isinstance(source, BucketPlace)
            await self._download(source, entry)
            return "download"
        if isinstance(source, Path):
            await self._upload(source, destination, entry)
            return "upload"
        await self._copy(source, destination, entry)
        return "copy"

    def _options(self, entry: FileEntry, *, part_size: int, **defaults: Any) -> TransferOptions:
        arguments = {
            **defaults,
            **self._request.options,
            "MAXThread": self._request.threads,
            "progress_callback": self._progress.file(entry.size),
        }
        return TransferOptions.from_arguments(arguments, part_size=part_size)

    async def _upload(self, source: Path, destination: BucketPlace, entry: FileEntry) -> None:
        if self._request.dry_run:
            return
        # An object that is stored damaged would pass for unchanged the next time. The MD5 of parts
        # is not needed: their CRC64 is compared with the whole object's.
        options = self._options(entry, part_size=1, EnableMD5=entry.size <= SINGLE_UPLOAD)
        place = destination.bucket, destination.key(entry.name)
        await self._transfers.upload_file(source / entry.name, *place, options)

    async def _copy(self, source: BucketPlace, destination: BucketPlace, entry: FileEntry) -> None:
        if self._request.dry_run:
            return
        named: types.CopySource = {"Bucket": source.bucket, "Key": source.key(entry.name)}
        arguments = self._options(entry, part_size=64)
        request = {**arguments.request}
        status = request.pop("CopyStatus", "Copy")
        options = replace(arguments, request=request)
        place = destination.bucket, destination.key(entry.name)
        await self._transfers.copy(*place, named, status, options)

    async def _download(self, source: BucketPlace, entry: FileEntry) -> None:
        if self._request.dry_run or self._target is None:
            return
        path = self._target.prepare(entry.name)
        options = self._options(entry, part_size=20)
        place = source.bucket, source.key(entry.name)
        headers = await self._transfers.download_file(path, *place, "", options)
        modified = parse_http_date(str(headers.get("Last-Modified") or ""))
        if modified is not None:
            moment = file_time(modified, parse_http_date(str(headers.get("Date", ""))))
            os.utime(path, ns=(moment, moment))

    def _settle(self, source: FileEntry) -> None:
        """Set the date of an equal file to the object's, once no other object can get that date."""
        by_date = self._request.comparison == "size-mtime" and not self._request.dry_run
        if self._target is not None and by_date and is_settled(source.modified, time.time()):
            os.utime(self._target.root / source.name, ns=(source.modified, source.modified))

    async def _is_same(self, source: FileEntry, there: FileEntry) -> bool:
        """Compare two contents of the same size by their checksums."""
        left, right = self._request.source, self._request.destination
        if isinstance(left, BucketPlace) and isinstance(right, BucketPlace):
            sum_ = await self._crc64(left, source)
            return sum_ != "" and sum_ == await self._crc64(right, there)
        if isinstance(left, BucketPlace):
            (left, source), (right, there) = (right, there), (left, source)
        assert isinstance(left, Path)
        assert isinstance(right, BucketPlace)
        with FileChecksums(left / source.name) as sums:
            while await async_blocking(sums.more):
                await async_sleep(0)  # a cancelled transfer stops here
        return there.etag == sums.md5 or await self._crc64(right, there) == sums.crc64

    async def _crc64(self, place: BucketPlace, entry: FileEntry) -> str:
        head = await self._operations.head_object(place.bucket, place.key(entry.name))
        return head.get("x-cos-hash-crc64ecma", "")

    # Deletions

    async def _delete(self, doomed: SpooledNames) -> None:
        for listed in doomed.batches(_BATCH):
            names = [name for name in listed if not self._has_come(name)]
            if self._request.dry_run:
                for name in names:
                    self._counter.deleted(name)
            elif self._target is not None:
                await async_blocking(self._delete_files, self._target, names)
            elif isinstance(self._request.destination, BucketPlace):
                await self._delete_objects(self._request.destination, names)

    def _has_come(self, name: str) -> bool:
        """Return whether a file was added to a local source after it was listed."""
        if not isinstance(self._request.source, Path):
            return False
        try:
            check_name(name)
        except CosException:
            return False
        return os.path.lexists(f"{self._request.source}/{name}")

    def _delete_files(self, target: LocalDirectory, names: list[str]) -> None:
        for name in names:
            try:
                target.remove(name)
            except OSError as error:
                self._fail(name, error)
            else:
                self._counter.deleted(name)

    async def _delete_alone(self, place: BucketPlace, name: str) -> None:
        """Delete an object whose key XML cannot carry."""
        try:
            await self._operations.delete_object(place.bucket, place.key(name))
        except CosException as error:
            self._fail(name, error)
        else:
            self._counter.deleted(name)

    async def _delete_objects(self, place: BucketPlace, names: list[str]) -> None:
        if not names:
            return
        keys = {place.prefix + name: name for name in names}
        for key in [key for key in keys if not carries(key)]:
            await self._delete_alone(place, keys.pop(key))
        if not keys:
            return
        doomed: list[types.ObjectIdentifier] = [{"Key": place.key(name)} for name in keys.values()]
        try:
            response = await self._operations.delete_objects(place.bucket, {"Object": doomed})
        except CosException as failure:
            for name in keys.values():
                self._fail(name, failure)
            return
        for deleted in response.get("Deleted", ()):
            if (key := str(deleted.get("Key"))) in keys:
                self._counter.deleted(keys.pop(key))
        for error in response.get("Error", ()):
            key, code = str(error.get("Key")), str(error.get("Code") or "Unknown")
            kind = BY_CODE.get(code, CosServiceError)
            refusal = kind(str(error.get("Message") or ""), code=code, resource=key)
            self._fail(keys.pop(key, key), refusal)
        for name in keys.values():
            self._fail(name, CosServiceError("The response does not mention it", code="Unknown"))


def _some_of(walk: Iterator[FileEntry | FileFailure]) -> list[FileEntry | FileFailure]:
    return list(islice(walk, _BATCH))


def _size_of(listed: Mapping[str, Any]) -> int:
    """Return the bytes of a listed object.

    Raises:
        UnexpectedAnswer: the listing has no size.
    """
    text = str(listed.get("Size") or "")
    if not (text.isascii() and text.isdigit()):
        raise UnexpectedAnswer(f"The listing has no size of {listed.get('Key')}")
    return int(text)
