"""Versions, delete markers, copies, tags and archived objects after each request."""

import re

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.http_client import HTTPClient, Reply

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace(b"Enabled", b"Suspended")


def put(http_client: HTTPClient, bucket: str, key: str, body: bytes, **headers: str) -> Reply:
    """Store an object; underscores in header names are hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = http_client.request("PUT", f"/{bucket}/{key}", sent, body)
    assert reply.status == 200
    return reply


def versions(http_client: HTTPClient, bucket: str, query: str = "") -> list[tuple[str, str, bool]]:
    """Return kind, version id and whether it is the latest, of each line of the listing."""
    reply = http_client.request("GET", f"/{bucket}/?versions{query}")
    return [
        (kind, text.partition("<VersionId>")[2].partition("<")[0], "<IsLatest>true" in text)
        for kind in ("Version", "DeleteMarker")
        for text in reply.texts(kind)
    ]  # fmt: skip


def test_the_versioning_state_of_a_bucket_is_returned(http_client: HTTPClient, bucket: str) -> None:
    assert http_client.request("GET", f"/{bucket}/?versioning").body.endswith(
        b"<VersioningConfiguration></VersioningConfiguration>"
    )
    for state in (ENABLED, SUSPENDED, ENABLED):
        assert http_client.request("PUT", f"/{bucket}/?versioning", {}, state).status == 200
        assert http_client.request("GET", f"/{bucket}/?versioning").body.endswith(state)


def test_the_life_of_a_versioned_key(http_client: HTTPClient, bucket: str) -> None:
    address = f"/{bucket}/a"
    assert "x-cos-version-id" not in put(http_client, bucket, "a", b"before")
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    first = put(http_client, bucket, "a", b"first")["x-cos-version-id"]
    second = put(http_client, bucket, "a", b"second")["x-cos-version-id"]
    assert second < first, "ascending ids are newest first"
    assert versions(http_client, bucket) == [
        ("Version", second, True),
        ("Version", first, False),
        ("Version", "null", False),
    ]
    for version, body in ((first, b"first"), (second, b"second"), ("null", b"before")):
        got = http_client.request("GET", f"{address}?versionId={version}")
        assert (got.body, got["x-cos-version-id"]) == (body, version)

    deleted = http_client.request("DELETE", address)
    marker = deleted["x-cos-version-id"]
    assert (deleted.status, deleted["x-cos-delete-marker"]) == (204, "true")
    assert http_client.request("GET", address).outcome == (404, "NoSuchKey")
    assert http_client.request("GET", f"{address}?versionId={marker}").outcome == (404, "NoSuchKey")
    assert http_client.request("GET", f"{address}?versionId={first}").body == b"first"
    assert http_client.request("GET", f"/{bucket}/").texts("Key") == []

    undone = http_client.request("DELETE", f"{address}?versionId={marker}")
    assert (undone["x-cos-version-id"], undone["x-cos-delete-marker"]) == (marker, "true")
    assert http_client.request("GET", address).body == b"second"
    gone = http_client.request("DELETE", f"{address}?versionId={second}")
    assert gone["x-cos-version-id"] == second
    assert "x-cos-delete-marker" not in gone
    assert http_client.request("GET", address).body == b"first"
    assert http_client.request("GET", f"{address}?versionId={second}").outcome == (
        404,
        "NoSuchVersion",
    )


def test_versions_and_markers_are_listed_newest_first_whatever_they_are(
    http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    expected = []
    for key in ("a", "b"):
        made = [
            http_client.request(method, f"/{bucket}/{key}", {}, b"")["x-cos-version-id"]
            for method in ("PUT", "DELETE", "PUT", "PUT", "DELETE")
        ]
        expected += made[::-1]
    reply = http_client.request("GET", f"/{bucket}/?versions")
    assert reply.texts("VersionId") == expected
    kinds = re.findall(rb"<(Version|DeleteMarker)>", reply.body)
    assert kinds == [b"DeleteMarker", b"Version", b"Version", b"DeleteMarker", b"Version"] * 2
    assert reply.texts("IsLatest") == ["true", *["false"] * 4] * 2


def test_a_suspended_bucket_has_one_null_version(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    kept = put(http_client, bucket, "a", b"kept")["x-cos-version-id"]
    http_client.request("PUT", f"/{bucket}/?versioning", {}, SUSPENDED)
    for body in (b"one", b"two"):
        assert "x-cos-version-id" not in put(http_client, bucket, "a", body)
    assert versions(http_client, bucket) == [("Version", "null", True), ("Version", kept, False)]
    deleted = http_client.request("DELETE", f"/{bucket}/a")
    assert (deleted["x-cos-delete-marker"], deleted["x-cos-version-id"]) == ("true", "null")
    assert versions(http_client, bucket) == [
        ("Version", kept, False),
        ("DeleteMarker", "null", True),
    ]


def test_pages_of_versions(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    ids = [put(http_client, bucket, "a", b"x")["x-cos-version-id"] for _ in range(3)][::-1]
    other = put(http_client, bucket, "b", b"x")["x-cos-version-id"]
    first = http_client.request("GET", f"/{bucket}/?versions&max-keys=2")
    assert first.texts("VersionId") == ids[:2]
    assert (first.text("NextKeyMarker"), first.text("NextVersionIdMarker")) == ("a", ids[1])
    rest = versions(http_client, bucket, f"&key-marker=a&version-id-marker={ids[1]}")
    assert [version for _, version, _ in rest] == [ids[2], other]
    assert [version for _, version, _ in versions(http_client, bucket, "&key-marker=a")] == [other]


@pytest.mark.parametrize("version", ["none", "%0D%0A", "%00", "9" * 40, "%F0%9F%98%80", "null"])
def test_deleting_a_version_that_is_not_there(
    http_client: HTTPClient, bucket: str, version: str
) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    kept = put(http_client, bucket, "a", b"kept")["x-cos-version-id"]
    assert http_client.request("DELETE", f"/{bucket}/a?versionId={version}").status == 204
    assert versions(http_client, bucket) == [("Version", kept, True)]


def test_deleting_many_versions(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    version = put(http_client, bucket, "a", b"x")["x-cos-version-id"]
    put(http_client, bucket, "b", b"x")
    document = (
        f"<Delete><Object><Key>a</Key><VersionId>{version}</VersionId></Object>"
        "<Object><Key>b</Key></Object></Delete>"
    ).encode()
    headers = {"content-md5": content_md5(document)}
    reply = http_client.request("POST", f"/{bucket}/?delete", headers, document)
    ((_, marker, _),) = (
        line for line in versions(http_client, bucket) if line[0] == "DeleteMarker"
    )
    assert reply.texts("Deleted") == [
        f"<Key>a</Key><VersionId>{version}</VersionId>",
        f"<Key>b</Key><DeleteMarker>true</DeleteMarker>"
        f"<DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId>",
    ]
    quiet = document.replace(b"<Delete>", b"<Delete><Quiet>true</Quiet>")
    headers = {"content-md5": content_md5(quiet)}
    again = http_client.request("POST", f"/{bucket}/?delete", headers, quiet)
    assert again.body.endswith(b"<DeleteResult></DeleteResult>")


COPIED = {"content-type": "text/a", "x-cos-meta-a": "1", "x-cos-tagging": "t=1"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, {"Content-Type": "text/a", "x-cos-meta-a": "1"}),
        (
            {"x-cos-meta-a": "2", "content-type": "text/b"},
            {"Content-Type": "text/a", "x-cos-meta-a": "1"},
        ),
        (
            {"x-cos-metadata-directive": "Replaced", "x-cos-meta-b": "2"},
            {"Content-Type": "application/octet-stream", "x-cos-meta-b": "2"},
        ),
        (
            {"x-cos-storage-class": "STANDARD_IA"},
            {"x-cos-storage-class": "STANDARD_IA", "x-cos-meta-a": "1"},
        ),
    ],
)
def test_what_a_copy_takes_along(
    http_client: HTTPClient, bucket: str, headers: dict[str, str], expected: dict[str, str]
) -> None:
    source = {"x-cos-storage-class": "INTELLIGENT_TIERING", "x-cos-acl": "public-read"}
    assert http_client.request("PUT", f"/{bucket}/a", {**COPIED, **source}, b"body").status == 200
    sent = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/a", **headers}
    reply = http_client.request("PUT", f"/{bucket}/b", sent, b"")
    assert reply.status == 200
    got = http_client.request("GET", f"/{bucket}/b")
    assert (reply.text("ETag"), reply.text("CRC64")) == (got["ETag"], got["x-cos-hash-crc64ecma"])
    assert got.body == b"body"
    names = ("Content-Type", "x-cos-meta-a", "x-cos-meta-b", "x-cos-storage-class")
    found = {name: got[name] for name in names if name in got}
    assert found == {"Content-Type": found["Content-Type"], **expected}
    assert (
        http_client.request("GET", f"/{bucket}/b?tagging").text("Tag")
        == "<Key>t</Key><Value>1</Value>"
    )
    assert http_client.request("GET", f"/{bucket}/b", signed=False).status == 403, (
        "an ACL is never copied"
    )


def test_a_copy_onto_itself_that_changes_something(http_client: HTTPClient, bucket: str) -> None:
    put(http_client, bucket, "a", b"body", x_cos_meta_a="1")
    source = {"x-cos-copy-source": f"/{bucket}/a"}
    replaced = {**source, "x-cos-metadata-directive": "replaced", "x-cos-meta-a": "2"}
    assert http_client.request("PUT", f"/{bucket}/a", replaced, b"").status == 200
    assert http_client.request("HEAD", f"/{bucket}/a")["x-cos-meta-a"] == "2"
    cooler = {**source, "x-cos-storage-class": "STANDARD_IA"}
    assert http_client.request("PUT", f"/{bucket}/a", cooler, b"").status == 200
    assert http_client.request("HEAD", f"/{bucket}/a")["x-cos-storage-class"] == "STANDARD_IA"
    assert http_client.request("GET", f"/{bucket}/a").body == b"body"


def test_copies_of_versions_and_markers(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    old = put(http_client, bucket, "a", b"old")["x-cos-version-id"]
    put(http_client, bucket, "a", b"new")
    marker = http_client.request("DELETE", f"/{bucket}/a")["x-cos-version-id"]
    source = f"{bucket}.cos.ap-local.myqcloud.com/a"
    reply = http_client.request(
        "PUT", f"/{bucket}/b", {"x-cos-copy-source": f"{source}?versionId={old}"}, b""
    )
    assert reply["x-cos-copy-source-version-id"] == old
    got = http_client.request("GET", f"/{bucket}/b")
    assert (got.body, got["x-cos-version-id"]) == (b"old", reply.text("VersionId"))
    for text, outcome in [
        (source, (404, "NoSuchKey")),
        (f"{source}?versionId={marker}", (400, "InvalidRequest")),
        (f"{source}?versionId=none", (404, "NoSuchVersion")),
    ]:
        assert (
            http_client.request("PUT", f"/{bucket}/c", {"x-cos-copy-source": text}, b"").outcome
            == outcome
        )
    assert http_client.request("HEAD", f"/{bucket}/c").status == 404


def test_tags_are_put_read_and_removed(http_client: HTTPClient, bucket: str) -> None:
    put(http_client, bucket, "a", b"x", x_cos_tagging="a=1&b+c=%2B")
    tagging = f"/{bucket}/a?tagging"
    assert http_client.request("GET", tagging).texts("Tag") == [
        "<Key>a</Key><Value>1</Value>",
        "<Key>b c</Key><Value>+</Value>",
    ]
    document = b"<Tagging><TagSet><Tag><Key>k</Key><Value/></Tag></TagSet></Tagging>"
    assert (
        http_client.request("PUT", tagging, {"content-md5": content_md5(document)}, document).status
        == 200
    )
    assert http_client.request("GET", tagging).texts("Key") == ["k"]
    assert http_client.request("DELETE", tagging).status == 204
    assert http_client.request("GET", tagging).body.endswith(
        b"<Tagging><TagSet></TagSet></Tagging>"
    )
    assert http_client.request("GET", f"/{bucket}/none?tagging").outcome == (404, "NoSuchKey")


@pytest.mark.parametrize("tier", ["ARCHIVE", "deep_archive", "MAZ_ARCHIVE"])
def test_an_archived_object_is_known_but_not_read(
    http_client: HTTPClient, bucket: str, tier: str
) -> None:
    put(http_client, bucket, "a", b"cold", x_cos_storage_class=tier)
    refused = (403, "InvalidObjectState")
    got = http_client.request("GET", f"/{bucket}/a", {"range": "bytes=99-", "if-match": "x"})
    assert (got.outcome, got["x-cos-storage-class"]) == (refused, tier.upper())
    source = {"x-cos-copy-source": f"{bucket}.x/a"}
    assert http_client.request("PUT", f"/{bucket}/b", source, b"").outcome == refused
    upload = http_client.request("POST", f"/{bucket}/b?uploads").text("UploadId")
    part = http_client.request("PUT", f"/{bucket}/b?partNumber=1&uploadId={upload}", source, b"")
    assert part.outcome == refused
    head = http_client.request("HEAD", f"/{bucket}/a")
    assert (head.status, head["Content-Length"]) == (200, "4")
    assert http_client.request("GET", f"/{bucket}/").text("StorageClass") == tier.upper()
    put(http_client, bucket, "a", b"warm")
    assert http_client.request("GET", f"/{bucket}/a").body == b"warm"
    assert http_client.request("DELETE", f"/{bucket}/a").status == 204
