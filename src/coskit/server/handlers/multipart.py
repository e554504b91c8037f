"""Multipart uploads: begin, add parts, list them, complete, abort."""

from typing import Any

from coskit.protocol.checksums import quote_etag
from coskit.protocol.dates import listing_date, plain_date
from coskit.protocol.endpoint import encode_path
from coskit.protocol.errors import EntityTooLarge, InvalidArgument, MalformedXML
from coskit.protocol.ranges import parse_copy_range
from coskit.protocol.xml import items, writable
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.encryption import (
    customer_key,
    encryption_headers,
    needed_key,
    opened,
    requested_key,
)
from coskit.server.handlers.incoming import MAX_BODY, new_version, receive
from coskit.server.handlers.listing import owner_fields, page_limit
from coskit.server.handlers.objects import find_source, source_version_header
from coskit.server.handlers.overwriting import overwrite_condition
from coskit.server.handlers.replaced import reads_the_latest
from coskit.server.handlers.sealing import Sealer, pour

MAX_PART_NUMBER = 10_000


async def create_multipart_upload(ctx: Context) -> Reply:
    """Begin an upload; what is said of the object here applies at completion."""
    key = requested_key(ctx)
    upload = await ctx.store.begin_upload(ctx.bucket, ctx.key, new_version(ctx, key))
    place = {"Bucket": ctx.bucket.name, "Key": writable(ctx.key)}
    return Reply({**place, "UploadId": upload.upload_id, **encryption_headers(key)})


async def upload_part(ctx: Context) -> Reply:
    """Store one part."""
    number, upload_id = _part_number(ctx), ctx.params["UploadId"]
    # Refused here, a body of gigabytes is not taken in for nothing.
    upload = ctx.store.upload(ctx.bucket, ctx.key, upload_id)
    key = needed_key(ctx, upload.sealing)
    async with ctx.store.receive(ctx.body.length, inline=False) as sink:
        stored = await receive(ctx, sink, key)
        part = await ctx.store.put_part(ctx.bucket, ctx.key, upload_id, number, stored)
    sums = {"ETag": quote_etag(part.etag), "x-cos-hash-crc64ecma": str(part.crc64)}
    return Reply({**sums, **encryption_headers(key)})


@reads_the_latest
async def upload_part_copy(ctx: Context) -> Reply:
    """Make a part from an object or a range of it."""
    number, upload_id = _part_number(ctx), ctx.params["UploadId"]
    upload = ctx.store.upload(ctx.bucket, ctx.key, upload_id)
    _, source = find_source(ctx)
    key = needed_key(ctx, upload.sealing)
    opener = needed_key(ctx, source.sealing, "CopySource")
    span = parse_copy_range(ctx.params.get("CopySourceRange", ""), source.size)
    first, length = (span.first, span.length) if span else (0, source.size)
    if length > MAX_BODY:
        raise EntityTooLarge("A part is at most 5 GB")
    place = (ctx.bucket, ctx.key, upload_id, number)
    if key is None and opener is None:
        part = await ctx.store.copy_part(*place, source, first, length)
    else:
        async with ctx.store.receive(length, inline=False) as sink:
            body = opened(ctx, source, first, length, opener)
            stored = await pour(body, Sealer(sink, key) if key else sink)
            part = await ctx.store.put_part(*place, stored)
    return Reply(
        {
            "ETag": quote_etag(part.etag),
            "LastModified": plain_date(part.modified),
            **source_version_header(ctx, source),
            **encryption_headers(key),
        }
    )


async def list_parts(ctx: Context) -> Reply:
    """List the parts of an upload by number."""
    limit = page_limit(ctx.params.get("MaxParts", 1000), "MaxParts")
    marker = ctx.params.get("PartNumberMarker", 0)
    page = await ctx.store.parts(ctx.bucket, ctx.key, ctx.params["UploadId"], marker, limit)
    owner = owner_fields(page.upload.owner)
    encoded = ctx.params.get("EncodingType") == "url"
    result: dict[str, Any] = {
        "Bucket": ctx.bucket.name,
        "EncodingType": "url" if encoded else None,
        "Key": ctx.key if encoded else writable(ctx.key),
        "UploadId": page.upload.upload_id,
        "Owner": owner,
        "PartNumberMarker": str(marker),
        "Initiator": owner,
        "StorageClass": page.upload.storage_class,
        "MaxParts": str(limit),
        "IsTruncated": "true" if page.truncated else "false",
        "Part": [
            {
                "PartNumber": str(part.number),
                "LastModified": listing_date(part.modified),
                "ETag": quote_etag(part.etag),
                "Size": str(part.size),
            }
            for part in page.entries
        ],
    }
    if page.truncated:
        result["NextPartNumberMarker"] = str(page.next_marker)
    return Reply(result)


async def complete_multipart_upload(ctx: Context) -> Reply:
    """Join the listed parts; the object appears at once and whole."""
    listed = items(ctx.params["MultipartUpload"], "Part")
    if not all("PartNumber" in part and part.get("ETag") for part in listed):
        raise MalformedXML("Each Part needs PartNumber and ETag")
    upload = ctx.store.upload(ctx.bucket, ctx.key, ctx.params["UploadId"])
    key = needed_key(ctx, upload.sealing) if customer_key(ctx.params) else None
    version = await ctx.store.complete(
        ctx.bucket,
        ctx.key,
        ctx.params["UploadId"],
        [(part["PartNumber"], part["ETag"].strip().strip('"')) for part in listed],
        condition=overwrite_condition(ctx),
    )
    result = {
        "Location": ctx.origin + encode_path(ctx.path),
        "Bucket": ctx.bucket.name,
        "Key": writable(ctx.key),
        "ETag": quote_etag(version.etag),
        "x-cos-hash-crc64ecma": str(version.crc64),
        **encryption_headers(key, version.sealing),
    }
    if ctx.bucket.versioning:
        result["x-cos-version-id"] = version.version_id
    return Reply(result)


async def abort_multipart_upload(ctx: Context) -> Reply:
    """Give up an upload and free its parts."""
    await ctx.store.abort(ctx.bucket, ctx.key, ctx.params["UploadId"])
    return Reply()


def _part_number(ctx: Context) -> int:
    number: int = ctx.params["PartNumber"]
    if not 1 <= number <= MAX_PART_NUMBER:
        raise InvalidArgument(f"partNumber is 1 to {MAX_PART_NUMBER}")
    return number
