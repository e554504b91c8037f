"""Object lock: which buckets have it, what it says of new versions, and what it keeps."""

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
from coskit.server.store.interfaces.conditions import Condition
from coskit.server.store.model import Bucket, Version

SETTING = "object-lock"
HOLD_HEADER = "x-amz-object-lock-legal-hold"


async def put_object_lock_configuration(ctx: Context) -> Reply:
    """Give a bucket object lock, for good, and set the default for its new versions."""
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
    """Replace the retention of a version, which may be lengthened by all who may do this."""
    _require_lock(ctx.bucket)
    asked = ctx.params["Retention"]
    mode, until = asked.get("Mode", ""), asked.get("RetainUntilDate", "")
    if bool(mode) != bool(until) or mode not in ("", *MODES):
        raise MalformedXML("A retention has a Mode of GOVERNANCE or COMPLIANCE, and a date")
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
    """Put a legal hold on a version, or take it off."""
    _require_lock(ctx.bucket)
    status = ctx.params["LegalHold"].get("Status", "")
    if status not in HOLDS:
        raise MalformedXML("The Status of a legal hold is ON or OFF")
    await _change_lock(ctx, lambda lock: ObjectLock(lock.mode, lock.until, status))
    return Reply()


async def get_object_legal_hold(ctx: Context) -> Reply:
    """Return whether a version is under a legal hold."""
    lock = _current_lock(ctx)
    if not lock.hold:
        raise NoSuchObjectLockConfiguration
    return Reply({"Status": lock.hold})


def new_bucket_lock(ctx: Context) -> dict[str, str]:
    """Return the setting of a bucket that is to be created with object lock, else nothing.

    Raises:
        InvalidArgument: the header is neither `true` nor `false`.
    """
    text = str(ctx.params.get("ObjectLockEnabledForBucket", "false")).strip().lower()
    if text not in ("true", "false"):
        raise InvalidArgument("x-amz-bucket-object-lock-enabled is true or false")
    return {SETTING: dump_default(None)} if text == "true" else {}


def refuse_suspension_under_lock(bucket: Bucket) -> None:
    """Refuse to suspend versioning where locks need it.

    Raises:
        InvalidBucketState: the bucket has object lock.
    """
    if SETTING in bucket.config:
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket,"
            " so the versioning state cannot be changed."
        )


def new_lock(ctx: Context) -> str | None:
    """Return what is to protect a new version: as its request says, else as the bucket does.

    Raises:
        InvalidRequest: the request asks for a lock and the bucket has none.
        InvalidArgument: it has a mode without a date or the other way round, or a value is wrong.
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
    """Return the headers that tell what protects a version."""
    if version.lock is None:
        return {}
    lock = load_lock(version.lock, version.modified)
    headers = {HOLD_HEADER: lock.hold} if lock.hold else {}
    if lock.mode:
        headers["x-amz-object-lock-mode"] = lock.mode
        headers["x-amz-object-lock-retain-until-date"] = write_until(lock.until)
    return headers


def refuse_locked(version: Version, now: int, *, bypass: bool = False) -> None:
    """Refuse to let a version go that is protected.

    Args:
        version: that would be gone for good.
        now: milliseconds since 1970.
        bypass: whoever asks may set governance aside, and has said so.

    Raises:
        ObjectLocked: it is.
    """
    if version.lock is None:
        return
    if load_lock(version.lock, version.modified).protects(now, bypass=bypass):
        raise ObjectLocked("Access Denied because object protected by object lock.")


def deletion_condition(ctx: Context) -> Condition:
    """Return what looks, in the commit of deletions, at each version that would be gone."""

    def may_delete(version: Version | None) -> None:
        if version is not None and version.lock is not None:
            refuse_locked(version, ctx.now, bypass=bypasses_governance(ctx, version.key))

    return may_delete


def lifecycle_lock_condition(clock: Callable[[], float] = time.time) -> Condition:
    """Return what jobs ask, in the commit, of each version that they would let go.

    Args:
        clock: seconds since 1970.
    """

    def may_delete(version: Version | None) -> None:
        if version is not None:
            refuse_locked(version, int(clock() * 1000))

    return may_delete


def bypasses_governance(ctx: Context, key: str) -> bool:
    """Return whether a request says that governance is to be set aside, by one who may."""
    text = str(ctx.params.get("BypassGovernanceRetention", "")).strip().lower()
    if text in ("", "false"):
        return False
    if text != "true":
        raise InvalidArgument("x-amz-bypass-governance-retention is true or false")
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
    """Refuse object lock where versioning was suspended.

    Raises:
        InvalidBucketState: it was.
    """
    if bucket.versioning == "Suspended":
        raise InvalidBucketState("Versioning is suspended, so the bucket cannot have object lock")


def _require_versioning(bucket: Bucket) -> None:
    if bucket.versioning != "Enabled":
        raise InvalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
