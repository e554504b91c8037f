"""q-sign: find the signature of a request or a form, and verify it.

The time is an argument everywhere; nothing here reads a clock.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import (
    TOKEN,
    encoded,
    first_values,
    sign_form,
    sign_key,
    signature_of,
)
from coskit.protocol.errors import AccessDenied, SignatureDoesNotMatch
from coskit.protocol.messages import Request, encode_text

MAX_SKEW = 15 * 60  # seconds by which clocks may differ
# Headers that a URL need not sign, though they have a meaning: the vendor's clients leave them out.
_FREE_HEADERS = frozenset(
    (
        TOKEN,  # of one key only, and useless beside the signature of another key
        "x-cos-sdk-retry",  # the vendor's Python client adds it when it retries a request
    )
)
_FREE_PARAMS = frozenset(
    """q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature
    sign""".split()
) | {
    TOKEN,  # the vendor's Java and Node clients add it behind the signature
    # The vendor's samples for JavaScript add `&response-content-disposition=attachment` to a signed
    # URL; its only effect is that a browser saves what it would show.
    "response-content-disposition",
}
_TRAFFIC_LIMIT = "x-cos-traffic-limit"
_DEFAULT_PORTS = (":80", ":443")
_LONGEST_CACHED = 1024  # characters of all names of a request


@dataclass(frozen=True, slots=True)
class QSignClaim:
    """The signature data in a request or a form, not verified yet.

    Attributes:
        secret_id: the key's name.
        sign_time: the window of validity, `<start>;<end>` in Unix seconds.
        key_time: the window of the signing key, in the same form.
        headers: lower-case names of the signed headers.
        params: lower-case names of the signed query parameters.
        signature: the signature in hex.
        in_url: whether the signature is in the URL.
    """

    secret_id: str
    sign_time: str
    key_time: str
    headers: tuple[str, ...]
    params: tuple[str, ...]
    signature: str
    in_url: bool


def find_claim(request: Request) -> QSignClaim | None:
    """Return the signature data of a request, or None if it has none.

    Raises:
        AccessDenied: there is a signature, but it is malformed.
    """
    authorization = request.headers.get("authorization", "").strip()
    if authorization:
        return _read_claim(_pairs(authorization), in_url=False)
    query = first_values(request.query)
    if "q-signature" in query:
        return _read_claim(query, in_url=True)
    if "sign" in query:  # the whole signature in one parameter
        return _read_claim(_pairs(query["sign"]), in_url=True)
    return None


def find_form_claim(fields: Mapping[str, str]) -> QSignClaim | None:
    """Return the signature data of a form's fields, by lower-case name, or None if it has none.

    Raises:
        AccessDenied: there is a signature, but it is malformed.
    """
    if "q-signature" not in fields:
        return None
    window = {"q-sign-time": fields.get("q-key-time", "")}
    return _read_claim(
        {**window, "q-header-list": "", "q-url-param-list": "", **fields}, in_url=False
    )


def verify(claim: QSignClaim, request: Request, secret_key: str, now: int) -> None:
    """Verify the signature of a request.

    Args:
        claim: the signature data, from `find_claim`.
        request: the request as it was received.
        secret_key: the secret of the claim's `secret_id`.
        now: Unix second.

    Raises:
        AccessDenied: the signature is not valid at this time.
        SignatureDoesNotMatch: the signature is of another request or another key.
    """
    _check_time(claim, now)
    key = sign_key(secret_key, claim.key_time)
    query = first_values(request.query)
    params = dict(zip(_signed_names(tuple(query)), query.values(), strict=True))
    if len(params) < len(query):
        # Only one of `a=1&A=2` would be checked, and the operation might read the other.
        raise SignatureDoesNotMatch("Two signed parameters differ only in case")
    sent = request.headers
    headers = dict(zip(_signed_names(tuple(sent)), sent.values(), strict=True))
    if not params.keys() >= set(claim.params) or not headers.keys() >= set(claim.headers):
        raise SignatureDoesNotMatch("The signature covers a header or parameter that is absent")
    signed_params = [(name, params[name]) for name in sorted(claim.params)]
    given = encode_text(claim.signature)
    for host in _hosts(headers.get("host", "")) if "host" in claim.headers else ("",):
        values = [
            (name, host if name == "host" else headers[name]) for name in sorted(claim.headers)
        ]
        expected = signature_of(key, claim.sign_time, request, values, signed_params)
        if hmac.compare_digest(expected.encode(), given):
            return
    raise SignatureDoesNotMatch


def verify_form(claim: QSignClaim, policy: str, secret_key: str, now: int) -> None:
    """Verify the signature of a form against the text of its policy.

    Raises:
        AccessDenied: the signature is not valid at this time.
        SignatureDoesNotMatch: the signature is of another policy or another key.
    """
    _check_time(claim, now)
    expected = sign_form(policy, Credentials(claim.secret_id, secret_key), claim.key_time)
    if not hmac.compare_digest(expected.encode(), encode_text(claim.signature)):
        raise SignatureDoesNotMatch


def check_coverage(claim: QSignClaim, request: Request) -> None:
    """Refuse a signed URL that came with an unsigned header or parameter of importance.

    Anyone who holds a signed URL can add to it. Headers and parameters that only affect how a body
    is stored or a response is shown may be added: `content-type` and the like, `range`, `if-*`.
    A signature in the Authorization header may leave out anything, since its sender also sends the
    request.

    Args:
        claim: the signature data, from `find_claim`.
        request: the request as it was received.

    Raises:
        AccessDenied: the signature leaves out the host, or a header or a parameter with a meaning.
    """
    if not claim.in_url:
        return
    signed = frozenset(claim.headers)
    # OpenDAL and the oldest SDKs of the vendor sign no header at all in their URLs.
    if signed and "host" not in signed:
        raise AccessDenied("The signature of a URL must cover the Host header")
    for name in request.headers:
        if name.startswith("x-cos-") and name not in signed and name not in _FREE_HEADERS:
            raise AccessDenied(f"The signature of the URL does not cover the header {name[:60]}")
    given = frozenset(_signed_names(tuple(first_values(request.query))))
    for name in given - frozenset(claim.params) - _FREE_PARAMS:
        if name == _TRAFFIC_LIMIT or not name.startswith("x-"):
            raise AccessDenied(f"The signature of the URL does not cover the parameter {name[:60]}")


def check_window(claim: QSignClaim, longest: int | None) -> None:
    """Refuse a signature that is valid for too long.

    Args:
        claim: the signature data, from `find_claim` or `find_form_claim`.
        longest: the longest validity in seconds, or None for no limit.

    Raises:
        AccessDenied: the signature is valid for longer.
    """
    if longest is None:
        return
    for window in (claim.sign_time, claim.key_time):
        start, end = _window(window)
        if end - start > longest + MAX_SKEW:
            raise AccessDenied(f"A signature is valid for at most {longest} seconds here")


def _check_time(claim: QSignClaim, now: int) -> None:
    for window in (claim.sign_time, claim.key_time):
        start, end = _window(window)
        if not start <= now <= end:
            raise AccessDenied("Request has expired" if now > end else "Request is not yet valid")


def _signed_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of headers or parameters as they are signed."""
    # Long names are not cached: clients could fill the memory with them.
    if len("".join(names)) > _LONGEST_CACHED:
        return tuple([encoded(name).lower() for name in names])
    return _cached_names(names)


# Clients send few different sets of headers and parameters, and each set comes again and again.
@lru_cache(maxsize=256)
def _cached_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([encoded(name).lower() for name in names])


def _pairs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (p.strip().partition("=") for p in text.split("&"))}


def _read_claim(pairs: Mapping[str, str], *, in_url: bool) -> QSignClaim:
    if pairs.get("q-sign-algorithm") != "sha1":
        raise AccessDenied("The signature's algorithm is not q-sign-algorithm=sha1")
    try:
        claim = QSignClaim(
            pairs["q-ak"],
            pairs["q-sign-time"],
            pairs["q-key-time"],
            tuple(filter(None, pairs["q-header-list"].lower().split(";"))),
            tuple(filter(None, pairs["q-url-param-list"].lower().split(";"))),
            pairs["q-signature"],
            in_url,
        )
    except KeyError as missing:
        raise AccessDenied(f"The signature lacks {missing}") from None
    _window(claim.sign_time)
    return claim


@lru_cache(maxsize=256)
def _window(text: str) -> tuple[int, int]:
    start, _, end = text.partition(";")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        raise AccessDenied("The signature's time is not of the form start;end")
    return int(start[:19]), int(end[:19])


def _hosts(received: str) -> Iterator[str]:
    """Yield the spellings of the host that a client may have signed, the likeliest first."""
    yield received
    name, _, port = received.rpartition(":")
    name = name if port.isdigit() else received
    for spelling in (name, *(name + port for port in _DEFAULT_PORTS)):
        if spelling != received:
            yield spelling
