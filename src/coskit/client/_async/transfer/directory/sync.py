"""Transfers of directories: both sides are listed in step, and files that differ are moved."""

import os
from pathlib import Path

from coskit.client._async.concurrency import AsyncWorkers, async_blocking, async_deadline
from coskit.client._async.transfer.directory.deletion import BATCH, AsyncDeletion, DoomedObject
from coskit.client._async.transfer.directory.listing import AsyncListing
from coskit.client._async.transfer.directory.one_file import AsyncFileTransfer
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.directory.compare import FileEntry, Verdict, judge
from coskit.client.directory.local_files import LocalDirectory, Obstacle
from coskit.client.directory.locations import BucketPlace, NameCollisions, check_name
from coskit.client.directory.result import DirectoryResult, DirectoryTransferError
from coskit.client.directory.result_counter import ResultCounter
from coskit.client.directory.spooled_names import SpooledNames
from coskit.client.directory.sync_request import SyncRequest
from coskit.protocol.errors import CosException


class AsyncDirectorySync:
    """One transfer of a directory.

    Args:
        transfers: the client's transfers.
        request: the request, already checked.
    """

    def __init__(self, transfers: AsyncTransfers, request: SyncRequest) -> None:
        self._operations = transfers.operations
        self._request = request
        self._limit = transfers.context.config.transfers.files
        self._counter = ResultCounter(
            request.callbacks, stop=request.on_error == "stop", deadline=request.deadline
        )
        self._postponed: list[FileEntry] = []
        self._target: LocalDirectory | None = None
        self._clashes: NameCollisions | None = None
        if isinstance(request.destination, Path):
            self._target = LocalDirectory(request.destination)
            self._clashes = NameCollisions(case_blind=self._target.is_case_blind())
        self._listing = AsyncListing(transfers.operations, request, self._counter)
        self._files = AsyncFileTransfer(
            transfers, request, self._listing, self._counter, self._target
        )

    async def run(self) -> DirectoryResult:
        """Transfer the directory.

        Raises:
            DirectoryTransferError: a file failed.
            CosException: a listing failed, or the deadline passed.
            OSError: a directory cannot be read.
        """
        try:
            async with async_deadline(self._request.deadline):
                await self._run()
        except (CosException, OSError) as error:
            if not self._counter.knows(error):
                raise
            raise DirectoryTransferError(self._counter.result()) from error
        result = self._counter.result()
        if result.failed:
            raise DirectoryTransferError(result) from result.failures[0].error
        return result

    async def _run(self) -> None:
        if self._request.names is not None:
            await self._transfer_named()
            return
        with SpooledNames() as doomed:
            await self._transfer(doomed)
            # Files that the source lacks are known only after all of it was listed.
            if self._request.delete and self._counter.clean:
                await self._delete(doomed)
                await self._transfer_postponed()

    async def _transfer(self, doomed: SpooledNames) -> None:
        async with AsyncWorkers(self._limit) as workers:
            async for source, there in self._listing.pairs():
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

    async def _transfer_named(self) -> None:
        async with AsyncWorkers(self._limit) as workers:
            async for entry in self._listing.named():
                await workers.submit(self._bring_named, entry)

    async def _transfer_postponed(self) -> None:
        again, self._postponed = self._postponed, []
        async with AsyncWorkers(self._limit) as workers:
            for source in again:
                await workers.submit(self._bring, source, None, Verdict.DIFFERENT, last=True)

    def _may_be_stored(self, source: FileEntry) -> bool:
        if self._clashes is not None:
            try:
                check_name(source.name)
                self._clashes.check(source.name)
            except CosException as error:
                self._counter.fail(source.name, error)
                return False
        return True

    # One file

    async def _bring(
        self, source: FileEntry, there: FileEntry | None, verdict: Verdict, last: bool = False
    ) -> None:
        try:
            action = await self._files.bring(source, there, verdict)
        except Obstacle as obstacle:
            # Deletions may clear the way, so the file is transferred after them.
            if last or not self._request.delete:
                self._counter.fail(source.name, obstacle)
            else:
                self._postponed.append(source)
        except (CosException, OSError) as error:
            self._counter.fail(source.name, error)
        else:
            self._counter.add(action)

    async def _bring_named(self, entry: FileEntry) -> None:
        try:
            action = await self._files.bring_named(entry)
        except (CosException, OSError) as error:
            self._counter.fail(entry.name, error)
        else:
            self._counter.add(action)

    # Deletions

    async def _delete(self, doomed: SpooledNames) -> None:
        for listed in doomed.batches(BATCH):
            names = [name for name in listed if not self._has_come(name)]
            if self._request.dry_run:
                for name in names:
                    self._counter.deleted(name)
            elif self._target is not None:
                await async_blocking(self._delete_files, self._target, names)
            elif isinstance(self._request.destination, BucketPlace):
                deletion = AsyncDeletion(self._operations, self._request.destination, self._counter)
                await deletion.delete([DoomedObject(name) for name in names])

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
                self._counter.fail(name, error)
            else:
                self._counter.deleted(name)
