"""The methods and results of COS over S3 (`dialect="s3"`), against the server."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coskit import Client, ParameterError, RetryPolicy, TransferSettings, metadata
from coskit.protocol.bucket.acl import ALL_USERS
from coskit.protocol.errors import (
    BucketNotEmpty,
    CosServiceError,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
    TransportError,
)
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import MIB, unfinished_uploads, via_proxy
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import DropReply
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.local import fetch, write_file
from tests.support.worlds import World

PART = 5 * MIB
KEYS = ["plain", "a b+c", "ü/世界", "a//b", "./a", "a/../b", "100%", "q?x=1&y#z", "~'()*!"]


@pytest.fixture(params=["sync", "async"])
def s3(request: pytest.FixtureRequest, server: LocalServer, tmp_path: Path) -> Iterator[World]:
    settings: dict[str, Any] = {
        "endpoint": server.endpoint,
        "secret_id": server.secret_id,
        "secret_key": server.secret_key,
        "transfers": TransferSettings(journals=tmp_path / "journals"),
    }
    with World(request.param, dialect="s3", **settings) as client:
        yield client


def test_an_object_has_the_names_of_cos_in_its_results(s3: World, bucket: str) -> None:
    stored = s3.put_object(
        bucket, b"data", "k", Metadata={"x-cos-meta-a": "1"}, StorageClass="STANDARD_IA"
    )
    head = s3.head_object(bucket, "k")
    got = s3.get_object(bucket, "k")
    assert s3.read(got) == b"data"
    assert head["ETag"] == stored["ETag"] == got["ETag"]
    for said in (head, got):
        assert said["x-cos-meta-a"] == "1"
        assert said["x-cos-storage-class"] == "STANDARD_IA"
        assert said["x-cos-request-id"]
        assert not [name for name in said if name.lower().startswith("x-amz-meta")]


def test_metadata_is_read_as_it_was_given_in_either_dialect(
    s3: World, owner: Client, bucket: str
) -> None:
    given = {"Owner": "me", "name": "世界 é", "x-amz-meta-b": "2"}
    expected = {"owner": "me", "name": "世界 é", "b": "2"}
    s3.put_object(bucket, b"data", "s3", Metadata=given)
    owner.put_object(bucket, b"data", "cos", Metadata=given)
    for key in ("s3", "cos"):
        for client in (s3, owner):
            assert metadata(client.head_object(bucket, key)) == expected
        assert metadata(s3.get_object(bucket, key)) == expected


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_stored_listed_copied_and_deleted_as_it_is(
    s3: World, bucket: str, key: str
) -> None:
    s3.put_object(bucket, key.encode(), key)
    assert s3.fetch(bucket, key) == key.encode()
    source = {"Bucket": bucket, "Key": key}
    assert s3.copy_object(bucket, f"copy of {key}", source)["ETag"]
    listed = [entry["Key"] for entry in s3.all(s3.client.iter_objects(bucket))]
    assert sorted(listed) == sorted([key, f"copy of {key}"])
    response = s3.delete_objects(bucket, {"Object": [{"Key": key}, {"Key": f"copy of {key}"}]})
    assert {each["Key"] for each in response["Deleted"]} == {key, f"copy of {key}"}
    assert "Contents" not in s3.list_objects(bucket)


def test_a_range_is_a_range(s3: World, bucket: str) -> None:
    s3.put_object(bucket, b"0123456789", "k")
    got = s3.get_object(bucket, "k", Range="bytes=2-4")
    assert (got["Content-Range"], s3.read(got)) == ("bytes 2-4/10", b"234")


def test_an_unmodified_object_is_reported_as_in_cos(s3: World, bucket: str) -> None:
    etag = s3.put_object(bucket, b"data", "k")["ETag"]
    with pytest.raises(CosServiceError) as raised:
        s3.get_object(bucket, "k", IfNoneMatch=etag)
    assert (raised.value.status, raised.value.code) == (304, "NotModified")
    assert s3.head_object(bucket, "k", IfNoneMatch=etag)["ETag"] == etag


def test_a_listing_has_several_pages(s3: World, bucket: str) -> None:
    keys = sorted(["a", "b/1", "b/2", "c d", "é", "z+"], key=str.encode)
    for key in keys:
        s3.put_object(bucket, b"", key)
    paged = s3.all(s3.client.iter_objects(bucket, PageSize=1))
    assert [entry["Key"] for entry in paged] == keys
    assert paged[0]["StorageClass"] == "STANDARD"
    assert s3.all(s3.client.iter_prefixes(bucket, PageSize=1)) == ["b/"]
    encoded = s3.list_objects(bucket, MaxKeys=4, EncodingType="url")
    assert encoded["NextMarker"] == encoded["Contents"][-1]["Key"] == "c%20d"


def test_versions_and_delete_markers_are_listed_in_order(s3: World, bucket: str) -> None:
    s3.put_bucket_versioning(bucket, "Enabled")
    first = s3.put_object(bucket, b"1", "k")["x-cos-version-id"]
    second = s3.put_object(bucket, b"2", "k")["x-cos-version-id"]
    marker = s3.delete_object(bucket, "k")
    assert marker["x-cos-delete-marker"] == "true"
    listed = s3.all(s3.client.iter_versions(bucket, PageSize=1))
    assert [entry["VersionId"] for entry in listed] == [marker["x-cos-version-id"], second, first]
    assert s3.fetch(bucket, "k", VersionId=first) == b"1"
    with pytest.raises(NoSuchKey) as gone:
        s3.get_object(bucket, "k")
    assert gone.value.headers["x-cos-delete-marker"] == "true"


def test_a_multipart_upload_is_created_listed_and_aborted(s3: World, bucket: str) -> None:
    upload = s3.create_multipart_upload(bucket, "k", StorageClass="ARCHIVE")["UploadId"]
    part = s3.upload_part(bucket, "k", b"data", 1, upload)
    [listed] = s3.all(s3.client.iter_uploads(bucket))
    assert (listed["Key"], listed["StorageClass"]) == ("k", "ARCHIVE")
    [there] = s3.all(s3.client.iter_parts(bucket, "k", upload))
    assert (there["PartNumber"], there["Size"], there["ETag"]) == ("1", "4", part["ETag"])
    s3.abort_multipart_upload(bucket, "k", upload)
    with pytest.raises(NoSuchUpload):
        s3.list_parts(bucket, "k", upload)


def test_a_file_is_uploaded_in_parts_of_at_least_5_mb(
    s3: World, bucket: str, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "file", 21 * MIB)
    done = s3.upload_file(bucket, "k", tmp_path / "file")
    assert done["ETag"].endswith('-5"')
    s3.download_file(bucket, "k", tmp_path / "back", PartSize=8)
    assert (tmp_path / "back").read_bytes() == content
    copied = s3.copy(bucket, "copy", {"Bucket": bucket, "Key": "k"})
    assert copied["ETag"]
    assert s3.head_object(bucket, "copy")["Content-Length"] == str(len(content))
    assert unfinished_uploads(s3, bucket) == []


def test_a_stream_is_uploaded_in_parts_of_at_least_5_mb(s3: World, bucket: str) -> None:
    blocks = [os.urandom(MIB) for _ in range(11)]
    s3.upload_stream(bucket, "k", s3.source(blocks), PartSize=1)
    assert s3.head_object(bucket, "k")["ETag"].endswith('-3"')
    assert s3.fetch(bucket, "k") == b"".join(blocks)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_interrupted_upload_resumes(
    kind: str, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "file", 21 * MIB)

    def third(exchange: RecordedRequest) -> bool:
        return exchange.query.get("partNumber") == "3"

    with (
        FaultProxy(server.port) as proxy,
        via_proxy(
            kind,
            proxy,
            server,
            tmp_path / "journals",
            dialect="s3",
            retry=RetryPolicy(attempts=1),
        ) as s3,
    ):
        proxy.rules = [Rule(third, DropReply(), times=None)]
        with pytest.raises(TransportError):
            s3.upload_file(bucket, "k", tmp_path / "file", MAXThread=1)
        proxy.rules = []
        reported: list[int] = []
        s3.upload_file(
            bucket,
            "k",
            tmp_path / "file",
            progress_callback=lambda n, _: reported.append(n.resumed),
        )
        assert max(reported) >= 2 * PART
        assert s3.fetch(bucket, "k") == content
        assert unfinished_uploads(s3, bucket) == []


def test_a_directory_is_synchronised_both_ways(s3: World, bucket: str, tmp_path: Path) -> None:
    for name in ("a", "b c", "sub/ü"):
        file = tmp_path / "here" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    place = f"cos://{bucket}/site"
    assert s3.sync(tmp_path / "here", place).transferred == 3
    assert s3.sync(tmp_path / "here", place).unchanged == 3
    assert s3.sync(place, tmp_path / "there").transferred == 3
    assert s3.sync(place, tmp_path / "there").unchanged == 3
    assert (tmp_path / "there" / "sub" / "ü").read_text() == "sub/ü"
    (tmp_path / "here" / "a").unlink()
    assert s3.sync(tmp_path / "here", place, Delete=True).deleted == 1


def test_tags_of_objects_and_buckets(s3: World, bucket: str) -> None:
    tags = {"TagSet": {"Tag": [{"Key": "a b", "Value": "ü"}]}}
    s3.put_object(bucket, b"", "k", Tagging="x=1")
    assert s3.get_object_tagging(bucket, "k")["TagSet"]["Tag"] == [{"Key": "x", "Value": "1"}]
    s3.put_object_tagging(bucket, "k", tags)
    assert s3.get_object_tagging(bucket, "k")["TagSet"] == tags["TagSet"]
    s3.put_bucket_tagging(bucket, tags)
    assert s3.get_bucket_tagging(bucket)["TagSet"] == tags["TagSet"]
    s3.delete_object_tagging(bucket, "k")


def test_groups_in_an_acl_have_the_names_of_cos(s3: World, owner: Any, bucket: str) -> None:
    s3.put_object(bucket, b"", "k", GrantRead=f'uri="{ALL_USERS}"')
    reported = s3.get_object_acl(bucket, "k")
    groups = [grant["Grantee"].get("URI") for grant in reported["Grant"]]
    assert ALL_USERS in groups
    policy = {"Owner": reported["Owner"], "AccessControlList": reported["AccessControlList"]}
    s3.put_bucket_acl(bucket, AccessControlPolicy=policy)
    both = [client.get_bucket_acl(bucket)["Grant"] for client in (s3, owner)]
    assert all(ALL_USERS in [g["Grantee"].get("URI") for g in grants] for grants in both)


def test_classes_in_lifecycle_rules_have_the_names_of_cos(s3: World, bucket: str) -> None:
    rule = {
        "ID": "a",
        "Filter": {"Prefix": "p"},
        "Status": "Enabled",
        "Transition": [{"Days": "30", "StorageClass": "ARCHIVE"}],
    }
    s3.put_bucket_lifecycle(bucket, {"Rule": [rule]})
    [reported] = s3.get_bucket_lifecycle(bucket)["Rule"]
    assert reported["Transition"] == rule["Transition"]


def test_presigned_urls_need_no_keys(s3: World, server: LocalServer, bucket: str) -> None:
    put = s3.get_presigned_url(
        bucket, "a b", "PUT", Headers={"x-cos-meta-a": "1", "Content-Type": "text/x"}
    )
    sent = {"x-amz-meta-a": "1", "Content-Type": "text/x"}
    assert fetch(server, "PUT", put, b"data", sent).status == 200
    assert fetch(server, "PUT", put, b"data").status == 403
    url = s3.get_presigned_download_url(
        bucket, "a b", Params={"response-content-type": "text/plain"}
    )
    got = fetch(server, "GET", url)
    assert (got.body, got.headers["Content-Type"]) == (b"data", "text/plain")
    assert s3.head_object(bucket, "a b")["x-cos-meta-a"] == "1"


def test_a_presigned_form_uploads_a_file(s3: World, server: LocalServer, bucket: str) -> None:
    form = s3.presign_post(
        bucket,
        "up/${filename}",
        Conditions=[{"x-cos-meta-a": "1"}, ["starts-with", "$Content-Type", "text/"]],
    )
    fields = {**form["fields"], "Content-Type": "text/plain"}
    assert fields["x-amz-meta-a"] == "1"
    lines = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ndata\r\n--b--'
    body = "".join([*lines, file, "\r\n"]).encode()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert fetch(server, "POST", form["url"], body, headers).status == 204
    assert s3.fetch(bucket, "up/f") == b"data"
    assert s3.head_object(bucket, "up/f")["x-cos-meta-a"] == "1"


def test_get_auth_signs_a_request_of_another_http_client(
    s3: World, server: LocalServer, bucket: str
) -> None:
    s3.put_object(bucket, b"data", "k")
    with pytest.raises(ParameterError, match="x-amz-date"):
        s3.get_auth("GET", bucket, "k")
    headers = {
        "x-amz-date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    auth = s3.get_auth("GET", bucket, "k", Headers=headers)
    got = fetch(
        server, "GET", s3.get_object_url(bucket, "k"), None, headers | {"Authorization": auth}
    )
    assert (got.status, got.body) == (200, b"data")


def test_conditional_writes_keep_an_existing_object(s3: World, bucket: str) -> None:
    etag = s3.put_object(bucket, b"1", "k", IfNoneMatch="*")["ETag"]
    with pytest.raises(PreconditionFailed):
        s3.put_object(bucket, b"2", "k", IfNoneMatch="*")
    s3.put_object(bucket, b"3", "k", IfMatch=etag)
    with pytest.raises(PreconditionFailed):
        s3.put_object(bucket, b"4", "k", IfMatch=etag)
    assert s3.fetch(bucket, "k") == b"3"


def test_a_bucket_is_created_found_and_deleted(s3: World, server: LocalServer) -> None:
    name = f"of-s3-{s3.client.__class__.__name__.lower()}-1250000000"
    s3.create_bucket(name)
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]["Bucket"]]
    assert s3.bucket_exists(name)
    s3.put_object(name, b"", "k")
    with pytest.raises(BucketNotEmpty):
        s3.delete_bucket(name)
    s3.delete_object(name, "k")
    s3.delete_bucket(name)
    assert not s3.bucket_exists(name)
    with pytest.raises(NoSuchBucket):
        s3.list_objects(name)
