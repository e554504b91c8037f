"""Helpers that programs import from the vendor's `cos_comm`."""

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlparse

from coskit.protocol.errors import CosClientError

SINGLE_UPLOAD_LENGTH = 5 * 1024 * 1024 * 1024
DEFAULT_CHUNK_SIZE = 1024 * 1024

_LABELS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]")
_SWITCHED = re.compile(r"([a-z0-9-]+-[0-9]+\.cos\.[a-z]+-[a-z]+(?:-[a-z]+)?(?:-1)?)\.myqcloud\.com")
# Old names of regions; some have no `cos.` prefix.
_OLD_HOSTS = ("cn-north", "cn-south", "cn-east", "cn-south-2", "cn-southwest", "sg")
_OLD_NAMES = {
    "cossh": "ap-shanghai",
    "cosgz": "ap-guangzhou",
    "cosbj": "ap-beijing",
    "costj": "ap-beijing-1",
    "coscd": "ap-chengdu",
    "cossgp": "ap-singapore",
    "coshk": "ap-hongkong",
    "cosca": "na-toronto",
    "cosger": "eu-frankfurt",
}


class CiDetectType:
    """The kinds of content detection; several are added."""

    PORN = 1
    TERRORIST = 2
    POLITICS = 4
    ADS = 8
    ILLEGAL = 16
    ABUSE = 32
    TEENAGER = 64

    @staticmethod
    def get_detect_type_str(DetectType: int) -> str:
        """Return the names, joined by commas."""
        names = ("Porn", "Terrorism", "Politics", "Ads", "Illegal", "Abuse", "Teenager")
        return ",".join(name for bit, name in enumerate(names) if DetectType & (1 << bit))


def to_str(s: Any) -> Any:
    """Return text and bytes unchanged, other values as text."""
    return s if isinstance(s, str | bytes) else str(s)


def to_unicode(s: Any) -> Any:
    """Return bytes as text, other values unchanged."""
    if not isinstance(s, bytes):
        return s
    try:
        return s.decode()
    except UnicodeDecodeError as cause:
        raise CosClientError("bytes are read as UTF-8, which these are not") from cause


def to_bytes(s: Any) -> Any:
    """Return text as bytes, other values unchanged."""
    if not isinstance(s, str):
        return s
    try:
        return s.encode()
    except UnicodeEncodeError as cause:
        raise CosClientError("text is sent as UTF-8, which this cannot be") from cause


def get_raw_md5(data: str | bytes) -> str:
    """Return the MD5 as an ETag, in quotes."""
    return f'"{hashlib.md5(to_bytes(data)).hexdigest()}"'


def get_md5(data: str | bytes) -> bytes:
    """Return the MD5 in Base64."""
    return base64.standard_b64encode(hashlib.md5(to_bytes(data)).digest())


def get_content_md5(body: Any) -> bytes:
    """Return the MD5 of text, bytes or the rest of a file, in Base64."""
    if isinstance(body, str | bytes):
        return get_md5(body)
    if not all(hasattr(body, name) for name in ("tell", "seek", "read")):
        raise CosClientError("only text, bytes and files that can seek have an MD5 beforehand")
    start, md5 = body.tell(), hashlib.md5()
    while chunk := body.read(DEFAULT_CHUNK_SIZE):
        md5.update(to_bytes(chunk))
    body.seek(start)
    return base64.standard_b64encode(md5.digest())


def format_region(
    region: Any, module: str, EnableOldDomain: bool, EnableInternalDomain: bool
) -> str:
    """Return the first labels of a region's host.

    Args:
        region: the region, such as `ap-guangzhou`; old names of regions are accepted.
        module: the prefix, such as `cos.`.
        EnableOldDomain: the host ends in `myqcloud.com`.
        EnableInternalDomain: the host is inside the cloud; not with `EnableOldDomain`.

    Raises:
        CosClientError: the region is invalid.
    """
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise CosClientError(f"Region {region!r} is not the name of a region")
    if module in region or region in _OLD_HOSTS:
        return region
    if not EnableOldDomain and EnableInternalDomain and module == "cos.":
        module = "cos-internal."
    return module + _OLD_NAMES.get(region, region)


def format_endpoint(
    endpoint: Any, region: Any, module: str, EnableOldDomain: bool, EnableInternalDomain: bool
) -> Any:
    """Return the host that bucket names are prepended to: the given one, or a region's."""
    if endpoint:
        return to_unicode(endpoint)
    if not region and module == "cos.":
        raise CosClientError("Region or Endpoint is required not empty!")
    if not region:
        return None
    host = format_region(region, module, EnableOldDomain, EnableInternalDomain)
    return f"{host}.{'myqcloud.com' if EnableOldDomain else 'tencentcos.cn'}"


def format_bucket(bucket: Any, appid: Any) -> str:
    """Return a bucket's name with the APPID at its end.

    Raises:
        CosClientError: the bucket's name is invalid, or the APPID is not a text.
    """
    bucket = to_unicode(bucket)
    if not isinstance(bucket, str) or not _LABELS.fullmatch(bucket):
        raise CosClientError(
            f"Bucket {bucket!r} is not a bucket name: letters, digits and inner hyphens"
        )
    if not appid:
        return bucket
    if not isinstance(appid, str):
        raise CosClientError(f"Appid must be text, not {type(appid).__name__}")
    return bucket if bucket.endswith(f"-{appid}") else f"{bucket}-{appid}"


def format_path(path: Any) -> str:
    """Return a key as in a URL, without its first slash."""
    if not isinstance(path, str) or not path:
        raise CosClientError("Key must be text and not empty")
    return quote(path.removeprefix("/").encode(), safe="/-_.~")


def path_simplify_check(path: str | bytes) -> None:
    """Refuse a key that path normalisation would make empty.

    Raises:
        CosClientError: the normalised key is empty.
    """
    kept: list[str] = []
    for label in to_unicode(path).split("/"):
        if label == "..":
            del kept[-1:]
        elif label not in ("", "."):
            kept.append(label)
    if not kept:
        raise CosClientError("GetObject Key is invalid")


def switch_hostname(host: str) -> str:
    """Return the host of a bucket under the service's second domain; other hosts unchanged."""
    if not host:
        raise CosClientError("Host is required not empty!")
    found = _SWITCHED.fullmatch(host)
    return f"{found[1]}.tencentcos.cn" if found else host


def is_switched(host: str | None) -> bool:
    """Return whether a host has another name under the service's second domain."""
    return bool(host and _SWITCHED.fullmatch(host))


def switch_hostname_for_url(url: str) -> str:
    """Return a URL with its host under the service's second domain, if it has one there."""
    if not url:
        raise CosClientError("Url is required not empty!")
    host = urlparse(url).hostname
    return url.replace(host, switch_hostname(host), 1) if host else url


def gen_copy_source_range(begin_range: int, end_range: int) -> str:
    """Return the CopySourceRange from one byte to another, both included."""
    return f"bytes={begin_range}-{end_range}"


def get_date(yy: int, mm: int, dd: int) -> str:
    """Return the midnight of a day in China, in the format of lifecycle rules."""
    return f"{datetime(yy, mm, dd).isoformat()}+08:00"


def format_dict(data: Any, key_lst: Any) -> Any:
    """Replace the values of some keys by lists; missing keys get empty lists."""
    if not isinstance(data, dict) or not isinstance(key_lst, list):
        return data
    for key in key_lst:
        if isinstance(data.get(key), dict | str):
            data[key] = [data[key]]
        elif key in data and data[key] is None:
            data[key] = []
    return data


def format_dict_or_list(data: Any, key_lst: Any) -> Any:
    """Call `format_dict` for a dict, or for each dict of a list."""
    for item in data if isinstance(data, list) else [data]:
        format_dict(item, key_lst)
    return data


def client_can_retry(file_position: int | None, **kwargs: Any) -> bool:
    """Return whether the content of a request can be sent again; a file is rewound."""
    content = kwargs.get("data", b"")
    if isinstance(content, str | bytes):
        return True
    if file_position is None or not hasattr(content, "seek"):
        return False
    try:
        content.seek(file_position)
    except (OSError, ValueError):
        return False
    return True


def local_path(path: Any) -> Any:
    """Return the path of a file as text; return other values unchanged."""
    return os.fsdecode(path) if isinstance(path, bytes | os.PathLike) else path


def strip_namespaces(tree: Any) -> Mapping[str, Any]:
    """Return an element of XML as a dict, with lists only where tags repeat."""
    found: dict[str, Any] = {}
    for child in tree:
        tag = child.tag.rpartition("}")[2]
        value = strip_namespaces(child) if len(child) else child.text
        if tag in found:
            held = found[tag] if isinstance(found[tag], list) else [found[tag]]
            found[tag] = [*held, value]
        else:
            found[tag] = value
    return found
