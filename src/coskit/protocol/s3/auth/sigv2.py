"""AWS Signature Version 2, which old tools use, in a header and in a URL."""

import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.verify import MAX_SKEW
from coskit.protocol.codec.dates import http_date, parse_http_date
from coskit.protocol.errors import (
    AccessDenied,
    InvalidArgument,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import Request, encode_text, is_header_name, unsendable
from coskit.protocol.s3.auth.sigv4 import TOKEN, encode_path, parse_amz_date

_SCHEME = "AWS "
_AMZ = "x-amz-"
_MOVED = ("content-md5", "content-type")  # headers that a URL may carry, besides x-amz-*
_EXPIRES_DIGITS = 18
# The signed parameters: they select another operation or change the response.
_SUB_RESOURCES = frozenset(
    """accelerate acl analytics attributes cors defaultObjectAcl delete encryption inventory
    legal-hold lifecycle location logging metrics notification object-lock ownershipControls
    partNumber policy policyStatus publicAccessBlock replication requestPayment restore
    response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires retention select select-type
    storageClass tagging torrent uploadId uploads versionId versioning versions website""".split()
)
_QUERY_NAMES = ("AWSAccessKeyId", "Signature", "Expires")


@dataclass(frozen=True, slots=True)
class SigV2Claim:
    """The signature data in a request, not verified yet.

    Attributes:
        secret_id: the key's name.
        signature: the signature in Base64.
        expires: the Unix second after which a URL is void, as it was signed; None for a header.
    """

    secret_id: str
    signature: str
    expires: str | None = None


def find_claim(request: Request) -> SigV2Claim | None:
    """Return the signature data of a request, or None if it has none of this version.

    Raises:
        InvalidArgument: the signature in the header is malformed.
        AccessDenied: the signature in the query is malformed.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(_SCHEME):
        secret_id, colon, signature = authorization[len(_SCHEME) :].strip().rpartition(":")
        if not colon or not secret_id:
            raise InvalidArgument("AWS authorization header is invalid: AWS AccessKeyId:signature")
        return SigV2Claim(secret_id, signature)
    query = dict(reversed(request.query))
    if "AWSAccessKeyId" not in query:
        return None
    secret_id, signature, expires = (query.get(name, "") for name in _QUERY_NAMES)
    is_second = expires.isascii() and expires.isdigit() and len(expires) <= _EXPIRES_DIGITS
    if not signature or not is_second:
        raise AccessDenied(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters"
        )
    # Base64 has no blanks; a blank is a plus that was not percent-encoded.
    return SigV2Claim(secret_id, signature.replace(" ", "+"), expires)


def verify(
    claim: SigV2Claim,
    request: Request,
    secret_key: str,
    now: int,
    host_bucket: str,
    longest: int | None = None,
) -> None:
    """Verify the signature of a request.

    Args:
        claim: the signature data, from `find_claim`.
        request: the request as it was received.
        secret_key: the secret of the claim's `secret_id`.
        now: Unix second.
        host_bucket: the bucket in the host, or "" if it is in the path.
        longest: the longest validity of a URL in seconds, or None for no limit.

    Raises:
        AccessDenied: the URL has expired or is valid for too long, or the request has no date.
        RequestTimeTooSkewed: the request's date is more than 15 minutes off.
        SignatureDoesNotMatch: the signature is of another request or another key, or is valid for
            another request too.
    """
    _check_time(claim, request.headers, now, longest)
    if request.query:
        _refuse_ambiguous(request.query)
    given, asked = encode_text(claim.signature), [request]
    if not host_bucket and request.path.count("/") == 1 and len(request.path) > 1:
        # botocore signs a bucket as `/bucket/`, and sends `/bucket`.
        asked.append(replace(request, path=f"{request.path}/"))
    for one in asked:
        expected = _signature(one, secret_key, claim.expires, host_bucket)
        if hmac.compare_digest(expected.encode(), given):
            return
    raise SignatureDoesNotMatch


def sign(
    request: Request, credentials: Credentials, now: int, host_bucket: str = ""
) -> dict[str, str]:
    """Return the headers to add to a request to sign it.

    Args:
        request: the request with its headers.
        credentials: the credentials to sign with.
        now: Unix second.
        host_bucket: the bucket in the host, or "" if it is in the path.
    """
    added = {"date": http_date(now * 1000)}
    if credentials.token:
        added[TOKEN] = credentials.token
    signed = Request(request.method, request.path, request.query, {**request.headers, **added})
    signature = _signature(signed, credentials.secret_key, None, host_bucket)
    return {**added, "authorization": f"{_SCHEME}{credentials.secret_id}:{signature}"}


def presign(
    request: Request, credentials: Credentials, expires: int, host_bucket: str = ""
) -> tuple[tuple[str, str], ...]:
    """Return the query of a presigned URL: the request's own pairs and the signature's.

    Args:
        request: the request; its signed headers go into the query.
        credentials: the credentials to sign with.
        expires: the Unix second after which the URL is void.
        host_bucket: the bucket in the host, or "" if it is in the path.
    """
    token = {TOKEN: credentials.token} if credentials.token else {}
    headers = {**request.headers, **token}
    moved = tuple(
        (name, value) for name, value in headers.items() if name.startswith(_AMZ) or name in _MOVED
    )
    signed = Request(request.method, request.path, request.query, headers)
    signature = _signature(signed, credentials.secret_key, str(expires), host_bucket)
    values = (credentials.secret_id, signature, str(expires))
    return (*request.query, *moved, *zip(_QUERY_NAMES, values, strict=True))


def sign_text(secret_key: str, text: str) -> str:
    """Return the Base64 signature of a text."""
    return b64encode(hmac.digest(encode_text(secret_key), encode_text(text), "sha1")).decode()


def _check_time(
    claim: SigV2Claim, headers: Mapping[str, str], now: int, longest: int | None
) -> None:
    if claim.expires is not None:
        if now > int(claim.expires):
            raise AccessDenied("Request has expired")
        if longest is not None and int(claim.expires) - now > longest + MAX_SKEW:
            raise AccessDenied(f"A URL is valid for at most {longest} seconds here")
        return
    text = headers.get("x-amz-date", headers.get("date", ""))
    second = parse_amz_date(text)
    if second is None:
        moment = parse_http_date(text)
        second = -1 if moment is None else moment // 1000
    if second < 0:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    if abs(second - now) > MAX_SKEW:
        raise RequestTimeTooSkewed


def _refuse_ambiguous(query: Iterable[tuple[str, str]]) -> None:
    """Refuse parameters whose text could be several parameters, since the signed text is unescaped.

    Raises:
        SignatureDoesNotMatch: there is such a parameter.
    """
    for name, value in query:
        lower = name.lower()
        if lower.startswith(_AMZ) or lower in _MOVED:
            if not is_header_name(lower) or unsendable(value):
                raise SignatureDoesNotMatch(f"The parameter {name[:60]!a} is no header")
        elif name in _SUB_RESOURCES:
            others = (piece.partition("=")[0] for piece in value.split("&")[1:])
            if any(other in _SUB_RESOURCES for other in others):
                raise SignatureDoesNotMatch(f"The parameter {name} contains another parameter")


def _signature(request: Request, secret_key: str, expires: str | None, host_bucket: str) -> str:
    in_url = expires is not None
    # Parameters of a URL that stand for headers are signed as headers.
    moved = {name.lower(): value for name, value in reversed(request.query)} if in_url else {}
    values = {**moved, **request.headers}
    date = "" if "x-amz-date" in values else values.get("date", "")
    amz = "".join(
        f"{name}:{values[name].strip()}\n" for name in sorted(values) if name.startswith(_AMZ)
    )
    lines = (
        request.method,
        values.get("content-md5", "").strip(),
        values.get("content-type", "").strip(),
        date.strip() if expires is None else expires,
        amz + _resource(request, host_bucket),
    )
    return sign_text(secret_key, "\n".join(lines))


def _resource(request: Request, host_bucket: str) -> str:
    """Return the path with its bucket and the signed parameters, decoded."""
    path = encode_path(request.path)
    if host_bucket:
        path = f"/{host_bucket}{path}"
    named = dict(reversed(request.query))
    pairs = sorted((name, named[name]) for name in named if name in _SUB_RESOURCES)
    text = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    return f"{path}?{text}" if text else path
