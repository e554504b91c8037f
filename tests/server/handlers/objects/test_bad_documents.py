"""Bad XML: each document has its status and code, and changes nothing."""

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.bad_requests import Bad, refuse
from tests.server.support.http_client import HTTPClient

BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<Delete><Object><Key>&b;</Key></Object></Delete>"
)
OUTSIDE = (
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<Delete><Object><Key>&x;</Key></Object></Delete>"
)
MANY = b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>"


def document(about: str, target: str, body: bytes, code: str = "MalformedXML") -> Bad:
    """Return a row with a document whose MD5 is right."""
    method = "POST" if "delete" in target else "PUT"
    return Bad(about, method, target, 400, code, {"content-md5": content_md5(body)}, body)


def tags(*pairs: tuple[str, str]) -> bytes:
    """Return a Tagging document."""
    inner = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs)
    return f"<Tagging><TagSet>{inner}</TagSet></Tagging>".encode()


def grant(who: str, permission: str) -> bytes:
    """Return an AccessControlPolicy document with one grant."""
    return (
        f"<AccessControlPolicy><Owner><ID>1250000000</ID></Owner><AccessControlList><Grant>"
        f"<Grantee>{who}</Grantee><Permission>{permission}</Permission>"
        f"</Grant></AccessControlList></AccessControlPolicy>"
    ).encode()


DOCUMENTS = [
    document("cut off", "/ROOM/?delete", b"<Delete><Object><Key>kept</Key></Object>"),
    document("no XML", "/ROOM/?delete", b"kept"),
    document("another root", "/ROOM/?delete", b"<Remove><Object><Key>kept</Key></Object></Remove>"),
    document("an entity bomb", "/ROOM/?delete", BOMB),
    document("an outside entity", "/ROOM/?delete", OUTSIDE),
    document(
        "a DTD", "/ROOM/?delete", b"<!DOCTYPE a><Delete><Object><Key>kept</Key></Object></Delete>"
    ),
    document(
        "an unknown encoding", "/ROOM/?delete", b"<?xml version='1.0' encoding='x'?><Delete/>"
    ),
    document("not UTF-8", "/ROOM/?delete", b"<Delete><Object><Key>\xff</Key></Object></Delete>"),
    document("a NUL", "/ROOM/?delete", b"<Delete><Object><Key>\x00</Key></Object></Delete>"),
    document("no object", "/ROOM/?delete", b"<Delete><Quiet>true</Quiet></Delete>"),
    document("an object without key", "/ROOM/?delete", b"<Delete><Object/></Delete>"),
    document("an empty key", "/ROOM/?delete", b"<Delete><Object><Key/></Object></Delete>"),
    document("1001 objects", "/ROOM/?delete", MANY),
    document("an empty document", "/ROOM/?delete", b"", "MissingRequestBodyError"),
    document("blanks only", "/ROOM/?delete", b" \n", "MissingRequestBodyError"),
    document(
        "a document above 4 MiB", "/ROOM/?delete", b"<Delete>" + b" " * (4 << 20), "XMLSizeLimit"
    ),
    document(
        "an unknown state",
        "/ROOM/?versioning",
        b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>",
    ),
    document("no state", "/ROOM/?versioning", b"<VersioningConfiguration/>"),
    document(
        "11 tags", "/ROOM/kept?tagging", tags(*((f"k{n}", "v") for n in range(11))), "InvalidTag"
    ),
    document("a tag twice", "/ROOM/kept?tagging", tags(("k", "1"), ("k", "2")), "InvalidTag"),
    document("an empty tag key", "/ROOM/kept?tagging", tags(("", "v")), "InvalidTag"),
    document("a long tag key", "/ROOM/kept?tagging", tags(("k" * 129, "v")), "InvalidTag"),
    document("a long tag value", "/ROOM/kept?tagging", tags(("k", "v" * 257)), "InvalidTag"),
    document("a bad tag character", "/ROOM/kept?tagging", tags(("k", "v!")), "InvalidTag"),
    document(
        "a tag without value",
        "/ROOM/kept?tagging",
        b"<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>",
    ),
    document("no tag set", "/ROOM/kept?tagging", b"<Tagging/>"),
    document("a grant to nobody", "/ROOM/kept?acl", grant("", "READ"), "InvalidArgument"),
    document("an unknown permission", "/ROOM/kept?acl", grant("<ID>1</ID>", "ALL")),
    document(
        "a version in another case",
        "/ROOM/?delete",
        b"<Delete><Object><Key>kept</Key><versionId>v</versionId></Object></Delete>",
    ),
    document(
        "an ETag, which only S3 heeds",
        "/ROOM/?delete",
        b"<Delete><Object><Key>kept</Key><ETag>e</ETag></Object></Delete>",
    ),
    document(
        "a version as an attribute",
        "/ROOM/?delete",
        b'<Delete><Object VersionId="v"><Key>kept</Key></Object></Delete>',
    ),
    document(
        "two keys of one object",
        "/ROOM/?delete",
        b"<Delete><Object><Key>kept</Key><Key>other</Key></Object></Delete>",
    ),
    document(
        "a quiet that is neither",
        "/ROOM/?delete",
        b"<Delete><Quiet>on</Quiet><Object><Key>kept</Key></Object></Delete>",
    ),
    document(
        "tags in the form of boto3",
        "/ROOM/kept?tagging",
        b"<Tagging><TagSet><Tags><Key>k</Key><Value>v</Value></Tags></TagSet></Tagging>",
    ),
    document("text for tags", "/ROOM/kept?tagging", b"<Tagging><TagSet>k=v</TagSet></Tagging>"),
    document("two tag sets", "/ROOM/kept?tagging", b"<Tagging><TagSet/><TagSet/></Tagging>"),
    document(
        "a state beside one that is unknown",
        "/ROOM/?versioning",
        b"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>"
        b"</VersioningConfiguration>",
    ),
    *(
        document(
            f"a lifecycle rule with {chosen.decode()}",
            "/ROOM/?lifecycle",
            b"<LifecycleConfiguration><Rule><Status>Enabled</Status>"
            + chosen
            + b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
        )
        for chosen in (
            b"",
            b"<prefix>tmp/</prefix>",
            b"<Filter>tmp/</Filter>",
            b"<Filter><prefix>tmp/</prefix></Filter>",
            b"<Filter/><Prefix>tmp/</Prefix>",
            b"<Filter><Prefix>tmp/</Prefix></Filter><Filter/>",
            b"<Filter><And><Prefix>tmp/</Prefix></And></Filter>",
            b"<Filter><And/></Filter>",
            b"<Filter><Prefix>tmp/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></Filter>",
        )
    ),
    document(
        "an ACL of a bucket without grantee", "/ROOM/?acl", grant("", "WRITE"), "InvalidArgument"
    ),
    Bad(
        "no Content-MD5",
        "POST",
        "/ROOM/?delete",
        400,
        "InvalidRequest",
        {},
        b"<Delete><Object><Key>kept</Key></Object></Delete>",
    ),
    Bad(
        "the MD5 of another document",
        "POST",
        "/ROOM/?delete",
        400,
        "BadDigest",
        {"content-md5": content_md5(b"")},
        b"<Delete><Object><Key>kept</Key></Object></Delete>",
    ),
    Bad(
        "a malformed MD5",
        "POST",
        "/ROOM/?delete",
        400,
        "InvalidDigest",
        {"content-md5": "kept"},
        b"<Delete><Object><Key>kept</Key></Object></Delete>",
    ),
    Bad(
        "an ACL both ways",
        "PUT",
        "/ROOM/kept?acl",
        400,
        "InvalidRequest",
        {"x-cos-acl": "private"},
        grant("<ID>1</ID>", "READ"),
    ),
]


@pytest.mark.parametrize("row", DOCUMENTS, ids=lambda row: row.about)
def test_it_is_refused_and_changes_nothing(http_client: HTTPClient, room: str, row: Bad) -> None:
    refuse(http_client, room, row)


def test_a_key_that_no_object_can_have_gets_no_delete_marker(
    http_client: HTTPClient, bucket: str
) -> None:
    enable = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert http_client.request("PUT", f"/{bucket}/?versioning", {}, enable).status == 200
    keys = ("/slash", "k" * 851)
    body = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    raw = f"<Delete>{body}</Delete>".encode()
    reply = http_client.request(
        "POST", f"/{bucket}/?delete", {"content-md5": content_md5(raw)}, raw
    )
    assert reply.status == 200
    assert reply.text("Deleted") == "<Key>/slash</Key>"
    assert reply.text("Error").startswith(f"<Key>{keys[1]}</Key><Code>KeyTooLong</Code>")
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []
