"""Directories as a whole: uploaded, downloaded, brought to the same state."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from coskit.client._async.transfer.copies import AsyncCopies
from coskit.client.settings.argument_checks import Compare, OnError, check, path_of
from coskit.client.settings.progress import Callback

if TYPE_CHECKING:
    from coskit.client.directory.result import DirectoryResult, FileAction
    from coskit.client.settings.transfer_options import (
        DownloadDirOptions,
        SyncOptions,
        UploadDirOptions,
    )


class AsyncDirectories(AsyncCopies):
    """Transfers of many files at once; `TransferSettings.files` of them are on their way."""

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
        **options: "Unpack[UploadDirOptions]",
    ) -> "DirectoryResult":
        """Upload all files of a directory, hidden ones and those of its directories included.

        Args:
            Bucket: the bucket's name.
            LocalDir: the directory.
            Prefix: the folder in the bucket, with or without its slash at the end.
            Include: patterns of the only files that take part.
            Exclude: patterns of files that do not.
            DryRun: count what would be done, and do nothing.
            OnError: `stop` ends all at the first file that fails, `continue` does the others.
            FollowSymlinks: False passes symbolic links over.
            MAXThread: parts of one file that are on their way at a time.
            progress_callback: called with the bytes that are through and those known so far.
            action_callback: called with a `FileAction` for each file that is through.
            Deadline: seconds for everything.
            **options: as for `upload_file`, such as `StorageClass` or `Metadata`.

        Returns:
            What was done.

        Raises:
            DirectoryTransferError: a file did not get through; it has the others' numbers.
            TransferTimeout: the deadline has passed.
            ParameterError: an argument is wrong.
            OSError: the directory cannot be read.
        """
        check(Prefix=Prefix)
        return await self._mirror(
            "upload_dir",
            Path(path_of("LocalDir", LocalDir)),
            (Bucket, Prefix),
            Include,
            Exclude,
            comparison=None,
            delete=False,
            dry_run=DryRun,
            on_error=OnError,
            follow=FollowSymlinks,
            threads=MAXThread,
            progress=progress_callback,
            action=action_callback,
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
        **options: "Unpack[DownloadDirOptions]",
    ) -> "DirectoryResult":
        """Download all objects below a folder of a bucket; the files get the objects' dates.

        A key that cannot name a file below `LocalDir`, such as `../a` or `a//b`, is a failure.
        Nothing is written through a symbolic link below `LocalDir`.

        Args:
            Bucket: the bucket's name.
            LocalDir: the directory; it is made if it is missing.
            Prefix: the folder in the bucket, with or without its slash at the end.
            Include: patterns of the only objects that take part.
            Exclude: patterns of objects that do not.
            DryRun: count what would be done, and do nothing.
            OnError: `stop` ends all at the first file that fails, `continue` does the others.
            MAXThread: parts of one object that are on their way at a time.
            progress_callback: called with the bytes that are through and those known so far.
            action_callback: called with a `FileAction` for each file that is through.
            Deadline: seconds for everything.
            **options: as for `download_file`.

        Returns:
            What was done.

        Raises:
            DirectoryTransferError: an object did not get through; it has the others' numbers.
            TransferTimeout: the deadline has passed.
            ParameterError: an argument is wrong.
            CosException: the bucket cannot be listed.
        """
        check(Prefix=Prefix)
        return await self._mirror(
            "download_dir",
            (Bucket, Prefix),
            Path(path_of("LocalDir", LocalDir)),
            Include,
            Exclude,
            comparison=None,
            delete=False,
            dry_run=DryRun,
            on_error=OnError,
            follow=False,
            threads=MAXThread,
            progress=progress_callback,
            action=action_callback,
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
        **options: "Unpack[SyncOptions]",
    ) -> "DirectoryResult":
        """Bring a destination to the state of a source, moving only what differs.

        Both are listed while files move, and memory does not grow with their number. Deletions come
        last, and only if everything else got through; what a filter leaves out is never deleted.

        Args:
            Source: a local directory or `cos://bucket/prefix`.
            Destination: likewise; one of the two is in a bucket.
            Compare: `size-mtime`, `size` or `checksum`: what shows that a file is there already.
            Delete: delete at the destination what the source does not have.
            Include: patterns of the only files that take part.
            Exclude: patterns of files that do not.
            DryRun: count what would be done, and do nothing.
            OnError: `stop` ends all at the first file that fails, `continue` does the others.
            FollowSymlinks: False passes symbolic links of the source over.
            MAXThread: parts of one file that are on their way at a time.
            progress_callback: called with the bytes that are through and those known so far.
            action_callback: called with a `FileAction` for each file that is through or deleted.
            Deadline: seconds for everything.
            **options: as for `upload_file`, `download_file` or `copy`.

        Returns:
            What was done.

        Raises:
            DirectoryTransferError: a file did not get through; it has the others' numbers.
            TransferTimeout: the deadline has passed.
            ParameterError: an argument is wrong, or the places overlap.
            CosException: a bucket cannot be listed.
            OSError: a directory cannot be read.
        """
        check(Compare=Compare)
        return await self._mirror(
            "sync",
            path_of("Source", Source),
            path_of("Destination", Destination),
            Include,
            Exclude,
            comparison=Compare,
            delete=Delete,
            dry_run=DryRun,
            on_error=OnError,
            follow=FollowSymlinks,
            threads=MAXThread,
            progress=progress_callback,
            action=action_callback,
            deadline=Deadline,
            options=options,
        )

    async def _mirror(
        self,
        function: str,
        source: "str | Path | tuple[str, str]",
        destination: "str | Path | tuple[str, str]",
        include: Iterable[str],
        exclude: Iterable[str],
        **others: Any,
    ) -> "DirectoryResult":
        # Loaded at the first use: most programs move no directories, and all wait for imports.
        from coskit.client._async.transfer.sync import AsyncMirror
        from coskit.client.directory.locations import Filter, parse_place
        from coskit.client.directory.sync_request import SyncRequest

        check(Include=include, Exclude=exclude)
        wanted = Filter(include, exclude)
        places = parse_place(source), parse_place(destination)
        order = SyncRequest(function, *places, wanted, **others)
        order.check()
        return await AsyncMirror(self, order, self._config.transfers.files).run()
