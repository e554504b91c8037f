"""Names in S3 and in COS, converted in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.errors import InvalidStorageClass
from coskit.protocol.messages import Request
from coskit.protocol.s3 import names
from coskit.protocol.s3.encoded_words import encode_words

PAIRS = [
    ("x-amz-acl", "public-read", "x-cos-acl", "public-read"),
    ("x-amz-copy-source-if-match", '"e"', "x-cos-copy-source-if-match", '"e"'),
    ("x-amz-copy-source-range", "bytes=0-1", "x-cos-copy-source-range", "bytes=0-1"),
    ("x-amz-meta-color", "dark blue", "x-cos-meta-color", "dark blue"),
    ("x-amz-metadata-directive", "REPLACE", "x-cos-metadata-directive", "Replaced"),
    ("x-amz-metadata-directive", "COPY", "x-cos-metadata-directive", "Copy"),
    ("x-amz-tagging-directive", "REPLACE", "x-cos-tagging-directive", "Replaced"),
    ("x-amz-storage-class", "GLACIER", "x-cos-storage-class", "ARCHIVE"),
    ("x-amz-storage-class", "STANDARD_IA", "x-cos-storage-class", "STANDARD_IA"),
    ("x-amz-server-side-encryption", "aws:kms", "x-cos-server-side-encryption", "cos/kms"),
    (
        "x-amz-server-side-encryption-aws-kms-key-id",
        "k",
        "x-cos-server-side-encryption-cos-kms-key-id",
        "k",
    ),
    (
        "x-amz-copy-source-server-side-encryption-customer-key",
        "k",
        "x-cos-copy-source-server-side-encryption-customer-key",
        "k",
    ),
    ("x-amz-security-token", "t", "x-cos-security-token", "t"),
    ("x-amz-version-id", "v", "x-cos-version-id", "v"),
    (
        "x-amz-grant-read",
        f'uri="{names.S3_ALL_USERS}"',
        "x-cos-grant-read",
        'uri="http://cam.qcloud.com/groups/global/AllUsers"',
    ),
]


@pytest.mark.parametrize(("amz", "amz_value", "cos", "cos_value"), PAIRS)
def test_a_header_has_a_name_in_both(amz: str, amz_value: str, cos: str, cos_value: str) -> None:
    read = names.to_cos(Request("PUT", "/b/k", (), {amz: amz_value}))
    assert read.headers == {cos: cos_value}
    assert names.headers_to_s3([(cos, cos_value)]) == [(amz, amz_value)]
    assert names.headers_to_cos({amz: amz_value}) == {cos: cos_value}


@pytest.mark.parametrize(
    ("header", "value", "left"),
    [
        ("x-amz-date", "20231114T221320Z", {"x-amz-date": "20231114T221320Z"}),
        ("x-amz-object-lock-mode", "GOVERNANCE", {"x-amz-object-lock-mode": "GOVERNANCE"}),
        ("content-type", "text/plain", {"content-type": "text/plain"}),
        ("content-encoding", "aws-chunked", {}),
        ("content-encoding", "aws-chunked,gzip", {"content-encoding": "gzip"}),
        ("content-encoding", "gzip, AWS-chunked", {"content-encoding": "gzip"}),
        ("content-encoding", "br, gzip", {"content-encoding": "br, gzip"}),
        ("x-cos-acl", "public-read", {}),
    ],
)
def test_a_header_that_only_one_knows(header: str, value: str, left: dict[str, str]) -> None:
    assert names.to_cos(Request("PUT", "/b/k", (), {header: value})).headers == left


def test_a_signed_url_may_have_headers_in_it() -> None:
    query = (
        ("X-Amz-Signature", "0"),
        ("X-Amz-Date", "20231114T221320Z"),
        ("X-Amz-Security-Token", "t"),
        ("x-amz-acl", "public-read"),
    )
    read = names.to_cos(Request("PUT", "/b/k", query, {"x-amz-meta-a": "b"}))
    returned = {"x-cos-security-token": "t", "x-cos-acl": "public-read", "x-cos-meta-a": "b"}
    assert read.headers == returned
    unsigned = names.to_cos(Request("PUT", "/b/k", query[1:]))
    assert unsigned.headers == {}


def test_a_header_of_cos_alone_keeps_its_name() -> None:
    returned = [("x-cos-hash-crc64ecma", "1"), ("x-cos-object-type", "normal"), ("ETag", '"e"')]
    assert names.headers_to_s3(returned) == returned


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("STANDARD", "STANDARD"),
        ("REDUCED_REDUNDANCY", "STANDARD"),
        ("ONEZONE_IA", "STANDARD_IA"),
        ("GLACIER", "ARCHIVE"),
        ("DEEP_ARCHIVE", "DEEP_ARCHIVE"),
        ("MAZ_STANDARD", "MAZ_STANDARD"),
    ],
)
def test_a_storage_class_is_kept_as_one_of_cos(asked: str, kept: str) -> None:
    assert names.class_to_cos(asked) == kept


@pytest.mark.parametrize("name", ["GLACIER_IR", "EXPRESS_ONEZONE", "", "standard"])
def test_a_storage_class_that_cos_has_nothing_like(name: str) -> None:
    with pytest.raises(InvalidStorageClass):
        names.to_cos(Request("PUT", "/b/k", (), {"x-amz-storage-class": name}))


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1), st.text(max_size=20))
def test_metadata_comes_back_in_encoded_words(name: str, value: str) -> None:
    header = {f"x-amz-meta-{name}": encode_words(value)}
    read = names.to_cos(Request("PUT", "/b/k", (), header)).headers
    assert dict(names.headers_to_s3(read.items())) == header
