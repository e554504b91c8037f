"""The deletion of a folder: objects are deleted while others are still listed."""

from collections.abc import AsyncIterator
from typing import Any

from coskit.client._async.concurrency import AsyncWorkers, async_deadline, async_next_of
from coskit.client._async.transfer.directory.deletion import BATCH, AsyncDeletion, DoomedObject
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.directory.delete_request import DeleteRequest
from coskit.client.directory.file_names import named_entry
from coskit.client.directory.result import DirectoryResult, DirectoryTransferError
from coskit.client.directory.result_counter import ResultCounter
from coskit.client.transfer.body_source import END
from coskit.protocol.errors import CosClientError, CosException

_PARALLEL = 4  # the largest number of batches in flight


class AsyncDirectoryDeletion:
    """One deletion of the objects of a folder.

    Args:
        transfers: the client's transfers.
        request: the request, already checked.
    """

    def __init__(self, transfers: AsyncTransfers, request: DeleteRequest) -> None:
        self._operations = transfers.operations
        self._request = request
        self._counter = ResultCounter(
            request.callbacks, stop=request.on_error == "stop", deadline=request.deadline
        )
        self._deletion = AsyncDeletion(transfers.operations, request.place, self._counter)

    async def run(self) -> DirectoryResult:
        """Delete the objects.

        Raises:
            DirectoryTransferError: an object could not be deleted.
            CosException: the listing failed, or the deadline passed.
        """
        try:
            async with async_deadline(self._request.deadline):
                await self._delete_all()
        except CosException as error:
            if not self._counter.knows(error):
                raise
            raise DirectoryTransferError(self._counter.result()) from error
        result = self._counter.result()
        if result.failed:
            raise DirectoryTransferError(result) from result.failures[0].error
        return result

    async def _delete_all(self) -> None:
        batch = list[DoomedObject]()
        async with AsyncWorkers(_PARALLEL) as workers:
            async for doomed in self._doomed():
                if self._request.dry_run:
                    self._counter.deleted(*doomed)
                    continue
                batch.append(doomed)
                if len(batch) == BATCH:
                    await workers.submit(self._deletion.delete, batch)
                    batch = []
            if batch:
                await workers.submit(self._deletion.delete, batch)

    def _doomed(self) -> AsyncIterator[DoomedObject]:
        if self._request.names is not None:
            return self._named()
        return self._versions() if self._request.versions else self._objects()

    async def _objects(self) -> AsyncIterator[DoomedObject]:
        place, wanted = self._request.place, self._request.wanted
        prefix = place.prefix + wanted.prefix
        async for listed in self._operations.iter_objects(place.bucket, Prefix=prefix):
            name = listed["Key"][len(place.prefix) :]
            if wanted.takes(name):
                yield DoomedObject(name)

    async def _versions(self) -> AsyncIterator[DoomedObject]:
        place, wanted = self._request.place, self._request.wanted
        prefix = place.prefix + wanted.prefix
        async for listed in self._operations.iter_versions(place.bucket, Prefix=prefix):
            name = listed["Key"][len(place.prefix) :]
            if wanted.takes(name):
                yield DoomedObject(name, listed["VersionId"] or "null")

    async def _named(self) -> AsyncIterator[DoomedObject]:
        names: Any = self._request.names
        iterator = names.__aiter__() if hasattr(names, "__aiter__") else iter(names)
        while (name := await async_next_of(iterator)) is not END:
            entry = named_entry(name)
            if not self._request.place.prefix + entry.name:
                self._counter.fail("", CosClientError("An empty name is that of no object"))
            elif self._request.wanted.takes(entry.name):
                yield DoomedObject(entry.name, entry.version)
