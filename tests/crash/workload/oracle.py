"""The oracle: reads the state of a server and compares it with what clients were promised."""

import itertools
from collections.abc import Mapping, Sequence
from hashlib import md5
from typing import Any

from coskit import Client
from coskit.protocol.errors import NoSuchKey, NoSuchResource
from tests.crash.workload.model import (
    NOTHING,
    Keys,
    KeyState,
    ObservedKey,
    ObservedUpload,
    ObservedVersion,
    Place,
    reconcile,
)


def observe(client: Client, buckets: Sequence[str]) -> dict[Place, ObservedKey]:
    """Return the state of all keys, after a check that the listings agree with each other."""
    found: dict[Place, ObservedKey] = {}
    for bucket in buckets:
        listed = list(client.iter_versions(bucket))
        for key, entries in itertools.groupby(listed, key=lambda entry: str(entry["Key"])):
            items = tuple(_item(client, bucket, entry) for entry in entries)
            found[bucket, key] = ObservedKey(items)
        _compare_listings(client, bucket, listed)
        for upload in client.iter_uploads(bucket):
            place = bucket, upload["Key"]
            seen = found.get(place, ObservedKey())
            found[place] = ObservedKey(
                seen.versions, (*seen.uploads, _upload(client, place, upload))
            )
    return found


def differences(
    seen: Mapping[Place, ObservedKey],
    world: Keys,
    unacknowledged: Sequence[Keys] = (),
) -> tuple[list[str], dict[Place, KeyState]]:
    """Return the differences, and the state that the server must have had.

    Args:
        seen: the observed state.
        world: the promised state of each key that was ever written to.
        unacknowledged: the states of keys after each change without a response; the server has made
            each such change either completely or not at all.
    """
    after: dict[Place, KeyState] = dict(world)
    wrong: list[str] = []
    open_places = {place for change in unacknowledged for place in change}
    for place in sorted({*world, *seen} - open_places):
        wrong += _settle(place, world.get(place, NOTHING), seen, after)
    for change in unacknowledged:
        before = {place: world.get(place, NOTHING) for place in change}
        outcomes = []
        for state in (change, before):
            trial: dict[Place, KeyState] = {}
            said = [word for place in state for word in _settle(place, state[place], seen, trial)]
            outcomes.append(said)
            if not said:
                after.update(trial)
                break
        else:
            wrong.append(f"neither done nor left undone: {outcomes[0]}; and {outcomes[1]}")
    return wrong, after


def happened(change: Keys, world: Keys, after: Keys) -> bool:
    """Return whether an unacknowledged change was made."""
    return any(
        len(after[place].versions) != len(world.get(place, NOTHING).versions)
        or after[place].versions[:1] != world.get(place, NOTHING).versions[:1]
        or after[place].uploads != world.get(place, NOTHING).uploads
        for place in change
    )


def _settle(
    place: Place, state: KeyState, seen: Mapping[Place, ObservedKey], after: dict[Place, KeyState]
) -> list[str]:
    there = seen.get(place, ObservedKey())
    whole = reconcile(state, there)
    if whole is None:
        return [f"{'/'.join(place)}: there is {there}, not {state}"]
    after[place] = whole
    return []


def _item(client: Client, bucket: str, entry: Any) -> ObservedVersion:
    key = entry["Key"]
    version_id = str(entry.get("VersionId") or "null")
    if "ETag" not in entry:
        return ObservedVersion(version_id, "", 0, "", "", (), "")
    which: dict[str, Any] = {"VersionId": version_id}
    response = client.get_object(bucket, key, **which)
    body = response["Body"].read()
    returned = (int(response["Content-Length"]), response["ETag"])
    listed = (int(entry["Size"]), entry["ETag"])
    assert returned == listed, (
        f"{bucket}/{key} {version_id} is {returned}, and is listed as {listed}"
    )
    tags = client.get_object_tagging(bucket, key, **which)["TagSet"].get("Tag", [])
    acl = client.get_object_acl(bucket, key, **which)["CannedACL"]
    return ObservedVersion(
        version_id,
        md5(body).hexdigest(),
        len(body),
        response["ETag"].strip('"'),
        str(response.get("x-cos-meta-name", "")),
        tuple((tag["Key"], tag["Value"]) for tag in tags),
        acl,
    )


def _upload(client: Client, place: Place, upload: Any) -> ObservedUpload:
    parts = client.list_parts(*place, upload["UploadId"]).get("Part", [])
    pairs = tuple((int(part["PartNumber"]), str(part["ETag"]).strip('"')) for part in parts)
    return ObservedUpload(upload["UploadId"], pairs)


def _compare_listings(client: Client, bucket: str, versions: Sequence[Any]) -> None:
    """Check that the live versions are the listed objects, and that these can be read."""
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
