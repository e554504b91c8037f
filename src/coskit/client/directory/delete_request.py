"""The request to delete the objects of a folder, checked before anything is done."""

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Any

from coskit.client.directory.filters import Filter
from coskit.client.directory.locations import BucketPlace
from coskit.client.directory.result import FileCallbacks
from coskit.client.settings.argument_checks import check
from coskit.protocol.errors import ParameterError


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """A request to delete the objects of a folder.

    Attributes:
        place: the folder.
        wanted: the filter of names.
        names: the names that are deleted instead of all that a listing finds, if given.
        versions: whether all versions and delete markers are deleted for ever.
        dry_run: whether objects are counted without deleting them.
        on_error: `stop` at the first failure, or `continue` with the other objects.
        callbacks: the functions that are called for each object.
        deadline: the seconds that the whole deletion may take; None sets no limit.
    """

    place: BucketPlace
    wanted: Filter
    names: "Iterable[Any] | AsyncIterable[Any] | None"
    versions: bool
    dry_run: bool
    on_error: str
    callbacks: FileCallbacks
    deadline: float | None

    def check(self) -> None:
        """Check the values.

        Raises:
            ParameterError: a value is wrong.
        """
        check(
            Names=self.names,
            Versions=self.versions,
            DryRun=self.dry_run,
            OnError=self.on_error,
            action_callback=self.callbacks.action,
            failure_callback=self.callbacks.failure,
            Deadline=self.deadline,
        )
        if self.versions and self.names is not None:
            raise ParameterError("Versions lists the folder: name versions with FileName instead")
