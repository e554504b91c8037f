"""Orphans: settled files that the index does not name and, by how files are named, never will.

A file loses its second name, under `tmp/`, only after a commit has named it. A file without one
that the index does not name was therefore named once and is no more; no id is ever given again, and
only blobs that are named can be shared. So whoever sees first the lone file and then an index
without it may remove the file, whatever goes on meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from coskit.server.store.blobs.backup_lock import Held
from coskit.server.store.blobs.blob_lifetime import Custody
from coskit.server.store.index.transaction import Clock
from coskit.server.store.interfaces import Blobs, Index

GRACE = 3600.0  # seconds that a file is left alone, for readers that have found it before
PERIOD = 24 * 3600.0  # seconds from one round to the next

_log = logging.getLogger("coskit.server.store")

Submit = Callable[..., asyncio.Future[Any]]


async def collect(
    index: Index, blobs: Blobs, custody: Custody, submit: Submit, clock: Clock
) -> int:
    """Remove orphans that are older than `GRACE`; return how many there were.

    Garbage that nobody is about to remove is given into custody again.
    """
    count = 0
    garbage = await submit(index.garbage)
    custody.released([name for name in garbage if not custody.knows(name)])
    for fan in blobs.fans():
        found = await submit(blobs.settled, fan)
        old = [name for name, written in found if written < clock() - GRACE]
        if not old:
            continue
        known = await submit(index.blobs, old)
        garbage = set(await submit(index.garbage))
        orphans = [
            name
            for name in old
            if name not in known and name not in garbage and not custody.knows(name)
        ]
        if orphans:
            await submit(blobs.discard, orphans)
            _log.warning("removed %d orphans: %s", len(orphans), " ".join(orphans))
            count += len(orphans)
    return count


async def run(index: Index, blobs: Blobs, custody: Custody, submit: Submit, clock: Clock) -> None:
    """Make rounds until cancelled, the first one after the grace."""
    pause = GRACE
    while True:
        await asyncio.sleep(pause)
        pause = PERIOD
        try:
            await collect(index, blobs, custody, submit, clock)
        except Held:
            pause = GRACE
        except Exception:
            _log.exception("orphans could not be looked for")
