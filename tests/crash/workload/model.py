"""The state of objects and uploads that clients expect, and the state that they observe."""

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
class ObjectVersion:
    """A version of an object, or a delete marker; None stands for an unknown value.

    Attributes:
        version_id: the version's id, "null" without versioning.
        body: the names of the bodies that it consists of; () for a marker.
        etag: the ETag without quotes.
        meta: the metadata.
        tags: the tags in order.
        acl: the canned ACL.
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
        """The size of the body in bytes."""
        return sum(int(name.rpartition(".")[2]) for name in self.body)


@dataclass(frozen=True)
class OpenUpload:
    """An upload that is neither completed nor aborted.

    Attributes:
        upload_id: the upload's id, None if it is unknown.
        name: the name of the body that its object will have.
        parts: the number and the name of each part.
    """

    upload_id: str | None
    name: str
    parts: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class KeyState:
    """The versions of a key, the newest first, and its uploads, the oldest first."""

    versions: tuple[ObjectVersion, ...] = ()
    uploads: tuple[OpenUpload, ...] = ()

    @property
    def live(self) -> ObjectVersion | None:
        """The live object, None if there is none."""
        return self.versions[0] if self.versions and self.versions[0].body else None

    def revised(self, item: ObjectVersion) -> "KeyState":
        """Return the state with another newest version."""
        return replace(self, versions=(item, *self.versions[1:]))


NOTHING = KeyState()
Keys = Mapping[Place, KeyState]


@dataclass(frozen=True)
class ObservedVersion:
    """A version or a marker as the server returns it."""

    version_id: str
    whole: str
    size: int
    etag: str
    meta: str
    tags: Tags
    acl: str


@dataclass(frozen=True)
class ObservedUpload:
    """An upload as the server returns it, with the number and ETag of each part."""

    upload_id: str
    parts: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class ObservedKey:
    """The state of a key as the server returns it."""

    versions: tuple[ObservedVersion, ...] = ()
    uploads: tuple[ObservedUpload, ...] = ()


def reconcile(state: KeyState, seen: ObservedKey) -> KeyState | None:
    """Return a state with its unknown values filled in, or None if another state was observed."""
    if (len(state.versions), len(state.uploads)) != (len(seen.versions), len(seen.uploads)):
        return None
    versions = [_item(*pair) for pair in zip(state.versions, seen.versions, strict=True)]
    uploads = [_upload(*pair) for pair in zip(state.uploads, seen.uploads, strict=True)]
    found = (tuple(v for v in versions if v), tuple(u for u in uploads if u))
    complete = (len(found[0]), len(found[1])) == (len(versions), len(uploads))
    return KeyState(*found) if complete else None


def _item(item: ObjectVersion, seen: ObservedVersion) -> ObjectVersion | None:
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


def _upload(upload: OpenUpload, seen: ObservedUpload) -> OpenUpload | None:
    parts = tuple((number, digest(name)) for number, name in upload.parts)
    if upload.upload_id not in (None, seen.upload_id) or parts != seen.parts:
        return None
    return replace(upload, upload_id=seen.upload_id)
