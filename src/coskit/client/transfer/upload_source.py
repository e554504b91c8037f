"""What an upload in parts reads: something of known size whose sections are read side by side."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, Protocol, cast

from coskit.client.transfer.body_source import FileState, file_state
from coskit.client.transfer.section import FileSection
from coskit.protocol.errors import ParameterError, SourceChanged

# What shows that another file, or none, is where one was.
_GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class Source(Protocol):
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
            section = FileSection(self._path, offset, length)
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
        with FileSection(self._path, 0, size + 1) as file:
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
