"""The search for orphans: settled files that the index does not name and never will.

A file loses its second name, under `tmp/`, only after a commit has named it. A file without a
second name that the index does not name was therefore named once and is no more. Ids are never
reused, and only blobs that are named can be shared. So a process that sees first the lone file and
then an index without it may remove the file, regardless of other processes.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from coskit.server.store.blobs.backup_lock import BackupInProgress
from coskit.server.store.blobs.blob_lifetime import BlobLifetime
from coskit.server.store.index.transaction import Clock
from coskit.server.store.interfaces.blob_records import BlobRecords
from coskit.server.store.interfaces.blobs import Blobs

GRACE = 3600.0  # seconds that a file is left alone, for readers that have found it before
PERIOD = 24 * 3600.0  # seconds from one round to the next

_log = logging.getLogger("coskit.server.store")

Submit = Callable[..., asyncio.Future[Any]]


class OrphanSweep:
    """A job that removes orphans.

    Args:
        index: the records of blobs.
        blobs: the storage of blobs.
        lifetime: the removal of blob files.
        submit: runs a blocking call in a worker thread.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        index: BlobRecords,
        blobs: Blobs,
        lifetime: BlobLifetime,
        submit: Submit,
        clock: Clock,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._lifetime = lifetime
        self._submit = submit
        self._clock = clock

    async def run(self) -> None:
        """Make rounds until cancelled, the first one after the grace period."""
        pause = GRACE
        while True:
            await asyncio.sleep(pause)
            pause = PERIOD
            try:
                await self.once()
            except BackupInProgress:
                pause = GRACE
            except Exception:
                _log.exception("orphans could not be searched for")

    async def once(self) -> int:
        """Remove orphans that are older than `GRACE`; return their number.

        Garbage that no process is about to remove is scheduled for removal again.
        """
        garbage = await self._submit(self._index.garbage)
        self._lifetime.released([name for name in garbage if not self._lifetime.is_tracked(name)])
        return sum([await self._sweep(fan) for fan in self._blobs.fans()])

    async def _sweep(self, fan: str) -> int:
        """Remove the orphans of one group of blobs; return their number."""
        found = await self._submit(self._blobs.settled, fan)
        old = [name for name, written in found if written < self._clock() - GRACE]
        if not old:
            return 0
        known = await self._submit(self._index.blobs, old)
        garbage = set(await self._submit(self._index.garbage))
        orphans = [
            name
            for name in old
            if name not in known and name not in garbage and not self._lifetime.is_tracked(name)
        ]
        if orphans:
            await self._submit(self._blobs.discard, orphans)
            _log.warning("removed %d orphans: %s", len(orphans), " ".join(orphans))
        return len(orphans)
