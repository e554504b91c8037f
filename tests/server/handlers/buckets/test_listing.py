"""Listings, field for field: objects, versions, uploads, parts, buckets."""

import re

import pytest

from tests.server.support.http_client import OWNER, HTTPClient

KEYS = ("a", "b/1", "b/2", "c d", "e/f/1", "e/g", "z&<z>")
ETAG = '"9dd4e461268c8034f5c8564e155c67a6"'  # of b"x"
DATE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
UPLOAD_ID = re.compile(rb"<UploadId>[^<]+")


@pytest.fixture(scope="module")
def shelf(http_client: HTTPClient) -> str:
    """Create a bucket that is only listed."""
    name = "shelf-1250000000"
    assert http_client.request("PUT", f"/{name}/").status == 200
    for key in KEYS:
        target = key.replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
        assert http_client.request("PUT", f"/{name}/{target}", {}, b"x").status == 200
    return name


def entry(key: str) -> str:
    """Return how a listing shows an object."""
    return (
        f"<Contents><Key>{key}</Key><LastModified>DATE</LastModified><ETag>{ETAG}</ETag>"
        f"<Size>1</Size><Owner><ID>{OWNER}</ID><DisplayName>{OWNER}</DisplayName></Owner>"
        f"<StorageClass>STANDARD</StorageClass></Contents>"
    )


def page(head: str, *rest: str) -> bytes:
    """Return a listing of the shelf."""
    inner = f"<Name>shelf-1250000000</Name>{head}{''.join(rest)}"
    text = f"<ListBucketResult>{inner}</ListBucketResult>"
    return b"<?xml version='1.0' encoding='utf-8' ?>\n" + text.encode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "prefix=b/",
            page(
                "<Prefix>b/</Prefix><Marker/><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>",
                entry("b/1"),
                entry("b/2"),
            ),
        ),
        (
            "max-keys=1",
            page(
                "<Prefix/><Marker/><MaxKeys>1</MaxKeys><IsTruncated>true</IsTruncated>",
                "<NextMarker>a</NextMarker>",
                entry("a"),
            ),
        ),
        (
            "delimiter=/&max-keys=2&marker=a",
            page(
                "<Prefix/><Marker>a</Marker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>",
                "<IsTruncated>true</IsTruncated><NextMarker>c d</NextMarker>",
                "<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>",
                entry("c d"),
            ),
        ),
        (
            "delimiter=/&marker=b/&encoding-type=url&max-keys=9999",
            page(
                "<EncodingType>url</EncodingType><Prefix/><Marker>b/</Marker>",
                "<MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter><IsTruncated>false</IsTruncated>",
                "<CommonPrefixes><Prefix>e/</Prefix></CommonPrefixes>",
                entry("c%20d"),
                entry("z%26%3Cz%3E"),
            ),
        ),
        (
            "prefix=e/&delimiter=/",
            page(
                "<Prefix>e/</Prefix><Marker/><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter>",
                "<IsTruncated>false</IsTruncated>",
                "<CommonPrefixes><Prefix>e/f/</Prefix></CommonPrefixes>",
                entry("e/g"),
            ),
        ),
        (
            "marker=e/g",
            page(
                "<Prefix/><Marker>e/g</Marker><MaxKeys>1000</MaxKeys>",
                "<IsTruncated>false</IsTruncated>",
                entry("z&amp;&lt;z&gt;"),
            ),
        ),
        (
            "prefix=%01&delimiter=%02&marker=%03",
            page(
                "<Prefix>\ufffd</Prefix><Marker>\ufffd</Marker><MaxKeys>1000</MaxKeys>",
                "<Delimiter>\ufffd</Delimiter><IsTruncated>false</IsTruncated>",
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_page_of_objects(
    http_client: HTTPClient, shelf: str, query: str, expected: bytes
) -> None:
    reply = http_client.request("GET", f"/{shelf}/?{query}")
    assert DATE.sub(b"DATE", reply.body) == expected
    assert reply["Content-Type"] == "application/xml"


@pytest.mark.parametrize("size", range(1, 8))
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_join_to_the_whole(
    http_client: HTTPClient, shelf: str, size: int, delimiter: str
) -> None:
    found: list[str] = []
    marker = ""
    for _ in KEYS:
        query = f"max-keys={size}&delimiter={delimiter}&marker={marker}&encoding-type=url"
        reply = http_client.request("GET", f"/{shelf}/?{query}")
        shown = reply.texts("Key") + reply.texts("Prefix")
        assert len(shown) <= size
        found += shown
        marker = reply.text("NextMarker")
        if reply.text("IsTruncated") == "false":
            break
    whole = ("a", "b/", "c%20d", "e/", "z%26%3Cz%3E") if delimiter else KEYS
    assert sorted(found) == sorted(
        k.replace(" ", "%20").replace("&<z>", "%26%3Cz%3E") for k in whole
    )


def test_versions_of_a_bucket_that_never_had_any(http_client: HTTPClient, shelf: str) -> None:
    reply = http_client.request("GET", f"/{shelf}/?versions&prefix=a&version-id-marker=%01")
    assert DATE.sub(b"DATE", reply.body).decode().partition("\n")[2] == (
        "<ListVersionsResult><Name>shelf-1250000000</Name><Prefix>a</Prefix><KeyMarker/>"
        "<VersionIdMarker>\ufffd</VersionIdMarker><MaxKeys>1000</MaxKeys>"
        "<IsTruncated>false</IsTruncated><Version><Key>a</Key><VersionId/><IsLatest>true</IsLatest>"
        f"<LastModified>DATE</LastModified><ETag>{ETAG}</ETag><Size>1</Size>"
        f"<StorageClass>STANDARD</StorageClass><Owner><ID>{OWNER}</ID>"
        f"<DisplayName>{OWNER}</DisplayName></Owner></Version></ListVersionsResult>"
    )


def test_unfinished_uploads_and_their_parts(http_client: HTTPClient, bucket: str) -> None:
    uploads = []
    for key in ("a", "b", "b", "c/1"):
        headers = {"x-cos-storage-class": "STANDARD_IA"}
        uploads.append(
            http_client.request("POST", f"/{bucket}/{key}?uploads", headers).text("UploadId")
        )
    for number in (3, 1, 2):
        http_client.request(
            "PUT", f"/{bucket}/a?partNumber={number}&uploadId={uploads[0]}", {}, b"x"
        )
    who = f"<ID>{OWNER}</ID><DisplayName>{OWNER}</DisplayName>"

    listed = http_client.request("GET", f"/{bucket}/?uploads&max-uploads=1&delimiter=/")
    body = DATE.sub(b"DATE", UPLOAD_ID.sub(b"<UploadId>ID", listed.body)).decode()
    assert body.partition("\n")[2] == (
        f"<ListMultipartUploadsResult><Bucket>{bucket}</Bucket><KeyMarker/><UploadIdMarker/>"
        f"<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>{uploads[0]}</NextUploadIdMarker>"
        "<MaxUploads>1</MaxUploads><IsTruncated>true</IsTruncated><Prefix/>"
        "<Delimiter>/</Delimiter><Upload><Key>a</Key><UploadId>ID</UploadId>"
        f"<StorageClass>STANDARD_IA</StorageClass><Initiator>{who}</Initiator>"
        f"<Owner>{who}</Owner><Initiated>DATE</Initiated></Upload></ListMultipartUploadsResult>"
    )
    rest = http_client.request(
        "GET", f"/{bucket}/?uploads&key-marker=b&upload-id-marker={min(uploads[1:3])}"
    )
    assert rest.texts("Key") == ["b", "c/1"]
    alone = http_client.request("GET", f"/{bucket}/?uploads&upload-id-marker=%01&delimiter=/")
    assert (alone.texts("Key"), alone.text("CommonPrefixes")) == (
        ["a", "b", "b"],
        "<Prefix>c/</Prefix>",
    )

    parts = http_client.request(
        "GET", f"/{bucket}/a?uploadId={uploads[0]}&max-parts=1&part-number-marker=1"
    )
    assert DATE.sub(b"DATE", parts.body).decode().partition("\n")[2] == (
        f"<ListPartsResult><Bucket>{bucket}</Bucket><EncodingType/><Key>a</Key>"
        f"<UploadId>{uploads[0]}</UploadId><Owner>{who}</Owner>"
        f"<PartNumberMarker>1</PartNumberMarker><Initiator>{who}</Initiator><Part>"
        f"<PartNumber>2</PartNumber><LastModified>DATE</LastModified><ETag>{ETAG}</ETag>"
        "<Size>1</Size></Part><NextPartNumberMarker>2</NextPartNumberMarker>"
        "<StorageClass>STANDARD_IA</StorageClass><MaxParts>1</MaxParts>"
        "<IsTruncated>true</IsTruncated></ListPartsResult>"
    )


def test_buckets_page_by_page(http_client: HTTPClient, shelf: str, room: str) -> None:
    whole = http_client.request("GET", "/")
    names = whole.texts("Name")
    assert {shelf, room} <= set(names)
    assert names == sorted(names)
    first = http_client.request("GET", "/?max-keys=1")
    assert (first.texts("Name"), first.text("NextMarker")) == (names[:1], names[0])
    assert http_client.request("GET", f"/?marker={names[0]}").texts("Name") == names[1:]
    for query in ("region=ap-elsewhere", "create-time=0&range=lt", "create-time=99999999999"):
        none = http_client.request("GET", f"/?{query}")
        assert (none.texts("Name"), none.status) == ([], 200)
