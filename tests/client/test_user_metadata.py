"""`coskit.metadata`: the user metadata among headers.

Names of headers are the same in any case: RFC 9110 5.1. The prefixes are documented in the vendor's
"Common Request Headers" and of S3's "Working with object metadata".
"""

import pytest

import coskit
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.operations import PUT_OBJECT


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({}, {}),
        ({"ETag": '"e"', "Content-Type": "a/b", "x-cos-version-id": "1"}, {}),
        ({"x-cos-meta-a": "1", "ETag": '"e"'}, {"a": "1"}),
        ({"X-Cos-Meta-Owner": "Me"}, {"owner": "Me"}),
        ({"x-cos-meta-OWNER": "me", "X-AMZ-META-b": "2"}, {"owner": "me", "b": "2"}),
        ({"x-amz-meta-x-cos-meta-a": "1"}, {"x-cos-meta-a": "1"}),
        ({"x-cos-meta-a-b_c.d": ""}, {"a-b_c.d": ""}),
        ({"x-cos-meta-name": "世界 é"}, {"name": "世界 é"}),
        ({"x-cos-meta-": "1", "x-cos-meta": "2", "my-x-cos-meta-a": "3"}, {}),
        ({"x-cos-metadata-directive": "Copy", "x-amz-metadata-directive": "COPY"}, {}),
        ({"Body": object(), "x-cos-meta-a": "1"}, {"a": "1"}),
    ],
)
def test_the_metadata_of_a_head(head: dict[str, object], expected: dict[str, str]) -> None:
    before = dict(head)
    assert coskit.metadata(head) == expected
    assert head == before


def test_it_may_be_given_as_metadata_again() -> None:
    given = {"Owner": "me", "a-b": "世界"}
    call = encode_request(
        PUT_OBJECT, {"Bucket": "b-1250000000", "Key": "k", "Body": b"", "Metadata": given}
    )
    assert coskit.metadata(call.headers) == {"owner": "me", "a-b": "世界"}


def test_it_is_where_people_look() -> None:
    assert "metadata" in coskit.__all__
    assert "metadata" in dir(coskit)
    assert coskit.types.StorageClass
