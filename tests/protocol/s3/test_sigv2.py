"""Signature Version 2: the manual's examples, AWS's own signer, and all refusals."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.codec.dates import http_date, parse_http_date
from coskit.protocol.endpoint import decode_path, decode_query, encode_query
from coskit.protocol.errors import (
    AccessDenied,
    CosServiceError,
    InvalidArgument,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from coskit.protocol.messages import Request
from coskit.protocol.s3.auth.sigv2 import find_claim, presign, sign, verify
from coskit.protocol.s3.auth.sigv4 import encode_path
from tests.protocol.strategies import keys, texts

ME = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = 1_700_000_000
HOST = "s3.example.com"

# From "Signing and Authenticating REST Requests"; the bucket is named by the host.
EXAMPLES = {
    "an object": (
        Request("GET", "/photos/puppy.jpg", (), {"date": "Tue, 27 Mar 2007 19:36:42 +0000"}),
        "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
    ),
    "an upload": (
        Request(
            "PUT",
            "/photos/puppy.jpg",
            (),
            {
                "content-type": "image/jpeg",
                "content-length": "94328",
                "date": "Tue, 27 Mar 2007 21:15:45 +0000",
            },
        ),
        "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
    ),
    "a listing": (
        Request(
            "GET",
            "/",
            (("prefix", "photos"), ("max-keys", "50"), ("marker", "puppy")),
            {"user-agent": "Mozilla/5.0", "date": "Tue, 27 Mar 2007 19:42:41 +0000"},
        ),
        "htDYFYduRNen8P9ZfE/s9SuKy0U=",
    ),
    "a sub-resource": (
        Request("GET", "/", (("acl", ""),), {"date": "Tue, 27 Mar 2007 19:44:46 +0000"}),
        "c2WLPFtWHVgbEmeEG93a4cG37dM=",
    ),
}


@pytest.mark.parametrize(("request_", "signature"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_of_the_manual(request_: Request, signature: str) -> None:
    headers = {**request_.headers, "authorization": f"AWS {ME.secret_id}:{signature}"}
    request = replace(request_, headers=headers)
    claim = find_claim(request)
    assert claim is not None
    sent = parse_http_date(headers["date"])
    assert sent is not None
    verify(claim, request, ME.secret_key, sent // 1000, "johnsmith")


def check(
    request: Request, now: int = NOW, secret_key: str = ME.secret_key, host: str = ""
) -> None:
    claim = find_claim(request)
    assert claim is not None, "the request is signed"
    verify(claim, request, secret_key, now, host)


def aws_request(
    path: str, query: tuple[tuple[str, str], ...], headers: Mapping[str, str], **about: Any
) -> Request:
    """Return what AWS's own signer makes of a request at NOW, as the server reads it."""
    url = f"https://{HOST}{encode_path(path)}"
    if query:
        url += f"?{encode_query(query)}".replace("acl=", "acl")  # as its clients write a bare name
    sent = AWSRequest("PUT", url, dict(headers))
    signer = about.pop("signer", botocore.auth.HmacV1Auth)
    key = AwsCredentials(ME.secret_id, ME.secret_key, about.pop("token", None))
    date = http_date(NOW * 1000)
    with (
        mock.patch.object(botocore.auth, "formatdate", return_value=date),
        mock.patch.object(botocore.auth.time, "time", return_value=NOW),
    ):
        signer(key, **about).add_auth(sent)
    path, _, text = sent.url.removeprefix(f"https://{HOST}").partition("?")
    received = {name.lower(): value for name, value in sent.headers.items()}
    if signer is not botocore.auth.HmacV1Auth:
        received = {}  # all that it signs is in the URL
    return Request(
        "PUT", decode_path(path.encode()), decode_query(text.encode()), {"host": HOST, **received}
    )


QUERY = (("acl", ""), ("versionId", "a/+="), ("prefix", "x"), ("response-expires", "a b"))


@given(keys)
def test_what_aws_signs_is_verified(key: str) -> None:
    headers = {"Content-Type": "text/plain", "x-amz-acl": "private", "Content-MD5": "abc=="}
    request = aws_request(f"/bucket/{key}", QUERY, headers, token="to/ken=")
    check(request)
    for change in ({"path": f"/bucket/{key}x"}, {"method": "GET"}, {"query": ()}):
        with pytest.raises(SignatureDoesNotMatch):
            check(replace(request, **change))
    with pytest.raises(SignatureDoesNotMatch):
        check(request, host="bucket")


def test_a_url_of_aws_is_verified() -> None:
    signer = botocore.auth.HmacV1QueryAuth
    headers = {"x-amz-acl": "private", "Content-Type": "text/plain"}
    about = {"signer": signer, "expires": 60, "token": "to/ken="}
    request = aws_request("/bucket/a b", QUERY, headers, **about)
    check(request, NOW + 60)
    with pytest.raises(AccessDenied, match="expired"):
        check(request, NOW + 61)
    public = tuple((n, "public-read" if n == "x-amz-acl" else v) for n, v in request.query)
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(request, query=public))
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(request, headers={"x-amz-acl": "public-read"}))


@given(keys, st.lists(st.tuples(st.sampled_from(["acl", "versionId", "x"]), texts), max_size=3))
def test_what_we_sign_is_verified(key: str, pairs: list[tuple[str, str]]) -> None:
    request = Request("PUT", f"/{key}", tuple(pairs), {"x-amz-acl": "a", "content-type": "b"})
    token = replace(ME, token="token")
    for host in ("", "bucket"):
        check(replace(request, query=presign(request, token, NOW + 9, host), headers={}), host=host)
        added = sign(request, token, NOW, host)
        check(replace(request, headers={**request.headers, **added}), host=host)


def signed(headers: Mapping[str, str], date: str = "date") -> Request:
    request = Request("GET", "/bucket/key", (), headers)
    added = sign(request, ME, NOW)
    return replace(request, headers={**headers, date: added.pop("date"), **added})


def test_the_date_of_aws_comes_before_that_of_http() -> None:
    date = {"x-amz-date": http_date(NOW * 1000)}
    check(replace(signed(date), headers={**signed(date).headers, "date": "long ago"}))


def test_a_bucket_may_be_signed_with_its_slash_and_sent_without() -> None:
    request = Request("GET", "/bucket/", (("location", ""),))
    added = sign(request, ME, NOW)
    for path in ("/bucket/", "/bucket"):
        check(replace(request, path=path, headers=added))
    for path in ("/", "/bucket//", "/bucket/key"):
        with pytest.raises(SignatureDoesNotMatch):
            check(replace(request, path=path, headers=added))
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(request, path="/bucket", headers=added), host="b")


DATES = {
    "none": (None, AccessDenied),
    "no date": ("Bad Date", AccessDenied),
    "an empty one": ("", AccessDenied),
    "before 1970": ("Tue, 07 Jul 1950 21:53:04 GMT", AccessDenied),
    "too early": (http_date((NOW - 901) * 1000), RequestTimeTooSkewed),
    "too late": (http_date((NOW + 901) * 1000), RequestTimeTooSkewed),
}


@pytest.mark.parametrize(("date", "error"), DATES.values(), ids=DATES)
def test_a_date_is_refused(date: str | None, error: type[CosServiceError]) -> None:
    good = signed({})
    headers = {name: value for name, value in good.headers.items() if name != "date"}
    with pytest.raises(error):
        check(replace(good, headers=headers if date is None else {**headers, "date": date}))
    if date is not None:
        with pytest.raises(error):
            check(replace(good, headers={**good.headers, "x-amz-date": date}))


def test_a_malformed_signature_is_refused() -> None:
    for authorization in ("AWS HAHAHA", "AWS :x", "AWS "):
        with pytest.raises(InvalidArgument):
            find_claim(Request("GET", "/", (), {"authorization": authorization}))
    whole = presign(Request("GET", "/"), ME, NOW)
    for name, value in (
        ("Signature", ""),
        ("Expires", "-1"),
        ("Expires", "\u0663"),
        ("Expires", ""),
    ):
        query = {**dict(whole), name: value}
        with pytest.raises(AccessDenied):
            find_claim(Request("GET", "/", tuple(query.items())))


def test_a_request_without_a_signature_of_this_version_makes_no_claim() -> None:
    for headers in ({}, {"authorization": "AWS4-HMAC-SHA256 x"}, {"authorization": ""}):
        assert find_claim(Request("GET", "/", (("Expires", "1"),), headers)) is None


def test_another_key_and_another_signature_are_refused() -> None:
    good = signed({})
    with pytest.raises(SignatureDoesNotMatch):
        check(good, secret_key="another")
    strange = {**good.headers, "authorization": f"AWS {ME.secret_id}:\udcff\u4e2d"}
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(good, headers=strange))


def test_a_plus_that_was_not_encoded_is_read_as_one() -> None:
    for n in range(99):
        request = Request("GET", f"/{n}")
        query = presign(request, ME, NOW)
        if "+" in dict(query)["Signature"]:
            spoiled = tuple((name, value.replace("+", " ")) for name, value in query)
            check(replace(request, query=spoiled))
            return
    pytest.fail("no signature had a plus")
