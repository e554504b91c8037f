"""PUT of whole objects."""

from dataclasses import replace

from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.server.handlers.body.checksums import checksum_headers
from coskit.server.handlers.body.request_body import new_version, receive
from coskit.server.handlers.body.server_side_encryption import encryption_headers, requested_key
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.expiration import expiration_header
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.store.model import Version


async def put_object(ctx: Context) -> Reply:
    """Store an object, in one step, in place of an older one."""
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


def _new_version_header(version: Version) -> dict[str, str]:
    return {} if version.version_id == "null" else {"x-cos-version-id": version.version_id}
