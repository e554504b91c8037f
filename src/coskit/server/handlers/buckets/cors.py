"""CORS rules of a bucket: store them, respond to preflights, add headers to responses."""

from coskit.protocol.bucket.cors import (
    CorsRule,
    allow,
    dump_rules,
    header_list,
    load_document,
    load_rules,
)
from coskit.protocol.errors import (
    AccessForbidden,
    InvalidRequest,
    NoSuchBucket,
    NoSuchCORSConfiguration,
)
from coskit.protocol.messages import Request, Response
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.dialect_rules import DialectRules
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

CONFIG = "cors"
VARY = {"Vary": "Origin"}


async def put_bucket_cors(ctx: Context) -> Reply:
    """Replace the rules."""
    text = dump_rules(ctx.params["CORSConfiguration"])
    await ctx.store.index.update_bucket(ctx.bucket.name, config={CONFIG: text})
    return Reply()


async def get_bucket_cors(ctx: Context) -> Reply:
    """Return the rules."""
    text = ctx.bucket.config.get(CONFIG)
    if text is None:
        raise NoSuchCORSConfiguration
    return Reply(load_document(text))


async def delete_bucket_cors(ctx: Context) -> Reply:
    """Remove the rules, if there are any."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={CONFIG: None})
    return Reply()


def preflight(
    store: Store, bucket_name: str | None, request: Request, rules: DialectRules
) -> Response:
    """Respond to a preflight (OPTIONS), which is unsigned.

    Args:
        store: the store with the bucket.
        bucket_name: the name of the bucket that the request addresses, or None.
        request: the request as received.
        rules: the rules of the request's dialect.

    Raises:
        InvalidRequest: Origin or method is missing, in a dialect that refuses this.
        NoSuchBucket: the bucket does not exist.
        AccessForbidden: no rule of the bucket allows the origin, the method and the headers.
    """
    headers = request.headers
    asked = header_list(headers.get("access-control-request-headers", ""))
    method = headers.get("access-control-request-method", "")
    if rules.refuses_empty_preflight and not ("origin" in headers and method):
        raise InvalidRequest("A preflight needs Origin and Access-Control-Request-Method")
    shares = _bucket_rules(store.index.bucket(bucket_name)) if bucket_name else ()
    answer = allow(shares, headers.get("origin", ""), method, asked)
    if answer is None:
        raise AccessForbidden
    return Response(200, {**answer, **VARY})


def cors_headers(store: Store, bucket_name: str | None, request: Request) -> dict[str, str]:
    """Return the CORS headers of the response to an ordinary request, errors included."""
    if "origin" not in request.headers or not bucket_name:
        return {}
    try:
        rules = _bucket_rules(store.index.bucket(bucket_name))
    except NoSuchBucket:
        return {}
    if not rules:
        return {}
    # Browsers send this header in preflights only; in other requests it names the method too.
    method = request.headers.get("access-control-request-method", request.method)
    if request.method == "OPTIONS":
        method = request.method
    return {**VARY, **(allow(rules, request.headers["origin"], method) or {})}


def vary_header(bucket: Bucket | None) -> dict[str, str]:
    """Return the header that keeps caches from serving one origin's response to another."""
    return VARY if bucket is not None and CONFIG in bucket.config else {}


def _bucket_rules(bucket: Bucket) -> tuple[CorsRule, ...]:
    text = bucket.config.get(CONFIG)
    return load_rules(text) if text else ()
