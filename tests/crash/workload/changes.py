"""The changes that clients make, each with the resulting state of its keys."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import md5
from typing import Any

from coskit import Client
from coskit.protocol.errors import CosServiceError, PreconditionFailed
from coskit.protocol.types import ObjectACL
from tests.crash.workload.model import (
    NOTHING,
    Keys,
    KeyState,
    ObjectVersion,
    OpenUpload,
    Place,
    content,
    digest,
)

PLAIN, VERSIONED = "plain-1250000000", "versioned-1250000000"
BUCKETS = (PLAIN, VERSIONED)
MIB = 1 << 20
SMALL, LARGE, LARGER = 200, 70_000, MIB + 100_000


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        kind: the kind of change.
        changes: the resulting state of keys, as far as it is known in advance.
        call: requests the change and returns the response.
        refused: the error that the request must get.
    """

    kind: str
    changes: Keys
    call: Callable[[Client], Mapping[str, Any] | None]
    refused: type[CosServiceError] | None = None

    def do(self, client: Client) -> Keys:
        """Request the change; return the resulting state of its keys."""
        try:
            response = self.call(client)
        except CosServiceError as error:
            if self.refused is None or not isinstance(error, self.refused):
                raise
            return {}
        assert self.refused is None, f"{self.kind} was not refused"
        return {place: _context(state, response or {}) for place, state in self.changes.items()}


def _context(state: KeyState, response: Mapping[str, Any]) -> KeyState:
    """Return a state with the values of a response."""
    if state.uploads and state.uploads[-1].upload_id is None:
        upload = replace(state.uploads[-1], upload_id=response["UploadId"])
        return replace(state, uploads=(*state.uploads[:-1], upload))
    if not state.versions:
        return state
    item = state.versions[0]
    version_id = response.get("x-cos-version-id") or response.get("VersionId")
    if item.version_id is None:
        assert version_id, f"no version id in {response}"
        item = replace(item, version_id=str(version_id))
    etag = str(response.get("ETag", "")).strip('"')
    if item.body and etag:
        assert item.etag in (None, etag), f"ETag {etag} of {item}"
        item = replace(item, etag=etag)
    return state.revised(item)


class ChangeMaker:
    """A factory of changes of every kind.

    Args:
        name: the prefix of all names that are written.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._numbers = itertools.count()

    def put(self, world: Keys, place: Place, size: int, kind: str = "", **how: Any) -> Change:
        name = self._new_name(size)
        state = world.get(place, NOTHING)
        word = "small" if size == SMALL else "large"
        kind = kind or ("overwrite" if state.live else "put")
        call = self._put_call(place, name, how)
        item = ObjectVersion(self._version(place), (name,), digest(name), name)
        return Change(f"{kind} {word}", self._newest(world, place, item), call)

    def create(self, world: Keys, place: Place, size: int) -> Change:
        change = self.put(world, place, size, "create", IfNoneMatch="*")
        if not world.get(place, NOTHING).live:
            return change
        return Change("refused create", {}, change.call, PreconditionFailed)

    def replace(self, world: Keys, place: Place, size: int) -> Change:
        live = world[place].live
        assert live
        return self.put(world, place, size, "replace", IfMatch=f'"{live.etag}"')

    def copy(self, world: Keys, place: Place, source: Place) -> Change:
        live = world[source].live
        assert live

        def call(client: Client) -> Any:
            return client.copy_object(*place, {"Bucket": source[0], "Key": source[1]})

        item = ObjectVersion(self._version(place), live.body, live.etag, live.meta, None, None)
        return Change("copy", self._newest(world, place, item), call)

    def append(self, world: Keys, place: Place, size: int) -> Change:
        name = self._new_name(size)
        state = world.get(place, NOTHING)
        live = state.live
        position = live.size if live else 0
        start: Any = {} if live else {"Metadata": {"x-cos-meta-name": name}}
        if live:
            item = replace(live, body=(*live.body, name), etag=None)
        else:
            item = ObjectVersion("null", (name,), None, name)
        return Change(
            "append" if live else "begin by appending",
            {place: replace(state, versions=(item,))},
            lambda client: client.append_object(*place, position, content(name), **start),
        )

    def delete(self, world: Keys, place: Place) -> Change:
        return Change(
            "delete" if place[0] == PLAIN else "hide",
            {place: self._deleted(world, place)},
            lambda client: client.delete_object(*place),
        )

    def delete_version(self, world: Keys, place: Place, number: int) -> Change:
        state = world[place]
        version_id = state.versions[number].version_id
        assert version_id
        left = state.versions[:number] + state.versions[number + 1 :]

        def call(client: Client) -> None:
            client.delete_object(*place, VersionId=version_id)

        return Change("delete version", {place: replace(state, versions=left)}, call)

    def delete_many(self, world: Keys, places: tuple[Place, ...]) -> Change:
        changes = {place: self._deleted(world, place) for place in places}
        keys: Any = [{"Key": key} for _, key in places]

        def call(client: Client) -> None:
            response: Any = client.delete_objects(places[0][0], {"Object": keys})
            assert not response.get("Error"), response

        return Change("delete many", changes, call)

    def tag(self, world: Keys, place: Place) -> Change:
        value = f"{next(self._numbers)}"
        tags: Any = {"TagSet": {"Tag": [{"Key": "by", "Value": value}]}}
        live = world[place].live
        assert live
        state = world[place].revised(replace(live, tags=(("by", value),)))

        def call(client: Client) -> None:
            client.put_object_tagging(*place, tags)

        return Change("tag", {place: state}, call)

    def set_acl(self, world: Keys, place: Place) -> Change:
        live = world[place].live
        assert live
        acl: ObjectACL = "private" if live.acl == "public-read" else "public-read"
        state = world[place].revised(replace(live, acl=acl))

        def call(client: Client) -> None:
            client.put_object_acl(*place, ACL=acl)

        return Change("set ACL", {place: state}, call)

    def begin(self, world: Keys, place: Place) -> Change:
        name = self._new_name(0)
        state = world.get(place, NOTHING)
        return Change(
            "begin upload",
            {place: replace(state, uploads=(*state.uploads, OpenUpload(None, name)))},
            lambda client: client.create_multipart_upload(
                *place, Metadata={"x-cos-meta-name": name}
            ),
        )

    def part(self, world: Keys, place: Place, size: int) -> Change:
        return self._part(world, place, len(world[place].uploads[-1].parts) + 1, size, "part")

    def part_again(self, world: Keys, place: Place, size: int) -> Change:
        number = len(world[place].uploads[-1].parts)
        return self._part(world, place, number, size, "part again")

    def _part(self, world: Keys, place: Place, number: int, size: int, kind: str) -> Change:
        upload, name = world[place].uploads[-1], self._new_name(size)
        parts = (*upload.parts[: number - 1], (number, name))
        uploads = (*world[place].uploads[:-1], replace(upload, parts=parts))

        def call(client: Client) -> None:
            assert upload.upload_id
            client.upload_part(*place, content(name), number, upload.upload_id)

        return Change(kind, {place: replace(world[place], uploads=uploads)}, call)

    def complete(self, world: Keys, place: Place) -> Change:
        state = world[place]
        upload = state.uploads[-1]
        digests = [digest(name) for _, name in upload.parts]
        etag = f"{md5(bytes.fromhex(''.join(digests))).hexdigest()}-{len(digests)}"
        body = tuple(name for _, name in upload.parts)
        item = ObjectVersion("null", body, etag, upload.name)
        listed: Any = {
            "Part": [{"PartNumber": n, "ETag": f'"{digest(name)}"'} for n, name in upload.parts]
        }

        def call(client: Client) -> Any:
            assert upload.upload_id
            return client.complete_multipart_upload(*place, upload.upload_id, listed)

        return Change("complete upload", {place: KeyState((item,), state.uploads[:-1])}, call)

    def abort(self, world: Keys, place: Place) -> Change:
        upload = world[place].uploads[-1]
        state = replace(world[place], uploads=world[place].uploads[:-1])

        def call(client: Client) -> None:
            assert upload.upload_id
            client.abort_multipart_upload(*place, upload.upload_id)

        return Change("abort upload", {place: state}, call)

    def _put_call(self, place: Place, name: str, how: Any) -> Callable[[Client], Any]:
        meta = {"x-cos-meta-name": name}
        return lambda client: client.put_object(
            place[0], content(name), place[1], Metadata=meta, **how
        )

    def _newest(self, world: Keys, place: Place, item: ObjectVersion) -> Keys:
        state = world.get(place, NOTHING)
        older = state.versions if place[0] == VERSIONED else ()
        return {place: replace(state, versions=(item, *older))}

    def _deleted(self, world: Keys, place: Place) -> KeyState:
        state = world.get(place, NOTHING)
        marker = (ObjectVersion(None), *state.versions) if place[0] == VERSIONED else ()
        return replace(state, versions=marker)

    def _version(self, place: Place) -> str | None:
        return None if place[0] == VERSIONED else "null"

    def _new_name(self, size: int) -> str:
        return f"{self.name}.{next(self._numbers)}.{size}"
