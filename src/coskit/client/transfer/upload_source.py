"""What an upload in parts reads: something of known size whose sections are read side by side."""

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

# What shows that another file, or none, is where one was.
_GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class UploadSource(Protocol):
    """Bytes that stay the same while they are uploaded, and when the upload is resumed.

    All methods may block and are called from any thread.
    """

    @property
    def size(self) -> int:
        """Bytes there are."""
        ...

    @property
    def identity(self) -> Mapping[str, str | int]:
        """What tells these bytes from others; a journal is bound to it."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Metadata that the object needs to be read again, such as a wrapped key."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """What `restore` needs in a later process to give the same bytes again."""
        ...

    def restore(self, state: Mapping[str, str]) -> None:
        """Become the source that an interrupted transfer read; called before any section."""
        ...

    def section(self, offset: int, length: int) -> BinaryIO:
        """Return a seekable file of its own position over `length` bytes; the caller closes it."""
        ...

    def check(self) -> None:
        """Look whether the bytes are still those of `identity`.

        Raises:
            SourceChanged: they are not.
        """
        ...


class FileSource:
    """A file, bound to its size, its modification time and its inode.

    While it is sent the time of its last change counts too, which nobody can set: so a file that
    is written to and given its old modification time back has changed. What cannot be seen is what
    goes through memory that was mapped and written to before, on file systems that tell no times
    of that, and what happens within one step of the file system's clock.

    Attributes:
        is_measured: whether its size says how many bytes it has. Of files of the kernel it does
            not: they have to be read as streams.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Look at the file.

        Raises:
            OSError: it is not there, or is a directory.
            ParameterError: it is a pipe or a device, whose size says nothing.
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
        """See `Source.size`."""
        return self._state[0]

    @property
    def identity(self) -> Mapping[str, str | int]:
        """See `Source.identity`."""
        return self._identity

    @property
    def metadata(self) -> Mapping[str, str]:
        """See `Source.metadata`."""
        return {}

    @property
    def state(self) -> Mapping[str, str]:
        """See `Source.state`."""
        return {}

    def restore(self, state: Mapping[str, str]) -> None:
        """See `Source.restore`: a file's bytes follow from its identity."""

    def section(self, offset: int, length: int) -> BinaryIO:
        """See `Source.section`."""
        try:
            section = FileChunk(self._path, offset, length)
        except _GONE as error:
            raise self._changed() from error
        if section.state() != self._state:
            section.close()
            raise self._changed()
        return cast(BinaryIO, section)

    def check(self) -> None:
        """See `Source.check`."""
        try:
            changed = self._look() != self._state
        except (*_GONE, ParameterError):
            changed = True
        if changed:
            raise self._changed()

    def _changed(self) -> SourceChanged:
        return SourceChanged(f"{self._path} changed while it was uploaded")

    def _is_measured(self, blocks: int) -> bool:
        size = self._state[0]
        if blocks:
            return True  # what lies on a disk has the size that it has there
        with FileChunk(self._path, 0, size + 1) as file:
            file.seek(max(size - 1, 0))
            return len(file.read(2)) == min(size, 1)

    def _look(self) -> FileState:
        status = os.stat(self._path)  # noqa: PTH116 - called for every small file
        if S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(self._path))
        if not S_ISREG(status.st_mode):
            raise ParameterError(f"{self._path} is no regular file: use upload_stream")
        self._blocks = status.st_blocks
        return file_state(status)


class FileChunk(io.RawIOBase):
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


class CheckedReader:
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
