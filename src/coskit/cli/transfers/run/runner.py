"""Runs the transfers of a command: failures are collected, Ctrl-C ends it in an orderly way."""

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.terminal.failures import FailureList
from coskit.cli.transfers.options import ContentOptions, TreeOptions
from coskit.cli.transfers.plan import Place, Task
from coskit.cli.transfers.run.bar import TransferBar, can_move
from coskit.cli.transfers.run.display import Display, full_name

if TYPE_CHECKING:
    from coskit import Client, DirectoryResult, FileAction, FileFailure

INTERRUPTED = 130
_OUTAGE = 32  # files in a row without a connection, after which a transfer is given up
# The codes of errors that depend on no single file.
_HOPELESS = frozenset(
    (
        "NoSuchBucket",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "RequestTimeTooSkewed",
    )
)


class TaskRunner:
    """Runs the transfers of one command.

    Args:
        client: the client.
        options: the options of the command.
        move: whether sources are deleted.
    """

    def __init__(self, client: "Client", options: ContentOptions, *, move: bool = False) -> None:
        self._client = client
        self._options = options
        self._move = move
        self._failures = FailureList()
        silent = bool(options.quiet or options.as_json or options.dry_run or options.verbose)
        self._bar = TransferBar(is_shown=can_move(quiet=silent))
        self._display = Display(
            as_json=options.as_json,
            quiet=options.quiet,
            dry_run=options.dry_run,
            move=move,
            plain=not self._bar.is_shown,
        )
        self._sum = [0, 0, 0, 0]
        self._unreached = 0  # files in a row for which there was no connection
        self._hopeless: Exception | None = None

    def run(self, tasks: Iterable[Task], kind: str) -> int:
        """Run the transfers and return the exit status.

        Args:
            tasks: the transfers.
            kind: their direction, for the last line.
        """
        begun = time.monotonic()
        try:
            with self._bar:
                for task in tasks:
                    self._run(task)
                    self._bar.next_task()
        except KeyboardInterrupt:
            self._failures.report()
            print(self._interrupted(), file=sys.stderr)
            return INTERRUPTED
        except BaseException:
            self._failures.report()
            raise
        seconds = time.monotonic() - begun
        self._display.total(self._result(), seconds, kind=kind, resumed=self._bar.resumed)
        return self._failures.report()

    def _interrupted(self) -> str:
        verb = "moved" if self._move else "transferred"
        return (
            f"coskit: interrupted; {self._sum[0]} files were {verb}, and the parts of unfinished "
            "ones are kept: run the same command again to go on"
        )

    def _run(self, task: Task) -> None:
        from coskit import DirectoryTransferError

        before = self._failures.count
        try:
            result = self._transfer(task)
        except DirectoryTransferError as error:
            if self._hopeless is not None:
                raise self._hopeless from None
            result = error.result
        for place, number in enumerate(
            (result.transferred_bytes, result.unchanged, result.deleted), 1
        ):
            self._sum[place] += number
        found = result.transferred + result.unchanged + self._failures.count - before
        if not found and is_missing(task, self._options):
            what = "matches" if task.pattern else "is below"
            self._failures.add(task.pattern or str(task.source), f"nothing {what} it")

    def _transfer(self, task: Task) -> "DirectoryResult":
        options = self._options
        call, places = self._call(task)
        return call(
            *places,
            Include=task.include,
            Filters=options.filters,
            Names=task.names,
            **self._extra(),
            DryRun=options.dry_run,
            OnError="continue",
            **self.callbacks(task),
            **options.each_file(task.kind),
        )

    def _extra(self) -> dict[str, Any]:
        """Return the arguments that the methods of `_call` have and others do not."""
        return {"Move": self._move}

    def _call(self, task: Task) -> tuple[Callable[..., "DirectoryResult"], tuple[Any, ...]]:
        """Return the method of the client for a transfer, with its first arguments."""
        source, destination = task.source, task.destination
        if not isinstance(source, CosLocation):
            assert isinstance(destination, CosLocation)
            there = destination.bucket, source, argument_key(destination.key)
            return self._client.upload_dir, there
        if not isinstance(destination, CosLocation):
            there = source.bucket, destination, argument_key(source.key)
            return self._client.download_dir, there
        here = source.bucket, argument_key(source.key)
        return self._client.copy_dir, (destination.bucket, argument_key(destination.key), *here)

    def callbacks(self, task: Task) -> dict[str, Any]:
        """Return the callbacks of one transfer."""

        def done(action: "FileAction") -> None:
            self._sum[0] += action.kind != "delete"
            self._unreached = 0
            self._bar.end(action.name)
            self._display.action(task, action)

        def failed(failure: "FileFailure") -> None:
            if self._is_hopeless(failure.error):
                raise failure.error  # ends the whole transfer
            name = full_name(task.source, failure.name)
            self._bar.end(failure.name, done=False)
            reason = reason_of(failure.error, name, task.destination, is_key=task.is_single)
            self._failures.add(name, reason)
            self._display.failure(name, failure.error)

        found: dict[str, Any] = {"action_callback": done, "failure_callback": failed}
        if self._bar.is_shown:
            found["start_callback"] = self._bar.start
            found["progress_callback"] = self._bar.progress
        return found

    def _is_hopeless(self, error: Exception) -> bool:
        """Return whether an error would end the transfer of every other file too."""
        from coskit import CredentialsError, TransportError

        if isinstance(error, TransportError) and not error.sent:
            self._unreached += 1
        # An outage may pass: the first file shows whether the service can be reached at all.
        given_up = self._unreached >= (_OUTAGE if self._sum[0] else 1)
        code = getattr(error, "code", "")
        if code in _HOPELESS or given_up or isinstance(error, CredentialsError):
            self._hopeless = self._hopeless or error
        return self._hopeless is not None

    def _result(self) -> "DirectoryResult":
        from coskit import DirectoryResult

        transferred, size, unchanged, deleted = self._sum
        return DirectoryResult(transferred, size, unchanged, deleted, self._failures.count)


def reason_of(
    error: Exception, name: str, destination: Place, *, is_key: bool = False
) -> Exception | str:
    """Return the reason of a failure, without the path if that stands before it on the line.

    Args:
        error: the error.
        name: the name before it on the line.
        destination: where the files go.
        is_key: whether an argument of the command was taken for the key of an object.
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        path = os.path.normpath(os.fsdecode(error.filename))
        return error.strerror if path == os.path.normpath(name) else error
    if isinstance(error, OSError) and error.strerror and isinstance(destination, Path):
        # Beside the name of an object, a full disk would seem to be the service's.
        return f"{destination}: {error.strerror}"
    if is_key and getattr(error, "code", "") == "NoSuchKey":
        return "there is no such object; if it is a folder, add -r"
    return error


def is_missing(task: Task, options: TreeOptions) -> bool:
    """Return whether a transfer that found nothing should have found something."""
    if not isinstance(task.source, CosLocation) or task.names is not None:
        return False
    return bool(task.include) or (task.source.key != "" and not options.filters)
