"""The interface of blob storage: immutable bytes under ids."""

from collections.abc import Sequence
from typing import Protocol


class BlobWriter(Protocol):
    """A blob that is being written. Its methods block and are called one at a time."""

    @property
    def blob_id(self) -> str:
        """The blob's id, which no other blob has or had."""
        ...

    def write(self, block: bytes) -> None:
        """Append a block."""
        ...

    def finish(self) -> None:
        """Make the blob durable and readable: after this returns, `Blobs.open` finds it.

        A power cut does not change that.
        """
        ...

    def close(self) -> None:
        """Release the writer. An unfinished blob stays until `Blobs.discard` removes it."""
        ...


class BlobReader(Protocol):
    """A blob that is open for reading. Its methods block and are called one at a time."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes as they were written; fewer only at the end of the blob.

        Bytes are verified in blocks of 64 KiB, so reads that start and end at multiples of 64 KiB
        cost least.

        Raises:
            DamagedBlob: the bytes differ from what was written.
            OSError: the bytes cannot be read.
        """
        ...

    def close(self) -> None:
        """Release the reader."""
        ...


class Blobs(Protocol):
    """Storage of immutable blobs by id. Its methods block: they are called in worker threads.

    A new blob is unsettled until `settle` is called for it, which happens after the index refers to
    it. After a crash, unsettled blobs are compared with the index: those that the index does not
    know are discarded.
    """

    def create(self) -> BlobWriter:
        """Start a blob under a new id; `unsettled` lists it from now on."""
        ...

    def open(self, blob_id: str, size: int, crc: int) -> BlobReader:
        """Open a finished blob of this size and CRC64.

        Raises:
            DamagedBlob: the blob is missing, is damaged, or is another blob.
            OSError: the blob cannot be opened.
        """
        ...

    def fans(self) -> list[str]:
        """Return the names of the groups that blobs are stored in."""
        ...

    def settled(self, fan: str) -> list[tuple[str, float]]:
        """Return the settled blobs of a group, each with the time of its last write in seconds."""
        ...

    def settle(self, blob_ids: Sequence[str]) -> None:
        """Record that the index refers to these blobs; `settled` lists them from now on."""
        ...

    def unsettled(self) -> list[str]:
        """Return the blobs that were created and neither settled nor discarded."""
        ...

    def discard(self, blob_ids: Sequence[str]) -> None:
        """Remove blobs, finished or not. Blobs that do not exist are ignored.

        After this returns, `open` does not find them.

        Raises:
            BackupInProgress: a backup is copying the blobs; retry later.
        """
        ...

    def note_waiting(self, blob_ids: Sequence[str]) -> None:
        """Let checks by other processes know that the removal of these blobs waits for readers."""
        ...

    def clear_waiting(self) -> None:
        """Withdraw all that `note_waiting` has noted in this process."""
        ...
