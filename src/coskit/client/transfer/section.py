"""One section of a file as a file of its own, and what is counted while it is sent."""

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from coskit.client.transfer.body_source import FileState, file_state
from coskit.client.transfer.progress import PartProgress
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import SourceChanged


class FileSection(io.RawIOBase):
    """`length` bytes of a file from `offset`; it has its own position and descriptor."""

    _descriptor = -1

    def __init__(self, path: Path, offset: int, length: int) -> None:
        super().__init__()
        # A cancelled task closes it while a thread may still read; the descriptor's number must
        # not become another file's under that thread.
        self._use = threading.Lock()
        self._position = 0
        self._offset = offset
        self._length = length
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def state(self) -> FileState:
        """Return what tells the file from others and from what it becomes."""
        return file_state(os.fstat(self._descriptor))

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the section."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in the section and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the section's end."""
        left = max(self._length - self._position, 0)
        with self._use:
            self._checkClosed()
            chunk = os.pread(
                self._descriptor,
                left if size < 0 else min(size, left),
                self._offset + self._position,
            )
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        """Close the descriptor."""
        with self._use:
            super().close()
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)


class Tally:
    """A section on its way out: what is read of it is counted and summed, anew for each try.

    Its last byte is given away only after the source was found unchanged, so that no request with
    a mixture of two states is ever whole.

    Attributes:
        crc64: CRC64 of what has been read since the last rewind.
    """

    def __init__(
        self,
        section: BinaryIO,
        length: int,
        progress: PartProgress,
        check: Callable[[], None],
    ) -> None:
        self.crc64 = 0
        self._section = section
        self._left = self._length = length
        self._progress = progress
        self._check = check

    def tell(self) -> int:
        """Return the position in the section."""
        return self._section.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move and return the position; at 0 everything is counted anew."""
        position = self._section.seek(offset, whence)
        self._left = self._length - position
        if position == 0:
            self.crc64 = 0
            self._progress.at(0)
        return position

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end.

        Raises:
            SourceChanged: the source is not what it was, or ends too early.
        """
        chunk = self._section.read(min(size, self._left))
        if not chunk and size and self._left:
            self._check()
            raise SourceChanged(f"The source ended {self._left} bytes too early")
        self._left -= len(chunk)
        if not self._left:
            self._check()
        self.crc64 = crc64(chunk, self.crc64)
        self._progress.moved(len(chunk))
        return chunk

    def close(self) -> None:
        """Close the section."""
        self._section.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
