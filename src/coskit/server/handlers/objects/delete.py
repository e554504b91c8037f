"""Deletions of objects, of versions, and of lists of them, with conditions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from coskit.protocol.codec.dates import parse_http_date, parse_iso_date
from coskit.protocol.codec.xml.document import items
from coskit.protocol.endpoint import MAX_KEY_BYTES, is_banned_key
from coskit.protocol.errors import (
    AccessDenied,
    CosServiceError,
    InvalidArgument,
    KeyTooLong,
    MalformedXML,
    PreconditionFailed,
)
from coskit.protocol.operations import DELETE_OBJECTS
from coskit.server.handlers.access.authorization import is_allowed_in_bucket
from coskit.server.handlers.access.object_lock import deletion_condition
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.model import DeletionResult, Version

MAX_DELETED = 1000


async def delete_object(ctx: Context) -> Reply:
    """Delete an object or a version; no error if there is none."""
    version_id = ctx.params.get("VersionId")
    deleted = await ctx.store.index.delete_version(
        ctx.bucket.id,
        ctx.key,
        version_id,
        condition=_delete_condition(
            [((ctx.key, version_id), _expected_state(ctx.params, "IfMatch"))]
        ),
        may_delete=deletion_condition(ctx),
    )
    result: dict[str, Any] = {}
    # An id without a version may be text that no header can carry.
    if ctx.bucket.versioning and deleted.version_id and (deleted.existed or deleted.is_marker):
        result["x-cos-version-id"] = deleted.version_id
    if deleted.is_marker:
        result["x-cos-delete-marker"] = "true"
    return Reply(result)


async def delete_objects(ctx: Context) -> Reply:
    """Delete many objects, with an outcome for each."""
    document = ctx.params["Delete"]
    objects = items(document, "Object")
    if not 0 < len(objects) <= MAX_DELETED or not all(item.get("Key") for item in objects):
        raise MalformedXML(f"Delete lists 1 to {MAX_DELETED} objects, each with a Key")
    if any("VersionId" in item and not item["VersionId"] for item in objects):
        raise MalformedXML("VersionId must not be empty")  # it must not mean the current object
    targets = [(item["Key"], item.get("VersionId")) for item in objects]
    demands = [_expected_state(item, "") for item in objects]
    early_outcomes = [_early_outcome(ctx, *target) for target in targets]
    possible = [
        target for target, outcome in zip(targets, early_outcomes, strict=True) if outcome is None
    ]
    deleted = iter(
        await ctx.store.index.delete_versions(
            ctx.bucket.id,
            possible,
            _delete_condition(zip(targets, demands, strict=True)),
            may_delete=deletion_condition(ctx),
        )
    )
    outcomes = [next(deleted) if outcome is None else outcome for outcome in early_outcomes]
    quiet = document.get("Quiet", "").strip().lower() == "true"
    result: dict[str, Any] = {"Deleted": [], "Error": []}
    for (key, version_id), outcome in zip(targets, outcomes, strict=True):
        entry = {"Key": key, **({"VersionId": version_id} if version_id else {})}
        if isinstance(outcome, CosServiceError):
            result["Error"].append({**entry, "Code": outcome.code, "Message": outcome.message})
        elif not quiet:
            result["Deleted"].append({**entry, **_marker_fields(outcome)})
    return Reply(result)


def _early_outcome(
    ctx: Context, key: str, version_id: str | None
) -> DeletionResult | CosServiceError | None:
    """Return the outcome for a key that may not be deleted, or that no object can have.

    Such a key must not get a delete marker.
    """
    if not is_allowed_in_bucket(
        ctx.principal, DELETE_OBJECTS, ctx.store, ctx.bucket, key, version_id
    ):
        return AccessDenied()
    if len(key.encode()) > MAX_KEY_BYTES:
        return KeyTooLong()
    return DeletionResult(None, is_marker=False, existed=False) if is_banned_key(key) else None


def _marker_fields(deleted: DeletionResult) -> dict[str, str]:
    if not deleted.is_marker or deleted.version_id is None:
        return {}
    return {"DeleteMarker": "true", "DeleteMarkerVersionId": deleted.version_id}


# ETag, Unix second, number of bytes; None matches any.
_ExpectedState = tuple[str | None, int | None, int | None]
_Target = tuple[str, str | None]


def _expected_state(asked: Mapping[str, Any], prefix: str) -> _ExpectedState:
    """Return the expected state of an object that is to be deleted.

    Args:
        asked: the request's parameters, or the entry of a document.
        prefix: the prefix of the parameters' names.

    Raises:
        InvalidArgument: a date or a size is malformed.
    """
    etag = asked.get("IfMatch" if prefix else "ETag")
    moment, size = asked.get(f"{prefix}LastModifiedTime"), asked.get(f"{prefix}Size")
    return (
        None if etag in (None, "*") else str(etag).strip().strip('"'),
        None if moment is None else _second(str(moment)),
        None if size is None else _size(str(size)),
    )


def _second(text: str) -> int:
    moment = parse_http_date(text)
    moment = parse_iso_date(text) if moment is None else moment
    if moment is None:
        raise InvalidArgument(f"{text[:40]} is not a date")
    return moment // 1000


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidArgument(f"{text[:40]} is not a number of bytes")
    return int(text)


def _delete_condition(demands: Iterable[tuple[_Target, _ExpectedState]]) -> WriteCondition | None:
    """Return the condition for the commit, or None if nothing is expected.

    An object that does not exist meets every condition.
    """
    wanted: dict[str, list[tuple[str | None, _ExpectedState]]] = defaultdict(list)
    for (key, version_id), demand in demands:
        if demand != (None, None, None):
            wanted[key].append((version_id, demand))
    if not wanted:
        return None

    def condition(version: Version | None) -> None:
        if version is None or version.is_marker:
            return
        for version_id, (etag, second, size) in wanted.get(version.key, ()):
            if version_id in (None, version.version_id) and not (
                etag in (None, version.etag)
                and second in (None, version.modified // 1000)
                and size in (None, version.size)
            ):
                raise PreconditionFailed

    return condition
