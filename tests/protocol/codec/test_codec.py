"""The codec's checks: values that are refused, left out or normalised, on either side."""

from typing import Any

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.codec.results import decode_result, encode_result
from coskit.protocol.codec.xml.document import NotThisShape
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    InvalidCopySource,
    ListPartUploadIdIsEmpty,
    MalformedXML,
    MissingRequestBodyError,
    ParameterError,
)
from coskit.protocol.operations import BY_NAME, OPERATIONS

OBJECT = {"Bucket": "b-1", "Key": "k"}
SOURCE = {"Bucket": "s-1", "Key": "k", "Region": "ap-beijing"}
DELETE = {"Object": [{"Key": "k"}]}

NOT_SENT: list[tuple[str, dict[str, Any], str]] = [
    ("GetObject", {"Bucket": "b-1"}, "get_object needs Key"),
    ("GetObject", {"Bucket": "b-1", "Key": None}, "get_object needs Key"),
    ("GetObject", {**OBJECT, "Rnage": "x"}, "No Parameter Named Rnage Please Check It"),
    ("GetObject", {**OBJECT, "Key": "\ud800"}, "surrogate"),
    ("GetObject", {**OBJECT, "VersionId": "\ud800"}, "surrogate"),
    ("GetObject", {**OBJECT, "Range": b"bytes=0-1"}, "Range must be text, not bytes"),
    ("GetObject", {**OBJECT, "Range": ["x"]}, "Range must be text, not list"),
    ("GetObject", {**OBJECT, "IfMatch": True}, "IfMatch must be text, not bool"),
    ("GetObject", {**OBJECT, "IfMatch": 'x"\r\nHost: y'}, "IfMatch contains a control character"),
    ("GetObject", {**OBJECT, "IfMatch": "x\x00"}, "control character"),
    ("GetObject", {**OBJECT, "IfMatch": "x\x7f"}, "control character"),
    ("UploadPart", {**OBJECT, "UploadId": "u", "Body": b""}, "upload_part needs PartNumber"),
    ("ListParts", {**OBJECT, "UploadId": "u", "MaxParts": 1.5}, "MaxParts must be a number"),
    ("ListObjects", {"Bucket": "b-1", "EncodingType": "base64"}, "EncodingType must be one of"),
    ("PutObject", {**OBJECT, "Body": b"", "Metadata": ["x"]}, "Metadata must be a dict"),
    (
        "PutObject",
        {**OBJECT, "Body": b"", "Metadata": {"x-cos-meta-a": None}},
        "Metadata must be text",
    ),
    ("PutObject", {**OBJECT, "Body": b"", "Metadata": {"x-cos-meta-a": "\n"}}, "control character"),
    ("PutObject", {**OBJECT, "Body": b"", "Metadata": {"x-cos-meta-a: b\r\nc": "d"}}, "a header"),
    ("PutObject", {**OBJECT, "Body": b"", "Metadata": {"x-cos-meta-\u4e2d": "d"}}, "a header"),
    ("CopyObject", {**OBJECT, "CopySource": "s-1/k"}, "CopySource must be a dict, not str"),
    (
        "CopyObject",
        {**OBJECT, "CopySource": SOURCE, "CopyStatus": "Move"},
        "CopyStatus must be one of",
    ),
    ("CopyObject", {**OBJECT, "CopySource": {**SOURCE, "Region": "a\nb"}}, "CopySource"),
    ("PutBucketVersioning", {"Bucket": "b-1", "Status": "On"}, "Status must be one of"),
    (
        "DeleteObjects",
        {"Bucket": "b-1", "Delete": [{"Key": "k"}]},
        "Delete must be a dict, not list",
    ),
    ("DeleteObjects", {"Bucket": "b-1", "Delete": {"Object": [{"Key": "\x01"}]}}, "XML cannot"),
    (
        "DeleteObjects",
        {"Bucket": "b-1", "Delete": {"Object": ["k"]}},
        "Delete.Object\\[0\\] must be a dict, not str",
    ),
    (
        "PutObjectTagging",
        {**OBJECT, "Tagging": {"TagSet": [{"Key": "a"}]}},
        "TagSet must be a dict",
    ),
]


@pytest.mark.parametrize(("name", "params", "words"), NOT_SENT, ids=lambda v: ascii(v)[:40])
def test_a_wrong_argument_is_not_sent(name: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        encode_request(BY_NAME[name], params)


def test_none_and_empty_options_are_left_out() -> None:
    call = encode_request(
        BY_NAME["ListObjects"], {"Bucket": "b-1", "Prefix": "", "Marker": None, "MaxKeys": 0}
    )
    assert call.query == [("max-keys", "0")]
    call = encode_request(BY_NAME["PutObject"], {**OBJECT, "Body": b"", "ACL": "", "Expires": None})
    assert call.headers == {}


def test_flags_and_needed_parameters_are_sent_though_empty() -> None:
    assert encode_request(BY_NAME["GetObjectAcl"], OBJECT).query == [("acl", "")]
    assert encode_request(BY_NAME["ListParts"], {**OBJECT, "UploadId": ""}).query == [
        ("uploadId", "")
    ]


def test_what_steers_the_client_stays_there() -> None:
    params = {**OBJECT, "Body": b"x", "EnableMD5": True, "ContentLength": 1}
    call = encode_request(BY_NAME["PutObject"], params)
    assert call.local == {"EnableMD5": True, "ContentLength": 1}
    assert (call.query, call.headers, call.body, call.content) == ([], {}, None, b"x")


def test_blanks_around_a_header_are_not_sent() -> None:
    params = {**OBJECT, "Body": b"", "ContentType": " a/b\t", "Metadata": {"x-cos-meta-a": " b c "}}
    call = encode_request(BY_NAME["PutObject"], params)
    assert call.headers == {"content-type": "a/b", "x-cos-meta-a": "b c"}


METADATA_NAMES = {
    "owner": "x-cos-meta-owner",
    "X-Cos-Meta-A": "x-cos-meta-a",
    "X-Amz-Meta-A": "x-cos-meta-a",
    "Host": "x-cos-meta-host",
    "content-type": "x-cos-meta-content-type",
}


@pytest.mark.parametrize(("name", "header"), METADATA_NAMES.items())
def test_metadata_gets_the_prefix_of_its_headers(name: str, header: str) -> None:
    call = encode_request(BY_NAME["PutObject"], {**OBJECT, "Body": b"", "Metadata": {name: "1"}})
    assert call.headers == {header: "1"}


NOT_METADATA = [
    {"x-cos-acl": "public-read"},
    {"x-amz-storage-class": "GLACIER"},
    {"x-cos-meta-": "1"},
    {"": "1"},
    {"a b": "1"},
    {"owner": "1", "x-cos-meta-owner": "2"},
    {"owner": "1", "Owner": "2"},
]


@pytest.mark.parametrize("metadata", NOT_METADATA, ids=str)
def test_what_is_no_metadata_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="Metadata"):
        encode_request(BY_NAME["PutObject"], {**OBJECT, "Body": b"", "Metadata": metadata})


def test_metadata_may_hold_bytes_that_are_no_text() -> None:
    params = {**OBJECT, "Metadata": {"x-cos-meta-a": "\udcff"}}
    call = encode_request(BY_NAME["CreateMultipartUpload"], params)
    assert call.headers == {"x-cos-meta-a": "\udcff"}


def test_a_document_comes_with_its_type_and_md5() -> None:
    call = encode_request(BY_NAME["DeleteObjects"], {"Bucket": "b-1", "Delete": DELETE})
    assert call.body is not None
    assert call.headers == {
        "content-type": "application/xml",
        "content-md5": content_md5(call.body),
    }


def test_a_single_item_may_stand_for_its_list() -> None:
    row = BY_NAME["DeleteObjects"]
    alone = encode_request(row, {"Bucket": "b-1", "Delete": {"Object": {"Key": "k"}}})
    assert alone.body == encode_request(row, {"Bucket": "b-1", "Delete": DELETE}).body


def decode(
    name: str,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    return decode_request(BY_NAME[name], "b-1", "k", query or {}, headers or {}, body)


REFUSED: list[tuple[str, dict[str, str], dict[str, str], str, type[CosServiceError]]] = [
    ("ListParts", {"uploadId": ""}, {}, "", ListPartUploadIdIsEmpty),
    ("AppendObject", {"append": ""}, {}, "", InvalidArgument),
    ("UploadPart", {"partNumber": "", "uploadId": "u"}, {}, "", InvalidArgument),
    ("UploadPart", {"partNumber": "1.0", "uploadId": "u"}, {}, "", InvalidArgument),
    ("UploadPart", {"partNumber": "\u0661", "uploadId": "u"}, {}, "", InvalidArgument),
    ("UploadPart", {"partNumber": "9" * 5000, "uploadId": "u"}, {}, "", InvalidArgument),
    ("UploadPart", {"partNumber": "1", "uploadId": ""}, {}, "", InvalidArgument),
    ("ListObjects", {"max-keys": "all"}, {}, "", InvalidArgument),
    ("ListObjects", {"encoding-type": "base64"}, {}, "", InvalidArgument),
    ("CopyObject", {}, {"x-cos-copy-source": ""}, "", InvalidCopySource),
    ("CopyObject", {}, {"x-cos-copy-source": "nothing"}, "", InvalidCopySource),
    (
        "CopyObject",
        {},
        {"x-cos-copy-source": "/b/k", "x-cos-metadata-directive": "Move"},
        "",
        InvalidArgument,
    ),
    ("DeleteObjects", {}, {}, "", MissingRequestBodyError),
    ("DeleteObjects", {}, {}, "  \n", MissingRequestBodyError),
    ("DeleteObjects", {}, {}, "<Delete>", MalformedXML),
    ("DeleteObjects", {}, {}, "<Tagging/>", MalformedXML),
    ("DeleteObjects", {}, {}, "<Delete><Object/></Delete>", MalformedXML),
    (
        "DeleteObjects",
        {},
        {},
        "<Delete><Object><VersionId>v</VersionId></Object></Delete>",
        MalformedXML,
    ),
    ("RestoreObject", {}, {}, "<RestoreRequest/>", MalformedXML),
    ("RestoreObject", {}, {}, "<RestoreRequest><Days>x</Days></RestoreRequest>", MalformedXML),
    ("CompleteMultipartUpload", {"uploadId": "u"}, {}, "", MissingRequestBodyError),
    (
        "CompleteMultipartUpload",
        {"uploadId": "u"},
        {},
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part>"
        "</CompleteMultipartUpload>",
        MalformedXML,
    ),
    ("PutObjectTagging", {}, {}, "<Tagging/>", MalformedXML),
    (
        "PutObjectTagging",
        {},
        {},
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        MalformedXML,
    ),
    ("PutBucketVersioning", {}, {}, "<VersioningConfiguration/>", MalformedXML),
    (
        "PutBucketVersioning",
        {},
        {},
        "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>",
        MalformedXML,
    ),
    ("PutObjectAcl", {}, {}, "<AccessControlPolicy/>", MalformedXML),
]


@pytest.mark.parametrize(("name", "query", "headers", "body", "error"), REFUSED)
def test_a_wrong_request_gets_its_code(
    name: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: str,
    error: type[CosServiceError],
) -> None:
    with pytest.raises(CosServiceError) as refusal:
        decode(name, query, headers, body.encode())
    assert type(refusal.value) is error


READ: list[tuple[str, dict[str, str], dict[str, str], dict[str, Any]]] = [
    ("ListObjects", {"prefix": "", "marker": "", "max-keys": ""}, {}, {}),
    ("ListObjects", {"max-keys": "-1", "unknown": "x"}, {}, {"MaxKeys": -1}),
    ("GetObject", {"response-expires": ""}, {"range": "", "if-match": ""}, {}),
    ("GetObject", {}, {"x-cos-meta-a": "1"}, {}),
    ("PutObject", {}, {"x-cos-meta-a": "", "x-other": "1"}, {"Metadata": {"x-cos-meta-a": ""}}),
    ("PutObject", {}, {"content-type": "a/b"}, {"ContentType": "a/b"}),
    (
        "CopyObject",
        {},
        {"x-cos-copy-source": "/b/k", "x-cos-metadata-directive": "REPLACED"},
        {"CopySource": {"Bucket": "b", "Key": "k"}, "CopyStatus": "Replaced"},
    ),
    ("PutObjectAcl", {}, {"x-cos-acl": "private"}, {"ACL": "private"}),
]


@pytest.mark.parametrize(("name", "query", "headers", "params"), READ)
def test_what_is_empty_counts_as_absent(
    name: str, query: dict[str, str], headers: dict[str, str], params: dict[str, Any]
) -> None:
    assert decode(name, query, headers) == {"Bucket": "b-1", "Key": "k", **params}


def test_a_document_may_be_read_by_a_stricter_parser() -> None:
    def parser(document: bytes) -> Any:
        raise NotThisShape("an attack")

    row = BY_NAME["DeleteObjects"]
    with pytest.raises(MalformedXML, match="an attack"):
        decode_request(row, "b-1", None, {}, {}, b"<Delete/>", parser)


def test_the_order_of_elements_does_not_matter() -> None:
    body = b"<Delete xmlns='urn:x'><Object><Key>k</Key></Object><Quiet>true</Quiet></Delete>"
    assert decode("DeleteObjects", body=body)["Delete"] == {**DELETE, "Quiet": "true"}


def test_a_result_is_a_document_and_headers() -> None:
    row = BY_NAME["CopyObject"]
    result = {"ETag": '"e"', "LastModified": "d", "x-cos-copy-source-version-id": "v"}
    response = encode_result(row, result)
    assert response.status == 200
    assert response.headers == {
        "x-cos-copy-source-version-id": "v",
        "Content-Type": "application/xml",
    }
    assert response.body.endswith(
        b'<CopyObjectResult><ETag>"e"</ETag><LastModified>d</LastModified></CopyObjectResult>'
    )
    assert encode_result(row, result, status=299).status == 299


def test_a_result_without_a_document_is_headers() -> None:
    response = encode_result(BY_NAME["DeleteObject"], {"x-cos-version-id": "v"})
    assert (response.status, response.body) == (204, b"")
    assert response.headers == {"x-cos-version-id": "v"}


def test_results_repeat_keys_where_the_vendors_page_names_them_otherwise() -> None:
    body = b"<ListVersionsResult><NextKeyMarker>k</NextKeyMarker></ListVersionsResult>"
    assert decode_result(BY_NAME["ListObjectsVersions"], {}, body)["NextMarker"] == "k"
    body = b"<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"
    acl = decode_result(BY_NAME["GetObjectAcl"], {"x-cos-acl": "default"}, body)
    assert acl == {"AccessControlList": {"Grant": []}, "Grant": [], "x-cos-acl": "default"}


def test_lists_are_lists_and_absent_ones_are_absent() -> None:
    body = b"<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"
    assert decode_result(BY_NAME["ListObjects"], {}, body) == {"Contents": [{"Key": "k"}]}
    assert decode_result(BY_NAME["ListObjects"], {}, b"<ListBucketResult/>") == {}
    tags = decode_result(BY_NAME["GetObjectTagging"], {}, b"<Tagging><TagSet/></Tagging>")
    assert tags == {"TagSet": {"Tag": []}}


@pytest.mark.parametrize("body", [b"", b"<Error/>", b"<html>", b"  <Error></Error>"])
@pytest.mark.parametrize("row", [r for r in OPERATIONS if r.result], ids=lambda row: row.name)
def test_another_document_is_no_result(row: Any, body: bytes) -> None:
    with pytest.raises(NotThisShape):
        decode_result(row, {}, body)
