"""The methods of a client that copy and delete folders of a bucket."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from coskit.client._async.methods.run_directory import delete_directory, transfer_directory
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.settings.argument_checks import OnError, check
from coskit.client.settings.progress import Callback

if TYPE_CHECKING:
    from coskit.client.directory.file_names import AsyncNames
    from coskit.client.directory.result import (
        DirectoryResult,
        FileAction,
        FileFailure,
        FileInFlight,
    )
    from coskit.client.settings.transfer_options import CopyDirOptions


class AsyncFolderMethods(ABC):
    """Copies and deletions of folders; no content passes through the client."""

    @property
    @abstractmethod
    def transfers(self) -> AsyncTransfers:
        """The transfers of the client."""

    async def copy_dir(
        self,
        Bucket: str,
        Prefix: str,
        SourceBucket: str,
        SourcePrefix: str = "",
        Include: Iterable[str] = (),
        Exclude: Iterable[str] = (),
        Filters: Iterable[tuple[str, str]] = (),
        Names: "AsyncNames | None" = None,
        Move: bool = False,
        DryRun: bool = False,
        OnError: OnError = "stop",
        MAXThread: int = 5,
        progress_callback: Callback | None = None,
        start_callback: "Callable[[FileInFlight], object] | None" = None,
        action_callback: "Callable[[FileAction], object] | None" = None,
        failure_callback: "Callable[[FileFailure], object] | None" = None,
        Deadline: float | None = None,
        **options: "Unpack[CopyDirOptions]",
    ) -> "DirectoryResult":
        """Copy all objects below a folder within the service.

        Args:
            Bucket: the bucket to copy to.
            Prefix: the folder to copy to, with or without its slash at the end.
            SourceBucket: the bucket of the objects.
            SourcePrefix: the folder of the objects; it must not overlap with the other one.
            Include: the patterns of the objects to copy; without any, all objects.
            Exclude: the patterns of the objects to leave out.
            Filters: pairs of `include` or `exclude` and a pattern of the AWS CLI, such as
                `("exclude", "*")`; the last one that matches decides.
            Names: the names to copy instead of all objects, each a text or a `FileName`.
            Move: delete each object after its copy, unless it was replaced.
            DryRun: count the copies without making them.
            OnError: `stop` ends the copy at the first failure, `continue` goes on with the other
                objects.
            MAXThread: the largest number of parts of one object in flight.
            progress_callback: called with the bytes copied and the bytes known so far.
            start_callback: called with a `FileInFlight` when the copy of an object begins.
            action_callback: called with a `FileAction` for each copied object.
            failure_callback: called with a `FileFailure` for each object that failed.
            Deadline: the seconds that the whole copy may take.
            **options: the options of `copy`, such as `StorageClass`.

        Returns:
            The number of copied objects, their bytes and the failures.

        Raises:
            DirectoryTransferError: an object failed; the error has the result of the others.
            TransferTimeout: the deadline passed.
            ParameterError: an argument is wrong, or the folders overlap.
            CosException: the source cannot be listed.
        """
        check(Prefix=Prefix, SourcePrefix=SourcePrefix)
        return await transfer_directory(
            self.transfers,
            "copy_dir",
            (SourceBucket, SourcePrefix),
            (Bucket, Prefix),
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

    async def delete_dir(
        self,
        Bucket: str,
        Prefix: str = "",
        Include: Iterable[str] = (),
        Exclude: Iterable[str] = (),
        Filters: Iterable[tuple[str, str]] = (),
        Names: "AsyncNames | None" = None,
        Versions: bool = False,
        DryRun: bool = False,
        OnError: OnError = "stop",
        action_callback: "Callable[[FileAction], object] | None" = None,
        failure_callback: "Callable[[FileFailure], object] | None" = None,
        Deadline: float | None = None,
    ) -> "DirectoryResult":
        """Delete all objects below a folder, or in the whole bucket, a thousand per request.

        Objects are deleted while others are listed. Where versions are kept, the latest version of
        each object becomes an old one, unless `Versions` is true.

        Args:
            Bucket: the bucket's name.
            Prefix: the folder, with or without its slash at the end; empty for the whole bucket.
            Include: the patterns of the objects to delete; without any, all objects.
            Exclude: the patterns of the objects to keep.
            Filters: pairs of `include` or `exclude` and a pattern of the AWS CLI, such as
                `("exclude", "*")`; the last one that matches decides.
            Names: the names to delete instead of all objects, each a text or a `FileName`.
            Versions: delete all versions and delete markers; they cannot be restored.
            DryRun: count the deletions without doing them.
            OnError: `stop` ends the deletion at the first failure, `continue` goes on with the
                other objects.
            action_callback: called with a `FileAction` for each deleted object.
            failure_callback: called with a `FileFailure` for each object that failed.
            Deadline: the seconds that the whole deletion may take.

        Returns:
            The number of deleted objects and the failures.

        Raises:
            DirectoryTransferError: an object failed; the error has the result of the others.
            TransferTimeout: the deadline passed.
            ParameterError: an argument is wrong.
            CosException: the bucket cannot be listed.
        """
        check(Prefix=Prefix)
        return await delete_directory(
            self.transfers,
            (Bucket, Prefix),
            (Include, Exclude, Filters),
            (None, action_callback, failure_callback),
            names=Names,
            versions=Versions,
            dry_run=DryRun,
            on_error=OnError,
            deadline=Deadline,
        )
