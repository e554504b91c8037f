"""The wait for restores in progress, with a bar on a terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from coskit.cli.arguments.locations import argument_key
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.protocol.bucket.restore import is_archived

if TYPE_CHECKING:
    from coskit import Client

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.25, 60.0, 1.5  # seconds between two rounds


class _Bar(Protocol):
    """Shows how many restores have ended."""

    def hide(self) -> None:
        """Leave the screen to other output."""

    def show(self, done: int) -> None:
        """Show the number of restores that have ended."""


def wait_until_restored(
    client: "Client",
    bucket: str,
    version_id: str | None,
    keys: Sequence[str],
    timeout: timedelta | None,
) -> Iterator[tuple[str, Exception | str | None]]:
    """Yield each key when its object can be read, with None, or with why it cannot.

    Args:
        client: the client.
        bucket: the bucket.
        version_id: the version of the object, if not the latest.
        keys: the keys of the objects.
        timeout: the time after which the others count as failed; None to wait for all.
    """
    end = None if timeout is None else time.monotonic() + timeout.total_seconds()
    left, pause = list(keys), _FIRST_PAUSE
    with _bar(len(keys)) as bar:
        while left:
            ended: list[tuple[str, Exception | str | None]] = []
            still = []
            heads = run_each(
                left,
                lambda key: client.head_object(bucket, argument_key(key), VersionId=version_id),
            )
            for done in heads:
                if done.error is None and _is_ongoing(done.result):
                    still.append(done.item)
                else:
                    ended.append((done.item, done.error or _problem(done.result)))
            left = still
            if ended:
                bar.hide()
                yield from ended
                bar.show(len(keys) - len(left))
            if end is not None and time.monotonic() >= end:
                yield from ((key, "the restore is still in progress") for key in left)
                return
            if left:
                rest = pause if end is None else end - time.monotonic()
                time.sleep(max(0.0, min(pause, rest)))
                pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _is_ongoing(head: Any) -> bool:
    return 'ongoing-request="true"' in _state(head)


def _problem(head: Any) -> str | None:
    """Return why an object without a restore in progress cannot be read, or None if it can."""
    storage_class = str(head.get("x-cos-storage-class") or head.get("x-amz-storage-class") or "")
    archived = is_archived(storage_class) or storage_class == "GLACIER"
    if archived and 'ongoing-request="false"' not in _state(head):
        return "no restore is in progress any more"
    return None


def _state(head: Any) -> str:
    return str(head.get("x-cos-restore") or head.get("x-amz-restore") or "")


@contextmanager
def _bar(total: int) -> Iterator[_Bar]:
    """Yield a bar on standard error, which is invisible in a pipe and on a dumb terminal."""
    if not sys.stderr.isatty() or not total:
        yield _NoBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield _NoBar()
        return
    columns = (TextColumn("restoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Standard output may be a pipe, so the lines on it do not pass through the bar.
    progress = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    with progress:
        yield _RichBar(progress, progress.add_task("restoring", total=total))


class _NoBar:
    """A bar that shows nothing."""

    def hide(self) -> None:
        """Do nothing."""

    def show(self, done: int) -> None:
        """Do nothing."""


class _RichBar:
    """A bar of rich."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    def hide(self) -> None:
        """Leave the screen to other output."""
        self._progress.stop()

    def show(self, done: int) -> None:
        """Show the number of restores that have ended."""
        self._progress.update(self._task, completed=done)
        self._progress.start()
