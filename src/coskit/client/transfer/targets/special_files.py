"""Paths that a download writes in place: pipes, terminals, devices, open files."""

# ruff: noqa: PTH115, PTH116, PTH118, PTH123
# Every small download runs this, and a Path costs as much as a system call.

import os
import re
import stat
from typing import BinaryIO

_MAX_LINKS = 40  # that Linux follows
_DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd|/dev/fd")


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of a file, or None if there is none."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def is_special(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is written in place: a pipe, a terminal, a device, an open file.

    `/dev/stdout` and other paths below `/proc/*/fd` stand for files that a process has open. They
    are not replaced: the process would keep writing to the old file.
    """
    status = status_of(path)
    if status is None or stat.S_ISDIR(status.st_mode):
        return False
    return not stat.S_ISREG(status.st_mode) or _descriptor_path(path) is not None


def open_special(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a path that is written in place.

    A file that this process has open is written from its present position on, a file that another
    process has open from its end on.

    Raises:
        OSError: the path cannot be opened.
    """
    found = _descriptor_path(path)
    if found is None:
        return open(path, "wb", 0)
    folder, name = found
    if folder == os.path.realpath("/proc/self/fd") and name.isdecimal():
        return open(os.dup(int(name)), "wb", 0)
    return open(path, "ab", 0)


def _descriptor_path(path: str | os.PathLike[str]) -> tuple[str, str] | None:
    """Return the folder and name of the open file that a path leads to, or None."""
    place = os.fspath(path)
    for _ in range(_MAX_LINKS):
        try:
            link = os.readlink(place)
        except OSError:  # it is no link; entries of the folders of open files always are
            return None
        folder, name = os.path.split(place)
        folder = os.path.realpath(folder)
        if _DESCRIPTORS.fullmatch(folder):
            return folder, name
        place = os.path.join(folder, link)
    return None
