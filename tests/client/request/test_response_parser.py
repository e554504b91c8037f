"""Success is only what the service has done: each false success is an exception, in both worlds."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coskit import (
    CosClientError,
    CosServiceError,
    IntegrityError,
    ParameterError,
    RetryPolicy,
    TransportError,
    UnexpectedAnswer,
)
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import AccessDenied, NoSuchKey, SlowDown
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import CLOSE, http_response
from tests.support.worlds import World

BUCKET = "examplebucket-1250000000"
ERROR = (
    b"<?xml version='1.0' encoding='utf-8' ?><Error><Code>%b</Code><Message>why</Message>"
    b"<Resource>r</Resource><RequestId>id-1</RequestId><TraceId>t-1</TraceId></Error>"
)
STORED = {"ETag": '"e"', "x-cos-request-id": "id-2"}
COPY_SOURCE = {"Bucket": BUCKET, "Key": "source", "Region": "ap-local"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(301, "HTTP301"), (302, "HTTP302"), (307, "HTTP307"), (201, "HTTP201"), (206, "HTTP206")],
)
def test_a_put_is_a_success_only_with_200(scripted: Scripted, status: int, code: str) -> None:
    world, _ = scripted(http_response(status, headers={**STORED, "Location": "http://elsewhere/"}))
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"data", "key")
    assert (raised.value.status, raised.value.code) == (status, code)
    assert raised.value.request_id == "id-2"


def test_a_put_whose_stored_bytes_differ_is_tried_again_and_then_raised(scripted: Scripted) -> None:
    wrong = http_response(headers={**STORED, "x-cos-hash-crc64ecma": "1"})
    world, server = scripted(wrong, wrong, wrong)
    with pytest.raises(IntegrityError, match="stored bytes with CRC64 1"):
        world.put_object(BUCKET, b"data", "key")
    assert [body for _, body in server.requests] == [b"data"] * 3


def test_a_put_with_the_right_crc64_succeeds_after_a_wrong_one(scripted: Scripted) -> None:
    right = http_response(headers={**STORED, "x-cos-hash-crc64ecma": str(crc64(b"data"))})
    world, _ = scripted(http_response(headers={**STORED, "x-cos-hash-crc64ecma": "1"}), right)
    assert world.put_object(BUCKET, io.BytesIO(b"data"), "key")["ETag"] == '"e"'


@pytest.mark.parametrize(
    "document",
    [
        ERROR % b"InternalError",
        b"  \n" + ERROR % b"SlowDown",
        b"<CopyObjectResult></CopyObjectResult>",
        b"",
        b"not xml",
    ],
    ids=["error", "error after spaces", "no ETag", "empty", "garbage"],
)
def test_a_copy_can_fail_inside_a_200(scripted: Scripted, document: bytes) -> None:
    world, _ = scripted(http_response(200, document), retry=RetryPolicy(attempts=1))
    with pytest.raises((CosServiceError, UnexpectedAnswer)) as raised:
        world.copy_object(BUCKET, "key", COPY_SOURCE)
    assert getattr(raised.value, "status", None) == 200


def test_a_completion_may_send_spaces_before_its_result(scripted: Scripted) -> None:
    result = (
        b"<CompleteMultipartUploadResult xmlns='http://www.qcloud.com/document/product/436/7751'>"
        b'<Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"x-1"</ETag>'
        b"</CompleteMultipartUploadResult>"
    )
    world, _ = scripted(http_response(200, b"   \n\n" + result))
    done = world.complete_multipart_upload(
        BUCKET, "key", "id", {"Part": [{"PartNumber": 1, "ETag": '"x"'}]}
    )
    assert (done["ETag"], done["Location"]) == ('"x-1"', "l")


def test_an_error_has_every_field(scripted: Scripted) -> None:
    world, server = scripted(http_response(403, ERROR % b"AccessDenied"))
    with pytest.raises(AccessDenied) as raised:
        world.put_object(BUCKET, b"x", "key")
    error = raised.value
    assert (error.code, error.message, error.status) == ("AccessDenied", "why", 403)
    assert (error.request_id, error.trace_id, error.resource) == ("id-1", "t-1", "r")
    assert (error.method, error.attempts) == ("PUT", 1)
    assert len(server.requests) == 1
    assert "id-1" in str(error)


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "NoSuchResource"), (403, "AccessDenied"), (412, "PreconditionFailed")],
)
def test_an_error_without_a_document_takes_its_facts_from_status_and_headers(
    scripted: Scripted, status: int, code: str
) -> None:
    head = http_response(status, headers={"x-cos-request-id": "id-3", "x-cos-trace-id": "t-3"})
    world, _ = scripted(head)
    with pytest.raises(CosServiceError) as raised:
        world.head_object(BUCKET, "key")
    assert (raised.value.code, raised.value.request_id, raised.value.trace_id) == (
        code,
        "id-3",
        "t-3",
    )


def test_a_head_that_is_not_modified_is_returned(scripted: Scripted) -> None:
    world, _ = scripted(http_response(304, headers=STORED))
    assert world.head_object(BUCKET, "key", IfNoneMatch='"e"')["ETag"] == '"e"'


def test_a_get_that_is_not_modified_is_raised(scripted: Scripted) -> None:
    world, _ = scripted(http_response(304, headers=STORED))
    with pytest.raises(CosServiceError) as raised:
        world.get_object(BUCKET, "key", IfNoneMatch='"e"')
    assert (raised.value.status, raised.value.code) == (304, "NotModified")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_a_passing_failure_is_tried_again_and_counted(scripted: Scripted, status: int) -> None:
    world, server = scripted(http_response(status), CLOSE, http_response(headers=STORED))
    assert world.put_object(BUCKET, b"data", "key")["ETag"] == '"e"'
    assert len(server.requests) == 3


def test_a_lasting_failure_has_its_number_of_attempts(scripted: Scripted) -> None:
    world, _ = scripted(*[http_response(503, ERROR % b"SlowDown")] * 3)
    with pytest.raises(SlowDown) as raised:
        world.get_bucket_acl(BUCKET)
    assert raised.value.attempts == 3


@pytest.mark.parametrize("reply", [http_response(500), CLOSE], ids=["500", "closed"])
def test_what_is_not_idempotent_is_not_repeated(scripted: Scripted, reply: Any) -> None:
    world, server = scripted(reply, http_response(headers=STORED))
    with pytest.raises((CosServiceError, TransportError)):
        world.create_multipart_upload(BUCKET, "key")
    assert len(server.requests) == 1


@pytest.mark.parametrize("option", [{"IfNoneMatch": "*"}, {"ForbidOverwrite": "true"}], ids=str)
def test_a_conditional_write_is_not_repeated_after_a_lost_response(
    scripted: Scripted, option: dict[str, str]
) -> None:
    world, server = scripted(CLOSE, http_response(412))
    with pytest.raises(TransportError):
        world.put_object(BUCKET, b"x", "key", **option)
    assert len(server.requests) == 1


def test_what_was_refused_is_repeated_even_if_not_idempotent(scripted: Scripted) -> None:
    world, server = scripted(
        http_response(503), http_response(headers={**STORED, "x-cos-next-append-position": "4"})
    )
    world.append_object(BUCKET, "key", 0, b"data")
    assert len(server.requests) == 2


def test_a_source_that_can_be_read_once_is_sent_once(scripted: Scripted) -> None:
    world, server = scripted(http_response(500), http_response(headers=STORED))
    with pytest.raises(CosServiceError):
        world.put_object(BUCKET, world.source([b"one", b"", b"two"]), "key")
    assert [body for _, body in server.requests] == [b"onetwo"]


def test_a_file_is_sent_from_its_position_and_again_from_there(scripted: Scripted) -> None:
    world, server = scripted(http_response(500), http_response(headers=STORED))
    file = io.BytesIO(b"skipped-sent")
    file.seek(8)
    world.put_object(BUCKET, file, "key")
    assert [body for _, body in server.requests] == [b"sent"] * 2
    assert (file.closed, file.tell()) == (False, 12)


def test_a_file_that_gives_no_bytes_is_refused(scripted: Scripted) -> None:
    class Numbers(io.BytesIO):
        def read(self, size: int | None = -1, /) -> Any:
            return 7

    world, server = scripted(http_response())
    with pytest.raises(ParameterError, match="Body gives int, not bytes"):
        world.put_object(BUCKET, Numbers(b"x"), "key")
    assert server.requests == []


def test_a_large_file_is_streamed_and_rewound(scripted: Scripted, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 * 3
    (tmp_path / "large").write_bytes(content)
    world, server = scripted(http_response(500), http_response(headers=STORED))
    with (tmp_path / "large").open("rb") as file:
        world.put_object(BUCKET, file, "key", EnableMD5=True)
    assert [body == content for _, body in server.requests] == [True] * 2
    assert b"content-md5:" in server.requests[1][0].lower()


def test_an_error_of_the_source_is_raised_as_it_is(scripted: Scripted) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1, /) -> bytes:
            raise OSError("the disk is on fire")

    world, _ = scripted(CLOSE)
    with pytest.raises(OSError, match="the disk is on fire"):
        world.put_object(BUCKET, Broken(), "key")


OBJECT = b"0123456789" * 100
WHOLE = {**STORED, "x-cos-hash-crc64ecma": str(crc64(OBJECT))}


def test_a_whole_object_is_checked_at_its_end(scripted: Scripted) -> None:
    world, _ = scripted(http_response(body=OBJECT, headers=WHOLE))
    assert world.read(world.get_object(BUCKET, "key")) == OBJECT


LATE = b"<?xml version='1.0'?>\n<Error><Code>InternalError</Code><Message>sorry</Message></Error>"


@pytest.mark.parametrize(
    "call",
    [
        lambda world: world.put_object(BUCKET, b"content", "key"),
        lambda world: world.upload_part(BUCKET, "key", b"content", 1, "id"),
        lambda world: world.append_object(BUCKET, "key", 0, b"content"),
        lambda world: world.delete_object(BUCKET, "key"),
        lambda world: world.put_object_acl(BUCKET, "key", ACL="private"),
        lambda world: world.abort_multipart_upload(BUCKET, "key", "id"),
    ],
    ids=["put", "part", "append", "delete", "acl", "abort"],
)
def test_an_error_inside_a_200_is_no_success(
    scripted: Scripted, call: Callable[[World], object]
) -> None:
    world, _ = scripted(http_response(200, LATE), http_response(404), retry=RetryPolicy(attempts=1))
    with pytest.raises(CosServiceError, match=r"^sorry \(HTTP 200"):
        call(world)


def test_an_error_inside_a_200_is_not_an_objects_content(scripted: Scripted) -> None:
    late = http_response(200, b"<Error><Code>InternalError</Code><Message>sorry</Message></Error>")
    world, _ = scripted(late, retry=RetryPolicy(attempts=1))
    with pytest.raises(CosServiceError, match=r"^sorry \(HTTP 200"):
        world.fetch(BUCKET, "key")


def test_a_flipped_byte_is_noticed(scripted: Scripted) -> None:
    flipped = OBJECT[:500] + b"!" + OBJECT[501:]
    world, _ = scripted(http_response(body=flipped, headers=WHOLE))
    response = world.get_object(BUCKET, "key")
    with pytest.raises(IntegrityError, match="CRC64"):
        world.read(response)


def test_a_short_body_is_noticed(scripted: Scripted) -> None:
    short = http_response(body=OBJECT[:-1], headers={**WHOLE, "Connection": "close"})
    short = short.replace(b"Content-Length: 999", b"Content-Length: 1000")
    world, _ = scripted(short, retry=RetryPolicy(attempts=1))
    with pytest.raises(TransportError, match="999"):
        world.read(world.get_object(BUCKET, "key"))


@pytest.mark.parametrize("damage", ["flipped", "short"])
def test_a_damaged_download_leaves_the_file_as_it_was(
    scripted: Scripted, tmp_path: Path, damage: str
) -> None:
    reply = http_response(body=OBJECT, headers={**WHOLE, "Connection": "close"})
    reply = reply[:-1] + b"!" if damage == "flipped" else reply[:-1]
    target = tmp_path / "target"
    target.write_bytes(b"before")
    world, _ = scripted(reply, retry=RetryPolicy(attempts=1))
    with pytest.raises((IntegrityError, TransportError)):
        world.save(world.get_object(BUCKET, "key"), target)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_headers_keep_the_vendors_spelling_behind_a_lower_casing_proxy(scripted: Scripted) -> None:
    lower = (
        b'HTTP/1.1 200 OK\r\netag: "e"\r\nx-COS-Request-ID: i\r\ncontent-length: 0\r\n'
        b"X-COS-Meta-A: 1\r\n\r\n"
    )
    world, _ = scripted(lower)
    result = world.put_object(BUCKET, b"x", "key")
    assert (result["ETag"], result["Content-Length"], result["x-cos-meta-a"]) == ('"e"', "0", "1")


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("put_object", {"Body": b"x", "Key": "k", "ContentTyp": "t"}, "did you mean ContentType"),
        ("put_object", {"Body": b"x", "Key": ""}, "Key is empty"),
        ("put_object", {"Body": b"x", "Key": "/"}, "Key is empty"),
        ("put_object", {"Body": 7, "Key": "k"}, "Body must be bytes"),
        ("put_object", {"Body": io.StringIO("x"), "Key": "k"}, "binary mode"),
        ("put_object", {"Body": b"x", "Key": "k", "ContentLength": 2}, "ContentLength is 2"),
        (
            "put_object",
            {"Body": b"x", "Key": "k", "ContentType": "a\r\nb: c"},
            "a header must not contain",
        ),
        ("copy_object", {"Key": "k", "CopySource": {"Bucket": "b"}}, "Key"),
        (
            "copy_object",
            {"Key": "k", "CopySource": COPY_SOURCE, "CopyStatus": "Move"},
            "CopyStatus must be one of",
        ),
        ("delete_objects", {"Delete": {}}, "at least one object"),
        ("delete_objects", {"Delete": {"Object": [{"Key": "a\x01"}]}}, "control characters"),
        ("list_objects", {"EncodingType": "base64"}, "EncodingType"),
        ("put_bucket_versioning", {"Status": "On"}, "Status must be one of"),
        (
            "complete_multipart_upload",
            {"Key": "k", "UploadId": "u", "MultipartUpload": {"Part": [{"PartNumber": 1}]}},
            "needs PartNumber and ETag",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    scripted: Scripted, method: str, arguments: dict[str, Any], message: str
) -> None:
    world, server = scripted(http_response())
    with pytest.raises(ParameterError, match=message):
        getattr(world, method)(Bucket=BUCKET, **arguments)
    assert server.requests == []


@pytest.mark.parametrize("bucket", ["", "a b", "a/b", "a.b", "-a", "ü"])
def test_a_bucket_name_that_is_none_is_refused(scripted: Scripted, bucket: str) -> None:
    world, server = scripted(http_response())
    with pytest.raises(ParameterError, match="is not a bucket name"):
        world.head_bucket(bucket)
    assert server.requests == []


def test_metadata_travels_under_its_prefix(scripted: Scripted) -> None:
    world, server = scripted(http_response(headers=STORED))
    world.put_object(BUCKET, b"x", "key", Metadata={"x-cos-meta-Ok": "蓝", "bare": "b"})
    head = server.requests[0][0]
    assert "x-cos-meta-ok: 蓝".encode() in head
    assert b"x-cos-meta-bare: b" in head


@pytest.mark.parametrize("name", ["x-cos-acl", "X-Cos-Storage-Class", "x-amz-acl"])
def test_a_parameter_among_the_metadata_is_refused(scripted: Scripted, name: str) -> None:
    world, server = scripted()
    with pytest.raises(ParameterError, match="no metadata but a parameter"):
        world.put_object(BUCKET, b"x", "key", Metadata={name: "private"})
    assert server.requests == []


def test_the_token_of_temporary_keys_goes_everywhere(scripted: Scripted) -> None:
    world, server = scripted(http_response(headers=STORED), token="t/k=")
    world.put_object(BUCKET, b"x", "key")
    head = server.requests[0][0]
    assert b"x-cos-security-token: t/k=\r\n" in head
    assert b"x-cos-security-token&q-url-param-list" in head
    url = world.client.get_presigned_download_url(BUCKET, "key")
    assert "x-cos-security-token=t%2Fk%3D" in url


def test_no_attempt_is_made_twice_with_one_attempt(scripted: Scripted) -> None:
    world, server = scripted(
        http_response(503), http_response(headers=STORED), retry=RetryPolicy(attempts=1)
    )
    with pytest.raises(CosServiceError):
        world.put_object(BUCKET, b"x", "key")
    assert len(server.requests) == 1


def test_a_missing_key_is_false_and_a_refusal_is_raised(scripted: Scripted) -> None:
    world, _ = scripted(
        http_response(404, headers={"x-cos-request-id": "i"}),
        http_response(403),
        http_response(headers=STORED),
    )
    assert world.object_exists(BUCKET, "key") is False
    with pytest.raises(AccessDenied):
        world.object_exists(BUCKET, "key")
    assert world.object_exists(BUCKET, "key") is True


def test_no_secret_is_in_any_text(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world, _ = scripted(
        http_response(404, ERROR % b"NoSuchKey"), secret_key="s3cr3t-key", token="t0ken"
    )
    with pytest.raises(NoSuchKey) as raised:
        world.get_object(BUCKET, "key")
    texts = [str(raised.value), repr(raised.value), repr(world.client), caplog.text]
    texts.append(repr(world.client._config))
    for text in texts:
        assert "s3cr3t-key" not in text
        assert "t0ken" not in text
        assert "q-signature" not in text


def test_an_unreachable_service_is_a_client_error(scripted: Scripted) -> None:
    world, server = scripted()
    server.close()
    with pytest.raises(CosClientError) as raised:
        world.head_bucket(BUCKET)
    assert isinstance(raised.value, TransportError)
    assert raised.value.attempts == 3
    assert server.endpoint.removeprefix("http://") in str(raised.value)
    assert str(raised.value).endswith("(3 attempts)")
