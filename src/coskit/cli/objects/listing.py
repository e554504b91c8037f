"""Entries of buckets for commands: objects, folders and versions, page by page."""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from coskit.cli.arguments.locations import CosLocation, argument_key, glob_regex
from coskit.cli.objects.read_ahead import read_ahead
from coskit.client.request.pagination import field_of, next_key, next_mark, next_version

if TYPE_CHECKING:
    from coskit import Client

_LAST = "\U0010ffff"  # sorts after every other character
PAGE = 1000  # entries of a request, the most that the service returns


class ListedEntry(NamedTuple):
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
    return chain.from_iterable(entry_pages(client, location, recursive=recursive, raw=raw))


def versions(
    client: "Client", location: CosLocation, *, raw: bool = False
) -> Iterator[ListedEntry]:
    """Yield the versions and delete markers below a location, newest first for each key."""
    return chain.from_iterable(version_pages(client, location, raw=raw))


def entry_pages(
    client: "Client",
    location: CosLocation,
    *,
    recursive: bool = False,
    raw: bool = False,
    max_depth: int | None = None,
) -> Iterator[list[ListedEntry]]:
    """Yield what `entries` yields, page by page; the next pages are fetched ahead.

    Args:
        client: the client.
        location: a bucket, the beginning of keys, or a pattern.
        recursive: list the objects in folders instead of the folders.
        raw: take glob characters in the key as they are.
        max_depth: levels of folders; pages with nothing but deeper objects may be left out.
    """
    if location.is_pattern and not raw:
        pages = _object_pages(client, location.bucket, location.literal_prefix, "", max_depth)
        return _matching(location, read_ahead(pages))
    delimiter = "" if recursive else "/"
    return read_ahead(_object_pages(client, location.bucket, location.key, delimiter, max_depth))


def version_pages(
    client: "Client", location: CosLocation, *, raw: bool = False
) -> Iterator[list[ListedEntry]]:
    """Yield what `versions` yields, page by page; the next pages are fetched ahead."""
    if location.is_pattern and not raw:
        pages = _version_pages(client, location.bucket, location.literal_prefix)
        return _matching(location, read_ahead(pages))
    return read_ahead(_version_pages(client, location.bucket, location.key))


def _matching(
    location: CosLocation, pages: Iterator[list[ListedEntry]]
) -> Iterator[list[ListedEntry]]:
    """Yield pages without the entries whose keys do not match the location."""
    matches = glob_regex(location.key).fullmatch
    for page in pages:
        yield [entry for entry in page if matches(entry.key)]


def _object_pages(
    client: "Client", bucket: str, prefix: str, delimiter: str, max_depth: int | None
) -> Iterator[list[ListedEntry]]:
    """Yield the objects and common prefixes of one level, in byte order."""
    marker: str | None = ""
    while marker is not None:
        page, marker = object_page(client, bucket, prefix, delimiter, marker)
        yield page
        if marker and max_depth is not None:
            marker = _past_deep_folder(marker, prefix.rfind("/") + 1, max_depth)


def object_page(
    client: "Client", bucket: str, prefix: str, delimiter: str, marker: str
) -> tuple[list[ListedEntry], str | None]:
    """Return objects and common prefixes after a marker, and the next marker or None."""
    page = client.list_objects(
        bucket,
        Prefix=argument_key(prefix),
        Delimiter=delimiter,
        Marker=marker,
        MaxKeys=PAGE,
    )
    objects = [_object(listed) for listed in page.get("Contents", ())]
    folders = [
        ListedEntry("folder", field_of(found, "Prefix")) for found in page.get("CommonPrefixes", ())
    ]
    if folders:
        objects = sorted(objects + folders, key=lambda entry: entry.key.encode())
    return objects, next_mark(page, marker, next_key(page))


def _past_deep_folder(marker: str, start: int, max_depth: int) -> str:
    """Return a marker behind all keys that are as deep as this one, in the same folder."""
    end = start
    for _ in range(max_depth):
        end = marker.find("/", end) + 1
        if not end:
            return marker
    return max(marker, marker[:end] + _LAST, key=str.encode)


def _version_pages(client: "Client", bucket: str, prefix: str) -> Iterator[list[ListedEntry]]:
    """Yield versions and delete markers by key, newest first."""
    mark: tuple[str, str] | None = ("", "")
    while mark is not None:
        page = client.list_objects_versions(
            bucket,
            Prefix=argument_key(prefix),
            KeyMarker=mark[0],
            VersionIdMarker=mark[1],
            MaxKeys=PAGE,
        )
        listed: dict[str, Iterator[Any]] = {
            "Version": iter(page.get("Version", ())),
            "DeleteMarker": iter(page.get("DeleteMarker", ())),
        }
        yield [_version(next(listed[tag])) for tag in page.get("Order", ())]
        mark = next_mark(page, mark, next_version(page))


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
