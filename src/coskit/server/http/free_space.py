"""The check for free disk space before a write is accepted."""

import os
import time
from pathlib import Path

from coskit.server.http.system_errors import no_space_left

_MEASUREMENT_AGE = 0.1  # seconds for which a measurement of the disk is used
_SAFETY_MARGIN = 1 << 30  # bytes that no disk loses in that time


class FreeSpace:
    """The free space of a disk, less a reserve for deletions, which have to write as well.

    Args:
        directory: a directory on the disk.
        reserve: the bytes to leave free.
    """

    def __init__(self, directory: Path, reserve: int) -> None:
        self._directory = directory
        self._reserve = reserve
        self._free, self._looked = 0, -_MEASUREMENT_AGE

    def require(self, size: int) -> None:
        """Claim space for a write.

        Raises:
            ServiceUnavailable: there is not enough space for `size` more bytes.
        """
        needed = size + self._reserve
        now = time.monotonic()
        if now - self._looked > _MEASUREMENT_AGE or self._free < needed + _SAFETY_MARGIN:
            disk = os.statvfs(self._directory)
            self._looked, self._free = now, disk.f_bavail * disk.f_frsize
        if self._free < needed:
            raise no_space_left()
        self._free -= size
