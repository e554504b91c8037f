"""Endpoints and addresses: bucket, region and key to host and path and back, in both styles."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from coskit.protocol.errors import InvalidURI, KeyTooLong, NoSuchBucket, ParameterError
from coskit.protocol.messages import encode_text, percent_encode

_BUCKET = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_SIGNED_REGION = re.compile(r"[a-z0-9._-]+", re.IGNORECASE | re.ASCII)  # MinIO's have underscores
_REGION = re.compile(r"[a-z0-9.-]+", re.IGNORECASE | re.ASCII)
_ENDPOINT = re.compile(
    r"(?:(https?)://)?([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/?", re.IGNORECASE | re.ASCII
)
_PUBLIC_HOST = re.compile(r"(?:[^.]+\.)?cos\.[a-z]+-[a-z0-9-]+\.myqcloud\.com", re.IGNORECASE)
_LABELS = r"[a-z0-9_~-]+(?:\.[a-z0-9_~-]+)*"
_HOST = re.compile(
    rf"({_LABELS}\.?|\[[0-9a-f:.]+\])(?::\d{{0,5}})?", re.IGNORECASE | re.ASCII
).fullmatch
# Otherwise a capital letter would make a request read or delete the latest version.
_QUERY_NAMES = {"VersionId": "versionId", "versionid": "versionId"}
_LONGEST_HOST = 261  # characters: a name of 255 and a port
# A bucket, if there is one, before the names of a service and a region, such as `cos.ap-beijing`.
_SERVICE = re.compile(
    r"(?:(.+)\.)?(?:cos(?:v6|-cdc|-internal)?|s3(?:-[a-z0-9-]+)?)(?:\.dualstack)?(?:\.[^.]+)?"
).fullmatch
_PUBLIC_SERVICE = re.compile(
    r"(.+)\.(?:myqcloud\.com|tencentcos\.cn|amazonaws\.com(?:\.cn)?)"
).fullmatch
# In an unknown domain, everything before the first of these labels is a bucket.
_OTHER_DOMAIN = re.compile(r"(.+?)\.(?:cos(?:v6|-cdc|-internal)?|s3)\..+").fullmatch
_DOT_SEGMENT = re.compile(r"(?<=.)/(?=\.\.?(?:/|$))|(?<=/\.)/|(?<=/\.\.)/")
_BANNED_KEY = re.compile(r"[/\\]|.*[\x18-\x1b]", re.DOTALL)
MAX_KEY_BYTES = 850


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a service.

    Attributes:
        scheme: `http` or `https`.
        host: the host without a bucket, with the port if it is not the scheme's default.
        path_style: whether the bucket is the first segment of the path instead of a label of the
            host.
        service_host: the host of the service itself, which lists buckets.
        bound: whether the host belongs to one bucket, whose name is in no address then.
        via: the `ip:port` to connect to in place of the host, or "" to resolve the host.
    """

    scheme: str
    host: str
    path_style: bool
    service_host: str
    bound: bool = False
    via: str = ""

    def address(self, bucket: str | None, key: str | None) -> tuple[str, str]:
        """Return host and decoded path of the service, a bucket or an object."""
        if bucket is None:
            return self.service_host, "/"
        if self.bound:
            return self.host, f"/{key or ''}"
        if self.path_style:
            return self.host, f"/{bucket}/{key or ''}"
        return f"{bucket}.{self.host}", f"/{key or ''}"


def check_region(region: Any) -> None:
    """Refuse a value that cannot be the name of a region in a signature.

    Raises:
        ParameterError: the value is no name of a region.
    """
    if not isinstance(region, str) or not _SIGNED_REGION.fullmatch(region):
        raise ParameterError(f"Region {region!r} is not a region name")


def region_endpoint(region: str, scheme: str = "https") -> Endpoint:
    """Return the public service's endpoint in a region, such as `ap-guangzhou`."""
    if not _REGION.fullmatch(region):
        raise ParameterError(f"Region {region!r} is not a region name")
    prefix = region if "cos." in region else f"cos.{region}"
    return Endpoint(scheme, f"{prefix}.myqcloud.com", False, "service.cos.myqcloud.com")


def second_domain(endpoint: Endpoint) -> Endpoint | None:
    """Return the same service under its second domain, or None if it has none.

    Only the public service in a region has one, and only if it has no fixed address.
    """
    if endpoint.via or not _PUBLIC_HOST.fullmatch(endpoint.host):
        return None
    name = endpoint.host[: -len("myqcloud.com")]
    return replace(endpoint, host=f"{name}tencentcos.cn")


def parse_endpoint(text: Any, path_style: bool | None = None, scheme: str = "https") -> Endpoint:
    """Return the endpoint that a URL or host names.

    Args:
        text: the URL or host, such as `http://127.0.0.1:9000` or `cos.example.com`.
        path_style: the addressing style. None selects path style for an IP address or `localhost`,
            which have no labels for a bucket.
        scheme: the scheme if the text has none.

    Raises:
        ParameterError: the text is no URL or host.
    """
    if not isinstance(text, str):
        raise ParameterError(f"Endpoint must be text, not {type(text).__name__}")
    if path_style is not None and not isinstance(path_style, bool):
        raise ParameterError(f"path_style must be True or False, not {path_style!r}")
    found = _ENDPOINT.fullmatch(text)
    if not found:
        shown = text.rpartition("@")[2]  # the text before may be a password
        hint = ", and holds neither user nor password" if "@" in text else ""
        raise ParameterError(f"Endpoint {shown!r} is not of the form http(s)://host[:port]{hint}")
    given, name, port = (part.lower() for part in found.groups(""))
    if port and not 0 < int(port[1:]) < 1 << 16:
        raise ParameterError(f"Endpoint {text!r} has a port above 65535, or 0")
    if path_style is None:
        path_style = name == "localhost" or _is_ip(name.strip("[]"))
    return Endpoint(given or scheme, name + port, path_style, name + port)


def encode_path(path: str) -> str:
    """Return a decoded path in the form of a request line.

    Slashes beside a dot segment are encoded too, since proxies would resolve `..`.
    """
    encoded = percent_encode(path)
    return _DOT_SEGMENT.sub("%2F", encoded) if "/." in encoded else encoded


def encode_query(query: Iterable[tuple[str, str]]) -> str:
    """Return decoded parameters in the form of a request line, without the `?`."""
    return "&".join(
        f"{quote(encode_text(name), safe='')}={quote(encode_text(value), safe='')}"
        for name, value in query
    )


def decode_path(raw: bytes) -> str:
    """Return the path of a request line, decoded exactly once.

    Raises:
        InvalidURI: the path is not UTF-8.
    """
    try:
        return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError as cause:
        raise InvalidURI("The path is not UTF-8") from cause


def decode_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a request line; `+` is a space here, and `VersionId` is `versionId`.

    Raises:
        InvalidURI: the query is not UTF-8.
    """
    if not raw:
        return ()
    try:
        text = raw.replace(b"+", b" ").decode("latin-1")
        pairs = [pair.partition("=") for pair in text.split("&") if pair]
        if "%" in text or not text.isascii():
            pairs = [(_unquoted(name), "=", _unquoted(value)) for name, _, value in pairs]
        return tuple([(_QUERY_NAMES.get(name, name), value) for name, _, value in pairs])
    except UnicodeDecodeError as cause:
        raise InvalidURI("The query is not UTF-8") from cause


def _unquoted(text: str) -> str:
    if "%" not in text and text.isascii():
        return text
    return unquote_to_bytes(text.encode("latin-1")).decode()


def resolve(host: str, path: str, bases: Iterable[str] = ()) -> tuple[str | None, str | None]:
    """Return the bucket and the key in a request's address, or None for each that it lacks.

    Args:
        host: the Host header.
        path: the decoded path with its leading slash.
        bases: further domains of the server, in lower case; the text before one is a bucket.

    Raises:
        InvalidURI: there is a key but no bucket, or the host is malformed.
        NoSuchBucket: the host belongs to a public service, but to no bucket.
    """
    if len(host) > _LONGEST_HOST:
        raise InvalidURI("The Host header is too long")
    bucket = _bucket_of_host(host, tuple(bases))
    if bucket is None:
        bucket, _, key = path.removeprefix("/").partition("/")
    else:
        key = path.removeprefix("/")
    if key and not bucket:
        raise InvalidURI("The address names a key but no bucket")
    return bucket or None, key or None


def _name_of_host(host: str) -> str:
    """Return the name in a Host header in lower case, without the port and a final dot."""
    if not host:
        return ""
    found = _HOST(host)
    if not found:
        raise InvalidURI("The Host header is no host and port")
    return found[1].lower().removesuffix(".")


# A server's clients use few hosts; the limit bounds the memory that unknown hosts take.
@lru_cache(maxsize=256)
def _bucket_of_host(host: str, bases: tuple[str, ...]) -> str | None:
    name = _name_of_host(host)
    if name.startswith("service.cos."):
        return None
    for base in sorted(bases, key=len, reverse=True):
        if name == base:
            return None
        if name.endswith(f".{base}"):
            return _bucket_before(name[: -len(base) - 1])
    if name.endswith(".localhost"):
        return _bucket_before(name[: -len(".localhost")])
    if found := _PUBLIC_SERVICE(name):
        service = _SERVICE(found[1])
        if not service:
            raise NoSuchBucket("The host names no bucket")
        return service[1]
    elsewhere = _OTHER_DOMAIN(name)
    return elsewhere[1] if elsewhere else None


def _bucket_before(labels: str) -> str | None:
    """Return the bucket in the labels before a domain: all but the name of the service."""
    service = _SERVICE(labels)
    return service[1] if service else labels


def is_bucket_name(name: str) -> bool:
    """Return whether a text can be a bucket's name: letters, digits and inner hyphens."""
    return bool(_BUCKET.fullmatch(name))


def check_key(key: str) -> None:
    """Refuse a text that cannot be the key of an object.

    Raises:
        KeyTooLong: the text has more than 850 bytes.
        InvalidURI: the text starts with a slash, holds a control character, or is no UTF-8.
    """
    try:
        size = len(key.encode())
    except UnicodeEncodeError as cause:
        raise InvalidURI("The key is not UTF-8") from cause
    if size > MAX_KEY_BYTES:
        raise KeyTooLong
    if is_banned_key(key):
        raise InvalidURI("A key does not start with / or \\ nor hold control characters 0x18-0x1B")


def is_banned_key(key: str) -> bool:
    """Return whether COS refuses a key for its first character or a control character."""
    return bool(_BANNED_KEY.match(key))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
