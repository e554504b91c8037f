"""The part of the index that maintenance uses: records of blobs, garbage, damage and progress."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from coskit.server.store.model import BlobRow, DamageMark


class BlobRecords(Protocol):
    """The index's records of blobs.

    References to blobs are counted: one for each extent of a version or part. A blob that loses its
    last reference leaves the index in the same commit; if its bytes are a file, its id becomes
    garbage in that commit and stays garbage until `forget_garbage`.
    """

    def blobs(self, blob_ids: Sequence[str]) -> Mapping[str, BlobRow]:
        """Return the rows of these blobs, without blobs that have no reference."""
        ...

    def blobs_after(self, blob_id: str, limit: int) -> list[tuple[str, BlobRow]]:
        """Return the next blobs in the order of ids, with the bytes of those in the index."""
        ...

    def garbage(self) -> list[str]:
        """Return the ids of the files that no version and no part refers to any more."""
        ...

    def forget_garbage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        """Remove ids from the garbage, after their files were removed."""
        ...

    def mark_damage(self, blob_id: str, what: str) -> asyncio.Future[None]:
        """Mark a blob as damaged, if anything refers to it; `blobs` and `damage` show the mark.

        The mark goes with the blob's last reference, or by `clear_damage`. The first mark of a blob
        stays: a second one changes nothing.
        """
        ...

    def clear_damage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        """Remove the marks of blobs whose bytes are right again."""
        ...

    def damage(self) -> list[DamageMark]:
        """Return all marks, by blob id."""
        ...

    def progress(self, job: str) -> str:
        """Return the text that `set_progress` saved last for a job, "" if it saved none."""
        ...

    def set_progress(self, job: str, state: str) -> asyncio.Future[None]:
        """Save the progress of a job."""
        ...

    def check_pages(self, first: int, count: int) -> int:
        """Read pages of the index from the disk, past every cache; return how many it has in all.

        Raises:
            InternalError: one of the pages is damaged.
        """
        ...

    def flush(self) -> None:
        """Make all earlier commits as durable as the durability mode allows; blocks."""
        ...
