"""Every stored object can be returned; what no header can carry is refused.

Sources: RFC 9110 5.1 (names) and 5.5 (values); S3's limits on metadata; RFC 7578 4.2 and S3's POST
policy (`${filename}` is the name without a path).
"""

import itertools
from collections.abc import Callable, Iterable
from urllib.parse import quote

import pytest

from coskit.server.handlers.objects.response_headers import sendable_headers
from tests.server.auth.test_signed_urls import v2_url, v4_url
from tests.server.dialects.test_s3_post_object import policy, second
from tests.server.support.http_client import HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

_numbers = itertools.count(1)
BAD = [
    ("x-cos-meta-e", "v\n"),
    ("x-cos-meta-e", "a\r\nSet-Cookie: b"),
    ("x-cos-meta-e", "a\x00b"),
    ("x-cos-meta-e", "a\x01b"),
    ("x-cos-meta-e", "a\x1bb"),
    ("x-cos-meta-e", "a\x7fb"),
    ("content-type", "text/plain\x0b"),
    ("content-disposition", "attachment\r\n"),
    ("cache-control", "a\x08"),
    ("x-cos-meta-a b", "c"),
    ("x-cos-meta-a:b", "c"),
    ("x-cos-meta-é", "c"),
    ("x-cos-meta-中", "c"),
    ("x-cos-meta-a(", "c"),
    ("x-cos-meta-long", "v" * 3000),
    ("content-disposition", "d" * 60_000),
    ("cache-control", "c" * 9000),
]
GOOD = [
    ("x-cos-meta-a", "b\tc"),
    ("x-cos-meta-a", "中文 é"),
    ("x-cos-meta-a", "\u2028 \u00ad"),
    ("x-cos-meta-a", "=?utf-8?b?DQo=?="),
    ("x-cos-meta-a!#$%&'*+.^_`|~-z", "b"),
    ("x-cos-meta-a", "v" * 2000),
    ("content-disposition", "attachment; filename*=UTF-8''%e4%b8%ad"),
    ("content-type", "text/plain; charset=ü"),
    ("cache-control", "c" * 8000),
]


def by_form(http_client: HTTPClient, bucket: str, key: str, name: str, value: str) -> Reply:
    return send_form(http_client, bucket, [("key", key), (name, value)])


def send_form(
    http_client: HTTPClient, bucket: str, fields: Iterable[tuple[str, str]], filename: str = "f"
) -> Reply:
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    file = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\nx'
    body = f"{parts}{file}\r\n--b--\r\n".encode()
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return http_client.request("POST", f"/{bucket}", headers, body)


def by_header(http_client: HTTPClient, bucket: str, key: str, name: str, value: str) -> Reply:
    return http_client.request("PUT", f"/{bucket}/{key}", {name: value}, b"x")


def by_copy(http_client: HTTPClient, bucket: str, key: str, name: str, value: str) -> Reply:
    http_client.request("PUT", f"/{bucket}/source", {}, b"x")
    source = {
        "x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/source",
        "x-cos-metadata-directive": "Replaced",
    }
    return http_client.request("PUT", f"/{bucket}/{key}", {**source, name: value}, b"")


def by_upload(http_client: HTTPClient, bucket: str, key: str, name: str, value: str) -> Reply:
    begun = http_client.request("POST", f"/{bucket}/{key}?uploads", {name: value}, b"")
    if begun.status != 200:
        return begun
    target = f"/{bucket}/{key}?uploadId={begun.text('UploadId')}"
    stored = http_client.request("PUT", f"{target}&partNumber=1", {}, b"x")
    etag = stored["ETag"].strip('"')
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    return http_client.request("POST", target, {}, body)


WAYS = {"form": by_form, "header": by_header, "copy": by_copy, "upload": by_upload}


# By a header these would be another one, or two, or none.
BY_FORM_ALONE = [
    (name, value) for name, value in BAD if not name.isascii() or ":" in name or "\r\n" in value
]
CASES = [
    (way, name, value)
    for way, (name, value) in itertools.product(WAYS, BAD)
    if way == "form" or (name, value) not in BY_FORM_ALONE
]


@pytest.mark.parametrize(("way", "name", "value"), CASES, ids=lambda text: ascii(text)[:24])
def test_what_no_header_can_have_is_not_stored(
    http_client: HTTPClient, room: str, way: str, name: str, value: str
) -> None:
    key = f"bad{next(_numbers)}"
    assert WAYS[way](http_client, room, key, name, value).status == 400
    assert http_client.request("HEAD", f"/{room}/{key}").status == 404


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "value"), GOOD, ids=lambda text: ascii(text)[:24])
def test_a_stored_object_is_returned_in_every_way(
    http_client: HTTPClient, room: str, way: str, name: str, value: str
) -> None:
    key = f"good{next(_numbers)}"
    assert WAYS[way](http_client, room, key, name, value).status in (200, 204)
    asking: list[HTTPClient | S3HTTPClient] = [http_client, S3HTTPClient(http_client)]
    for who, method in itertools.product(asking, ("GET", "HEAD")):
        assert who.request(method, f"/{room}/{key}").status == 200
    returned = {n.lower(): v for n, v in http_client.request("GET", f"/{room}/{key}").fields}
    assert returned[name].encode("latin-1").decode() == value


@pytest.mark.parametrize("make", [v4_url, v2_url], ids=["version 4", "version 2"])
@pytest.mark.parametrize("value", ["v%0A", "v%0D%0Aa:b", "%00", "a%7Fb", "%1B"])
def test_a_signed_url_stores_no_line_ends(
    http_client: HTTPClient, room: str, make: Callable[..., str], value: str
) -> None:
    key = f"url{next(_numbers)}"
    target = f"/{room}/{key}?x-amz-meta-e={value}"
    url = make(http_client, "PUT", target)
    assert http_client.request("PUT", url, {}, b"x", signed=False).status in (400, 403)
    assert http_client.request("HEAD", f"/{room}/{key}").status == 404


@pytest.mark.parametrize("value", ["a\nb", "a\r\nSet-Cookie: b", "\x00", "\x7f", "a\x1bb"])
@pytest.mark.parametrize(
    "name", ["content-type", "content-disposition", "cache-control", "expires"]
)
def test_response_overrides_with_line_ends_are_refused(
    http_client: HTTPClient, room: str, name: str, value: str
) -> None:
    target = f"/{room}/kept?response-{name}={quote(value)}"
    asking: list[HTTPClient | S3HTTPClient] = [http_client, S3HTTPClient(http_client)]
    for who in asking:
        assert who.request("GET", target).outcome == (400, "InvalidArgument")


def test_invalid_headers_stored_by_older_versions_are_left_out() -> None:
    stored = {
        "x-cos-meta-a": "v\r\nSet-Cookie: x",
        "x-cos-meta-b c": "gone",
        "x-cos-meta-é": "gone",
        "x-cos-meta-d": "中\x00",
        "Content-Type": "text/plain",
    }
    assert sendable_headers(stored) == {
        "x-cos-meta-a": "v  Set-Cookie: x",
        "x-cos-meta-d": "中 ",
        "Content-Type": "text/plain",
    }
    plain = {"Content-Type": "text/plain", "x-cos-meta-a": "b"}
    assert sendable_headers(plain) is plain


FILENAMES = [
    ("b.txt", "b.txt"),
    ("/etc/b.txt", "b.txt"),
    ("../../b.txt", "b.txt"),
    ("C:\\\\Program Files\\\\b.txt", "b.txt"),
    ("C:\\Program Files\\b.txt", "b.txt"),
    ("\\\\host\\share\\b.txt", "b.txt"),
    ("a/b\\\\c.txt", "c.txt"),
    ("中文/名 字.txt", "名 字.txt"),
    ('a\\"b.txt', 'a"b.txt'),
    ("a%22b.txt", "a%22b.txt"),
    ("a;b.txt", "a;b.txt"),
    ("", ""),
    ("folder/", ""),
]


@pytest.mark.parametrize(("filename", "name"), FILENAMES)
@pytest.mark.parametrize("of_s3", [False, True], ids=["cos", "s3"])
def test_a_file_is_stored_under_its_name_without_a_path(
    http_client: HTTPClient, bucket: str, filename: str, name: str, of_s3: bool
) -> None:
    fields: Iterable[tuple[str, str]] = [("key", "f/${filename}")]
    if of_s3:
        text = policy({"bucket": bucket}, ["starts-with", "$key", "f/"])
        fields = second(http_client, text, key="f/${filename}")
    assert send_form(http_client, bucket, fields, filename).status == 204
    listed = http_client.request("GET", f"/{bucket}/?encoding-type=url").texts("Key")
    assert listed == [quote(f"f/{name}", safe="/")]


def test_without_a_filename_nothing_stands_for_it(http_client: HTTPClient, bucket: str) -> None:
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nf/${filename}x\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert http_client.request("POST", f"/{bucket}", headers, parts).status == 204
    assert http_client.request("GET", f"/{bucket}/").texts("Key") == ["f/x"]
