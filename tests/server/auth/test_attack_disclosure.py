"""Attacks that try to learn of objects without a right, or to claim an identity in headers.

Sources: MinIO CVE-2024-36107, RustFS CVE-2026-73286, CVE-2026-21862 and CVE-2026-46685, Ceph
CVE-2021-3524; RFC 9110 13.1, RFC 9112 5.1, Fetch 3.3.
"""

import json
from typing import Any

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, SUB_ACCOUNT, account_client
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")
LONG_AGO, SOON = "Thu, 01 Jan 1998 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"
CONDITIONS = [
    {"if-modified-since": LONG_AGO},
    {"if-modified-since": SOON},
    {"if-unmodified-since": LONG_AGO},
    {"if-unmodified-since": SOON},
    {"if-match": "*"},
    {"if-match": '"none"'},
    {"if-none-match": "*"},
    {"range": "bytes=0-0"},
    {"range": "bytes=9999-"},
    {"if-range": '"none"', "range": "bytes=0-0"},
]
S3_MARK = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}  # of whom nobody has signed


@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
@pytest.mark.parametrize("mark", [{}, S3_MARK], ids=["cos", "s3"])
def test_a_condition_does_not_disclose_that_an_object_exists(
    server: LocalServer,
    http_client: HTTPClient,
    room: str,
    conditions: dict[str, str],
    mark: dict[str, str],
) -> None:
    friend = account_client(server, FRIEND)
    asking = S3HTTPClient(friend) if mark else friend
    for method, body in (("GET", None), ("HEAD", None), ("PUT", b"x"), ("DELETE", None)):
        for signed in (True, False):
            returned = []
            for key in ("kept", "none"):
                sent = {**conditions, **({} if signed else mark)}
                reply = asking.request(method, f"/{room}/{key}", sent, body, signed=signed)
                returned.append(
                    (reply.status, [n for n, _ in reply.fields if n != "Content-Length"])
                )
                assert "ETag" not in reply
                assert "Last-Modified" not in reply
            assert returned[0] == returned[1]
            assert returned[0][0] == 403


SPOOFED: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"StringEquals": {"aws:username": "77"}}, {"username": "77"}, ""),
    ({"StringEquals": {"aws:username": "77"}}, {"aws-username": "77"}, ""),
    ({"StringEquals": {"aws:username": "77"}}, {"aws:username": "77"}, ""),
    ({"StringEquals": {"aws:username": "77"}}, {}, "?aws:username=77"),
    ({"StringLike": {"aws:userid": "*77*"}}, {"userid": "77", "aws-userid": "77"}, ""),
    ({"StringEquals": {"aws:PrincipalType": "Root"}}, {"principaltype": "Root"}, ""),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"x-forwarded-for": "10.0.0.1"}, ""),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"x-real-ip": "10.0.0.1"}, ""),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"forwarded": "for=10.0.0.1"}, ""),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"sourceip": "10.0.0.1"}, ""),
    ({"Bool": {"aws:SecureTransport": "true"}}, {"x-forwarded-proto": "https"}, ""),
    ({"Bool": {"aws:SecureTransport": "true"}}, {"securetransport": "true"}, ""),
    ({"StringEquals": {"s3:ExistingObjectTag/a": "b"}}, {"x-amz-tagging": "a=b"}, ""),
    ({"StringEquals": {"s3:authType": "POST"}}, {"authtype": "POST"}, ""),
]


@pytest.mark.parametrize(("condition", "headers", "query"), SPOOFED, ids=str)
def test_headers_do_not_claim_an_identity_or_address(
    server: LocalServer,
    http_client: HTTPClient,
    bucket: str,
    condition: dict[str, Any],
    headers: dict[str, str],
    query: str,
) -> None:
    assert http_client.request("PUT", f"/{bucket}/k", {}, b"data").status == 200
    rule = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Condition": condition}
    rule["Resource"] = f"arn:aws:s3:::{bucket}/*"
    body = json.dumps({"Version": "2012-10-17", "Statement": [rule]}).encode()
    put = http_client.request("PUT", f"/{bucket}/?policy", {}, body)
    if put.status == 400:  # what would not be heeded cannot be put
        assert put.text("Code") == "MalformedPolicy"
        return
    friend = account_client(server, FRIEND)
    for asking, signed in ((friend, True), (S3HTTPClient(friend), True), (http_client, False)):
        reply = asking.request("GET", f"/{bucket}/k{query}", headers, signed=signed)
        assert reply.status in (403, 501), reply.body
    if "aws:username" in str(condition):  # and whom it means is let in
        assert account_client(server, SUB_ACCOUNT).request("GET", f"/{bucket}/k").body == b"data"


BREAKS = ["\r\nx-evil: 1", "\nx-evil: 1", "\rx-evil: 1", "&#13;&#10;x-evil: 1", "&#10;x-evil: 1"]


@pytest.mark.parametrize("text", BREAKS, ids=ascii)
@pytest.mark.parametrize("element", ["ExposeHeader", "AllowedOrigin", "AllowedHeader"])
def test_no_rule_for_browsers_begins_another_header(
    http_client: HTTPClient, bucket: str, text: str, element: str
) -> None:
    parts = {"AllowedOrigin": "*", "AllowedMethod": "GET", "AllowedHeader": "*"}
    parts[element] = f"http://a.example{text}" if element == "AllowedOrigin" else f"x-a{text}"
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    rules = f"<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>".encode()
    put = http_client.request("PUT", f"/{bucket}/?cors", {"content-md5": content_md5(rules)}, rules)
    origin = {"origin": "http://a.example", "access-control-request-method": "GET"}
    for method in ("GET", "OPTIONS"):
        assert "x-evil" not in http_client.request(method, f"/{bucket}/k", origin, signed=False)
    assert put.status == 400


def test_no_origin_is_given_what_a_browser_knows(http_client: HTTPClient, bucket: str) -> None:
    origin = {"origin": "http://evil.example", "access-control-request-method": "GET"}
    for method in ("GET", "OPTIONS"):
        for target in ("/", f"/{bucket}/", f"/{bucket}/none", "/-/ready"):
            reply = http_client.request(method, target, origin, signed=False)
            assert not [name for name, _ in reply.fields if name.lower().startswith("access-")]
    rule = b"<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    rules = b"<CORSConfiguration><CORSRule>" + rule + b"</CORSRule></CORSConfiguration>"
    sent = {"content-md5": content_md5(rules)}
    assert http_client.request("PUT", f"/{bucket}/?cors", sent, rules).status == 200
    for method in ("GET", "OPTIONS"):
        reply = http_client.request(method, f"/{bucket}/none", origin, signed=False)
        assert reply["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in reply
        assert "Set-Cookie" not in reply


SPELLED = [
    "/%2d/metrics",
    "/-/%6detrics",
    "/-/metric%73",
    "/%2D/ready",
    "/-/%6Cive",
    "//-/live",
    "/-",
]


@pytest.mark.parametrize("target", [*SPELLED, "/-/metrics/", "/-/../-/metrics", "/./-/metrics"])
def test_what_a_proxy_keeps_to_itself_has_one_spelling(
    http_client: HTTPClient, target: str
) -> None:
    reply = http_client.request("GET", target, signed=False)
    assert reply.status in (400, 403, 404)
    assert b"coskit_" not in reply.body


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("name", ["live", "ready", "metrics"])
def test_status_pages_are_not_objects(http_client: HTTPClient, method: str, name: str) -> None:
    body = None if method == "DELETE" else b"data"
    assert http_client.request(method, f"/-/{name}", {}, body).outcome == (405, "MethodNotAllowed")
    assert http_client.request("GET", f"/-/{name}", signed=False).status == 200
