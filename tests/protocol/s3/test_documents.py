"""Documents of S3, converted to COS for handlers, and results converted back."""

from coskit.protocol.bucket.acl import ALL_USERS
from coskit.protocol.codec.results import encode_result
from coskit.protocol.s3 import operations as s3
from coskit.protocol.s3.documents.server import params_to_cos, result_to_s3
from coskit.protocol.s3.names import S3_ALL_USERS

GRANT = {"Grantee": {"Type": "Group", "URI": S3_ALL_USERS}, "Permission": "READ"}
POLICY = {"Owner": {"ID": "1"}, "AccessControlList": {"Grant": [GRANT]}}


def test_a_group_is_renamed_there_and_back() -> None:
    params = params_to_cos("PutObjectAcl", {"Key": "k", "AccessControlPolicy": POLICY})
    [grant] = params["AccessControlPolicy"]["AccessControlList"]["Grant"]
    assert grant["Grantee"]["URI"] == ALL_USERS
    assert result_to_s3("GetObjectAcl", params["AccessControlPolicy"]) == POLICY


def test_a_class_of_a_lifecycle_rule_is_renamed_there_and_back() -> None:
    rule = {"ID": "a", "Transition": [{"Days": "1", "StorageClass": "GLACIER"}]}
    params = params_to_cos("PutBucketLifecycle", {"LifecycleConfiguration": {"Rule": [rule]}})
    document = params["LifecycleConfiguration"]
    assert document["Rule"][0]["Transition"] == [{"Days": "1", "StorageClass": "ARCHIVE"}]
    assert result_to_s3("GetBucketLifecycle", document) == {"Rule": [rule]}


def test_a_tier_of_a_restore_is_found_in_either_place() -> None:
    for request in ({"GlacierJobParameters": {"Tier": "Bulk"}}, {"Tier": "Bulk"}):
        params = params_to_cos("RestoreObject", {"RestoreRequest": {"Days": 1, **request}})
        assert params["RestoreRequest"] == {"Days": 1, "CASJobParameters": {"Tier": "Bulk"}}


def test_the_version_of_a_copy_stands_in_a_header() -> None:
    copied = {"ETag": '"e"', "CRC64": "1", "LastModified": "d", "VersionId": "v"}
    response = encode_result(s3.COPY_OBJECT, result_to_s3("CopyObject", copied))
    assert response.headers["x-cos-version-id"] == "v"
    assert response.body.endswith(
        b'<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"e"</ETag>'
        b"<LastModified>d</LastModified></CopyObjectResult>"
    )


def test_a_version_of_a_bucket_without_versions_is_null() -> None:
    entry = {"Key": "k", "VersionId": None, "StorageClass": "ARCHIVE"}
    returned = result_to_s3("ListObjectsVersions", {"Version": [entry], "DeleteMarker": []})
    assert returned["Version"] == [{"Key": "k", "VersionId": "null", "StorageClass": "GLACIER"}]
