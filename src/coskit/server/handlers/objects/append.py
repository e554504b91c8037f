"""Appends to an object, at the position where the object ends."""

from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.errors import InvalidArgument, NotImplementedOperation
from coskit.server.handlers.body.request_body import MAX_BODY, new_version, receive
from coskit.server.handlers.body.server_side_encryption import requested_key
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.store.index.changes.append import check_position

_CLASSES = frozenset(("STANDARD", "STANDARD_IA", "ARCHIVE"))


async def append_object(ctx: Context) -> Reply:
    """Append to an object, or create one at position 0; appends keep its properties."""
    new, position = new_version(ctx), ctx.params["Position"]
    if requested_key(ctx):
        raise NotImplementedOperation("Appendable objects cannot be encrypted")
    if new.storage_class.removeprefix("MAZ_") not in _CLASSES:
        raise InvalidArgument(
            f"Objects of the storage class {new.storage_class} cannot be appended to"
        )
    condition = overwrite_condition(ctx)
    # Checked early, so that no body is received in vain.
    check_position(ctx.store.index.find(ctx.bucket.id, ctx.key), position)
    async with ctx.store.receive(ctx.body.length) as sink:
        stored, _ = await receive(ctx, sink)
        version = await ctx.store.append(
            ctx.bucket, ctx.key, stored, new, position, limit=MAX_BODY, condition=condition
        )
    return Reply(
        {
            "ETag": quote_etag(version.etag),
            "x-cos-hash-crc64ecma": str(version.crc64),
            "x-cos-next-append-position": str(version.size),
        }
    )
