"""Private files in a server's directory: only the owner may read them, under any umask."""

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_OTHERS = 0o077
_FILES = ("index.db*", "spare", "*.json", "*.key", "lock", "hold*")
_DIRECTORIES = ("blobs*", "tmp", "lost*")


def make_file(path: Path) -> None:
    """Make an empty file, if it is missing."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def make_directory(path: Path) -> None:
    """Make a directory, if it is missing; its parents must exist."""
    path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def restrict_permissions(directory: Path) -> None:
    """Remove other users' access to files that an earlier version or a copy has left readable.

    The directory itself keeps its mode, which its creator may have chosen.
    """
    for patterns, mode in ((_FILES, FILE_MODE), (_DIRECTORIES, DIRECTORY_MODE)):
        for path in (path for pattern in patterns for path in directory.glob(pattern)):
            with suppress(PermissionError, FileNotFoundError):  # another user owns it
                if path.lstat().st_mode & _OTHERS and not path.is_symlink():
                    path.chmod(mode)
