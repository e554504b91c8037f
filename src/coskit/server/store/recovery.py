"""The opening of a store: take the directory and remove what a crash has left."""

import asyncio
import logging
import os
import time
from pathlib import Path

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.backup_lock import BackupInProgress
from coskit.server.store.blobs.files import FileBlobs, lock_directory
from coskit.server.store.blobs.shared_pins import SharedState
from coskit.server.store.disk.disk_reserve import DiskReserve
from coskit.server.store.disk.durability import Durability
from coskit.server.store.index.database import FILE
from coskit.server.store.index.sqlite import SqliteIndex
from coskit.server.store.index.transaction import Clock
from coskit.server.store.store import INLINE_LIMIT, MEMORY, Store

_log = logging.getLogger("coskit.server.store")


async def open_store(
    directory: str | os.PathLike[str],
    *,
    inline_limit: int = INLINE_LIMIT,
    memory: int = MEMORY,
    clock: Clock = time.time,
    durability: Durability = "strict",
    shared_state: SharedState | None = None,
    reserve: int = 0,
) -> Store:
    """Open the store in a directory, which is made if it is missing.

    Args:
        directory: the store's directory; one process or one group of workers may use it.
        inline_limit: bytes up to which a body is stored in the index.
        memory: bytes that all bodies in transit share.
        clock: seconds since 1970.
        durability: the writes that a power cut may undo, see `durability.MEANINGS`.
        shared_state: the state that a group of workers shares; the process that started them has
            opened the store alone before, and has kept its lock since.
        reserve: bytes of disk space to reserve for starts and deletions on a full disk.

    Raises:
        BlockingIOError: another process has the directory open.
        OSError: the directory cannot be used.
    """
    root = Path(directory)
    lock = None if shared_state else await asyncio.to_thread(lock_directory, root)
    pins, commit_lock = (
        (shared_state.pins, shared_state.commit_lock) if shared_state else (None, None)
    )
    disk_reserve = DiskReserve(root, reserve)
    try:
        disk_reserve.release_if_short()
        blobs = await asyncio.to_thread(FileBlobs, root, durability, pins)
        index = await asyncio.to_thread(
            SqliteIndex, root / FILE, clock, durability, commit_lock, disk_reserve
        )
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise
    store = Store(
        index,
        blobs,
        inline_limit=inline_limit,
        memory=memory,
        clock=clock,
        pins=pins,
        lock=lock,
        reserve=disk_reserve,
    )
    try:
        await _clean_up(store, clock, shared=shared_state is not None)
    except BaseException:
        await store.close()
        raise
    return store


async def _clean_up(store: Store, clock: Clock, *, shared: bool) -> None:
    """Remove what a crash has left, and serve what is stored even if that fails."""
    try:
        await (adopt(store, clock) if shared else sweep(store))
        await store.scrub.load()
    except BackupInProgress:
        _log.warning("a backup is copying the blobs: what a crash has left stays for now")
    except OSError as error:
        _log.error("what a crash has left stays for now: %s", error)
    except InternalError:
        _log.exception("what a crash has left stays: the index is damaged; see admin fsck")


async def sweep(store: Store) -> None:
    """Remove the files of commits that did not happen, and garbage.

    The store must not be in use yet.
    """
    index, blobs, run = store.index, store.blobs, store.threads.file
    unsettled = await run(blobs.unsettled)
    known = index.blobs(unsettled)
    garbage = index.garbage()
    await run(blobs.settle, [name for name in unsettled if name in known])
    await run(blobs.discard, [*garbage, *(name for name in unsettled if name not in known)])
    if garbage:
        await index.forget_garbage(garbage)


async def adopt(store: Store, clock: Clock) -> None:
    """Take charge of the files that a dead process of the group has left, as `sweep` does."""
    index, blobs, lifetime = store.index, store.blobs, store.lifetime
    # Overwrites what a failed commit may have left in the log: from here on only a new commit can
    # make the index refer to a draft.
    await index.set_progress("adoption", str(int(clock() * 1000)))
    drafts = await store.threads.file(blobs.unsettled)
    # Drafts of running processes are pinned from before they exist until they are published.
    left = [name for name in drafts if not lifetime.is_tracked(name)]
    known = await store.threads.background(index.blobs, left)
    await store.threads.file(blobs.settle, [name for name in left if name in known])
    lifetime.adopt(name for name in left if name not in known)
    lifetime.released(await store.threads.background(index.garbage))
