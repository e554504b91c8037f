"""Object lock: the setting of buckets, the locks of versions, and the refusal to delete."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from coskit.protocol.errors import (
    InvalidArgument,
    InvalidBucketState,
    InvalidRequest,
    MalformedXML,
    NoSuchObjectLockConfiguration,
    ObjectLockConfigurationNotFoundError,
    ObjectLocked,
)
from coskit.protocol.s3.documents.object_lock import (
    HOLDS,
    MODES,
    ObjectLock,
    default_document,
    dump_default,
    dump_lock,
    load_default,
    load_lock,
    read_default,
    read_until,
    write_until,
)
from coskit.protocol.s3.extra_operations import BYPASS_GOVERNANCE
from coskit.server.handlers.access.authorization import is_allowed_in_bucket
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.versions import find_object
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.model import Bucket, Version

SETTING = "object-lock"
HOLD_HEADER = "x-amz-object-lock-legal-hold"


async def put_object_lock_configuration(ctx: Context) -> Reply:
    """Enable object lock for a bucket, permanently, and set the default for new versions."""
    default = read_default(ctx.params["ObjectLockConfiguration"])
    await ctx.store.index.update_bucket(
        ctx.bucket.name, config={SETTING: dump_default(default)}, condition=_require_versioning
    )
    return Reply()


async def get_object_lock_configuration(ctx: Context) -> Reply:
    """Return whether a bucket has object lock, and its default."""
    if SETTING not in ctx.bucket.config:
        raise ObjectLockConfigurationNotFoundError
    return Reply(default_document(load_default(ctx.bucket.config[SETTING])))


async def put_object_retention(ctx: Context) -> Reply:
    """Replace the retention of a version; lengthening it needs no further right."""
    _require_lock(ctx.bucket)
    asked = ctx.params["Retention"]
    mode, until = asked.get("Mode", ""), asked.get("RetainUntilDate", "")
    if bool(mode) != bool(until) or mode not in ("", *MODES):
        raise MalformedXML("A retention needs a Mode of GOVERNANCE or COMPLIANCE, and a date")
    end = read_until(until, ctx.now) if until else 0
    bypass = bypasses_governance(ctx, ctx.key)
    await _change_lock(ctx, lambda lock: lock.retained(mode, end, ctx.now, bypass=bypass))
    return Reply()


async def get_object_retention(ctx: Context) -> Reply:
    """Return the retention of a version."""
    lock = _current_lock(ctx)
    if not lock.mode:
        raise NoSuchObjectLockConfiguration
    return Reply({"Mode": lock.mode, "RetainUntilDate": write_until(lock.until)})


async def put_object_legal_hold(ctx: Context) -> Reply:
    """Set or clear the legal hold of a version."""
    _require_lock(ctx.bucket)
    status = ctx.params["LegalHold"].get("Status", "")
    if status not in HOLDS:
        raise MalformedXML("The Status of a legal hold must be ON or OFF")
    await _change_lock(ctx, lambda lock: ObjectLock(lock.mode, lock.until, status))
    return Reply()


async def get_object_legal_hold(ctx: Context) -> Reply:
    """Return the legal hold of a version."""
    lock = _current_lock(ctx)
    if not lock.hold:
        raise NoSuchObjectLockConfiguration
    return Reply({"Status": lock.hold})


def new_bucket_lock(ctx: Context) -> dict[str, str]:
    """Return the setting of a new bucket with object lock; empty for a bucket without it.

    Raises:
        InvalidArgument: the header is neither `true` nor `false`.
    """
    text = str(ctx.params.get("ObjectLockEnabledForBucket", "false")).strip().lower()
    if text not in ("true", "false"):
        raise InvalidArgument("x-amz-bucket-object-lock-enabled must be true or false")
    return {SETTING: dump_default(None)} if text == "true" else {}


def refuse_suspension_under_lock(bucket: Bucket) -> None:
    """Refuse to suspend versioning in a bucket with object lock.

    Raises:
        InvalidBucketState: the bucket has object lock.
    """
    if SETTING in bucket.config:
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket,"
            " so the versioning state cannot be changed."
        )


def new_lock(ctx: Context) -> str | None:
    """Return the lock of a new version: the request's, or else the bucket's default.

    Raises:
        InvalidRequest: the request asks for a lock, and the bucket has no object lock.
        InvalidArgument: a value is wrong, or one of mode and date is missing.
    """
    params = ctx.params
    mode, until = params.get("ObjectLockMode", ""), params.get("ObjectLockRetainUntilDate", "")
    hold = params.get("ObjectLockLegalHoldStatus", "")
    setting = ctx.bucket.config.get(SETTING)
    if setting is None:
        if mode or until or hold:
            raise InvalidRequest("Bucket is missing Object Lock Configuration")
        return None
    if bool(mode) != bool(until):
        raise InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
    if mode not in ("", *MODES):
        raise InvalidArgument("Unknown wormMode directive")
    if hold not in ("", *HOLDS):
        raise InvalidArgument("Legal Hold must be either of 'ON' or 'OFF'")
    end = read_until(until, ctx.now) if until else 0
    return dump_lock(ObjectLock(mode, end, hold), load_default(setting))


def lock_headers(version: Version) -> dict[str, str]:
    """Return the headers that describe the lock of a version."""
    if version.lock is None:
        return {}
    lock = load_lock(version.lock, version.modified)
    headers = {HOLD_HEADER: lock.hold} if lock.hold else {}
    if lock.mode:
        headers["x-amz-object-lock-mode"] = lock.mode
        headers["x-amz-object-lock-retain-until-date"] = write_until(lock.until)
    return headers


def refuse_locked(version: Version, now: int, *, bypass: bool = False) -> None:
    """Refuse to delete a locked version.

    Args:
        version: the version that would be deleted for good.
        now: milliseconds since 1970.
        bypass: whether the request bypasses governance, with the right to do so.

    Raises:
        ObjectLocked: the version is locked.
    """
    if version.lock is None:
        return
    if load_lock(version.lock, version.modified).protects(now, bypass=bypass):
        raise ObjectLocked("Access Denied because object protected by object lock.")


def deletion_condition(ctx: Context) -> WriteCondition:
    """Return a condition that refuses locked versions, for the commit of deletions."""

    def may_delete(version: Version | None) -> None:
        if version is not None and version.lock is not None:
            refuse_locked(version, ctx.now, bypass=bypasses_governance(ctx, version.key))

    return may_delete


def lifecycle_lock_condition(clock: Callable[[], float] = time.time) -> WriteCondition:
    """Return a condition that refuses locked versions, for the commit of background jobs.

    Args:
        clock: returns seconds since 1970.
    """

    def may_delete(version: Version | None) -> None:
        if version is not None:
            refuse_locked(version, int(clock() * 1000))

    return may_delete


def bypasses_governance(ctx: Context, key: str) -> bool:
    """Return whether a request bypasses governance, with the right to do so.

    Raises:
        InvalidArgument: the header is neither `true` nor `false`.
    """
    text = str(ctx.params.get("BypassGovernanceRetention", "")).strip().lower()
    if text in ("", "false"):
        return False
    if text != "true":
        raise InvalidArgument("x-amz-bypass-governance-retention must be true or false")
    return is_allowed_in_bucket(ctx.principal, BYPASS_GOVERNANCE, ctx.store, ctx.bucket, key)


async def _change_lock(ctx: Context, change: Callable[[ObjectLock], ObjectLock]) -> None:
    """Change the lock of a version as it is in the commit."""
    named = ctx.params.get("VersionId")
    find_object(ctx)

    def revise(version: Version) -> Mapping[str, Any]:
        return {"lock": dump_lock(change(load_lock(version.lock, version.modified)))}

    await ctx.store.index.update_version(ctx.bucket.id, ctx.key, named, revise)


def _current_lock(ctx: Context) -> ObjectLock:
    _require_lock(ctx.bucket)
    version = find_object(ctx)
    return load_lock(version.lock, version.modified)


def _require_lock(bucket: Bucket) -> None:
    if SETTING not in bucket.config:
        raise InvalidRequest("Bucket is missing Object Lock Configuration")


def refuse_lock_when_suspended(bucket: Bucket) -> None:
    """Refuse object lock in a bucket whose versioning is suspended.

    Raises:
        InvalidBucketState: versioning is suspended.
    """
    if bucket.versioning == "Suspended":
        raise InvalidBucketState("Versioning is suspended, so the bucket cannot have object lock")


def _require_versioning(bucket: Bucket) -> None:
    if bucket.versioning != "Enabled":
        raise InvalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
