"""Which blob files may be removed, and when: never one that is being read or published."""

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

_PATIENCE = 5.0  # seconds until files that somebody copies are tried to be removed again
_READERS_PATIENCE = 1.0  # the same for files that another process may be reading

_log = logging.getLogger("coskit.server.store")


class BlobLifetime:
    """The fate of blob files; lives on the event loop.

    A blob is unpublished from its first byte until the commit that refers to it, and garbage from
    the commit that drops its last reference. Either way its file is removed as soon as nobody has
    it pinned, here or in another process, and in no case before the commit is as durable as it will
    be. A removal that fails, as when descriptors run out, is tried again until it succeeds.

    Attributes:
        failed: removals that failed since the start.
    """

    def __init__(
        self, blobs: Blobs, run: Run, forget: Forget, flush: Flush, shown: BlobPins
    ) -> None:
        self._blobs = blobs
        self._run = run
        self._forget = forget
        self._flush = flush
        self._shared_pins = shown
        self._pins: Counter[str] = Counter()
        self._unpublished: set[str] = set()
        self._garbage: set[str] = set()
        self._to_settle: set[str] = set()
        self._to_remove: set[str] = set()
        self._removing: set[str] = set()
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
        """Take back one pin of each; remove what nobody needs."""
        for blob_id in blob_ids:
            self._pins[blob_id] -= 1
            if not self._pins[blob_id]:
                del self._pins[blob_id]
                self._remove_if_unused(blob_id)
            self._shared_pins.drop((blob_id,))

    def receive(self, blob_id: str) -> None:
        """Take charge of a new file, pinned once by its receiver, and shown since its creation."""
        self._unpublished.add(blob_id)
        self._pins[blob_id] += 1

    @property
    def waiting(self) -> int:
        """How many files are to be removed as soon as that is possible."""
        return len(self._garbage | self._to_remove | self._removing)

    def is_unpublished(self, blob_id: str) -> bool:
        """Tell whether a file is here to be published."""
        return blob_id in self._unpublished and blob_id in self._pins

    def mark_published(self, blob_id: str) -> None:
        """Note that the index refers to a new file."""
        self._unpublished.discard(blob_id)
        self._to_settle.add(blob_id)
        self._start_cleanup()

    def keep_unsettled(self, blob_id: str) -> None:
        """Leave a file, unsettled, to the next start: a failed commit may yet refer to it."""
        self._unpublished.discard(blob_id)
        self._shared_pins.add((blob_id,))  # for good, so that nobody else takes it for an orphan

    def adopt(self, drafts: Iterable[str]) -> None:
        """Take charge of the files of a dead process that the index will never name."""
        for blob_id in drafts:
            self._unpublished.add(blob_id)
            self._remove_if_unused(blob_id)

    def released(self, blob_ids: Sequence[str]) -> None:
        """Note that the index refers to these files no more."""
        self._garbage.update(blob_ids)
        for blob_id in blob_ids:
            self._remove_if_unused(blob_id)

    async def close(self) -> None:
        """Finish what is under way; what comes later waits for the next start."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._closed = True

    async def finish_even_if_cancelled(self, work: Coroutine[None, None, None]) -> None:
        """Await work that goes on when the caller is cancelled."""
        await asyncio.shield(self._start(work))

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _remove_if_unused(self, blob_id: str) -> None:
        to_remove = blob_id in self._garbage or blob_id in self._unpublished
        if to_remove and blob_id not in self._pins:
            self._to_remove.add(blob_id)
            self._start_cleanup()

    def is_tracked(self, blob_id: str) -> bool:
        """Tell whether the fate of a file is decided here."""
        places = (self._pins, self._unpublished, self._garbage, self._removing)
        here = any(blob_id in place for place in places)
        return here or self._shared_pins.is_pinned_elsewhere(blob_id)

    def _postpone(
        self,
        to_remove: set[str],
        garbage: set[str],
        patience: float,
        settled: Iterable[str] = (),
    ) -> None:
        """Try again later; what a close comes before is left to the next start."""
        self._garbage |= garbage
        self._unpublished |= to_remove - garbage

        def again() -> None:
            # What was pinned meanwhile is considered anew when it is unpinned.
            self._to_remove |= {blob_id for blob_id in to_remove if blob_id not in self._pins}
            self._to_settle.update(settled)
            self._start_cleanup()

        asyncio.get_running_loop().call_later(patience, again)

    def _start_cleanup(self) -> None:
        if not self._cleaning and not self._closed:
            self._cleaning = True
            self._start(self._clean_up())

    async def _clean_up(self) -> None:
        try:
            while self._to_settle or self._to_remove:
                settled, self._to_settle = self._to_settle, set()
                to_remove, self._to_remove = self._to_remove, set()
                # After the commit: who can still find them has pinned them by now.
                read = {
                    blob_id
                    for blob_id in to_remove
                    if self._shared_pins.is_pinned_elsewhere(blob_id)
                }
                if read:
                    self._postpone(read, read & self._garbage, _READERS_PATIENCE)
                    to_remove -= read
                garbage = to_remove & self._garbage
                self._garbage -= garbage
                self._unpublished -= to_remove
                self._removing = to_remove
                try:
                    await self._remove(settled - to_remove, to_remove, garbage)
                except BackupInProgress:
                    self._postpone(to_remove, garbage, _PATIENCE)
                except Exception as error:
                    # What a close comes before is garbage in the index, or unsettled: the next
                    # start removes it.
                    if not self.failed:
                        _log.exception("blob files could not be removed; that is tried again")
                    else:
                        _log.error("blob files could not be removed: %s", error)
                    self.failed += 1
                    self._postpone(to_remove, garbage, _PATIENCE, settled - to_remove)
                finally:
                    self._removing = set()
        finally:
            self._cleaning = False

    async def _remove(self, settled: set[str], to_remove: set[str], garbage: set[str]) -> None:
        await self._run(self._blobs.settle, list(settled))
        if garbage:
            await self._run(self._flush)
        if to_remove:
            await self._run(self._blobs.discard, list(to_remove))
        if garbage:
            await self._forget(list(garbage))
