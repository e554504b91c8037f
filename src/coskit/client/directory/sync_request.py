"""The request of a directory transfer, checked before anything is done."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coskit.client.directory.compare import check_apart
from coskit.client.directory.locations import BucketPlace, Filter
from coskit.client.directory.result import FileAction
from coskit.client.settings.argument_checks import check, check_known, check_options
from coskit.client.settings.progress import Callback
from coskit.client.transfer.body_source import refuse_body_options
from coskit.client.transfer.ranges import refuse_range
from coskit.protocol.errors import ParameterError


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """A request to transfer a directory.

    Attributes:
        function: the name of the method that was called.
        source: the location of the files or objects.
        destination: the location that they are transferred to.
        wanted: the filter of names.
        comparison: the comparison with the destination; None transfers all files unconditionally.
        delete: whether files that the source lacks are deleted at the destination.
        dry_run: whether files are counted without transferring them.
        on_error: `stop` at the first failure, or `continue` with the other files.
        follow: whether symbolic links are followed.
        threads: the largest number of parts of one file in flight.
        progress: the callback that receives the progress, if any.
        action: the callback that receives a `FileAction` for each file, if any.
        deadline: the seconds that the whole transfer may take; None sets no limit.
        options: the options of each file's transfer.
    """

    function: str
    source: BucketPlace | Path
    destination: BucketPlace | Path
    wanted: Filter
    comparison: str | None
    delete: bool
    dry_run: bool
    on_error: str
    follow: bool
    threads: int
    progress: Callback | None
    action: Callable[[FileAction], object] | None
    deadline: float | None
    options: Mapping[str, Any]

    def check(self) -> None:
        """Check the values.

        Raises:
            ParameterError: a value is wrong.
            OSError: the source is a local directory that cannot be read.
        """
        check(
            OnError=self.on_error,
            Delete=self.delete,
            DryRun=self.dry_run,
            FollowSymlinks=self.follow,
            MAXThread=self.threads,
            progress_callback=self.progress,
            action_callback=self.action,
            Deadline=self.deadline,
        )
        check_options(self.options)
        refuse_body_options(self.options)
        refuse_range(self.options)
        check_known(self.function, self.options, self._known())
        if isinstance(self.source, Path):
            if isinstance(self.destination, Path):
                raise ParameterError("Source or Destination must be cos://bucket/prefix")
            # A missing directory must not count as an empty one.
            os.scandir(self.source).close()
        elif isinstance(self.destination, BucketPlace):
            check_apart(self.source, self.destination)
        elif self.destination.exists() and not self.destination.is_dir():
            raise NotADirectoryError(f"{self.destination} is not a directory")

    def _known(self) -> str:
        """Return the name of the TypedDict of the options of each file's transfer."""
        if isinstance(self.source, Path):
            return "UploadDirOptions"
        if isinstance(self.destination, Path):
            return "DownloadDirOptions"
        return "CopyDirOptions"
