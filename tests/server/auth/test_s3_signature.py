"""S3 signatures and the bodies that they cover, without a socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import (
    AccessDenied,
    CosServiceError,
    ExpiredToken,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    NotImplementedOperation,
    SignatureDoesNotMatch,
    XAmzContentSHA256Mismatch,
)
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth import post_signature, sigv2, sigv4
from coskit.protocol.s3.auth.aws_chunked import (
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkEncoder,
    SeedSignature,
    encoded_length,
)
from coskit.server.auth.accounts import change_accounts, with_token_secret
from coskit.server.auth.authenticate import ANONYMOUS
from coskit.server.auth.key_ring import KeyRing
from coskit.server.auth.s3_signature import Identity, identify, identify_form
from coskit.server.auth.session_tokens import issue
from coskit.server.dialects.s3_payload import open_payload
from tests.server.support.http_client import OWNER

NOW = 1_700_000_000
ME = Credentials("me", "secret")
HOST = "b-1250000000.localhost"
PATH_STYLE = Request("PUT", "/b/k", (), {"host": "localhost", "content-length": "4"})
IN_HOST = Request("PUT", "/k", (), {"host": HOST, "content-length": "4"})
DATA = b"data" * 1000


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    change_accounts(tmp_path, with_token_secret)
    return KeyRing(tmp_path, {"me": ("secret", OWNER)})


def who(request: Request, keys: KeyRing, now: int = NOW) -> Identity:
    return identify(request, "b", "k", keys, now)


def signed(request: Request, payload_hash: str, credentials: Credentials = ME) -> Request:
    added = sigv4.sign(request, credentials, NOW, "any", payload_hash)
    return replace(request, headers={**request.headers, **added})


def each_way(request: Request, credentials: Credentials) -> list[Request]:
    """Return a request signed in every way that S3 has."""
    host = "b" if request.headers["host"] == HOST else ""
    old = sigv2.sign(request, credentials, NOW, host)
    return [
        signed(request, sigv4.UNSIGNED_PAYLOAD, credentials),
        replace(request, query=sigv4.presign(request, credentials, NOW, "any", 60)),
        replace(request, headers={**request.headers, **old}),
        replace(request, query=sigv2.presign(request, credentials, NOW + 60, host)),
    ]


@pytest.mark.parametrize("request_", [PATH_STYLE, IN_HOST], ids=["in the path", "in the host"])
def test_a_signature_of_either_version_in_either_place(request_: Request, keys: KeyRing) -> None:
    for request in each_way(request_, ME):
        assert who(request, keys).principal.account == OWNER
        with pytest.raises(SignatureDoesNotMatch):
            who(replace(request, method="DELETE"), keys)
        with pytest.raises((AccessDenied, CosServiceError)):
            who(request, keys, NOW + 3600)
    for request in each_way(request_, Credentials("me", "guessed")):
        with pytest.raises(SignatureDoesNotMatch):
            who(request, keys)
    for request in each_way(request_, Credentials("nobody", "secret")):
        with pytest.raises(InvalidAccessKeyId):
            who(request, keys)


def test_an_old_signature_for_one_object_is_none_for_another(keys: KeyRing) -> None:
    headers = {"host": HOST, **sigv2.sign(replace(PATH_STYLE, headers={}), ME, NOW)}
    with pytest.raises(SignatureDoesNotMatch):
        identify(Request("PUT", "/b/k", (), headers), "b", "b/k", keys, NOW)
    added = sigv2.sign(replace(PATH_STYLE, path="/b/b/k", headers={}), ME, NOW)
    with pytest.raises(SignatureDoesNotMatch):
        identify(Request("PUT", "/b/k", (), {"host": "b.else", **added}), "b", "k", keys, NOW)


def test_a_temporary_key_comes_with_its_token(keys: KeyRing) -> None:
    key = issue(keys.token_secret, OWNER, NOW + 600)
    for request in each_way(PATH_STYLE, key):
        assert who(request, keys).principal.account == OWNER
    for request in each_way(PATH_STYLE, replace(key, token="")):
        with pytest.raises(AccessDenied):
            who(request, keys)
    for request in each_way(PATH_STYLE, issue(keys.token_secret, OWNER, NOW)):
        with pytest.raises(ExpiredToken):
            who(request, keys)


def test_an_unsigned_s3_request_is_anonymous(keys: KeyRing) -> None:
    bare = Request("GET", "/b/k", (("list-type", "2"),), {"host": HOST, "x-amz-date": "today"})
    assert who(bare, keys) == Identity(ANONYMOUS)
    assert who(replace(bare, headers={"host": HOST, "authorization": " "}), keys).seed is None


def test_there_is_one_signature_of_a_known_kind(keys: KeyRing) -> None:
    both = signed(replace(PATH_STYLE, query=(("X-Amz-Signature", "x"),)), "UNSIGNED-PAYLOAD")
    with pytest.raises(InvalidArgument, match="Only one"):
        who(both, keys)
    for kind in ("Bearer x", "AWS4-ECDSA-P256-SHA256 x", "q-sign-algorithm=sha1"):
        with pytest.raises(InvalidArgument, match="Unsupported"):
            who(replace(PATH_STYLE, headers={"authorization": kind}), keys)


WORDS = st.text(max_size=3) | st.sampled_from(
    """AWS4-HMAC-SHA256 AWS AWS4 Credential= SignedHeaders= Signature= 20231114T221320Z 0 60 abc
    me/20231114/any/s3/aws4_request me host x-amz-date ; : , / = - % \udcff \u4e2d""".split()
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join) | st.lists(WORDS, max_size=8).map("".join)
NAMES = st.sampled_from(
    """X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature
    X-Amz-Security-Token AWSAccessKeyId Signature Expires acl""".split()
)
HEADERS = st.sampled_from(
    """authorization x-amz-date date host x-amz-content-sha256 x-amz-security-token content-md5
    x-amz-decoded-content-length x-amz-trailer content-encoding content-length""".split()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(HEADERS, TEXTS), st.lists(st.tuples(NAMES, TEXTS), max_size=6), st.booleans()
)
def test_no_signature_is_too_strange_to_be_refused(
    keys: KeyRing, headers: dict[str, str], query: list[tuple[str, str]], is_signed: bool
) -> None:
    request = Request("GET", "/b/k", tuple(query), headers)
    if is_signed:
        request = replace(
            request, headers={**signed(replace(request, query=()), "x").headers, **headers}
        )
    with suppress(CosServiceError):
        open_payload(who(request, keys), request, Body(b""))


def test_a_form_is_signed_by_its_policy(keys: KeyRing) -> None:
    fields = {
        **post_signature.signing_fields(ME, NOW, "any"),
        "policy": "cG9saWN5",
        "x-amz-signature": post_signature.sign_form("cG9saWN5", ME, NOW, "any"),
    }
    principal = identify_form(fields, keys, NOW)
    assert principal is not None
    assert principal.account == OWNER
    with pytest.raises(SignatureDoesNotMatch):
        identify_form({**fields, "policy": "b3RoZXI="}, keys, NOW)
    with pytest.raises(AccessDenied):
        identify_form({**fields, "policy": ""}, keys, NOW)
    assert identify_form({"key": "k"}, keys, NOW) is None


class Body:
    """A body that comes in pieces of a size."""

    def __init__(self, data: bytes, size: int = 700) -> None:
        self._data = data
        self._size = size

    @property
    def length(self) -> int:
        return len(self._data)

    @property
    def trailers(self) -> Mapping[str, str]:
        return {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._data), self._size):
            yield self._data[at : at + self._size]


def opened(
    request: Request, keys: KeyRing, body: bytes
) -> tuple[bytes, int | None, dict[str, str]]:
    """Return the data, length and trailers of a request's body."""

    async def read() -> tuple[bytes, int | None, dict[str, str]]:
        payload = open_payload(who(request, keys), request, Body(body))
        data = b"".join([chunk async for chunk in payload])
        return data, payload.length, dict(payload.trailers)

    return asyncio.run(read())


def about(body: bytes, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(PATH_STYLE, headers={"host": HOST, "content-length": str(len(body)), **named})


def test_a_body_is_the_one_whose_hash_was_signed(keys: KeyRing) -> None:
    digest = sha256(DATA).hexdigest()
    for spelling in (digest, digest.upper(), sigv4.UNSIGNED_PAYLOAD):
        assert opened(signed(about(DATA), spelling), keys, DATA) == (DATA, len(DATA), {})
    for body, promised in ((DATA[:-1] + b"!", digest), (DATA, sigv4.EMPTY_PAYLOAD), (b"", digest)):
        with pytest.raises(XAmzContentSHA256Mismatch):
            opened(signed(about(body), promised), keys, body)
    assert opened(signed(about(b""), sigv4.EMPTY_PAYLOAD), keys, b"") == (b"", 0, {})


def test_a_body_without_a_promise_is_left_alone(keys: KeyRing) -> None:
    for request in (PATH_STYLE, *each_way(PATH_STYLE, ME)):
        body = Body(DATA)
        assert open_payload(who(request, keys), request, body) is body


def test_a_hash_counts_also_where_no_signature_covers_it(keys: KeyRing) -> None:
    request = about(DATA, x_amz_content_sha256=sha256(b"other").hexdigest())
    with pytest.raises(XAmzContentSHA256Mismatch):
        opened(request, keys, DATA)
    url = replace(request, query=sigv4.presign(about(DATA), ME, NOW, "any", 60))
    with pytest.raises(XAmzContentSHA256Mismatch):
        opened(url, keys, DATA)


def framed(request: Request, keys: KeyRing, trailer: dict[str, str] | None) -> bytes:
    encoder = ChunkEncoder(who(request, keys).seed)
    chunks = [encoder.chunk(DATA[at : at + 999]) for at in range(0, len(DATA), 999)]
    return b"".join((*chunks, encoder.end(trailer)))


def test_a_framed_body_is_taken_out_of_its_frame(keys: KeyRing) -> None:
    crc = {"x-amz-checksum-crc32": "AAAAAA=="}
    for kind, trailer in ((SIGNED, None), (SIGNED_TRAILER, crc), (UNSIGNED_TRAILER, crc)):
        headers = {
            "x_amz_decoded_content_length": str(len(DATA)),
            "content_encoding": "aws-chunked",
        }
        if trailer:
            headers["x_amz_trailer"] = "x-amz-checksum-crc32"
        sizes = {name: len(value) for name, value in (trailer or {}).items()} if trailer else None
        length = encoded_length(len(DATA), 999, is_signed=kind != UNSIGNED_TRAILER, trailer=sizes)
        request = signed(about(bytes(length), **headers), kind)
        body = framed(request, keys, trailer)
        assert len(body) == length
        assert opened(request, keys, body) == (DATA, len(DATA), trailer or {})
        with pytest.raises(CosServiceError):
            opened(request, keys, body.replace(b"data", b"dato", 1).replace(b"3e7", b"3e6", 1))


def test_a_chunked_body_of_an_anonymous_request_is_decoded(keys: KeyRing) -> None:
    for kind in (UNSIGNED_TRAILER, sigv4.UNSIGNED_PAYLOAD):
        request = about(
            b"",
            x_amz_content_sha256=kind,
            x_amz_decoded_content_length="4",
            content_encoding="gzip, aws-chunked",
        )
        assert opened(request, keys, b"4\r\ndata\r\n0\r\nx:1\r\n\r\n") == (b"data", 4, {"x": "1"})


FRAMED = {"x_amz_decoded_content_length": "4"}
REFUSED: dict[str, tuple[dict[str, str], str, type[CosServiceError]]] = {
    "no length of the data": ({}, SIGNED, MissingContentLength),
    "a length that is none": (
        {"x_amz_decoded_content_length": "-4"},
        UNSIGNED_TRAILER,
        InvalidArgument,
    ),
    "a trailer that does not come": (
        {**FRAMED, "x_amz_trailer": "x-amz-checksum-crc32"},
        UNSIGNED_TRAILER,
        MalformedTrailerError,
    ),
    "a hash that is none": ({}, "abc", InvalidArgument),
    "an empty hash": ({}, "", InvalidArgument),
    "another kind of stream": (
        FRAMED,
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        NotImplementedOperation,
    ),
}


@pytest.mark.parametrize(("headers", "kind", "error"), REFUSED.values(), ids=REFUSED)
def test_a_body_is_refused(
    headers: dict[str, str], kind: str, error: type[CosServiceError], keys: KeyRing
) -> None:
    body = b"4\r\ndata\r\n0\r\n\r\n"
    with pytest.raises(error):
        opened(signed(about(body, **headers), kind), keys, body)


def test_signed_chunks_need_a_signed_request(keys: KeyRing) -> None:
    with pytest.raises(InvalidRequest):
        opened(about(b"", x_amz_content_sha256=SIGNED, **FRAMED), keys, b"")


def test_a_seed_is_of_its_request_alone(keys: KeyRing) -> None:
    first = signed(about(b"", **FRAMED), SIGNED)
    other = signed(replace(about(b"", **FRAMED), path="/b/other"), SIGNED)
    seeds = [who(request, keys).seed for request in (first, other)]
    assert all(isinstance(seed, SeedSignature) for seed in seeds)
    encoder = ChunkEncoder(seeds[1])
    with pytest.raises(SignatureDoesNotMatch):
        opened(first, keys, encoder.chunk(b"data") + encoder.end())
