"""Strict documents: unknown parts are refused, in a dict and in XML."""

from typing import Any

import pytest

from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.codec.xml.strict import nearest
from coskit.protocol.errors import MalformedXML, ParameterError
from coskit.protocol.model import TRUTHS, Operation, Shape
from coskit.protocol.operations import BY_NAME, OPERATIONS
from coskit.protocol.s3.operations import S3_OPERATIONS

S3 = {row.name: row for row in S3_OPERATIONS}
DOCUMENTED = [
    pytest.param(row, id=f"{dialect}-{row.name}")
    for dialect, rows in (("cos", OPERATIONS), ("s3", S3_OPERATIONS))
    for row in rows
    if row.body
]
TAG = {"Key": "k", "Value": "v"}
RULE = {"Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 1}}
GRANT = {"Grantee": {"ID": "1"}, "Permission": "READ"}
ACL = {"Owner": {"ID": "1"}, "AccessControlList": {"Grant": [GRANT]}}
SOURCE = {"Bucket": "s-1", "Key": "k", "Region": "ap-beijing"}
EVERY = {"Bucket": "b-1", "Key": "k", "UploadId": "u", "PartNumber": 1}


def lifecycle(**changes: Any) -> dict[str, Any]:
    return {"LifecycleConfiguration": {"Rule": [{**RULE, **changes}]}}


def grant(**changes: Any) -> dict[str, Any]:
    listed = {"Grant": [{**GRANT, **changes}]}
    return {"AccessControlPolicy": {**ACL, "AccessControlList": listed}}


# Keys of boto3, of other case, misspelt, in another place: what is named, and what was meant.
NOT_SENT: list[tuple[str, dict[str, Any], str, str]] = [
    ("PutBucketLifecycle", {"LifecycleConfiguration": {"Rules": []}}, "Rules", "Rule"),
    (
        "PutBucketLifecycle",
        {"LifecycleConfiguration": {"LifecycleConfiguration": {"Rule": [RULE]}}},
        "LifecycleConfiguration",
        "",
    ),
    ("PutBucketLifecycle", lifecycle(Filter={"prefix": "tmp/"}), "prefix", "Prefix"),
    ("PutBucketLifecycle", lifecycle(filter={"Prefix": "tmp/"}), "filter", "Filter"),
    ("PutBucketLifecycle", lifecycle(Filter={"Prefixes": "tmp/"}), "Prefixes", "Prefix"),
    ("PutBucketLifecycle", lifecycle(Filter={"And": {"Tags": [TAG]}}), "Tags", "Tag"),
    ("PutBucketLifecycle", lifecycle(Filter={"Tag": {"key": "k"}}), "key", "Key"),
    ("PutBucketLifecycle", lifecycle(Expiration={"days": 1}), "days", "Days"),
    ("PutBucketLifecycle", lifecycle(Expiration={"Day": 1}), "Day", "Days"),
    ("PutBucketLifecycle", lifecycle(Transitions=[]), "Transitions", "Transition"),
    ("PutBucketLifecycle", lifecycle(id="x"), "id", "ID"),
    (
        "PutBucketLifecycle",
        lifecycle(NoncurrentVersionTransitions=[]),
        "NoncurrentVersionTransitions",
        "NoncurrentVersionTransition",
    ),
    ("PutBucketLifecycle", lifecycle(Other=None), "Other", ""),
    ("PutBucketCors", {"CORSConfiguration": {"CORSRules": []}}, "CORSRules", "CORSRule"),
    (
        "PutBucketCors",
        {"CORSConfiguration": {"CORSRule": {"AllowedOrigins": ["*"]}}},
        "AllowedOrigins",
        "AllowedOrigin",
    ),
    ("PutObjectTagging", {"Tagging": {"Tags": [TAG]}}, "Tags", "TagSet"),
    ("PutObjectTagging", {"Tagging": {"Tag": [TAG]}}, "Tag", "TagSet"),
    ("PutObjectTagging", {"Tagging": {"TagSet": {"Tags": [TAG]}}}, "Tags", "Tag"),
    ("PutBucketTagging", {"Tagging": {"TagSet": {"tag": [TAG]}}}, "tag", "Tag"),
    ("DeleteObjects", {"Delete": {"Objects": [{"Key": "k"}]}}, "Objects", "Object"),
    ("DeleteObjects", {"Delete": {"Object": [{"key": "k"}]}}, "key", "Key"),
    (
        "DeleteObjects",
        {"Delete": {"Object": {"Key": "k", "versionId": "v"}}},
        "versionId",
        "VersionId",
    ),
    (
        "DeleteObjects",
        {"Delete": {"Object": [{"Key": "k", "VersionID": "v"}]}},
        "VersionID",
        "VersionId",
    ),
    ("DeleteObjects", {"Delete": {"Object": [{"Key": "k", "ETag": "e"}]}}, "ETag", ""),
    ("DeleteObjects", {"Delete": {"Object": [{"Key": "k"}], "quiet": "true"}}, "quiet", "Quiet"),
    (
        "PutObjectAcl",
        {"AccessControlPolicy": {"Grants": [GRANT]}},
        "Grants",
        "AccessControlList.Grant",
    ),
    (
        "PutBucketAcl",
        {"AccessControlPolicy": {**ACL, "Grant": [GRANT]}},
        "Grant",
        "AccessControlList.Grant",
    ),
    ("PutBucketAcl", {"AccessControlPolicy": {**ACL, "owner": {}}}, "owner", "Owner"),
    ("PutBucketAcl", grant(permission="READ"), "permission", "Permission"),
    ("PutBucketAcl", grant(Grantee={"Id": "1"}), "Id", "ID"),
    ("PutBucketAcl", grant(Grantee={"EmailAddress": "a@b"}), "EmailAddress", ""),
    ("CompleteMultipartUpload", {"MultipartUpload": {"Parts": []}}, "Parts", "Part"),
    (
        "CompleteMultipartUpload",
        {"MultipartUpload": {"Part": [{"PartNumber": 1, "Etag": "e"}]}},
        "Etag",
        "ETag",
    ),
    (
        "RestoreObject",
        {"RestoreRequest": {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}},
        "GlacierJobParameters",
        "CASJobParameters",
    ),
    ("RestoreObject", {"RestoreRequest": {"days": 1}}, "days", "Days"),
    ("CopyObject", {"CopySource": {**SOURCE, "versionId": "v"}}, "versionId", "VersionId"),
    ("CopyObject", {"CopySource": {**SOURCE, "key": "v"}}, "key", "Key"),
    ("UploadPartCopy", {"CopySource": {**SOURCE, "Version": "v"}}, "Version", "VersionId"),
]


def encode(name: str, given: dict[str, Any]) -> Any:
    row = BY_NAME[name]
    names = {param.name for param in row.params}
    return encode_request(row, {**{n: v for n, v in EVERY.items() if n in names}, **given})


@pytest.mark.parametrize(("name", "given", "key", "meant"), NOT_SENT)
def test_a_key_that_a_document_does_not_have_is_named_and_not_sent(
    name: str, given: dict[str, Any], key: str, meant: str
) -> None:
    with pytest.raises(ParameterError) as refusal:
        encode(name, given)
    words = str(refusal.value)
    assert f"has no {key!r}" in words
    assert words.endswith(f"; did you mean {meant}?") if meant else "did you mean" not in words


# The wrong kind of value where the name is right.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "PutObjectTagging",
        {"Tagging": {"TagSet": [TAG]}},
        r"Tagging.TagSet must be a dict {'Tag': \[...\]}",
    ),
    (
        "PutObjectTagging",
        {"Tagging": {"TagSet": {"Tag": ["k"]}}},
        r"TagSet.Tag\[0\] must be a dict",
    ),
    (
        "PutBucketLifecycle",
        {"LifecycleConfiguration": [RULE]},
        r"must be a dict {'Rule': \[...\]}, not list",
    ),
    (
        "PutBucketLifecycle",
        {"LifecycleConfiguration": {"Rule": [None]}},
        r"Rule\[0\] must be a dict",
    ),
    ("PutBucketLifecycle", lifecycle(Filter="tmp/"), r"Rule\[0\].Filter must be a dict, not str"),
    ("PutBucketLifecycle", lifecycle(Prefix=["a"]), "Prefix must be text or a number, not list"),
    ("PutBucketLifecycle", lifecycle(Prefix=True), "Prefix must be text or a number, not bool"),
    ("PutBucketLifecycle", lifecycle(Status="enabled"), "Status must be one of Enabled, Disabled"),
    ("PutBucketLifecycle", lifecycle(Status=True), "Status must be one of Enabled, Disabled"),
    (
        "PutBucketLifecycle",
        lifecycle(Expiration={"Days": "ten"}),
        "Days must be a number, not 'ten'",
    ),
    (
        "PutBucketLifecycle",
        lifecycle(Expiration={"Days": 1.5}),
        "Days must be text or a number, not float",
    ),
    (
        "PutBucketLifecycle",
        lifecycle(Expiration={"ExpiredObjectDeleteMarker": "yes"}),
        "ExpiredObjectDeleteMarker must be one of true, false",
    ),
    ("PutBucketAcl", grant(Permission="Read"), "Permission must be one of READ"),
    (
        "DeleteObjects",
        {"Delete": {"Object": [{"Key": "k"}], "Quiet": "yes"}},
        "Quiet must be one of",
    ),
    ("RestoreObject", {"RestoreRequest": {"Days": "ten"}}, "Days must be a number"),
    ("CompleteMultipartUpload", {"MultipartUpload": {"Part": [{"PartNumber": "a"}]}}, "a number"),
    ("PutBucketPolicy", {"Policy": "{"}, "Policy is no JSON"),
    ("PutBucketPolicy", {"Policy": [1]}, "Policy must be a dict or JSON text, not list"),
    ("PutBucketPolicy", {"Policy": {"a": {1}}}, "Policy is no JSON"),
    ("CopyObject", {"CopySource": {**SOURCE, "Key": ["k"]}}, "CopySource.Key must be text"),
    ("CopyObject", {"CopySource": "/s-1/k"}, "CopySource must be a dict, not str"),
]


@pytest.mark.parametrize(("name", "given", "words"), WRONG)
def test_a_value_of_another_kind_is_not_sent(name: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        encode(name, given)


# What the vendor's SDK and its samples accept.
SENT: list[tuple[str, dict[str, Any], bytes]] = [
    ("DeleteObjects", {"Delete": {"Object": {"Key": "k"}, "Quiet": True}}, b"<Quiet>true</Quiet>"),
    ("DeleteObjects", {"Delete": {"Object": [{"Key": "k"}], "Quiet": "True"}}, b"<Quiet>true"),
    ("PutBucketLifecycle", lifecycle(), b"<Days>1</Days>"),
    ("PutBucketLifecycle", {"LifecycleConfiguration": {"Rule": RULE}}, b"<Days>1</Days>"),
    ("PutBucketLifecycle", lifecycle(Transition=None, Prefix=None), b"<Prefix>a</Prefix></Filter>"),
    ("PutBucketLifecycle", lifecycle(Filter={}), b"<Filter></Filter>"),
    ("PutObjectTagging", {"Tagging": {"TagSet": {"Tag": TAG}}}, b"<Value>v</Value>"),
    ("PutObjectTagging", {"Tagging": {"TagSet": {"Tag": []}}}, b"<TagSet></TagSet>"),
    (
        "CompleteMultipartUpload",
        {
            "MultipartUpload": {
                "Part": [
                    {"PartNumber": "1", "LastModified": "d", "ETag": '"e"', "Size": "1"},
                ]
            }
        },
        b'<Part><PartNumber>1</PartNumber><ETag>"e"</ETag></Part>',
    ),
    ("RestoreObject", {"RestoreRequest": {"Days": "3"}}, b"<Days>3</Days>"),
    (
        "PutBucketCors",
        {"CORSConfiguration": {"CORSRule": {"AllowedMethod": "GET", "AllowedOrigin": ["*"]}}},
        b"<AllowedMethod>GET</AllowedMethod>",
    ),
]


@pytest.mark.parametrize(("name", "given", "part"), SENT)
def test_what_the_vendor_documents_is_sent(name: str, given: dict[str, Any], part: bytes) -> None:
    assert part in encode(name, given).body


def test_a_filter_that_is_none_is_no_filter_of_everything() -> None:
    assert b"Filter" not in encode("PutBucketLifecycle", lifecycle(Filter=None)).body


@pytest.mark.parametrize("row", DOCUMENTED)
def test_every_document_comes_with_its_md5(row: Operation) -> None:
    whole = next((p.name for p in row.params if p.place == "xml" and not p.wire), "")
    given = {whole: least(row.body)} if whole else {"Status": "Enabled", "LocationConstraint": "a"}
    needs = {param.name: EVERY.get(param.name, "x") for param in row.params if param.required}
    known = {p.name for p in row.params}
    call = encode_request(row, {**needs, **{n: v for n, v in given.items() if n in known}})
    if call.body is not None:
        assert "content-md5" in call.headers


def least(shape: Shape | None) -> Any:
    """Return a dict with every key of a shape, at any depth."""
    assert shape is not None
    if not shape.children:
        return shape.choices[0] if shape.choices else "1"
    return {child.tag: least(child) for child in shape.children}


def xml_of(shape: Shape, inner: str = "", at: tuple[str, ...] = ()) -> str:
    """Return the XML of a whole document, with `inner` added in the element that a path names."""
    if not shape.children:
        text = shape.choices[0] if shape.choices else "1"
        return f"<{shape.tag}>{text}{'' if at else inner}</{shape.tag}>"
    parts = [
        xml_of(child, inner if at and child.tag == at[0] else "", at[1:])
        for child in shape.children
    ]
    return f"<{shape.tag}>{''.join(parts)}{'' if at else inner}</{shape.tag}>"


def places(shape: Shape, at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Shape]]:
    """Return every element of a document with the way to it."""
    return [(at, shape)] + [
        place for child in shape.children for place in places(child, (*at, child.tag))
    ]


def decode(row: Operation, document: str) -> dict[str, Any]:
    query = {param.wire: "1" for param in row.params if param.place == "query" and param.required}
    return decode_request(row, "b-1", "k", query, {}, document.encode())


@pytest.mark.parametrize("row", DOCUMENTED)
def test_a_whole_document_is_read(row: Operation) -> None:
    assert row.body is not None
    read = decode(row, xml_of(row.body))
    assert read.keys() > {"Bucket", "Key"}
    assert decode(row, f"<?xml version='1.0'?>\n{pretty(row.body)}\n") == read


def pretty(shape: Shape) -> str:
    """Return a document as people write it: with blanks, comments and a namespace."""
    text = xml_of(shape).replace("><", ">\n  <!-- c --><")
    return text.replace(f"<{shape.tag}>", f'<{shape.tag} xmlns="urn:any">', 1)


@pytest.mark.parametrize("row", DOCUMENTED)
def test_an_unknown_element_is_refused_at_every_depth(row: Operation) -> None:
    assert row.body is not None
    for at, _ in places(row.body):
        with pytest.raises(MalformedXML):
            decode(row, xml_of(row.body, "<Unknown/>", at))


@pytest.mark.parametrize("row", DOCUMENTED)
def test_an_element_in_another_case_is_unknown(row: Operation) -> None:
    assert row.body is not None
    for at, shape in places(row.body)[1:]:
        other = shape.tag.swapcase()
        with pytest.raises(MalformedXML):
            decode(row, xml_of(row.body, f"<{other}>1</{other}>", at[:-1]))


@pytest.mark.parametrize("row", DOCUMENTED)
def test_an_element_that_may_stand_once_is_refused_twice(row: Operation) -> None:
    assert row.body is not None
    for at, shape in places(row.body)[1:]:
        if not shape.many:
            with pytest.raises(MalformedXML, match="twice"):
                decode(row, xml_of(row.body, xml_of(shape), at[:-1]))


@pytest.mark.parametrize("row", DOCUMENTED)
def test_text_where_elements_belong_is_refused(row: Operation) -> None:
    assert row.body is not None
    for at, shape in places(row.body):
        if shape.children:
            with pytest.raises(MalformedXML, match="text where elements belong"):
                decode(row, xml_of(row.body, "tmp/", at))


@pytest.mark.parametrize("row", DOCUMENTED)
def test_a_value_that_is_none_of_the_choices_is_refused(row: Operation) -> None:
    assert row.body is not None
    for at, shape in places(row.body):
        if shape.choices:
            cased = shape.choices[0].swapcase()
            no_case = shape.choices == TRUTHS or cased in shape.choices  # 301 has no other case
            for other in ("on", "") if no_case else ("on", "", cased):
                good = f"<{shape.tag}>{shape.choices[0]}</{shape.tag}>"
                document = xml_of(row.body).replace(good, f"<{shape.tag}>{other}</{shape.tag}>")
                with pytest.raises(MalformedXML):
                    decode(row, document)
            assert at


@pytest.mark.parametrize("row", DOCUMENTED)
def test_attributes_that_say_something_are_refused(row: Operation) -> None:
    assert row.body is not None
    for _, shape in places(row.body):
        document = xml_of(row.body).replace(f"<{shape.tag}>", f'<{shape.tag} VersionId="v">', 1)
        with pytest.raises(MalformedXML, match="attribute"):
            decode(row, document)
        about = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x" xml:lang="en"'
        decode(row, xml_of(row.body).replace(f"<{shape.tag}>", f"<{shape.tag} {about}>", 1))


def test_what_clients_send_besides_has_a_reason_and_is_let_through() -> None:
    seen = 0
    for row in [*OPERATIONS, *S3_OPERATIONS]:
        for at, shape in places(row.body) if row.body else ():
            for tag, reason in shape.ignored:
                assert reason
                assert row.body is not None
                plain = decode(row, xml_of(row.body))
                assert decode(row, xml_of(row.body, f"<{tag}>1</{tag}>", at)) == plain
                seen += 1
    assert seen


NEAR = {
    ("Rules", "Rule"),
    ("tag_set", "TagSet"),
    ("VersionID", "VersionId"),
    ("Prefx", "Prefix"),
    ("Anything", ""),
}


@pytest.mark.parametrize(("name", "meant"), sorted(NEAR))
def test_the_nearest_name(name: str, meant: str) -> None:
    assert nearest(name, ["Rule", "TagSet", "VersionId", "Prefix"]) == meant
