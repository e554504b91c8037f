"""The copy source: a dict in the SDK, one header on the wire."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from coskit.protocol.endpoint import is_bucket_name
from coskit.protocol.errors import InvalidCopySource, ParameterError
from coskit.protocol.messages import encode_text

_HOST = re.compile(r"[a-z0-9._:\[\]-]+", re.IGNORECASE | re.ASCII)


def encode_copy_source(source: Mapping[str, Any]) -> str:
    """Return the copy-source header for a source's Bucket, Key, Region (or Endpoint), VersionId.

    Raises:
        ParameterError: one is missing, or would make the header name something else.
    """
    if not source.get("Bucket") or not source.get("Key"):
        raise ParameterError("CopySource needs Bucket, Key and Region")
    if endpoint := source.get("Endpoint"):
        host = str(endpoint)
    elif region := source.get("Region"):
        host = f"{region if 'cos.' in region else f'cos.{region}'}.myqcloud.com"
    else:
        raise ParameterError("CopySource needs Region or Endpoint")
    bucket, key, version = source["Bucket"], source["Key"], source.get("VersionId")
    if not is_bucket_name(bucket) or not _HOST.fullmatch(host):
        raise ParameterError(f"CopySource is not in a bucket's host, {bucket}.{host}")
    try:
        location = f"{bucket}.{host}/{quote(encode_text(key), safe='/-_.~')}"
    except UnicodeEncodeError as cause:
        raise ParameterError("CopySource has half a surrogate pair in its Key") from cause
    return f"{location}?versionId={quote(str(version), safe='')}" if version else location


def decode_copy_source(text: str) -> dict[str, str]:
    """Read a copy-source header; also the S3 form `/bucket/key` that some tools send.

    Raises:
        InvalidCopySource: it names no bucket or no key, or is not UTF-8.
    """
    try:
        raw_location, _, raw_query = encode_text(text).partition(b"?")
        host, _, raw_key = raw_location.decode().removeprefix("/").partition("/")
        # S3, which names a bucket without its host, takes a bare plus for a space.
        key = unquote_to_bytes(raw_key if "." in host else raw_key.replace("+", " ")).decode()
        name, _, version = unquote_to_bytes(raw_query).decode().partition("=")
    except UnicodeDecodeError as cause:
        raise InvalidCopySource("The copy source is not UTF-8") from cause
    bucket, _, domain = host.partition(".")
    if not bucket or not key:
        raise InvalidCopySource
    source = {"Bucket": bucket, "Key": key}
    region = re.fullmatch(r"cos\.([^.]+)\.myqcloud\.com", domain)
    if region:
        source["Region"] = region[1]
    elif domain:
        source["Endpoint"] = domain
    if name.lower() == "versionid" and version:
        source["VersionId"] = version
    return source
