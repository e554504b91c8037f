"""Syncs of directories that many writers want at once: one serves all who were there before it."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class _Turns:
    """How many syncs of a directory were begun, and the number of the last good one."""

    begun: int = 0
    done: int = 0
    running: bool = False
    wanted: int = 0


class DirectorySyncs:
    """Makes names durable; called in many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turns: dict[Path, _Turns] = {}

    def sync(self, directory: Path) -> None:
        """Return when the names that the directory has now are durable.

        Raises:
            OSError: the disk refuses.
        """
        with self._changed:
            turns = self._turns.setdefault(directory, _Turns())
            turns.wanted += 1
            mine = turns.begun + 1  # one that runs already may have begun before my name was there
            try:
                while turns.done < mine and turns.running:
                    self._changed.wait()
                if turns.done < mine:
                    self._take_turn(directory, turns)
            finally:
                turns.wanted -= 1
                if not turns.wanted:
                    del self._turns[directory]

    def _take_turn(self, directory: Path, turns: _Turns) -> None:
        turns.running, turns.begun = True, turns.begun + 1
        number = turns.begun
        self._changed.release()
        try:
            sync_directory(directory)
        except BaseException:
            self._changed.acquire()
            raise
        else:
            self._changed.acquire()
            turns.done = number
        finally:
            turns.running = False
            self._changed.notify_all()


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
