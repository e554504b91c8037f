"""What a transfer of many files is asked to do."""

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
    """A transfer of many files.

    Attributes:
        function: what the caller called.
        source: where they are.
        destination: where they are to be.
        wanted: which of them.
        comparison: when a file needs no transfer; None transfers all and looks at no destination.
        delete: whether what the source lacks goes from the destination.
        dry_run: whether nothing is done, only counted.
        on_error: `stop` at the first file that fails, or `continue` with the others.
        follow: whether symbolic links are followed.
        threads: parts of one file at a time.
        progress: hears of bytes.
        action: hears of files.
        deadline: seconds for everything.
        options: for each file's transfer.
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
        """Refuse what cannot be done, before anything is.

        Raises:
            ParameterError: an argument is wrong.
            OSError: the local directory that is to be read is none.
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
                raise ParameterError("Source or Destination has to be cos://bucket/prefix")
            # A directory that is not there must not pass for an empty one.
            os.scandir(self.source).close()
        elif isinstance(self.destination, BucketPlace):
            check_apart(self.source, self.destination)
        elif self.destination.exists() and not self.destination.is_dir():
            raise NotADirectoryError(f"{self.destination} is no directory")

    def _known(self) -> str:
        """Return the name of the options that each file's transfer has."""
        if isinstance(self.source, Path):
            return "UploadDirOptions"
        if isinstance(self.destination, Path):
            return "DownloadDirOptions"
        return "CopyDirOptions"
