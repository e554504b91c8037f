"""Settings of buckets that are stored and returned without effect, except object lock.

A website or a replication is left to software outside of this server. The server logs a warning at
the first use of each setting.
"""

import json
import logging
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import (
    CosServiceError,
    DomainConfigNotFoundError,
    IntelligentTieringConfigurationNotFoundError,
    InvalidArgument,
    MalformedXML,
    NoSuchInventoryConfiguration,
    NoSuchWebsiteConfiguration,
    NotImplementedOperation,
    ObjectLockConfigurationNotFoundError,
    OriginConfigNotFoundError,
    ReplicationConfigurationNotFoundError,
    TooManyConfigurations,
)
from coskit.protocol.s3.documents.object_lock import (
    default_document,
    dump_default,
    load_default,
    read_default,
)
from coskit.server.handlers.access.object_lock import SETTING as LOCK
from coskit.server.handlers.access.object_lock import refuse_lock_when_suspended
from coskit.server.handlers.buckets import fixed_settings
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.dialect_rules import COS_RULES

_log = logging.getLogger("coskit.server")
_INVENTORY, _TIERING = "inventory/", "intelligent-tiering/"
_DEFAULT = "default"
_PAGE = 100
_MAX_RULES = 1000
_ONLY_COS = (
    "{} is not implemented in the S3 dialect. In the COS dialect the setting is stored, "
    "but the server does not act on it"
)


def _is_cos(ctx: Context) -> bool:
    return ctx.rules is COS_RULES


async def _store(ctx: Context, name: str, document: Mapping[str, Any]) -> Reply:
    """Store a document; the documents of S3 are not implemented.

    Raises:
        NotImplementedOperation: the request is in the S3 dialect.
    """
    if not _is_cos(ctx):
        raise NotImplementedOperation(_ONLY_COS.format(ctx.operation.name))
    await ctx.store.index.update_bucket(ctx.bucket.name, config={name: json.dumps(document)})
    _warn_once(name.partition("/")[0])
    return Reply()


@cache  # once per process and setting
def _warn_once(setting: str) -> None:
    _log.warning("The bucket setting %s is stored, but this server does not act on it", setting)


def _stored(ctx: Context, name: str, missing: type[CosServiceError] | None) -> Reply:
    text = ctx.bucket.config.get(name)
    if text is not None:
        return Reply(json.loads(text))
    if missing is not None:
        raise missing
    return Reply()


async def _remove(ctx: Context, name: str) -> Reply:
    if not _is_cos(ctx):
        raise NotImplementedOperation(_ONLY_COS.format(ctx.operation.name))
    await ctx.store.index.update_bucket(ctx.bucket.name, config={name: None})
    return Reply()


def _refuse_cos_document(ctx: Context, name: str) -> None:
    """Refuse to return in S3 a setting that was stored as a document of COS.

    Raises:
        NotImplementedOperation: the bucket has such a setting.
    """
    if name in ctx.bucket.config:
        raise NotImplementedOperation(
            f"The bucket has a {name} setting that was stored in the COS dialect; "
            f"{ctx.operation.name} returns it there only"
        )


async def put_bucket_website(ctx: Context) -> Reply:
    """Store the website configuration."""
    document = ctx.params.get("WebsiteConfiguration") or {}
    if _is_cos(ctx) and not (
        document.get("IndexDocument") or document.get("RedirectAllRequestsTo")
    ):
        raise MalformedXML("A website needs an IndexDocument or RedirectAllRequestsTo")
    rules = [
        {**rule, "Redirect": {**(rule.get("Redirect") or {}), "URLRedirect": _url_redirect(rule)}}
        for rule in items(document.get("RoutingRules"), "RoutingRule")
    ]
    routed = {"RoutingRules": {"RoutingRule": rules}} if rules else {}
    return await _store(ctx, "website", {**document, **routed})


def _url_redirect(rule: Mapping[str, Any]) -> str:
    return (rule.get("Redirect") or {}).get("URLRedirect") or "Enabled"


async def get_bucket_website(ctx: Context) -> Reply:
    """Return the website configuration."""
    if not _is_cos(ctx):
        _refuse_cos_document(ctx, "website")
        return await fixed_settings.get_bucket_website(ctx)
    return _stored(ctx, "website", NoSuchWebsiteConfiguration)


async def delete_bucket_website(ctx: Context) -> Reply:
    """Remove the website configuration."""
    return await _remove(ctx, "website")


async def put_bucket_logging(ctx: Context) -> Reply:
    """Store the logging configuration."""
    return await _store(ctx, "logging", ctx.params.get("BucketLoggingStatus") or {})


async def get_bucket_logging(ctx: Context) -> Reply:
    """Return the logging configuration; empty if there is none."""
    if not _is_cos(ctx):
        _refuse_cos_document(ctx, "logging")
        return await fixed_settings.get_bucket_logging(ctx)
    return _stored(ctx, "logging", None)


async def put_bucket_replication(ctx: Context) -> Reply:
    """Store the replication configuration."""
    document = ctx.params.get("ReplicationConfiguration") or {}
    if _is_cos(ctx) and not items(document, "Rule"):
        raise MalformedXML("A replication needs a Rule")
    return await _store(ctx, "replication", document)


async def get_bucket_replication(ctx: Context) -> Reply:
    """Return the replication configuration."""
    if not _is_cos(ctx):
        _refuse_cos_document(ctx, "replication")
        return await fixed_settings.get_bucket_replication(ctx)
    return _stored(ctx, "replication", ReplicationConfigurationNotFoundError)


async def delete_bucket_replication(ctx: Context) -> Reply:
    """Remove the replication configuration."""
    return await _remove(ctx, "replication")


async def put_bucket_domain(ctx: Context) -> Reply:
    """Store the bucket's custom domains."""
    document = ctx.params["DomainConfiguration"]
    if not items(document, "DomainRule"):
        raise MalformedXML("A configuration of domains needs a DomainRule")
    return await _store(ctx, "domain", document)


async def get_bucket_domain(ctx: Context) -> Reply:
    """Return the bucket's custom domains."""
    return _stored(ctx, "domain", DomainConfigNotFoundError)


async def delete_bucket_domain(ctx: Context) -> Reply:
    """Remove the bucket's custom domains."""
    return await _remove(ctx, "domain")


async def get_bucket_domain_certificate(ctx: Context) -> Reply:
    """Return that the domain has no certificate: certificates are not stored here."""
    return Reply({"Status": "Disabled"})


async def delete_bucket_domain_certificate(ctx: Context) -> Reply:
    """Do nothing: the domain has no certificate."""
    return Reply()


async def put_bucket_origin(ctx: Context) -> Reply:
    """Store the origin configuration, from which missing objects would be fetched."""
    document = ctx.params["OriginConfiguration"]
    if not items(document, "OriginRule"):
        raise MalformedXML("A configuration of origins needs an OriginRule")
    return await _store(ctx, "origin", document)


async def get_bucket_origin(ctx: Context) -> Reply:
    """Return the origin configuration."""
    return _stored(ctx, "origin", OriginConfigNotFoundError)


async def delete_bucket_origin(ctx: Context) -> Reply:
    """Remove the origin configuration."""
    return await _remove(ctx, "origin")


async def put_bucket_inventory(ctx: Context) -> Reply:
    """Store one inventory of the bucket."""
    name = ctx.params["Id"]
    document = _with_id(ctx, "InventoryConfiguration")
    old = ctx.bucket.config.get(_INVENTORY + name)
    if old is None:
        _require_free_rule(ctx, _INVENTORY)
    kept = {"made": json.loads(old)["made"] if old else time.time_ns(), "document": document}
    return await _store(ctx, _INVENTORY + name, kept)


async def get_bucket_inventory(ctx: Context) -> Reply:
    """Return one inventory."""
    text = ctx.bucket.config.get(_INVENTORY + ctx.params["Id"])
    if text is None:
        raise NoSuchInventoryConfiguration
    return Reply(json.loads(text)["document"])


async def delete_bucket_inventory(ctx: Context) -> Reply:
    """Remove one inventory; no error if there is none."""
    return await _remove(ctx, _INVENTORY + ctx.params["Id"])


async def list_bucket_inventory_configurations(ctx: Context) -> Reply:
    """Return all inventories in the order of their creation, 100 a page."""
    found = [json.loads(text) for text in _stored_rules(ctx, _INVENTORY)]
    listed = [kept["document"] for kept in sorted(found, key=lambda kept: kept["made"])]
    token = ctx.params.get("ContinuationToken") or "0"
    if not (token.isascii() and token.isdigit() and len(token) < 9):
        raise InvalidArgument("The continuation token is incorrect")
    page, end = listed[int(token) : int(token) + _PAGE], int(token) + _PAGE
    result: dict[str, Any] = {
        "InventoryConfiguration": page,
        "IsTruncated": "true" if end < len(listed) else "false",
    }
    return Reply({**result, "NextContinuationToken": str(end)} if end < len(listed) else result)


async def put_bucket_intelligenttiering(ctx: Context) -> Reply:
    """Store the default rule for colder tiers."""
    document = ctx.params["IntelligentTieringConfiguration"]
    _require_status(document)
    step = document.get("Transition") or {}
    tier = {"AccessTier": "INFREQUENT", **step}
    rule = {"Id": _DEFAULT, "Status": document["Status"], "Tiering": [tier]}
    return await _store(ctx, _TIERING + _DEFAULT, rule)


async def get_bucket_intelligenttiering(ctx: Context) -> Reply:
    """Return the default rule; empty if there is none."""
    text = ctx.bucket.config.get(_TIERING + _DEFAULT)
    if text is None:
        return Reply()
    rule = json.loads(text)
    tiers = items(rule, "Tiering")
    step = (
        {name: value for name, value in tiers[0].items() if name != "AccessTier"} if tiers else {}
    )
    return Reply({"Status": rule["Status"], "Transition": step})


async def put_bucket_intelligenttiering_v2(ctx: Context) -> Reply:
    """Store one rule for colder tiers."""
    document = _with_id(ctx, "IntelligentTieringConfiguration")
    _require_status(document)
    if _TIERING + ctx.params["Id"] not in ctx.bucket.config:
        _require_free_rule(ctx, _TIERING)
    return await _store(ctx, _TIERING + ctx.params["Id"], document)


async def get_bucket_intelligenttiering_v2(ctx: Context) -> Reply:
    """Return one rule."""
    name = _TIERING + ctx.params["Id"]
    return _stored(ctx, name, IntelligentTieringConfigurationNotFoundError)


async def list_bucket_intelligenttiering_configurations(ctx: Context) -> Reply:
    """Return all rules."""
    rules = [json.loads(text) for text in _stored_rules(ctx, _TIERING)]
    return Reply({"IntelligentTieringConfiguration": rules})


async def put_bucket_object_lock(ctx: Context) -> Reply:
    """Enable object lock for a bucket, permanently, and with it the versioning that it protects."""
    document = dict(ctx.params["ObjectLockConfiguration"])
    if "Rule" in document:  # an empty Rule is refused: it names no default
        asked = (document["Rule"] or {}).get("DefaultRetention") or {}
        document["Rule"] = {"DefaultRetention": {"Mode": "COMPLIANCE", **asked}}
    default = read_default(document)
    await ctx.store.index.update_bucket(
        ctx.bucket.name,
        versioning="Enabled",
        config={LOCK: dump_default(default)},
        condition=refuse_lock_when_suspended,
    )
    return Reply()


async def get_bucket_object_lock(ctx: Context) -> Reply:
    """Return whether a bucket has object lock, and its default."""
    if LOCK not in ctx.bucket.config:
        raise ObjectLockConfigurationNotFoundError
    return Reply(default_document(load_default(ctx.bucket.config[LOCK])))


def _with_id(ctx: Context, param: str) -> Mapping[str, Any]:
    """Return a document with the id in the URL.

    Raises:
        InvalidArgument: the document names another id.
    """
    name, document = ctx.params["Id"], ctx.params[param]
    if not 1 <= len(name) <= 64:
        raise InvalidArgument("A rule id must have 1 to 64 characters")
    if document.get("Id", name) != name:
        raise InvalidArgument("The Id in the document differs from the id in the URL")
    return {"Id": name, **document}


def _stored_rules(ctx: Context, prefix: str) -> list[str]:
    return [text for name, text in ctx.bucket.config.items() if name.startswith(prefix)]


def _require_free_rule(ctx: Context, prefix: str) -> None:
    if len(_stored_rules(ctx, prefix)) >= _MAX_RULES:
        raise TooManyConfigurations


def _require_status(document: Mapping[str, Any]) -> None:
    if not document.get("Status"):
        raise MalformedXML("A rule needs a Status")
