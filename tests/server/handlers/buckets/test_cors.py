"""CORS: preflights, and the headers of every response."""

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.http_client import HTTPClient, Reply

RULES = b"""<CORSConfiguration>
<CORSRule><ID>one</ID><AllowedOrigin>https://a.example</AllowedOrigin>
<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>
<AllowedHeader>x-cos-*</AllowedHeader><AllowedHeader>Authorization</AllowedHeader>
<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>
<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>
</CORSConfiguration>"""
ALLOWED = {"origin": "https://a.example", "access-control-request-method": "PUT"}


@pytest.fixture
def place(http_client: HTTPClient, bucket: str) -> str:
    """Give a bucket with rules."""
    assert configure(http_client, bucket, RULES).outcome == (200, "")
    return bucket


def configure(http_client: HTTPClient, bucket: str, document: bytes) -> Reply:
    headers = {"content-md5": content_md5(document)}
    return http_client.request("PUT", f"/{bucket}/?cors", headers, document)


def shared(reply: Reply) -> dict[str, str]:
    """Return the CORS headers of a response."""
    return {
        name: value
        for name, value in reply.fields
        if name.startswith("Access-Control-") or name == "Vary"
    }


def test_rules_are_put_read_and_deleted(http_client: HTTPClient, place: str) -> None:
    read = http_client.request("GET", f"/{place}/?cors")
    assert read.texts("AllowedOrigin") == ["https://a.example", "*"]
    assert read.texts("AllowedMethod") == ["PUT", "GET", "GET"]
    assert (read.text("ID"), read.text("MaxAgeSeconds")) == ("one", "600")
    assert http_client.request("DELETE", f"/{place}/?cors").status == 204
    assert http_client.request("GET", f"/{place}/?cors").outcome == (404, "NoSuchCORSConfiguration")
    assert http_client.request("DELETE", f"/{place}/?cors").status == 204
    assert ask_first(http_client, place, **ALLOWED).outcome == (403, "AccessForbidden")


def ask_first(http_client: HTTPClient, bucket: str, **headers: str) -> Reply:
    return http_client.request("OPTIONS", f"/{bucket}/any/key?acl", headers, signed=False)


def test_a_preflight_needs_no_signature(http_client: HTTPClient, place: str) -> None:
    asked = {**ALLOWED, "access-control-request-headers": "authorization, x-cos-acl"}
    reply = ask_first(http_client, place, **asked)
    assert (reply.status, reply.body) == (200, b"")
    assert shared(reply) == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "PUT,GET",
        "Access-Control-Allow-Headers": "authorization,x-cos-acl",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "https://b.example"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-method": ""},
        {"access-control-request-headers": "range"},
        {"origin": ""},
    ],
    ids=str,
)
def test_a_preflight_that_no_rule_allows_is_forbidden(
    http_client: HTTPClient, place: str, changed: dict[str, str]
) -> None:
    reply = ask_first(http_client, place, **{**ALLOWED, **changed})
    assert reply.outcome == (403, "AccessForbidden")
    assert "Access-Control-Allow-Origin" not in reply


def test_a_preflight_needs_a_bucket(http_client: HTTPClient) -> None:
    assert ask_first(http_client, "absent-1250000000", **ALLOWED).outcome == (404, "NoSuchBucket")
    service = http_client.request("OPTIONS", "/", ALLOWED, signed=False)
    assert service.outcome == (403, "AccessForbidden")


def test_every_response_to_an_allowed_origin_has_the_headers(
    http_client: HTTPClient, place: str
) -> None:
    origin = {"origin": "https://a.example"}
    expected = {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "PUT,GET",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    responses = [
        http_client.request("PUT", f"/{place}/key", origin, b"x"),
        http_client.request("GET", f"/{place}/key", origin),
        http_client.request("GET", f"/{place}/absent", origin),
        http_client.request("GET", f"/{place}/key", origin, signed=False),
        http_client.request("GET", f"/{place}/key?uploads&acl", origin),
        http_client.request("GET", f"/{place}/key", {**origin, "authorization": "q"}, signed=False),
    ]
    assert [reply.status for reply in responses] == [200, 200, 404, 403, 400, 403]
    assert [shared(reply) for reply in responses] == [expected] * len(responses)


def test_other_responses_only_have_vary(http_client: HTTPClient, place: str) -> None:
    vary = {"Vary": "Origin"}
    assert (
        shared(http_client.request("PUT", f"/{place}/key", {"origin": "https://b.example"}, b"x"))
        == vary
    )
    assert shared(http_client.request("GET", f"/{place}/key")) == vary
    assert (
        shared(http_client.request("HEAD", f"/{place}/key", {"origin": "https://a.example"}))
        == vary
    )
    anybody = http_client.request("GET", f"/{place}/key", {"origin": "https://b.example"})
    assert shared(anybody)["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in anybody


def test_a_bucket_without_rules_says_nothing_to_browsers(
    http_client: HTTPClient, bucket: str
) -> None:
    reply = http_client.request("PUT", f"/{bucket}/key", {"origin": "https://a.example"}, b"x")
    assert (reply.status, shared(reply)) == (200, {})


RULE = b"<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<CORSConfiguration/>", "MalformedXML"),
        (b"<CORSConfiguration>" + RULE * 101 + b"</CORSConfiguration>", "InvalidArgument"),
        (
            b"<CORSConfiguration>" + RULE.replace(b"GET", b"PATCH") + b"</CORSConfiguration>",
            "InvalidArgument",
        ),
        (b"<Tagging/>", "MalformedXML"),
        (b"", "MissingRequestBodyError"),
    ],
    ids=["no rule", "101 rules", "another method", "another document", "nothing"],
)
def test_bad_rules_leave_the_good_ones(
    http_client: HTTPClient, place: str, document: bytes, code: str
) -> None:
    assert configure(http_client, place, document).outcome == (400, code)
    assert len(http_client.request("GET", f"/{place}/?cors").texts("CORSRule")) == 2
