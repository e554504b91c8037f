"""Deletion of objects, or of versions and delete markers by their ids, many in a request."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import argument_key
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.objects.selection.concurrent_calls import Outcome, run_each
from coskit.protocol.codec.xml.document import carries
from coskit.protocol.errors import CosServiceError

if TYPE_CHECKING:
    from coskit import Client

_IN_A_REQUEST = 1000
_REQUESTS = 4  # at a time
_Deleted = Outcome[ListedEntry, None]


def delete_entries(
    client: "Client", bucket: str, entries: Iterable[ListedEntry]
) -> Iterator[_Deleted]:
    """Delete entries, those with a version id for good; yield the outcome of each."""
    for done in run_each(_groups(entries), lambda group: _delete(client, bucket, group), _REQUESTS):
        if done.error is not None:
            yield from (Outcome(entry, error=done.error) for entry in done.item)
        yield from done.result or ()


def _groups(entries: Iterable[ListedEntry]) -> Iterator[list[ListedEntry]]:
    rest = iter(entries)
    while group := list(islice(rest, _IN_A_REQUEST)):
        yield group


def _delete(client: "Client", bucket: str, group: list[ListedEntry]) -> list[_Deleted]:
    together = [entry for entry in group if carries(entry.key)]
    errors = _delete_together(client, bucket, together) if together else {}
    # XML, and so a request for many keys, cannot carry control characters.
    return [
        Outcome(entry, error=errors.get(_name(entry)))
        if carries(entry.key)
        else _delete_alone(client, bucket, entry)
        for entry in group
    ]


def _delete_together(
    client: "Client", bucket: str, entries: list[ListedEntry]
) -> dict[tuple[str, str], Exception]:
    """Delete entries in one request, and return the errors of those that remain."""
    named: list[Any] = [
        {"Key": entry.key, **({"VersionId": entry.version_id} if entry.version_id else {})}
        for entry in entries
    ]
    result = client.delete_objects(bucket, {"Object": named, "Quiet": True})
    return {
        (error["Key"], error.get("VersionId") or ""): CosServiceError(
            error["Message"], code=error["Code"]
        )
        for error in result.get("Error", ())
    }


def _delete_alone(client: "Client", bucket: str, entry: ListedEntry) -> _Deleted:
    try:
        key = argument_key(entry.key)
        client.delete_object(bucket, key, VersionId=entry.version_id or None)
    except Exception as error:
        return Outcome(entry, error=error)
    return Outcome(entry)


def _name(entry: ListedEntry) -> tuple[str, str]:
    return entry.key, entry.version_id
