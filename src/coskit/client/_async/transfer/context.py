"""What every transfer of a client works with: its memory, its pace, its journals, its failures."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from coskit.client._async.concurrency import AsyncMemoryBudget, AsyncWorkers, async_blocking
from coskit.client._async.paginators import AsyncPages
from coskit.client.config import ClientConfig
from coskit.client.request.dialects.lookup import dialect_of
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.client.transfer.state.journal import Journal, is_left, journal_directory
from coskit.protocol.errors import CosException


class AsyncEngine(AsyncPages):
    """The means that a client's transfers share."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._dialect = dialect_of(config)
        self._adaptive_limit = AdaptiveLimit()
        self._budget = AsyncMemoryBudget(config.transfers.memory)
        # Found once: every small download asks for it.
        chosen = config.transfers.journals
        self._journals = journal_directory() if chosen is None else Path(chosen)

    @abstractmethod
    def get_object_url(self, Bucket: str, Key: str) -> str:
        """Return the plain URL of an object, without a signature."""

    def _least_part(self, megabytes: int) -> int:
        """Return the bytes of a part: what is wanted, if the service takes parts so small."""
        return max(megabytes * MIB, self._dialect.min_part_size)

    def _workers(self, limit: int) -> AsyncWorkers:
        """Return workers for parts: `limit` at a time, fewer while the service wants fewer."""
        return AsyncWorkers(limit, self._adaptive_limit)

    @asynccontextmanager
    async def _memory(self, size: int) -> AsyncIterator[None]:
        """Hold `size` bytes of the client's memory budget, waiting for them if need be."""
        taken = await self._budget.take(size)
        try:
            yield
        finally:
            self._budget.give(taken)

    @asynccontextmanager
    async def _journal(self, identity: Mapping[str, Any] | None) -> AsyncIterator[Journal | None]:
        """Hold a transfer's journal; None, also where it is held by another transfer, keeps none.

        Args:
            identity: what the journal is bound to; the service's address is added.
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

    def _is_journaled(self, identity: Mapping[str, Any] | None) -> bool:
        """Return whether an earlier transfer left a journal: a look that costs next to nothing."""
        place = self._journal_place(identity)
        return place is not None and is_left(*place)

    def _journal_place(
        self, identity: Mapping[str, Any] | None
    ) -> tuple[Path, dict[str, Any]] | None:
        if identity is None or self._journals is None:
            return None
        place = self._config.endpoint
        return self._journals, {**identity, "endpoint": f"{place.scheme}://{place.host}"}


def in_part(error: CosException, number: int) -> CosException:
    """Return the error, which now says in which part it happened."""
    error.part_number = number
    return error
