"""A VFS that reports SQLite's operations on the disk."""

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import apsw

_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL


class StepReporter(Protocol):
    """The methods of `PatchedCalls` that the VFS needs."""

    root: str

    def covers(self, path: Any) -> bool: ...
    def handle(self, path: str) -> int: ...
    def step(self, act: str, path: str = "", **about: Any) -> AbstractContextManager[bool]: ...
    def step_if_there(self, act: str, path: Any) -> AbstractContextManager[None]: ...


class PatchedVfs(apsw.VFS):
    """SQLite's default VFS with reports of its steps; other VFSs may be stacked on it."""

    def __init__(self, watched: StepReporter) -> None:
        self._watched = watched
        self._base = apsw.vfs_names()[0]
        _KEPT.append(self)  # SQLite keeps no reference
        super().__init__("watched", self._base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if not self._watched.covers(path):
            return apsw.VFSFile(self._base, name, flags)
        if not Path(path).exists():
            with self._watched.step("open", path):
                return _PatchedFile(self._watched, self._base, path, name, flags)
        return _PatchedFile(self._watched, self._base, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        watched = self._watched
        with watched.step_if_there("unlink", filename):
            super().xDelete(filename, syncdir)
        if syncdir:
            with watched.step("sync", watched.root, handle=watched.handle(watched.root)):
                pass  # it was done with the unlinking


class _PatchedFile(apsw.VFSFile):
    """A file of SQLite whose steps are reported."""

    def __init__(
        self, watched: StepReporter, base: str, path: str, name: Any, flags: list[int]
    ) -> None:
        self._watched = watched
        self._path = path
        # The first sync of a new journal makes its name durable too.
        self._names = bool(flags[0] & _JOURNALS and flags[0] & apsw.SQLITE_OPEN_CREATE)
        self._of: int | None = None
        super().__init__(base, name, flags)

    @property
    def _handle(self) -> int:
        # Not at the opening: only after it the watcher knows of a new file.
        if self._of is None:
            self._of = self._watched.handle(self._path)
        return self._of

    def xWrite(self, data: bytes, offset: int) -> None:
        real = super().xWrite
        about = {"handle": self._handle, "offset": offset, "data": bytes(data)}
        half = partial(real, data[: len(data) // 2], offset)
        with self._watched.step("write", self._path, **about, halve=half):
            real(data, offset)

    def xTruncate(self, newsize: int) -> None:
        with self._watched.step("truncate", self._path, handle=self._handle, offset=newsize):
            super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        watched = self._watched
        with watched.step("sync", self._path, handle=self._handle) as wanted:
            if wanted:
                super().xSync(flags)
        if wanted and self._names:
            self._names = False
            with watched.step("sync", watched.root, handle=watched.handle(watched.root)):
                pass  # it was done with the file


_KEPT: list[apsw.VFS] = []
