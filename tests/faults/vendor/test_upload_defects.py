"""Defects of the vendor's published client where bytes go up: it shows each, coskit shows none."""

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
from tests.faults.vendor.clients import MIB, Party, cut_small, failure, party
from tests.support.local import write_file

__all__ = ["party"]

LARGE = 3 * MIB + 17
ALWAYS = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file that is uploaded in parts."""
    write_file(tmp_path / "file", LARGE)
    return tmp_path / "file"


# Success that is none


@pytest.mark.parametrize("status", [301, 302, 307])
def test_d1_a_redirected_put_is_no_success(party: Party, status: int) -> None:
    party.proxy.rules = [Rule(PUT_OBJECT, Redirect(status), times=ALWAYS)]
    error = failure(lambda: party.connect().put_object(party.bucket, b"content", "key"))
    assert party.stored("key") is None
    party.judge(error is None, error)
    assert party.is_vendor or isinstance(error, CosException)


def test_d1_a_redirected_file_is_no_success(party: Party, tmp_path: Path) -> None:
    write_file(tmp_path / "file", 1000)
    party.proxy.rules = [Rule(PUT_OBJECT, Redirect(307), times=ALWAYS)]
    upload = party.connect().upload_file
    error = failure(lambda: upload(party.bucket, "key", str(tmp_path / "file")))
    assert party.stored("key") is None
    party.judge(error is None, error)


def test_d2_a_stream_that_reads_short_is_stored_whole(party: Party) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 64 * 1024))

    content = bytes(range(256)) * (LARGE // 256)
    error = failure(lambda: party.upload_stream(party.connect(), "key", Dribble(content)))
    assert error is None
    stored = party.stored("key") or b""
    party.judge(stored == content[: 64 * 1024], f"{len(stored)} bytes stored")
    assert party.is_vendor or stored == content


# Errors that say what happened


def test_d3_a_body_that_is_read_once_does_not_hide_why_it_failed(party: Party) -> None:
    world = party.connect(tries=2)
    body = world.source([b"a" * 1000] * 3)
    party.proxy.rules = [Rule(PUT_OBJECT, Refuse(), times=ALWAYS)]
    error = failure(lambda: world.put_object(party.bucket, body, "key"))
    assert error is not None
    party.judge(isinstance(error, UnboundLocalError), error)
    assert party.is_vendor or isinstance(error, CosException)


# What it leaves behind


def test_d18_an_upload_that_is_not_to_go_on_leaves_no_parts_to_pay_for(
    party: Party, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    party.proxy.rules = [Rule(UPLOAD_PART, Status(403), times=ALWAYS, skip=1)]
    upload = party.connect().upload_file
    options = {} if party.is_vendor else {"Resume": False}
    error = failure(lambda: upload(party.bucket, "key", str(file), PartSize=1, **options))
    assert error is not None
    party.judge(party.unfinished() > 0, error)


def test_d18_a_stream_whose_part_fails_leaves_no_parts_to_pay_for(party: Party) -> None:
    party.proxy.rules = [Rule(UPLOAD_PART, Status(500), times=ALWAYS, skip=1)]
    error = failure(lambda: party.upload_stream(party.connect(), "key", io.BytesIO(bytes(LARGE))))
    assert error is not None
    party.judge(party.unfinished() > 0, error)


# Uploads of others


def test_d19_the_unfinished_upload_of_another_program_is_left_alone(
    party: Party, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    theirs = party.owner.create_multipart_upload(
        party.bucket, "key", Metadata={"x-cos-meta-x": "theirs"}
    )
    part = file.read_bytes()[:MIB]
    party.owner.upload_part(party.bucket, "key", part, 1, theirs["UploadId"])
    new = {"x-cos-meta-x": "ours"}
    party.connect().upload_file(party.bucket, "key", str(file), PartSize=1, Metadata=new)
    assert party.stored("key") == file.read_bytes()
    head: Any = party.owner.head_object(party.bucket, "key")
    found, left = head["x-cos-meta-x"], party.unfinished()
    party.judge((found, left) == ("theirs", 0), (found, left))
    assert party.is_vendor or (found, left) == ("ours", 1)


def test_d19_an_upload_needs_no_permission_to_list_uploads(
    party: Party, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    party.proxy.rules = [Rule(LIST_MULTIPART_UPLOADS, Status(403), times=ALWAYS)]
    upload = party.connect().upload_file
    error = failure(lambda: upload(party.bucket, "key", str(file), PartSize=1))
    party.judge(error is not None, error)
    assert party.is_vendor or party.stored("key") == file.read_bytes()


# Copies, costs, progress


def test_d20_a_copy_in_parts_keeps_headers_and_metadata(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    content = bytes(LARGE)
    told: dict[str, Any] = {"ContentType": "text/x-told", "Metadata": {"x-cos-meta-x": "kept"}}
    party.owner.put_object(party.bucket, content, "source", **told)
    world = party.connect()
    if party.is_vendor:
        world.client.get_conf().set_copy_part_threshold_size(MIB)
        # It would look at the source under its public name, whatever address it was given.
        world.client._head_object_when_copy = lambda *_, **__: (len(content), "standard")
    source = {"Bucket": party.bucket, "Key": "source", "Region": "ap-local"}
    # Another class makes the vendor take the way of parts.
    world.copy(party.bucket, "copy", source, PartSize=1, StorageClass="STANDARD_IA")
    assert party.stored("copy") == content
    assert len(party.proxy.of(CREATE_MULTIPART_UPLOAD)) == 1
    head: Any = party.owner.head_object(party.bucket, "copy")
    kept = head.get("Content-Type"), head.get("x-cos-meta-x")
    party.judge(kept != ("text/x-told", "kept"), kept)


def test_d21_a_file_of_10_mib_takes_one_request(party: Party, tmp_path: Path) -> None:
    content = write_file(tmp_path / "ten", 10 * MIB)
    party.connect().upload_file(party.bucket, "key", str(tmp_path / "ten"))
    assert party.stored("key") == content
    asked = len(party.proxy.of(any_request))
    party.judge(asked > 10, f"{asked} requests")
    assert party.is_vendor or asked == 1


def test_d22_progress_of_a_small_file_is_told(party: Party, tmp_path: Path) -> None:
    write_file(tmp_path / "small", 1000)
    told: list[tuple[int, int]] = []
    party.connect().upload_file(
        party.bucket,
        "key",
        str(tmp_path / "small"),
        progress_callback=lambda through, size: told.append((through, size)),
    )
    party.judge(told == [], told)
    assert party.is_vendor or told[-1] == (1000, 1000)


def test_d23_a_short_timeout_does_not_fail_a_slow_completion(
    party: Party, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    party.proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, Delay(1.5))]
    world = party.connect(vendor={"Timeout": 1}, transport=TransportSettings(read_timeout=1))
    error = failure(lambda: world.upload_file(party.bucket, "key", str(file), PartSize=1))
    party.judge(error is not None, error)
    assert party.is_vendor or party.stored("key") == file.read_bytes()


# Answers that got lost


def test_d24_a_lost_answer_to_an_append_is_no_failure(party: Party) -> None:
    world = party.connect(tries=2)
    party.proxy.rules = [Rule(APPEND_OBJECT, DropReply())]
    error = failure(lambda: world.append_object(party.bucket, "key", 0, b"content"))
    assert party.stored("key") == b"content"
    party.judge(error is not None, error)


def test_d24_a_lost_answer_to_a_completion_is_no_failure(
    party: Party, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    world = party.connect(tries=2)
    party.proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, DropReply())]
    error = failure(lambda: world.upload_file(party.bucket, "key", str(file), PartSize=1))
    assert party.stored("key") == file.read_bytes()
    party.judge(error is not None, error)


def test_d31_header_names_are_spelled_as_proxies_like(party: Party) -> None:
    party.proxy.rules = [Rule(any_request, HeaderCase("lower"), times=ALWAYS)]
    content = bytes(LARGE)
    error = failure(lambda: party.upload_stream(party.connect(), "key", io.BytesIO(content)))
    party.judge(error is not None, error)
    assert party.is_vendor or party.stored("key") == content


# Temporary keys


def test_d4_a_provider_of_temporary_keys_has_its_token_sent(party: Party) -> None:
    class Provider:
        secret_id, secret_key, token = "id", "key", "t0ken"

    ours = Credentials("id", "key", "t0ken")
    world = party.connect(
        vendor={"CredentialInstance": Provider(), "SecretId": None, "SecretKey": None},
        secret_id=None,
        secret_key=None,
        credentials=lambda: ours,
    )
    assert failure(lambda: world.put_object(party.bucket, b"", "key")) is not None
    (seen,) = party.proxy.of(PUT_OBJECT)
    party.judge("x-cos-security-token" not in seen.headers, seen.headers)


def test_d5_a_presigned_url_carries_the_token(party: Party) -> None:
    world = party.connect(vendor={"Token": "t0ken"}, token="t0ken")
    url = world.client.get_presigned_url(party.bucket, "key", "GET")
    party.judge("t0ken" not in url, url)
