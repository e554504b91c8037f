"""Upload defects that the vendor's client has and coskit has not."""

import io
from pathlib import Path
from typing import Any

import pytest

from coskit import CosException, TransportSettings
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.operations import (
    APPEND_OBJECT,
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_MULTIPART_UPLOAD,
    LIST_MULTIPART_UPLOADS,
    PUT_OBJECT,
    UPLOAD_PART,
)
from tests.faults.proxy.faults import Delay, DropReply, HeaderCase, Redirect, Refuse, Status
from tests.faults.proxy.proxy import Rule, any_request
from tests.faults.vendor.clients import MIB, Subject, failure, subject, use_small_parts
from tests.support.local import write_file

__all__ = ["subject"]

LARGE = 3 * MIB + 17
ALWAYS = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that is uploaded in parts."""
    write_file(tmp_path / "file", LARGE)
    return tmp_path / "file"


# Success that is none


@pytest.mark.parametrize("status", [301, 302, 307])
def test_d1_a_redirected_put_is_no_success(subject: Subject, status: int) -> None:
    subject.proxy.rules = [Rule(PUT_OBJECT, Redirect(status), times=ALWAYS)]
    error = failure(lambda: subject.connect().put_object(subject.bucket, b"content", "key"))
    assert subject.stored("key") is None
    subject.expect_defect(error is None, error)
    assert subject.is_vendor or isinstance(error, CosException)


def test_d1_a_redirected_file_is_no_success(subject: Subject, tmp_path: Path) -> None:
    write_file(tmp_path / "file", 1000)
    subject.proxy.rules = [Rule(PUT_OBJECT, Redirect(307), times=ALWAYS)]
    upload = subject.connect().upload_file
    error = failure(lambda: upload(subject.bucket, "key", str(tmp_path / "file")))
    assert subject.stored("key") is None
    subject.expect_defect(error is None, error)


def test_d2_a_stream_that_reads_short_is_stored_whole(subject: Subject) -> None:
    class ShortReads(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 64 * 1024))

    content = bytes(range(256)) * (LARGE // 256)
    error = failure(lambda: subject.upload_stream(subject.connect(), "key", ShortReads(content)))
    assert error is None
    stored = subject.stored("key") or b""
    subject.expect_defect(stored == content[: 64 * 1024], f"{len(stored)} bytes stored")
    assert subject.is_vendor or stored == content


# Errors that say what happened


def test_d3_a_body_that_is_read_once_does_not_hide_the_error(subject: Subject) -> None:
    world = subject.connect(tries=2)
    body = world.source([b"a" * 1000] * 3)
    subject.proxy.rules = [Rule(PUT_OBJECT, Refuse(), times=ALWAYS)]
    error = failure(lambda: world.put_object(subject.bucket, body, "key"))
    assert error is not None
    subject.expect_defect(isinstance(error, UnboundLocalError), error)
    assert subject.is_vendor or isinstance(error, CosException)


# What it leaves behind


def test_d18_an_upload_without_resume_leaves_no_parts(
    subject: Subject, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    subject.proxy.rules = [Rule(UPLOAD_PART, Status(403), times=ALWAYS, skip=1)]
    upload = subject.connect().upload_file
    options = {} if subject.is_vendor else {"Resume": False}
    error = failure(lambda: upload(subject.bucket, "key", str(file), PartSize=1, **options))
    assert error is not None
    subject.expect_defect(subject.unfinished() > 0, error)


def test_d18_a_stream_whose_part_fails_leaves_no_parts(subject: Subject) -> None:
    subject.proxy.rules = [Rule(UPLOAD_PART, Status(500), times=ALWAYS, skip=1)]
    error = failure(
        lambda: subject.upload_stream(subject.connect(), "key", io.BytesIO(bytes(LARGE)))
    )
    assert error is not None
    subject.expect_defect(subject.unfinished() > 0, error)


# Uploads of others


def test_d19_the_unfinished_upload_of_another_program_is_left_alone(
    subject: Subject, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    theirs = subject.owner.create_multipart_upload(
        subject.bucket, "key", Metadata={"x-cos-meta-x": "theirs"}
    )
    part = file.read_bytes()[:MIB]
    subject.owner.upload_part(subject.bucket, "key", part, 1, theirs["UploadId"])
    new = {"x-cos-meta-x": "ours"}
    subject.connect().upload_file(subject.bucket, "key", str(file), PartSize=1, Metadata=new)
    assert subject.stored("key") == file.read_bytes()
    head: Any = subject.owner.head_object(subject.bucket, "key")
    found, left = head["x-cos-meta-x"], subject.unfinished()
    subject.expect_defect((found, left) == ("theirs", 0), (found, left))
    assert subject.is_vendor or (found, left) == ("ours", 1)


def test_d19_an_upload_needs_no_permission_to_list_uploads(
    subject: Subject, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    subject.proxy.rules = [Rule(LIST_MULTIPART_UPLOADS, Status(403), times=ALWAYS)]
    upload = subject.connect().upload_file
    error = failure(lambda: upload(subject.bucket, "key", str(file), PartSize=1))
    subject.expect_defect(error is not None, error)
    assert subject.is_vendor or subject.stored("key") == file.read_bytes()


# Copies, costs, progress


def test_d20_a_copy_in_parts_keeps_headers_and_metadata(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    content = bytes(LARGE)
    reported: dict[str, Any] = {
        "ContentType": "text/x-reported",
        "Metadata": {"x-cos-meta-x": "kept"},
    }
    subject.owner.put_object(subject.bucket, content, "source", **reported)
    world = subject.connect()
    if subject.is_vendor:
        world.client.get_conf().set_copy_part_threshold_size(MIB)
        # It would read the source from its public name and ignore the configured address.
        world.client._head_object_when_copy = lambda *_, **__: (len(content), "standard")
    source = {"Bucket": subject.bucket, "Key": "source", "Region": "ap-local"}
    # Another storage class makes the vendor copy in parts.
    world.copy(subject.bucket, "copy", source, PartSize=1, StorageClass="STANDARD_IA")
    assert subject.stored("copy") == content
    assert len(subject.proxy.matching(CREATE_MULTIPART_UPLOAD)) == 1
    head: Any = subject.owner.head_object(subject.bucket, "copy")
    kept = head.get("Content-Type"), head.get("x-cos-meta-x")
    subject.expect_defect(kept != ("text/x-reported", "kept"), kept)


def test_d21_a_file_of_10_mib_takes_one_request(subject: Subject, tmp_path: Path) -> None:
    content = write_file(tmp_path / "ten", 10 * MIB)
    subject.connect().upload_file(subject.bucket, "key", str(tmp_path / "ten"))
    assert subject.stored("key") == content
    asked = len(subject.proxy.matching(any_request))
    subject.expect_defect(asked > 10, f"{asked} requests")
    assert subject.is_vendor or asked == 1


def test_d22_progress_of_a_small_file_is_reported(subject: Subject, tmp_path: Path) -> None:
    write_file(tmp_path / "small", 1000)
    reported: list[tuple[int, int]] = []
    subject.connect().upload_file(
        subject.bucket,
        "key",
        str(tmp_path / "small"),
        progress_callback=lambda through, size: reported.append((through, size)),
    )
    subject.expect_defect(reported == [], reported)
    assert subject.is_vendor or reported[-1] == (1000, 1000)


def test_d23_a_short_timeout_does_not_fail_a_slow_completion(
    subject: Subject, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    subject.proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, Delay(1.5))]
    world = subject.connect(vendor={"Timeout": 1}, transport=TransportSettings(read_timeout=1))
    error = failure(lambda: world.upload_file(subject.bucket, "key", str(file), PartSize=1))
    subject.expect_defect(error is not None, error)
    assert subject.is_vendor or subject.stored("key") == file.read_bytes()


# Answers that got lost


def test_d24_a_lost_response_to_an_append_is_no_failure(subject: Subject) -> None:
    world = subject.connect(tries=2)
    subject.proxy.rules = [Rule(APPEND_OBJECT, DropReply())]
    error = failure(lambda: world.append_object(subject.bucket, "key", 0, b"content"))
    assert subject.stored("key") == b"content"
    subject.expect_defect(error is not None, error)


def test_d24_a_lost_response_to_a_completion_is_no_failure(
    subject: Subject, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    world = subject.connect(tries=2)
    subject.proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, DropReply())]
    error = failure(lambda: world.upload_file(subject.bucket, "key", str(file), PartSize=1))
    assert subject.stored("key") == file.read_bytes()
    subject.expect_defect(error is not None, error)


def test_d31_header_names_are_case_insensitive(subject: Subject) -> None:
    subject.proxy.rules = [Rule(any_request, HeaderCase("lower"), times=ALWAYS)]
    content = bytes(LARGE)
    error = failure(lambda: subject.upload_stream(subject.connect(), "key", io.BytesIO(content)))
    subject.expect_defect(error is not None, error)
    assert subject.is_vendor or subject.stored("key") == content


# Temporary keys


def test_d4_the_token_of_a_credentials_provider_is_sent(subject: Subject) -> None:
    class Provider:
        secret_id, secret_key, token = "id", "key", "t0ken"

    ours = Credentials("id", "key", "t0ken")
    world = subject.connect(
        vendor={"CredentialInstance": Provider(), "SecretId": None, "SecretKey": None},
        secret_id=None,
        secret_key=None,
        credentials=lambda: ours,
    )
    assert failure(lambda: world.put_object(subject.bucket, b"", "key")) is not None
    (seen,) = subject.proxy.matching(PUT_OBJECT)
    subject.expect_defect("x-cos-security-token" not in seen.headers, seen.headers)


def test_d5_a_presigned_url_carries_the_token(subject: Subject) -> None:
    world = subject.connect(vendor={"Token": "t0ken"}, token="t0ken")
    url = world.client.get_presigned_url(subject.bucket, "key", "GET")
    subject.expect_defect("t0ken" not in url, url)
