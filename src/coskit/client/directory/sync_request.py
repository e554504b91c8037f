"""The request of a directory transfer, checked before anything is done."""

import errno
import mimetypes
import os
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coskit.client.directory.compare import check_apart
from coskit.client.directory.filters import Filter
from coskit.client.directory.locations import BucketPlace
from coskit.client.directory.result import FileCallbacks
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
        names: the names that are transferred instead of all that a listing finds, if given.
        move: whether each source is deleted after its transfer.
        comparison: the comparison with the destination; None transfers all files unconditionally.
        delete: whether files that the source lacks are deleted at the destination.
        dry_run: whether files are counted without transferring them.
        on_error: `stop` at the first failure, or `continue` with the other files.
        follow: whether symbolic links are followed.
        threads: the largest number of parts of one file in flight.
        progress: the callback that receives the progress, if any.
        callbacks: the functions that are called for each file.
        deadline: the seconds that the whole transfer may take; None sets no limit.
        options: the options of each file's transfer.
    """

    function: str
    source: BucketPlace | Path
    destination: BucketPlace | Path
    wanted: Filter
    names: "Iterable[Any] | AsyncIterable[Any] | None"
    move: bool
    comparison: str | None
    delete: bool
    dry_run: bool
    on_error: str
    follow: bool
    threads: int
    progress: Callback | None
    callbacks: FileCallbacks
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
            Names=self.names,
            Move=self.move,
            Delete=self.delete,
            DryRun=self.dry_run,
            FollowSymlinks=self.follow,
            MAXThread=self.threads,
            progress_callback=self.progress,
            start_callback=self.callbacks.start,
            action_callback=self.callbacks.action,
            failure_callback=self.callbacks.failure,
            Deadline=self.deadline,
        )
        if self.delete and self.names is not None:
            raise ParameterError("Delete compares whole directories: it excludes Names")
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
            self._check_apart(self.source, self.destination)
        elif self.destination.exists() and not self.destination.is_dir():
            reason = os.strerror(errno.ENOTDIR)
            raise NotADirectoryError(errno.ENOTDIR, reason, str(self.destination))

    def _check_apart(self, source: BucketPlace, destination: BucketPlace) -> None:
        # Names lead to few objects, which are not listed again when they appear.
        if self.names is None:
            check_apart(source, destination)

    @property
    def kind(self) -> str:
        """The kind of each `FileAction`: `upload`, `download` or `copy`."""
        if isinstance(self.source, Path):
            return "upload"
        return "download" if isinstance(self.destination, Path) else "copy"

    @property
    def is_copy(self) -> bool:
        """True if both sides are in buckets."""
        return self.kind == "copy"

    def _known(self) -> str:
        """Return the name of the TypedDict of the options of each file's transfer."""
        if isinstance(self.source, Path):
            return "UploadDirOptions"
        if isinstance(self.destination, Path):
            return "DownloadDirOptions"
        return "CopyDirOptions"


def for_source(options: Mapping[str, Any], *, copy: bool) -> dict[str, Any]:
    """Return the options of a HEAD of the source: the customer's key, if there is one.

    Args:
        options: the options of each file's transfer.
        copy: whether both sides are in buckets; the options of the source have longer names then.
    """
    names = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
    prefix = "CopySource" if copy else ""
    return {name: options[prefix + name] for name in names if options.get(prefix + name)}


def upload_request(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the options of one upload, with the type that the name suggests if it is wanted.

    Args:
        options: the options of each file's upload, with `GuessContentType`.
        name: the name of the object.
    """
    request = dict(options)
    if request.pop("GuessContentType", False) and not request.get("ContentType"):
        kind, encoding = mimetypes.guess_type(f"/{name}")
        # The type of a compressed file is that of its content, which is not what is stored.
        request["ContentType"] = kind if kind and not encoding else "application/octet-stream"
    return request
