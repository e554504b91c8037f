"""The content of local files: its checksums, and the removal of a file that was moved."""

import hashlib
import os
import secrets
import stat
import threading
from pathlib import Path
from typing import Self

from coskit.client.transfer.body_source import file_state
from coskit.client.transfer.upload_source import FileSource
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import SourceChanged

_CHUNK = 1 << 20
_PIECE = 16  # chunks


class FileChecksums:
    """The MD5 and the CRC64 of a file, read in pieces so that a cancellation takes effect soon.

    `more` and `close` may be called from different threads; use as a context manager.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._md5 = hashlib.md5()
        self._crc64 = 0
        # A close waits for a read, so that the descriptor is not reused during it.
        self._lock = threading.Lock()

    def more(self) -> bool:
        """Read one more piece; return False at the end."""
        with self._lock:
            for _ in range(_PIECE):
                chunk = b"" if self._file.closed else self._file.read(_CHUNK)
                if not chunk:
                    return False
                self._md5.update(chunk)
                self._crc64 = crc64(chunk, self._crc64)
        return True

    @property
    def md5(self) -> str:
        """The MD5 as ETags spell it."""
        return self._md5.hexdigest()

    @property
    def crc64(self) -> str:
        """The CRC64 as the service spells it."""
        return str(self._crc64)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._file.close()


def read_small(path: str, most: int) -> bytes | None:
    """Return the content of a regular file of up to `most` bytes, None for any other file.

    The state of the file is the same before and after the reading. None is also returned for a file
    that changes while it is read, for an empty file, and for one whose size may be wrong.

    Args:
        path: the file.
        most: the largest number of bytes.

    Raises:
        OSError: the file cannot be read.
    """
    # A named pipe would wait for a writer without O_NONBLOCK.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = os.fstat(file)
        size = before.st_size
        if not stat.S_ISREG(before.st_mode) or not before.st_blocks or not 0 < size <= most:
            return None
        content = os.read(file, size + 1)
        unchanged = file_state(os.fstat(file)) == file_state(before)
        return content if unchanged and len(content) == size else None
    finally:
        os.close(file)


def remove_uploaded(path: Path, source: FileSource) -> None:
    """Delete a file that was uploaded, unless it has changed since then.

    The file is renamed before the last check, so that a file that another program puts in its place
    is never deleted.

    Args:
        path: the file.
        source: the file as it was uploaded.

    Raises:
        SourceChanged: the file changed; it was not deleted.
        OSError: the file cannot be deleted.
    """
    source.check()
    # The name is that of a partial download, which no transfer of a directory uploads.
    aside = path.with_name(f".moved.{secrets.token_hex(8)}.part")
    path.rename(aside)
    if source.is_content_of(aside):
        aside.unlink()
        return
    try:
        os.link(aside, path, follow_symlinks=False)  # does not replace a newer file
    except OSError as error:
        raise SourceChanged(f"{path} changed while it was moved, and is now {aside}") from error
    aside.unlink()
    raise SourceChanged(f"{path} changed while it was moved, and was not deleted")
