"""Entries of buckets for commands: objects, folders and versions, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coskit.cli.arguments.locations import CosLocation, argument_key, glob_regex
from coskit.client.request.pagination import field_of, next_key, next_mark

if TYPE_CHECKING:
    from coskit import Client


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An object, a folder, a version or a delete marker.

    Attributes:
        kind: `object`, `folder`, `version` or `delete marker`.
        key: the key, or the folder's common prefix.
        size: the size in bytes, 0 if it has none.
        modified: the date as the service spells it, "" for a folder.
        etag: the ETag without quotes.
        storage_class: the storage class, "" for a folder.
        version_id: the id of a version or a delete marker.
        is_latest: whether a version is the latest of its key.
    """

    kind: str
    key: str
    size: int = 0
    modified: str = ""
    etag: str = ""
    storage_class: str = ""
    version_id: str = ""
    is_latest: bool = True

    def facts(self) -> dict[str, Any]:
        """Return the entry for JSON, without what it lacks."""
        if self.kind == "folder":
            return {"type": "folder", "key": self.key}
        facts: dict[str, Any] = {
            "type": self.kind,
            "key": self.key,
            "size": self.size,
            "modified": self.modified,
            "etag": self.etag,
            "storage_class": self.storage_class,
        }
        if self.kind == "delete marker":
            facts = {"type": self.kind, "key": self.key, "modified": self.modified}
        if self.version_id:
            facts |= {"version_id": self.version_id, "is_latest": self.is_latest}
        return facts


def entries(
    client: "Client", location: CosLocation, *, recursive: bool = False, raw: bool = False
) -> Iterator[ListedEntry]:
    """Yield the objects at a location, and its folders unless the listing is recursive.

    Args:
        client: the client.
        location: a bucket, the beginning of keys, or a pattern.
        recursive: list the objects in folders instead of the folders.
        raw: take glob characters in the key as they are.
    """
    if location.is_pattern and not raw:
        matches = glob_regex(location.key).fullmatch
        for entry in _level(client, location.bucket, location.literal_prefix, ""):
            if matches(entry.key):
                yield entry
        return
    yield from _level(client, location.bucket, location.key, "" if recursive else "/")


def versions(
    client: "Client", location: CosLocation, *, raw: bool = False
) -> Iterator[ListedEntry]:
    """Yield the versions and delete markers below a location, newest first for each key."""
    is_pattern = location.is_pattern and not raw
    matches = glob_regex(location.key).fullmatch
    prefix = location.literal_prefix if is_pattern else location.key
    for listed in client.iter_versions(location.bucket, Prefix=argument_key(prefix)):
        entry = _version(listed)
        if not is_pattern or matches(entry.key):
            yield entry


def _level(client: "Client", bucket: str, prefix: str, delimiter: str) -> Iterator[ListedEntry]:
    """Yield the objects and common prefixes of one level, in byte order."""
    marker: str | None = ""
    while marker is not None:
        page = client.list_objects(
            bucket, Prefix=argument_key(prefix), Delimiter=delimiter, Marker=marker
        )
        objects = [_object(listed) for listed in page.get("Contents", ())]
        folders = [
            ListedEntry("folder", field_of(found, "Prefix"))
            for found in page.get("CommonPrefixes", ())
        ]
        if folders:
            objects = sorted(objects + folders, key=lambda entry: entry.key.encode())
        yield from objects
        marker = next_mark(page, marker, next_key(page))


def _object(listed: Any) -> ListedEntry:
    return ListedEntry(
        "object",
        str(listed["Key"]),
        int(listed.get("Size") or 0),
        str(listed.get("LastModified") or ""),
        str(listed.get("ETag") or "").strip('"'),
        str(listed.get("StorageClass") or "STANDARD"),
    )


def _version(listed: Any) -> ListedEntry:
    is_marker = "ETag" not in listed
    return ListedEntry(
        "delete marker" if is_marker else "version",
        str(listed["Key"]),
        int(listed.get("Size") or 0),
        str(listed.get("LastModified") or ""),
        str(listed.get("ETag") or "").strip('"'),
        "" if is_marker else str(listed.get("StorageClass") or "STANDARD"),
        str(listed.get("VersionId") or ""),
        str(listed.get("IsLatest")).lower() == "true",
    )
