"""Responses byte for byte: the spelling of every header, error documents, metadata."""

from xml.etree import ElementTree

import pytest

from tests.server.support.http_client import HTTPClient, latin1

STORED = {
    "cache-control": "no-cache",
    "content-disposition": 'attachment; filename="a.txt"',
    "content-encoding": "gzip",
    "content-language": "de",
    "content-type": "text/plain",
    "expires": "Thu, 01 Dec 2044 16:00:00 GMT",
    "x-cos-meta-color": "dark blue",
    "x-cos-storage-class": "standard_ia",
}
ALWAYS = ["Date", "Server", "x-cos-request-id"]
DESCRIBED = [
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "ETag",
    "Expires",
    "Last-Modified",
    "x-cos-hash-crc64ecma",
    "x-cos-meta-color",
    "x-cos-object-type",
    "x-cos-storage-class",
]


@pytest.fixture(scope="module")
def dressed(http_client: HTTPClient, room: str) -> str:
    """Store an object with every header there is and return its address."""
    assert http_client.request("PUT", f"/{room}/dressed", STORED, b"body").status == 200
    return f"/{room}/dressed"


@pytest.mark.parametrize(
    ("method", "target", "headers", "names"),
    [
        ("GET", "", {}, [*DESCRIBED, "Accept-Ranges", "Content-Length"]),
        (
            "GET",
            "",
            {"range": "bytes=0-1"},
            [*DESCRIBED, "Accept-Ranges", "Content-Length", "Content-Range"],
        ),
        ("GET", "", {"if-none-match": "*"}, [*DESCRIBED, "Content-Length"]),
        ("HEAD", "", {}, [*DESCRIBED, "Content-Length"]),
        ("GET", "?acl", {}, ["Content-Length", "Content-Type", "x-cos-acl"]),
        ("GET", "?tagging=", {}, ["Content-Length", "Content-Type"]),
        ("GET", "?versionId=none", {}, ["Content-Length", "Content-Type", "x-cos-trace-id"]),
        ("HEAD", "?versionId=none", {}, ["Content-Length", "Content-Type", "x-cos-trace-id"]),
    ],
)
def test_each_header_of_an_object_is_spelled_as_the_vendor_spells_it(
    http_client: HTTPClient,
    dressed: str,
    method: str,
    target: str,
    headers: dict[str, str],
    names: list[str],
) -> None:
    reply = http_client.request(method, dressed + target, headers)
    assert sorted(name for name, _ in reply.fields) == sorted([*names, *ALWAYS])


@pytest.mark.parametrize(
    ("method", "target", "body", "names"),
    [
        ("PUT", "/ROOM/a", b"x", ["Content-Length", "ETag", "x-cos-hash-crc64ecma"]),
        ("DELETE", "/ROOM/a", None, []),
        ("HEAD", "/ROOM/", None, ["Content-Length", "x-cos-bucket-region"]),
        ("GET", "/ROOM/", None, ["Content-Length", "Content-Type", "x-cos-bucket-region"]),
        ("GET", "/", None, ["Content-Length", "Content-Type"]),
    ],
)
def test_each_header_of_other_responses(
    http_client: HTTPClient,
    room: str,
    method: str,
    target: str,
    body: bytes | None,
    names: list[str],
) -> None:
    reply = http_client.request(method, target.replace("ROOM", room), {}, body)
    assert sorted(name for name, _ in reply.fields) == sorted([*names, *ALWAYS])
    assert reply["Server"] == "tencent-cos"


def test_what_is_stored_comes_back(http_client: HTTPClient, dressed: str) -> None:
    got = http_client.request("GET", dressed)
    assert got.body == b"body"
    found = {name.lower(): value for name, value in got.fields}
    assert {name: found[name] for name in STORED} == {
        **STORED,
        "x-cos-storage-class": "STANDARD_IA",
    }


def test_an_overwrite_keeps_nothing_of_what_was(http_client: HTTPClient, bucket: str) -> None:
    old = {**STORED, "x-cos-acl": "public-read", "x-cos-tagging": "a=b"}
    assert http_client.request("PUT", f"/{bucket}/a", old, b"old").status == 200
    assert http_client.request("PUT", f"/{bucket}/a", {}, b"new").status == 200
    got = http_client.request("GET", f"/{bucket}/a")
    assert (
        not {"Cache-Control", "x-cos-meta-color", "x-cos-storage-class"} & dict(got.fields).keys()
    )
    assert got["Content-Type"] == "application/octet-stream"
    assert http_client.request("GET", f"/{bucket}/a?tagging").texts("Key") == []
    assert http_client.request("GET", f"/{bucket}/a", signed=False).status == 403


@pytest.mark.parametrize(
    "raw",
    [
        "中文 😀".encode(),
        "Käse".encode("latin-1"),
        bytes(range(0x80, 0x100)),
        b"tab\tinside",
        b"%E4%B8%AD+%",
        b'a,b;c="d"',
        b"x" * 2000,
    ],
    ids=lambda raw: ascii(raw[:20]),
)
def test_metadata_comes_back_byte_for_byte(http_client: HTTPClient, room: str, raw: bytes) -> None:
    sent = {"x-cos-meta-a": latin1(raw), "content-disposition": latin1(raw)}
    assert http_client.request("PUT", f"/{room}/meta", sent, b"").status == 200
    for method in ("GET", "HEAD"):
        got = http_client.request(method, f"/{room}/meta")
        assert got["x-cos-meta-a"].encode("latin-1") == raw
        assert got["Content-Disposition"].encode("latin-1") == raw


def test_metadata_names_are_lower_case(http_client: HTTPClient, room: str) -> None:
    sent = {"X-Cos-Meta-Mixed_Case.1": "a"}
    assert http_client.request("PUT", f"/{room}/meta", sent, b"", signed=False).status == 403
    lower = {"x-cos-meta-mixed_case.1": "a"}
    request = http_client.build_request("PUT", f"/{room}/meta", lower, b"").replace(
        b"x-cos-meta-mixed_case.1: ", b"X-Cos-Meta-Mixed_Case.1: "
    )
    with http_client.connect() as connection:
        assert connection.request(request).status == 200
    assert http_client.request("HEAD", f"/{room}/meta")["x-cos-meta-mixed_case.1"] == "a"


@pytest.mark.parametrize(
    "name",
    [
        "Cache-Control",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Language",
        "Content-Type",
        "Expires",
    ],
)
def test_an_override_applies_to_one_response(
    http_client: HTTPClient, dressed: str, name: str
) -> None:
    got = http_client.request("GET", f"{dressed}?response-{name.lower()}=%E4%B8%AD+a%2Bb")
    assert got[name].encode("latin-1") == "中 a+b".encode()
    assert http_client.request("GET", dressed)[name] == STORED[name.lower()]
    assert (
        http_client.request("HEAD", f"{dressed}?response-{name.lower()}=x")[name]
        == STORED[name.lower()]
    )


@pytest.mark.parametrize(
    ("target", "host", "resource"),
    [
        ("/ROOM/none", "127.0.0.1", "127.0.0.1/ROOM/none"),
        ("/a%20%3C%26%3E", "ROOM.localhost:80", "ROOM.localhost:80/a <&>"),
        ("/a%0D%0A", "ROOM.localhost", "ROOM.localhost/a\r\n"),
        ("/a%01%EF%BF%BE", "ROOM.localhost", "ROOM.localhost/a\ufffd\ufffd"),
        ("/%FF", "ROOM.localhost", "ROOM.localhost/\ufffd"),
    ],
)
def test_an_error_is_a_document_with_every_field(
    http_client: HTTPClient, room: str, target: str, host: str, resource: str
) -> None:
    reply = http_client.request(
        "GET", target.replace("ROOM", room), host=host.replace("ROOM", room)
    )
    assert reply["Content-Type"] == "application/xml"
    assert reply.body.startswith(b"<?xml ")
    root = ElementTree.fromstring(reply.body)
    fields = {child.tag: child.text for child in root}
    assert root.tag == "Error"
    assert list(fields) == ["Code", "Message", "Resource", "RequestId", "TraceId"]
    assert fields["Resource"] == resource.replace("ROOM", room)
    assert fields["RequestId"] == reply["x-cos-request-id"]
    assert fields["TraceId"] == reply["x-cos-trace-id"]
    assert all(fields.values())


def test_each_response_has_its_own_id(http_client: HTTPClient, room: str) -> None:
    ids = {http_client.request("HEAD", f"/{room}/kept")["x-cos-request-id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/-/live", 200),
        ("HEAD", "/-/ready", 200),
        ("GET", "/-/none", 400),
        ("GET", "/-/", 400),
    ],
)
def test_health_needs_no_signature(
    http_client: HTTPClient, method: str, target: str, status: int
) -> None:
    assert http_client.request(method, target, signed=False).status == status
