"""Lifecycle rules of a bucket; `server.workers.lifecycle_job` applies them."""

from urllib.parse import quote

from coskit.protocol.bucket.lifecycle import expiry
from coskit.protocol.bucket.lifecycle_document import (
    SMALLEST_HEADER,
    dump_rules,
    load_document,
    load_rules,
    load_smallest,
)
from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import NoSuchLifecycleConfiguration
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.tagging import load_tags
from coskit.server.store.model import Version

CONFIG = "lifecycle"


async def put_bucket_lifecycle(ctx: Context) -> Reply:
    """Replace the rules."""
    smallest = ctx.params.get("TransitionDefaultMinimumObjectSize", "")
    text = dump_rules(ctx.params["LifecycleConfiguration"], smallest)
    await ctx.store.index.update_bucket(ctx.bucket.name, config={CONFIG: text})
    return Reply(_minimum_size_header(ctx, text))


async def get_bucket_lifecycle(ctx: Context) -> Reply:
    """Return the rules."""
    text = ctx.bucket.config.get(CONFIG)
    if text is None:
        raise NoSuchLifecycleConfiguration
    return Reply({**load_document(text), **_minimum_size_header(ctx, text)})


async def delete_bucket_lifecycle(ctx: Context) -> Reply:
    """Remove the rules; no error if there are none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={CONFIG: None})
    return Reply()


def _minimum_size_header(ctx: Context, text: str) -> dict[str, str]:
    """Return the header with the minimum size of objects that move, in a dialect that has it.

    Rules stored in the other dialect have no such size.
    """
    smallest = load_smallest(text)
    return {SMALLEST_HEADER: smallest} if smallest and ctx.rules.returns_expiration else {}


def expiration_header(ctx: Context, version: Version) -> dict[str, str]:
    """Return the header that says when a current object expires, in a dialect that has it."""
    if CONFIG not in ctx.bucket.config or not ctx.rules.returns_expiration or not version.is_latest:
        return {}
    rules = load_rules(ctx.bucket.config[CONFIG])
    due = expiry(rules, version.key, version.size, load_tags(version.tags), version.modified)
    if due is None:
        return {}
    moment, rule = due
    return {"x-amz-expiration": f'expiry-date="{http_date(moment)}", rule-id="{quote(rule)}"'}
