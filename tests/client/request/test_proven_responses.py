"""A response is accepted only if the service sent it and it matches the request, in both dialects.

Sources: the vendor's pages of each operation and "Common Response Headers"; S3's API reference;
RFC 9110 14.2 (Range), 14.4 (Content-Range), 15.3.7 (206), 15.4.5 (304).
"""

from typing import Any

import pytest

from coskit import (
    CosClientError,
    CosServiceError,
    IntegrityError,
    ObjectChanged,
    ParameterError,
    RetryPolicy,
    UnexpectedAnswer,
)
from coskit.protocol.model import Operation, Param, Shape
from coskit.protocol.operations import OPERATIONS
from coskit.protocol.s3.operations import S3_OPERATIONS
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import http_response
from tests.support.worlds import World

BUCKET = "examplebucket-1250000000"
ONCE = RetryPolicy(attempts=1)
PAGE = b"<html></html>"
DIALECTS = ["cos", "s3"]
# In S3 nothing can be set there: the client refuses the document.
WITHOUT_DOCUMENT = {"PutBucketLogging", "PutBucketReplication", "PutBucketWebsite"}
ROWS_OF_S3 = frozenset(row.name for row in S3_OPERATIONS)
NEEDED: dict[str, Any] = {
    "Bucket": BUCKET,
    "Key": "k",
    "Body": b"x",
    "Data": b"x",
    "Position": 0,
    "PartNumber": 1,
    "UploadId": "u",
    "CopySource": {"Bucket": BUCKET, "Key": "s", "Region": "ap-guangzhou"},
    "Delete": {"Object": [{"Key": "k"}]},
    "MultipartUpload": {"Part": [{"PartNumber": 1, "ETag": '"e"'}]},
    "RestoreRequest": {"Days": 1},
    "Tagging": {"TagSet": {"Tag": [{"Key": "a", "Value": "b"}]}},
    "Status": "Enabled",
    "Policy": "{}",
    "CORSConfiguration": {"CORSRule": [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"]}]},
    "LifecycleConfiguration": {"Rule": [{"Status": "Enabled", "Filter": {"Prefix": "a"}}]},
}


def needed(row: Operation, param: Param) -> Any:
    """Return a value for a parameter: one from the table, else the least that its shape allows."""
    if param.name in NEEDED:
        return NEEDED[param.name]
    return least(row.body) if param.place == "xml" and row.body else "1"


def least(shape: Shape) -> Any:
    """Return a small value of a document's element, which is not empty."""
    value: Any = 1 if shape.number else next(filter(None, shape.choices), "1")
    if shape.children:
        inner = [child for child in shape.children if not child.optional] or shape.children[:1]
        value = {child.tag: least(child) for child in inner}
    return [value] if shape.many else value


def call(world: World, row: Operation) -> Any:
    given = {param.name: needed(row, param) for param in row.params if param.required}
    if row.function in ("put_object_acl", "put_bucket_acl"):
        given["ACL"] = "private"
    return getattr(world, row.function)(**given)


def raw(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """Return a response with these headers only."""
    fields = {"Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


def knows(row: Operation, dialect: str) -> bool:
    return dialect == "cos" or row.name in ROWS_OF_S3 - WITHOUT_DOCUMENT


ROWS = [
    pytest.param(row, dialect, id=f"{row.name}-{dialect}")
    for row in OPERATIONS
    for dialect in DIALECTS
    if knows(row, dialect)
]


@pytest.mark.parametrize(("row", "dialect"), ROWS)
def test_a_server_that_sends_a_page_for_every_request_is_no_success(
    scripted: Scripted, row: Operation, dialect: str
) -> None:
    body = b"" if row.method == "HEAD" else PAGE
    page = raw(200, body, {"Content-Type": "text/html"})
    # What is not idempotent looks afterwards what has become of it.
    world, server = scripted(*[page] * 3, dialect=dialect, retry=ONCE)
    with pytest.raises(CosClientError, match=r"no response of the service"):
        call(world, row)
    assert server.requests


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_a_cos_response_without_a_request_id_is_no_success(
    scripted: Scripted, row: Operation
) -> None:
    status = 200 if row.method == "GET" else row.status[0]
    reported = {"ETag": '"e"', "x-cos-next-append-position": "1", "Last-Modified": "x"}
    document = b"{}" if row.text else b""
    if row.result:
        inner = "<ETag>e</ETag><UploadId>u</UploadId>"
        document = f"<{row.result.tag}>{inner}</{row.result.tag}>".encode()
    empty = row.method == "HEAD"
    reply = raw(status, b"" if empty else document, reported)
    world, _ = scripted(*[reply] * 3, retry=ONCE)
    with pytest.raises(UnexpectedAnswer, match="without a request id") as raised:
        call(world, row)
    assert raised.value.status == status


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("put_object", "ETag"),
        ("upload_part", "ETag"),
        ("head_object", "ETag"),
        ("get_object", "ETag"),
        ("copy_object", "ETag"),
        ("upload_part_copy", "ETag"),
        ("complete_multipart_upload", "ETag"),
        ("create_multipart_upload", "UploadId"),
        ("append_object", "x-cos-next-append-position"),
    ],
)
def test_headers_that_an_operation_always_returns_are_required(
    scripted: Scripted, dialect: str, name: str, lacks: str
) -> None:
    row = next(row for row in OPERATIONS if row.function == name)
    if not knows(row, dialect):
        pytest.skip("S3 has no such operation")
    document = f"<{row.result.tag}/>".encode() if row.result else b""
    ids = {"x-cos-request-id": "i", "x-amz-request-id": "i"}
    reply = raw(200, document, ids)
    world, _ = scripted(*[reply] * 3, dialect=dialect, retry=ONCE)
    with pytest.raises(UnexpectedAnswer, match=f"without {lacks}"):
        call(world, row)


@pytest.mark.parametrize(
    "body", [b"<html/>", b"ok", b"<PutObjectResult><ETag>e</ETag></PutObjectResult>"]
)
@pytest.mark.parametrize("name", ["put_object", "upload_part", "put_object_acl", "delete_bucket"])
def test_there_is_no_body_where_cos_sends_none(scripted: Scripted, name: str, body: bytes) -> None:
    row = next(row for row in OPERATIONS if row.function == name)
    world, _ = scripted(http_response(200, body, {"ETag": '"e"'}), retry=ONCE)
    with pytest.raises(UnexpectedAnswer, match="without an empty body"):
        call(world, row)


@pytest.mark.parametrize(
    "body", [b"", b"<html/>", b"[]", b'"text"', b"{", b"\xff", b"{}", b'{"message": "Welcome"}']
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_policy_is_a_json_object_with_a_statement(
    scripted: Scripted, dialect: str, body: bytes
) -> None:
    reply = http_response(200, body, {"x-amz-request-id": "i"})
    world, _ = scripted(reply, dialect=dialect, retry=ONCE)
    with pytest.raises(UnexpectedAnswer, match="without a policy"):
        world.get_bucket_policy(BUCKET)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["Statement", "statement", "STATEMENT"])
def test_a_policy_is_returned_as_it_came(scripted: Scripted, dialect: str, name: str) -> None:
    text = f'{{"{name}": []}}'
    reply = http_response(200, text.encode(), {"x-amz-request-id": "i"})
    world, _ = scripted(reply, dialect=dialect, retry=ONCE)
    assert world.get_bucket_policy(BUCKET)["Policy"] == text


@pytest.mark.parametrize(
    ("headers", "proven"),
    [
        ({"x-amz-request-id": "i"}, True),  # MinIO, Ceph, AWS
        ({"x-amz-request-id": "i", "Content-Type": "text/html; charset=utf-8"}, True),
        ({"x-amz-id-2": "i"}, True),
        ({"x-amzn-RequestId": "i", "Content-Type": "text/html"}, True),  # moto
        ({"Server": "cloudflare", "CF-RAY": "1"}, True),  # stores without any id
        ({"Content-Type": "text/html"}, False),
        ({"Content-Type": "text/HTML; charset=utf-8"}, False),
    ],
)
def test_an_empty_response_of_a_store_without_request_ids_is_accepted(
    scripted: Scripted, headers: dict[str, str], proven: bool
) -> None:
    world, _ = scripted(raw(204, b"", headers), raw(200, b"", headers), dialect="s3", retry=ONCE)
    for name, place in (("delete_object", (BUCKET, "k")), ("head_bucket", (BUCKET,))):
        if proven:
            getattr(world, name)(*place)
        else:
            with pytest.raises(UnexpectedAnswer):
                getattr(world, name)(*place)


@pytest.mark.parametrize(
    ("headers", "proven"),
    [
        ({"Content-Length": "0"}, True),
        ({"Content-Length": "230", "Content-Type": "application/xml"}, True),
        ({"Content-Length": "2", "x-amz-request-id": "i"}, True),
        ({"Content-Length": "2", "Content-Type": "text/plain"}, False),
        ({"Content-Length": "18", "Content-Type": "application/json"}, False),
        ({"Content-Length": "2"}, False),
    ],
)
def test_a_head_response_with_a_text_type_is_not_a_stores(
    scripted: Scripted, headers: dict[str, str], proven: bool
) -> None:
    world, _ = scripted(raw(200, b"", headers), dialect="s3", retry=ONCE)
    if proven:
        assert world.bucket_exists(BUCKET)
    else:
        with pytest.raises(UnexpectedAnswer):
            world.bucket_exists(BUCKET)


def test_not_modified_is_accepted_only_for_a_condition(scripted: Scripted) -> None:
    unasked = http_response(304, headers={"ETag": '"e"'})
    world, _ = scripted(unasked, unasked, retry=ONCE)
    with pytest.raises(CosServiceError, match="NotModified"):
        world.head_object(BUCKET, "k")
    assert world.head_object(BUCKET, "k", IfNoneMatch='"e"')["ETag"] == '"e"'


def test_not_there_is_said_by_the_service_alone(scripted: Scripted) -> None:
    world, _ = scripted(raw(404), raw(404, b"", {"Content-Type": "text/html"}), retry=ONCE)
    for name, place in (("object_exists", (BUCKET, "k")), ("bucket_exists", (BUCKET,))):
        with pytest.raises(CosServiceError, match="404"):
            getattr(world, name)(*place)


@pytest.mark.parametrize(
    ("headers", "absent"),
    [
        ({"x-amz-request-id": "i"}, True),
        ({"x-amz-id-2": "i", "Content-Type": "text/html"}, True),
        ({}, True),  # stores without any id
        ({"Content-Type": "application/xml"}, True),
        ({"Content-Type": "text/html"}, False),  # nginx, portals
        ({"Content-Type": "Text/HTML; charset=iso-8859-1"}, False),
    ],
)
def test_not_there_is_said_by_no_page_in_s3(
    scripted: Scripted, headers: dict[str, str], absent: bool
) -> None:
    world, _ = scripted(*[raw(404, b"", headers)] * 2, dialect="s3", retry=ONCE)
    for name, place in (("object_exists", (BUCKET, "k")), ("bucket_exists", (BUCKET,))):
        if absent:
            assert getattr(world, name)(*place) is False
        else:
            with pytest.raises(CosServiceError, match="404"):
                getattr(world, name)(*place)


def test_a_response_of_another_server_is_retried(scripted: Scripted) -> None:
    world, server = scripted(raw(200, PAGE), http_response(headers={"ETag": '"e"'}))
    assert world.put_object(BUCKET, b"x", "k")["ETag"] == '"e"'
    assert len(server.requests) == 2


CONTENT = bytes(range(10))


def ranged(first: int, last: int, total: int | str = 10, status: int = 206) -> bytes:
    reported = f"bytes {first}-{last}/{total}"
    return http_response(
        status, CONTENT[first : last + 1], {"ETag": '"e"', "Content-Range": reported}
    )


def whole(status: int = 200, body: bytes = CONTENT) -> bytes:
    return http_response(status, body, {"ETag": '"e"'})


def parts() -> bytes:
    kind = {"Content-Type": "multipart/byteranges; boundary=b", "ETag": '"e"'}
    return http_response(206, b"--b", kind)


RIGHT: list[tuple[str | None, bytes]] = [
    (None, whole()),
    (None, ranged(0, 9, status=200)),  # what rclone sends
    ("bytes=2-4", ranged(2, 4)),
    ("bytes=2-4", ranged(2, 4, status=200)),
    ("bytes=2-4", ranged(2, 4, "*")),
    ("bytes=2-", ranged(2, 9)),
    ("bytes=2-", ranged(2, 9, "*")),
    ("bytes=2-99", ranged(2, 9)),
    ("bytes=-3", ranged(7, 9)),
    ("bytes=-99", ranged(0, 9)),
    ("bytes=0-9", whole()),
    ("bytes=0-", whole()),
    ("bytes=-10", whole()),
    ("bytes=-8", whole(body=b"")),  # of an empty object
]
WRONG: list[tuple[str | None, bytes]] = [
    (None, ranged(0, 4)),
    (None, whole(206)),
    (None, ranged(0, 4, status=200)),
    ("bytes=2-4", whole()),
    ("bytes=2-4", whole(206)),
    ("bytes=2-4", ranged(0, 2)),
    ("bytes=2-4", ranged(2, 3)),
    ("bytes=2-4", ranged(2, 5)),
    ("bytes=2-4", ranged(2, 4, 3)),
    ("bytes=2-4", ranged(3, 4, "*")),
    ("bytes=2-4", ranged(2, 5, "*")),
    ("bytes=2-4", ranged(2, 4).replace(b"bytes 2-4/10", b"2-4/10")),
    ("bytes=2-4", ranged(2, 4).replace(b"bytes 2-4/10", b"lines 2-4/10")),
    ("bytes=2-4", http_response(206, b"ab", {"ETag": '"e"', "Content-Range": "bytes 2-4/10"})),
    ("bytes=2-4", parts()),
    ("bytes=2-", ranged(2, 8)),
    ("bytes=20-", ranged(0, 9)),
    ("bytes=-0", ranged(0, 9)),
    ("bytes=2-", whole()),
    ("bytes=-3", ranged(0, 2)),
    ("bytes=-3", ranged(6, 9)),
    ("bytes=-3", ranged(7, 9, "*")),
    ("bytes=-3", whole()),
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("asked", "reply"), RIGHT)
def test_the_range_that_was_asked_for_is_read(
    scripted: Scripted, dialect: str, asked: str | None, reply: bytes
) -> None:
    world, _ = scripted(reply, dialect=dialect, retry=ONCE)
    assert world.fetch(BUCKET, "k", Range=asked) == reply.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("asked", "reply"), WRONG)
def test_another_range_is_not_handed_out(
    scripted: Scripted, dialect: str, asked: str | None, reply: bytes
) -> None:
    world, _ = scripted(reply, dialect=dialect, retry=ONCE)
    with pytest.raises(IntegrityError, match="was asked for"):
        world.get_object(BUCKET, "k", Range=asked)


# RFC 9110 14.1.2: several ranges would get a document of parts, which is no object's
# body; 14.2 has servers ignore a range that ends before it begins.
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,4-5",
        "bytes=0-1, 4-5",
        "bytes=0-1,-1",
        "bytes=4-2",
        "bytes=-",
        "bytes=",
        "bytes 0-1",
        "0-1",
        "lines=0-1",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=+1-2",
    ],
)
def test_what_is_not_one_range_is_not_sent(scripted: Scripted, dialect: str, asked: str) -> None:
    world, server = scripted(dialect=dialect, retry=ONCE)
    with pytest.raises(ParameterError, match="Range must be one range"):
        world.get_object(BUCKET, "k", Range=asked)
    assert server.requests == []


def test_a_right_range_is_read_after_a_wrong_one(scripted: Scripted) -> None:
    world, server = scripted(ranged(0, 2), ranged(2, 4))
    assert world.fetch(BUCKET, "k", Range="bytes=2-4") == CONTENT[2:5]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("condition", "changed"),
    [('"e"', False), ("e", False), ("*", False), ('"a", "e"', False), ('"f"', True), ("f", True)],
)
def test_a_condition_that_is_not_obeyed_is_noticed(
    scripted: Scripted, condition: str, changed: bool
) -> None:
    world, _ = scripted(whole(), retry=ONCE)
    if changed:
        with pytest.raises(ObjectChanged):
            world.fetch(BUCKET, "k", IfMatch=condition)
    else:
        assert world.fetch(BUCKET, "k", IfMatch=condition) == CONTENT
