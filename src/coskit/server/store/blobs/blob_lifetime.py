"""The removal of blob files: never while a file is being read or published."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

from coskit.server.store.blobs.backup_lock import BackupInProgress
from coskit.server.store.blobs.shared_pins import BlobPins
from coskit.server.store.interfaces.blobs import Blobs

# Runs a blocking call in a worker thread.
Run = Callable[..., Awaitable[object]]
Forget = Callable[[Sequence[str]], Awaitable[None]]
Flush = Callable[[], None]

_RETRY_DELAY = 5.0  # seconds until a removal is retried that failed or that a backup prevented
_READERS_PATIENCE = 1.0  # seconds until a removal is retried that a reader elsewhere prevented

_log = logging.getLogger("coskit.server.store")


class BlobLifetime:
    """The state of blob files from their creation to their removal; used on the event loop.

    A blob is unpublished from its first byte until the commit that refers to it, and garbage from
    the commit that drops its last reference. The file of an unpublished or garbage blob is removed
    as soon as no thread and no other process has it pinned, but never before the commit is as
    durable as the durability mode makes it. A removal that fails, for example because file
    descriptors run out, is retried until it succeeds.

    Args:
        blobs: the storage of the files.
        run: runs a blocking call in a worker thread.
        forget: removes ids from the index's garbage.
        flush: makes earlier commits durable.
        shared_pins: the pins that other processes see.

    Attributes:
        failed: removals that failed since the start.
    """

    def __init__(
        self, blobs: Blobs, run: Run, forget: Forget, flush: Flush, shared_pins: BlobPins
    ) -> None:
        self._blobs = blobs
        self._run = run
        self._forget = forget
        self._flush = flush
        self._shared_pins = shared_pins
        self._pins: Counter[str] = Counter()
        self._unpublished: set[str] = set()
        self._garbage: set[str] = set()
        self._to_settle: set[str] = set()
        self._to_remove: set[str] = set()
        self._removing: set[str] = set()
        self._to_note: set[str] = set()
        self._noted: set[str] = set()
        self.failed = 0
        self._cleaning = False
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    def pin(self, blob_ids: Iterable[str]) -> None:
        """Keep files until they are unpinned as often as they were pinned."""
        blob_ids = tuple(blob_ids)
        self._pins.update(blob_ids)
        self._shared_pins.add(blob_ids)

    def unpin(self, blob_ids: Iterable[str]) -> None:
        """Remove one pin of each file; remove the files that are no longer needed."""
        for blob_id in blob_ids:
            self._pins[blob_id] -= 1
            if not self._pins[blob_id]:
                del self._pins[blob_id]
                self._remove_if_unused(blob_id)
            self._shared_pins.drop((blob_id,))

    def receive(self, blob_id: str) -> None:
        """Add a new file with one pin; its creation has made the shared pin."""
        self._unpublished.add(blob_id)
        self._pins[blob_id] += 1

    @property
    def waiting(self) -> int:
        """The number of files whose removal is due or waits for readers."""
        return len(self._garbage | self._to_remove | self._removing)

    def is_unpublished(self, blob_id: str) -> bool:
        """Return whether a file was received here and can be published."""
        return blob_id in self._unpublished and blob_id in self._pins

    def mark_published(self, blob_id: str) -> None:
        """Record that the index refers to a new file."""
        self._unpublished.discard(blob_id)
        self._to_settle.add(blob_id)
        self._start_cleanup()

    def keep_unsettled(self, blob_id: str) -> None:
        """Keep an unsettled file until the next start: a failed commit may still refer to it."""
        self._unpublished.discard(blob_id)
        self._shared_pins.add((blob_id,))  # for good, so that no process takes it for an orphan

    def adopt(self, drafts: Iterable[str]) -> None:
        """Add the files of a dead process that the index will never name, and remove them."""
        for blob_id in drafts:
            self._unpublished.add(blob_id)
            self._remove_if_unused(blob_id)

    def released(self, blob_ids: Sequence[str]) -> None:
        """Record that the index no longer refers to these files."""
        self._garbage.update(blob_ids)
        for blob_id in blob_ids:
            if blob_id in self._pins:
                self._to_note.add(blob_id)
                self._start_cleanup()
            self._remove_if_unused(blob_id)

    def is_tracked(self, blob_id: str) -> bool:
        """Return whether this process or another one uses a file or is about to remove it."""
        places = (self._pins, self._unpublished, self._garbage, self._removing)
        here = any(blob_id in place for place in places)
        return here or self._shared_pins.is_pinned_elsewhere(blob_id)

    async def close(self) -> None:
        """Finish running removals. The next start makes those that are still due."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._closed = True
        if self._noted:
            self._noted = set()  # so that a second call has nothing to do
            await self._run(self._blobs.clear_waiting)

    async def finish_even_if_cancelled(self, work: Coroutine[None, None, None]) -> None:
        """Await work that continues if this call is cancelled."""
        await asyncio.shield(self._start(work))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _remove_if_unused(self, blob_id: str) -> None:
        unwanted = blob_id in self._garbage or blob_id in self._unpublished
        if unwanted and blob_id not in self._pins:
            self._to_remove.add(blob_id)
            self._start_cleanup()

    def _start_cleanup(self) -> None:
        if not self._cleaning and not self._closed:
            self._cleaning = True
            self._start(self._clean_up())

    async def _clean_up(self) -> None:
        """Settle published files and remove unwanted ones until none are left."""
        try:
            while self._to_settle or self._to_remove or self._to_note:
                settled, self._to_settle = self._to_settle, set()
                removed, self._to_remove = self._to_remove, set()
                # After the commit: a process that can still find these blobs has pinned them.
                read = {name for name in removed if self._shared_pins.is_pinned_elsewhere(name)}
                if read:
                    self._postpone(read, read & self._garbage, _READERS_PATIENCE)
                    self._to_note |= read & self._garbage
                    removed -= read
                await self._settle_and_remove(settled - removed, removed)
                await self._note_waiting()
        finally:
            self._cleaning = False

    async def _settle_and_remove(self, settled: set[str], removed: set[str]) -> None:
        garbage = removed & self._garbage
        self._garbage -= garbage
        self._unpublished -= removed
        self._removing = removed
        try:
            await self._remove(settled, removed, garbage)
        except BackupInProgress:
            self._postpone(removed, garbage, _RETRY_DELAY)
        except Exception as error:
            # If the store closes before the retry, the file is still garbage in the index, or
            # unsettled: the next start removes it.
            if not self.failed:
                _log.exception("blob files could not be removed; the removal is retried")
            else:
                _log.error("blob files could not be removed: %s", error)
            self.failed += 1
            self._postpone(removed, garbage, _RETRY_DELAY, settled)
        finally:
            self._removing = set()

    async def _remove(self, settled: set[str], removed: set[str], garbage: set[str]) -> None:
        await self._run(self._blobs.settle, list(settled))
        if garbage:
            await self._run(self._flush)
        if removed:
            await self._run(self._blobs.discard, list(removed))
        if garbage:
            await self._forget(list(garbage))

    async def _note_waiting(self) -> None:
        """Note which garbage waits for readers; withdraw the notes when none does any more."""
        new, self._to_note = self._to_note - self._noted, set()
        try:
            if new:
                self._noted |= new
                await self._run(self._blobs.note_waiting, sorted(new))
            elif self._noted and not self._noted & self._garbage:
                self._noted = set()
                await self._run(self._blobs.clear_waiting)
        except OSError as error:
            _log.warning("removals that wait could not be noted: %s", error)

    def _postpone(
        self,
        removed: set[str],
        garbage: set[str],
        patience: float,
        settled: Iterable[str] = (),
    ) -> None:
        """Retry later. If the store closes first, the next start removes the files."""
        self._garbage |= garbage
        self._unpublished |= removed - garbage

        def retry() -> None:
            # A file that has been pinned since then is removed when it is unpinned.
            self._to_remove |= {blob_id for blob_id in removed if blob_id not in self._pins}
            self._to_settle.update(settled)
            self._start_cleanup()

        asyncio.get_running_loop().call_later(patience, retry)
