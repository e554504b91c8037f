"""q-sign: signing, presigning and verifying requests, in one canonical form for all three.

The time is an argument everywhere; nothing here reads a clock.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING
from urllib.parse import quote

from coskit.protocol.errors import AccessDenied, CredentialsError, SignatureDoesNotMatch
from coskit.protocol.messages import Request, encode_text

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

TOKEN = "x-cos-security-token"  # noqa: S105 - the name of a header

# What the vendor's SDK signs, besides everything that starts with x-cos- or x-ci-.
_SIGNED_HEADERS = frozenset(
    """cache-control content-disposition content-encoding content-type content-md5 content-length
    expect expires host if-match if-modified-since if-none-match if-unmodified-since origin range
    transfer-encoding pic-operations""".split()
)
# What a URL need not sign, though it has a meaning: the vendor's clients leave it out.
_FREE_HEADERS = frozenset(
    (
        TOKEN,  # which is of one key, and worth nothing beside the signature of another
        "x-cos-sdk-retry",  # with which the vendor's Python client repeats a request
    )
)
_FREE_PARAMS = frozenset(
    """q-sign-algorithm q-ak q-sign-time q-key-time q-header-list q-url-param-list q-signature
    sign""".split()
) | {
    TOKEN,  # the vendor's Java and Node clients add it behind the signature
    # Its samples for JavaScript add `&response-content-disposition=attachment` to a signed URL; all
    # that does is to let a browser save what it would show.
    "response-content-disposition",
}
_TRAFFIC_LIMIT = "x-cos-traffic-limit"
_TOLERANCE = 15 * 60  # seconds by which clocks may differ
_DEFAULT_PORTS = (":80", ":443")
_HMAC_BLOCK = 64  # bytes
_LONGEST_KEPT = 64  # characters of a name
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_UNRESERVED = re.compile("[A-Za-z0-9_.~-]*").fullmatch


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair and, for temporary keys, its token.

    Attributes:
        secret_id: names the key.
        secret_key: signs; it is never sent.
        token: of temporary keys, sent along; "" for lasting ones.
        expires: Unix second from which the keys are void; None if that is not known.
    """

    secret_id: str
    secret_key: str
    token: str = ""
    expires: float | None = None

    def __repr__(self) -> str:
        until = "" if self.expires is None else f", expires={self.expires:.0f}"
        return f"Credentials(secret_id={self.secret_id!r}, secret_key=..., token=...{until})"


# What editors, shells and copies leave around a text: blanks, line breaks, marks without a width.
_MARGIN = " \t\r\n\v\f\0\x1c\x1d\x1e\x1f\x85\xa0\u200b\u200c\u200d\u2028\u2029\u2060\u3000\ufeff"
_CONTROL = re.compile("[\0-\x1f\x7f]").search


def without_margin(text: str) -> str:
    """Return a value of a file or the environment without blanks, marks and quotes around it."""
    bare = text.strip(_MARGIN)
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        return bare[1:-1].strip(_MARGIN)
    return bare


def check_keys(keys: Credentials) -> None:
    """Make sure that keys are what the service gave out, not what a file has around them.

    Raises:
        CredentialsError: one of them is no text, or has blanks, line breaks or quotes around it.
    """
    for name in ("secret_id", "secret_key", "token"):
        text = getattr(keys, name)
        if not isinstance(text, str):
            raise CredentialsError(f"{name} is text, not {type(text).__name__}")
        if text != without_margin(text):
            raise CredentialsError(
                f"{name} begins or ends with a blank, a line break, a byte order mark or quotes, "
                "which are no part of it: strip them"
            )
        if _CONTROL(text):
            raise CredentialsError(f"{name} holds a line break or another control character")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its own signature; nothing in it has been checked."""

    secret_id: str
    sign_time: str
    key_time: str
    headers: tuple[str, ...]
    params: tuple[str, ...]
    signature: str
    in_url: bool


@lru_cache(maxsize=256)
def sign_key(secret_key: str, key_time: str) -> str:
    """Return the key that signs requests during `key_time`, `<start>;<end>` in Unix seconds."""
    # Requests of one second share their window, so most of them find the key here.
    return _hmac(secret_key, key_time)


def signed_headers(headers: Iterable[str]) -> list[str]:
    """Return those of the lower-case names that a signature covers."""
    return [h for h in headers if h in _SIGNED_HEADERS or h.startswith(("x-cos-", "x-ci-"))]


def sign(
    request: Request,
    credentials: Credentials,
    now: int,
    lifetime: int = 900,
    *,
    margin: int = 60,
    signing_key: str = "",
) -> str:
    """Return the Authorization value of a request.

    Args:
        request: with its `host` among the headers if the host is to be signed.
        credentials: whose signature it is.
        now: Unix second.
        lifetime: seconds for which the signature is valid.
        margin: seconds before `now` from which it is valid, for clocks that run late.
        signing_key: the `sign_key` of this window, if the caller has it already.
    """
    key_time = f"{now - margin};{now + lifetime}"
    headers = request.headers
    names, header_list = _in_order(tuple(headers))
    params = _in_order_of_names(request.query) if request.query else []
    signature = _signature(
        signing_key or sign_key(credentials.secret_key, key_time),
        key_time,
        request,
        [(name, headers[header]) for name, header in names],
        params,
    )
    return (
        f"q-sign-algorithm=sha1&q-ak={credentials.secret_id}"
        f"&q-sign-time={key_time}&q-key-time={key_time}&q-header-list={header_list}"
        f"&q-url-param-list={';'.join([name for name, _ in params])}&q-signature={signature}"
    )


def _in_order_of_names(query: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted((_encode(name).lower(), value) for name, value in _first_values(query).items())


# The headers of a program's requests are few sets, each of which comes again and again.
@lru_cache(maxsize=256)
def _in_order(names: tuple[str, ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the headers to sign, by their names in the signature, and the list of these."""
    ordered = sorted((_encode(name).lower(), name) for name in signed_headers(names))
    return tuple(ordered), ";".join(name for name, _ in ordered)


def presign(
    request: Request, credentials: Credentials, now: int, lifetime: int, *, margin: int = 60
) -> tuple[tuple[str, str], ...]:
    """Return the query of a presigned URL: the signature's pairs, then the request's own."""
    authorization = sign(request, credentials, now, lifetime, margin=margin)
    pairs = [pair.partition("=") for pair in authorization.split("&")]
    return (*((name, value) for name, _, value in pairs), *request.query)


def sign_form(policy: str, credentials: Credentials, key_time: str) -> str:
    """Return the `q-signature` of a form upload from the text of its policy."""
    return _hmac(sign_key(credentials.secret_key, key_time), sha1(policy.encode()).hexdigest())


def find_form_claim(fields: Mapping[str, str]) -> Claim | None:
    """Return what a form's fields, by lower-case name, say of its signature; None if it has none.

    Raises:
        AccessDenied: there is a signature, but it is malformed.
    """
    if "q-signature" not in fields:
        return None
    window = {"q-sign-time": fields.get("q-key-time", "")}
    return _read_claim(
        {**window, "q-header-list": "", "q-url-param-list": "", **fields}, in_url=False
    )


def verify_form(claim: Claim, policy: str, secret_key: str, now: int) -> None:
    """Check the claim of a form against the text of its policy.

    Raises:
        AccessDenied: the signature is not valid at this time.
        SignatureDoesNotMatch: it is the signature of another policy or another key.
    """
    _check_time(claim, now)
    expected = sign_form(policy, Credentials(claim.secret_id, secret_key), claim.key_time)
    if not hmac.compare_digest(expected.encode(), encode_text(claim.signature)):
        raise SignatureDoesNotMatch


def find_claim(request: Request) -> Claim | None:
    """Return what a request says of its signature, or None if it is anonymous.

    Raises:
        AccessDenied: there is a signature, but it is malformed.
    """
    authorization = request.headers.get("authorization", "").strip()
    if authorization:
        return _read_claim(_pairs(authorization), in_url=False)
    query = _first_values(request.query)
    if "q-signature" in query:
        return _read_claim(query, in_url=True)
    if "sign" in query:  # all of it as one parameter
        return _read_claim(_pairs(query["sign"]), in_url=True)
    return None


def verify(claim: Claim, request: Request, secret_key: str, now: int) -> None:
    """Check a claim against the request it came with.

    Args:
        claim: from `find_claim`.
        request: the request as it was received.
        secret_key: of the claim's `secret_id`.
        now: Unix second.

    Raises:
        AccessDenied: the signature is not valid at this time.
        SignatureDoesNotMatch: it is the signature of another request or another key.
    """
    _check_time(claim, now)
    key = sign_key(secret_key, claim.key_time)
    params = {_signed_name(k): v for k, v in reversed(request.query)}
    if len(params) < len(dict(request.query)):
        # Only one of `a=1&A=2` would be checked, and it might be the one that does not count.
        raise SignatureDoesNotMatch("The signature cannot tell parameters apart by case")
    headers = {_signed_name(k): v for k, v in request.headers.items()}
    if not params.keys() >= set(claim.params) or not headers.keys() >= set(claim.headers):
        raise SignatureDoesNotMatch("The signature covers a header or parameter that is absent")
    signed_params = [(name, params[name]) for name in sorted(claim.params)]
    given = encode_text(claim.signature)
    for host in _hosts(headers.get("host", "")) if "host" in claim.headers else ("",):
        values = [
            (name, host if name == "host" else headers[name]) for name in sorted(claim.headers)
        ]
        expected = _signature(key, claim.sign_time, request, values, signed_params)
        if hmac.compare_digest(expected.encode(), given):
            return
    raise SignatureDoesNotMatch


def check_coverage(claim: Claim, request: Request) -> None:
    """Refuse what the signature of a URL leaves open: whoever was given it may have added that.

    What says how a body is stored or an answer shown to one reader may be added: `content-type` and
    its like, `range`, `if-*`. Whoever signs in a header sends the request too, and may leave out
    what they like.

    Args:
        claim: from `find_claim`.
        request: as it was received.

    Raises:
        AccessDenied: it leaves out the host, or a header or a parameter with a meaning.
    """
    if not claim.in_url:
        return
    signed = frozenset(claim.headers)
    # OpenDAL and the oldest SDKs of the vendor name no header at all in their URLs.
    if signed and "host" not in signed:
        raise AccessDenied("The signature of a URL has to cover the Host header")
    for name in request.headers:
        if name.startswith("x-cos-") and name not in signed and name not in _FREE_HEADERS:
            raise AccessDenied(f"The signature of the URL does not cover the header {name[:60]}")
    given = frozenset([_signed_name(name) for name, _ in request.query])
    for name in given - frozenset(claim.params) - _FREE_PARAMS:
        if name == _TRAFFIC_LIMIT or not name.startswith("x-"):
            raise AccessDenied(f"The signature of the URL does not cover the parameter {name[:60]}")


def check_window(claim: Claim, longest: int | None) -> None:
    """Refuse a signature that is valid for too long.

    Args:
        claim: from `find_claim` or `find_form_claim`.
        longest: seconds, or None for any time.

    Raises:
        AccessDenied: it is.
    """
    if longest is None:
        return
    for window in (claim.sign_time, claim.key_time):
        start, end = _window(window)
        if end - start > longest + _TOLERANCE:
            raise AccessDenied(f"A signature is valid for at most {longest} seconds here")


def _check_time(claim: Claim, now: int) -> None:
    for window in (claim.sign_time, claim.key_time):
        start, end = _window(window)
        if not start <= now <= end:
            raise AccessDenied("Request has expired" if now > end else "Request is not yet valid")


def _signature(
    key: str,
    sign_time: str,
    request: Request,
    headers: list[tuple[str, str]],
    params: list[tuple[str, str]],
) -> str:
    text = (
        f"{request.method.lower()}\n{request.path}\n{_canonical(params)}\n{_canonical(headers)}\n"
    )
    return _hmac(key, f"sha1\n{sign_time}\n{sha1(encode_text(text)).hexdigest()}\n")


def _canonical(pairs: list[tuple[str, str]]) -> str:
    return "&".join([f"{name}={_encode(value)}" for name, value in pairs])


def _signed_name(name: str) -> str:
    # What is kept of strangers' names must not grow with them.
    return _kept_name(name) if len(name) <= _LONGEST_KEPT else _encode(name).lower()


# The names of parameters and headers are few, and each comes with every request.
@lru_cache(maxsize=1024)
def _kept_name(name: str) -> str:
    return _encode(name).lower()


def _encode(text: str) -> str:
    # Most text needs no escape, and to see that takes a tenth of the time of writing it.
    return text if _UNRESERVED(text) else quote(encode_text(text), safe="")


def _hmac(key: str, text: str) -> str:
    keyed = _keyed(key)
    inner, outer = keyed[0].copy(), keyed[1].copy()
    inner.update(encode_text(text))
    outer.update(inner.digest())
    return outer.hexdigest()


# HMAC as it is defined: to go on from hashes that have the key takes a fifth of hmac.digest's time.
@lru_cache(maxsize=256)
def _keyed(key: str) -> tuple["HASH", "HASH"]:
    raw = encode_text(key)
    block = (sha1(raw).digest() if len(raw) > _HMAC_BLOCK else raw).ljust(_HMAC_BLOCK, b"\0")
    return sha1(block.translate(_INNER)), sha1(block.translate(_OUTER))


def _first_values(query: tuple[tuple[str, str], ...]) -> dict[str, str]:
    # Of a repeated parameter the first counts, for the signature and for the operation alike.
    return dict(reversed(query)) if query else {}


def _pairs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (p.strip().partition("=") for p in text.split("&"))}


def _read_claim(pairs: Mapping[str, str], *, in_url: bool) -> Claim:
    if pairs.get("q-sign-algorithm") != "sha1":
        raise AccessDenied("The signature's algorithm is not q-sign-algorithm=sha1")
    try:
        claim = Claim(
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


def _hosts(received: str) -> Iterable[str]:
    """Return the spellings of the host that a client may have signed."""
    name = received.rpartition(":")[0] if received.rpartition(":")[2].isdigit() else received
    return dict.fromkeys((received, name, *(name + port for port in _DEFAULT_PORTS)))
