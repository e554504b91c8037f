"""Documents can be put back as returned; invalid ones are refused before they are sent."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from coskit import ParameterError
from coskit.compat import CosConfig, CosS3Client
from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.testing import LocalServer
from tests.support.worlds import World

SECRET = bytes(range(32))
ALL_USERS = "http://cam.qcloud.com/groups/global/AllUsers"
KMS = "x-cos-server-side-encryption-customer"


@pytest.fixture(params=["cos-sync", "cos-async", "s3-sync", "compat"])
def either(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[Any]:
    """Yield a client of each dialect, and the one of coskit.compat."""
    if request.param == "compat":
        keys: dict[str, Any] = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
        place: dict[str, Any] = {
            "Region": "ap-local",
            "Scheme": "http",
            "IP": "127.0.0.1",
            "Port": server.port,
        }
        with CosS3Client(CosConfig(**place, **keys), retry=0) as client:
            yield client
        return
    dialect, kind = request.param.split("-")
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(kind, endpoint=server.endpoint, dialect=dialect, **keys) as world:
        yield world


def test_what_was_got_can_be_put_back(either: Any, bucket: str) -> None:
    either.put_object(Bucket=bucket, Key="k", Body=b"x")
    rules = {
        "Rule": [
            {
                "ID": "one",
                "Status": "Enabled",
                "Filter": {"And": {"Prefix": "a", "Tag": [{"Key": "k", "Value": "v"}]}},
                "Transition": {"Days": 30, "StorageClass": "ARCHIVE"},
                "Expiration": {"Days": "90"},
            },
            {"ID": "two", "Status": "Disabled", "Filter": {}, "Expiration": {"Days": 1}},
        ]
    }
    either.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration=rules)
    lifecycle = either.get_bucket_lifecycle(Bucket=bucket)
    assert [rule["ID"] for rule in lifecycle["Rule"]] == ["one", "two"]
    either.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration=lifecycle)
    assert either.get_bucket_lifecycle(Bucket=bucket) == lifecycle
    cors = {"CORSRule": {"AllowedOrigin": "*", "AllowedMethod": ["GET"], "MaxAgeSeconds": 5}}
    either.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    shared = either.get_bucket_cors(Bucket=bucket)
    either.put_bucket_cors(Bucket=bucket, CORSConfiguration=shared)
    assert either.get_bucket_cors(Bucket=bucket) == shared
    tags = {"TagSet": {"Tag": [{"Key": "a", "Value": "b"}]}}
    either.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    tagging = either.get_object_tagging(Bucket=bucket, Key="k")
    either.put_object_tagging(Bucket=bucket, Key="k", Tagging=tagging)
    assert either.get_object_tagging(Bucket=bucket, Key="k") == tagging == tags


@pytest.mark.parametrize("acl", ["", "private", "public-read"])
def test_an_acl_that_was_got_can_be_put_back(either: Any, bucket: str, acl: str) -> None:
    either.put_object(Bucket=bucket, Key="k", Body=b"x", **({"ACL": acl} if acl else {}))
    got = either.get_object_acl(Bucket=bucket, Key="k")
    either.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    either.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=got)
    again = either.get_object_acl(Bucket=bucket, Key="k")
    names = ("AccessControlList", "CannedACL", "Owner")
    assert [again[name] for name in names] == [got[name] for name in names]
    of_bucket = either.get_bucket_acl(Bucket=bucket)
    read = {"Grantee": {"Type": "Group", "URI": ALL_USERS}, "Permission": "READ"}
    of_bucket["AccessControlList"]["Grant"].append(read)
    either.put_bucket_acl(Bucket=bucket, AccessControlPolicy=of_bucket)
    assert either.get_bucket_acl(Bucket=bucket)["CannedACL"] == "public-read"


def test_two_lists_of_grants_that_differ_are_refused(either: Any, bucket: str) -> None:
    got = either.get_bucket_acl(Bucket=bucket)
    got["Grant"] = []
    with pytest.raises(ParameterError, match="Grant repeats AccessControlList"):
        either.put_bucket_acl(Bucket=bucket, AccessControlPolicy=got)


@pytest.mark.parametrize(
    "key",
    [
        {"SSECustomerKey": SECRET},
        {"SSECustomerKey": bytearray(SECRET)},
        {"SSECustomerKey": b64encode(SECRET)},
        {"SSECustomerKey": b64encode(SECRET).decode()},
        {
            "SSECustomerAlgorithm": "AES256",
            "SSECustomerKey": SECRET,
            "SSECustomerKeyMD5": content_md5(SECRET),
        },
    ],
    ids=["bytes", "bytearray", "base64 as bytes", "base64", "all three"],
)
def test_a_key_of_ones_own_is_taken_in_each_form(
    either: Any, bucket: str, key: dict[str, Any]
) -> None:
    stored = either.put_object(Bucket=bucket, Key="k", Body=b"x", **key)
    head = either.head_object(Bucket=bucket, Key="k", **key)
    for result in (stored, head):
        assert result[f"{KMS}-key-MD5"] == content_md5(SECRET)
        assert result[f"{KMS}-algorithm"] == "AES256"


def test_metadata_gets_its_prefix_but_for_the_vendors_client(either: Any, bucket: str) -> None:
    given = {"owner": "me", "x-cos-meta-a": "1"}
    either.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=given)
    head = either.head_object(Bucket=bucket, Key="k")
    is_compat = isinstance(either, CosS3Client)
    assert head["x-cos-meta-a"] == "1"
    assert head.get("x-cos-meta-owner") == (None if is_compat else "me")


# Refused calls send nothing: the endpoint has no server.
UNSENT: list[tuple[str, dict[str, Any], str]] = [
    ("list_objects", {"Prefix": 5}, "Prefix"),
    ("list_objects", {"MaxKeys": "ten"}, "MaxKeys"),
    ("list_objects", {"MaxKeys": 1.5}, "MaxKeys"),
    ("list_objects", {"MaxKeys": True}, "MaxKeys"),
    ("list_objects", {"Delimiter": b"/"}, "Delimiter"),
    ("list_objects_versions", {"KeyMarker": 5}, "KeyMarker"),
    ("list_multipart_uploads", {"MaxUploads": "all"}, "MaxUploads"),
    ("list_parts", {"Key": "k", "UploadId": 5}, "UploadId"),
    ("list_parts", {"Key": "k", "UploadId": "u", "PartNumberMarker": "a"}, "PartNumberMarker"),
    ("get_object", {"Key": "k", "Range": "0-3"}, "Range"),
    ("get_object", {"Key": "k", "Range": "bytes=3-0"}, "Range"),
    ("get_object", {"Key": "k", "Range": "bytes=0-3,5-6"}, "Range"),
    ("get_object", {"Key": "k", "Range": "bytes 0-3"}, "Range"),
    ("get_object", {"Key": "k", "Range": (0, 3)}, "Range"),
    ("get_object", {"Key": "k", "IfModifiedSince": "yesterday"}, "IfModifiedSince"),
    ("get_object", {"Key": "k", "IfUnmodifiedSince": 1700000000}, "IfUnmodifiedSince"),
    ("get_object", {"Key": "k", "VersionId": 5}, "VersionId"),
    ("get_object", {"Key": 5}, "Key"),
    ("get_object", {"Key": "k", "SSECustomerKey": "short"}, "SSECustomerKey"),
    ("get_object", {"Key": "k", "SSECustomerKey": bytes(31)}, "SSECustomerKey"),
    ("put_object", {"Key": "k", "Body": b"", "StorageClass": 5}, "StorageClass"),
    ("put_object", {"Key": "k", "Body": b"", "ContentMD5": "abc"}, "ContentMD5"),
    ("put_object", {"Key": "k", "Body": b"", "Metadata": {"a": ["b"]}}, "Metadata"),
    ("put_object", {"Key": "k", "Body": b"", "Metadata": [("a", "b")]}, "Metadata"),
    ("put_object_acl", {"Key": "k"}, "AccessControlPolicy"),
    ("put_object_acl", {"Key": "k", "ACL": ""}, "AccessControlPolicy"),
    ("put_bucket_acl", {"AccessControlPolicy": {}}, "AccessControlPolicy"),
    ("put_bucket_versioning", {"Status": "enabled"}, "Status"),
    ("put_bucket_versioning", {"Status": True}, "Status"),
    ("put_bucket_policy", {"Policy": "{"}, "Policy"),
    ("put_bucket_tagging", {"Tagging": {}}, "Tagging is empty"),
    ("copy_object", {"Key": "k", "CopySource": {"Bucket": "b-1"}}, "CopySource.Key must be text"),
    ("copy_object", {"Key": "k", "CopySource": {"Bucket": "b-1", "Key": ""}}, "CopySource.Key is"),
    (
        "copy_object",
        {"Key": "k", "CopySource": {"Bucket": "b-1", "Key": 5}},
        "CopySource.Key must be",
    ),
    ("put_bucket_lifecycle", {"LifecycleConfiguration": {}}, "LifecycleConfiguration is empty"),
    ("delete_objects", {"Delete": {"Object": [{"Key": "k", "versionId": "v"}]}}, "versionId"),
    ("delete_objects", {"Delete": {"Objects": [{"Key": "k"}]}}, "Objects"),
    ("delete_objects", {"Delete": {"Object": ["k"]}}, "Object"),
    ("get_presigned_url", {"Key": "k", "Method": "FOO"}, "Method"),
    ("get_presigned_url", {"Key": "k", "Method": 5}, "Method"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Expired": "60"}, "Expired"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Expired": -5}, "Expired"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Expired": 0}, "Expired"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Expired": 1.5}, "Expired"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Params": "a=b"}, "Params"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Params": {"a": None}}, "Params"),
    ("get_presigned_url", {"Key": "k", "Method": "GET", "Headers": {"a": ["b"]}}, "Headers"),
    ("get_presigned_download_url", {"Key": "k", "Expired": "60"}, "Expired"),
    ("presign_post", {"Key": "k", "Expired": "60"}, "Expired"),
    ("get_auth", {"Key": "k", "Method": "FOO"}, "Method"),
    ("get_auth", {"Key": "k", "Method": "GET", "Expired": -5}, "Expired"),
    ("get_auth", {"Key": "k", "Method": "GET", "Headers": "a: b"}, "Headers"),
]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("name", "given", "word"), UNSENT)
def test_a_parameter_of_another_kind_is_named_and_nothing_is_sent(
    kind: str, name: str, given: dict[str, Any], word: str
) -> None:
    settings = {"endpoint": "http://127.0.0.1:9", "secret_id": "a", "secret_key": "b"}
    with World(kind, **settings) as world, pytest.raises(ParameterError, match=word):
        getattr(world, name)(Bucket="b-1250000000", **given)


@pytest.mark.parametrize("bucket", [5, None, b"b-1250000000"])
def test_a_bucket_is_text(bucket: Any) -> None:
    settings = {"endpoint": "http://127.0.0.1:9", "secret_id": "a", "secret_key": "b"}
    with World("sync", **settings) as world:
        for name, given in (
            ("get_presigned_url", {"Key": "k", "Method": "GET"}),
            ("get_object_url", {"Key": "k"}),
            ("list_objects", {}),
        ):
            with pytest.raises(ParameterError, match="Bucket"):
                getattr(world, name)(Bucket=bucket, **given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("list_objects", {"MaxKeys": "10"}),
        ("list_objects", {"MaxKeys": 10}),
        ("put_object", {"Key": "k", "Body": b"x", "TrafficLimit": 819200}),
        ("put_object", {"Key": "k", "Body": b"x", "TrafficLimit": "819200"}),
        ("put_object", {"Key": "k", "Body": b"x", "ForbidOverwrite": True}),
        ("put_object", {"Key": "k", "Body": b"x", "ForbidOverwrite": "true"}),
    ],
)
def test_a_number_may_be_digits_and_a_truth_its_word(
    server: LocalServer, bucket: str, name: str, given: dict[str, Any]
) -> None:
    with server.client() as client:
        getattr(client, name)(Bucket=bucket, **given)
