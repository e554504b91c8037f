"""Tags of objects and buckets: headers, documents, and the text that the store keeps."""

import json
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import InvalidTag, NoSuchTagSet
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.versions import find_object
from coskit.server.store.model import Bucket

MAX_TAGS = 10
MAX_BUCKET_TAGS = 50
_BUCKET_TAGS = "tagging"
_KEY = re.compile(r"[\w +\-=.:/@]{1,128}")
_VALUE = re.compile(r"[\w +\-=.:/@]{0,256}")

Tags = Sequence[tuple[str, str]]


def parse_tag_header(text: str, limit: int = MAX_TAGS) -> Tags:
    """Return the tags of an `x-cos-tagging` header, `key=value&key2=value2`.

    Args:
        text: the header's text.
        limit: the number of tags that are allowed.

    Raises:
        InvalidTag: the header is malformed, or a tag breaks the rules.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=100)
    except ValueError as cause:
        raise InvalidTag("x-cos-tagging is not of the form key=value&key2=value2") from cause
    return _check_tags(pairs, limit)


def _check_tags(tags: Tags, limit: int) -> Tags:
    if len(tags) > limit:
        raise InvalidTag(f"At most {limit} tags are allowed")
    if len({key for key, _ in tags}) < len(tags):
        raise InvalidTag("Two tags have the same key")
    for key, value in tags:
        if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
            raise InvalidTag(f"The tag {key[:40]!r} has an invalid character or length")
    return tags


def dump_tags(tags: Tags) -> str:
    """Return tags as the text that the store keeps."""
    return json.dumps(list(tags))


def load_tags(text: str | None) -> Tags:
    """Read what `dump_tags` wrote."""
    return [(key, value) for key, value in json.loads(text)] if text else []


async def put_object_tagging(ctx: Context) -> Reply:
    """Replace the tags of an object."""
    tags = _document_tags(ctx, MAX_TAGS)
    await ctx.store.index.update_version(
        ctx.bucket.id,
        ctx.key,
        ctx.params.get("VersionId"),
        {"tags": dump_tags(tags) if tags else None},
    )
    return Reply()


async def get_object_tagging(ctx: Context) -> Reply:
    """Return the tags of an object."""
    version = find_object(ctx)
    return _tag_document(load_tags(version.tags))


async def delete_object_tagging(ctx: Context) -> Reply:
    """Remove the tags of an object."""
    await ctx.store.index.update_version(
        ctx.bucket.id, ctx.key, ctx.params.get("VersionId"), {"tags": None}
    )
    return Reply()


def new_bucket_tags(ctx: Context) -> dict[str, str]:
    """Return the setting with the tags of a new bucket.

    Raises:
        InvalidTag: there are more than 50 tags, or a tag breaks the rules.
    """
    tags = (
        parse_tag_header(ctx.params["Tagging"], MAX_BUCKET_TAGS) if "Tagging" in ctx.params else ()
    )
    return {_BUCKET_TAGS: dump_tags(tags)} if tags else {}


def bucket_tags(bucket: Bucket) -> Tags:
    """Return the tags of a bucket."""
    return load_tags(bucket.config.get(_BUCKET_TAGS))


async def put_bucket_tagging(ctx: Context) -> Reply:
    """Replace the tags of a bucket."""
    tags = _document_tags(ctx, MAX_BUCKET_TAGS)
    await ctx.store.index.update_bucket(
        ctx.bucket.name, config={_BUCKET_TAGS: dump_tags(tags) if tags else None}
    )
    return Reply(status=204)


async def get_bucket_tagging(ctx: Context) -> Reply:
    """Return the tags of a bucket."""
    tags = bucket_tags(ctx.bucket)
    if not tags:
        raise NoSuchTagSet
    return _tag_document(tags)


async def delete_bucket_tagging(ctx: Context) -> Reply:
    """Remove the tags of a bucket; no error if there are none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={_BUCKET_TAGS: None})
    return Reply()


def _document_tags(ctx: Context, limit: int) -> Tags:
    pairs = items(ctx.params["Tagging"].get("TagSet"), "Tag")
    return _check_tags([(tag.get("Key", ""), tag.get("Value", "")) for tag in pairs], limit)


def _tag_document(tags: Tags) -> Reply:
    return Reply({"TagSet": {"Tag": [{"Key": key, "Value": value} for key, value in tags]}})
