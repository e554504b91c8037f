"""Which dialect a request is in, and that the same data is told in the names of each."""

import json
import time

import pytest

from coskit.protocol.s3.auth import sigv4
from tests.server.support.s3 import ask
from tests.server.support.wire import HOST, Peer, received

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
def test_what_is_not_signed_is_told_by_what_only_s3_says(
    peer: Peer, headers: dict[str, str], target: str, is_s3: bool
) -> None:
    reply = peer.ask("GET", target, headers, signed=False)
    assert reply.outcome == (404, "NoSuchBucket")
    assert ("x-amz-request-id" in reply) == is_s3
    assert ("x-cos-request-id" in reply) == (not is_s3)
    assert bool(reply.text("HostId")) == is_s3
    assert bool(reply.text("TraceId")) == (not is_s3)


def test_a_signature_decides_whatever_else_is_said(peer: Peer, room: str) -> None:
    assert "x-cos-request-id" in peer.ask("GET", f"/{room}/kept", {"x-amz-meta-a": "b"})
    assert "x-amz-request-id" in ask(peer, "GET", f"/{room}/kept", {"x-cos-meta-a": "b"})


def test_an_object_is_told_in_the_names_of_each(peer: Peer, room: str) -> None:
    about = {
        "x-amz-meta-color": "dark blue",
        "x-amz-storage-class": "GLACIER",
        "content-type": "text/x",
        "content-encoding": "gzip",
    }
    assert ask(peer, "PUT", f"/{room}/both", about, b"12345").status == 200
    in_s3 = ask(peer, "HEAD", f"/{room}/both")
    in_cos = peer.ask("HEAD", f"/{room}/both")
    for name in ("ETag", "Content-Type", "Content-Encoding", "Content-Length", "Last-Modified"):
        assert in_s3[name] == in_cos[name], name
    assert in_s3["x-amz-meta-color"] == in_cos["x-cos-meta-color"] == "dark blue"
    assert (in_s3["x-amz-storage-class"], in_cos["x-cos-storage-class"]) == ("GLACIER", "ARCHIVE")
    assert not [name for name, _ in in_cos.fields if name.lower().startswith("x-amz-")]


def test_a_listing_is_in_the_namespace_of_s3(peer: Peer, room: str) -> None:
    assert XMLNS in ask(peer, "GET", f"/{room}/").body
    assert XMLNS not in peer.ask("GET", f"/{room}/").body


def test_a_listing_goes_on_where_its_token_says(peer: Peer, room: str) -> None:
    keys = [f"page/{name}" for name in ("a b", "c+d", "中", "e&f")]
    for key in keys:
        target = f"/{room}/{key.replace(' ', '%20').replace('+', '%2B').replace('&', '%26')}"
        assert peer.ask("PUT", target.replace("中", "%E4%B8%AD"), {}, b"1").status == 200
    seen: list[str] = []
    token = ""
    while True:
        more = f"&continuation-token={token}" if token else ""
        reply = ask(peer, "GET", f"/{room}/?list-type=2&prefix=page%2F&max-keys=3{more}")
        seen += [key.replace("&amp;", "&") for key in reply.texts("Key")]
        assert reply.text("KeyCount") == str(len(reply.texts("Key")))
        assert not reply.texts("Owner")
        token = reply.text("NextContinuationToken").replace("=", "%3D")
        if reply.text("IsTruncated") == "false":
            break
    assert seen == sorted(keys, key=str.encode)
    wrong = ask(peer, "GET", f"/{room}/?list-type=2&continuation-token=%21")
    assert wrong.outcome == (400, "InvalidArgument")
    owned = ask(peer, "GET", f"/{room}/?list-type=2&fetch-owner=true&start-after=page%2Fe")
    assert owned.texts("ID")
    assert "page/a b" not in owned.texts("Key")


def test_a_delimiter_of_several_characters_is_one_of_s3(peer: Peer, room: str) -> None:
    for key in ("long/a--x", "long/a--y", "long/b"):
        assert peer.ask("PUT", f"/{room}/{key}", {}, b"1").status == 200
    reply = ask(peer, "GET", f"/{room}/?list-type=2&prefix=long%2F&delimiter=--")
    assert reply.texts("Prefix") == ["long/", "long/a--"]
    assert reply.texts("Key") == ["long/b"]
    refused = peer.ask("GET", f"/{room}/?delimiter=--")
    assert refused.outcome == (400, "InvalidDelimiter")


@pytest.mark.parametrize("name", ["dotted.name", "n" * 63, "abc"])
def test_a_bucket_may_be_called_as_s3_allows(peer: Peer, name: str) -> None:
    made = ask(peer, "PUT", f"/{name}")
    assert (made.status, made["Location"]) == (200, f"/{name}")
    assert ask(peer, "PUT", f"/{name}/k", {}, b"1").status == 200
    assert ask(peer, "GET", f"/{name}/k").body == b"1"
    assert ask(peer, "DELETE", f"/{name}/k").status == 204
    assert ask(peer, "DELETE", f"/{name}").status == 204


def test_a_copy_of_an_object_in_a_bucket_with_dots(peer: Peer) -> None:
    for name in ("dotted.source", "dotted"):
        assert ask(peer, "PUT", f"/{name}").status == 200
    assert ask(peer, "PUT", "/dotted.source/a/k", {}, b"data").status == 200
    for source in ("dotted.source/a/k", "/dotted.source/a%2Fk", "dotted.source%2Fa%2Fk"):
        assert ask(peer, "PUT", "/dotted/copy", {"x-amz-copy-source": source}).status == 200
        assert ask(peer, "GET", "/dotted/copy").body == b"data"
        assert ask(peer, "DELETE", "/dotted/copy").status == 204
    in_cos = {"x-cos-copy-source": "dotted.source.cos.ap-local.myqcloud.com/a/k"}
    assert peer.ask("PUT", "/dotted/copy", in_cos, b"").status == 200
    for target in ("/dotted/copy", "/dotted.source/a/k", "/dotted", "/dotted.source"):
        assert ask(peer, "DELETE", target).status == 204


@pytest.mark.parametrize("name", ["Upper", "n" * 64, "a..b", "192.168.1.1", "under_score", "ab-"])
def test_a_bucket_may_not_be_called_otherwise(peer: Peer, name: str) -> None:
    assert ask(peer, "PUT", f"/{name}").outcome == (400, "InvalidBucketName")


def test_a_delete_marker_that_is_named_cannot_be_read(peer: Peer) -> None:
    assert ask(peer, "PUT", "/marked").status == 200
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert ask(peer, "PUT", "/marked?versioning", {}, enabled).status == 200
    assert ask(peer, "PUT", "/marked/k", {}, b"1").status == 200
    marker = ask(peer, "DELETE", "/marked/k")["x-amz-version-id"]
    assert ask(peer, "GET", "/marked/k").outcome == (404, "NoSuchKey")
    named = ask(peer, "GET", f"/marked/k?versionId={marker}")
    assert (named.outcome, named["x-amz-delete-marker"]) == ((405, "MethodNotAllowed"), "true")
    assert named["Allow"] == "DELETE"


def test_a_write_that_wants_a_certain_object_finds_none(peer: Peer, room: str) -> None:
    wants = {"if-match": '"0123"'}
    assert ask(peer, "PUT", f"/{room}/absent", wants, b"1").outcome == (404, "NoSuchKey")
    in_cos = peer.ask("PUT", f"/{room}/absent", wants, b"1")
    assert in_cos.outcome == (412, "PreconditionFailed")


def test_a_policy_of_either_dialect_is_told_in_both(peer: Peer, room: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{room}/open/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    assert ask(peer, "PUT", f"/{room}/open/k", {}, b"1").status == 200
    assert peer.ask("GET", f"/{room}/open/k", signed=False).status == 403
    assert ask(peer, "PUT", f"/{room}?policy", {}, text).status == 204
    assert peer.ask("GET", f"/{room}/open/k", signed=False).body == b"1"
    assert peer.ask("GET", f"/{room}?policy").body == text
    assert ask(peer, "DELETE", f"/{room}?policy").status == 204


def test_a_header_of_several_lines_is_signed_as_one_list(peer: Peer, room: str) -> None:
    target = f"/{room}/kept?attributes"
    sent = {"host": HOST, "x-amz-object-attributes": "ETag,ObjectSize"}
    request = received("GET", target.encode(), sent)
    signature = sigv4.sign(
        request, peer.credentials, int(time.time()), "ap-local", sigv4.EMPTY_PAYLOAD
    )
    lines = [f"{name}: {value}" for name, value in (sent | signature).items()]
    at = lines.index("x-amz-object-attributes: ETag,ObjectSize")
    lines[at : at + 1] = ["x-amz-object-attributes: ETag", "x-amz-object-attributes: ObjectSize"]
    head = "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""])
    with peer.line() as line:
        reply = line.ask(head.encode())
    assert (reply.status, reply.text("ObjectSize")) == (200, "4"), reply.body
