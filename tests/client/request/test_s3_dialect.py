"""`dialect="s3"` with stores that are not ours: what is sent, what proves it, what fails."""

import base64
import hashlib
import io
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from coskit import (
    Client,
    CosServiceError,
    Credentials,
    IntegrityError,
    ParameterError,
    RetryPolicy,
    UnexpectedAnswer,
)
from coskit.client.credentials.resolver import find
from coskit.client.request.dialects.s3_dialect import S3ClientDialect
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import AccessDenied, NoSuchKey, SlowDown
from coskit.protocol.messages import Request
from coskit.protocol.operations import OPERATIONS
from coskit.protocol.s3.auth.sigv4_verify import find_claim, verify
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import CLOSE, http_response
from tests.support.worlds import World

BUCKET = "bucket"
DATA = b"data"
MIB = 1 << 20
ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%b</Code><Message>why</Message>'
    b"<Key>k</Key><RequestId>id-1</RequestId><HostId>host-1</HostId></Error>"
)


def md5(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def stored(data: bytes = DATA, **headers: str) -> bytes:
    """Return the response to an upload of a store without the CRC64 of COS."""
    return http_response(200, headers={"ETag": md5(data), "x-amz-request-id": "id-2", **headers})


def download_response(body: bytes, etag: str = "", status: int = 200, **headers: str) -> bytes:
    """Return the response to a download of such a store."""
    return http_response(status, body, headers={"ETag": etag or md5(body), **headers})


def read_request(head: bytes) -> Request:
    """Return a request as a server reads it."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    parts = urlsplit(target)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), query, headers)


def check_signature(request: Request, secret_key: str = "key") -> None:
    """Fail unless a request is signed, by the rules that the server goes by."""
    claim = find_claim(request)
    assert claim is not None, "the request has no signature of version 4"
    verify(claim, request, secret_key, int(time.time()))


def s3(scripted: Scripted, *responses: bytes | object, **settings: Any) -> Any:
    return scripted(*responses, dialect="s3", **settings)


# What is sent.


def test_requests_are_signed_in_version_4_with_the_hash_of_their_content(
    scripted: Scripted,
) -> None:
    world, server = s3(scripted, stored(), download_response(DATA), region="eu-west-3")
    world.put_object(BUCKET, DATA, "a b/ü+", Metadata={"x-cos-meta-a": "1"}, StorageClass="ARCHIVE")
    assert world.fetch(BUCKET, "a b/ü+") == DATA
    put, got = (read_request(head) for head, _ in server.requests)
    for request in (put, got):
        assert request.path == "/bucket/a b/ü+"
        assert "/eu-west-3/s3/aws4_request" in request.headers["authorization"]
        check_signature(request)
    assert put.headers["x-amz-content-sha256"] == hashlib.sha256(DATA).hexdigest()
    assert put.headers["x-amz-meta-a"] == "1"
    assert put.headers["x-amz-storage-class"] == "GLACIER"
    assert got.headers["x-amz-checksum-mode"] == "ENABLED"
    assert not [name for r in (put, got) for name in r.headers if name.startswith("x-cos-")]


def test_a_stream_is_sent_unsigned_but_the_request_is_not(
    scripted: Scripted, tmp_path: Path
) -> None:
    content = b"x" * (2 * MIB)
    (tmp_path / "file").write_bytes(content)
    world, server = s3(scripted, stored(content))
    with (tmp_path / "file").open("rb") as file:
        world.put_object(BUCKET, file, "k")
    request = read_request(server.requests[0][0])
    assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    check_signature(request)


def test_temporary_keys_sign_their_token(scripted: Scripted) -> None:
    world, server = s3(scripted, stored(), token="temporary")
    world.put_object(BUCKET, DATA, "k")
    request = read_request(server.requests[0][0])
    assert request.headers["x-amz-security-token"] == "temporary"
    assert "x-amz-security-token" in request.headers["authorization"]
    check_signature(request)


def test_an_anonymous_client_signs_nothing(scripted: Scripted) -> None:
    world, server = s3(
        scripted, download_response(DATA), secret_id=None, secret_key=None, anonymous=True
    )
    assert world.fetch(BUCKET, "k") == DATA
    assert "authorization" not in read_request(server.requests[0][0]).headers


def test_documents_have_their_md5_and_their_hash(scripted: Scripted) -> None:
    deleted = b"<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>"
    world, server = s3(scripted, http_response(200, deleted))
    assert world.delete_objects(BUCKET, {"Object": [{"Key": "k"}]})["Deleted"] == [{"Key": "k"}]
    head, body = server.requests[0]
    request = read_request(head)
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
    expected = base64.b64encode(hashlib.md5(body).digest()).decode()
    assert request.headers["content-md5"] == expected
    check_signature(request)


def test_a_copy_names_its_source_and_directive_as_s3_does(scripted: Scripted) -> None:
    made = b'<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
    world, server = s3(scripted, http_response(200, made, headers={"x-amz-version-id": "v2"}))
    source = {"Bucket": "my.other", "Key": "a b/ü", "VersionId": "v1", "Region": "eu-west-3"}
    copied = world.copy_object(BUCKET, "k", source, CopyStatus="Replaced")
    assert (copied["ETag"], copied["VersionId"]) == ('"e"', "v2")
    headers = read_request(server.requests[0][0]).headers
    assert headers["x-amz-copy-source"] == "my.other/a%20b/%C3%BC?versionId=v1"
    assert headers["x-amz-metadata-directive"] == "REPLACE"


@pytest.mark.parametrize(
    ("region", "document"),
    [
        ("", b""),
        ("us-east-1", b""),
        ("eu-west-3", b"<LocationConstraint>eu-west-3</LocationConstraint>"),
    ],
)
def test_a_bucket_is_made_in_the_region_of_the_client(
    scripted: Scripted, region: str, document: bytes
) -> None:
    world, server = s3(scripted, http_response(), region=region or None)
    world.create_bucket(BUCKET)
    assert document in server.requests[0][1]
    assert bool(server.requests[0][1]) == bool(document)


# Where it is sent.


def place(bucket: str = BUCKET, **settings: Any) -> str:
    keys = {"secret_id": "id", "secret_key": "key", "dialect": "s3"}
    with Client(**{**keys, "endpoint": "https://s3.example.com", **settings}) as client:
        return client.get_object_url(bucket, "k")


def test_a_bucket_is_in_the_host_unless_its_name_has_dots_or_the_host_is_an_address() -> None:
    assert place() == "https://bucket.s3.example.com/k"
    assert place("my.bucket") == "https://s3.example.com/my.bucket/k"
    assert place(path_style=True) == "https://s3.example.com/bucket/k"
    assert place(endpoint="http://127.0.0.1:9000") == "http://127.0.0.1:9000/bucket/k"
    assert place(endpoint="http://localhost:9000") == "http://localhost:9000/bucket/k"


@pytest.mark.parametrize("name", ["", "a/b", "a..b", "-a", "a b", "a?b"])
def test_what_is_no_bucket_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="bucket name"):
        place(name)


def test_a_presigned_url_for_a_host_with_its_port_is_verified() -> None:
    with Client(
        endpoint="http://store.example.com:9000", dialect="s3", secret_id="id", secret_key="key"
    ) as client:
        url = client.get_presigned_url(
            BUCKET, "a b", "PUT", Headers={"x-cos-acl": "private"}, Params={"versionId": "1"}
        )
        with pytest.raises(ParameterError, match="a week"):
            client.get_presigned_url(BUCKET, "k", "GET", Expired=604801)
        with pytest.raises(ParameterError, match="covers the host"):
            client.get_presigned_url(BUCKET, "k", "GET", SignHost=False)
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "x-amz-acl": "private"}
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    assert parts.netloc == "bucket.store.example.com:9000"
    check_signature(Request("PUT", unquote(parts.path), query, headers))


# What S3 has not.


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: c.append_object(BUCKET, "k", 0, DATA), "append_object"),
        (lambda c: c.put_object(BUCKET, DATA, "k", ForbidOverwrite="true"), "IfNoneMatch"),
        (lambda c: c.get_object(BUCKET, "k", TrafficLimit="819200"), "TrafficLimit"),
        (lambda c: c.put_object(BUCKET, iter([DATA]), "k"), "ContentLength"),
        (lambda c: c.copy_object(BUCKET, "k", {"Bucket": "a/b", "Key": "k"}), "CopySource"),
        (
            lambda c: c.copy_object(
                BUCKET, "k", {"Bucket": "b-1", "Key": "k", "Endpoint": "cos.x.myqcloud.com"}
            ),
            "one store",
        ),
    ],
)
def test_what_s3_lacks_is_refused_before_anything_is_sent(
    scripted: Scripted, call: Any, said: str
) -> None:
    world, server = s3(scripted)
    with pytest.raises(ParameterError, match=said):
        call(world)
    assert server.requests == []


def test_nothing_that_only_cos_knows_is_ever_sent() -> None:
    dialect = S3ClientDialect("")
    required: dict[str, Any] = {
        "Bucket": BUCKET,
        "Key": "k",
        "UploadId": "u",
        "PartNumber": 1,
        "CopySource": {"Bucket": BUCKET, "Key": "s"},
        "Body": DATA,
        "MultipartUpload": {"Part": [{"PartNumber": 1, "ETag": "e"}]},
    }
    for row in OPERATIONS:
        for param in row.params:
            if param.place != "header" or not param.wire.startswith("x-cos-"):
                continue
            needed = {p.name: required[p.name] for p in row.params if p.name in required}
            value = param.choices[-1] if param.choices else "1"
            try:
                call = dialect.encode(row, {**needed, param.name: value})
            except ParameterError:
                continue
            sent = [name for name in call.headers if name.startswith("x-cos-")]
            assert not sent, f"{row.function} sends {sent} for {param.name}"


# What proves an upload.


@pytest.mark.parametrize("body", [bytes, io.BytesIO], ids=["bytes", "file"])
def test_an_upload_that_is_stored_with_another_md5_is_tried_again_and_then_raised(
    scripted: Scripted, body: Any
) -> None:
    world, server = s3(scripted, stored(b"else"), stored(b"else"), stored(b"else"))
    with pytest.raises(IntegrityError, match="stored bytes with MD5"):
        world.put_object(BUCKET, body(DATA), "k")
    assert [sent for _, sent in server.requests] == [DATA] * 3


def test_the_md5_of_a_stream_is_that_of_its_last_try(scripted: Scripted, tmp_path: Path) -> None:
    content = b"0123456789abcdef" * (MIB // 8)
    (tmp_path / "file").write_bytes(content)
    world, server = s3(scripted, stored(b"else"), stored(content))
    with (tmp_path / "file").open("rb") as file:
        assert world.put_object(BUCKET, file, "k")["ETag"] == md5(content)
    assert len(server.requests) == 2


def test_a_crc64_counts_more_than_an_etag(scripted: Scripted) -> None:
    right: Any = {"x-cos-hash-crc64ecma": str(crc64(DATA))}
    wrong: Any = {"x-cos-hash-crc64ecma": "1"}
    world, _ = s3(
        scripted,
        stored(b"else", **right),
        stored(**wrong),
        retry=RetryPolicy(attempts=1),
    )
    assert world.put_object(BUCKET, DATA, "k")["ETag"] == md5(b"else")
    with pytest.raises(IntegrityError, match="CRC64"):
        world.put_object(BUCKET, DATA, "k")


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"0123456789abcdef0123456789abcdef-1"'},
        {"ETag": '"of-some-other-form"'},
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
    ids=["parts", "another form", "KMS", "customer key"],
)
def test_an_etag_that_is_no_md5_is_not_taken_for_one(scripted: Scripted, headers: Any) -> None:
    world, _ = s3(
        scripted, stored(b"else", **headers), download_response(DATA, md5(b"else"), **headers)
    )
    assert world.put_object(BUCKET, DATA, "k")["ETag"]
    assert world.fetch(BUCKET, "k") == DATA


def test_with_keys_of_s3_itself_an_etag_is_an_md5(scripted: Scripted) -> None:
    managed: Any = {"x-amz-server-side-encryption": "AES256"}
    world, _ = s3(scripted, stored(b"else", **managed), retry=RetryPolicy(attempts=1))
    with pytest.raises(IntegrityError):
        world.put_object(BUCKET, DATA, "k")


# What proves a download.


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"ETag": md5(b"else")}, "MD5"),
        ({"ETag": '"x-2"', "x-amz-checksum-sha256": sha256(b"else")}, "SHA256"),
        ({"ETag": '"x-2"', "x-amz-checksum-crc32": "AAAAAA=="}, "CRC32"),
        ({"ETag": '"x-2"', "x-cos-hash-crc64ecma": "1"}, "CRC64"),
    ],
)
def test_other_bytes_than_those_stored_are_not_handed_out(
    scripted: Scripted, headers: dict[str, str], said: str
) -> None:
    world, _ = s3(scripted, http_response(200, DATA, headers=headers))
    got = world.get_object(BUCKET, "k")
    with pytest.raises(IntegrityError, match=f"{said} is"):
        world.read(got)


def test_a_checksum_of_parts_is_no_checksum_of_the_whole(scripted: Scripted) -> None:
    parts: Any = {"x-amz-checksum-sha256": f"{sha256(b'else')}-2"}
    world, _ = s3(scripted, download_response(DATA, '"x-2"', **parts))
    assert world.fetch(BUCKET, "k") == DATA


def test_a_range_is_not_measured_by_the_sum_of_the_whole(scripted: Scripted) -> None:
    part: Any = {"Content-Range": "bytes 1-2/4"}
    world, _ = s3(scripted, download_response(b"at", md5(DATA), 206, **part))
    assert world.fetch(BUCKET, "k", Range="bytes=1-2") == b"at"


def test_a_body_that_is_cut_goes_on_and_the_whole_is_measured(scripted: Scripted) -> None:
    cut = (
        http_response(
            200, b"", headers={"ETag": md5(DATA), "Content-Length": "4", "Connection": "close"}
        )
        + b"da"
    )
    rest = download_response(b"ta", md5(DATA), 206, **{"Content-Range": "bytes 2-3/4"})
    world, _ = s3(scripted, cut, rest)
    got = world.get_object(BUCKET, "k")
    assert world.read(got) == DATA


# What fails.


def test_an_error_is_the_class_that_its_code_has(scripted: Scripted) -> None:
    world, _ = s3(
        scripted,
        http_response(404, ERROR % b"NoSuchKey"),
        http_response(403, ERROR % b"AccessDenied"),
    )
    with pytest.raises(NoSuchKey) as raised:
        world.get_object(BUCKET, "k")
    error = raised.value
    assert (error.status, error.message) == (404, "why")
    assert (error.request_id, error.trace_id) == ("id-1", "host-1")
    with pytest.raises(AccessDenied):
        world.put_object(BUCKET, DATA, "k")


def test_a_response_to_head_has_its_ids_in_headers(scripted: Scripted) -> None:
    ids = {"x-amz-request-id": "id-3", "x-amz-id-2": "host-3"}
    world, _ = s3(scripted, http_response(404, headers=ids))
    with pytest.raises(CosServiceError) as raised:
        world.head_object(BUCKET, "k")
    assert (raised.value.request_id, raised.value.trace_id) == ("id-3", "host-3")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, b"SlowDown"),
        (503, b"SlowDownWrite"),
        (500, b"InternalError"),
        (400, b"RequestTimeout"),
        (400, b"BadDigest"),
        (400, b"XAmzContentSHA256Mismatch"),
    ],
)
def test_what_passes_is_tried_again(scripted: Scripted, status: int, code: bytes) -> None:
    world, server = s3(scripted, http_response(status, ERROR % code), stored())
    assert world.put_object(BUCKET, DATA, "k")["ETag"] == md5(DATA)
    for head, _ in server.requests:
        check_signature(read_request(head))


def test_slowing_down_has_one_class_whatever_a_store_calls_it(scripted: Scripted) -> None:
    world, _ = s3(
        scripted, http_response(503, ERROR % b"SlowDownRead"), retry=RetryPolicy(attempts=1)
    )
    with pytest.raises(SlowDown) as raised:
        world.get_object(BUCKET, "k")
    assert raised.value.code == "SlowDownRead"


@pytest.mark.parametrize("document", [ERROR % b"InternalError", b"", b"<CopyObjectResult/>"])
def test_a_copy_can_fail_inside_a_200(scripted: Scripted, document: bytes) -> None:
    world, _ = s3(scripted, http_response(200, document), retry=RetryPolicy(attempts=1))
    with pytest.raises((CosServiceError, UnexpectedAnswer)):
        world.copy_object(BUCKET, "k", {"Bucket": BUCKET, "Key": "s"})


def test_a_completion_can_fail_inside_a_200(scripted: Scripted) -> None:
    world, _ = s3(
        scripted, http_response(200, b"  " + ERROR % b"AccessDenied"), retry=RetryPolicy(attempts=1)
    )
    with pytest.raises(AccessDenied) as raised:
        world.complete_multipart_upload(
            BUCKET, "k", "u", {"Part": [{"PartNumber": 1, "ETag": "e"}]}
        )
    assert raised.value.request_id == "id-1"


def test_a_redirect_is_not_followed_and_says_where_the_bucket_is(scripted: Scripted) -> None:
    elsewhere = {"x-amz-bucket-region": "eu-west-3", "Location": "http://127.0.0.1:1/"}
    world, server = s3(
        scripted, http_response(301, ERROR % b"PermanentRedirect", headers=elsewhere)
    )
    with pytest.raises(CosServiceError) as raised:
        world.get_object(BUCKET, "k")
    assert (raised.value.code, len(server.requests)) == ("PermanentRedirect", 1)
    assert "eu-west-3" in raised.value.__notes__[0]


# Listings.


def test_a_listing_without_a_next_marker_goes_on_after_its_last_key(scripted: Scripted) -> None:
    def page(body: bytes, truncated: bytes) -> bytes:
        return http_response(
            200,
            b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%b</IsTruncated>"
            b"%b</ListBucketResult>" % (truncated, body),
        )

    entry = b"<Contents><Key>%b</Key><Size>1</Size><StorageClass>GLACIER</StorageClass></Contents>"
    world, server = s3(
        scripted, page(entry % b"a+b%2B", b"true"), page(entry % b"%C3%BC", b"false")
    )
    listed = world.all(world.client.iter_objects(BUCKET))
    assert [each["Key"] for each in listed] == ["a b+", "ü"]
    assert {each["StorageClass"] for each in listed} == {"ARCHIVE"}
    assert dict(read_request(server.requests[1][0]).query)["marker"] == "a b+"


def test_the_last_of_encoded_keys_is_the_last_by_what_they_stand_for(scripted: Scripted) -> None:
    entries = b"".join(b"<Contents><Key>%b</Key></Contents>" % key for key in (b"z", b"%C3%BC"))
    body = (
        b"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
        b"%b</ListBucketResult>" % entries
    )
    world, _ = s3(scripted, http_response(200, body))
    assert world.list_objects(BUCKET, EncodingType="url")["NextMarker"] == "%C3%BC"


# Uploads in parts.

BEGUN = b"<%b><UploadId>u</UploadId></%b>"
RESULT = b"InitiateMultipartUploadResult"
SIZE = 11 * MIB
# Small and large requests may take different connections; the scripted server has one at a time.
LAST = {"Connection": "close"}


def joined(*parts: bytes) -> str:
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts))
    return f'"{digest.hexdigest()}-{len(parts)}"'


def completed(etag: str) -> bytes:
    document = f"<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
    return http_response(200, document.encode(), headers=LAST)


def stream_up(world: World) -> Any:
    """Upload a stream of three parts, one after the other."""
    return world.upload_stream(BUCKET, "k", io.BytesIO(b"x" * SIZE), PartSize=1, MAXThread=1)


PARTS = (b"x" * (5 * MIB), b"x" * (5 * MIB), b"x" * MIB)


@pytest.mark.parametrize("root", [RESULT, b"InitiateMultipartUpload"])
def test_parts_have_5_mib_and_their_joint_etag_proves_the_whole(
    scripted: Scripted, root: bytes
) -> None:
    world, server = s3(
        scripted,
        http_response(200, BEGUN % (root, root), headers=LAST),
        *(stored(part, **LAST) for part in PARTS),
        completed(joined(*PARTS)),
    )
    assert stream_up(world)["ETag"] == joined(*PARTS)
    assert [len(body) for _, body in server.requests[1:4]] == [len(part) for part in PARTS]
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("head", "right"),
    [
        ({"ETag": '"other"', "Content-Length": str(SIZE)}, True),
        ({"ETag": '"other"', "Content-Length": str(SIZE - 1)}, False),
        ({"ETag": '"of another writer"', "Content-Length": "1"}, True),
    ],
)
def test_where_an_etag_proves_nothing_the_length_of_the_whole_is_looked_at(
    scripted: Scripted, head: dict[str, str], right: bool
) -> None:
    world, server = s3(
        scripted,
        http_response(200, BEGUN % (RESULT, RESULT), headers=LAST),
        *(stored(part, **LAST) for part in PARTS),
        completed('"other"'),
        http_response(200, headers=head),
        http_response(204),
    )
    if right:
        assert stream_up(world)["ETag"] == '"other"'
    else:
        with pytest.raises(IntegrityError, match="is there, but wrong"):
            stream_up(world)
    assert read_request(server.requests[5][0]).method == "HEAD"


def test_a_completion_with_a_lost_response_is_recognized_by_the_etag_of_its_parts(
    scripted: Scripted,
) -> None:
    gone = http_response(404, ERROR % b"NoSuchUpload", headers=LAST)
    there = {"ETag": joined(*PARTS), "Content-Length": str(SIZE)}
    world, _ = s3(
        scripted,
        http_response(200, BEGUN % (RESULT, RESULT), headers=LAST),
        *(stored(part, **LAST) for part in PARTS),
        CLOSE,
        gone,
        gone,
        http_response(200, headers=there),
    )
    assert stream_up(world)["ETag"] == joined(*PARTS)


# Settings.


def test_the_dialect_is_an_argument_a_variable_or_in_the_profile(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[default]\ndialect = "s3"\nendpoint = "http://127.0.0.1:9000"\n')
    aws = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-3"}
    found = find({}, aws, file, "")
    assert (found.dialect, found.endpoint, found.region) == (
        "s3",
        "http://127.0.0.1:9000",
        "eu-west-3",
    )
    assert found.credentials == Credentials("a", "b")
    assert find({}, {"COSKIT_DIALECT": "cos"}, file, "").dialect == "cos"
    assert find({"dialect": "s3"}, {"COSKIT_DIALECT": "cos"}, file, "").dialect == "s3"
    with pytest.raises(ParameterError, match="'cos' or 's3'"):
        find({"dialect": "swift"}, {}, file, "")


def test_the_keys_of_one_vendor_never_go_to_the_other(tmp_path: Path) -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "TENCENTCLOUD_SECRET_ID": "c",
        "TENCENTCLOUD_SECRET_KEY": "d",
    }
    file = tmp_path / "none"
    assert find({}, environ, file, "").credentials == Credentials("c", "d")
    assert find({"dialect": "s3"}, environ, file, "").credentials == Credentials("a", "b")


def test_a_client_of_s3_needs_an_endpoint() -> None:
    with pytest.raises(ParameterError, match="needs an endpoint"):
        Client(dialect="s3", region="eu-west-3", secret_id="id", secret_key="key")
