"""One section of a file as a file of its own, so that parts are read side by side."""

import io
import os
from pathlib import Path


class FileSection(io.RawIOBase):
    """`length` bytes of a file from `offset`; it has its own position and descriptor."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._offset = offset
        self._length = length
        self._file.seek(offset)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the section."""
        return self._file.tell() - self._offset

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in the section and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._length}[whence]
        self._file.seek(self._offset + base + offset)
        return base + offset

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the section's end."""
        left = max(self._length - self.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left)) or b""

    def close(self) -> None:
        """Close the descriptor."""
        self._file.close()
        super().close()
