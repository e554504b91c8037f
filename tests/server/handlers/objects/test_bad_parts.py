"""Multipart uploads that go wrong: the upload stays as it was, and no object appears."""

from collections.abc import Sequence

import pytest

from tests.server.support.http_client import HTTPClient, Reply

MIB = 1 << 20
BODIES = {1: b"a" * MIB, 2: b"b", 3: b"c" * MIB}


def listed(parts: Sequence[tuple[object, str]]) -> bytes:
    """Return the document that completes an upload."""
    inner = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in parts
    )
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


class Upload:
    """An upload with parts 1, 2 (one byte) and 3."""

    def __init__(self, http_client: HTTPClient, bucket: str) -> None:
        self.http_client = http_client
        begun = http_client.request("POST", f"/{bucket}/key?uploads", {"content-type": "text/x"})
        self.id = begun.text("UploadId")
        self.address = f"/{bucket}/key"
        self.etags = {n: self.put(n, body)["ETag"] for n, body in BODIES.items()}

    def put(self, number: object, body: bytes) -> Reply:
        """Send a part."""
        return self.http_client.request(
            "PUT", f"{self.address}?partNumber={number}&uploadId={self.id}", {}, body
        )

    def complete(self, document: bytes) -> Reply:
        """Complete it."""
        return self.http_client.request("POST", f"{self.address}?uploadId={self.id}", {}, document)

    def parts(self) -> list[tuple[str, str]]:
        """Return number and ETag of its parts."""
        reply = self.http_client.request("GET", f"{self.address}?uploadId={self.id}")
        return list(zip(reply.texts("PartNumber"), reply.texts("ETag"), strict=True))


@pytest.fixture(scope="module")
def upload(http_client: HTTPClient, room: str) -> Upload:
    """Begin an upload that every row of the tables finds, and leaves, with three parts."""
    return Upload(http_client, room)


A, B, C = '"{1}"', '"{2}"', '"{3}"'


@pytest.mark.parametrize(
    ("about", "parts", "status", "code"),
    [
        ("nothing listed", [], 400, "MalformedXML"),
        ("a part that was never sent", [(1, A), (2, B), (3, C), (4, A)], 400, "InvalidPart"),
        ("the wrong order", [(2, B), (1, A)], 400, "InvalidPartOrder"),
        ("a part twice", [(1, A), (1, A)], 400, "InvalidPartOrder"),
        ("a gap", [(1, A), (3, C)], 400, "InvalidPart"),
        ("a late start", [(3, C)], 400, "InvalidPart"),
        ("another part's ETag", [(1, B)], 400, "InvalidPart"),
        ("an ETag of bad text", [(1, "\u4e2d")], 400, "InvalidPart"),
        ("an empty ETag", [(1, "")], 400, "MalformedXML"),
        ("a small part inside", [(1, A), (2, B), (3, C)], 400, "EntityTooSmall"),
        ("part 0", [(0, A)], 400, "InvalidPart"),
        ("a negative number", [(-1, A)], 400, "MalformedXML"),
        ("a number in letters", [("one", A)], 400, "MalformedXML"),
        ("a number beyond numbers", [("9" * 5000, A)], 400, "MalformedXML"),
        ("10,001 parts", [(n, A) for n in range(1, 10_002)], 400, "InvalidPart"),
    ],
)
def test_a_completion_that_is_refused_leaves_the_upload_open(
    upload: Upload,
    about: str,
    parts: list[tuple[object, str]],
    status: int,
    code: str,
) -> None:
    real = {template: upload.etags[n] for n, template in enumerate((A, B, C), 1)}
    reply = upload.complete(listed([(number, real.get(etag, etag)) for number, etag in parts]))
    assert reply.outcome == (status, code)
    assert [number for number, _ in upload.parts()] == ["1", "2", "3"]
    assert upload.http_client.request("GET", upload.address).outcome == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<CompleteMultipartUpload>", "MalformedXML"),
        (b"<Delete/>", "MalformedXML"),
        (b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"),
        (
            b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
            b"</CompleteMultipartUpload>",
            "MalformedXML",
        ),
    ],
)
def test_a_document_that_completes_nothing(upload: Upload, document: bytes, code: str) -> None:
    assert upload.complete(document).outcome == (400, code)
    assert len(upload.parts()) == 3


@pytest.mark.parametrize(
    ("method", "query", "status", "code"),
    [
        ("PUT", "partNumber=0&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=10001&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=-1&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=one&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=1.0&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=" + "1" * 5000 + "&uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=1", 400, "InvalidArgument"),
        ("PUT", "uploadId=ID", 400, "InvalidArgument"),
        ("PUT", "partNumber=1&uploadId=", 400, "InvalidArgument"),
        ("PUT", "partNumber=1&uploadId=unknown", 404, "NoSuchUpload"),
        ("PUT", "partNumber=1&uploadId=%00", 404, "NoSuchUpload"),
        ("GET", "uploadId=", 400, "ListPartUploadIdIsEmpty"),
        ("GET", "uploadId=unknown", 404, "NoSuchUpload"),
        ("GET", "uploadId=ID&max-parts=-1", 400, "InvalidArgument"),
        ("GET", "uploadId=ID&max-parts=all", 400, "InvalidArgument"),
        ("GET", "uploadId=ID&part-number-marker=one", 400, "InvalidArgument"),
        ("GET", "uploadId=ID&encoding-type=gzip", 400, "InvalidArgument"),
        ("DELETE", "uploadId=unknown", 404, "NoSuchUpload"),
        ("DELETE", "uploadId=", 400, "InvalidArgument"),
        ("POST", "uploadId=", 400, "InvalidArgument"),
        ("POST", "uploadId=unknown", 404, "NoSuchUpload"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_address_of_no_upload_or_part(
    upload: Upload, method: str, query: str, status: int, code: str
) -> None:
    body = {"PUT": b"part", "POST": listed([(1, "a")])}.get(method)
    target = f"{upload.address}?{query.replace('ID', upload.id)}"
    assert upload.http_client.request(method, target, {}, body).outcome == (status, code)
    assert len(upload.parts()) == 3


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest"),
        ({"content-md5": "A"}, 400, "InvalidDigest"),
        ({"content-length": str((5 << 30) + 1)}, 400, "EntityTooLarge"),
        ({"x-cos-copy-source": "ROOM.x/none"}, 404, "NoSuchKey"),
        (
            {"x-cos-copy-source": "ROOM.x/kept", "x-cos-copy-source-range": "bytes=0-"},
            400,
            "InvalidArgument",
        ),
        (
            {"x-cos-copy-source": "ROOM.x/kept", "x-cos-copy-source-range": "bytes=-1"},
            400,
            "InvalidArgument",
        ),
        (
            {"x-cos-copy-source": "ROOM.x/kept", "x-cos-copy-source-range": "bytes=2-1"},
            400,
            "InvalidArgument",
        ),
        (
            {"x-cos-copy-source": "ROOM.x/kept", "x-cos-copy-source-range": "bytes=0-4"},
            416,
            "InvalidRange",
        ),
        (
            {
                "x-cos-copy-source": "ROOM.x/kept",
                "x-cos-copy-source-range": "bytes=9-" + "9" * 5000,
            },
            416,
            "InvalidRange",
        ),
        (
            {"x-cos-copy-source": "ROOM.x/kept", "x-cos-copy-source-if-match": "a"},
            412,
            "PreconditionFailed",
        ),
    ],
    ids=lambda value: str(value)[:80],
)
def test_a_part_that_is_refused_does_not_replace_the_one_before(
    upload: Upload, room: str, headers: dict[str, str], status: int, code: str
) -> None:
    before = upload.parts()
    sent = {name: value.replace("ROOM", room) for name, value in headers.items()}
    target = f"{upload.address}?partNumber=1&uploadId={upload.id}"
    assert upload.http_client.request("PUT", target, sent, b"other").outcome == (status, code)
    assert upload.parts() == before


def test_an_upload_is_of_one_key(upload: Upload, room: str) -> None:
    target = f"/{room}/other?partNumber=1&uploadId={upload.id}"
    assert upload.http_client.request("PUT", target, {}, b"x").outcome == (404, "NoSuchUpload")


def test_a_bucket_with_an_open_upload_cannot_be_deleted(http_client: HTTPClient) -> None:
    bucket = "open-1250000000"
    assert http_client.request("PUT", f"/{bucket}/").status == 200
    upload = http_client.request("POST", f"/{bucket}/key?uploads").text("UploadId")
    assert http_client.request("DELETE", f"/{bucket}/").outcome == (409, "BucketNotEmpty")
    assert http_client.request("DELETE", f"/{bucket}/key?uploadId={upload}").status == 204
    assert http_client.request("DELETE", f"/{bucket}/").status == 204
    assert http_client.request("GET", f"/{bucket}/").outcome == (404, "NoSuchBucket")


def test_an_upload_ends_with_its_completion(http_client: HTTPClient, bucket: str) -> None:
    upload = Upload(http_client, bucket)
    done = upload.complete(listed([(1, upload.etags[1].strip('"')), (2, upload.etags[2])]))
    assert done.status == 200
    assert done.text("Location") == f"http://127.0.0.1/{bucket}/key"
    assert (done.text("Bucket"), done.text("Key")) == (bucket, "key")
    assert done.text("ETag").endswith('-2"')
    assert b'xmlns="http://www.qcloud.com/document/product/436/7751"' in done.body
    again = upload.complete(listed([(1, upload.etags[1])]))
    assert again.outcome == (404, "NoSuchUpload")
    got = http_client.request("GET", upload.address)
    assert got.body == BODIES[1] + BODIES[2]
    assert (got["Content-Type"], got["ETag"]) == ("text/x", done.text("ETag"))
    assert got["x-cos-hash-crc64ecma"] == done["x-cos-hash-crc64ecma"]
    assert http_client.request("GET", f"/{bucket}/?uploads").texts("UploadId") == []


def test_where_an_object_is_when_its_host_names_the_bucket(
    http_client: HTTPClient, bucket: str
) -> None:
    host = f"{bucket}.localhost:9000"
    upload = http_client.request("POST", "/a%20b?uploads", host=host).text("UploadId")
    etag = http_client.request(
        "PUT", f"/a%20b?partNumber=1&uploadId={upload}", {}, b"x", host=host
    )["ETag"]
    done = http_client.request(
        "POST", f"/a%20b?uploadId={upload}", {}, listed([(1, etag)]), host=host
    )
    assert done.text("Location") == f"http://{host}/a%20b"
