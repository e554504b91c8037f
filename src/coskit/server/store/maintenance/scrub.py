"""The scrub: a job that reads every stored byte and every page of the index, and marks damage."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.block_checksums import BLOCK
from coskit.server.store.index.database import DamagedIndex
from coskit.server.store.index.transaction import Clock
from coskit.server.store.interfaces.blobs import Blobs
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.interfaces.index import Index
from coskit.server.store.model import BlobRow

JOB = "scrub"
_STEP = BLOCK * 16  # bytes read at a time
_ROWS = 16  # blobs looked up at a time; bodies in the index come with them
_PAGES = 256  # pages of the index read at a time
_PAGE = 4096  # bytes
_SAVED_AFTER = 10.0  # seconds

_log = logging.getLogger("coskit.server.scrub")

Submit = Callable[..., asyncio.Future[Any]]


@dataclass(frozen=True, slots=True)
class ScrubRun:
    """The progress or the result of a run.

    Attributes:
        began: the start in milliseconds since 1970.
        ended: the end in milliseconds since 1970, 0 before the end.
        blobs: the number of blobs that were read.
        bytes: the size of these blobs.
        pages: the number of pages of the index that were read.
        damaged: the number of blobs that are damaged or missing.
        damaged_pages: the number of damaged pages of the index.
        after: the id of the last blob that was read.
    """

    began: int
    ended: int = 0
    blobs: int = 0
    bytes: int = 0
    pages: int = 0
    damaged: int = 0
    damaged_pages: int = 0
    after: str = ""


def dump_runs(running: ScrubRun | None, last: ScrubRun | None) -> str:
    """Return the saved form of the runs."""
    return json.dumps([run and asdict(run) for run in (running, last)])


def load_runs(text: str) -> tuple[ScrubRun | None, ScrubRun | None]:
    """Return the runs of a text of `dump_runs`; None for each in any other text."""
    try:
        running, last = (run and ScrubRun(**run) for run in json.loads(text or "[null, null]"))
    except (ValueError, TypeError):
        return None, None
    return running, last


class Scrub:
    """A job that reads everything, once or periodically; it resumes where a killed run stopped.

    Args:
        index: the records of blobs.
        blobs: the storage of larger bodies.
        submit: runs a blocking call in a worker thread.
        clock: seconds since 1970.
        saved_after: seconds of work between saves of the position.

    Attributes:
        running: the run in progress, or an interrupted one; None if there is none.
        last: the last complete run, None if there is none.
    """

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        submit: Submit,
        clock: Clock = time.time,
        saved_after: float = _SAVED_AFTER,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._submit = submit
        self._clock = clock
        self._saved_after = saved_after
        self._saved = time.monotonic()
        self.running: ScrubRun | None = None
        self.last: ScrubRun | None = None

    async def load(self) -> None:
        """Load the runs that earlier processes have saved."""
        text = await self._submit(self._index.progress, JOB)
        self.running, self.last = load_runs(text)

    async def run(self, rate: float, period: float) -> None:
        """Make runs until cancelled; a run that fails is logged and retried in an hour.

        Args:
            rate: bytes a second.
            period: seconds from the start of one run to the start of the next.
        """
        while True:
            try:
                await self.load()
                await asyncio.sleep(self._wait(period))
                await self.once(rate)
            except Exception:
                _log.exception("a scrub failed; it goes on in an hour")
                await asyncio.sleep(3600)

    async def once(self, rate: float | None = None) -> ScrubRun:
        """Make a run, or finish the interrupted one, and return its result.

        Args:
            rate: bytes a second, None for full speed.
        """
        await self.load()
        run = self.running or ScrubRun(int(self._clock() * 1000))
        run = await self._read_pages(run, rate)
        try:
            run = await self._read_blobs(run, rate)
        except DamagedIndex as error:
            _log.error("the blobs cannot be found: %s", error.message)
            run = replace(self.running or run, damaged_pages=max(1, run.damaged_pages))
        run = replace(run, ended=int(self._clock() * 1000))
        self.running, self.last = None, run
        await self._save()
        _log.info("scrubbed %d blobs of %d bytes: %d damaged", run.blobs, run.bytes, run.damaged)
        return run

    def _wait(self, period: float) -> float:
        if self.running or not self.last:
            return 0.0
        # A clock that was set back must not delay the scrub for longer than a period.
        return min(period, max(0.0, self.last.began / 1000 + period - self._clock()))

    async def _read_blobs(self, run: ScrubRun, rate: float | None) -> ScrubRun:
        while found := await self._submit(self._index.blobs_after, run.after, _ROWS):
            for blob_id, row in found:
                damage = await self._read_blob(blob_id, row, rate)
                run = replace(
                    run,
                    after=blob_id,
                    blobs=run.blobs + 1,
                    bytes=run.bytes + row.size,
                    damaged=run.damaged + (damage is not None),
                )
                await self._keep(run)
        return run

    async def _read_blob(
        self, blob_id: str, row: BlobRow, rate: float | None
    ) -> DamagedBlob | None:
        steps = verify(self._blobs, blob_id, row)
        step: asyncio.Future[int] | None = None
        try:
            while True:
                began = time.monotonic()
                step = self._submit(next, steps, 0)
                # Shielded, since a cancelled wait does not stop the thread that runs the step.
                count = await asyncio.shield(step)
                if not count:
                    break
                await _rest(count, rate, began)
        except DamagedBlob as damage:
            return await self._mark(damage)
        finally:
            if step is None or step.done():
                steps.close()
            else:
                step.add_done_callback(partial(_end, steps))
        if row.damage:  # the right bytes were restored
            await self._index.clear_damage([blob_id])
        return None

    async def _mark(self, damage: DamagedBlob) -> DamagedBlob | None:
        """Mark a blob, unless it was deleted during the read."""
        if not await self._submit(self._index.blobs, [damage.blob_id]):
            return None
        _log.error("blob %s is damaged: %s", damage.blob_id, damage.what)
        await self._index.mark_damage(damage.blob_id, damage.what)
        return damage

    async def _read_pages(self, run: ScrubRun, rate: float | None) -> ScrubRun:
        pages = run.pages + 1
        while run.pages < pages:
            began = time.monotonic()
            pages, damaged = await self._submit(_check_pages, self._index, run.pages)
            read = min(_PAGES, pages - run.pages)
            run = replace(
                run, pages=run.pages + max(0, read), damaged_pages=run.damaged_pages + damaged
            )
            await _rest(read * _PAGE, rate, began)
            await self._keep(run)
        return run

    async def _keep(self, run: ScrubRun) -> None:
        self.running = run
        if time.monotonic() - self._saved >= self._saved_after:
            await self._save()

    async def _save(self) -> None:
        await self._index.set_progress(JOB, dump_runs(self.running, self.last))
        self._saved = time.monotonic()


def verify(blobs: Blobs, blob_id: str, row: BlobRow) -> Generator[int, None, None]:
    """Read a blob completely and yield the number of bytes of each step; blocks.

    Raises:
        DamagedBlob: it is missing, or its bytes differ from what was written.
        InternalError: it cannot be read.
    """
    if row.data is not None:
        if len(row.data) != row.size or crc64(row.data) != row.crc64:
            raise DamagedBlob(blob_id, "wrong checksum in the index")
        yield row.size
        return
    try:
        with closing(blobs.open(blob_id, row.size, row.crc64)) as reader:
            for offset in range(0, row.size, _STEP):
                yield len(reader.read(offset, _STEP))
    except OSError as error:
        raise InternalError(f"Blob {blob_id} cannot be read.") from error


def _end(steps: Generator[int, None, None], step: asyncio.Future[int]) -> None:
    step.exception()  # marks its error as seen
    steps.close()


def _check_pages(index: Index, first: int) -> tuple[int, int]:
    """Return the number of pages of the index, and the number of damaged ones among the next."""
    try:
        return index.check_pages(first, _PAGES), 0
    except DamagedIndex:
        damaged = 0
    for number in range(first, first + _PAGES):
        try:
            index.check_pages(number, 1)
        except DamagedIndex as error:
            _log.error("%s", error.message)
            damaged += 1
    return index.check_pages(0, 0), damaged


async def _rest(count: int, rate: float | None, began: float) -> None:
    """Sleep until reading `count` bytes has taken as long as the rate allows."""
    if rate:
        await asyncio.sleep(max(0.0, began + count / rate - time.monotonic()))
