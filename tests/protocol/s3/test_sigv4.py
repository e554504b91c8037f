"""Signature Version 4: published vectors, AWS's own signer as an oracle, and all refusals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.endpoint import decode_path, decode_query, encode_query
from coskit.protocol.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    CosServiceError,
    InvalidRequest,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth.sigv4 import (
    EMPTY_PAYLOAD,
    MAX_LIFETIME,
    UNSIGNED_PAYLOAD,
    _kept_signing_key,
    amz_date,
    canonical_request,
    encode_path,
    parse_amz_date,
    presign,
    sign,
)
from coskit.protocol.s3.auth.sigv4_verify import find_claim, verify
from tests.protocol.strategies import keys, texts
from tests.support.keys import HOSTILE_KEYS

ME = Credentials("EXAMPLE-SECRET-ID", "EXAMPLE-SECRET-KEY")
AWS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = 1_700_000_000
DATE = "20231114T221320Z"
HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
AWS_HOST = "examplebucket.s3.amazonaws.com"
AWS_NOW = 1_369_353_600
WELCOME = sha256(b"Welcome to Amazon S3.").hexdigest()

Query = tuple[tuple[str, str], ...]


def signature(headers: Mapping[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def signed(request: Request, payload_hash: str = EMPTY_PAYLOAD, now: int = NOW) -> Request:
    """Return a request with the headers that sign it."""
    added = sign(request, ME, now, "ap-beijing", payload_hash)
    return replace(request, headers={**request.headers, **added})


def presigned(request: Request, lifetime: int = 60, now: int = NOW) -> Request:
    """Return a request with the query that signs it."""
    return replace(request, query=presign(request, ME, now, "ap-beijing", lifetime))


def check(request: Request, now: int = NOW, secret_key: str = ME.secret_key) -> None:
    claim = find_claim(request)
    assert claim is not None, "the request is signed"
    verify(claim, request, secret_key, now)


GET = Request("GET", "/dir/a b+c.txt", (("versionId", "null"),), {"host": HOST})


def test_the_vector_of_cos() -> None:
    added = sign(GET, ME, NOW, "ap-beijing", EMPTY_PAYLOAD)
    names = ("host", "x-amz-content-sha256", "x-amz-date")
    whole = replace(GET, headers={**GET.headers, **added})
    canonical = canonical_request(whole, names, EMPTY_PAYLOAD)
    assert sha256(canonical.encode()).hexdigest() == (
        "0185e823d4f0e194f73472148840a4efec11ab5a9a56ab158feb1e05e6168028"
    )
    assert added["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=EXAMPLE-SECRET-ID/20231114/ap-beijing/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=434dafd03673ae4e475d78911616f195bb022ade9f9e8d5d52e96ea7d804a064"
    )


# From "Authenticating Requests: Using the Authorization Header".
AWS_VECTORS = {
    "an object's first bytes": (
        Request("GET", "/test.txt", (), {"host": AWS_HOST, "range": "bytes=0-9"}),
        EMPTY_PAYLOAD,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "a sub-resource": (
        Request("GET", "/", (("lifecycle", ""),), {"host": AWS_HOST}),
        EMPTY_PAYLOAD,
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "a listing": (
        Request("GET", "/", (("max-keys", "2"), ("prefix", "J")), {"host": AWS_HOST}),
        EMPTY_PAYLOAD,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize(
    ("request_", "payload_hash", "expected"), AWS_VECTORS.values(), ids=AWS_VECTORS
)
def test_a_vector_of_aws(request_: Request, payload_hash: str, expected: str) -> None:
    added = sign(request_, AWS, AWS_NOW, "us-east-1", payload_hash)
    assert signature(added) == expected


def test_the_vector_of_aws_in_which_the_date_is_signed_too() -> None:
    headers = {
        "host": AWS_HOST,
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-content-sha256": WELCOME,
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
        "aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    }
    check(Request("PUT", "/test$file.text", (), headers), AWS_NOW, AWS.secret_key)


def test_the_vector_of_aws_for_a_url() -> None:
    request = Request("GET", "/test.txt", (), {"host": AWS_HOST})
    query = presign(request, AWS, AWS_NOW, "us-east-1", 86400)
    assert dict(query)["X-Amz-Signature"] == (
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


CANONICAL = {
    "a path is encoded once": (Request("PUT", "/a%2Fb c+/~*"), "PUT\n/a%252Fb%20c%2B/~%2A\n\n"),
    "a path is not normalised": (Request("GET", "//a/../b"), "GET\n//a/../b\n\n"),
    "parameters are sorted once encoded": (
        Request("GET", "/", (("b", "/"), ("a", "2"), ("a", "1"), ("A", ""), ("a-", "x"))),
        "GET\n/\nA=&a=1&a=2&a-=x&b=%2F\n",
    ),
}


@pytest.mark.parametrize(("request_", "start"), CANONICAL.values(), ids=CANONICAL)
def test_the_first_lines(request_: Request, start: str) -> None:
    assert canonical_request(request_, ()) == f"{start}\n\n{UNSIGNED_PAYLOAD}"


VALUES = {
    "plain": ("a", "a"),
    "blanks around": ("  a ", "a"),
    "blanks within": ("a  \t b", "a b"),
    "a tab within": ("a\tb", "a b"),
    "spaces of other scripts": ("\u3000a\u3000\u3000b\xa0", "\u3000a\u3000\u3000b\xa0"),
    "bytes that are not UTF-8": ("\udcff", "\udcff"),
}


@pytest.mark.parametrize(("value", "canonical"), VALUES.values(), ids=VALUES)
def test_a_header_value(value: str, canonical: str) -> None:
    request = Request("GET", "/", (), {"host": HOST, "x-amz-meta-a": value})
    text = canonical_request(request, ("x-amz-meta-a",), "hash")
    assert text == f"GET\n/\n\nx-amz-meta-a:{canonical}\n\nx-amz-meta-a\nhash"
    check(signed(request))


def aws_request(path: str, query: Query, headers: Mapping[str, str], **about: Any) -> AWSRequest:
    """Return what AWS's own signer makes of a request at NOW."""
    url = f"https://{HOST}{encode_path(path)}"  # as a client of AWS does, dots and all
    if query:
        url += f"?{encode_query(query)}"
    request = AWSRequest("PUT", url, dict(headers), about.pop("body", b"body"))
    request.context["payload_signing_enabled"] = True
    key = AwsCredentials(ME.secret_id, ME.secret_key, about.pop("token", None))
    signer = about.pop("signer", botocore.auth.S3SigV4Auth)
    now = datetime.fromtimestamp(NOW, UTC)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=now):
        signer(key, "s3", "ap-beijing", **about).add_auth(request)
    return request


def as_received(sent: AWSRequest) -> Request:
    """Return a request as the server reads it off the wire."""
    path, _, query = sent.url.removeprefix(f"https://{HOST}").partition("?")
    headers = {"host": HOST, **{name.lower(): value for name, value in sent.headers.items()}}
    return Request(sent.method, decode_path(path.encode()), decode_query(query.encode()), headers)


ENCODED_KEYS = (*HOSTILE_KEYS, "a b", "a+b", "a~b", "a*b", "\u4e2d\u6587", "a//b", "a%2Fb", "!'()")


@pytest.mark.parametrize("key", ENCODED_KEYS)
def test_what_aws_signs_is_verified(key: str) -> None:
    headers = {"x-amz-meta-color": "dark  blue", "Content-Type": "text/plain"}
    sent = aws_request(f"/{key}", (("partNumber", "1"), ("uploadId", "a+/=")), headers)
    check(as_received(sent))
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(as_received(sent), path=f"/{key}x"))


@given(keys, st.lists(st.tuples(st.sampled_from("abcXY-_"), texts), max_size=4))
def test_signatures_equal_those_of_botocore(key: str, pairs: list[tuple[str, str]]) -> None:
    path = f"/{key}"
    headers = {"x-amz-acl": "private"}
    theirs = as_received(aws_request(path, tuple(pairs), headers))
    request = Request("PUT", path, tuple(pairs), {"host": HOST, **headers})
    ours = sign(request, ME, NOW, "ap-beijing", sha256(b"body").hexdigest())
    assert ours["authorization"] == theirs.headers["authorization"]


def test_a_url_of_aws_with_a_token() -> None:
    signer = botocore.auth.S3SigV4QueryAuth
    about = {"signer": signer, "token": "to/ken=", "expires": 9, "body": b""}
    sent = aws_request("/a b", (("versionId", "x"),), {}, **about)
    check(as_received(sent), NOW + 8)
    ours = presign(
        Request("PUT", "/a b", (("versionId", "x"),), {"host": HOST}),
        replace(ME, token="to/ken="),
        NOW,
        "ap-beijing",
        9,
    )
    assert set(ours) == set(as_received(sent).query)


@given(keys, st.lists(st.tuples(texts, texts), max_size=3), st.booleans())
def test_what_is_signed_is_verified_and_nothing_else(
    key: str, pairs: list[tuple[str, str]], in_url: bool
) -> None:
    pairs = [(name, value) for name, value in pairs if not name.startswith("X-Amz-")]
    request = Request("GET", f"/{key}", tuple(pairs), {"host": HOST, "range": "bytes=0-1"})
    good = presigned(request) if in_url else signed(request)
    check(good)
    changes: tuple[dict[str, Any], ...] = (
        {"method": "HEAD"},
        {"path": good.path + "x"},
        {"query": (*good.query, ("acl", ""))},
        {"headers": {**good.headers, "range": "bytes=0-2"}},
        {"headers": {**good.headers, "host": "elsewhere"}},
    )
    for change in changes:
        with pytest.raises(SignatureDoesNotMatch):
            check(replace(good, **change))
    with pytest.raises(SignatureDoesNotMatch):
        check(good, secret_key="another")


@pytest.mark.parametrize("port", [":80", ":443"])
def test_a_default_port_may_be_left_out_of_what_is_signed(port: str) -> None:
    for host in ("example.com", f"example.com{port}"):
        request = signed(Request("GET", "/", (), {"host": host}))
        check(replace(request, headers={**request.headers, "host": f"example.com{port}"}))
    request = signed(Request("GET", "/", (), {"host": "example.com"}))
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(request, headers={**request.headers, "host": "example.com:9000"}))


GOOD = signed(GET)
AUTHORIZATION = GOOD.headers["authorization"]
SPELLINGS = {
    "without blanks": AUTHORIZATION.replace(", ", ","),
    "with more blanks": AUTHORIZATION.replace(", ", " ,  "),
    "in another order": " ".join(
        [
            AUTHORIZATION.split(" ")[0],
            ", ".join(reversed(AUTHORIZATION.split(" ", 1)[1].split(", "))),
        ]
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_header_is_read_however_it_is_spaced(spelling: str) -> None:
    check(replace(GOOD, headers={**GOOD.headers, "authorization": spelling}))


def test_the_date_header_stands_in_for_that_of_aws() -> None:
    for date in (DATE, "Tue, 14 Nov 2023 22:13:20 GMT"):
        headers = {"host": HOST, "date": date, "x-amz-content-sha256": EMPTY_PAYLOAD}
        dated = Request("GET", "/", (), headers)
        with mock.patch("coskit.protocol.s3.auth.sigv4._to_sign", lambda names: [
            name for name in sorted(names) if name != "x-amz-date"
        ]):  # fmt: skip
            added = sign(dated, ME, NOW, "ap-beijing", EMPTY_PAYLOAD)
        del added["x-amz-date"]
        check(replace(dated, headers={**headers, **added}))


def test_a_request_without_a_signature_of_this_version_makes_no_claim() -> None:
    for headers in ({}, {"authorization": ""}, {"authorization": "AWS a:b"}):
        assert find_claim(Request("GET", "/", (("acl", ""),), headers)) is None


MALFORMED = {
    "no signature": (AUTHORIZATION.partition(", Signature")[0], AuthorizationHeaderMalformed),
    "nothing at all": ("AWS4-HMAC-SHA256", AuthorizationHeaderMalformed),
    "a short scope": (
        AUTHORIZATION.replace("/ap-beijing/s3/aws4_request", ""),
        AuthorizationHeaderMalformed,
    ),
    "another service": (AUTHORIZATION.replace("/s3/", "/sts/"), AuthorizationHeaderMalformed),
    "another end": (AUTHORIZATION.replace("aws4_request", "aws5"), AuthorizationHeaderMalformed),
    "another day": (
        AUTHORIZATION.replace("/20231114/", "/20231113/"),
        AuthorizationHeaderMalformed,
    ),
    "no key": (AUTHORIZATION.replace(ME.secret_id, ""), AuthorizationHeaderMalformed),
    "another signature": (AUTHORIZATION[:-1] + "?", SignatureDoesNotMatch),
    "a signature of any bytes": (AUTHORIZATION + "\udcff\u4e2d", SignatureDoesNotMatch),
    "another region": (AUTHORIZATION.replace("ap-beijing", "\u4e2d" * 99), SignatureDoesNotMatch),
    "no host": (AUTHORIZATION.replace("host;", ""), AccessDenied),
    "a date that is not signed": (AUTHORIZATION.replace(";x-amz-date", ""), AccessDenied),
    "a header that is not there": (
        AUTHORIZATION.replace("host;", "host;range;"),
        SignatureDoesNotMatch,
    ),
}


@pytest.mark.parametrize(("authorization", "error"), MALFORMED.values(), ids=MALFORMED)
def test_a_bad_header_is_refused(authorization: str, error: type[CosServiceError]) -> None:
    with pytest.raises(error):
        check(replace(GOOD, headers={**GOOD.headers, "authorization": authorization}))


def without(name: str) -> dict[str, str]:
    return {header: value for header, value in GOOD.headers.items() if header != name}


INCOMPLETE = {
    "without a date": (without("x-amz-date"), AccessDenied),
    "with a date that is none": ({**GOOD.headers, "x-amz-date": "20231314T221320Z"}, AccessDenied),
    "with a date before 1970": (
        {**without("x-amz-date"), "date": "Tue, 07 Jul 1950 21:53:04 GMT"},
        AccessDenied,
    ),
    "with a date after 9999": (
        {**without("x-amz-date"), "date": "Fri, 31 Dec 9999 23:59:00 -1200"},
        AccessDenied,
    ),
    "without the hash of its body": (without("x-amz-content-sha256"), InvalidRequest),
    "without a host": (without("host"), AccessDenied),
    "with one header more": ({**GOOD.headers, "x-amz-acl": "public-read"}, AccessDenied),
}


@pytest.mark.parametrize(("headers", "error"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_request_is_refused(headers: dict[str, str], error: type[CosServiceError]) -> None:
    with pytest.raises(error):
        check(replace(GOOD, headers=headers))


def test_a_header_is_good_for_a_quarter_of_an_hour_either_way() -> None:
    for now in (NOW - 900, NOW + 900):
        check(GOOD, now)
    for now in (NOW - 901, NOW + 901):
        with pytest.raises(RequestTimeTooSkewed):
            check(GOOD, now)


def test_a_url_is_good_for_its_lifetime() -> None:
    url = presigned(GET, 60)
    for now in (NOW - 900, NOW, NOW + 59):
        check(url, now)
    with pytest.raises(AccessDenied, match="Request has expired"):
        check(url, NOW + 60)
    with pytest.raises(AccessDenied, match="Request is not yet valid"):
        check(url, NOW - 901)
    check(presigned(GET, MAX_LIFETIME), NOW + MAX_LIFETIME - 1)


BAD_QUERIES: dict[str, dict[str, str | None]] = {
    "another algorithm": {"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"},
    "no algorithm": {"X-Amz-Algorithm": None},
    "no signature": {"X-Amz-Signature": None},
    "no lifetime": {"X-Amz-Expires": None},
    "a negative lifetime": {"X-Amz-Expires": "-7"},
    "more than a week": {"X-Amz-Expires": str(MAX_LIFETIME + 1)},
    "a lifetime of a thousand digits": {"X-Amz-Expires": "9" * 1000},
    "digits of another script": {"X-Amz-Expires": "\u0663"},
    "a date that is none": {"X-Amz-Date": "yesterday"},
    "another day": {"X-Amz-Date": "20231113T221320Z"},
    "a short scope": {"X-Amz-Credential": f"{ME.secret_id}/20231114"},
}


@pytest.mark.parametrize("change", BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_malformed_url_is_refused(change: dict[str, str | None]) -> None:
    pairs = {**dict(presigned(GET).query), **change}
    query = tuple((name, value) for name, value in pairs.items() if value is not None)
    with pytest.raises(AuthorizationQueryParametersError):
        find_claim(replace(GET, query=query))


def test_a_url_does_not_let_its_bearer_add_what_matters() -> None:
    url = presigned(GET)
    with pytest.raises(AccessDenied, match="not signed"):
        check(replace(url, headers={**url.headers, "x-amz-acl": "public-read"}))
    check(replace(url, headers={**url.headers, "x-amz-content-sha256": UNSIGNED_PAYLOAD}))


def test_a_url_may_fix_the_hash_of_its_body() -> None:
    fixed = presigned(replace(GET, query=(("X-Amz-Content-Sha256", WELCOME),)))
    # What stands in the query is signed by standing there; the canonical form has it twice.
    claim = find_claim(fixed)
    assert claim is not None
    assert claim.payload_hash == WELCOME
    header = presigned(replace(GET, headers={**GET.headers, "x-amz-content-sha256": WELCOME}))
    claim = find_claim(header)
    assert claim is not None
    assert claim.payload_hash == WELCOME


@given(st.integers(0, 253_402_300_799))
def test_a_date_is_read_as_it_was_written(second: int) -> None:
    assert parse_amz_date(amz_date(second)) == second


def test_texts_of_unknown_senders_are_not_cached() -> None:
    before = _kept_signing_key.cache_info().currsize
    with pytest.raises(SignatureDoesNotMatch):
        check(
            replace(
                GOOD,
                headers={
                    **GOOD.headers,
                    "authorization": AUTHORIZATION.replace("ap-beijing", "x" * 10_000),
                },
            )
        )
    assert _kept_signing_key.cache_info().currsize == before
