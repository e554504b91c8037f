"""The sources of uploads: content of known size whose sections are read in parallel."""

import errno
import io
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import TracebackType
from typing import BinaryIO, Protocol, Self, cast

from coskit.client.transfer.body_source import FileState, file_state
from coskit.client.transfer.progress import PartProgress
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import ParameterError, SourceChanged

# The errors of a file that was removed or replaced.
_GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class UploadSource(Protocol):
    """Content that stays the same during an upload, and when the upload is resumed.

    All methods may block and are called from any thread.
    """

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    @property
    def identity(self) -> Mapping[str, str | int]:
        """The identity of the content, which a journal is bound to."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata without which the object cannot be read, such as a wrapped key."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """The state with which `restore` gives the same bytes again in a later process."""
        ...

    def restore(self, state: Mapping[str, str]) -> None:
        """Restore the source of an interrupted transfer; called before any section."""
        ...

    def section(self, offset: int, length: int) -> BinaryIO:
        """Return a seekable file over `length` bytes, with its own position, to be closed."""
        ...

    def check(self) -> None:
        """Check that the content is still that of `identity`.

        Raises:
            SourceChanged: the content changed.
        """
        ...


class FileSource:
    """A file, identified by its size, its modification time and its inode.

    During the upload the time of the last change counts too, which no program can set: a file that
    is written and given its old modification time has changed. Two changes cannot be seen: those
    within one step of the file system's clock, and those through memory that was mapped and written
    before, on file systems that do not record their time.

    Attributes:
        is_measured: whether the size is the number of bytes. For files of the kernel it is not;
            they are read as streams.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the state of the file.

        Raises:
            OSError: the file does not exist, or is a directory.
            ParameterError: the file is a pipe or a device, which has no size.
        """
        self._path = Path(path)
        self._state = self._look()
        size, mtime, _, inode, _ = self._state
        self.is_measured = self._is_measured(self._blocks)
        self._identity: dict[str, str | int] = {
            "path": str(self._path.absolute()),
            "size": size,
            "mtime_ns": mtime,
            "inode": inode,
        }

    @property
    def size(self) -> int:
        """See `UploadSource.size`."""
        return self._state[0]

    @property
    def identity(self) -> Mapping[str, str | int]:
        """See `UploadSource.identity`."""
        return self._identity

    @property
    def metadata(self) -> Mapping[str, str]:
        """See `UploadSource.metadata`."""
        return {}

    @property
    def state(self) -> Mapping[str, str]:
        """See `UploadSource.state`."""
        return {}

    def restore(self, state: Mapping[str, str]) -> None:
        """See `UploadSource.restore`: the identity determines the bytes of a file."""

    def section(self, offset: int, length: int) -> BinaryIO:
        """See `UploadSource.section`."""
        try:
            section = FileChunk(self._path, offset, length)
        except _GONE as error:
            raise self._changed() from error
        if section.state() != self._state:
            section.close()
            raise self._changed()
        return cast(BinaryIO, section)

    def check(self) -> None:
        """See `UploadSource.check`."""
        try:
            changed = self._look() != self._state
        except (*_GONE, ParameterError):
            changed = True
        if changed:
            raise self._changed()

    def is_content_of(self, path: Path) -> bool:
        """Return whether a path, to which the file was renamed, leads to the unchanged file."""
        status = path.stat()
        found = status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
        size, mtime, _, inode, device = self._state
        return found == (size, mtime, inode, device)

    def _changed(self) -> SourceChanged:
        return SourceChanged(f"{self._path} changed while it was uploaded")

    def _is_measured(self, blocks: int) -> bool:
        size = self._state[0]
        if blocks:
            return True  # a file with blocks on a disk has the size of its content
        with FileChunk(self._path, 0, size + 1) as file:
            file.seek(max(size - 1, 0))
            return len(file.read(2)) == min(size, 1)

    def _look(self) -> FileState:
        status = os.stat(self._path)  # noqa: PTH116 - called for every small file
        if S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(self._path))
        if not S_ISREG(status.st_mode):
            raise ParameterError(f"{self._path} is not a regular file: use upload_stream")
        self._blocks = status.st_blocks
        return file_state(status)


class FileChunk(io.RawIOBase):
    """`length` bytes of a file from `offset`, with a position and a descriptor of its own."""

    _descriptor = -1

    def __init__(self, path: Path, offset: int, length: int) -> None:
        super().__init__()
        # A cancelled task closes the chunk while a thread may still read it. The lock keeps the
        # descriptor's number from being reused for another file meanwhile.
        self._use = threading.Lock()
        self._position = 0
        self._offset = offset
        self._length = length
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def state(self) -> FileState:
        """Return the state of the file."""
        return file_state(os.fstat(self._descriptor))

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the chunk."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in the chunk and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the end of the chunk."""
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


class CheckedReader:
    """A section that is counted and summed while it is read, again after each rewind.

    It holds back the last byte until the source is confirmed unchanged, so that an upload that
    mixes two versions never completes.

    Attributes:
        crc64: the CRC64 of the bytes read since the last rewind.
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
        """Return the position in the chunk."""
        return self._section.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move and return the position; at 0 the count starts again."""
        position = self._section.seek(offset, whence)
        self._left = self._length - position
        if position == 0:
            self.crc64 = 0
            self._progress.at(0)
        return position

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end.

        Raises:
            SourceChanged: the source changed, or ends too early.
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
