"""Observers of a server's steps: one kills the server, one records what it does to the disk."""

import os
import pickle
import signal
import threading
from pathlib import Path
from typing import Any

from tests.crash.server.shared_memory import SharedCounters
from tests.crash.server.steps import Step, StepObserver

# An operation on the disk; files and directories are numbers.
#   ("name", directory, name, file, whether it is a directory)
#   ("unname", directory, name)
#   ("rename", directory, name, other directory, other name)
#   ("write", file, offset, data)    ("truncate", file, size)
#   ("sync", file, the number of events before it began)
Event = tuple[Any, ...]
ROOT = 0


class ProcessKiller(StepObserver):
    """Kills the server, or one of its processes, at the step that the shared counters name."""

    def __init__(self, counters: SharedCounters) -> None:
        self._counters = counters
        self._lock = threading.Lock()

    def before(self, step: Step) -> None:
        self._pass("before", step)
        if step.halve:
            self._pass("halfway", step)

    def after(self, step: Step) -> None:
        self._pass("after", step)

    def opened(self, handle: int, path: str) -> None:
        pass

    def _pass(self, moment: str, step: Step) -> None:
        with self._lock:
            if self._counters.is_killed_at(moment, step.name):
                if moment == "halfway" and step.halve:
                    step.halve()
                if not self._counters.only_this_process:
                    os.kill(os.getsid(0), signal.SIGKILL)  # the process that has started the others
                os.kill(os.getpid(), signal.SIGKILL)


class Recorder(StepObserver):
    """Records the operations on a directory that is empty at first.

    Args:
        directory: the server's directory.
        file: the file for the record.
        counters: the shared counter of events.
    """

    def __init__(self, directory: Path, file: Path, counters: SharedCounters) -> None:
        self._root = os.fspath(directory)
        self._file = file.open("ab", buffering=0)
        self._counters = counters
        self._lock = threading.RLock()
        self._names = {".": ROOT}
        self._last = ROOT
        self._handles: dict[int, int] = {}
        self._begun: dict[int, int] = {}  # events before the sync of each thread
        assert not list(directory.iterdir())

    def before(self, step: Step) -> None:
        if step.act == "sync":
            with self._lock:
                self._begun[threading.get_ident()] = self._counters.events

    def after(self, step: Step) -> None:
        with self._lock:
            for event in self._events(step):
                pickle.dump(event, self._file)
                self._counters.events += 1

    def opened(self, handle: int, path: str) -> None:
        with self._lock:
            self._handles[handle] = self._names[os.path.relpath(path, self._root)]

    def _events(self, step: Step) -> list[Event]:
        number = self._handles.get(step.handle, -1)
        match step.act:
            case "open" | "mkdir":
                self._last += 1
                self._names[step.path] = self._last
                return [("name", *self._place(step.path), self._last, step.act == "mkdir")]
            case "link":
                self._names[step.path] = self._names[step.target]
                return [("name", *self._place(step.path), self._names[step.path], False)]
            case "unlink":
                del self._names[step.path]
                return [("unname", *self._place(step.path))]
            case "rename":
                places = *self._place(step.path), *self._place(step.target)
                self._move(step.path, step.target)
                return [("rename", *places)]
            case "write":
                return [("write", number, step.offset, step.data)]
            case "truncate":
                return [("truncate", number, step.offset)]
            case "sync":
                return [("sync", number, self._begun.pop(threading.get_ident()))]
        return []

    def _place(self, path: str) -> tuple[int, str]:
        directory, name = os.path.split(path)
        return self._names[directory or "."], name

    def _move(self, path: str, target: str) -> None:
        for name in [n for n in self._names if n == path or n.startswith(f"{path}/")]:
            self._names[target + name[len(path) :]] = self._names.pop(name)


def recorded(file: Path) -> list[Event]:
    """Return the events of a record."""
    events = []
    with file.open("rb") as opened:
        while True:
            try:
                events.append(pickle.load(opened))
            except EOFError:
                return events
