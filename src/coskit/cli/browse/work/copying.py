"""Copies between a directory and a folder of a bucket."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.work.report import TaskReport
from coskit.client.directory.locations import check_name
from coskit.protocol.errors import CosClientError

if TYPE_CHECKING:
    from coskit import Client, FileAction, FileFailure, FileInFlight


def upload(
    client: "Client",
    source: Path,
    entries: Sequence[PaneEntry],
    target: CosLocation,
    report: TaskReport,
) -> None:
    """Upload files and directories into a folder of a bucket; failures go into the report."""
    call = _Calls(client.upload_dir, report)
    names = [entry.name for entry in entries if entry.is_file]
    if names:
        call(target.bucket, source, argument_key(target.key), "", Names=names)
    for entry in entries:
        if not entry.is_file:
            prefix = f"{target.key}{entry.name}/"
            call(target.bucket, source / entry.name, argument_key(prefix), f"{entry.name}/")


def download(
    client: "Client",
    source: CosLocation,
    entries: Sequence[PaneEntry],
    target: Path,
    report: TaskReport,
) -> None:
    """Download objects, folders or buckets into a directory; failures go into the report."""
    call = _Calls(client.download_dir, report)
    names = [entry.name for entry in entries if entry.is_file]
    if names:
        call(source.bucket, target, argument_key(source.key), "", Names=names)
    for entry in entries:
        if entry.is_file:
            continue
        bucket, prefix = source.bucket, f"{source.key}{entry.name}/"
        if entry.kind == "bucket":
            bucket, prefix = entry.name, ""
        try:
            inner = _new_directory(target, entry.name)
        except CosClientError as cause:
            report.fail(f"{entry.name}/", cause)
            continue
        call(bucket, inner, argument_key(prefix), f"{entry.name}/")


def _new_directory(target: Path, name: str) -> Path:
    """Return the directory for a folder, which may exist.

    Raises:
        CosClientError: it would lie elsewhere.
    """
    check_name(name)
    path = target / name
    if path.is_symlink():
        raise CosClientError(f"{name!r} is a symbolic link here")
    return path


class _Calls:
    """Calls a transfer of directories again and again with the callbacks of one report.

    Args:
        transfer: `upload_dir` or `download_dir` of a client.
        report: the report.
    """

    def __init__(self, transfer: Callable[..., Any], report: TaskReport) -> None:
        self._transfer = transfer
        self._report = report

    def __call__(
        self, bucket: str, directory: Path, prefix: str, shown: str, **options: Any
    ) -> None:
        """Transfer one directory or some of its files.

        Args:
            bucket: the bucket.
            directory: the directory.
            prefix: the folder, as the client takes it.
            shown: what the names begin with in the report.
            **options: further options of the transfer.
        """
        from coskit import DirectoryTransferError

        report = self._report
        report.next_call()

        def begun(file: "FileInFlight") -> None:
            report.begin(shown + file.name)

        def done(_: "FileAction") -> None:
            report.end()

        def failed(failure: "FileFailure") -> None:
            report.fail(shown + failure.name, failure.error)

        with suppress(DirectoryTransferError):  # each failure is in the report
            self._transfer(
                bucket,
                directory,
                prefix,
                OnError="continue",
                progress_callback=report.progress,
                start_callback=begun,
                action_callback=done,
                failure_callback=failed,
                **options,
            )
