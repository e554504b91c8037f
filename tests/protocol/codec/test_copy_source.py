"""The copy-source header: encoding, decoding and refusals."""

import pytest
from hypothesis import given

from coskit.protocol.codec.copy_source import decode_copy_source, encode_copy_source, spellings_of
from coskit.protocol.errors import InvalidCopySource, ParameterError
from tests.protocol.strategies import copy_sources
from tests.support.keys import HOSTILE_KEYS

HOST = "b-1.cos.ap-beijing.myqcloud.com"
BEIJING = {"Bucket": "b-1", "Region": "ap-beijing"}

WRITTEN = [
    ({**BEIJING, "Key": "k"}, f"{HOST}/k"),
    ({**BEIJING, "Key": "a b?c%2F&\u4e2d/~"}, f"{HOST}/a%20b%3Fc%252F%26%E4%B8%AD/~"),
    ({**BEIJING, "Key": "k", "VersionId": "v/1="}, f"{HOST}/k?versionId=v%2F1%3D"),
    ({**BEIJING, "Key": "k?versionId=v"}, f"{HOST}/k%3FversionId%3Dv"),
    ({**BEIJING, "Key": "/k"}, f"{HOST}//k"),
    ({"Bucket": "b-1", "Region": "cos.ap-beijing", "Key": "k"}, f"{HOST}/k"),
    ({"Bucket": "b-1", "Endpoint": "localhost:9000", "Key": "k"}, "b-1.localhost:9000/k"),
    ({**BEIJING, "Endpoint": "cos.example.com", "Key": "k"}, "b-1.cos.example.com/k"),
]


@pytest.mark.parametrize(("source", "header"), WRITTEN)
def test_writing(source: dict[str, str], header: str) -> None:
    assert encode_copy_source(source) == header


READ = [
    (f"{HOST}/k", {**BEIJING, "Key": "k"}),
    (f"/{HOST}/k", {**BEIJING, "Key": "k"}),
    (f"{HOST}/a%20b+c%2Bd", {**BEIJING, "Key": "a b+c+d"}),
    (f"{HOST}/%E4%B8%AD\u4e2d", {**BEIJING, "Key": "\u4e2d\u4e2d"}),
    (f"{HOST}/a%3Fb", {**BEIJING, "Key": "a?b"}),
    (f"{HOST}/a%2Fb//c/../d", {**BEIJING, "Key": "a/b//c/../d"}),
    (f"{HOST}//k", {**BEIJING, "Key": "/k"}),
    (f"{HOST}/k?versionId=v%2F1%3D", {**BEIJING, "Key": "k", "VersionId": "v/1="}),
    (f"{HOST}/k?versionid=v", {**BEIJING, "Key": "k", "VersionId": "v"}),
    (f"{HOST}/k?VersionId=null", {**BEIJING, "Key": "k", "VersionId": "null"}),
    ("/b-1/k", {"Bucket": "b-1", "Key": "k"}),
    ("b-1/a/b%20c", {"Bucket": "b-1", "Key": "a/b c"}),
    ("b-1/a+b%2Bc", {"Bucket": "b-1", "Key": "a b+c"}),
    ("/b-1/k?versionId=v", {"Bucket": "b-1", "Key": "k", "VersionId": "v"}),
    ("b-1.localhost:9000/k", {"Bucket": "b-1", "Endpoint": "localhost:9000", "Key": "k"}),
    ("b-1.127.0.0.1:9000/k", {"Bucket": "b-1", "Endpoint": "127.0.0.1:9000", "Key": "k"}),
    ("dot.ted-1.cos.ap-x.myqcloud.com/k", {"Bucket": "dot.ted-1", "Region": "ap-x", "Key": "k"}),
    ("dot.ted-1.cos.ap-x.tencentcos.cn/k", {"Bucket": "dot.ted-1", "Region": "ap-x", "Key": "k"}),
    (
        "dot.ted-1.s3.amazonaws.com/k",
        {"Bucket": "dot.ted-1", "Endpoint": "s3.amazonaws.com", "Key": "k"},
    ),
    ("dot.ted-1.localhost/k", {"Bucket": "dot.ted-1", "Endpoint": "localhost", "Key": "k"}),
    ("/dot.ted-1/a/k", {"Bucket": "dot.ted-1", "Key": "a/k"}),
]


@pytest.mark.parametrize(("header", "source"), READ)
def test_reading(header: str, source: dict[str, str]) -> None:
    assert decode_copy_source(header) == source


# S3: CopyObject, x-amz-copy-source: bucket and key, URL-encoded, with or without a leading slash.
OF_S3 = [
    ("b-1/k", {"Bucket": "b-1", "Key": "k"}),
    ("dot.ted/k", {"Bucket": "dot.ted", "Key": "k"}),
    ("/dot.ted/a/k", {"Bucket": "dot.ted", "Key": "a/k"}),
    ("dot.ted/a%20b+c", {"Bucket": "dot.ted", "Key": "a b c"}),
    ("dot.ted%2Fa%2Fb", {"Bucket": "dot.ted", "Key": "a/b"}),
    ("%2Fdot.ted%2Fa%2Fb", {"Bucket": "dot.ted", "Key": "a/b"}),
    ("dot%2Eted/k", {"Bucket": "dot.ted", "Key": "k"}),
    ("dot.ted/k?versionId=v", {"Bucket": "dot.ted", "Key": "k", "VersionId": "v"}),
    ("dot.ted%2Fk?versionId=v", {"Bucket": "dot.ted", "Key": "k", "VersionId": "v"}),
    (f"{HOST}/k", {**BEIJING, "Key": "k"}),
]


@pytest.mark.parametrize(("header", "source"), OF_S3)
def test_reading_the_header_of_s3(header: str, source: dict[str, str]) -> None:
    assert decode_copy_source(header, of_s3=True) == source


# Each names `secret/k` of the bucket `b-1`.
SPELLINGS = [
    (f"{HOST}/secret/k", False),
    (f"/{HOST}/secret/k", False),
    (f"{HOST}/%73ecret/k", False),
    (f"{HOST}/secret%2Fk", False),
    (f"{HOST}/secret/%6b?versionId=v", False),
    ("b-1.cos.ap-x.tencentcos.cn/secret/k", False),
    ("b-1.cos.other.myqcloud.com/secret/k", False),
    ("b-1.localhost:9000/secret/k", False),
    ("b-1.x/secret/k", False),
    ("/b-1/secret/k", False),
    ("b-1/secret/k", True),
    ("/b-1/%73%65cret/k", True),
    ("b-1%2Fsecret%2Fk", True),
    ("b-1/secret/k?versionId=v", True),
]


@pytest.mark.parametrize(("header", "of_s3"), SPELLINGS)
def test_a_source_is_found_under_every_name_of_it(header: str, of_s3: bool) -> None:
    names = spellings_of(header, "ap-x", of_s3=of_s3)
    for host in ("b-1", "b-1.cos.ap-x.myqcloud.com", "b-1.cos.ap-x.tencentcos.cn"):
        assert {f"{host}/secret/k", f"/{host}/secret/k"} <= set(names)
    if "versionId" in header:
        assert "b-1/secret/k?versionId=v" in names
    assert not [name for name in names if "secret/other" in name]


def test_a_source_that_is_none_goes_by_its_text() -> None:
    assert spellings_of("nothing", "ap-x") == ("nothing",)


NO_OBJECT = (
    "",
    "/",
    "b",
    "b/",
    "/b",
    "/b/",
    f"{HOST}/",
    HOST,
    "//k",
    ".cos.x.com/k",
    "?versionId=v",
    f"/b/{'k' * 8192}",
    f"/b/k?versionId={'%' * 8192}",
)
NOT_UTF_8 = ("/b/%FF", "/b/k\udcff", "/b\udcff/k", "/b/k?versionId=%FF", "/b/%ED%A0%80")


# S3 refuses them too ("Unsupported copy source parameter"): the current object of another key, or
# the current version, would be copied in place of what is meant.
UNKNOWN_PARAMETERS = (
    f"{HOST}/k?versionId=",
    f"{HOST}/k?",
    f"{HOST}/k?other=v",
    "/b-1/what?now.txt",
    "b-1/k?version=v",
    "b-1/k?uploadId=v",
)


@pytest.mark.parametrize("header", NO_OBJECT + NOT_UTF_8 + UNKNOWN_PARAMETERS, ids=ascii)
def test_a_header_that_names_no_object_is_refused(header: str) -> None:
    with pytest.raises(InvalidCopySource):
        decode_copy_source(header)


REFUSED = [
    {},
    {**BEIJING},
    {**BEIJING, "Key": ""},
    {**BEIJING, "Key": None},
    {"Key": "k", "Region": "ap-beijing"},
    {"Bucket": "b-1", "Key": "k"},
    {**BEIJING, "Key": "\ud800"},
    {**BEIJING, "Bucket": "b-1/other", "Key": "k"},
    {**BEIJING, "Bucket": "b-1.cos", "Key": "k"},
    {**BEIJING, "Bucket": "b\r\nx: y", "Key": "k"},
    {**BEIJING, "Region": "ap-beijing\r\nx: y", "Key": "k"},
    {**BEIJING, "Region": "ap-beijing/b/k?", "Key": "k"},
    {**BEIJING, "Endpoint": "http://127.0.0.1:9000", "Key": "k"},
]


@pytest.mark.parametrize("source", REFUSED, ids=ascii)
def test_a_source_that_would_name_something_else_is_refused(source: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="CopySource"):
        encode_copy_source(source)


@given(source=copy_sources)
def test_what_is_written_is_read(source: dict[str, str]) -> None:
    header = encode_copy_source(source)
    assert header.isascii()
    assert decode_copy_source(header) == source


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_in_the_form_of_s3(key: str) -> None:
    header = encode_copy_source({**BEIJING, "Key": key}).replace(HOST, "/b-1")
    assert decode_copy_source(header) == {"Bucket": "b-1", "Key": key}
