"""The copy source: a dict in the SDK, one header on the wire."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from coskit.protocol.codec.xml.strict import NotThisShape, check_value
from coskit.protocol.endpoint import is_bucket_name
from coskit.protocol.errors import InvalidCopySource, ParameterError
from coskit.protocol.messages import encode_text, percent_encode
from coskit.protocol.model import Shape

_SUFFIXES = ("myqcloud.com", "tencentcos.cn")
_REGION = re.compile(r"cos\.([^.]+)\.(?:myqcloud\.com|tencentcos\.cn)").fullmatch
_OF_SERVICE = re.compile(
    r"([^:]+?)\.((?:cos(?:v6|-cdc|-internal)?|s3)\..+|localhost(?::\d*)?)", re.IGNORECASE
).fullmatch
SOURCE = Shape(
    "CopySource",
    tuple(Shape(name) for name in ("Bucket", "Key", "Region", "Endpoint", "VersionId")),
)
_HOST = re.compile(r"[a-z0-9._:\[\]-]+", re.IGNORECASE | re.ASCII)
_LONGEST = 8 << 10  # characters: a bucket's host, a key and a version, all percent-encoded


def check_source(source: Any) -> None:
    """Refuse a value that is not the dict of a copy source.

    Raises:
        ParameterError: the value is no dict, or has an unknown key.
    """
    try:
        check_value(SOURCE, source, SOURCE.tag)
    except NotThisShape as cause:
        raise ParameterError(str(cause)) from cause


def encode_copy_source(source: Mapping[str, Any]) -> str:
    """Return the copy-source header for a source's Bucket, Key, Region (or Endpoint), VersionId.

    Raises:
        ParameterError: a field is missing, or would make the header name another object.
    """
    check_source(source)
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
        location = f"{bucket}.{host}/{percent_encode(key)}"
    except UnicodeEncodeError as cause:
        raise ParameterError("CopySource has half a surrogate pair in its Key") from cause
    return f"{location}?versionId={quote(str(version), safe='')}" if version else location


def decode_copy_source(text: str, *, of_s3: bool = False) -> dict[str, str]:
    """Decode a copy-source header, also in the S3 form `/bucket/key` that some tools send.

    Args:
        text: the header's value.
        of_s3: whether the header is S3's, which names a bucket (dots allowed) instead of a host.

    Raises:
        InvalidCopySource: the header names no bucket or no key, has another parameter than
            versionId, or is not UTF-8.
    """
    if len(text) > _LONGEST:
        raise InvalidCopySource("The copy source is longer than any key")
    try:
        raw_location, mark, raw_query = encode_text(text).partition(b"?")
        location = raw_location.decode()
        names_bucket = of_s3 or location.startswith("/")
        location = location.removeprefix("/")
        if of_s3 and "/" not in location:  # its slashes may be encoded too
            location = unquote_to_bytes(location).decode().removeprefix("/")
        host, _, raw_key = location.partition("/")
        bucket, domain = _bucket_and_domain(host, names_bucket=names_bucket)
        # In S3, which names a bucket without its host, a plus is a space.
        key = unquote_to_bytes(raw_key if domain else raw_key.replace("+", " ")).decode()
        bucket = bucket if domain else unquote_to_bytes(bucket).decode()
        name, _, version = unquote_to_bytes(raw_query).decode().partition("=")
    except UnicodeDecodeError as cause:
        raise InvalidCopySource("The copy source is not UTF-8") from cause
    if not bucket or not key:
        raise InvalidCopySource
    source = {"Bucket": bucket, "Key": key}
    region = _REGION(domain)
    if region:
        source["Region"] = region[1]
    elif domain:
        source["Endpoint"] = domain
    if mark:
        if name.lower() != "versionid" or not version:  # it could mean another object
            raise InvalidCopySource(
                "After its question mark a copy source must have versionId=<id>"
            )
        source["VersionId"] = version
    return source


def spellings_of(text: str, region: str, *, of_s3: bool = False) -> tuple[str, ...]:
    """Return the spellings of a copy source in policies.

    Args:
        text: the header's value.
        region: the server's region, whose hosts a policy may name.
        of_s3: whether the header is S3's.
    """
    try:
        source = decode_copy_source(text, of_s3=of_s3)
    except InvalidCopySource:
        return (text,)
    bucket, key = source["Bucket"], source["Key"]
    domains = [f"cos.{region}.{suffix}" for suffix in _SUFFIXES]
    if "Region" in source:
        domains += [f"cos.{source['Region']}.{suffix}" for suffix in _SUFFIXES]
    elif "Endpoint" in source:
        domains.append(source["Endpoint"])
    hosts = (bucket, *(f"{bucket}.{domain}" for domain in domains))
    version = f"?versionId={source['VersionId']}" if "VersionId" in source else ""
    found = [
        f"{slash}{host}/{path}{end}"
        for slash in ("", "/")
        for host in hosts
        for path in (key, percent_encode(key))
        for end in ("", version)
    ]
    return tuple(dict.fromkeys((text, *found)))


def _bucket_and_domain(host: str, *, names_bucket: bool) -> tuple[str, str]:
    """Return the bucket and the domain of a host; the domain of a bare bucket name is empty."""
    found = _OF_SERVICE(host)
    if found:
        return found[1], found[2]
    if names_bucket and ":" not in host:
        return host, ""
    bucket, _, domain = host.partition(".")
    return bucket, domain
