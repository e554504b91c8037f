"""GET and HEAD of objects: whole, a range, or a part."""

from collections.abc import Mapping
from typing import Any

from coskit.protocol.codec.ranges import ByteRange, check_conditions, if_range_matches, parse_range
from coskit.protocol.errors import InvalidArgument, PreconditionFailed
from coskit.protocol.messages import unsendable
from coskit.server.handlers.body.checksums import read_checksum_headers
from coskit.server.handlers.body.first_chunk import prefetch_first_chunk
from coskit.server.handlers.body.server_side_encryption import (
    encryption_headers,
    plain_body,
    required_key,
)
from coskit.server.handlers.body.traffic_limit import ThrottledBody, requested_rate
from coskit.server.handlers.context import Context, OutgoingBody, Reply
from coskit.server.handlers.object_state.storage_class import refuse_archived
from coskit.server.handlers.object_state.versions import find_object, named_version, refuse_marker
from coskit.server.handlers.objects.part_numbers import selected_part
from coskit.server.handlers.objects.response_headers import object_headers
from coskit.server.handlers.objects.symlinks import follow_link, is_link, link_headers
from coskit.server.store.model import Version

_OVERRIDES = {
    "ResponseCacheControl": "Cache-Control",
    "ResponseContentDisposition": "Content-Disposition",
    "ResponseContentEncoding": "Content-Encoding",
    "ResponseContentLanguage": "Content-Language",
    "ResponseContentType": "Content-Type",
    "ResponseExpires": "Expires",
}


async def get_object(ctx: Context) -> Reply:
    """Return an object, a range or a part of it."""
    named = named_version(ctx)
    version, inline = ctx.store.get(ctx.bucket, ctx.key, named)
    refuse_marker(ctx, version)
    link: dict[str, str] = {}
    if is_link(version):
        link = link_headers(ctx.bucket, version)
        ctx, version, inline = follow_link(ctx, version)
    refuse_archived(ctx, version)
    key = required_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = object_headers(ctx, version) | encryption_headers(key) | link
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


async def head_object(ctx: Context) -> Reply:
    """Return an object's headers; archived objects too."""
    version = find_object(ctx)
    link: dict[str, str] = {}
    if is_link(version):
        link = link_headers(ctx.bucket, version)
        ctx, version, _ = follow_link(ctx, version)
    key = required_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = object_headers(ctx, version) | encryption_headers(key) | link
    if outcome == "not modified":
        return Reply(headers, status=304)
    headers |= _overridden_headers(ctx.params)
    if part := selected_part(ctx, version):
        return Reply(headers | part.headers | _range_headers(part.span, part.size), part.status)
    # Only the S3 row of HEAD has a Range.
    span = _requested_range(ctx, version)
    if span:
        return Reply(headers | _range_headers(span, span.length), 206)
    headers |= read_checksum_headers(ctx, version)
    return Reply({**headers, "Content-Length": str(version.size)})


def _requested_range(ctx: Context, version: Version) -> ByteRange | None:
    """Return the range of a version that a request asks for, or None for the whole version.

    Raises:
        InvalidRange: the version has no such bytes.
    """
    if "Range" not in ctx.params:
        return None
    if "if-range" in ctx.headers:
        if not if_range_matches(ctx.headers, version.etag, version.modified):
            return None
    return parse_range(ctx.params["Range"], version.size)


def _range_headers(span: ByteRange | None, length: int) -> dict[str, str]:
    """Return the headers with the length and the range of the body."""
    headers = {"Content-Length": str(length)}
    return {**headers, "Content-Range": span.content_range} if span else headers


def _overridden_headers(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that `response-*` parameters replace.

    Raises:
        InvalidArgument: a parameter holds a control character.
    """
    asked = {header: params[name] for name, header in _OVERRIDES.items() if name in params}
    for header, text in asked.items():
        if unsendable(text):
            raise InvalidArgument(f"response-{header.lower()} holds a control character")
    return asked
