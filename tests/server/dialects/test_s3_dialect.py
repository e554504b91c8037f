"""The dialect of a request; the same data is returned under the names of each."""

import json
import time

import pytest

from coskit.protocol.s3.auth import sigv4
from tests.server.support.http_client import HOST, HTTPClient, received
from tests.server.support.s3 import request_s3

XMLNS = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize(
    ("headers", "target", "is_s3"),
    [
        ({}, "/nowhere-1250000000/k", False),
        ({"x-amz-meta-a": "b"}, "/nowhere-1250000000/k", True),
        ({"amz-sdk-request": "attempt=1"}, "/nowhere-1250000000/k", True),
        ({}, "/nowhere-1250000000/?list-type=2", True),
        ({"x-cos-meta-a": "b"}, "/nowhere-1250000000/k", False),
    ],
)
def test_an_unsigned_request_is_s3_if_only_s3_has_its_names(
    http_client: HTTPClient, headers: dict[str, str], target: str, is_s3: bool
) -> None:
    reply = http_client.request("GET", target, headers, signed=False)
    assert reply.outcome == (404, "NoSuchBucket")
    assert ("x-amz-request-id" in reply) == is_s3
    assert ("x-cos-request-id" in reply) == (not is_s3)
    assert bool(reply.text("HostId")) == is_s3
    assert bool(reply.text("TraceId")) == (not is_s3)


def test_a_signature_decides_whatever_else_is_said(http_client: HTTPClient, room: str) -> None:
    assert "x-cos-request-id" in http_client.request("GET", f"/{room}/kept", {"x-amz-meta-a": "b"})
    assert "x-amz-request-id" in request_s3(
        http_client, "GET", f"/{room}/kept", {"x-cos-meta-a": "b"}
    )


def test_an_object_is_returned_in_the_names_of_each_dialect(
    http_client: HTTPClient, room: str
) -> None:
    about = {
        "x-amz-meta-color": "dark blue",
        "x-amz-storage-class": "GLACIER",
        "content-type": "text/x",
        "content-encoding": "gzip",
    }
    assert request_s3(http_client, "PUT", f"/{room}/both", about, b"12345").status == 200
    in_s3 = request_s3(http_client, "HEAD", f"/{room}/both")
    in_cos = http_client.request("HEAD", f"/{room}/both")
    for name in ("ETag", "Content-Type", "Content-Encoding", "Content-Length", "Last-Modified"):
        assert in_s3[name] == in_cos[name], name
    assert in_s3["x-amz-meta-color"] == in_cos["x-cos-meta-color"] == "dark blue"
    assert (in_s3["x-amz-storage-class"], in_cos["x-cos-storage-class"]) == ("GLACIER", "ARCHIVE")
    assert not [name for name, _ in in_cos.fields if name.lower().startswith("x-amz-")]


def test_a_listing_is_in_the_namespace_of_s3(http_client: HTTPClient, room: str) -> None:
    assert XMLNS in request_s3(http_client, "GET", f"/{room}/").body
    assert XMLNS not in http_client.request("GET", f"/{room}/").body


def test_a_listing_goes_on_where_its_token_says(http_client: HTTPClient, room: str) -> None:
    keys = [f"page/{name}" for name in ("a b", "c+d", "中", "e&f")]
    for key in keys:
        target = f"/{room}/{key.replace(' ', '%20').replace('+', '%2B').replace('&', '%26')}"
        assert http_client.request("PUT", target.replace("中", "%E4%B8%AD"), {}, b"1").status == 200
    seen: list[str] = []
    token = ""
    while True:
        more = f"&continuation-token={token}" if token else ""
        reply = request_s3(
            http_client, "GET", f"/{room}/?list-type=2&prefix=page%2F&max-keys=3{more}"
        )
        seen += [key.replace("&amp;", "&") for key in reply.texts("Key")]
        assert reply.text("KeyCount") == str(len(reply.texts("Key")))
        assert not reply.texts("Owner")
        token = reply.text("NextContinuationToken").replace("=", "%3D")
        if reply.text("IsTruncated") == "false":
            break
    assert seen == sorted(keys, key=str.encode)
    wrong = request_s3(http_client, "GET", f"/{room}/?list-type=2&continuation-token=%21")
    assert wrong.outcome == (400, "InvalidArgument")
    owned = request_s3(
        http_client, "GET", f"/{room}/?list-type=2&fetch-owner=true&start-after=page%2Fe"
    )
    assert owned.texts("ID")
    assert "page/a b" not in owned.texts("Key")


def test_a_delimiter_of_several_characters_is_one_of_s3(http_client: HTTPClient, room: str) -> None:
    for key in ("long/a--x", "long/a--y", "long/b"):
        assert http_client.request("PUT", f"/{room}/{key}", {}, b"1").status == 200
    reply = request_s3(http_client, "GET", f"/{room}/?list-type=2&prefix=long%2F&delimiter=--")
    assert reply.texts("Prefix") == ["long/", "long/a--"]
    assert reply.texts("Key") == ["long/b"]
    refused = http_client.request("GET", f"/{room}/?delimiter=--")
    assert refused.outcome == (400, "InvalidDelimiter")


@pytest.mark.parametrize("name", ["dotted.name", "n" * 63, "abc"])
def test_a_bucket_may_be_called_as_s3_allows(http_client: HTTPClient, name: str) -> None:
    made = request_s3(http_client, "PUT", f"/{name}")
    assert (made.status, made["Location"]) == (200, f"/{name}")
    assert request_s3(http_client, "PUT", f"/{name}/k", {}, b"1").status == 200
    assert request_s3(http_client, "GET", f"/{name}/k").body == b"1"
    assert request_s3(http_client, "DELETE", f"/{name}/k").status == 204
    assert request_s3(http_client, "DELETE", f"/{name}").status == 204


def test_a_copy_of_an_object_in_a_bucket_with_dots(http_client: HTTPClient) -> None:
    for name in ("dotted.source", "dotted"):
        assert request_s3(http_client, "PUT", f"/{name}").status == 200
    assert request_s3(http_client, "PUT", "/dotted.source/a/k", {}, b"data").status == 200
    for source in ("dotted.source/a/k", "/dotted.source/a%2Fk", "dotted.source%2Fa%2Fk"):
        assert (
            request_s3(http_client, "PUT", "/dotted/copy", {"x-amz-copy-source": source}).status
            == 200
        )
        assert request_s3(http_client, "GET", "/dotted/copy").body == b"data"
        assert request_s3(http_client, "DELETE", "/dotted/copy").status == 204
    in_cos = {"x-cos-copy-source": "dotted.source.cos.ap-local.myqcloud.com/a/k"}
    assert http_client.request("PUT", "/dotted/copy", in_cos, b"").status == 200
    for target in ("/dotted/copy", "/dotted.source/a/k", "/dotted", "/dotted.source"):
        assert request_s3(http_client, "DELETE", target).status == 204


@pytest.mark.parametrize("name", ["Upper", "n" * 64, "a..b", "192.168.1.1", "under_score", "ab-"])
def test_a_bucket_may_not_be_called_otherwise(http_client: HTTPClient, name: str) -> None:
    assert request_s3(http_client, "PUT", f"/{name}").outcome == (400, "InvalidBucketName")


def test_a_delete_marker_that_is_named_cannot_be_read(http_client: HTTPClient) -> None:
    assert request_s3(http_client, "PUT", "/marked").status == 200
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert request_s3(http_client, "PUT", "/marked?versioning", {}, enabled).status == 200
    assert request_s3(http_client, "PUT", "/marked/k", {}, b"1").status == 200
    marker = request_s3(http_client, "DELETE", "/marked/k")["x-amz-version-id"]
    assert request_s3(http_client, "GET", "/marked/k").outcome == (404, "NoSuchKey")
    named = request_s3(http_client, "GET", f"/marked/k?versionId={marker}")
    assert (named.outcome, named["x-amz-delete-marker"]) == ((405, "MethodNotAllowed"), "true")
    assert named["Allow"] == "DELETE"


def test_a_write_that_wants_a_certain_object_finds_none(http_client: HTTPClient, room: str) -> None:
    wants = {"if-match": '"0123"'}
    assert request_s3(http_client, "PUT", f"/{room}/absent", wants, b"1").outcome == (
        404,
        "NoSuchKey",
    )
    in_cos = http_client.request("PUT", f"/{room}/absent", wants, b"1")
    assert in_cos.outcome == (412, "PreconditionFailed")


def test_a_policy_of_either_dialect_is_returned_in_both(http_client: HTTPClient, room: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{room}/open/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    assert request_s3(http_client, "PUT", f"/{room}/open/k", {}, b"1").status == 200
    assert http_client.request("GET", f"/{room}/open/k", signed=False).status == 403
    assert request_s3(http_client, "PUT", f"/{room}?policy", {}, text).status == 204
    assert http_client.request("GET", f"/{room}/open/k", signed=False).body == b"1"
    assert http_client.request("GET", f"/{room}?policy").body == text
    assert request_s3(http_client, "DELETE", f"/{room}?policy").status == 204


def test_a_header_of_several_lines_is_signed_as_one_list(
    http_client: HTTPClient, room: str
) -> None:
    target = f"/{room}/kept?attributes"
    sent = {"host": HOST, "x-amz-object-attributes": "ETag,ObjectSize"}
    request = received("GET", target.encode(), sent)
    signature = sigv4.sign(
        request, http_client.credentials, int(time.time()), "ap-local", sigv4.EMPTY_PAYLOAD
    )
    lines = [f"{name}: {value}" for name, value in (sent | signature).items()]
    at = lines.index("x-amz-object-attributes: ETag,ObjectSize")
    lines[at : at + 1] = ["x-amz-object-attributes: ETag", "x-amz-object-attributes: ObjectSize"]
    head = "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""])
    with http_client.connect() as connection:
        reply = connection.request(head.encode())
    assert (reply.status, reply.text("ObjectSize")) == (200, "4"), reply.body
