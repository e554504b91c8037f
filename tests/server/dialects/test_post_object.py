"""Form uploads, byte for byte: stored objects, responses and refusals."""

import time
from collections.abc import Sequence
from hashlib import md5
from typing import Any

import pytest

from coskit.client.config import ClientConfig
from coskit.client.request.dialects.signer import RequestSigner
from coskit.protocol.auth.post_policy import encode_policy, write_policy
from coskit.protocol.auth.signature import sign_form
from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.endpoint import parse_endpoint
from tests.server.support.http_client import HOST, HTTPClient, Reply

BOUNDARY = "----limit"
Pairs = Sequence[tuple[str, str]]


def form(
    fields: Pairs, content: bytes = b"hello", filename: str = "a b.txt", *, after: bytes = b""
) -> bytes:
    """Return a form with a file."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: text/of-the-part\r\n\r\n"
    )
    end = f"\r\n--{BOUNDARY}".encode()
    return b"".join(parts) + head.encode() + content + after + end + b"--\r\n"


def post(http_client: HTTPClient, bucket: str, body: bytes, **headers: str) -> Reply:
    """Send a form without any other signature."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **given}
    return http_client.request("POST", f"/{bucket}/", sent, body, signed=False)


def signed(
    http_client: HTTPClient, bucket: str, key: str, *conditions: Any, lifetime: int = 60
) -> Pairs:
    """Return the fields of a signed form, as the client makes them."""
    endpoint = parse_endpoint(f"http://{HOST}:{http_client.port}")
    signer = RequestSigner(ClientConfig(endpoint))
    return list(
        signer.presign_form(http_client.credentials, bucket, key, lifetime, conditions)[1].items()
    )


def changed(fields: Pairs, **values: str | None) -> Pairs:
    """Return fields with some replaced, or with None left out."""
    new = {name.replace("_", "-"): value for name, value in values.items()}
    merged = {**dict(fields), **new}
    return [(name, value) for name, value in merged.items() if value is not None]


def test_a_signed_form_becomes_an_object(http_client: HTTPClient, bucket: str) -> None:
    fields = signed(
        http_client,
        bucket,
        "up/${filename}",
        {"Content-Type": "text/plain", "x-cos-meta-color": "blau é", "Cache-Control": "no-cache"},
        {"Content-MD5": content_md5(b"hello"), "x-cos-storage-class": "STANDARD_IA"},
        ["content-length-range", 5, 5],
    )
    reply = post(http_client, bucket, form(fields, filename="中 a.txt"))
    assert (reply.status, reply.body) == (204, b"")
    assert reply["ETag"] == f'"{md5(b"hello").hexdigest()}"'
    assert reply["Location"] == f"http://{HOST}/{bucket}/up/%E4%B8%AD%20a.txt"
    stored = http_client.request("GET", f"/{bucket}/up/%E4%B8%AD%20a.txt")
    assert stored.body == b"hello"
    assert stored["Content-Type"] == "text/plain"
    assert stored["Cache-Control"] == "no-cache"
    assert stored["x-cos-storage-class"] == "STANDARD_IA"
    assert stored["x-cos-meta-color"].encode("latin-1").decode() == "blau é"


def test_the_type_is_the_fields_not_the_parts(http_client: HTTPClient, bucket: str) -> None:
    assert post(http_client, bucket, form(signed(http_client, bucket, "key"))).status == 204
    stored = http_client.request("HEAD", f"/{bucket}/key")
    assert stored["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("asked", "status"), [("200", 200), ("201", 201), ("204", 204), ("302", 204), ("x", 204)]
)
def test_a_form_chooses_its_status(
    http_client: HTTPClient, bucket: str, asked: str, status: int
) -> None:
    fields = signed(http_client, bucket, "key", {"success_action_status": asked})
    reply = post(http_client, bucket, form(fields))
    assert (reply.status, reply.body) == (status, b"")


def test_a_form_leads_on(http_client: HTTPClient, bucket: str) -> None:
    target = "http://a.example/done?x=1&é"
    fields = signed(http_client, bucket, "a b", {"success_action_redirect": target})
    reply = post(http_client, bucket, form(fields))
    etag = f"%22{md5(b'hello').hexdigest()}%22"
    assert reply.status == 303
    assert reply["Location"] == (
        f"http://a.example/done?x=1&%C3%A9&bucket={bucket}&key=a+b&etag={etag}"
    )


def test_a_form_without_a_policy_is_anonymous(http_client: HTTPClient, bucket: str) -> None:
    body = form([("key", "key"), ("acl", "private")])
    assert post(http_client, bucket, body).outcome == (403, "AccessDenied")
    assert (
        http_client.request("PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read-write"}).status
        == 200
    )
    assert post(http_client, bucket, body).status == 204
    assert http_client.request("GET", f"/{bucket}/key").body == b"hello"


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
@pytest.mark.parametrize("piece", [7919, 1 << 16])
def test_a_file_of_any_size_arrives_in_any_pieces(
    http_client: HTTPClient, bucket: str, size: int, piece: int
) -> None:
    content = (f"\r\n--{BOUNDARY[:-1]}\r\n".encode() * (size // 14 + 1))[:size]
    body = form(signed(http_client, bucket, "key"), content)
    head = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    with http_client.connect() as connection:
        sent = {**head, "content-length": str(len(body))}
        connection.send(http_client.build_request("POST", f"/{bucket}/", sent, signed=False))
        for start in range(0, len(body), piece):
            connection.send(body[start : start + piece])
        assert connection.receive(b"POST").status == 204
        assert (
            connection.request(http_client.build_request("GET", f"/{bucket}/key")).body == content
        )


def test_a_browser_may_ask_from_another_origin(http_client: HTTPClient, bucket: str) -> None:
    rule = b"<AllowedOrigin>*</AllowedOrigin><AllowedMethod>POST</AllowedMethod>"
    rules = b"<CORSConfiguration><CORSRule>" + rule + b"</CORSRule></CORSConfiguration>"
    sent = {"content-md5": content_md5(rules)}
    assert http_client.request("PUT", f"/{bucket}/?cors", sent, rules).status == 200
    origin = {"origin": "http://a.example"}
    for body, status in [
        (form(signed(http_client, bucket, "key")), 204),
        (form([("key", "k")]), 403),
    ]:
        reply = post(http_client, bucket, body, **origin)
        assert (reply.status, reply["Access-Control-Allow-Origin"]) == (status, "*")


REFUSED: list[tuple[str, int, str, Sequence[Any], dict[str, str | None]]] = [
    ("another signature", 403, "SignatureDoesNotMatch", (), {"q_signature": "0" * 40}),
    ("a signature that is no ASCII", 403, "SignatureDoesNotMatch", (), {"q_signature": "é"}),
    ("an unknown key id", 403, "InvalidAccessKeyId", (), {"q_ak": "AKIDnobody"}),
    ("another window", 403, "SignatureDoesNotMatch", (), {"q_key_time": "1;9999999999"}),
    ("a window that is none", 403, "AccessDenied", (), {"q_key_time": "now"}),
    ("no window", 403, "AccessDenied", (), {"q_key_time": None}),
    ("no signature", 403, "AccessDenied", (), {"q_signature": None}),
    ("another algorithm", 403, "AccessDenied", (), {"q_sign_algorithm": "md5"}),
    ("no policy", 400, "InvalidPolicyDocument", (), {"policy": None}),
    ("a policy that is none", 400, "InvalidPolicyDocument", (), {"policy": "eyJ"}),
    ("another key", 403, "AccessDenied", (), {"key": "other"}),
    ("no key", 400, "InvalidArgument", (), {"key": None}),
    ("an empty key", 400, "InvalidArgument", (), {"key": ""}),
    ("a long key", 400, "KeyTooLong", (), {"key": "k" * 851}),
    ("a banned key", 400, "InvalidURI", (), {"key": "/key"}),
    ("a named field that is missing", 403, "AccessDenied", [{"acl": "private"}], {"acl": None}),
    (
        "a field outside its prefix",
        403,
        "AccessDenied",
        [["starts-with", "$acl", "p"]],
        {"acl": "x"},
    ),
    ("a larger file", 400, "EntityTooLarge", [["content-length-range", 0, 4]], {}),
    ("a smaller file", 400, "EntityTooSmall", [["content-length-range", 6, 9]], {}),
    ("the MD5 of another file", 400, "BadDigest", [{"Content-MD5": content_md5(b"x")}], {}),
    ("no MD5", 400, "InvalidDigest", [{"Content-MD5": "x"}], {}),
    ("an unknown ACL", 400, "InvalidArgument", [{"acl": "none"}], {}),
    ("an unknown class", 400, "NotSupportedStorageClass", [{"x-cos-storage-class": "X"}], {}),
    ("a line break in a type", 400, "InvalidArgument", [{"Content-Type": "a\r\nb: c"}], {}),
    ("a redirect to a script", 400, "InvalidArgument", [{"success_action_redirect": "x:y"}], {}),
    ("64 KB of fields", 400, "MalformedPOSTRequest", [], {"x_cos_meta_a": "m" * 65536}),
    ("metadata above 2 KB", 400, "InvalidArgument", [], {"x_cos_meta_a": "m" * 2048}),
]


@pytest.mark.parametrize(
    ("status", "code", "conditions", "values"),
    [r[1:] for r in REFUSED],
    ids=[r[0] for r in REFUSED],
)
def test_a_form_is_refused_and_changes_nothing(
    http_client: HTTPClient,
    bucket: str,
    status: int,
    code: str,
    conditions: Sequence[Any],
    values: dict[str, str | None],
) -> None:
    fields = changed(signed(http_client, bucket, "key", *conditions), **values)
    assert post(http_client, bucket, form(fields)).outcome == (status, code)
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []


def test_an_old_form_is_refused(http_client: HTTPClient, bucket: str) -> None:
    fields = signed(http_client, bucket, "key", lifetime=-1)
    reply = post(http_client, bucket, form(fields))
    assert reply.outcome == (403, "AccessDenied")


FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbody\r\n'
KEY = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nkey\r\n'
BROKEN: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "MalformedPOSTRequest"),
    ("no form", b"hello, world", "MalformedPOSTRequest"),
    ("no file", KEY + b"--x--\r\n", "IncorrectNumberOfFilesInPostRequest"),
    ("two files", KEY + FILE + FILE + b"--x--\r\n", "IncorrectNumberOfFilesInPostRequest"),
    ("no end", KEY + FILE, "MalformedPOSTRequest"),
    ("an end within the file", KEY + FILE[:-4], "MalformedPOSTRequest"),
    ("the key after the file", FILE + KEY + b"--x--\r\n", "InvalidArgument"),
    ("a part without a name", b"--x\r\n\r\nbody\r\n--x--\r\n", "MalformedPOSTRequest"),
    ("a header that does not end", b"--x\r\n" + b"a" * 70_000, "MalformedPOSTRequest"),
    ("a key that is no UTF-8", KEY.replace(b"key\r", b"k\xff\r") + FILE + b"--x--", "InvalidURI"),
]


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN])
def test_a_broken_form_is_refused(
    http_client: HTTPClient, bucket: str, body: bytes, code: str
) -> None:
    assert (
        http_client.request("PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read-write"}).status
        == 200
    )
    head = {"content-type": "multipart/form-data; boundary=x"}
    assert post(http_client, bucket, body, content_type=head["content-type"]).outcome == (400, code)
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []


def test_fields_after_the_file_do_not_count(http_client: HTTPClient, bucket: str) -> None:
    late = f'\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\nlate'
    body = form(signed(http_client, bucket, "key"), after=late.encode())
    assert post(http_client, bucket, body).status == 204
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == ["key"]


def test_a_form_goes_to_a_bucket_that_exists(http_client: HTTPClient) -> None:
    body = form(signed(http_client, "absent-1250000000", "key"))
    assert post(http_client, "absent-1250000000", body).outcome == (404, "NoSuchBucket")


def test_a_bound_form_is_for_its_bucket_only(http_client: HTTPClient, bucket: str) -> None:

    fields = signed(http_client, "another-1250000000", "key")
    assert post(http_client, bucket, form(fields)).outcome == (403, "AccessDenied")


def test_a_url_signs_no_form(http_client: HTTPClient, bucket: str) -> None:
    media = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = form([("key", "k"), ("acl", "public-read")])
    reply = http_client.request(
        "POST", http_client.url("POST", f"/{bucket}/"), media, body, signed=False
    )
    assert reply.outcome == (403, "AccessDenied")
    assert http_client.request("POST", f"/{bucket}/", media, body).status == 204


def test_a_form_is_signed_once(http_client: HTTPClient, bucket: str) -> None:
    for name in ("x-amz-signature", "AWSAccessKeyId", "signature"):
        fields = [*signed(http_client, bucket, "k"), (name, "x")]
        assert post(http_client, bucket, form(fields)).outcome == (400, "InvalidArgument"), name


def test_headers_of_the_request_are_none_of_the_object(
    http_client: HTTPClient, bucket: str
) -> None:
    added = {"x_cos_acl": "public-read", "x_cos_meta_a": "b", "x_amz_meta_a": "b"}
    assert post(http_client, bucket, form(signed(http_client, bucket, "k")), **added).status == 204
    assert not http_client.request("GET", f"/{bucket}/k?acl").texts("URI")
    assert "x-cos-meta-a" not in http_client.request("HEAD", f"/{bucket}/k")


def test_a_form_is_good_for_a_year_at_most(http_client: HTTPClient, bucket: str) -> None:
    year = 366 * 86_400
    assert (
        post(http_client, bucket, form(signed(http_client, bucket, "k", lifetime=year))).status
        == 204
    )
    reply = post(http_client, bucket, form(signed(http_client, bucket, "k", lifetime=2 * year)))
    assert reply.outcome == (403, "AccessDenied")


def test_a_policy_that_names_neither_bucket_nor_key_is_one_of_the_vendor(
    http_client: HTTPClient, bucket: str
) -> None:
    # vendor: POST Object; only the three of the signature have to be named
    window = f"{int(time.time()) - 60};{int(time.time()) + 60}"
    names = {"q-sign-algorithm": "sha1", "q-ak": http_client.credentials.secret_id}
    ends = int(time.time() + 60) * 1000
    text = write_policy(ends, [{n: v} for n, v in {**names, "q-sign-time": window}.items()])
    signature = sign_form(text, http_client.credentials, window)
    fields = {**names, "q-key-time": window, "q-signature": signature}
    made = [("key", "any"), *fields.items(), ("policy", encode_policy(text))]
    assert post(http_client, bucket, form(made)).status == 204
