"""Default encryption of a bucket, for objects stored without encryption headers."""

import json
import re
from collections.abc import Mapping
from typing import Any

from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import (
    InvalidArgument,
    MalformedXML,
    ServerSideEncryptionConfigurationNotFoundError,
)
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.model import Bucket

KMS = "cos/kms"
_SETTING = "encryption"
_DOCUMENT = "ServerSideEncryptionConfiguration"
_ALGORITHMS = {
    "AES256": "AES256",
    "aws:kms": KMS,
}  # by the names in documents, the names in headers
_KEY_NAME = re.compile(r"[\w:/.+=@-]{1,256}", re.ASCII)


async def put_bucket_encryption(ctx: Context) -> Reply:
    """Set the default; stored objects do not change."""
    document = _in_s3_names(ctx.params[_DOCUMENT])
    _parse(document)
    await ctx.store.index.update_bucket(ctx.bucket.name, config={_SETTING: json.dumps(document)})
    return Reply()


async def get_bucket_encryption(ctx: Context) -> Reply:
    """Return the default as it was put."""
    text = ctx.bucket.config.get(_SETTING)
    if text is None:
        raise ServerSideEncryptionConfigurationNotFoundError
    return Reply(json.loads(text))


async def delete_bucket_encryption(ctx: Context) -> Reply:
    """Remove the default; no error if there is none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={_SETTING: None})
    return Reply()


def _in_s3_names(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document in the names of S3, which COS responses use too."""
    rules = []
    for rule in items(document, "Rule"):
        changed = dict(rule)
        other = changed.pop("ApplySideEncryptionConfiguration", None)
        default = dict(changed.get("ApplyServerSideEncryptionByDefault") or other or {})
        if default.get("SSEAlgorithm") == "KMS":
            default["SSEAlgorithm"] = "aws:kms"
        rules.append({**changed, "ApplyServerSideEncryptionByDefault": default})
    return {**document, "Rule": rules}


def default_encryption(bucket: Bucket) -> tuple[str, str]:
    """Return the algorithm and the key's name, "" where there is none."""
    text = bucket.config.get(_SETTING)
    return _parse(json.loads(text)) if text else ("", "")


def checked_key_name(name: str) -> str:
    """Return the name of a server key.

    Raises:
        InvalidArgument: the name is not valid.
    """
    if not _KEY_NAME.fullmatch(name):
        raise InvalidArgument("A key id must have 1 to 256 letters, digits and _:/.+=@-")
    return name


def _parse(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return the algorithm and the key's name that a document asks for.

    Raises:
        MalformedXML: the document has not exactly one rule, or the rule has no algorithm.
        InvalidArgument: a key is named where none is used, or the name is not valid.
    """
    rules = items(document, "Rule")
    default = rules[0].get("ApplyServerSideEncryptionByDefault") or {} if len(rules) == 1 else {}
    algorithm = _ALGORITHMS.get(default.get("SSEAlgorithm", ""))
    if algorithm is None:
        raise MalformedXML(f"Exactly one rule is needed, with one of {', '.join(_ALGORITHMS)}")
    name = default.get("KMSMasterKeyID") or ""
    if name and algorithm != KMS:
        raise InvalidArgument("Only aws:kms takes a KMSMasterKeyID")
    return algorithm, checked_key_name(name) if name else ""
