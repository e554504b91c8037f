"""Headers and elements that only responses in the S3 dialect have, and its refusals."""

import pytest

from coskit.protocol.codec.dates import parse_http_date
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, OTHER, account_client
from tests.server.support.http_client import OWNER, Headers, HTTPClient
from tests.server.support.s3 import request_s3

VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
DAY = 86_400_000


def rule(inner: str) -> bytes:
    """Return a lifecycle configuration with one rule."""
    body = f"<Rule><Status>Enabled</Status>{inner}</Rule>"
    return f"<LifecycleConfiguration>{body}</LifecycleConfiguration>".encode()


def test_a_response_says_when_a_rule_will_remove_the_object(
    http_client: HTTPClient, bucket: str
) -> None:
    inner = (
        "<ID>soon</ID><Filter><Prefix>tmp/</Prefix></Filter><Expiration><Days>2</Days></Expiration>"
    )
    assert request_s3(http_client, "PUT", f"/{bucket}/?lifecycle", {}, rule(inner)).status == 200
    put = request_s3(http_client, "PUT", f"/{bucket}/tmp/a", {}, b"1")
    assert put["x-amz-expiration"].endswith('", rule-id="soon"')
    moment = parse_http_date(put["x-amz-expiration"].split('"')[1])
    head = request_s3(http_client, "HEAD", f"/{bucket}/tmp/a")
    stored = parse_http_date(head["Last-Modified"])
    assert moment is not None
    assert stored is not None
    assert (moment % DAY, 2 * DAY < moment - stored <= 3 * DAY) == (0, True)
    assert head["x-amz-expiration"] == put["x-amz-expiration"]
    assert "x-amz-expiration" not in request_s3(http_client, "PUT", f"/{bucket}/kept", {}, b"1")
    assert "x-amz-expiration" not in http_client.request("HEAD", f"/{bucket}/tmp/a")


def test_a_rule_without_a_name_gets_one_that_is_free(http_client: HTTPClient, bucket: str) -> None:
    named = "<Status>Enabled</Status><Filter/><Expiration><Days>9</Days></Expiration>"
    document = f"<Rule><ID>rule-1</ID>{named}</Rule><Rule>{named}</Rule>"
    body = f"<LifecycleConfiguration>{document}</LifecycleConfiguration>".encode()
    assert request_s3(http_client, "PUT", f"/{bucket}/?lifecycle", {}, body).status == 200
    reply = request_s3(http_client, "GET", f"/{bucket}/?lifecycle")
    assert (reply.body.count(b"<ID>rule-1</ID>"), reply.body.count(b"<ID>rule-2</ID>")) == (1, 1)


def test_a_rule_begins_at_midnight(http_client: HTTPClient, bucket: str) -> None:
    inner = "<Filter/><Expiration><Date>2030-01-01T10:00:00Z</Date></Expiration>"
    reply = request_s3(http_client, "PUT", f"/{bucket}/?lifecycle", {}, rule(inner))
    assert reply.outcome == (400, "InvalidArgument")


def test_a_rule_comes_back_with_its_sizes_and_what_it_spares(
    http_client: HTTPClient, bucket: str
) -> None:
    inner = (
        "<Filter><And><Prefix>a</Prefix><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan>"
        "<ObjectSizeLessThan>99</ObjectSizeLessThan></And></Filter><NoncurrentVersionExpiration>"
        "<NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>5</NewerNoncurrentVersions>"
        "</NoncurrentVersionExpiration>"
    )
    assert request_s3(http_client, "PUT", f"/{bucket}/?lifecycle", {}, rule(inner)).status == 200
    reply = request_s3(http_client, "GET", f"/{bucket}/?lifecycle")
    returned = {
        tag: reply.text(tag)
        for tag in ("ObjectSizeGreaterThan", "ObjectSizeLessThan", "NewerNoncurrentVersions")
    }
    assert list(returned.values()) == ["10", "99", "5"]


def test_the_tags_of_an_object_are_counted(http_client: HTTPClient, bucket: str) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/k", {"x-amz-tagging": "b=1&a"}, b"1")
    assert request_s3(http_client, "HEAD", f"/{bucket}/k")["x-amz-tagging-count"] == "2"
    assert "x-amz-tagging-count" not in request_s3(http_client, "PUT", f"/{bucket}/plain", {}, b"1")
    listed = request_s3(http_client, "GET", f"/{bucket}/k?tagging").body
    assert listed.index(b"<Key>a</Key>") < listed.index(b"<Key>b</Key>")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_key_is_said_to_be_deleted_rather_than_unknown(
    http_client: HTTPClient, bucket: str, method: str
) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/?versioning", {}, VERSIONED)
    request_s3(http_client, "PUT", f"/{bucket}/gone", {}, b"1")
    request_s3(http_client, "PUT", f"/{bucket}/gone-too", {}, b"1")
    request_s3(http_client, "DELETE", f"/{bucket}/gone")
    reply = request_s3(http_client, method, f"/{bucket}/gone")
    assert (reply.status, reply["x-amz-delete-marker"]) == (404, "true")
    assert "x-amz-delete-marker" not in request_s3(http_client, method, f"/{bucket}/go")


def test_a_head_may_be_of_a_range(http_client: HTTPClient, bucket: str) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/k", {}, b"0123456789")
    reply = request_s3(http_client, "HEAD", f"/{bucket}/k", {"range": "bytes=2-4"})
    assert (reply.status, reply["Content-Length"]) == (206, "3")
    assert reply["Content-Range"] == "bytes 2-4/10"
    assert request_s3(http_client, "HEAD", f"/{bucket}/k", {"range": "bytes=10-"}).status == 416
    assert (
        http_client.request("HEAD", f"/{bucket}/k", {"range": "bytes=2-4"})["Content-Length"]
        == "10"
    )


def test_a_bucket_may_be_created_again_as_it_is(
    server: LocalServer, http_client: HTTPClient
) -> None:
    name, public = "created-twice-1250000000", {"x-amz-acl": "public-read"}
    place = b"<CreateBucketConfiguration><LocationConstraint>ap-local</LocationConstraint>"
    place += b"</CreateBucketConfiguration>"
    assert request_s3(http_client, "PUT", f"/{name}").status == 200
    try:
        request_s3(http_client, "PUT", f"/{name}/k", {}, b"1")
        assert request_s3(http_client, "PUT", f"/{name}").status == 200
        assert request_s3(http_client, "PUT", f"/{name}", public).outcome == (
            409,
            "BucketAlreadyExists",
        )
        owned = (409, "BucketAlreadyOwnedByYou")
        assert request_s3(http_client, "PUT", f"/{name}", {}, place).outcome == owned
        assert http_client.request("PUT", f"/{name}").outcome == owned
        stranger = request_s3(account_client(server, OTHER), "PUT", f"/{name}")
        assert stranger.outcome == (409, "BucketAlreadyExists")
        assert request_s3(http_client, "GET", f"/{name}/k").body == b"1"
    finally:
        request_s3(http_client, "DELETE", f"/{name}/k")
        request_s3(http_client, "DELETE", f"/{name}")


def test_uploads_end_with_their_bucket_but_not_before(http_client: HTTPClient) -> None:
    name = "left-with-uploads-1250000000"
    request_s3(http_client, "PUT", f"/{name}")
    request_s3(http_client, "PUT", f"/{name}/k", {}, b"1")
    upload = request_s3(http_client, "POST", f"/{name}/joined?uploads").text("UploadId")
    assert request_s3(http_client, "DELETE", f"/{name}").outcome == (409, "BucketNotEmpty")
    assert request_s3(http_client, "GET", f"/{name}/joined?uploadId={upload}").status == 200
    request_s3(http_client, "DELETE", f"/{name}/k")
    assert http_client.request("DELETE", f"/{name}").outcome == (409, "BucketNotEmpty")
    assert request_s3(http_client, "DELETE", f"/{name}").status == 204
    gone = request_s3(http_client, "GET", f"/{name}/")
    assert gone.outcome == (404, "NoSuchBucket")
    assert gone.text("Message") == "The specified bucket does not exist"


def test_the_expected_owner_of_a_bucket_is_checked(http_client: HTTPClient, bucket: str) -> None:
    header = "x-amz-expected-bucket-owner"
    assert request_s3(http_client, "GET", f"/{bucket}/", {header: OWNER}).status == 200
    refused = request_s3(http_client, "PUT", f"/{bucket}/k", {header: FRIEND}, b"1")
    assert refused.outcome == (403, "AccessDenied")
    assert request_s3(http_client, "HEAD", f"/{bucket}/k").status == 404


def test_an_acl_names_the_owner_once(
    server: LocalServer, http_client: HTTPClient, bucket: str
) -> None:
    account_client(server, FRIEND)
    request_s3(http_client, "PUT", f"/{bucket}/k", {"x-amz-grant-read": f"id={FRIEND}"}, b"1")
    given = request_s3(http_client, "GET", f"/{bucket}/k?acl")
    assert given.body.count(b"<Permission>") == 2
    assert request_s3(http_client, "PUT", f"/{bucket}/k?acl", {}, given.body).status == 200
    assert request_s3(http_client, "GET", f"/{bucket}/k?acl").body.count(b"<Permission>") == 2


def test_a_canned_acl_of_buckets_is_one_of_objects_too(
    http_client: HTTPClient, bucket: str
) -> None:
    public = {"x-amz-acl": "public-read-write"}
    assert request_s3(http_client, "PUT", f"/{bucket}/k", public, b"1").status == 200
    listed = request_s3(http_client, "GET", f"/{bucket}/k?acl").body
    assert listed.count(b"http://acs.amazonaws.com/groups/global/AllUsers") == 2
    cos = {"x-cos-acl": "public-read-write"}
    assert http_client.request("PUT", f"/{bucket}/k", cos, b"1").outcome == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET", "?versions&version-id-marker=abc", {}),
        ("GET", "?list-type=2&encoding-type=base64", {}),
        ("GET", "?uploads&encoding-type=base64", {}),
    ],
)
def test_a_listing_is_not_of_what_makes_no_sense(
    http_client: HTTPClient, bucket: str, method: str, target: str, headers: Headers
) -> None:
    reply = request_s3(http_client, method, f"/{bucket}/{target}", headers)
    assert reply.outcome == (400, "InvalidArgument")


def test_an_md5_that_says_nothing_is_wrong(http_client: HTTPClient, bucket: str) -> None:
    reply = request_s3(http_client, "PUT", f"/{bucket}/k", {"content-md5": ""}, b"1")
    assert reply.outcome == (400, "InvalidDigest")
    assert request_s3(http_client, "HEAD", f"/{bucket}/k").status == 404


def test_a_copy_onto_itself_may_say_again_what_it_is(http_client: HTTPClient, bucket: str) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/k", {}, b"1")
    source = {"x-amz-copy-source": f"/{bucket}/k"}
    assert request_s3(http_client, "PUT", f"/{bucket}/k", source).outcome == (400, "InvalidRequest")
    for again in ({"x-amz-storage-class": "STANDARD"}, {"x-amz-server-side-encryption": "AES256"}):
        assert request_s3(http_client, "PUT", f"/{bucket}/k", {**source, **again}).status == 200
    assert request_s3(http_client, "GET", f"/{bucket}/k").body == b"1"


def test_a_preflight_that_asks_nothing_is_malformed(http_client: HTTPClient, bucket: str) -> None:
    says_s3 = f"/{bucket}/k?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    assert http_client.request("OPTIONS", says_s3, signed=False).outcome == (400, "InvalidRequest")
    assert http_client.request("OPTIONS", f"/{bucket}/k", signed=False).outcome == (
        403,
        "AccessForbidden",
    )
