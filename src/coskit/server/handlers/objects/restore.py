"""Restores of archived objects."""

from collections.abc import Mapping

from coskit.protocol.bucket.restore import dump_job, load_job, request_restore
from coskit.server.handlers.body.server_side_encryption import customer_key, required_key
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.versions import named_version
from coskit.server.store.model import Version


async def restore_object(ctx: Context) -> Reply:
    """Begin a restore, speed up a running one, or extend the time of a restored copy."""
    request = ctx.params["RestoreRequest"]
    tier = (request.get("CASJobParameters") or {}).get("Tier") or "Standard"
    status = 0

    def decide(version: Version) -> Mapping[str, str | None]:
        nonlocal status
        if customer_key(ctx.params):  # COS needs the key as for HEAD, S3 does not
            required_key(ctx, version.sealing)
        job, status = request_restore(
            version.storage_class,
            load_job(version.restore),
            tier.strip().capitalize(),
            request["Days"],
            ctx.now,
            ctx.restore_delays,
        )
        return {"restore": dump_job(job)}

    await ctx.store.index.update_version(ctx.bucket.id, ctx.key, named_version(ctx), decide)
    return Reply(status=status)
