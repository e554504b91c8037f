"""Patches of a server process's calls, so that an observer sees its steps.

The server has no hooks for this. In a process of its own, its calls are replaced by calls that
report to an observer before and after.
"""

import itertools
import os
import stat
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from coskit.server.app import App
from coskit.server.http.connections.request_cycle import RequestCycle
from coskit.server.store.blobs import files
from coskit.server.store.index.group_commit import GroupCommitWriter
from tests.crash.server.steps import Step, StepObserver
from tests.crash.server.vfs import PatchedVfs

_STATEMENTS = {"BEGIN IMMEDIATE": "begin", "SAVEPOINT one": "change", "COMMIT": "commit"}

_open, _write, _close, _fsync, _fdatasync = os.open, os.write, os.close, os.fsync, os.fdatasync
_link, _unlink, _rename, _mkdir = os.link, os.unlink, os.rename, os.mkdir


class PatchedCalls:
    """Patched calls that report all steps in a directory until the end of the process.

    Args:
        directory: the server's directory.
        observer: the observer of the steps.
        without: names of steps that are neither made nor reported.
    """

    def __init__(
        self, directory: Path, observer: StepObserver, without: Collection[str] = ()
    ) -> None:
        self.root = os.fspath(directory)
        self.observer = observer
        self.without = without
        self._handles = itertools.count(1)
        self._open: dict[int, tuple[int, str]] = {}  # handle and path by fd
        self._replace_calls()
        self._replace_answers()
        self._replace_statements()
        PatchedVfs(self)

    def handle(self, path: str) -> int:
        """Return a new handle for the file that has this path now."""
        handle = next(self._handles)
        self.observer.opened(handle, path)
        return handle

    def what(self, path: str) -> str:
        """Return the kind of file that a path names."""
        match self.inside(path).split("/"):
            case ["tmp", _]:
                return "draft"
            case ["blobs", _]:
                return "fan"
            case ["blobs", _, _]:
                return "blob"
            case ["index.db"]:
                return "index"
            case ["index.db-wal"]:
                return "log"
            case ["index.db-journal"]:
                return "journal"
        return "directory" if Path(path).is_dir() else "file"

    def inside(self, path: str) -> str:
        """Return a path relative to the directory."""
        return os.path.relpath(path, self.root)

    def covers(self, path: Any) -> bool:
        """Return whether a path is the directory or lies in it."""
        return isinstance(path, str | os.PathLike) and f"{os.fspath(path)}/".startswith(
            f"{self.root}/"
        )

    @contextmanager
    def step(self, act: str, path: str = "", **about: Any) -> Iterator[bool]:
        """Report a step before and after it; yield whether to make it."""
        step = Step(
            act, self.what(path) if path else "", self.inside(path) if path else "", **about
        )
        if step.name in self.without:
            yield False
            return
        self.observer.before(step)
        yield True
        self.observer.after(step)

    # The calls that deal with files.

    def _replace_calls(self) -> None:
        patches: Mapping[str, object] = {
            "open": self._os_open,
            "write": self._os_write,
            "close": self._os_close,
            "fsync": partial(self._os_sync, _fsync),
            "fdatasync": partial(self._os_sync, _fdatasync),
            "link": self._os_link,
            "unlink": self._os_unlink,
            "rename": self._os_rename,
            "replace": self._os_rename,
            "mkdir": self._os_mkdir,
        }
        for name, patch in patches.items():
            setattr(os, name, patch)
        # The store has bound this function at import.
        files._sync = partial(self._os_sync, _fdatasync)

    def _os_open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if not self.covers(path):
            return _open(path, flags, mode, **more)
        name = os.fspath(path)
        if flags & os.O_CREAT and not Path(path).exists():
            with self.step("open", name):
                fd = _open(path, flags, mode, **more)
        else:
            fd = _open(path, flags, mode, **more)
        self._open[fd] = self.handle(name), name
        return fd

    def _os_write(self, fd: int, data: Any) -> int:
        # A file of Python's own closes without `os.close`, and its number may be a pipe's now.
        if fd in self._open and not stat.S_ISREG(os.fstat(fd).st_mode):
            del self._open[fd]
        if fd not in self._open:
            return _write(fd, data)
        handle, path = self._open[fd]
        body = bytes(data)
        offset = os.lseek(fd, 0, os.SEEK_CUR)
        half = partial(_write, fd, body[: len(body) // 2])
        with self.step("write", path, handle=handle, offset=offset, data=body, halve=half):
            count = _write(fd, body)
        assert count == len(body), "the recorder counts on whole writes"
        return count

    def _os_close(self, fd: int) -> None:
        self._open.pop(fd, None)
        _close(fd)

    def _os_sync(self, real: Callable[[int], None], fd: int) -> None:
        if fd not in self._open:
            return real(fd)
        handle, path = self._open[fd]
        if self.what(path) == "file":  # written by Python's own files, which nobody can watch
            with self.step("write", path, handle=handle, data=Path(path).read_bytes()):
                pass
        with self.step("sync", path, handle=handle) as wanted:
            if wanted:
                real(fd)
        return None

    def _os_link(self, source: Any, target: Any, **more: Any) -> None:
        with self.step("link", os.fspath(target), target=self.inside(os.fspath(source))):
            _link(source, target, **more)

    def _os_unlink(self, path: Any, **more: Any) -> None:
        if not self.covers(path):
            return _unlink(path, **more)
        with self.step_if_there("unlink", path):
            _unlink(path, **more)
        return None

    def _os_rename(self, source: Any, target: Any, **more: Any) -> None:
        if not self.covers(source):
            return _rename(source, target, **more)
        with self.step("rename", os.fspath(source), target=self.inside(os.fspath(target))):
            _rename(source, target, **more)
        return None

    def _os_mkdir(self, path: Any, mode: int = 0o777, **more: Any) -> None:
        if not self.covers(path):
            return _mkdir(path, mode, **more)
        with self.step("mkdir", os.fspath(path)):
            _mkdir(path, mode, **more)
        return None

    @contextmanager
    def step_if_there(self, act: str, path: Any) -> Iterator[None]:
        """Report a step only if it has an effect."""
        if not Path(path).exists():
            yield
            return
        with self.step(act, os.fspath(path)):
            yield

    # The way back to the client.

    def _replace_answers(self) -> None:
        settle, serve, watched = GroupCommitWriter._settle, App.__call__, self
        send_at_once = RequestCycle.send_whole

        def _settle(writer: GroupCommitWriter, *args: Any) -> None:
            with watched.step("deliver"):
                settle(writer, *args)

        async def __call__(app: App, scope: Any, receive: Any, send: Any) -> None:
            await serve(app, scope, receive, watched._sending(send) if "path" in scope else send)

        def send_whole(cycle: RequestCycle, *args: Any) -> bool:
            with watched.step("answer"):
                return send_at_once(cycle, *args)

        patches: list[tuple[type, Any]] = [
            (GroupCommitWriter, _settle),
            (App, __call__),
            (RequestCycle, send_whole),
        ]
        for kind, patch in patches:
            setattr(kind, patch.__name__, patch)

    def _sending(self, send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        async def observed_send(message: Any) -> None:
            if message["type"] != "http.response.start":
                return await send(message)
            with self.step("answer"):
                await send(message)
            return None

        return observed_send

    # The statements.

    def _replace_statements(self) -> None:
        watched = self

        class Connection(apsw.Connection):
            def execute(self, statements: str, *args: Any, **more: Any) -> apsw.Cursor:
                name = _STATEMENTS.get(statements)
                if name is None:
                    return super().execute(statements, *args, **more)
                with watched.step(name) as wanted:
                    return super().execute(statements if wanted else "SELECT 0", *args, **more)

        apsw.Connection = Connection  # type: ignore[misc]
