"""Calls the transfer or deletion of a directory with the arguments of a method."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.settings.argument_checks import check

if TYPE_CHECKING:
    from coskit.client.directory.result import DirectoryResult

_Patterns = tuple[Iterable[str], Iterable[str], Iterable[tuple[str, str]]]
_Callbacks = tuple[Callable[[Any], object] | None, ...]

# The work is imported at the first use, because most programs transfer no directories.


async def transfer_directory(
    transfers: AsyncTransfers,
    function: str,
    source: "str | Path | tuple[str, str]",
    destination: "str | Path | tuple[str, str]",
    patterns: _Patterns,
    callbacks: _Callbacks,
    **others: Any,
) -> "DirectoryResult":
    """Transfer a directory.

    Args:
        transfers: the client's transfers.
        function: the name of the method, for messages.
        source: the directory, or the folder of a bucket.
        destination: the directory, or the folder of a bucket.
        patterns: the arguments Include, Exclude and Filters.
        callbacks: the arguments start_callback, action_callback and failure_callback.
        **others: further attributes of the `SyncRequest`.
    """
    from coskit.client._async.transfer.directory.sync import AsyncDirectorySync
    from coskit.client.directory.filters import Filter
    from coskit.client.directory.locations import parse_place
    from coskit.client.directory.result import FileCallbacks
    from coskit.client.directory.sync_request import SyncRequest

    _check_patterns(patterns)
    request = SyncRequest(
        function=function,
        source=parse_place(source),
        destination=parse_place(destination),
        wanted=Filter(*patterns),
        callbacks=FileCallbacks(*callbacks),
        **others,
    )
    request.check()
    return await AsyncDirectorySync(transfers, request).run()


async def delete_directory(
    transfers: AsyncTransfers,
    place: tuple[str, str],
    patterns: _Patterns,
    callbacks: _Callbacks,
    **others: Any,
) -> "DirectoryResult":
    """Delete the objects of a folder.

    Args:
        transfers: the client's transfers.
        place: the bucket and the folder.
        patterns: the arguments Include, Exclude and Filters.
        callbacks: the arguments start_callback, action_callback and failure_callback.
        **others: further attributes of the `DeleteRequest`.
    """
    from coskit.client._async.transfer.directory.delete_dir import AsyncDirectoryDeletion
    from coskit.client.directory.delete_request import DeleteRequest
    from coskit.client.directory.filters import Filter
    from coskit.client.directory.locations import bucket_place
    from coskit.client.directory.result import FileCallbacks

    _check_patterns(patterns)
    request = DeleteRequest(
        place=bucket_place(*place),
        wanted=Filter(*patterns),
        callbacks=FileCallbacks(*callbacks),
        **others,
    )
    request.check()
    return await AsyncDirectoryDeletion(transfers, request).run()


def _check_patterns(patterns: _Patterns) -> None:
    include, exclude, filters = patterns
    check(Include=include, Exclude=exclude, Filters=filters)
