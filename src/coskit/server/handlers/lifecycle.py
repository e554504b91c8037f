"""The lifecycle rules of a bucket, as requests see them; `server.jobs` carries them out."""

from coskit.protocol.errors import NoSuchLifecycleConfiguration
from coskit.protocol.lifecycle import dump_rules, load_document
from coskit.server.handlers.context import Context, Reply

CONFIG = "lifecycle"


async def put_bucket_lifecycle(ctx: Context) -> Reply:
    """Replace the rules."""
    text = dump_rules(ctx.params["LifecycleConfiguration"])
    await ctx.store.update_bucket(ctx.bucket.name, config={CONFIG: text})
    return Reply()


async def get_bucket_lifecycle(ctx: Context) -> Reply:
    """Return the rules."""
    text = ctx.bucket.config.get(CONFIG)
    if text is None:
        raise NoSuchLifecycleConfiguration
    return Reply(load_document(text))


async def delete_bucket_lifecycle(ctx: Context) -> Reply:
    """Remove the rules, if there are any."""
    await ctx.store.update_bucket(ctx.bucket.name, config={CONFIG: None})
    return Reply()
