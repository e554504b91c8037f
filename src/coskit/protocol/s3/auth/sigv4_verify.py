"""AWS Signature Version 4: find the signature of a request, and verify it."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from coskit.protocol.auth.prepared_hmac import hmac_sha256
from coskit.protocol.auth.verify import MAX_SKEW
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    CosServiceError,
    InvalidRequest,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import Request, encode_text
from coskit.protocol.s3.auth.sigv4 import (
    ALGORITHM,
    MAX_LIFETIME,
    PAYLOAD_HASH,
    SERVICE,
    UNSIGNED_PAYLOAD,
    amz_date,
    canonical_request,
    parse_amz_date,
    signing_key,
    string_to_sign,
)

_END_OF_TIME = 253_402_300_800  # the first second whose year has five digits
_DEFAULT_PORTS = (":80", ":443")
_HEADER = re.compile(rf"{ALGORITHM}(?:[\s,]|$)").match


@dataclass(frozen=True, slots=True)
class SigV4Claim:
    """The signature data in a request, well-formed but not verified yet.

    Attributes:
        secret_id: the key's name.
        date: the signed date, `20231114T221320Z`.
        region: the region of the scope.
        signed_headers: lower-case names of the signed headers, in the signed order.
        payload_hash: the hex SHA-256 of the body, or the word in its place.
        signature: the signature in hex.
        lifetime: the validity of a URL in seconds from the date; None for a header.
    """

    secret_id: str
    date: str
    region: str
    signed_headers: tuple[str, ...]
    payload_hash: str
    signature: str
    lifetime: int | None = None

    @property
    def scope(self) -> str:
        """The scope of the signing key."""
        return f"{self.date[:8]}/{self.region}/{SERVICE}/aws4_request"


def find_claim(request: Request) -> SigV4Claim | None:
    """Return the signature data of a request, or None if it has none of this version.

    Raises:
        AuthorizationHeaderMalformed: the signature in the header is malformed.
        AuthorizationQueryParametersError: the signature in the query is malformed.
        AccessDenied: the request has no date.
        InvalidRequest: the request lacks the header with the body's hash.
    """
    authorization = request.headers.get("authorization", "")
    if _HEADER(authorization):
        return _read_header(authorization, request.headers)
    if not request.query:
        return None
    query = dict(reversed(request.query))
    if "X-Amz-Algorithm" in query or "X-Amz-Signature" in query:
        return _read_query(query, request.headers)
    return None


def verify(claim: SigV4Claim, request: Request, secret_key: str, now: int) -> None:
    """Verify the signature of a request; the body's hash is checked while the body arrives.

    Args:
        claim: the signature data, from `find_claim`.
        request: the request as it was received.
        secret_key: the secret of the claim's `secret_id`.
        now: Unix second.

    Raises:
        RequestTimeTooSkewed: the request's date is more than 15 minutes off.
        AccessDenied: the URL is not valid at this time, or a header that has to be signed is not.
        SignatureDoesNotMatch: the signature is of another request or another key.
    """
    _check_time(claim, now)
    _check_coverage(claim, request.headers)
    if claim.lifetime is not None:
        query = tuple([pair for pair in request.query if pair[0] != "X-Amz-Signature"])
        request = Request(request.method, request.path, query, request.headers)
    key, given = signing_key(secret_key, claim.date[:8], claim.region), encode_text(claim.signature)
    for host in _hosts(request.headers["host"]):
        canonical = canonical_request(request, claim.signed_headers, claim.payload_hash, host=host)
        expected = hmac_sha256(key, string_to_sign(canonical, claim.date, claim.scope))
        if hmac.compare_digest(expected.encode(), given):
            return
    raise SignatureDoesNotMatch


def _check_time(claim: SigV4Claim, now: int) -> None:
    start = parse_amz_date(claim.date)
    assert start is not None, "find_claim takes nothing else"
    if claim.lifetime is None:
        if abs(start - now) > MAX_SKEW:
            raise RequestTimeTooSkewed
    elif now >= start + claim.lifetime:
        raise AccessDenied("Request has expired")
    elif now < start - MAX_SKEW:
        raise AccessDenied("Request is not yet valid")


def _check_coverage(claim: SigV4Claim, headers: Mapping[str, str]) -> None:
    signed = set(claim.signed_headers)
    if "host" not in signed or "host" not in headers:
        raise AccessDenied("The Host header must be signed")
    for name in headers:
        if name not in signed and name.startswith("x-amz-"):
            # The hash of the body may come in an unsigned header beside a signed URL.
            if claim.lifetime is None or name != PAYLOAD_HASH:
                raise AccessDenied(
                    "There were headers present in the request which were not signed"
                )
    if not headers.keys() >= signed:
        raise SignatureDoesNotMatch("The signature covers a header that is absent")


def _read_header(authorization: str, headers: Mapping[str, str]) -> SigV4Claim:
    fields: dict[str, str] = {}
    for item in authorization[len(ALGORITHM) :].split(","):
        name, _, value = item.partition("=")
        fields[name.strip()] = value.strip()
    try:
        credential, names, signature = (
            fields[name] for name in ("Credential", "SignedHeaders", "Signature")
        )
    except KeyError as missing:
        raise AuthorizationHeaderMalformed(f"The Authorization header lacks {missing}") from None
    secret_id, day, region = read_credential(credential, AuthorizationHeaderMalformed)
    date = _signed_date(headers)
    if date[:8] != day:
        raise AuthorizationHeaderMalformed("The credential's date is not that of the request")
    if PAYLOAD_HASH not in headers:
        raise InvalidRequest(f"Missing required header for this request: {PAYLOAD_HASH}")
    signed = tuple(filter(None, names.lower().split(";")))
    return SigV4Claim(secret_id, date, region, signed, headers[PAYLOAD_HASH].strip(), signature)


def _signed_date(headers: Mapping[str, str]) -> str:
    """Return the signed date of a request; x-amz-date takes precedence over Date.

    Raises:
        AccessDenied: the request has no valid date.
    """
    date = headers.get("x-amz-date") or headers.get("date", "")
    if parse_amz_date(date) is not None:
        return date
    second = (parse_http_date(date) or -1) // 1000
    if not 0 <= second < _END_OF_TIME:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    return amz_date(second)


def _read_query(query: Mapping[str, str], headers: Mapping[str, str]) -> SigV4Claim:
    wrong = AuthorizationQueryParametersError
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise wrong(f"X-Amz-Algorithm only supports {ALGORITHM}")
    try:
        credential, date, expires, names, signature = (
            query[f"X-Amz-{name}"]
            for name in ("Credential", "Date", "Expires", "SignedHeaders", "Signature")
        )
    except KeyError as missing:
        raise wrong(f"The query lacks {missing}") from None
    secret_id, day, region = read_credential(credential, wrong)
    if parse_amz_date(date) is None:
        raise wrong("X-Amz-Date must be in the ISO8601 Long Format yyyyMMdd'T'HHmmss'Z'")
    if date[:8] != day:
        raise wrong("The credential's date is not that of X-Amz-Date")
    if not (expires.isascii() and expires.isdigit()):
        raise wrong("X-Amz-Expires must be a non-negative number")
    if len(expires) > 9 or int(expires) > MAX_LIFETIME:
        raise wrong("X-Amz-Expires must be less than a week (in seconds)")
    signed = tuple(filter(None, names.lower().split(";")))
    payload = query.get("X-Amz-Content-Sha256", "")
    if not payload and PAYLOAD_HASH in signed:
        payload = headers.get(PAYLOAD_HASH, "")
    hashed = payload or UNSIGNED_PAYLOAD
    return SigV4Claim(secret_id, date, region, signed, hashed, signature, int(expires))


def read_credential(text: str, wrong: type[CosServiceError]) -> tuple[str, str, str]:
    """Return the secret id, day and region of a Credential."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        raise wrong("The Credential is not of the form <key>/<date>/<region>/s3/aws4_request")
    secret_id, day, region, service, end = parts
    if service != SERVICE or end != "aws4_request":
        raise wrong(f"The Credential is not one of {SERVICE}/aws4_request")
    return secret_id, day, region


def _hosts(received: str) -> tuple[str | None, ...]:
    """Return the hosts that a client may have signed; None stands for the received one."""
    for port in _DEFAULT_PORTS:
        if received.endswith(port):
            return (None, received.removesuffix(port))
    return (None,)
