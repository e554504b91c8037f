"""q-sign: the canonical form of a request, signatures in a header, in a URL and in a form.

The time is an argument everywhere; nothing here reads a clock.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha1
from urllib.parse import quote

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.prepared_hmac import hmac_sha1
from coskit.protocol.messages import Request, encode_text

TOKEN = "x-cos-security-token"  # noqa: S105 - the name of a header

# The headers that the vendor's SDK signs, besides those that start with x-cos- or x-ci-.
_SIGNED_HEADERS = frozenset(
    """cache-control content-disposition content-encoding content-type content-md5 content-length
    expect expires host if-match if-modified-since if-none-match if-unmodified-since origin range
    transfer-encoding pic-operations""".split()
)
_UNRESERVED = re.compile("[A-Za-z0-9_.~-]*").fullmatch


@lru_cache(maxsize=256)
def sign_key(secret_key: str, key_time: str) -> str:
    """Return the key that signs requests during `key_time`, `<start>;<end>` in Unix seconds."""
    # Requests of one second share their window, so the cache serves most of them.
    return hmac_sha1(secret_key, key_time)


def signed_headers(headers: Iterable[str]) -> list[str]:
    """Return the lower-case names that a signature covers."""
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
        request: the request, with `host` among its headers if the host is to be signed.
        credentials: the credentials to sign with.
        now: Unix second.
        lifetime: seconds for which the signature is valid.
        margin: seconds before `now` from which it is valid, for clocks that run late.
        signing_key: the `sign_key` of this window, if it is known already.
    """
    key_time = f"{now - margin};{now + lifetime}"
    headers = request.headers
    names, header_list = _in_order(tuple(headers))
    params = _in_order_of_names(request.query) if request.query else []
    signature = signature_of(
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


def presign(
    request: Request, credentials: Credentials, now: int, lifetime: int, *, margin: int = 60
) -> tuple[tuple[str, str], ...]:
    """Return the query of a presigned URL: the signature's pairs, then the request's own."""
    authorization = sign(request, credentials, now, lifetime, margin=margin)
    pairs = [pair.partition("=") for pair in authorization.split("&")]
    return (*((name, value) for name, _, value in pairs), *request.query)


def sign_form(policy: str, credentials: Credentials, key_time: str) -> str:
    """Return the `q-signature` of a form upload from the text of its policy."""
    return hmac_sha1(sign_key(credentials.secret_key, key_time), sha1(policy.encode()).hexdigest())


def signature_of(
    key: str,
    sign_time: str,
    request: Request,
    headers: list[tuple[str, str]],
    params: list[tuple[str, str]],
) -> str:
    """Return the signature of a request.

    Args:
        key: the `sign_key`.
        sign_time: the window of validity.
        request: the request, of which method and path are signed.
        headers: the signed headers, sorted by their `encoded` lower-case names.
        params: the signed query parameters, sorted by their `encoded` lower-case names.
    """
    text = (
        f"{request.method.lower()}\n{request.path}\n{_canonical(params)}\n{_canonical(headers)}\n"
    )
    return hmac_sha1(key, f"sha1\n{sign_time}\n{sha1(encode_text(text)).hexdigest()}\n")


def encoded(text: str) -> str:
    """Return a name or value as it is signed, percent-encoded."""
    # Most text needs no escape; to check that takes a tenth of the time of `quote`.
    return text if _UNRESERVED(text) else quote(encode_text(text), safe="")


# A host with its port has to be escaped, and is the same in most requests.
@lru_cache(maxsize=32)
def _encoded_host(text: str) -> str:
    return encoded(text)


def first_values(query: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return query parameters by name; the first of a repeated name counts, also in operations."""
    return dict(reversed(query)) if query else {}


def _in_order_of_names(query: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted((encoded(name).lower(), value) for name, value in first_values(query).items())


# A program's requests have few different sets of headers, and each set comes again and again.
@lru_cache(maxsize=256)
def _in_order(names: tuple[str, ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the headers to sign, by their names in the signature, and the list of these names."""
    ordered = sorted((encoded(name).lower(), name) for name in signed_headers(names))
    return tuple(ordered), ";".join(name for name, _ in ordered)


def _canonical(pairs: list[tuple[str, str]]) -> str:
    return "&".join(
        [
            f"{name}={_encoded_host(value) if name == 'host' else encoded(value)}"
            for name, value in pairs
        ]
    )
