"""Directory syncs that concurrent writers share: one sync serves all that waited before it."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class _SyncState:
    """The syncs of one directory: the number begun, and the number of the last good one."""

    begun: int = 0
    done: int = 0
    running: bool = False
    wanted: int = 0


class DirectorySyncs:
    """Syncs of directories; called in many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._states: dict[Path, _SyncState] = {}

    def sync(self, directory: Path) -> None:
        """Make the names that the directory has now durable.

        Raises:
            OSError: the disk refuses the sync.
        """
        with self._changed:
            state = self._states.setdefault(directory, _SyncState())
            state.wanted += 1
            mine = state.begun + 1  # a running sync may have begun before this name
            try:
                while state.done < mine and state.running:
                    self._changed.wait()
                if state.done < mine:
                    self._sync_once(directory, state)
            finally:
                state.wanted -= 1
                if not state.wanted:
                    del self._states[directory]

    def _sync_once(self, directory: Path, state: _SyncState) -> None:
        state.running, state.begun = True, state.begun + 1
        number = state.begun
        self._changed.release()
        try:
            sync_directory(directory)
        except BaseException:
            self._changed.acquire()
            raise
        else:
            self._changed.acquire()
            state.done = number
        finally:
            state.running = False
            self._changed.notify_all()


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
