"""The options of a copy in parts: those kept from the source, and the endpoint of the source."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from coskit.protocol.endpoint import Endpoint, parse_endpoint, region_endpoint
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import META_PREFIX

# The bytes that the service copies in one request.
SINGLE_COPY = 5 << 30

_PUBLIC = (".myqcloud.com", ".tencentcos.cn")
_KEPT = {
    "Cache-Control": "CacheControl",
    "Content-Disposition": "ContentDisposition",
    "Content-Encoding": "ContentEncoding",
    "Content-Language": "ContentLanguage",
    "Content-Type": "ContentType",
    "Expires": "Expires",
}
_SOURCE = "CopySource"
# HEAD refuses these two conditions as a copy does; for the others it returns 304, no error.
_FOR_HEAD = {"CopySourceIfMatch": "IfMatch", "CopySourceIfUnmodifiedSince": "IfUnmodifiedSince"}


def place_of(source: Any) -> dict[str, str]:
    """Return the parameters that name the source of a copy.

    Raises:
        ParameterError: the value is not a CopySource.
    """
    if not isinstance(source, Mapping) or not source.get("Bucket") or not source.get("Key"):
        raise ParameterError("CopySource must be a dict with Bucket, Key and Region")
    names = ("Bucket", "Key", "VersionId")
    return {name: source[name] for name in names if source.get(name)}


def elsewhere(source: Mapping[str, Any], here: Endpoint, region: str) -> Endpoint | None:
    """Return the endpoint of the source of a copy, or None if it is the client's own.

    A service other than the public one has no regions and reads only the source's bucket.

    Args:
        source: the CopySource.
        here: the client's endpoint.
        region: the client's region, or "".

    Raises:
        ParameterError: the client's endpoint belongs to one bucket, and the source has no region.
    """
    host, wanted = str(source.get("Endpoint") or ""), str(source.get("Region") or "")
    if host:
        return None if host == here.host else parse_endpoint(f"{here.scheme}://{host}")
    if here.bound:
        if not wanted:
            raise ParameterError("CopySource needs Region: this client knows only one bucket")
        return region_endpoint(wanted, here.scheme)
    if not wanted or wanted == region or not here.host.endswith(_PUBLIC):
        return None
    there = region_endpoint(wanted, here.scheme)
    return None if there.host == here.host else there


def for_head(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a copy that the HEAD of its source takes."""
    known = {_FOR_HEAD[name]: value for name, value in options.items() if name in _FOR_HEAD}
    return known | {
        name.removeprefix(_SOURCE): value
        for name, value in options.items()
        if name.startswith("CopySourceSSECustomer")
    }


def for_parts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a copy that every part takes: all options about the source."""
    return {
        name: value
        for name, value in options.items()
        if name.startswith(_SOURCE) and name not in _FOR_HEAD
    }


def for_upload(options: Mapping[str, Any], head: Mapping[str, Any], status: str) -> dict[str, Any]:
    """Return the options of the multipart upload of a copy.

    As in a copy in one request, storage class, access rights and encryption are options of the
    call. Headers and metadata are the source's, unless they are replaced.

    Args:
        options: the options of the copy.
        head: the headers of the source.
        status: `Copy` or `Replaced`.
    """
    own = {
        name: value
        for name, value in options.items()
        if not name.startswith(_SOURCE) and name not in ("TaggingDirective", "Tagging")
    }
    if status == "Replaced":
        return own
    others = {name: own[name] for name in own if name not in {*_KEPT.values(), "Metadata"}}
    kept = {_KEPT[name]: value for name, value in head.items() if name in _KEPT}
    metadata = {name: value for name, value in head.items() if name.startswith(META_PREFIX)}
    return others | kept | ({"Metadata": metadata} if metadata else {})


def tagging_header(tagging: Mapping[str, Any]) -> str:
    """Return an object's tags as a Tagging header; "" if there are none."""
    tags = (tagging.get("TagSet") or {}).get("Tag") or []
    listed = [tags] if isinstance(tags, Mapping) else tags
    return urlencode([(tag["Key"], tag.get("Value") or "") for tag in listed])
