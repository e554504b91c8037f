"""Multipart uploads: create, add parts, list them, complete, abort."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.dates import listing_date, plain_date
from coskit.protocol.codec.ranges import parse_copy_range
from coskit.protocol.codec.xml.document import items, writable
from coskit.protocol.endpoint import encode_path
from coskit.protocol.errors import EntityTooLarge, InvalidArgument, MalformedXML, NoSuchUpload
from coskit.protocol.s3.checksums.algorithms import HEADER, load_checksum, load_requested_checksum
from coskit.protocol.s3.checksums.headers import requested_checksum
from coskit.server.handlers.body.checksums import (
    checksum_fields,
    checksum_headers,
    part_checksum_fields,
    range_checksum,
    receive_with_checksum,
    upload_checksum_fields,
)
from coskit.server.handlers.body.encrypted_blocks import EncryptingReceiver, EncryptionKey
from coskit.server.handlers.body.part_checksums import completion_checksum
from coskit.server.handlers.body.request_body import MAX_BODY, new_version, receive
from coskit.server.handlers.body.server_side_encryption import (
    customer_key,
    encryption_headers,
    plain_body,
    requested_key,
    required_key,
)
from coskit.server.handlers.buckets.listing import owner_fields, page_limit
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.handlers.objects.copy import find_source, source_version_header
from coskit.server.handlers.objects.part_numbers import MAX_PART_NUMBER
from coskit.server.store.model import Version
from coskit.server.store.part_layout import completed_from


async def create_multipart_upload(ctx: Context) -> Reply:
    """Begin an upload; its properties apply at completion."""
    key = requested_key(ctx)
    new, asked = new_version(ctx, key), requested_checksum(ctx.headers)
    new = replace(new, initiator=ctx.principal.account or "")
    requested: dict[str, str] = {}
    if asked:
        new = replace(new, checksums=asked.dump())
        requested = {f"{HEADER}algorithm": asked.algorithm.name, f"{HEADER}type": asked.kind}
    upload = await ctx.store.index.begin_upload(ctx.bucket.id, ctx.key, new)
    place = {"Bucket": ctx.bucket.name, "Key": writable(ctx.key)}
    return Reply({**place, "UploadId": upload.upload_id, **requested, **encryption_headers(key)})


async def upload_part(ctx: Context) -> Reply:
    """Store one part."""
    number, upload_id = _part_number(ctx), ctx.params["UploadId"]
    # Checked early, so that no body is received in vain.
    upload = ctx.store.index.upload(ctx.bucket.id, ctx.key, upload_id)
    key = required_key(ctx, upload.sealing)
    async with ctx.store.receive(ctx.body.length, inline=False) as sink:
        stored, checksum = await receive(ctx, sink, key, load_requested_checksum(upload.checksums))
        text = checksum.dump() if checksum else None
        part = await ctx.store.put_part(ctx.bucket, ctx.key, upload_id, number, stored, text)
    checksums = checksum_headers(ctx, checksum)
    checksums.pop(f"{HEADER}type", None)
    sums = {"ETag": quote_etag(part.etag), "x-cos-hash-crc64ecma": str(part.crc64)}
    return Reply({**sums, **checksums, **encryption_headers(key)})


async def upload_part_copy(ctx: Context) -> Reply:
    """Store a part that is copied from an object or a range of it."""
    number, upload_id = _part_number(ctx), ctx.params["UploadId"]
    upload = ctx.store.index.upload(ctx.bucket.id, ctx.key, upload_id)
    _, source = find_source(ctx)
    key = required_key(ctx, upload.sealing)
    opener = required_key(ctx, source.sealing, "CopySource")
    span = parse_copy_range(ctx.params.get("CopySourceRange", ""), source.size)
    first, length = (span.first, span.length) if span else (0, source.size)
    if length > MAX_BODY:
        raise EntityTooLarge("A part must be at most 5 GB")
    place = (ctx.bucket, ctx.key, upload_id, number)
    asked = load_requested_checksum(upload.checksums)
    algorithm = asked.algorithm if asked else None
    if key is None and opener is None:
        text = await range_checksum(ctx, source, first, length, None, algorithm)
        part = await ctx.store.copy_part(*place, source, first, length, text)
    else:
        async with ctx.store.receive(length, inline=False) as sink:
            body = plain_body(ctx, source, first, length, opener)
            stored, text = await receive_with_checksum(
                body, EncryptingReceiver(sink, key) if key else sink, algorithm
            )
            part = await ctx.store.put_part(*place, stored, text)
    return Reply(
        {
            "ETag": quote_etag(part.etag),
            "LastModified": plain_date(part.modified),
            **part_checksum_fields(ctx, part),
            **source_version_header(ctx),
            **encryption_headers(key),
        }
    )


async def list_parts(ctx: Context) -> Reply:
    """List the parts of an upload by number."""
    limit = page_limit(ctx.params.get("MaxParts", 1000), "MaxParts")
    marker = ctx.params.get("PartNumberMarker", 0)
    page = await ctx.store.index.list_parts(
        ctx.bucket.id, ctx.key, ctx.params["UploadId"], marker, limit
    )
    owner = owner_fields(page.upload.owner)
    encoded = ctx.params.get("EncodingType") == "url"
    result: dict[str, Any] = {
        "Bucket": ctx.bucket.name,
        "EncodingType": "url" if encoded else None,
        "Key": ctx.key if encoded else writable(ctx.key),
        "UploadId": page.upload.upload_id,
        "Owner": owner,
        "PartNumberMarker": str(marker),
        "Initiator": owner_fields(page.upload.initiator or page.upload.owner),
        "StorageClass": page.upload.storage_class,
        "MaxParts": str(limit),
        "IsTruncated": "true" if page.truncated else "false",
        "Part": [
            {
                "PartNumber": str(part.number),
                "LastModified": listing_date(part.modified),
                "ETag": quote_etag(part.etag),
                "Size": str(part.size),
                **part_checksum_fields(ctx, part),
            }
            for part in page.entries
        ],
    }
    if ctx.rules.returns_checksums:
        result |= upload_checksum_fields(page.upload)
    if page.truncated:
        result["NextPartNumberMarker"] = str(page.next_marker)
    return Reply(result)


async def complete_multipart_upload(ctx: Context) -> Reply:
    """Join the listed parts into an object, in one step."""
    listed = items(ctx.params["MultipartUpload"], "Part")
    if not all("PartNumber" in part and part.get("ETag") for part in listed):
        raise MalformedXML("Each Part needs PartNumber and ETag")
    try:
        version, key = await _complete(ctx, listed)
    except NoSuchUpload:
        # The response to an earlier request may have been lost.
        live = (
            ctx.store.index.find(ctx.bucket.id, ctx.key)
            if ctx.rules.allows_repeated_completion
            else None
        )
        if live is None or completed_from(live) != ctx.params["UploadId"]:
            raise
        version, key = live, None
    result = {
        "Location": ctx.origin + encode_path(ctx.path),
        "Bucket": ctx.bucket.name,
        "Key": writable(ctx.key),
        "ETag": quote_etag(version.etag),
        "x-cos-hash-crc64ecma": str(version.crc64),
        **checksum_fields(ctx, load_checksum(version.checksums)),
        **encryption_headers(key, version.sealing),
    }
    if ctx.bucket.versioning:
        result["x-cos-version-id"] = version.version_id
    return Reply(result)


async def _complete(
    ctx: Context, listed: Sequence[Mapping[str, Any]]
) -> tuple[Version, EncryptionKey | None]:
    """Return the object that an upload becomes, and the customer key that encrypts it."""
    upload = ctx.store.index.upload(ctx.bucket.id, ctx.key, ctx.params["UploadId"])
    key = required_key(ctx, upload.sealing) if customer_key(ctx.params) else None
    version = await ctx.store.index.complete_upload(
        ctx.bucket.id,
        ctx.key,
        ctx.params["UploadId"],
        [(part["PartNumber"], part["ETag"].strip().strip('"')) for part in listed],
        ctx.rules.min_part_size,
        overwrite_condition(ctx),
        gaps=ctx.rules.allows_part_gaps,
        finish=completion_checksum(ctx, listed),
    )
    return version, key


async def abort_multipart_upload(ctx: Context) -> Reply:
    """Abort an upload and delete its parts."""
    await ctx.store.index.abort_upload(ctx.bucket.id, ctx.key, ctx.params["UploadId"])
    return Reply()


def _part_number(ctx: Context) -> int:
    number: int = ctx.params["PartNumber"]
    if not 1 <= number <= MAX_PART_NUMBER:
        raise InvalidArgument(f"partNumber must be 1 to {MAX_PART_NUMBER}")
    return number
