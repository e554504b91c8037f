"""What a server gives out, and whether that is what its clients were promised."""

import itertools
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any

from coskit import Client
from coskit.protocol.errors import NoSuchKey, NoSuchResource
from tests.crash.workload.model import (
    NOTHING,
    Place,
    Seen,
    SeenItem,
    SeenUpload,
    Slot,
    World,
    learned,
)


def observe(client: Client, buckets: Sequence[str]) -> dict[Place, Seen]:
    """Return all that a server has, after making sure that its listings agree with each other."""
    found: dict[Place, Seen] = {}
    for bucket in buckets:
        listed = list(client.iter_versions(bucket))
        for key, entries in itertools.groupby(listed, key=lambda entry: str(entry["Key"])):
            items = tuple(_item(client, bucket, entry) for entry in entries)
            found[bucket, key] = Seen(items)
        _compare_listings(client, bucket, listed)
        for upload in client.iter_uploads(bucket):
            place = bucket, upload["Key"]
            seen = found.get(place, Seen())
            found[place] = Seen(seen.versions, (*seen.uploads, _upload(client, place, upload)))
    return found


def complaints(
    seen: Mapping[Place, Seen],
    world: World,
    flying: Sequence[World] = (),
) -> tuple[list[str], dict[Place, Slot]]:
    """Return what is wrong, and the world as it must have been all along.

    Args:
        seen: what the server gives out.
        world: what it must have, of each key that was ever written to.
        flying: what each change that nobody has heard of would have made of some keys. All of
            them or none.
    """
    after: dict[Place, Slot] = dict(world)
    wrong: list[str] = []
    open_places = {place for change in flying for place in change}
    for place in sorted({*world, *seen} - open_places):
        wrong += _settle(place, world.get(place, NOTHING), seen, after)
    for change in flying:
        before = {place: world.get(place, NOTHING) for place in change}
        outcomes = []
        for state in (change, before):
            trial: dict[Place, Slot] = {}
            said = [word for place in state for word in _settle(place, state[place], seen, trial)]
            outcomes.append(said)
            if not said:
                after.update(trial)
                break
        else:
            wrong.append(f"neither done nor left undone: {outcomes[0]}; and {outcomes[1]}")
    return wrong, after


def happened(change: World, world: World, after: World) -> bool:
    """Return whether a change that nobody had heard of was found made."""
    return any(
        len(after[place].versions) != len(world.get(place, NOTHING).versions)
        or after[place].versions[:1] != world.get(place, NOTHING).versions[:1]
        or after[place].uploads != world.get(place, NOTHING).uploads
        for place in change
    )


def _settle(
    place: Place, slot: Slot, seen: Mapping[Place, Seen], after: dict[Place, Slot]
) -> list[str]:
    there = seen.get(place, Seen())
    whole = learned(slot, there)
    if whole is None:
        return [f"{'/'.join(place)}: there is {there}, not {slot}"]
    after[place] = whole
    return []


def _item(client: Client, bucket: str, entry: Any) -> SeenItem:
    key = entry["Key"]
    version_id = str(entry.get("VersionId") or "null")
    if "ETag" not in entry:
        return SeenItem(version_id, "", 0, "", "", (), "")
    which: dict[str, Any] = {"VersionId": version_id}
    answer = client.get_object(bucket, key, **which)
    body = answer["Body"].read()
    told = (int(answer["Content-Length"]), answer["ETag"])
    listed = (int(entry["Size"]), entry["ETag"])
    assert told == listed, f"{bucket}/{key} {version_id} is {told}, and is listed as {listed}"
    tags = client.get_object_tagging(bucket, key, **which)["TagSet"].get("Tag", [])
    acl = client.get_object_acl(bucket, key, **which)["CannedACL"]
    return SeenItem(
        version_id,
        md5(body).hexdigest(),
        len(body),
        answer["ETag"].strip('"'),
        str(answer.get("x-cos-meta-name", "")),
        tuple((tag["Key"], tag["Value"]) for tag in tags),
        acl,
    )


def _upload(client: Client, place: Place, upload: Any) -> SeenUpload:
    parts = client.list_parts(*place, upload["UploadId"]).get("Part", [])
    pairs = tuple((int(part["PartNumber"]), str(part["ETag"]).strip('"')) for part in parts)
    return SeenUpload(upload["UploadId"], pairs)


def _compare_listings(client: Client, bucket: str, versions: Sequence[Any]) -> None:
    """Make sure that the live versions are the objects, and that those can be got."""
    live = {
        entry["Key"]: (entry["ETag"], entry["Size"])
        for entry in versions
        if entry["IsLatest"] in (True, "true") and "ETag" in entry
    }
    objects = {e["Key"]: (e["ETag"], e["Size"]) for e in client.iter_objects(bucket)}
    assert objects == live, f"{bucket}: objects {objects}, live versions {live}"
    for key in {entry["Key"] for entry in versions}:
        try:
            etag = client.head_object(bucket, key)["ETag"]
        except (NoSuchKey, NoSuchResource):
            etag = None
        expected = live[key][0] if key in live else None
        assert etag == expected, f"{bucket}/{key}: HEAD says {etag}, the listing {expected}"
