"""Local directories: their files in the order of keys in a bucket, and changes to the files."""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from coskit.client.directory.compare import FileEntry
from coskit.client.directory.filters import Filter
from coskit.client.directory.locations import check_name, is_partial, is_text
from coskit.client.directory.result import FileFailure
from coskit.client.transfer.targets.download_target import FileTarget
from coskit.protocol.errors import CosClientError


class Obstacle(CosClientError):
    """A directory is in the place of a file, or a file in the place of a directory."""


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str  # the prefix of its files' names; empty or with a slash at its end
    path: bytes
    identity: tuple[int, int]
    names: Iterator[bytes]


def files(
    root: Path, wanted: Filter, *, follow: bool = True, source: bool = True
) -> Iterator[FileEntry | FileFailure]:
    """Yield the files below a directory, in the byte order of their names.

    The names of each directory above the present file are in memory. Partial files of downloads
    are skipped.

    Args:
        root: the directory.
        wanted: the filter of names.
        follow: follow symbolic links; otherwise they are skipped.
        source: report a name that cannot be uploaded as a failure; otherwise it is skipped.
    """
    start = os.fsencode(root)
    status = os.stat(start)  # noqa: PTH116 - paths are bytes here, as names need not be text
    folders = [_Folder("", start, _identity(status), iter(_names(start, follow)))]
    while folders:
        folder = folders[-1]
        raw = next(folder.names, None)
        if raw is None:
            folders.pop()
            continue
        name = folder.name + os.fsdecode(raw)
        path = folder.path + b"/" + raw
        try:
            if raw.endswith(b"/"):
                if wanted.enters(name):
                    folders.append(_enter(folders, name, path[:-1], follow))
            elif wanted.takes(name) and (found := _file(name, path, follow, source)):
                yield found
        except FileNotFoundError as error:
            # A file that was deleted is skipped; a broken link is a failure.
            if source and os.path.lexists(path):
                yield FileFailure(name, error)
        except (OSError, CosClientError) as error:
            yield FileFailure(name, error)


def _names(path: bytes, follow: bool) -> list[bytes]:
    """Return the names in a directory, sorted as keys; names of directories end with a slash."""
    with os.scandir(path) as entries:
        return sorted(e.name + b"/" if _is_folder(e, follow) else e.name for e in entries)


def _is_folder(entry: os.DirEntry[bytes], follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        return False  # such as a link to itself; reading it as a file fails with the reason


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _enter(folders: list[_Folder], name: str, path: bytes, follow: bool) -> _Folder:
    identity = _identity(os.stat(path))  # noqa: PTH116
    for outer in folders:
        if outer.identity == identity:
            raise CosClientError(f"{os.fsdecode(path)} leads back to {os.fsdecode(outer.path)}")
    return _Folder(name, path, identity, iter(_names(path, follow)))


def _file(name: str, path: bytes, follow: bool, source: bool) -> FileEntry | None:
    if is_partial(name.rpartition("/")[2]):
        return None
    status = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    if stat.S_ISREG(status.st_mode):
        if is_text(name):
            return FileEntry(name, status.st_size, status.st_mtime_ns)
        reason = "its name is not UTF-8"
    elif stat.S_ISLNK(status.st_mode) or not source:
        return None
    else:
        reason = "it is not a regular file"
    if source:
        raise CosClientError(f"{os.fsdecode(path)!r} cannot be uploaded: {reason}")
    return None


def file_at(root: Path, entry: FileEntry, *, follow: bool = True) -> FileEntry:
    """Return the state of a file that was named, which lies below a directory.

    Raises:
        CosClientError: the name leads out of the directory, or is not that of a regular file.
        OSError: there is no such file.
    """
    path = f"{root}/{entry.name}"
    try:
        check_name(entry.name)
    except CosClientError as error:
        raise CosClientError(f"{entry.name!r} is not the name of a file below {root}") from error
    if not is_text(entry.name):
        raise CosClientError(f"{path!r} cannot be uploaded: its name is not UTF-8")
    status = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - as in `files`
    if stat.S_ISDIR(status.st_mode):
        raise CosClientError(f"{path!r} is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise CosClientError(f"{path!r} cannot be uploaded: it is not a regular file")
    return replace(entry, size=status.st_size, modified=status.st_mtime_ns)


class LocalDirectory:
    """A directory that files are downloaded into; no file is written outside it.

    Args:
        root: the directory; it is created with the first file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # The folder that was prepared last, and its path without links, with a slash at its end.
        self._last: tuple[str | None, str] = (None, "")

    def prepare(self, name: str) -> FileTarget:
        """Create the directories of a file and return it as the target of a download.

        Raises:
            CosClientError: the name leads out of the directory, directly or through a link.
            Obstacle: a file or directory is in the way.
            OSError: a directory cannot be created.
        """
        check_name(name)
        folder, _, last = name.rpartition("/")
        prepared, real = self._last
        if folder != prepared:
            real = self._make_folder(folder)
        path, old = f"{real}{last}", None
        with contextlib.suppress(FileNotFoundError):
            old = os.lstat(path)  # a Path costs as much as the call
            if stat.S_ISDIR(old.st_mode):
                raise Obstacle(f"{self.root / name} is a directory, where a file is to be")
            if not stat.S_ISREG(old.st_mode):
                raise CosClientError(
                    f"{self.root / name} is a link or a special file and is left alone"
                )
        return FileTarget.at(path, old)

    def _make_folder(self, folder: str) -> str:
        """Create the directories of a folder and return its path without links, with a slash."""
        path = self.root
        path.mkdir(parents=True, exist_ok=True)
        for part in folder.split("/") if folder else ():
            path = path / part
            _make(path)
        real = f"{path.resolve()}".rstrip("/") + "/"
        self._last = (folder, real)
        return real

    def remove(self, name: str) -> None:
        """Delete a file and the directories that become empty."""
        path = self.root / name
        path.unlink(missing_ok=True)
        self._last = (None, "")
        with contextlib.suppress(OSError):
            for folder in path.parents:
                if folder == self.root:
                    break
                folder.rmdir()

    def is_case_blind(self) -> bool:
        """Return whether the file system ignores case in names."""
        probe = self.root.absolute()
        for path in (probe, *probe.parents):
            other = path.with_name(path.name.swapcase()) if path.name else path
            if other != path and path.exists():
                return other.exists() and other.samefile(path)
        return False


def _make(path: Path) -> None:
    try:
        path.mkdir()
    except FileExistsError:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise CosClientError(f"{path} is a link, which may lead elsewhere") from None
        if not stat.S_ISDIR(mode):
            raise Obstacle(f"{path} is a file, but a directory is needed there") from None
