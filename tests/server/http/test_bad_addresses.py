"""Bad paths, queries and methods: each has its status and code, and changes nothing."""

import pytest

from tests.server.support.bad_requests import Bad, refuse
from tests.server.support.http_client import HTTPClient

ADDRESSES = [
    Bad("a key of 851 bytes", "PUT", "/ROOM/" + "k" * 851, 400, "KeyTooLong", {}, b"x"),
    Bad(
        "851 bytes in fewer characters",
        "PUT",
        "/ROOM/" + "%E4%B8%AD" * 284,
        400,
        "KeyTooLong",
        {},
        b"x",
    ),
    Bad("a key that starts with a slash", "PUT", "/ROOM//k", 400, "InvalidURI", {}, b"x"),
    Bad("a key that starts with a backslash", "PUT", "/ROOM/%5Ck", 400, "InvalidURI", {}, b"x"),
    Bad("the control character 0x18", "PUT", "/ROOM/a%18", 400, "InvalidURI", {}, b"x"),
    Bad("the control character 0x1B", "PUT", "/ROOM/%0A%1B", 400, "InvalidURI", {}, b"x"),
    Bad("a path that is not UTF-8", "PUT", "/ROOM/%FF", 400, "InvalidURI", {}, b"x"),
    Bad("a surrogate in UTF-8", "PUT", "/ROOM/%ED%A0%80", 400, "InvalidURI", {}, b"x"),
    Bad("an overlong slash", "PUT", "/ROOM/%C0%AF", 400, "InvalidURI", {}, b"x"),
    Bad("a query that is not UTF-8", "GET", "/ROOM/?prefix=%FF", 400, "InvalidURI"),
    Bad("a query name that is not UTF-8", "GET", "/ROOM/?%FF", 400, "InvalidURI"),
    Bad("raw bytes in the path", "GET", b"/ROOM/\xe4\xb8\xad", 400, "InvalidRequest"),
    Bad("a raw NUL", "GET", b"/ROOM/\x00", 400, "InvalidRequest"),
    Bad("an escape cut off", "GET", "/ROOM/%", 404, "NoSuchKey"),
    Bad("an escape that is none", "GET", "/ROOM/%zz", 404, "NoSuchKey"),
    Bad("a NUL in a bucket's name", "GET", "/%00/", 404, "NoSuchBucket"),
    Bad("a key without bucket", "GET", "//kept", 400, "InvalidURI"),
    Bad("a host of bad bytes", "GET", "/kept", 400, "InvalidURI", {"host": "\udcff.localhost"}),
    Bad("a missing bucket", "PUT", "/none-1250000000/new", 404, "NoSuchBucket", {}, b"x"),
    Bad("a bucket in capitals", "PUT", "/Room-1250000000/", 400, "InvalidBucketName"),
    Bad("a bucket that starts with a hyphen", "PUT", "/-room/", 400, "InvalidBucketName"),
    Bad("a bucket with a dot", "PUT", "/a.b-1250000000/", 400, "InvalidBucketName"),
    Bad("a bucket with an underscore", "PUT", "/a_b-1250000000/", 400, "InvalidBucketName"),
    Bad("a bucket of 51 characters", "PUT", f"/{'b' * 51}/", 400, "InvalidBucketName"),
    Bad("the same bucket again", "PUT", "/ROOM/", 409, "BucketAlreadyOwnedByYou"),
    Bad(
        "a bucket in zones that there are not",
        "PUT",
        "/az-1250000000/",
        400,
        "InvalidArgument",
        {},
        b"<CreateBucketConfiguration><BucketAZConfig>XAZ</BucketAZConfig></CreateBucketConfiguration>",
    ),
    Bad(
        "a bucket with bad tags",
        "PUT",
        "/tagged-1250000000/",
        400,
        "InvalidTag",
        {"x-cos-tagging": "a=b&a=c"},
    ),
    Bad("a bucket with something in it", "DELETE", "/ROOM/", 409, "BucketNotEmpty"),
    Bad("CORS without rules", "GET", "/ROOM/?cors", 404, "NoSuchCORSConfiguration"),
    Bad("no lifecycle", "GET", "/ROOM/?lifecycle", 404, "NoSuchLifecycleConfiguration"),
    Bad("a policy", "GET", "/ROOM/?policy=", 404, "NoSuchBucketPolicy"),
    Bad("list-type 2", "GET", "/ROOM/?list-type=2", 501, "NotImplemented"),
    Bad("tags of a bucket without any", "GET", "/ROOM/?tagging", 404, "NoSuchTagSet"),
    Bad(
        "a restore",
        "POST",
        "/ROOM/kept?restore",
        405,
        "RestoreNonArchiveObject",
        {},
        b"<RestoreRequest><Days>1</Days></RestoreRequest>",
    ),
    Bad("POST on a key", "POST", "/ROOM/kept", 405, "MethodNotAllowed", {}, b""),
    Bad("PATCH on a key", "PATCH", "/ROOM/kept", 405, "MethodNotAllowed", {}, b""),
    Bad("PUT on the service", "PUT", "/", 405, "MethodNotAllowed", {}, b""),
    Bad("DELETE of an ACL", "DELETE", "/ROOM/kept?acl", 405, "MethodNotAllowed"),
    Bad("POST of versioning", "POST", "/ROOM/?versioning", 405, "MethodNotAllowed", {}, b""),
    Bad("GET of delete", "GET", "/ROOM/?delete", 405, "MethodNotAllowed"),
    Bad("two sub-resources", "GET", "/ROOM/?versions&uploads", 400, "InvalidArgument"),
    Bad("an OPTIONS without rules", "OPTIONS", "/ROOM/kept", 403, "AccessForbidden"),
    Bad("an unknown method", "BREW", "/ROOM/kept", 400, "InvalidRequest"),
    Bad("a long delimiter", "GET", "/ROOM/?delimiter=ab", 400, "InvalidDelimiter"),
    Bad("negative max-keys", "GET", "/ROOM/?max-keys=-1", 400, "InvalidArgument"),
    Bad("max-keys in letters", "GET", "/ROOM/?max-keys=all", 400, "InvalidArgument"),
    Bad("max-keys in other digits", "GET", "/ROOM/?max-keys=%E0%A5%A7", 400, "InvalidArgument"),
    Bad("max-keys beyond numbers", "GET", "/ROOM/?max-keys=" + "9" * 5000, 400, "InvalidArgument"),
    Bad("an unknown encoding-type", "GET", "/ROOM/?encoding-type=xml", 400, "InvalidArgument"),
    Bad(
        "a version marker that is none",
        "GET",
        "/ROOM/?versions&key-marker=a&version-id-marker=b",
        400,
        "InvalidArgument",
    ),
    Bad("create-time in letters", "GET", "/?create-time=now", 400, "InvalidArgument"),
    Bad(
        "a line break for a header",
        "GET",
        "/ROOM/kept?response-content-type=a%0D%0Ab",
        400,
        "InvalidArgument",
    ),
    Bad("a NUL for a header", "GET", "/ROOM/kept?response-expires=%00", 400, "InvalidArgument"),
    Bad(
        "a version where there are none",
        "GET",
        "/ROOM/kept?versionId=a",
        400,
        "BucketVersionNotOpen",
    ),
]


@pytest.mark.parametrize("row", ADDRESSES, ids=lambda row: row.about)
def test_it_is_refused_and_changes_nothing(http_client: HTTPClient, room: str, row: Bad) -> None:
    refuse(http_client, room, row)


def test_a_key_of_850_bytes_is_allowed(http_client: HTTPClient, bucket: str) -> None:
    key = "%E4%B8%AD" * 283 + "x"
    assert http_client.request("PUT", f"/{bucket}/{key}", {}, b"long").status == 200
    assert http_client.request("GET", f"/{bucket}/{key}").body == b"long"
