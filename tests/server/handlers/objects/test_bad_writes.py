"""Bad headers and bodies of writes and copies: each has its status and code, and writes nothing."""

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.bad_requests import Bad, refuse
from tests.server.support.http_client import HTTPClient

SOURCE = "ROOM.cos.ap-local.myqcloud.com/"


def put(about: str, status: int, code: str, **headers: str) -> Bad:
    """Return a row with a PUT of a new object; underscores in header names are hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bad(about, "PUT", "/ROOM/new", status, code, sent, b"body")


BODIES = [
    put("the MD5 of another body", 400, "BadDigest", content_md5=content_md5(b"other")),
    put("a short MD5", 400, "InvalidDigest", content_md5="AAAA"),
    put("an MD5 in hex", 400, "InvalidDigest", content_md5="d41d8cd98f00b204e9800998ecf8427e"),
    put("an MD5 that is no Base64", 400, "InvalidDigest", content_md5="\u4e2d"),
    Bad("no length", "PUT", "/ROOM/new", 411, "MissingContentLength"),
    Bad("no length for the old object", "PUT", "/ROOM/kept", 411, "MissingContentLength"),
    put("a body above 5 GB", 400, "EntityTooLarge", content_length=str((5 << 30) + 1)),
    put("an absurd length", 400, "EntityTooLarge", content_length="9" * 18),
    put("a length beyond numbers", 400, "InvalidRequest", content_length="9" * 40),
    put("a negative length", 400, "InvalidRequest", content_length="-1"),
    put("a length that is no number", 400, "InvalidRequest", content_length="four"),
    put("an unknown class", 400, "NotSupportedStorageClass", x_cos_storage_class="GOLD"),
    put("a class of bad bytes", 400, "NotSupportedStorageClass", x_cos_storage_class="\udcff"),
    put("an unknown canned ACL", 400, "InvalidArgument", x_cos_acl="public"),
    put("a bucket's canned ACL", 400, "InvalidArgument", x_cos_acl="public-read-write"),
    put("a grant without id", 400, "InvalidArgument", x_cos_grant_read="1250000000"),
    put("a grant to an empty id", 400, "InvalidArgument", x_cos_grant_read='id=""'),
    put("a grant to bad bytes", 400, "InvalidArgument", x_cos_grant_read='id="\udcff"'),
    put("a grant cut off", 400, "InvalidArgument", x_cos_grant_full_control='id="1",id="2'),
    put("101 grants", 400, "InvalidArgument", x_cos_grant_read=",".join(['id="1"'] * 101)),
    put("a tag without value", 400, "InvalidTag", x_cos_tagging="a"),
    put("a bad tag", 400, "InvalidTag", x_cos_tagging="a=%21"),
    put("a tag of bad bytes", 400, "InvalidTag", x_cos_tagging="a=\udcff"),
    put("11 tags", 400, "InvalidTag", x_cos_tagging="&".join(f"k{n}=v" for n in range(11))),
    put("a thousand tags", 400, "InvalidTag", x_cos_tagging="&".join(["k=v"] * 1000)),
    put(
        "metadata above 2 KB",
        400,
        "InvalidArgument",
        x_cos_meta_a="a" * 1024,
        x_cos_meta_b="b" * 1024,
    ),
    put(
        "SSE with a context",
        501,
        "NotImplemented",
        x_cos_server_side_encryption="cos/kms",
        x_cos_server_side_encryption_context="e30=",
    ),
    put("SSE of another kind", 400, "InvalidArgument", x_cos_server_side_encryption="aes"),
    put(
        "SSE with an own key that does not come",
        400,
        "InvalidArgument",
        x_cos_server_side_encryption_customer_algorithm="AES256",
    ),
    put("a traffic limit too low", 400, "InvalidArgument", x_cos_traffic_limit="819199"),
    put("forbid-overwrite, half said", 400, "InvalidArgument", x_cos_forbid_overwrite="yes"),
    put("If-Match where nothing is", 412, "PreconditionFailed", if_match="*"),
    Bad(
        "If-None-Match on a beginning upload",
        "POST",
        "/ROOM/new?uploads",
        501,
        "NotImplemented",
        {"if-none-match": "*"},
    ),
    put("Pic-Operations", 501, "NotImplemented", pic_operations="{}"),
    put("aws-chunked framing", 501, "NotImplemented", content_encoding="gzip, aws-chunked"),
    Bad(
        "SSE on GET",
        "GET",
        "/ROOM/kept",
        400,
        "InvalidArgument",
        {"x-cos-server-side-encryption-customer-key": "a"},
    ),
    Bad("If-Match on DELETE", "DELETE", "/ROOM/kept", 501, "NotImplemented", {"if-match": "*"}),
    Bad(
        "a form without a file",
        "POST",
        "/ROOM/",
        400,
        "IncorrectNumberOfFilesInPostRequest",
        {"content-type": "multipart/form-data; boundary=x"},
        b"--x--\r\n",
    ),
    Bad(
        "a form in capitals without a boundary",
        "POST",
        "/ROOM/",
        400,
        "MalformedPOSTRequest",
        {"content-type": "Multipart/Form-Data"},
        b"",
    ),
    Bad(
        "an append to an object made otherwise",
        "POST",
        "/ROOM/kept?append&position=4",
        409,
        "ObjectNotAppendable",
        {},
        b"x",
    ),
]


def copy(about: str, status: int, code: str, source: str, **headers: str) -> Bad:
    """Return a row with a copy to a new object."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bad(about, "PUT", "/ROOM/new", status, code, {"x-cos-copy-source": source, **sent}, b"")


COPIES = [
    copy("no key", 400, "InvalidCopySource", "ROOM.cos.ap-local.myqcloud.com"),
    copy("an empty key", 400, "InvalidCopySource", SOURCE),
    copy("no bucket", 400, "InvalidCopySource", "/"),
    copy("nothing", 400, "InvalidCopySource", ""),
    copy("not UTF-8", 400, "InvalidCopySource", SOURCE + "%FF"),
    copy("bad bytes", 400, "InvalidCopySource", SOURCE + "\udcff"),
    copy("a missing bucket", 404, "NoSuchBucket", "none-1.cos.ap-local.myqcloud.com/a"),
    copy("a missing key", 404, "NoSuchKey", SOURCE + "none"),
    copy("a missing version", 404, "NoSuchVersion", SOURCE + "kept?versionId=a"),
    copy(
        "an unknown directive",
        400,
        "InvalidArgument",
        SOURCE + "kept",
        x_cos_metadata_directive="Merge",
    ),
    copy(
        "a condition", 412, "PreconditionFailed", SOURCE + "kept", x_cos_copy_source_if_match='"a"'
    ),
    copy(
        "a condition met too well",
        412,
        "PreconditionFailed",
        SOURCE + "kept",
        x_cos_copy_source_if_none_match="*",
    ),
    copy(
        "the source's own key",
        400,
        "InvalidArgument",
        SOURCE + "kept",
        x_cos_copy_source_server_side_encryption_customer_key="a",
    ),
    Bad(
        "a copy onto itself",
        "PUT",
        "/ROOM/kept",
        400,
        "InvalidRequest",
        {"x-cos-copy-source": SOURCE + "kept"},
        b"",
    ),
]


@pytest.mark.parametrize("row", [*BODIES, *COPIES], ids=lambda row: row.about)
def test_it_is_refused_and_changes_nothing(http_client: HTTPClient, room: str, row: Bad) -> None:
    refuse(http_client, room, row)


def test_an_empty_header_counts_as_absent(http_client: HTTPClient, bucket: str) -> None:
    empty = dict.fromkeys(("x-cos-acl", "x-cos-storage-class", "content-md5"), "")
    assert http_client.request("PUT", f"/{bucket}/a", empty, b"x").status == 200
