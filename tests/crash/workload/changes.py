"""The changes that clients make, each with what it will have made of the keys that it concerns."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import md5
from typing import Any

from coskit import Client
from coskit.protocol.errors import CosServiceError, PreconditionFailed
from coskit.protocol.types import ObjectACL
from tests.crash.workload.model import NOTHING, Item, Pending, Place, Slot, World, content, digest

PLAIN, VERSIONED = "plain-1250000000", "versioned-1250000000"
BUCKETS = (PLAIN, VERSIONED)
MIB = 1 << 20
SMALL, LARGE, LARGER = 200, 70_000, MIB + 100_000


@dataclass(frozen=True)
class Deed:
    """One change.

    Attributes:
        kind: what it is called.
        changes: what it makes of keys, as far as that is known before.
        call: asks for it and returns the answer.
        refused: the error that it must be answered with.
    """

    kind: str
    changes: World
    call: Callable[[Client], Mapping[str, Any] | None]
    refused: type[CosServiceError] | None = None

    def do(self, client: Client) -> World:
        """Have it done; return what it has made of the keys."""
        try:
            answer = self.call(client)
        except CosServiceError as error:
            if self.refused is None or not isinstance(error, self.refused):
                raise
            return {}
        assert self.refused is None, f"{self.kind} was not refused"
        return {place: _told(slot, answer or {}) for place, slot in self.changes.items()}


def _told(slot: Slot, answer: Mapping[str, Any]) -> Slot:
    """Return a slot with what an answer says of it."""
    if slot.uploads and slot.uploads[-1].upload_id is None:
        upload = replace(slot.uploads[-1], upload_id=answer["UploadId"])
        return replace(slot, uploads=(*slot.uploads[:-1], upload))
    if not slot.versions:
        return slot
    item = slot.versions[0]
    version_id = answer.get("x-cos-version-id") or answer.get("VersionId")
    if item.version_id is None:
        assert version_id, f"no version id in {answer}"
        item = replace(item, version_id=str(version_id))
    etag = str(answer.get("ETag", "")).strip('"')
    if item.body and etag:
        assert item.etag in (None, etag), f"ETag {etag} of {item}"
        item = replace(item, etag=etag)
    return slot.revised(item)


class Maker:
    """Makes changes of every kind.

    Args:
        name: of what is written begins with it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._numbers = itertools.count()

    def put(self, world: World, place: Place, size: int, kind: str = "", **how: Any) -> Deed:
        name = self._new_name(size)
        slot = world.get(place, NOTHING)
        word = "small" if size == SMALL else "large"
        kind = kind or ("overwrite" if slot.live else "put")
        call = self._put_call(place, name, how)
        item = Item(self._version(place), (name,), digest(name), name)
        return Deed(f"{kind} {word}", self._newest(world, place, item), call)

    def create(self, world: World, place: Place, size: int) -> Deed:
        deed = self.put(world, place, size, "create", IfNoneMatch="*")
        if not world.get(place, NOTHING).live:
            return deed
        return Deed("refused create", {}, deed.call, PreconditionFailed)

    def replace(self, world: World, place: Place, size: int) -> Deed:
        live = world[place].live
        assert live
        return self.put(world, place, size, "replace", IfMatch=f'"{live.etag}"')

    def copy(self, world: World, place: Place, source: Place) -> Deed:
        live = world[source].live
        assert live

        def call(client: Client) -> Any:
            return client.copy_object(*place, {"Bucket": source[0], "Key": source[1]})

        item = Item(self._version(place), live.body, live.etag, live.meta, None, None)
        return Deed("copy", self._newest(world, place, item), call)

    def append(self, world: World, place: Place, size: int) -> Deed:
        name = self._new_name(size)
        slot = world.get(place, NOTHING)
        live = slot.live
        position = live.size if live else 0
        start: Any = {} if live else {"Metadata": {"x-cos-meta-name": name}}
        if live:
            item = replace(live, body=(*live.body, name), etag=None)
        else:
            item = Item("null", (name,), None, name)
        return Deed(
            "append" if live else "begin by appending",
            {place: replace(slot, versions=(item,))},
            lambda client: client.append_object(*place, position, content(name), **start),
        )

    def delete(self, world: World, place: Place) -> Deed:
        return Deed(
            "delete" if place[0] == PLAIN else "hide",
            {place: self._deleted(world, place)},
            lambda client: client.delete_object(*place),
        )

    def delete_version(self, world: World, place: Place, number: int) -> Deed:
        slot = world[place]
        version_id = slot.versions[number].version_id
        assert version_id
        left = slot.versions[:number] + slot.versions[number + 1 :]

        def call(client: Client) -> None:
            client.delete_object(*place, VersionId=version_id)

        return Deed("delete version", {place: replace(slot, versions=left)}, call)

    def delete_many(self, world: World, places: tuple[Place, ...]) -> Deed:
        changes = {place: self._deleted(world, place) for place in places}
        keys: Any = [{"Key": key} for _, key in places]

        def call(client: Client) -> None:
            answer: Any = client.delete_objects(places[0][0], {"Object": keys})
            assert not answer.get("Error"), answer

        return Deed("delete many", changes, call)

    def tag(self, world: World, place: Place) -> Deed:
        value = f"{next(self._numbers)}"
        tags: Any = {"TagSet": {"Tag": [{"Key": "by", "Value": value}]}}
        live = world[place].live
        assert live
        slot = world[place].revised(replace(live, tags=(("by", value),)))

        def call(client: Client) -> None:
            client.put_object_tagging(*place, tags)

        return Deed("tag", {place: slot}, call)

    def set_acl(self, world: World, place: Place) -> Deed:
        live = world[place].live
        assert live
        acl: ObjectACL = "private" if live.acl == "public-read" else "public-read"
        slot = world[place].revised(replace(live, acl=acl))

        def call(client: Client) -> None:
            client.put_object_acl(*place, ACL=acl)

        return Deed("set ACL", {place: slot}, call)

    def begin(self, world: World, place: Place) -> Deed:
        name = self._new_name(0)
        slot = world.get(place, NOTHING)
        return Deed(
            "begin upload",
            {place: replace(slot, uploads=(*slot.uploads, Pending(None, name)))},
            lambda client: client.create_multipart_upload(
                *place, Metadata={"x-cos-meta-name": name}
            ),
        )

    def part(self, world: World, place: Place, size: int) -> Deed:
        return self._part(world, place, len(world[place].uploads[-1].parts) + 1, size, "part")

    def part_again(self, world: World, place: Place, size: int) -> Deed:
        number = len(world[place].uploads[-1].parts)
        return self._part(world, place, number, size, "part again")

    def _part(self, world: World, place: Place, number: int, size: int, kind: str) -> Deed:
        upload, name = world[place].uploads[-1], self._new_name(size)
        parts = (*upload.parts[: number - 1], (number, name))
        uploads = (*world[place].uploads[:-1], replace(upload, parts=parts))

        def call(client: Client) -> None:
            assert upload.upload_id
            client.upload_part(*place, content(name), number, upload.upload_id)

        return Deed(kind, {place: replace(world[place], uploads=uploads)}, call)

    def complete(self, world: World, place: Place) -> Deed:
        slot = world[place]
        upload = slot.uploads[-1]
        digests = [digest(name) for _, name in upload.parts]
        etag = f"{md5(bytes.fromhex(''.join(digests))).hexdigest()}-{len(digests)}"
        body = tuple(name for _, name in upload.parts)
        item = Item("null", body, etag, upload.name)
        listed: Any = {
            "Part": [{"PartNumber": n, "ETag": f'"{digest(name)}"'} for n, name in upload.parts]
        }

        def call(client: Client) -> Any:
            assert upload.upload_id
            return client.complete_multipart_upload(*place, upload.upload_id, listed)

        return Deed("complete upload", {place: Slot((item,), slot.uploads[:-1])}, call)

    def abort(self, world: World, place: Place) -> Deed:
        upload = world[place].uploads[-1]
        slot = replace(world[place], uploads=world[place].uploads[:-1])

        def call(client: Client) -> None:
            assert upload.upload_id
            client.abort_multipart_upload(*place, upload.upload_id)

        return Deed("abort upload", {place: slot}, call)

    def _put_call(self, place: Place, name: str, how: Any) -> Callable[[Client], Any]:
        meta = {"x-cos-meta-name": name}
        return lambda client: client.put_object(
            place[0], content(name), place[1], Metadata=meta, **how
        )

    def _newest(self, world: World, place: Place, item: Item) -> World:
        slot = world.get(place, NOTHING)
        older = slot.versions if place[0] == VERSIONED else ()
        return {place: replace(slot, versions=(item, *older))}

    def _deleted(self, world: World, place: Place) -> Slot:
        slot = world.get(place, NOTHING)
        marker = (Item(None), *slot.versions) if place[0] == VERSIONED else ()
        return replace(slot, versions=marker)

    def _version(self, place: Place) -> str | None:
        return None if place[0] == VERSIONED else "null"

    def _new_name(self, size: int) -> str:
        return f"{self.name}.{next(self._numbers)}.{size}"
