"""Signed URLs: what the signature has to cover, and additions to a URL."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from coskit.protocol.auth.signature import presign, sign
from coskit.protocol.endpoint import encode_query
from coskit.protocol.s3.auth import sigv2, sigv4
from coskit.protocol.s3.operations import S3_OPERATIONS
from tests.server.support.http_client import HOST, Headers, HTTPClient, Reply, received
from tests.support.forked_server import ForkedServer

DENIED = (403, "AccessDenied")
MISMATCH = (403, "SignatureDoesNotMatch")
UNKNOWN = (501, "NotImplemented")
TWICE = (400, "InvalidArgument")


def now() -> int:
    return int(time.time())


def cos_url(
    http_client: HTTPClient,
    method: str,
    target: str,
    headers: Headers | None = None,
    lifetime: int = 60,
) -> str:
    """Return a target signed in COS with the host and some headers."""
    request = received(method, target.encode(), {"host": HOST, **(headers or {})})
    query = presign(request, http_client.credentials, now(), lifetime)
    return f"{target.partition('?')[0]}?{encode_query(query)}"


def v4_url(
    http_client: HTTPClient, method: str, target: str, headers: Headers | None = None
) -> str:
    request = received(method, target.encode(), {"host": HOST, **(headers or {})})
    query = sigv4.presign(request, http_client.credentials, now(), "ap-local", 60)
    return f"{target.partition('?')[0]}?{encode_query(query)}"


def v2_url(
    http_client: HTTPClient,
    method: str,
    target: str,
    headers: Headers | None = None,
    lifetime: int = 60,
) -> str:
    request = received(method, target.encode(), headers or {})
    query = sigv2.presign(request, http_client.credentials, now() + lifetime)
    return f"{target.partition('?')[0]}?{encode_query(query)}"


def acl(http_client: HTTPClient, target: str) -> list[str]:
    """Return the grantees of an object."""
    return http_client.request("GET", f"{target}?acl").texts("URI")


@pytest.fixture
def secret(http_client: HTTPClient, bucket: str) -> str:
    """Store an object that no URL of these tests is about, and return its target."""
    target = f"/{bucket}/secret"
    assert http_client.request("PUT", target, {}, b"secret").status == 200
    return target


# vendor: "Strict Signature Mode": what is not signed is refused with AccessDenied.
ADDED_HEADERS = [
    ("PUT", {"x-cos-copy-source": "BUCKET.cos.ap-local.myqcloud.com/secret"}),
    ("PUT", {"X-Cos-Copy-Source": "BUCKET.cos.ap-local.myqcloud.com/secret"}),
    ("PUT", {"x-cos-acl": "public-read"}),
    ("PUT", {"x-cos-grant-read": 'id="1"'}),
    ("PUT", {"x-cos-meta-a": "b"}),
    ("PUT", {"x-cos-tagging": "a=b"}),
    ("PUT", {"x-cos-storage-class": "ARCHIVE"}),
    ("PUT", {"x-cos-forbid-overwrite": "true"}),
    ("PUT", {"x-cos-server-side-encryption": "AES256"}),
    ("PUT", {"x-cos-traffic-limit": "819200"}),
    ("GET", {"x-cos-server-side-encryption-customer-algorithm": "AES256"}),
]


@pytest.mark.parametrize(("method", "headers"), ADDED_HEADERS)
def test_a_header_that_a_urls_signature_leaves_out_is_refused(
    http_client: HTTPClient, bucket: str, secret: str, method: str, headers: Mapping[str, str]
) -> None:
    target = f"/{bucket}/drop"
    added = {name: value.replace("BUCKET", bucket) for name, value in headers.items()}
    body = b"x" if method == "PUT" else None
    url = cos_url(http_client, method, target)
    assert http_client.request(method, url, added, body, signed=False).outcome == DENIED
    assert http_client.request("GET", target).status == 404
    lower = {name.lower(): value for name, value in added.items()}
    covered = cos_url(http_client, method, target, lower)
    assert http_client.request(method, covered, added, body, signed=False).outcome != DENIED


ADDED_PARAMETERS = [
    ("PUT", "acl", DENIED),
    ("PUT", "tagging", DENIED),
    ("GET", "acl", DENIED),
    ("GET", "versionId=null", DENIED),
    ("GET", "versionid=null", DENIED),
    ("GET", "uploadId=u", DENIED),
    ("GET", "response-content-type=text/html", DENIED),
    ("GET", "x-cos-traffic-limit=819200", DENIED),
    ("DELETE", "versionId=null", DENIED),
    ("DELETE", "tagging", DENIED),
    ("DELETE", "uploadId=u", DENIED),
    ("PUT", "partNumber=1&uploadId=u", DENIED),
    ("POST", "uploads", DENIED),
    ("PUT", "ACL", UNKNOWN),
    ("GET", "x-cos-Traffic-Limit=819200", UNKNOWN),
]


@pytest.mark.parametrize(("method", "more", "outcome"), ADDED_PARAMETERS)
def test_a_parameter_that_a_urls_signature_leaves_out_is_refused(
    http_client: HTTPClient,
    bucket: str,
    secret: str,
    method: str,
    more: str,
    outcome: tuple[int, str],
) -> None:
    url = cos_url(http_client, method, secret)
    body = b"" if method in ("PUT", "POST") else None
    assert http_client.request(method, f"{url}&{more}", {}, body, signed=False).outcome == outcome
    assert http_client.request("GET", secret).body == b"secret"
    assert not acl(http_client, secret)


def test_a_url_for_a_listing_lists_nothing_else(
    http_client: HTTPClient, bucket: str, secret: str
) -> None:
    url = cos_url(http_client, "GET", f"/{bucket}/?prefix=open/")
    assert http_client.request("GET", url, signed=False).texts("Key") == []
    for change in (url.replace("&prefix=open%2F", "&PREFIX=open%2F"), f"{url}&marker=a"):
        assert http_client.request("GET", change, signed=False).outcome in (UNKNOWN, DENIED)
    assert (
        http_client.request("GET", url.replace("&prefix=open%2F", ""), signed=False).outcome
        == MISMATCH
    )
    for name in ("policy", "acl", "uploads", "versions", "cors"):
        reply = http_client.request(
            "GET", f"{cos_url(http_client, 'GET', f'/{bucket}/')}&{name}", signed=False
        )
        assert reply.outcome == DENIED


@pytest.mark.parametrize(
    "signed",
    ["uploadId=U", "tagging", "cors", "acl", "versionId=v", "prefix=a", "partNumber=1&uploadId=u"],
)
def test_what_was_signed_in_one_case_is_not_done_in_another(
    http_client: HTTPClient, bucket: str, secret: str, signed: str
) -> None:
    # q-sign writes names in lower case, so that the signature is the same.
    for target in (secret, f"/{bucket}/"):
        for method in ("DELETE", "PUT", "GET"):
            url = cos_url(http_client, method, f"{target}?{signed}")
            start, _, query = url.rpartition("&q-signature=")
            signature, _, own = query.partition("&")
            for spelling in (own.upper(), own.capitalize()):
                sent = f"{start}&q-signature={signature}&{spelling}"
                body = b"" if method == "PUT" else None
                reply = http_client.request(method, sent, {}, body, signed=False)
                if not spelling.startswith("VersionId"):
                    assert reply.outcome == UNKNOWN, sent
                assert reply.status >= 400, sent
    assert http_client.request("GET", secret).body == b"secret"


# What the vendor's clients do not sign, and what only says how a body is stored or shown.
FREE = [
    ("GET", "&response-content-disposition=attachment", {}),
    ("GET", "&response-content-disposition=attachment%3Bfilename%3Da.txt", {}),
    ("GET", "&x-id=GetObject", {}),
    ("GET", "", {"range": "bytes=0-3", "if-none-match": '"0"'}),
    ("GET", "", {"x-cos-sdk-retry": "true"}),
    ("PUT", "", {"content-type": "text/plain", "cache-control": "no-cache"}),
]


@pytest.mark.parametrize(("method", "more", "headers"), FREE)
def test_what_may_be_added_to_a_url(
    http_client: HTTPClient, secret: str, method: str, more: str, headers: Mapping[str, str]
) -> None:
    url = cos_url(http_client, method, secret)
    body = b"new" if method == "PUT" else None
    assert http_client.request(method, url + more, headers, body, signed=False).status in (200, 206)


def test_a_url_that_leaves_out_the_host_is_refused(
    http_client: HTTPClient, bucket: str, secret: str
) -> None:
    ranged = {"range": "bytes=0-1"}
    for target, host in ((secret, HOST), ("/secret", f"{bucket}.localhost")):
        request = received("GET", target.encode(), ranged)
        url = f"{target}?{encode_query(presign(request, http_client.credentials, now(), 60))}"
        assert http_client.request("GET", url, ranged, signed=False, host=host).outcome == DENIED


def test_a_url_may_name_no_header_at_all(http_client: HTTPClient, bucket: str, secret: str) -> None:
    # OpenDAL 0.47 and the oldest SDKs of the vendor sign so.
    request = received("GET", b"/secret", {})
    url = f"/secret?{encode_query(presign(request, http_client.credentials, now(), 60))}"
    host = f"{bucket}.localhost"
    assert http_client.request("GET", url, signed=False, host=host).body == b"secret"
    assert http_client.request("GET", f"{url}&acl", signed=False, host=host).outcome == DENIED
    added = {"x-cos-traffic-limit": "819200"}
    assert http_client.request("GET", url, added, signed=False, host=host).outcome == DENIED


def test_a_url_for_one_bucket_is_none_for_another(
    http_client: HTTPClient, bucket: str, secret: str
) -> None:
    request = received("GET", b"/secret", {"host": "other-1250000000.localhost"})
    url = f"/secret?{encode_query(presign(request, http_client.credentials, now(), 60))}"
    reply = http_client.request("GET", url, signed=False, host=f"{bucket}.localhost")
    assert reply.outcome == MISMATCH


def test_the_signature_may_be_one_parameter(http_client: HTTPClient, secret: str) -> None:
    # vendor: PresignedURLOptions.SignMerged of the Go SDK, setSignPrefixMode of the Java SDK
    request = received("GET", secret.encode(), {"host": HOST})
    value = sign(request, http_client.credentials, now(), 60)
    url = f"{secret}?{encode_query([('sign', value)])}"
    assert http_client.request("GET", url, signed=False).body == b"secret"
    assert http_client.request("GET", f"{url}&acl", signed=False).outcome == DENIED
    assert http_client.request("DELETE", url, signed=False).outcome == MISMATCH


def test_who_signs_in_a_header_may_leave_out_what_they_like(
    http_client: HTTPClient, bucket: str
) -> None:
    # Release 1.7 of the vendor's Python SDK signed no header; whoever signs here also sends.
    target = f"/{bucket}/k"
    value = sign(received("PUT", target.encode(), {}), http_client.credentials, now())
    added = {"authorization": value, "x-cos-acl": "public-read"}
    assert http_client.request("PUT", target, added, b"x", signed=False).status == 200
    assert acl(http_client, target)


@pytest.mark.parametrize(
    ("signed", "added"),
    [
        ({"x-cos-acl": "private"}, {"x-amz-acl": "public-read"}),
        ({}, {"x-amz-acl": "public-read"}),
        ({}, {"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'}),
    ],
)
@pytest.mark.parametrize("place", ["header", "url"])
def test_headers_of_s3_count_for_nothing_under_a_signature_of_cos(
    http_client: HTTPClient, bucket: str, place: str, signed: dict[str, str], added: dict[str, str]
) -> None:
    target, body = f"/{bucket}/k", b"x"
    if place == "url":
        url = cos_url(http_client, "PUT", target, signed)
        reply = http_client.request("PUT", url, {**signed, **added}, body, signed=False)
    else:
        reply = http_client.request("PUT", target, {**signed, **added}, body)
    assert reply.status == 200
    assert "x-cos-request-id" in reply
    assert not acl(http_client, target)


def test_a_promise_of_cos_is_kept_whatever_s3_would_say(
    http_client: HTTPClient, secret: str
) -> None:
    signed = {"x-cos-forbid-overwrite": "true"}
    url = cos_url(http_client, "PUT", secret, signed)
    added = {**signed, "x-amz-meta-a": "b", "amz-sdk-request": "attempt=1"}
    assert http_client.request("PUT", url, added, b"x", signed=False).outcome == (
        409,
        "FileAlreadyExists",
    )
    sealed = {"x-cos-server-side-encryption": "AES256"}
    url = cos_url(http_client, "PUT", secret, sealed)
    reply = http_client.request("PUT", url, {**sealed, "x-amz-meta-a": "b"}, b"x", signed=False)
    assert reply["x-cos-server-side-encryption"] == "AES256"
    assert "x-cos-meta-a" not in http_client.request("HEAD", secret)


@pytest.mark.parametrize(
    "header",
    ["x-amz-copy-source", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"],
)
def test_a_header_of_s3_that_would_not_be_obeyed_is_refused(
    http_client: HTTPClient, secret: str, header: str
) -> None:
    assert http_client.request("PUT", secret, {header: "somebody"}, b"x").outcome == UNKNOWN
    assert http_client.request("GET", secret).body == b"secret"


@pytest.mark.parametrize("make", [v4_url, v2_url], ids=["version 4", "version 2"])
def test_headers_of_cos_count_for_nothing_under_a_signature_of_s3(
    http_client: HTTPClient, bucket: str, make: Callable[..., str]
) -> None:
    target = f"/{bucket}/k"
    added = {"x-cos-acl": "public-read", "x-cos-meta-a": "b", "x-cos-tagging": "a=b"}
    assert (
        http_client.request(
            "PUT", make(http_client, "PUT", target), added, b"x", signed=False
        ).status
        == 200
    )
    assert not acl(http_client, target)
    assert "x-cos-meta-a" not in http_client.request("HEAD", target)
    for name in ("x-amz-acl", "x-amz-meta-a", "x-amz-copy-source", "x-amz-tagging"):
        reply = http_client.request(
            "PUT", make(http_client, "PUT", target), {name: "x"}, b"x", signed=False
        )
        assert reply.outcome in (DENIED, MISMATCH), name


@pytest.mark.parametrize("version", [4, 2])
def test_a_request_is_signed_once(http_client: HTTPClient, secret: str, version: int) -> None:
    make = v4_url if version == 4 else v2_url
    query = make(http_client, "GET", secret).partition("?")[2]
    assert http_client.request("GET", f"{secret}?{query}").outcome == TWICE
    both = f"{cos_url(http_client, 'GET', secret)}&{query}"
    assert http_client.request("GET", both, signed=False).outcome == TWICE
    again = {"authorization": "AWS4-HMAC-SHA256 Credential=a"}
    url = cos_url(http_client, "GET", secret)
    assert http_client.request("GET", url, again, signed=False).outcome == TWICE


# Version 2 of S3 writes headers and parameters into lines without escaping anything.
def v2_pairs(http_client: HTTPClient, target: str, headers: Headers) -> list[tuple[str, str]]:
    request = received("PUT", target.encode(), headers)
    return list(sigv2.presign(request, http_client.credentials, now() + 60))


@pytest.mark.parametrize("how", ["name", "value", "case"])
def test_two_signed_headers_cannot_be_made_one(
    http_client: HTTPClient, bucket: str, how: str
) -> None:
    target = f"/{bucket}/k"
    signed = {"x-amz-acl": "private", "x-amz-tagging": "a=b"}
    pairs = [p for p in v2_pairs(http_client, target, signed) if p[0] not in signed]
    merged = {
        "name": [("x-amz-acl:private\nx-amz-tagging", "a=b")],
        "value": [("x-amz-acl", "private\nx-amz-tagging:a=b")],
        "case": [*signed.items(), ("X-Amz-Acl", "public-read")],
    }[how]
    url = f"{target}?{encode_query([*merged, *pairs])}"
    reply = http_client.request("PUT", url, {}, b"x", signed=False)
    if how == "case":  # the first counts, as it is signed
        assert reply.status == 200
        assert not acl(http_client, target)
    else:
        assert reply.outcome == MISMATCH
        assert http_client.request("GET", target).status == 404


def test_two_signed_parameters_cannot_be_made_one(http_client: HTTPClient, secret: str) -> None:
    target = f"{secret}?response-content-type=a&versionId=v"
    pairs = v2_pairs(http_client, target, {})
    own = [pair for pair in pairs if pair[0] not in ("versionId", "response-content-type")]
    merged = [("response-content-type", "a&versionId=v"), *own]
    reply = http_client.request("GET", f"{secret}?{encode_query(merged)}", signed=False)
    assert reply.outcome == MISMATCH
    shown = v2_url(http_client, "GET", f"{secret}?response-content-disposition=a%26b.txt")
    assert http_client.request("GET", shown, signed=False)["Content-Disposition"] == "a&b.txt"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-meta-e", "v\n"),
        ("x-amz-meta-e", "v\x00"),
        ("x-amz-meta-a:b", "c"),
        ("x-amz-meta-\u4e2d", "c"),
        ("x-amz-meta-a b", "c"),
    ],
)
def test_a_parameter_that_is_no_header_is_none_of_a_signed_url(
    http_client: HTTPClient, bucket: str, name: str, value: str
) -> None:
    target = f"/{bucket}/k"
    query = encode_query([(name, value)])
    reply = http_client.request(
        "PUT", v4_url(http_client, "PUT", f"{target}?{query}"), {}, b"x", signed=False
    )
    assert reply.outcome == (400, "InvalidArgument")
    assert http_client.request("GET", target).status == 404


YEAR = 366 * 86_400


@pytest.mark.parametrize(
    ("lifetime", "status"), [(YEAR, 200), (YEAR + 3600, 403), (300 * YEAR, 403)]
)
def test_a_signature_is_valid_for_a_year_at_most(
    http_client: HTTPClient, secret: str, lifetime: int, status: int
) -> None:
    in_url = http_client.request(
        "GET", cos_url(http_client, "GET", secret, {}, lifetime), signed=False
    )
    request = received("GET", secret.encode(), {"host": HOST})
    value = sign(request, http_client.credentials, now(), lifetime)
    in_header = http_client.request("GET", secret, {"authorization": value}, signed=False)
    old = http_client.request("GET", v2_url(http_client, "GET", secret, {}, lifetime), signed=False)
    assert [in_url.status, in_header.status, old.status] == [status] * 3
    if status == 403:
        said: list[Reply] = [in_url, in_header, old]
        assert {reply.outcome for reply in said} == {DENIED}
        assert all(f"at most {YEAR} seconds" in reply.text("Message") for reply in said)


def test_the_longest_time_is_a_setting(tmp_path: Path) -> None:
    with ForkedServer(
        tmp_path / "data", buckets=["b-1250000000"], options=["--longest-signature=1h"]
    ) as server:
        http_client, target = HTTPClient.of(server), "/b-1250000000/k"
        assert http_client.request("PUT", target, {}, b"x").status == 200
        for lifetime, status in ((3600, 200), (2 * 3600, 403)):
            for url in (
                cos_url(http_client, "GET", target, {}, lifetime),
                v2_url(http_client, "GET", target, {}, lifetime),
            ):
                assert http_client.request("GET", url, signed=False).status == status, lifetime
        assert (
            http_client.request("GET", v4_url(http_client, "GET", target), signed=False).status
            == 200
        )


def test_every_sub_resource_of_s3_is_signed_in_version_2(
    http_client: HTTPClient, secret: str
) -> None:
    # list-type alone is not: it only changes the form of a listing.
    flags = {row.flag for row in S3_OPERATIONS if row.flag} | {"uploadId", "partNumber"}
    url = v2_url(http_client, "GET", secret)
    for name in sorted(flags - {"partNumber"}):
        reply = http_client.request("GET", f"{url}&{name}=1", signed=False)
        assert reply.outcome in (MISMATCH, UNKNOWN, (405, "MethodNotAllowed")), name
    assert http_client.request("GET", f"{url}&partNumber=1", signed=False).outcome == MISMATCH
