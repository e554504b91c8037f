"""The context of a client's transfers: settings, memory, adaptive limit and journals."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import AsyncMemoryBudget, AsyncWorkers, async_blocking
from coskit.client._async.operations import AsyncOperations
from coskit.client.config import ClientConfig
from coskit.client.request.dialects.lookup import dialect_of
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.client.transfer.state.journal import (
    Journal,
    has_journals,
    is_left,
    journal_directory,
)
from coskit.protocol.errors import CosException, IntegrityError


class AsyncTransferContext:
    """The means that all transfers of one client share.

    It does not refer to the client, so that a client that is dropped is freed at once.

    Args:
        config: the settings of the client.
        connect: opens a client with other settings.

    Attributes:
        config: the settings of the client.
        connect: opens a client with other settings.
        dialect: the dialect that the service speaks.
        adaptive_limit: the number of parts that the service takes at a time.
        memory_budget: the bytes of content that may be in memory.
    """

    def __init__(
        self,
        config: ClientConfig,
        connect: Callable[[ClientConfig], AbstractAsyncContextManager[AsyncOperations]],
    ) -> None:
        self.config = config
        self.connect = connect
        self.dialect = dialect_of(config)
        self.adaptive_limit = AdaptiveLimit()
        self.memory_budget = AsyncMemoryBudget(config.transfers.memory)
        # Found once, because every small download needs it.
        chosen = config.transfers.journals
        self._journals = journal_directory() if chosen is None else Path(chosen)

    def part_bytes(self, megabytes: int) -> int:
        """Return the bytes of a part: as many as requested, or the least that the service takes."""
        return max(megabytes * MIB, self.dialect.min_part_size)

    def workers(self, limit: int) -> AsyncWorkers:
        """Return workers for parts: at most `limit`, fewer while the adaptive limit is lower."""
        return AsyncWorkers(limit, self.adaptive_limit)

    @asynccontextmanager
    async def memory(self, size: int) -> AsyncIterator[None]:
        """Reserve `size` bytes of the memory budget, waiting until they are free."""
        taken = await self.memory_budget.take(size)
        try:
            yield
        finally:
            self.memory_budget.give(taken)

    @asynccontextmanager
    async def journal(self, identity: Mapping[str, Any] | None) -> AsyncIterator[Journal | None]:
        """Open and lock the journal of a transfer.

        It yields None if no journal is kept or another transfer has locked it.

        Args:
            identity: the identity that the journal is bound to; the endpoint is added. None keeps
                no journal.
        """
        journal = None
        place = self._journal_place(identity)
        if place is not None:
            journal = await async_blocking(Journal, *place)
        try:
            yield journal if journal is not None and journal.held else None
        finally:
            if journal is not None:
                journal.close()

    def is_journaled(self, identity: Mapping[str, Any] | None) -> bool:
        """Return whether an earlier transfer left a journal; the check costs one `stat`."""
        place = self._journal_place(identity)
        return place is not None and is_left(*place)

    def has_journals(self) -> bool:
        """Return whether any transfer has left a journal or keeps one now."""
        return self._journals is not None and has_journals(self._journals)

    def _journal_place(
        self, identity: Mapping[str, Any] | None
    ) -> tuple[Path, dict[str, Any]] | None:
        if identity is None or self._journals is None:
            return None
        place = self.config.endpoint
        return self._journals, {**identity, "endpoint": f"{place.scheme}://{place.host}"}


def in_part(error: CosException, number: int) -> CosException:
    """Return the error with the number of the part that it happened in."""
    error.part_number = number
    return error


def etag_of(result: Mapping[str, Any]) -> str:
    """Return the ETag in the result of an upload.

    Raises:
        IntegrityError: the response has no ETag, so it is unknown what was stored.
    """
    etag = str(result.get("ETag") or "")
    if not etag:
        raise IntegrityError("The service reported success, but not which ETag it stored")
    return etag
