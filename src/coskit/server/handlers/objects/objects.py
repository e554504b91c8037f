"""Whole objects: put, get, head, copy, delete."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coskit.protocol.bucket.restore import load_job, restore_headers
from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.conditional_headers import SOURCE_OWNER
from coskit.protocol.codec.dates import http_date, plain_date
from coskit.protocol.codec.ranges import ByteRange, check_conditions, parse_range, same_as_before
from coskit.protocol.errors import (
    AccessDenied,
    EntityTooLarge,
    InvalidArgument,
    InvalidRequest,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
)
from coskit.protocol.messages import is_header_name, unsendable
from coskit.protocol.model import Operation
from coskit.protocol.operations import GET_OBJECT, GET_OBJECT_TAGGING
from coskit.protocol.s3.checksums.algorithms import load_checksum
from coskit.protocol.s3.checksums.headers import asked_algorithm
from coskit.protocol.s3.extra_operations import GET_OBJECT_LEGAL_HOLD, GET_OBJECT_RETENTION
from coskit.server.handlers.access.authorization import (
    is_allowed,
    require_owner,
    require_permission,
)
from coskit.server.handlers.access.header_authorization import has_header_right
from coskit.server.handlers.access.header_rights import SET_TAGS
from coskit.server.handlers.access.object_lock import HOLD_HEADER, lock_headers
from coskit.server.handlers.access.referer import require_referer
from coskit.server.handlers.body.checksums import (
    checksum_fields,
    checksum_headers,
    range_checksum,
    read_checksum_headers,
    receive_with_checksum,
)
from coskit.server.handlers.body.encrypted_blocks import EncryptingReceiver, EncryptionKey
from coskit.server.handlers.body.first_chunk import prefetch_first_chunk
from coskit.server.handlers.body.request_body import MAX_BODY, new_version, receive, stored_headers
from coskit.server.handlers.body.server_side_encryption import (
    encryption_headers,
    plain_body,
    requested_key,
    required_key,
)
from coskit.server.handlers.body.traffic_limit import ThrottledBody, requested_rate
from coskit.server.handlers.buckets.listing import storage_tier
from coskit.server.handlers.context import Context, OutgoingBody, Reply
from coskit.server.handlers.object_state.expiration import expiration_header
from coskit.server.handlers.object_state.retry_replaced import retry_if_replaced
from coskit.server.handlers.object_state.tagging import dump_tags, load_tags, parse_tag_header
from coskit.server.handlers.object_state.versions import (
    find_object,
    find_version,
    named_version,
    refuse_marker,
    report_delete_marker,
)
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.handlers.objects.part_numbers import selected_part
from coskit.server.handlers.objects.restore import refuse_archived
from coskit.server.handlers.objects.symlinks import follow_link, is_link, link_headers
from coskit.server.store.model import Bucket, NewVersion, Version

MAX_DELETED = 1000
_OVERRIDES = {
    "ResponseCacheControl": "Cache-Control",
    "ResponseContentDisposition": "Content-Disposition",
    "ResponseContentEncoding": "Content-Encoding",
    "ResponseContentLanguage": "Content-Language",
    "ResponseContentType": "Content-Type",
    "ResponseExpires": "Expires",
}


async def put_object(ctx: Context) -> Reply:
    """Store an object; it appears whole, in place of an older one."""
    key = requested_key(ctx)
    new, condition = new_version(ctx, key), overwrite_condition(ctx)
    async with ctx.store.receive(ctx.body.length) as sink:
        stored, checksum = await receive(ctx, sink, key)
        if checksum:
            new = replace(new, checksums=checksum.dump())
        version = await ctx.store.put(ctx.bucket, ctx.key, stored, new, condition)
    return Reply(
        {
            "ETag": quote_etag(version.etag),
            "x-cos-hash-crc64ecma": str(version.crc64),
            **checksum_headers(ctx, checksum),
            **_new_version_header(version),
            **encryption_headers(key),
            **expiration_header(ctx, version),
        }
    )


@report_delete_marker
async def head_object(ctx: Context) -> Reply:
    """Describe an object; archived ones too."""
    version = find_object(ctx)
    seen: dict[str, str] = {}
    if is_link(version):
        seen = link_headers(ctx.bucket, version)
        ctx, version, _ = follow_link(ctx, version)
    key = required_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = object_headers(ctx, version) | encryption_headers(key) | seen
    if outcome == "not modified":
        return Reply(headers, status=304)
    headers |= _overridden_headers(ctx.params)
    if part := selected_part(ctx, version):
        return Reply(headers | part.headers | _range_headers(part.span, part.size), part.status)
    # Only the row of one dialect has a range here.
    span = _requested_range(ctx, version)
    if span:
        return Reply(headers | _range_headers(span, span.length), 206)
    headers |= read_checksum_headers(ctx, version)
    return Reply({**headers, "Content-Length": str(version.size)})


@report_delete_marker
@retry_if_replaced
async def get_object(ctx: Context) -> Reply:
    """Send an object, a range or a part of it."""
    named = named_version(ctx)
    version, inline = ctx.store.get(ctx.bucket, ctx.key, named)
    refuse_marker(ctx, version)
    seen: dict[str, str] = {}
    if is_link(version):
        seen = link_headers(ctx.bucket, version)
        ctx, version, inline = follow_link(ctx, version)
    refuse_archived(ctx, version)
    key = required_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = object_headers(ctx, version) | encryption_headers(key) | seen
    if outcome == "not modified":
        return Reply(headers, status=304)
    headers |= _overridden_headers(ctx.params)
    headers["Accept-Ranges"] = "bytes"
    part = selected_part(ctx, version)
    if part:
        span, length, status = part.span, part.size, part.status
        headers |= part.headers
    else:
        span = _requested_range(ctx, version)
        length, status = (span.length, 206) if span else (version.size, 200)
        if span is None:
            headers |= read_checksum_headers(ctx, version)
    first, rate = span.first if span else 0, requested_rate(ctx)
    headers |= _range_headers(span, length)
    body: bytes | OutgoingBody
    if inline is not None:
        body = inline[first : first + length]
    else:
        body = await prefetch_first_chunk(plain_body(ctx, version, first, length, key))
    return Reply(headers, status, ThrottledBody(body, rate) if rate else body)


def _requested_range(ctx: Context, version: Version) -> ByteRange | None:
    """Return the range of a version that a request asks for, or None if it is to have all of it.

    Raises:
        InvalidRange: the version has no such bytes.
    """
    if "Range" not in ctx.params:
        return None
    if "if-range" in ctx.headers:
        if not same_as_before(ctx.headers, version.etag, version.modified):
            return None
    return parse_range(ctx.params["Range"], version.size)


def _range_headers(span: ByteRange | None, length: int) -> dict[str, str]:
    """Return the headers that tell which bytes are sent."""
    told = {"Content-Length": str(length)}
    return {**told, "Content-Range": span.content_range} if span else told


def _overridden_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that response-* parameters put in place of stored ones."""
    asked = {header: params[name] for name, header in _OVERRIDES.items() if name in params}
    for header, text in asked.items():
        if unsendable(text):
            raise InvalidArgument(f"response-{header.lower()} holds a control character")
    return asked


@retry_if_replaced
async def copy_object(ctx: Context) -> Reply:
    """Copy an object, without moving its bytes unless another key is to seal them."""
    source_bucket, source = find_source(ctx)
    if source.size > MAX_BODY:
        raise EntityTooLarge("A source above 5 GB is copied in parts")
    opener = required_key(ctx, source.sealing, "CopySource")
    key = requested_key(ctx)
    new = _new_copy(ctx, source_bucket, source, key)
    same_place = (source_bucket.name, source.key) == (ctx.bucket.name, ctx.key)
    replaced = ctx.params.get("CopyStatus") == "Replaced"
    same_class = new.storage_class == source.storage_class
    alike = (
        same_class
        and key == opener
        and not (ctx.rules.allows_restating_copy and _names_new_settings(ctx.params))
    )
    if same_place and not replaced and alike:
        raise InvalidRequest("A copy onto itself needs x-cos-metadata-directive Replaced")
    condition = overwrite_condition(ctx)
    algorithm, old = asked_algorithm(ctx.headers), load_checksum(source.checksums)
    if key == opener:
        sums = await range_checksum(ctx, source, 0, source.size, opener, algorithm)
        new = replace(new, checksums=sums)
        version = await ctx.store.copy(ctx.bucket, ctx.key, source, new, condition)
    else:
        algorithm = algorithm or (old.algorithm if old else None)
        async with ctx.store.receive(source.size) as sink:
            body = plain_body(ctx, source, 0, source.size, opener)
            stored, sums = await receive_with_checksum(
                body, EncryptingReceiver(sink, key) if key else sink, algorithm
            )
            new = replace(new, checksums=sums)
            version = await ctx.store.put(ctx.bucket, ctx.key, stored, new, condition)
    result: dict[str, Any] = {
        "ETag": quote_etag(version.etag),
        "CRC64": str(version.crc64),
        "LastModified": plain_date(version.modified),
        **checksum_fields(ctx, load_checksum(version.checksums)),
        **source_version_header(ctx),
        **encryption_headers(key),
    }
    if version.version_id != "null":
        result["VersionId"] = version.version_id
    return Reply(result)


def _names_new_settings(params: Mapping[str, Any]) -> bool:
    """Return whether a copy says of its own what else it is to be, even if that is nothing new."""
    return any(name in params for name in ("StorageClass", "ServerSideEncryption"))


def _new_copy(
    ctx: Context, bucket: Bucket, source: Version, key: EncryptionKey | None
) -> NewVersion:
    """Return what a copy is to be: class and ACL as asked, the rest as the directives say.

    Raises:
        AccessDenied: the source has tags, and the caller may not read them there or set them here.
    """
    asked = new_version(ctx, key)
    headers: Mapping[str, str] = source.headers
    if ctx.params.get("CopyStatus") == "Replaced":
        headers = stored_headers(ctx.params)
    tags = source.tags
    if ctx.params.get("TaggingDirective") == "Replaced":
        given = parse_tag_header(ctx.params["Tagging"]) if "Tagging" in ctx.params else ()
        tags = dump_tags(given) if given else None
    elif tags:
        _require_tag_rights(ctx, bucket, source)
    return replace(asked, headers=headers, tags=tags)


def _require_tag_rights(ctx: Context, bucket: Bucket, source: Version) -> None:
    """Let pass who may take the tags of a source to its copy."""
    named = source.version_id if "VersionId" in ctx.params["CopySource"] else None
    if not (
        is_allowed(ctx.principal, GET_OBJECT_TAGGING, ctx.store, bucket, source.key, named)
        and has_header_right(ctx.principal, ctx.operation, SET_TAGS, ctx.store, ctx.bucket, ctx.key)
    ):
        raise AccessDenied("The source has tags, which need rights to read and to set them")


def find_source(ctx: Context) -> tuple[Bucket, Version]:
    """Return the object that a copy reads, with its bucket.

    Raises:
        NoSuchBucket: the source's bucket does not exist.
        NoSuchKey: the source does not exist.
        InvalidRequest: the version that was named is a delete marker.
        SymlinkTargetNotExist: the source is a link to nothing.
        AccessDenied: the caller may not read it, or expects its bucket to be another account's.
        PreconditionFailed: a condition on the source does not hold.
    """
    place = ctx.params["CopySource"]
    bucket = ctx.store.bucket(place["Bucket"])
    key, version_id = place["Key"], place.get("VersionId")
    require_referer(ctx.principal, bucket)
    require_permission(ctx.principal, GET_OBJECT, ctx.store, bucket, key, version_id)
    require_owner(bucket, ctx.headers.get(SOURCE_OWNER))
    version = find_version(ctx.store, bucket, key, version_id)
    if version.is_marker:
        raise InvalidRequest("The source is a delete marker")
    if is_link(version):
        there, version, _ = follow_link(replace(ctx, target=bucket), version)
        bucket = there.bucket
    refuse_archived(ctx, version)
    met = check_conditions(ctx.headers, version.etag, version.modified, "x-cos-copy-source-")
    if met != "met":
        raise PreconditionFailed("A condition on the copy source does not hold")
    return bucket, version


def source_version_header(ctx: Context) -> dict[str, str]:
    """Return the header that tells the source's version, if one was named."""
    named = ctx.params["CopySource"].get("VersionId")
    return {"x-cos-copy-source-version-id": named} if named else {}


def object_headers(ctx: Context, version: Version) -> dict[str, Any]:
    """Return the headers that describe a version, its stored ones among them."""
    headers: dict[str, Any] = {
        "Content-Type": "application/octet-stream",
        **sendable_headers(version.headers),
        "ETag": quote_etag(version.etag),
        "Last-Modified": http_date(version.modified),
        "x-cos-hash-crc64ecma": str(version.crc64),
        "x-cos-object-type": "appendable" if version.appendable else "normal",
    }
    if version.storage_class != "STANDARD":
        headers["x-cos-storage-class"] = version.storage_class
    if tier := storage_tier(version.storage_class):
        headers["x-cos-storage-tier"] = tier
    if version.restore:
        headers |= restore_headers(version.storage_class, load_job(version.restore), ctx.now)
    if ctx.bucket.versioning:
        headers["x-cos-version-id"] = version.version_id
    if version.lock:
        headers |= _readable_lock_headers(ctx, version)
    headers |= expiration_header(ctx, version)
    if version.tags and ctx.rules.returns_tag_count and _may_read(ctx, GET_OBJECT_TAGGING, version):
        headers["x-amz-tagging-count"] = str(len(load_tags(version.tags)))
    return headers


def sendable_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return stored headers as an answer can have them: older versions stored others too."""
    plain = "".join((*headers, *headers.values()))
    if plain.isascii() and plain.isprintable():
        return headers
    return {
        name: "".join(" " if unsendable(sign) else sign for sign in text)
        for name, text in headers.items()
        if is_header_name(name)
    }


def _readable_lock_headers(ctx: Context, version: Version) -> dict[str, str]:
    """Return the headers on what locks a version that the caller may read."""
    told = lock_headers(version)
    if not _may_read(ctx, GET_OBJECT_RETENTION, version):
        told = {name: text for name, text in told.items() if name == HOLD_HEADER}
    if HOLD_HEADER in told and not _may_read(ctx, GET_OBJECT_LEGAL_HOLD, version):
        del told[HOLD_HEADER]
    return told


def _may_read(ctx: Context, right: Operation, version: Version) -> bool:
    """Return whether a reader of an object may know what is a right of its own to read."""
    named = ctx.params.get("VersionId")
    try:
        return is_allowed(ctx.principal, right, ctx.store, ctx.bucket, version.key, named)
    except (AccessDenied, NoSuchKey, NoSuchVersion):  # gone meanwhile
        return False


def _new_version_header(version: Version) -> dict[str, str]:
    return {} if version.version_id == "null" else {"x-cos-version-id": version.version_id}
