"""Copies of objects, and the source that a copy reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.conditional_headers import SOURCE_OWNER
from coskit.protocol.codec.dates import plain_date
from coskit.protocol.codec.ranges import check_conditions
from coskit.protocol.errors import AccessDenied, EntityTooLarge, InvalidRequest, PreconditionFailed
from coskit.protocol.operations import GET_OBJECT, GET_OBJECT_TAGGING
from coskit.protocol.s3.checksums.algorithms import load_checksum
from coskit.protocol.s3.checksums.headers import requested_algorithm
from coskit.server.handlers.access.authorization import (
    is_allowed,
    require_owner,
    require_permission,
)
from coskit.server.handlers.access.header_authorization import has_header_right
from coskit.server.handlers.access.header_rights import SET_TAGS
from coskit.server.handlers.access.referer import require_referer
from coskit.server.handlers.body.checksums import (
    checksum_fields,
    range_checksum,
    receive_with_checksum,
)
from coskit.server.handlers.body.encrypted_blocks import EncryptingReceiver, EncryptionKey
from coskit.server.handlers.body.request_body import MAX_BODY, new_version, stored_headers
from coskit.server.handlers.body.server_side_encryption import (
    encryption_headers,
    plain_body,
    requested_key,
    required_key,
)
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.storage_class import refuse_archived
from coskit.server.handlers.object_state.tagging import dump_tags, parse_tag_header
from coskit.server.handlers.object_state.versions import find_version
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.handlers.objects.symlinks import follow_link, is_link
from coskit.server.store.model import Bucket, NewVersion, Version


async def copy_object(ctx: Context) -> Reply:
    """Copy an object; its bytes are copied only if another key has to encrypt them."""
    source_bucket, source = find_source(ctx)
    if source.size > MAX_BODY:
        raise EntityTooLarge("A source above 5 GB must be copied in parts")
    opener = required_key(ctx, source.sealing, "CopySource")
    key = requested_key(ctx)
    new = _new_copy(ctx, source_bucket, source, key)
    # A copy of an older version brings it back, so it needs no other change.
    same_place = source.is_latest and (source_bucket.name, source.key) == (
        ctx.bucket.name,
        ctx.key,
    )
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
    algorithm, old = requested_algorithm(ctx.headers), load_checksum(source.checksums)
    if key == opener:
        sums = await range_checksum(ctx, source, 0, source.size, opener, algorithm)
        new = replace(new, checksums=sums)
        version = await ctx.store.index.copy_version(ctx.bucket.id, ctx.key, source, new, condition)
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
    """Return whether a copy names a storage class or an encryption, even an unchanged one."""
    return any(name in params for name in ("StorageClass", "ServerSideEncryption"))


def _new_copy(
    ctx: Context, bucket: Bucket, source: Version, key: EncryptionKey | None
) -> NewVersion:
    """Return the properties of a copy: class and ACL of the request, the rest by the directives.

    Raises:
        AccessDenied: the source has tags, and the principal may not read or set them.
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
    """Refuse to copy the tags of a source without the rights to read and to set them.

    Raises:
        AccessDenied: the principal lacks one of the rights.
    """
    named = source.version_id if "VersionId" in ctx.params["CopySource"] else None
    if not (
        is_allowed(ctx.principal, GET_OBJECT_TAGGING, ctx.store, bucket, source.key, named)
        and has_header_right(ctx.principal, ctx.operation, SET_TAGS, ctx.store, ctx.bucket, ctx.key)
    ):
        raise AccessDenied(
            "The source has tags; copying them needs the rights to read and to set tags"
        )


def find_source(ctx: Context) -> tuple[Bucket, Version]:
    """Return the object that a copy reads, with its bucket.

    Raises:
        NoSuchBucket: the source's bucket does not exist.
        NoSuchKey: the source does not exist.
        InvalidRequest: the named version is a delete marker.
        SymlinkTargetNotExist: the source is a link to an object that does not exist.
        AccessDenied: the principal may not read the source, or another account owns its bucket than
            the request expects.
        PreconditionFailed: a condition on the source is not met.
    """
    place = ctx.params["CopySource"]
    bucket = ctx.store.index.bucket(place["Bucket"])
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
        raise PreconditionFailed("A condition on the copy source is not met")
    return bucket, version


def source_version_header(ctx: Context) -> dict[str, str]:
    """Return the header with the source's version, if the request names one."""
    named = ctx.params["CopySource"].get("VersionId")
    return {"x-cos-copy-source-version-id": named} if named else {}
