"""AWS Signature Version 4: the canonical form, and signatures in a header and in a URL.

The path is encoded once and not normalised. The time is an argument everywhere.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.prepared_hmac import hmac_sha256
from coskit.protocol.messages import Request, encode_text, percent_encode

ALGORITHM = "AWS4-HMAC-SHA256"
PAYLOAD_HASH = "x-amz-content-sha256"
TOKEN = "x-amz-security-token"  # noqa: S105 - the name of a header
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_PAYLOAD = sha256(b"").hexdigest()
MAX_LIFETIME = 7 * 24 * 3600
SERVICE = "s3"

# The headers that the client signs, besides those that start with x-amz-: all headers that the
# service acts on, and none that a proxy rewrites.
_SIGNED_HEADERS = frozenset(
    """cache-control content-disposition content-encoding content-language content-md5 content-type
    expires host if-match if-modified-since if-none-match if-unmodified-since origin
    range""".split()
)
_LONGEST_KEPT = 64  # characters of a region
# Other white space, such as U+3000, is part of a value.
_BLANKS = re.compile("[ \t]+")
_FOLDED = re.compile("\t|  ").search
_UNRESERVED = re.compile("[A-Za-z0-9_.~-]*").fullmatch
_PLAIN_PATH = re.compile("[A-Za-z0-9_.~/-]*").fullmatch
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII).fullmatch


def signing_key(secret_key: str, day: str, region: str) -> bytes:
    """Return the key that signs a day's requests in a region."""
    # Long regions are not cached: clients could fill the memory with them.
    if len(region) > _LONGEST_KEPT:
        return _signing_key(secret_key, day, region)
    return _kept_signing_key(secret_key, day, region)


def _signing_key(secret_key: str, day: str, region: str) -> bytes:
    key = encode_text(f"AWS4{secret_key}")
    for step in (day, region, SERVICE, "aws4_request"):
        key = hmac.digest(key, encode_text(step), "sha256")
    return key


_kept_signing_key = lru_cache(maxsize=256)(_signing_key)


@lru_cache(maxsize=256)
def amz_date(now: int) -> str:
    """Return a Unix second as text, `20231114T221320Z`."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"


def parse_amz_date(text: str) -> int | None:
    """Return the Unix second of an `x-amz-date`, or None if the text is no such date."""
    return _kept_second(text) if len(text) == len("20231114T221320Z") else None


@lru_cache(maxsize=256)
def _kept_second(text: str) -> int | None:
    found = _DATE(text)
    if not found:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        when = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(when.timestamp())


def canonical_request(
    request: Request,
    signed_headers: Iterable[str],
    payload_hash: str = UNSIGNED_PAYLOAD,
    *,
    host: str | None = None,
) -> str:
    """Return the canonical request, whose hash is signed.

    Args:
        request: the request with all the signed headers.
        signed_headers: the lower-case names of the signed headers, sorted.
        payload_hash: the hex SHA-256 of the body, or the word in its place.
        host: the signed host, if it differs from the header.
    """
    values = request.headers if host is None else {**request.headers, "host": host}
    names = tuple(signed_headers)
    headers = "".join([f"{name}:{_trimmed(values[name])}\n" for name in names])
    return (
        f"{request.method}\n{encode_path(request.path)}\n{_canonical_query(request.query)}\n"
        f"{headers}\n{';'.join(names)}\n{payload_hash}"
    )


def string_to_sign(canonical: str, date: str, scope: str) -> str:
    """Return the text that is signed for a canonical request."""
    return f"{ALGORITHM}\n{date}\n{scope}\n{sha256(encode_text(canonical)).hexdigest()}"


def sign(
    request: Request,
    credentials: Credentials,
    now: int,
    region: str,
    payload_hash: str = UNSIGNED_PAYLOAD,
) -> dict[str, str]:
    """Return the headers to add to a request to sign it.

    Args:
        request: the request, with `host` among its headers.
        credentials: the credentials to sign with.
        now: Unix second.
        region: the service's region.
        payload_hash: the hex SHA-256 of the body, or the word in its place.
    """
    date = amz_date(now)
    added = {"x-amz-date": date, PAYLOAD_HASH: payload_hash}
    if credentials.token:
        added[TOKEN] = credentials.token
    headers = {**request.headers, **added}
    names = _to_sign(headers)
    signed = Request(request.method, request.path, request.query, headers)
    scope = f"{date[:8]}/{region}/{SERVICE}/aws4_request"
    text = string_to_sign(canonical_request(signed, names, payload_hash), date, scope)
    signature = hmac_sha256(signing_key(credentials.secret_key, date[:8], region), text)
    added["authorization"] = (
        f"{ALGORITHM} Credential={credentials.secret_id}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return added


def presign(
    request: Request, credentials: Credentials, now: int, region: str, lifetime: int
) -> tuple[tuple[str, str], ...]:
    """Return the query of a presigned URL: the signature's pairs around the request's own.

    Args:
        request: the request, with `host` among its headers; a client that uses the URL has to send
            all the signed headers.
        credentials: the credentials to sign with.
        now: the Unix second from which the URL is valid.
        region: the service's region.
        lifetime: the validity of the URL in seconds, at most seven days.
    """
    date = amz_date(now)
    names = _to_sign(request.headers)
    scope = f"{date[:8]}/{region}/{SERVICE}/aws4_request"
    token = (("X-Amz-Security-Token", credentials.token),) if credentials.token else ()
    query = (
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.secret_id}/{scope}"),
        ("X-Amz-Date", date),
        ("X-Amz-Expires", str(lifetime)),
        ("X-Amz-SignedHeaders", ";".join(names)),
        *token,
        *request.query,
    )
    signed = Request(request.method, request.path, query, request.headers)
    text = string_to_sign(canonical_request(signed, names), date, scope)
    signature = hmac_sha256(signing_key(credentials.secret_key, date[:8], region), text)
    return (*query, ("X-Amz-Signature", signature))


def _to_sign(headers: Iterable[str]) -> list[str]:
    return sorted(
        [name for name in headers if name in _SIGNED_HEADERS or name.startswith("x-amz-")]
    )


def encode_path(path: str) -> str:
    """Return a decoded path in the form that is signed."""
    return path if _PLAIN_PATH(path) else percent_encode(path)


def _canonical_query(query: tuple[tuple[str, str], ...]) -> str:
    if not query:
        return ""
    pairs = sorted([(_encode(name), _encode(value)) for name, value in query])
    return "&".join([f"{name}={value}" for name, value in pairs])


def _trimmed(value: str) -> str:
    return (_BLANKS.sub(" ", value) if _FOLDED(value) else value).strip(" ")


def _encode(text: str) -> str:
    # Most text needs no escape; to check that takes a tenth of the time of `quote`.
    return text if _UNRESERVED(text) else quote(encode_text(text), safe="-_.~")
