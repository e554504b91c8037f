"""Checksums of S3 over HTTP: verified before anything is stored, kept, and returned."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5

import pytest

from coskit.protocol.s3.auth import sigv4
from coskit.protocol.s3.auth.aws_chunked import (
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkEncoder,
    SeedSignature,
)
from coskit.protocol.s3.checksums.algorithms import (
    ALGORITHMS,
    Algorithm,
    Kind,
    RequestedChecksum,
    checksum,
)
from tests.server.support.http_client import HOST, Headers, HTTPClient, Reply, received

REGION = "ap-local"
SMALL = b"small enough for the index"
LARGE = b"".join(b"%8d" % n for n in range(300_000))  # 2.4 MB
FIRST = LARGE * 2 + bytes(1 << 20)  # what a part before the last has to have at least
LAST = b"the last part"
ALL = list(ALGORITHMS.values())
CRC32, CRC32C, SHA1 = (ALGORITHMS[name] for name in ("CRC32", "CRC32C", "SHA1"))
ENABLED = {"x-amz-checksum-mode": "ENABLED"}
SEALED = {"x-amz-server-side-encryption": "AES256"}
WRONG = (400, "BadDigest")


@dataclass(frozen=True)
class S3Bucket:
    """A bucket, and who speaks S3 to it."""

    http_client: HTTPClient
    bucket: str

    def request(
        self, method: str, key: str = "", headers: Headers | None = None, body: bytes | None = None
    ) -> Reply:
        """Send a request whose body is not signed."""
        target = f"/{self.bucket}/{key}"
        sent = self.signed(method, target, sigv4.UNSIGNED_PAYLOAD, headers or {})
        return self.http_client.request(method, target, sent, body, signed=False)

    def stream(
        self, method: str, key: str, headers: Headers, body: bytes, trailer: Headers, kind: str
    ) -> Reply:
        """Send a request with a trailer behind its body."""
        target = f"/{self.bucket}/{key}"
        about = {
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": str(len(body)),
            "x-amz-trailer": ",".join(trailer),
        }
        sent = self.signed(method, target, kind, {**headers, **about})
        encoder = ChunkEncoder(self.seed(sent) if kind == SIGNED_TRAILER else None)
        pieces = [encoder.chunk(body[at : at + 65536]) for at in range(0, len(body), 65536)]
        framed = b"".join((*pieces, encoder.end(trailer)))
        return self.http_client.request(method, target, sent, framed, signed=False)

    def signed(self, method: str, target: str, payload: str, headers: Headers) -> dict[str, str]:
        sent = {"host": HOST, **headers}
        request = received(method, target.encode(), sent)
        now = int(time.time())
        return {**sent, **sigv4.sign(request, self.http_client.credentials, now, REGION, payload)}

    def seed(self, sent: Headers) -> SeedSignature:
        date, signature = sent["x-amz-date"], sent["authorization"].rpartition("=")[2]
        key = sigv4.signing_key(self.http_client.credentials.secret_key, date[:8], REGION)
        return SeedSignature(key, date, f"{date[:8]}/{REGION}/s3/aws4_request", signature)

    def checksum_headers(self, key: str, method: str = "HEAD") -> dict[str, str]:
        """Return the checksum headers of an object."""
        return sums(self.request(method, key, ENABLED))

    def begin(self, key: str, headers: Headers | None = None) -> "Parts":
        begun = self.request("POST", f"{key}?uploads", headers)
        assert begun.status == 200, begun.body
        return Parts(self, key, begun.text("UploadId"))


@dataclass(frozen=True)
class Parts:
    """An upload in parts."""

    s3_bucket: S3Bucket
    key: str
    upload_id: str
    etags: dict[int, str] = field(default_factory=dict)

    def put(self, number: int, body: bytes, headers: Headers | None = None) -> Reply:
        place = f"{self.key}?partNumber={number}&uploadId={self.upload_id}"
        reply = self.s3_bucket.request("PUT", place, headers, body)
        if reply.status == 200:
            self.etags[number] = md5(body).hexdigest()
        return reply

    def copy(self, number: int, source: str, headers: Headers | None = None) -> Reply:
        place = f"{self.key}?partNumber={number}&uploadId={self.upload_id}"
        sent = {"x-amz-copy-source": f"/{self.s3_bucket.bucket}/{source}", **(headers or {})}
        reply = self.s3_bucket.request("PUT", place, sent)
        self.etags[number] = reply.text("ETag").strip('"')
        return reply

    def complete(
        self, listed: Mapping[int, Headers] | None = None, headers: Headers | None = None
    ) -> Reply:
        """Complete the upload; `listed` says what is listed of each part besides its ETag."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"
            + "".join(f"<{k}>{v}</{k}>" for k, v in (listed or {}).get(number, {}).items())
            + "</Part>"
            for number, etag in sorted(self.etags.items())
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return self.s3_bucket.request(
            "POST", f"{self.key}?uploadId={self.upload_id}", headers, document
        )


def sums(reply: Reply) -> dict[str, str]:
    """Return the checksum headers of a response."""
    return {n.lower(): text for n, text in reply.fields if n.lower().startswith("x-amz-checksum-")}


def of(algorithm: Algorithm, body: bytes) -> str:
    return checksum(algorithm, algorithm.digest(body)).text


def said(algorithm: Algorithm, body: bytes) -> dict[str, str]:
    """Return the header of a body's checksum."""
    return {algorithm.header: of(algorithm, body)}


def whole(algorithm: Algorithm, body: bytes) -> dict[str, str]:
    """Return the checksum headers of an object with this body."""
    return {**said(algorithm, body), "x-amz-checksum-type": "FULL_OBJECT"}


def in_parts(algorithm: Algorithm, kind: Kind, *bodies: bytes) -> str:
    return (
        RequestedChecksum(algorithm, kind)
        .of_parts([(algorithm.digest(b), len(b)) for b in bodies])
        .text
    )


@pytest.fixture
def s3_bucket(http_client: HTTPClient, bucket: str) -> S3Bucket:
    return S3Bucket(http_client, bucket)


@pytest.fixture(scope="module")
def joined(http_client: HTTPClient, room: str) -> Iterator[S3Bucket]:
    """Give a bucket with an object of the parts 1, 3 and 7."""
    s3_bucket = S3Bucket(http_client, room)
    parts = s3_bucket.begin("joined", {"x-amz-checksum-algorithm": "SHA1"})
    listed = {}
    for number, body in ((1, FIRST), (3, FIRST[::-1]), (7, LAST)):
        assert parts.put(number, body, said(SHA1, body)).status == 200
        listed[number] = {"ChecksumSHA1": of(SHA1, body)}
    assert parts.complete(listed).status == 200
    yield s3_bucket
    s3_bucket.request("DELETE", "joined")


BODIES = {"nothing": b"", "small": SMALL, "large": LARGE}


@pytest.mark.parametrize("algorithm", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_correct_checksum_is_stored_and_returned(
    s3_bucket: S3Bucket, algorithm: Algorithm, body: bytes
) -> None:
    expected = whole(algorithm, body)
    stored = s3_bucket.request("PUT", "key", said(algorithm, body), body)
    assert (stored.status, sums(stored)) == (200, expected)
    assert s3_bucket.checksum_headers("key") == s3_bucket.checksum_headers("key", "GET") == expected
    assert sums(s3_bucket.request("HEAD", "key")) == {}, "nobody asked"
    ranged = s3_bucket.request("GET", "key", {**ENABLED, "range": "bytes=0-3"})
    assert sums(ranged) == {} or not body, "it is not the checksum of the range"


@pytest.mark.parametrize("kind", [UNSIGNED_TRAILER, SIGNED_TRAILER])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("sealed", [{}, SEALED], ids=["open", "sealed"])
def test_a_checksum_may_follow_the_body(
    s3_bucket: S3Bucket, kind: str, body: bytes, sealed: Headers
) -> None:
    stored = s3_bucket.stream("PUT", "key", sealed, body, said(CRC32C, body), kind)
    assert (stored.status, sums(stored)) == (200, whole(CRC32C, body))
    assert s3_bucket.checksum_headers("key") == whole(CRC32C, body)
    assert s3_bucket.request("GET", "key").body == body
    wrong = s3_bucket.stream("PUT", "key", sealed, body + b"!", said(CRC32C, body), kind)
    assert wrong.outcome == WRONG
    assert s3_bucket.request("GET", "key").body == body


@pytest.mark.parametrize("algorithm", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("sealed", [{}, SEALED], ids=["open", "sealed"])
def test_of_a_wrong_checksum_nothing_is_stored(
    s3_bucket: S3Bucket, algorithm: Algorithm, body: bytes, sealed: Headers
) -> None:
    wrong = s3_bucket.request("PUT", "key", {**sealed, **said(algorithm, body + b"!")}, body)
    assert wrong.outcome == WRONG
    assert wrong.text("Message").startswith(f"The {algorithm.name} you specified did not match")
    assert s3_bucket.request("HEAD", "key").status == 404
    assert s3_bucket.request("PUT", "key", sealed, b"before").status == 200
    assert (
        s3_bucket.request("PUT", "key", {**sealed, **said(algorithm, b"?")}, body).outcome == WRONG
    )
    assert s3_bucket.request("GET", "key").body == b"before"


SENSELESS = [
    {"x-amz-checksum-crc32": "bad"},
    {"x-amz-checksum-crc16": "AAA="},
    {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA=="},
    {"x-amz-sdk-checksum-algorithm": "CRC32"},
]


@pytest.mark.parametrize("headers", SENSELESS, ids=str)
def test_what_makes_no_sense_stores_nothing(s3_bucket: S3Bucket, headers: Headers) -> None:
    assert s3_bucket.request("PUT", "key", headers, SMALL).outcome == (400, "InvalidRequest")
    assert s3_bucket.request("HEAD", "key").status == 404


def test_a_checksum_that_was_not_announced_is_not_passed_over(s3_bucket: S3Bucket) -> None:
    target = f"/{s3_bucket.bucket}/key"
    about = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
    sent = s3_bucket.signed("PUT", target, UNSIGNED_TRAILER, about)
    encoder = ChunkEncoder(None)
    framed = encoder.chunk(b"12345") + encoder.end(said(CRC32, b"12345"))
    reply = s3_bucket.http_client.request("PUT", target, sent, framed, signed=False)
    assert reply.outcome == (400, "MalformedTrailerError")
    assert s3_bucket.request("HEAD", "key").status == 404


def test_the_checksum_of_a_document_is_verified(s3_bucket: S3Bucket) -> None:
    document = b"<Delete><Object><Key>key</Key></Object></Delete>"
    s3_bucket.request("PUT", "key", None, SMALL)
    wrong = said(CRC32, document + b" ")
    assert s3_bucket.request("POST", "?delete", wrong, document).outcome == WRONG
    trailing = s3_bucket.stream("POST", "?delete", {}, document, wrong, UNSIGNED_TRAILER)
    assert trailing.outcome == WRONG
    assert s3_bucket.request("HEAD", "key").status == 200, "it was not deleted"
    assert s3_bucket.request("POST", "?delete", said(CRC32, document), document).status == 200
    assert s3_bucket.request("HEAD", "key").status == 404


KINDS = [(one, kind) for one in ALL for kind in ("FULL_OBJECT", "COMPOSITE") if one.allows(kind)]


@pytest.mark.parametrize(("algorithm", "kind"), KINDS, ids=[f"{a.name} {k}" for a, k in KINDS])
def test_an_object_in_parts_has_the_checksum_that_was_asked_for(
    s3_bucket: S3Bucket, algorithm: Algorithm, kind: Kind
) -> None:
    asked = {"x-amz-checksum-algorithm": algorithm.name, "x-amz-checksum-type": kind}
    parts = s3_bucket.begin("key", asked)
    for number, body in ((1, FIRST), (2, LAST)):
        put = parts.put(number, body, said(algorithm, body))
        assert (put.status, sums(put)) == (200, said(algorithm, body))
    listed = {n: {algorithm.field: of(algorithm, b)} for n, b in ((1, FIRST), (2, LAST))}
    uploads = s3_bucket.request("GET", "?uploads")
    pending = s3_bucket.request("GET", f"key?uploadId={parts.upload_id}")
    for page in (uploads, pending):
        assert page.text("ChecksumAlgorithm") == algorithm.name
        assert page.text("ChecksumType") == kind
    assert pending.texts(algorithm.field) == [of(algorithm, FIRST), of(algorithm, LAST)]
    expected = in_parts(algorithm, kind, FIRST, LAST)
    done = parts.complete(listed, {algorithm.header: expected, "x-amz-checksum-type": kind})
    assert done.status == 200, done.body
    assert (done.text(algorithm.field), done.text("ChecksumType")) == (expected, kind)
    returned = {algorithm.header: expected, "x-amz-checksum-type": kind}
    assert s3_bucket.checksum_headers("key") == s3_bucket.checksum_headers("key", "GET") == returned
    if kind == "FULL_OBJECT":
        assert expected == of(algorithm, FIRST + LAST)
    about = s3_bucket.request(
        "GET", "key?attributes", {"x-amz-object-attributes": "Checksum,ObjectParts"}
    )
    assert about.texts(algorithm.field) == [expected, of(algorithm, FIRST), of(algorithm, LAST)]
    part = s3_bucket.request("GET", "key?partNumber=2", ENABLED)
    assert (part.body, sums(part)) == (LAST, {**returned, **said(algorithm, LAST)})


def test_the_start_of_an_upload_returns_the_checksum_it_asks_for(s3_bucket: S3Bucket) -> None:
    begun = s3_bucket.request("POST", "key?uploads", {"x-amz-checksum-algorithm": "CRC32"})
    assert sums(begun) == {
        "x-amz-checksum-algorithm": "CRC32",
        "x-amz-checksum-type": "COMPOSITE",
    }
    wrong = {"x-amz-checksum-algorithm": "SHA1", "x-amz-checksum-type": "FULL_OBJECT"}
    assert s3_bucket.request("POST", "key?uploads", wrong).outcome == (400, "InvalidRequest")


def test_a_part_is_checked_before_it_is_kept(s3_bucket: S3Bucket) -> None:
    parts = s3_bucket.begin("key", {"x-amz-checksum-algorithm": "CRC32"})
    assert parts.put(1, FIRST, said(CRC32, LAST)).outcome == WRONG
    other = parts.put(1, FIRST, said(SHA1, FIRST))
    assert other.outcome == (400, "InvalidRequest")
    assert "expected checksum Type: crc32, actual checksum Type: sha1" in other.text("Message")
    assert "actual checksum Type: null" in parts.put(1, FIRST).text("Message")
    assert s3_bucket.request("GET", f"key?uploadId={parts.upload_id}").texts("PartNumber") == []


def test_a_checksum_that_can_be_combined_needs_no_client_value(s3_bucket: S3Bucket) -> None:
    asked = {"x-amz-checksum-algorithm": "CRC64NVME"}
    parts, algorithm = s3_bucket.begin("key", asked), ALGORITHMS["CRC64NVME"]
    assert sums(parts.put(1, FIRST)) == said(algorithm, FIRST)
    parts.put(2, LAST)
    assert parts.complete().text("ChecksumCRC64NVME") == of(algorithm, FIRST + LAST)


LISTED: dict[str, tuple[dict[int, Headers], Headers, tuple[int, str]]] = {
    "a wrong checksum of a part": (
        {2: {"ChecksumCRC32": of(CRC32, SMALL)}},
        {},
        (400, "InvalidPart"),
    ),
    "a checksum by another algorithm": (
        {2: {"ChecksumSHA1": of(SHA1, LAST)}},
        {},
        (400, "InvalidPart"),
    ),
    "no checksum of a part": ({2: {}}, {}, (400, "InvalidRequest")),
    "a wrong checksum of the object": ({}, said(CRC32, SMALL), WRONG),
    "the wrong number of parts": (
        {},
        {"x-amz-checksum-crc32": in_parts(CRC32, "COMPOSITE", FIRST, LAST)[:-1] + "3"},
        WRONG,
    ),
    "an algorithm that was not asked for": ({}, said(SHA1, SMALL), (400, "InvalidRequest")),
    "another kind": ({}, {"x-amz-checksum-type": "FULL_OBJECT"}, (400, "InvalidRequest")),
    "no checksum": ({}, {"x-amz-checksum-crc32": "bad"}, (400, "InvalidRequest")),
    "a wrong size": ({}, {"x-amz-mp-object-size": "1"}, (400, "InvalidRequest")),
    "no size": ({}, {"x-amz-mp-object-size": "many"}, (400, "InvalidRequest")),
}


def test_a_completion_that_says_something_wrong_leaves_the_upload_open(s3_bucket: S3Bucket) -> None:
    parts = s3_bucket.begin("key", {"x-amz-checksum-algorithm": "CRC32"})
    right: dict[int, Headers] = {}
    for number, body in ((1, FIRST), (2, LAST)):
        parts.put(number, body, said(CRC32, body))
        right[number] = {"ChecksumCRC32": of(CRC32, body)}
    for says, (listed, headers, outcome) in LISTED.items():
        assert parts.complete({**right, **listed}, headers).outcome == outcome, says
        assert s3_bucket.request("HEAD", "key").status == 404, says
    composed = in_parts(CRC32, "COMPOSITE", FIRST, LAST)
    size = {"x-amz-mp-object-size": str(len(FIRST + LAST))}
    # Clients may leave out the number of parts.
    done = parts.complete(right, {"x-amz-checksum-crc32": composed[:-2], **size})
    assert (done.status, done.text("ChecksumCRC32")) == (200, composed)


def test_an_upload_that_asked_for_nothing_takes_what_its_parts_offer(s3_bucket: S3Bucket) -> None:
    parts = s3_bucket.begin("key")
    for number, body in ((1, FIRST), (2, LAST)):
        parts.put(number, body, said(CRC32, body))
    wrong = {1: {"ChecksumCRC32": of(CRC32, SMALL)}}
    assert parts.complete(wrong).outcome == (400, "InvalidPart")
    assert parts.complete(None, said(CRC32, SMALL)).outcome == WRONG
    done = parts.complete(None, said(CRC32, FIRST + LAST))
    assert (done.status, done.text("ChecksumType")) == (200, "FULL_OBJECT")
    assert s3_bucket.checksum_headers("key") == whole(CRC32, FIRST + LAST)


def test_parts_that_have_not_one_algorithm_offer_nothing(s3_bucket: S3Bucket) -> None:
    parts = s3_bucket.begin("key")
    parts.put(1, FIRST, said(CRC32, FIRST))
    parts.put(2, LAST)
    assert parts.complete().status == 200
    assert s3_bucket.checksum_headers("key") == {}


def test_a_copy_keeps_the_checksum_or_gets_the_one_that_is_asked_for(s3_bucket: S3Bucket) -> None:
    s3_bucket.request("PUT", "source", said(SHA1, LARGE), LARGE)
    source = {"x-amz-copy-source": f"/{s3_bucket.bucket}/source"}
    kept = s3_bucket.request("PUT", "kept", source)
    assert (kept.text("ChecksumSHA1"), kept.text("ChecksumType")) == (
        of(SHA1, LARGE),
        "FULL_OBJECT",
    )
    other = s3_bucket.request("PUT", "other", {**source, "x-amz-checksum-algorithm": "CRC32"})
    assert (other.text("ChecksumCRC32"), other.text("ChecksumSHA1")) == (of(CRC32, LARGE), "")
    sealed = s3_bucket.request("PUT", "sealed", {**source, **SEALED})
    assert sealed.text("ChecksumSHA1") == of(SHA1, LARGE)
    assert (
        s3_bucket.checksum_headers("kept")
        == s3_bucket.checksum_headers("sealed")
        == whole(SHA1, LARGE)
    )
    assert s3_bucket.checksum_headers("other") == whole(CRC32, LARGE)


def test_parts_that_are_copied_get_the_checksum_of_the_upload(s3_bucket: S3Bucket) -> None:
    s3_bucket.request("PUT", "source", said(CRC32C, FIRST), FIRST)
    s3_bucket.request("PUT", "silent", SEALED, FIRST)
    parts = s3_bucket.begin(
        "key", {"x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT"}
    )
    pieces = [FIRST, FIRST, FIRST[:99]]
    ranges = [{}, {}, {"x-amz-copy-source-range": "bytes=0-98"}]
    for number, source in enumerate(("source", "silent", "source")):
        copied = parts.copy(number + 1, source, ranges[number])
        assert copied.text("ChecksumCRC32C") == of(CRC32C, pieces[number])
    assert parts.complete().text("ChecksumCRC32C") == of(CRC32C, b"".join(pieces))


def test_a_part_is_read_by_its_number(joined: S3Bucket) -> None:
    total, first = 2 * len(FIRST) + len(LAST), 0
    etag = joined.request("HEAD", "joined")["ETag"]
    for number, body in ((1, FIRST), (3, FIRST[::-1]), (7, LAST)):
        for method in ("GET", "HEAD"):
            reply = joined.request(method, f"joined?partNumber={number}", ENABLED)
            assert reply.status == 206
            assert reply["x-amz-mp-parts-count"] == "3"
            assert reply["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{total}"
            assert reply["Content-Length"] == str(len(body))
            assert reply["ETag"] == etag
            assert sums(reply) == {**said(SHA1, body), "x-amz-checksum-type": "COMPOSITE"}
            assert reply.body == (body if method == "GET" else b"")
        first += len(body)


NOT_THERE = {
    "joined?partNumber=2": (416, "InvalidPartNumber"),
    "joined?partNumber=8": (416, "InvalidPartNumber"),
    "joined?partNumber=0": (400, "InvalidArgument"),
    "joined?partNumber=10001": (400, "InvalidArgument"),
    "joined?partNumber=one": (400, "InvalidArgument"),
    "kept?partNumber=2": (416, "InvalidPartNumber"),
}


@pytest.mark.parametrize(("target", "outcome"), NOT_THERE.items(), ids=NOT_THERE)
def test_a_part_that_is_not_there_cannot_be_read(
    joined: S3Bucket, target: str, outcome: tuple[int, str]
) -> None:
    assert joined.request("GET", target).outcome == outcome
    assert joined.request("HEAD", target).status == outcome[0]


def test_a_part_and_a_range_exclude_each_other(joined: S3Bucket) -> None:
    both = joined.request("GET", "joined?partNumber=1", {"range": "bytes=0-1"})
    assert both.outcome == (400, "InvalidRequest")


def test_an_object_without_parts_is_its_own_first_part(joined: S3Bucket) -> None:
    reply = joined.request("GET", "kept?partNumber=1")
    assert (reply.status, reply.body, reply["Content-Range"]) == (206, b"kept", "bytes 0-3/4")
    assert "x-amz-mp-parts-count" not in reply
    joined.request("PUT", "empty", None, b"")
    assert joined.request("GET", "empty?partNumber=1").status == 200


def test_a_sealed_part_is_read_by_its_number(s3_bucket: S3Bucket) -> None:
    parts = s3_bucket.begin("key", SEALED)
    parts.put(1, FIRST)
    parts.put(2, LAST)
    assert parts.complete().status == 200
    assert s3_bucket.request("GET", "key?partNumber=1").body == FIRST
    assert s3_bucket.request("GET", "key?partNumber=2").body == LAST


def test_only_the_requested_attributes_are_returned(joined: S3Bucket) -> None:
    names = "ETag, Checksum,ObjectParts,StorageClass,ObjectSize"
    reply = joined.request("GET", "joined?attributes", {"x-amz-object-attributes": names})
    assert reply.status == 200
    assert reply.text("ETag") == joined.request("HEAD", "joined")["ETag"].strip('"')
    assert reply.text("StorageClass") == "STANDARD"
    assert reply.text("ObjectSize") == str(2 * len(FIRST) + len(LAST))
    assert reply.text("PartsCount") == "3"
    assert reply.texts("PartNumber") == ["1", "3", "7"]
    assert reply.texts("Size") == [str(len(FIRST)), str(len(FIRST)), str(len(LAST))]
    assert reply["Last-Modified"] == joined.request("HEAD", "joined")["Last-Modified"]
    only = joined.request("GET", "joined?attributes", {"x-amz-object-attributes": "ObjectSize"})
    assert only.body.count(b"</") == 2, "the document has one element"
    plain = joined.request("GET", "kept?attributes", {"x-amz-object-attributes": names})
    assert (plain.text("ObjectSize"), plain.text("PartsCount")) == ("4", "")
    assert b"Checksum" not in plain.body


def test_parts_are_returned_page_by_page(joined: S3Bucket) -> None:
    pages, marker = [], "0"
    while True:
        headers = {
            "x-amz-object-attributes": "ObjectParts",
            "x-amz-max-parts": "1",
            "x-amz-part-number-marker": marker,
        }
        page = joined.request("GET", "joined?attributes", headers)
        assert (page.text("PartNumberMarker"), page.text("MaxParts")) == (marker, "1")
        pages += page.texts("PartNumber")
        marker = page.text("NextPartNumberMarker")
        if page.text("IsTruncated") == "false":
            break
    assert pages == ["1", "3", "7"]


ATTRIBUTES = [
    ("joined?attributes", {}, (400, "InvalidRequest")),
    ("joined?attributes", {"x-amz-object-attributes": ","}, (400, "InvalidRequest")),
    ("joined?attributes", {"x-amz-object-attributes": "ETag,Owner"}, (400, "InvalidArgument")),
    ("absent?attributes", {"x-amz-object-attributes": "ETag"}, (404, "NoSuchKey")),
    (
        "joined?attributes",
        {"x-amz-object-attributes": "ObjectParts", "x-amz-max-parts": "-1"},
        (400, "InvalidArgument"),
    ),
]


@pytest.mark.parametrize(("target", "headers", "outcome"), ATTRIBUTES, ids=str)
def test_attributes_that_no_object_has_are_refused(
    joined: S3Bucket, target: str, headers: Headers, outcome: tuple[int, str]
) -> None:
    assert joined.request("GET", target, headers).outcome == outcome


def test_the_cos_dialect_does_not_return_these_checksums(
    http_client: HTTPClient, joined: S3Bucket
) -> None:
    reply = http_client.request("GET", f"/{joined.bucket}/joined")
    assert reply.status == 200
    assert not [name for name, _ in reply.fields if "amz" in name.lower()]
