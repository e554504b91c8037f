"""The methods of a client that transfer directories."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from coskit.client._async.methods.run_directory import transfer_directory
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.settings.argument_checks import Compare, OnError, check, path_of
from coskit.client.settings.progress import Callback

if TYPE_CHECKING:
    from coskit.client.directory.file_names import AsyncNames
    from coskit.client.directory.result import (
        DirectoryResult,
        FileAction,
        FileFailure,
        FileInFlight,
    )
    from coskit.client.settings.transfer_options import (
        DownloadDirOptions,
        SyncOptions,
        UploadDirOptions,
    )


class AsyncDirectoryMethods(ABC):
    """Transfers of directories; `TransferSettings.files` files are transferred at a time."""

    @property
    @abstractmethod
    def transfers(self) -> AsyncTransfers:
        """The transfers of the client."""

    async def upload_dir(
        self,
        Bucket: str,
        LocalDir: str | os.PathLike[str],
        Prefix: str = "",
        Include: Iterable[str] = (),
        Exclude: Iterable[str] = (),
        DryRun: bool = False,
        OnError: OnError = "stop",
        FollowSymlinks: bool = True,
        MAXThread: int = 5,
        progress_callback: Callback | None = None,
        action_callback: "Callable[[FileAction], object] | None" = None,
        Deadline: float | None = None,
        Filters: Iterable[tuple[str, str]] = (),
        Names: "AsyncNames | None" = None,
        Move: bool = False,
        start_callback: "Callable[[FileInFlight], object] | None" = None,
        failure_callback: "Callable[[FileFailure], object] | None" = None,
        **options: "Unpack[UploadDirOptions]",
    ) -> "DirectoryResult":
        """Upload all files of a directory, including hidden files and subdirectories.

        Args:
            Bucket: the bucket's name.
            LocalDir: the directory.
            Prefix: the folder in the bucket, with or without its slash at the end.
            Include: the patterns of the files to transfer; without any, all files.
            Exclude: the patterns of the files to leave out.
            DryRun: count the transfers without doing them.
            OnError: `stop` ends the transfer at the first failure, `continue` goes on with the
                other files.
            FollowSymlinks: False skips symbolic links.
            MAXThread: the largest number of parts of one file in flight.
            progress_callback: called with the bytes transferred and the bytes known so far.
            action_callback: called with a `FileAction` for each transferred file.
            Deadline: the seconds that the whole transfer may take.
            Filters: pairs of `include` or `exclude` and a pattern of the AWS CLI, such as
                `("exclude", "*")`; the last one that matches decides.
            Names: the names to transfer instead of all files, each a text or a `FileName`.
            Move: delete each file after its object was confirmed, unless the file has changed.
            start_callback: called with a `FileInFlight` when the transfer of a file begins.
            failure_callback: called with a `FileFailure` for each file that failed.
            **options: the options of `upload_file`, such as `StorageClass` or `Metadata`.

        Returns:
            The number of transferred files, their bytes and the failures.

        Raises:
            DirectoryTransferError: a file failed; the error has the result of the others.
            TransferTimeout: the deadline passed.
            ParameterError: an argument is wrong.
            OSError: the directory cannot be read.
        """
        check(Prefix=Prefix)
        return await transfer_directory(
            self.transfers,
            "upload_dir",
            Path(path_of("LocalDir", LocalDir)),
            (Bucket, Prefix),
            (Include, Exclude, Filters),
            (start_callback, action_callback, failure_callback),
            names=Names,
            move=Move,
            comparison=None,
            delete=False,
            dry_run=DryRun,
            on_error=OnError,
            follow=FollowSymlinks,
            threads=MAXThread,
            progress=progress_callback,
            deadline=Deadline,
            options=options,
        )

    async def download_dir(
        self,
        Bucket: str,
        LocalDir: str | os.PathLike[str],
        Prefix: str = "",
        Include: Iterable[str] = (),
        Exclude: Iterable[str] = (),
        DryRun: bool = False,
        OnError: OnError = "stop",
        MAXThread: int = 5,
        progress_callback: Callback | None = None,
        action_callback: "Callable[[FileAction], object] | None" = None,
        Deadline: float | None = None,
        Filters: Iterable[tuple[str, str]] = (),
        Names: "AsyncNames | None" = None,
        Move: bool = False,
        start_callback: "Callable[[FileInFlight], object] | None" = None,
        failure_callback: "Callable[[FileFailure], object] | None" = None,
        **options: "Unpack[DownloadDirOptions]",
    ) -> "DirectoryResult":
        """Download all objects below a folder of a bucket; the files get the objects' dates.

        A key that cannot name a file below `LocalDir`, such as `../a` or `a//b`, is a failure.
        Nothing is written through a symbolic link below `LocalDir`.

        Args:
            Bucket: the bucket's name.
            LocalDir: the directory; it is created if it is missing.
            Prefix: the folder in the bucket, with or without its slash at the end.
            Include: the patterns of the objects to transfer; without any, all objects.
            Exclude: the patterns of the objects to leave out.
            DryRun: count the transfers without doing them.
            OnError: `stop` ends the transfer at the first failure, `continue` goes on with the
                other files.
            MAXThread: the largest number of parts of one object in flight.
            progress_callback: called with the bytes transferred and the bytes known so far.
            action_callback: called with a `FileAction` for each transferred file.
            Deadline: the seconds that the whole transfer may take.
            Filters: pairs of `include` or `exclude` and a pattern of the AWS CLI, such as
                `("exclude", "*")`; the last one that matches decides.
            Names: the names to transfer instead of all objects, each a text or a `FileName`.
            Move: delete each object after its download, unless it was replaced.
            start_callback: called with a `FileInFlight` when the transfer of a file begins.
            failure_callback: called with a `FileFailure` for each file that failed.
            **options: the options of `download_file`.

        Returns:
            The number of transferred files, their bytes and the failures.

        Raises:
            DirectoryTransferError: an object failed; the error has the result of the others.
            TransferTimeout: the deadline passed.
            ParameterError: an argument is wrong.
            CosException: the bucket cannot be listed.
        """
        check(Prefix=Prefix)
        return await transfer_directory(
            self.transfers,
            "download_dir",
            (Bucket, Prefix),
            Path(path_of("LocalDir", LocalDir)),
            (Include, Exclude, Filters),
            (start_callback, action_callback, failure_callback),
            names=Names,
            move=Move,
            comparison=None,
            delete=False,
            dry_run=DryRun,
            on_error=OnError,
            follow=False,
            threads=MAXThread,
            progress=progress_callback,
            deadline=Deadline,
            options=options,
        )

    async def sync(
        self,
        Source: str | os.PathLike[str],
        Destination: str | os.PathLike[str],
        Compare: Compare = "size-mtime",
        Delete: bool = False,
        Include: Iterable[str] = (),
        Exclude: Iterable[str] = (),
        DryRun: bool = False,
        OnError: OnError = "stop",
        FollowSymlinks: bool = True,
        MAXThread: int = 5,
        progress_callback: Callback | None = None,
        action_callback: "Callable[[FileAction], object] | None" = None,
        Deadline: float | None = None,
        Filters: Iterable[tuple[str, str]] = (),
        Names: "AsyncNames | None" = None,
        start_callback: "Callable[[FileInFlight], object] | None" = None,
        failure_callback: "Callable[[FileFailure], object] | None" = None,
        **options: "Unpack[SyncOptions]",
    ) -> "DirectoryResult":
        """Make a destination equal to a source, transferring only the files that differ.

        Both sides are listed during the transfer, and memory does not grow with the number of
        files. Deletions come last, and only if every transfer succeeded. Files that a filter
        leaves out are never deleted.

        Args:
            Source: a local directory or `cos://bucket/prefix`.
            Destination: a local directory or `cos://bucket/prefix`; the source or the destination
                is in a bucket.
            Compare: the comparison of two files: `size-mtime`, `size` or `checksum`.
            Delete: delete the files of the destination that the source does not have.
            Include: the patterns of the files to transfer; without any, all files.
            Exclude: the patterns of the files to leave out.
            DryRun: count the transfers without doing them.
            OnError: `stop` ends the transfer at the first failure, `continue` goes on with the
                other files.
            FollowSymlinks: False skips symbolic links of the source.
            MAXThread: the largest number of parts of one file in flight.
            progress_callback: called with the bytes transferred and the bytes known so far.
            action_callback: called with a `FileAction` for each transferred or deleted file.
            Deadline: the seconds that the whole transfer may take.
            Filters: pairs of `include` or `exclude` and a pattern of the AWS CLI, such as
                `("exclude", "*")`; the last one that matches decides.
            Names: the names to transfer instead of all that differ, each a text or a `FileName`.
            start_callback: called with a `FileInFlight` when the transfer of a file begins.
            failure_callback: called with a `FileFailure` for each file that failed.
            **options: the options of `upload_file`, `download_file` or `copy`.

        Returns:
            The number of transferred files, their bytes and the failures.

        Raises:
            DirectoryTransferError: a file failed; the error has the result of the others.
            TransferTimeout: the deadline passed.
            ParameterError: an argument is wrong, or source and destination overlap.
            CosException: a bucket cannot be listed.
            OSError: a directory cannot be read.
        """
        check(Compare=Compare)
        return await transfer_directory(
            self.transfers,
            "sync",
            path_of("Source", Source),
            path_of("Destination", Destination),
            (Include, Exclude, Filters),
            (start_callback, action_callback, failure_callback),
            names=Names,
            move=False,
            comparison=Compare,
            delete=Delete,
            dry_run=DryRun,
            on_error=OnError,
            follow=FollowSymlinks,
            threads=MAXThread,
            progress=progress_callback,
            deadline=Deadline,
            options=options,
        )
