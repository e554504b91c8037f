"""What a client knows of its objects and uploads: what must be there, and what may be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import md5

Place = tuple[str, str]  # bucket and key
Tags = tuple[tuple[str, str], ...]


@cache
def content(name: str) -> bytes:
    """Return the body of that name, which ends in its size."""
    size = int(name.rpartition(".")[2])
    line = f"{name}\n".encode()
    return (line * (size // len(line) + 1))[:size]


@cache
def digest(name: str) -> str:
    """Return the MD5 of the body of that name."""
    return md5(content(name)).hexdigest()


@dataclass(frozen=True)
class Item:
    """A version of an object, or a delete marker. None stands for what is not known.

    Attributes:
        version_id: "null" where there is no versioning.
        body: the names of what it consists of; () for a marker.
        etag: without quotes.
        meta: its metadata.
        tags: its tags, in order.
        acl: a canned ACL.
    """

    version_id: str | None
    body: tuple[str, ...] = ()
    etag: str | None = None
    meta: str = ""
    tags: Tags | None = ()
    acl: str | None = "default"

    @property
    def whole(self) -> str:
        """The MD5 of the body, "" of a marker."""
        if not self.body:
            return ""
        return md5(b"".join(map(content, self.body))).hexdigest()

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(int(name.rpartition(".")[2]) for name in self.body)


@dataclass(frozen=True)
class Pending:
    """An upload that is neither completed nor aborted.

    Attributes:
        upload_id: None if it is not known.
        name: of the body that its object will have.
        parts: number and name of each part.
    """

    upload_id: str | None
    name: str
    parts: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Slot:
    """What there is under a key: versions, the newest first, and uploads, the oldest first."""

    versions: tuple[Item, ...] = ()
    uploads: tuple[Pending, ...] = ()

    @property
    def live(self) -> Item | None:
        """The object, if there is one."""
        return self.versions[0] if self.versions and self.versions[0].body else None

    def revised(self, item: Item) -> "Slot":
        """Return the slot with its newest version changed."""
        return replace(self, versions=(item, *self.versions[1:]))


NOTHING = Slot()
World = Mapping[Place, Slot]


@dataclass(frozen=True)
class SeenItem:
    """A version or a marker as the server gives it out."""

    version_id: str
    whole: str
    size: int
    etag: str
    meta: str
    tags: Tags
    acl: str


@dataclass(frozen=True)
class SeenUpload:
    """An upload as the server gives it out: of each part its number and ETag."""

    upload_id: str
    parts: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Seen:
    """What the server gives out for a key."""

    versions: tuple[SeenItem, ...] = ()
    uploads: tuple[SeenUpload, ...] = ()


def learned(slot: Slot, seen: Seen) -> Slot | None:
    """Return a slot with what was not known of it, or None if something else is there."""
    if (len(slot.versions), len(slot.uploads)) != (len(seen.versions), len(seen.uploads)):
        return None
    versions = [_item(*pair) for pair in zip(slot.versions, seen.versions, strict=True)]
    uploads = [_upload(*pair) for pair in zip(slot.uploads, seen.uploads, strict=True)]
    found = (tuple(v for v in versions if v), tuple(u for u in uploads if u))
    complete = (len(found[0]), len(found[1])) == (len(versions), len(uploads))
    return Slot(*found) if complete else None


def _item(item: Item, seen: SeenItem) -> Item | None:
    known = (item.version_id, item.etag, item.tags, item.acl)
    there = (seen.version_id, seen.etag, seen.tags, seen.acl)
    fits = all(mine in (None, its) for mine, its in zip(known, there, strict=True))
    if not item.body:
        fits = item.version_id in (None, seen.version_id)
    if not fits or (item.whole, item.size, item.meta) != (seen.whole, seen.size, seen.meta):
        return None
    if not item.body:
        return replace(item, version_id=seen.version_id)
    version_id, etag, tags, acl = there
    return replace(item, version_id=version_id, etag=etag, tags=tags, acl=acl)


def _upload(upload: Pending, seen: SeenUpload) -> Pending | None:
    parts = tuple((number, digest(name)) for number, name in upload.parts)
    if upload.upload_id not in (None, seen.upload_id) or parts != seen.parts:
        return None
    return replace(upload, upload_id=seen.upload_id)
