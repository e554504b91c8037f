"""The files of both sides of a directory transfer: listed in step, or looked up by name."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import async_blocking, async_next_of
from coskit.client._async.paginators import AsyncPaginators
from coskit.client.directory.compare import FileEntry
from coskit.client.directory.file_names import named_entry
from coskit.client.directory.local_files import file_at, files
from coskit.client.directory.locations import BucketPlace
from coskit.client.directory.result import FileFailure
from coskit.client.directory.result_counter import ResultCounter
from coskit.client.directory.sync_request import SyncRequest, for_source
from coskit.client.transfer.body_source import END
from coskit.client.transfer.ranges import read_response
from coskit.protocol.codec.dates import parse_http_date, parse_iso_date
from coskit.protocol.errors import CosServiceError, UnexpectedAnswer

_BATCH = 1000  # the number of local files that are listed at a time


class AsyncListing:
    """The files of both sides of one transfer.

    Args:
        operations: the client's operations.
        request: the request of the transfer.
        counter: counts the files that cannot be transferred.
    """

    def __init__(
        self, operations: AsyncPaginators, request: SyncRequest, counter: ResultCounter
    ) -> None:
        self._operations = operations
        self._request = request
        self._counter = counter

    async def pairs(self) -> AsyncIterator[tuple[FileEntry | None, FileEntry | None]]:
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
        folders = not self._request.is_copy
        prefix = place.prefix + self._request.wanted.prefix
        async for listed in self._operations.iter_objects(place.bucket, Prefix=prefix):
            name = listed["Key"][len(place.prefix) :]
            size = size_of(listed)
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
                    self._counter.fail(found.name, found.error)
                else:
                    yield found

    # Names instead of listings

    async def named(self) -> AsyncIterator[FileEntry]:
        """Yield an entry for each of the names that were passed, not looked up yet."""
        names: Any = self._request.names
        iterator = names.__aiter__() if hasattr(names, "__aiter__") else iter(names)
        while (name := await async_next_of(iterator)) is not END:
            entry = named_entry(name)
            if self._request.wanted.takes(entry.name):
                yield entry

    async def source_of(self, entry: FileEntry) -> FileEntry:
        """Return the state of a source that was named.

        Raises:
            CosException: there is no such object, or the name is not that of a regular file.
            OSError: there is no such file.
        """
        source = self._request.source
        if isinstance(source, BucketPlace):
            asked = for_source(self._request.options, copy=self._request.is_copy)
            return await self.object_at(source, entry, asked)
        return await async_blocking(file_at, source, entry, follow=self._request.follow)

    async def counterpart_of(self, entry: FileEntry) -> FileEntry | None:
        """Return the state of the destination of a source, or None if there is nothing."""
        destination, there = self._request.destination, FileEntry(entry.target, 0, 0)
        try:
            if isinstance(destination, BucketPlace):
                asked = for_source(self._request.options, copy=False)
                return await self.object_at(destination, there, asked)
            return await async_blocking(file_at, destination, there)
        except FileNotFoundError:
            return None
        except CosServiceError as error:
            if error.status != 404:
                raise
            return None

    async def object_at(
        self, place: BucketPlace, entry: FileEntry, options: Mapping[str, Any]
    ) -> FileEntry:
        """Return the state of an object, by a HEAD request.

        Args:
            place: the folder of the object.
            entry: the object's name and, if it is not the latest, its version.
            options: further options of the request, such as a customer's key.

        Raises:
            CosException: there is no such object, or it may not be read.
        """
        asked = {**options, **({"VersionId": entry.version} if entry.version else {})}
        head: Mapping[str, Any] = await self._operations.head_object(
            place.bucket, place.key(entry.name), **asked
        )
        found, _ = read_response(head)
        modified = parse_http_date(str(head.get("Last-Modified") or "")) or 0
        etag = found.etag.strip('"') or "-"
        return replace(entry, size=found.size, modified=modified * 1_000_000, etag=etag)


def _some_of(walk: Iterator[FileEntry | FileFailure]) -> list[FileEntry | FileFailure]:
    return list(islice(walk, _BATCH))


def size_of(listed: Mapping[str, Any]) -> int:
    """Return the bytes of a listed object.

    Raises:
        UnexpectedAnswer: the listing has no size.
    """
    text = str(listed.get("Size") or "")
    if not (text.isascii() and text.isdigit()):
        raise UnexpectedAnswer(f"The listing has no size of {listed.get('Key')}")
    return int(text)
