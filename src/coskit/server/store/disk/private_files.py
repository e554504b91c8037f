"""Keep all in a server's directory for its owner only, whatever the umask says."""

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_OTHERS = 0o077
_FILES = ("index.db*", "spare", "*.json", "*.key", "lock", "hold*")
_DIRECTORIES = ("blobs*", "tmp", "lost*")


def make_file(path: Path) -> None:
    """Make an empty file, unless there is one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def make_directory(path: Path) -> None:
    """Make a directory, unless there is one; its parents have to be there."""
    path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def restrict_permissions(directory: Path) -> None:
    """Take away from others what an earlier version, or a copy of the directory, has left them.

    The directory itself keeps its mode: whoever made it may have had a reason.
    """
    for patterns, mode in ((_FILES, FILE_MODE), (_DIRECTORIES, DIRECTORY_MODE)):
        for path in (path for pattern in patterns for path in directory.glob(pattern)):
            with suppress(PermissionError, FileNotFoundError):  # it belongs to somebody else
                if path.lstat().st_mode & _OTHERS and not path.is_symlink():
                    path.chmod(mode)
