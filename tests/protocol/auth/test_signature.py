"""Signing and verifying: published vectors, and every difference that a request can have."""

import hmac
from dataclasses import replace
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import presign, sign, sign_form, sign_key
from coskit.protocol.auth.verify import find_claim, verify
from coskit.protocol.endpoint import decode_query, encode_path, encode_query
from coskit.protocol.errors import AccessDenied, SignatureDoesNotMatch
from coskit.protocol.messages import Request, decode_text, encode_text
from tests.protocol.strategies import header_texts, keys, some_texts

ME = Credentials("EXAMPLE-SECRET-ID", "EXAMPLE-SECRET-KEY")
START, LIFETIME = 1_700_000_000, 3600
KEY_TIME = f"{START};{START + LIFETIME}"
HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"

PUT = Request(
    "PUT",
    "/dir/\u4e2d\u6587 a+b(1).txt",
    (),
    {
        "content-length": "11",
        "content-md5": "XrY7u+Ae7tCTyyK7j1rNww==",
        "content-type": "text/plain",
        "host": HOST,
        "x-cos-acl": "private",
        "x-cos-meta-color": "dark blue",
        "x-cos-storage-class": "STANDARD_IA",
    },
)
LIST = Request(
    "GET",
    "/",
    (("versions", ""), ("prefix", "a b/"), ("delimiter", "/"), ("max-keys", "10")),
    {"host": HOST},
)
DOWNLOAD = Request(
    "GET",
    "/exampleobject",
    (
        ("response-content-disposition", "attachment; filename=a b.txt"),
        ("x-cos-security-token", "tok/en=="),
    ),
    {"host": HOST},
)
BARE = Request("GET", "/exampleobject")
PUT_HEADERS = (
    "content-length;content-md5;content-type;host;x-cos-acl;x-cos-meta-color;x-cos-storage-class"
)
LIST_PARAMS = "delimiter;max-keys;prefix;versions"
DOWNLOAD_PARAMS = "response-content-disposition;x-cos-security-token"

VECTORS = {
    "A": (PUT, PUT_HEADERS, "", "e660184f3cc641a6f5ef2939b7a939a0a359b263"),
    "B": (LIST, "host", LIST_PARAMS, "fd9aef9ff1b7a7f410acbeac8ab91eb8e08fdb61"),
    "C": (DOWNLOAD, "host", DOWNLOAD_PARAMS, "886dd4a02dc156ca27ab0c909fde2869cb24b580"),
    "D": (BARE, "", "", "68766ddc04ef36c41594dc46472a64b8c5000451"),
}
EACH_VECTOR = pytest.mark.parametrize(
    ("request_", "headers", "params", "signature"), VECTORS.values(), ids=VECTORS
)


def authorization(headers: str, params: str, signature: str) -> str:
    return (
        f"q-sign-algorithm=sha1&q-ak={ME.secret_id}&q-sign-time={KEY_TIME}&q-key-time={KEY_TIME}"
        f"&q-header-list={headers}&q-url-param-list={params}&q-signature={signature}"
    )


def signed(request: Request) -> Request:
    """Return a request with the Authorization of its signature."""
    value = sign(request, ME, START, LIFETIME, margin=0)
    return replace(request, headers={**request.headers, "authorization": value})


def check(request: Request, *, key: str = ME.secret_key, now: int = START) -> None:
    claim = find_claim(request)
    assert claim is not None
    verify(claim, request, key, now)


def test_the_signing_key_is_the_published_one() -> None:
    assert sign_key(ME.secret_key, KEY_TIME) == "7ee3243fbb65edb6f02a75b5ecbfd3c95f26f12b"


@EACH_VECTOR
def test_a_header_signature_is_the_published_one(
    request_: Request, headers: str, params: str, signature: str
) -> None:
    expected = authorization(headers, params, signature)
    assert sign(request_, ME, START, LIFETIME, margin=0) == expected
    ready = sign_key(ME.secret_key, KEY_TIME)
    assert sign(request_, ME, START, LIFETIME, margin=0, signing_key=ready) == expected


@EACH_VECTOR
def test_a_published_signature_is_accepted_in_both_forms(
    request_: Request, headers: str, params: str, signature: str
) -> None:
    value = authorization(headers, params, signature)
    check(replace(request_, headers={**request_.headers, "authorization": value}))
    query = presign(request_, ME, START, LIFETIME, margin=0)
    check(replace(request_, query=decode_query(encode_query(query).encode())))


def test_a_presigned_url_is_the_published_one() -> None:
    query = encode_query(presign(DOWNLOAD, ME, START, LIFETIME, margin=0))
    assert f"https://{HOST}{encode_path(DOWNLOAD.path)}?{query}" == (
        f"https://{HOST}/exampleobject?q-sign-algorithm=sha1&q-ak=EXAMPLE-SECRET-ID"
        "&q-sign-time=1700000000%3B1700003600&q-key-time=1700000000%3B1700003600"
        "&q-header-list=host"
        "&q-url-param-list=response-content-disposition%3Bx-cos-security-token"
        "&q-signature=886dd4a02dc156ca27ab0c909fde2869cb24b580"
        "&response-content-disposition=attachment%3B%20filename%3Da%20b.txt"
        "&x-cos-security-token=tok%2Fen%3D%3D"
    )


def test_a_form_signature_is_the_published_one() -> None:
    policy = (
        '{"expiration":"2023-11-14T23:13:20.000Z","conditions":['
        '{"bucket":"examplebucket-1250000000"},["starts-with","$key","up/"],'
        '["content-length-range",0,1048576],{"q-sign-algorithm":"sha1"},'
        '{"q-ak":"EXAMPLE-SECRET-ID"},{"q-sign-time":"1700000000;1700003600"}]}'
    )
    assert len(policy) == 255
    assert sha1(policy.encode()).hexdigest() == "1a9ad6a1772177133e562b242919575a6405d756"
    assert sign_form(policy, ME, KEY_TIME) == "5f021b8dc0ea9002e1f1de952177e5e54c2fae28"


def test_the_spaces_of_the_vendors_urls_may_be_plus_signs() -> None:
    query = encode_query(presign(DOWNLOAD, ME, START, LIFETIME)).replace("%20", "+")
    check(replace(DOWNLOAD, query=decode_query(query.encode())))


GOOD = Request(
    "PUT",
    "/a/key",
    (("partNumber", "1"), ("uploadId", "u")),
    {"host": HOST, "content-type": "text/plain", "x-cos-meta-a": "1", "accept": "*/*"},
)


def headers(**changes: str | None) -> Request:
    """Return the good request, signed, with some headers replaced or removed afterwards."""
    request = signed(GOOD)
    values = dict(request.headers)
    for name, value in changes.items():
        values.pop(name.replace("_", "-"), None)
        if value is not None:
            values[name.replace("_", "-")] = value
    return replace(request, headers=values)


def edited(old: str, new: str) -> Request:
    """Return the good request with its Authorization edited."""
    value = signed(GOOD).headers["authorization"]
    assert old in value
    return headers(authorization=value.replace(old, new))


ACCEPTED = {
    "as it was signed": signed(GOOD),
    "with a port behind the host": headers(host=f"{HOST}:9000"),
    "with an unsigned header changed": headers(accept="text/html"),
    "with an unsigned header more": headers(range="bytes=0-1"),
    "with an unsigned parameter more": replace(
        signed(GOOD), query=(*GOOD.query, ("versionId", "v"))
    ),
    "with its parameters in another order": replace(signed(GOOD), query=GOOD.query[::-1]),
    "with blanks around the Authorization": headers(
        authorization=f"  {signed(GOOD).headers['authorization']} "
    ),
    "with the pairs in another order": headers(
        authorization="&".join(reversed(signed(GOOD).headers["authorization"].split("&")))
    ),
    "with its header list in capitals": edited("content-type;host", "Content-Type;HOST"),
    "with its parameter list in capitals": edited("partnumber;uploadid", "partNumber;uploadId"),
    "with a repeated parameter behind": replace(
        signed(GOOD), query=(*GOOD.query, ("partNumber", "2"))
    ),
}


@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=ACCEPTED)
def test_a_request_is_accepted(request_: Request) -> None:
    check(request_)


@pytest.mark.parametrize("port", [":80", ":443"])
def test_a_signed_default_port_is_accepted_though_it_does_not_travel(port: str) -> None:
    value = sign(replace(GOOD, headers={**GOOD.headers, "host": HOST + port}), ME, START)
    check(headers(authorization=value))


def test_a_signed_port_is_accepted_only_if_it_is_the_one_received() -> None:
    value = sign(replace(GOOD, headers={**GOOD.headers, "host": f"{HOST}:9000"}), ME, START)
    check(headers(authorization=value, host=f"{HOST}:9000"))
    with pytest.raises(SignatureDoesNotMatch):
        check(headers(authorization=value, host=f"{HOST}:9001"))


SIGNED_AS_OTHER = {
    "another method": replace(signed(GOOD), method="DELETE"),
    "another path": replace(signed(GOOD), path="/a/other"),
    "a path with a slash more": replace(signed(GOOD), path="//a/key"),
    "another value of a signed header": headers(content_type="text/html"),
    "a signed header emptied": headers(content_type=""),
    "a signed header removed": headers(x_cos_meta_a=None),
    "another host": headers(host="other-1250000000.cos.ap-beijing.myqcloud.com"),
    "no host": headers(host=None),
    "another value of a signed parameter": replace(
        signed(GOOD), query=(("partNumber", "2"), ("uploadId", "u"))
    ),
    "a signed parameter removed": replace(signed(GOOD), query=GOOD.query[:1]),
    "a repeated parameter in front": replace(
        signed(GOOD), query=(("partNumber", "2"), *GOOD.query)
    ),
    "a signed parameter in another case behind": replace(
        signed(GOOD), query=(*GOOD.query, ("partnumber", "2"))
    ),
    "a signed parameter in another case in front": replace(
        signed(GOOD), query=(("PARTNUMBER", "1"), ("partNumber", "2"), ("uploadId", "u"))
    ),
    "a name struck from the header list": edited("content-type;", ""),
    "a name struck from the parameter list": edited("partnumber;", ""),
    "another signature": edited("&q-signature=", "&q-signature=0"),
    "an empty signature": headers(
        authorization=signed(GOOD).headers["authorization"].partition("&q-signature")[0]
        + "&q-signature="
    ),
    "a signature that is not ASCII": edited("&q-signature=", "&q-signature=\u4e2d\udc80"),
    "a longer life": edited(f"q-sign-time={KEY_TIME}", f"q-sign-time={KEY_TIME}0"),
    "a longer life of its key": edited(f"q-key-time={KEY_TIME}", f"q-key-time={KEY_TIME}0"),
}


@pytest.mark.parametrize("request_", SIGNED_AS_OTHER.values(), ids=SIGNED_AS_OTHER)
def test_a_signature_does_not_match(request_: Request) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        check(request_)


def test_a_signature_of_another_key_does_not_match() -> None:
    with pytest.raises(SignatureDoesNotMatch):
        check(signed(GOOD), key="another")


def key_of_the_past() -> Request:
    """Return a request signed for now with a signing key that was given away for the past."""
    past = f"{START - 100};{START - 1}"
    value = sign(
        GOOD, ME, START, LIFETIME, margin=0, signing_key=sign_key(ME.secret_key, past)
    ).replace(f"q-key-time={KEY_TIME}", f"q-key-time={past}")
    return headers(authorization=value)


DENIED = {
    "after its time": (signed(GOOD), START + LIFETIME + 1, "Request has expired"),
    "before its time": (signed(GOOD), START - 1, "not yet valid"),
    "with a key that has expired": (key_of_the_past(), START, "Request has expired"),
    "without an end": (edited(KEY_TIME, f"{START};"), START, "start;end"),
    "with one time": (edited(KEY_TIME, str(START)), START, "start;end"),
    "with three times": (edited(KEY_TIME, f"{KEY_TIME};1"), START, "start;end"),
    "with words for times": (edited(KEY_TIME, "now;then"), START, "start;end"),
    "with negative times": (edited(KEY_TIME, "-1;9999999999"), START, "start;end"),
    "with Arabic digits": (edited(KEY_TIME, "\u0661;\u0662"), START, "start;end"),
    "with a bad key time": (edited(f"q-key-time={KEY_TIME}", "q-key-time=x"), START, "start;end"),
    "with times of 5000 digits": (edited(KEY_TIME, f"0;{'1' * 5000}x"), START, "start;end"),
    "with another algorithm": (edited("algorithm=sha1", "algorithm=sha256"), START, "algorithm"),
    "without an algorithm": (edited("q-sign-algorithm=sha1&", ""), START, "algorithm"),
    "with another scheme": (headers(authorization="Basic YTpi"), START, "algorithm"),
    **{
        f"without {name}": (edited(f"&{name}=", "&x="), START, name)
        for name in ("q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list")
    },
    "without a signature": (edited("&q-signature=", "&x="), START, "q-signature"),
}


@pytest.mark.parametrize(("request_", "now", "words"), DENIED.values(), ids=DENIED)
def test_a_request_is_denied(request_: Request, now: int, words: str) -> None:
    with pytest.raises(AccessDenied, match=words):
        check(request_, now=now)


def test_both_ends_of_the_window_belong_to_it() -> None:
    check(signed(GOOD), now=START)
    check(signed(GOOD), now=START + LIFETIME)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_request_without_a_signature_is_anonymous(value: str | None) -> None:
    assert find_claim(headers(authorization=value)) is None


def test_the_first_of_a_repeated_parameter_counts_for_both_sides() -> None:
    repeated = replace(GOOD, query=(*GOOD.query, ("uploadId", "other")))
    check(signed(repeated))
    check(replace(signed(repeated), query=GOOD.query))
    in_url = (*presign(GOOD, ME, START, LIFETIME, margin=0), ("q-signature", "0"))
    check(replace(GOOD, query=in_url))


def test_a_header_signature_goes_before_one_in_the_url() -> None:
    query = presign(GOOD, ME, START, LIFETIME, margin=0)
    claim = find_claim(replace(signed(GOOD), query=query))
    assert claim is not None
    assert not claim.in_url


def test_a_window_starts_a_minute_early_for_clocks_that_run_late() -> None:
    request = replace(GOOD, headers={"authorization": sign(GOOD, ME, START)})
    claim = find_claim(request)
    assert claim is not None
    assert claim.sign_time == claim.key_time == f"{START - 60};{START + 900}"


@given(
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]),
    key=keys,
    # Names that only their case tells apart are refused on purpose.
    query=st.dictionaries(some_texts.map(str.lower), some_texts, max_size=3),
    value=header_texts,
)
def test_what_is_signed_is_verified(
    method: str, key: str, query: dict[str, str], value: str
) -> None:
    request = Request(
        method, f"/{key}", tuple(query.items()), {"host": HOST, "x-cos-meta-a": value}
    )
    check(signed(request))
    with pytest.raises(SignatureDoesNotMatch):
        check(replace(signed(request), path=f"/{key}x"))


def test_a_secret_is_not_shown() -> None:
    shown = repr(Credentials("my id", "hidden key", "hidden token"))
    assert "my id" in shown
    assert "hidden" not in shown


@given(st.binary(max_size=200), some_texts)
def test_a_signing_key_is_an_hmac_whatever_the_key(raw: bytes, window: str) -> None:
    key = decode_text(raw)
    expected = hmac.digest(encode_text(key), encode_text(window), "sha1").hex()
    assert sign_key(key, window) == expected
