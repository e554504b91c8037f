"""Random bytes in every place of a request: never a 500, and never a change without a signature."""

from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.messages import decode_text
from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.http_client import HTTPClient

bounded = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Bytes that a request line or header can hold at all, so that most of them reach the handlers.
LINE = bytes(set(range(0x21, 0x7F)))
METHODS = st.sampled_from("GET HEAD PUT POST DELETE OPTIONS PATCH".split())
WORDS = st.sampled_from(
    b"""/ ROOM kept ? & = %00 %ff %0d%0a %01 acl uploads versions versionId uploadId partNumber
    tagging delete prefix marker key-marker upload-id-marker version-id-marker delimiter max-keys
    encoding-type url response-expires location versioning""".split()
)
PIECES = WORDS | st.lists(st.sampled_from(LINE), max_size=6).map(bytes)
TARGETS = st.lists(PIECES, max_size=12).map(lambda pieces: b"/" + b"".join(pieces))
NAMES = st.sampled_from(
    """authorization range if-match if-none-match if-modified-since date host content-md5 expires
    content-type content-encoding expect x-cos-acl x-cos-tagging x-cos-grant-read x-cos-copy-source
    x-cos-copy-source-range x-cos-meta-a x-cos-storage-class x-cos-metadata-directive
    x-cos-security-token""".split()
)
VALUES = st.binary(max_size=40).map(
    lambda raw: decode_text(bytes(b for b in raw if b == 9 or (b >= 32 and b != 127)).strip())
)
HEADERS = st.dictionaries(NAMES, VALUES, max_size=4)
TAGS = st.sampled_from(
    """Delete Object Key VersionId Quiet Tagging TagSet Tag Value AccessControlPolicy Grant Owner
    AccessControlList Grantee ID URI Permission VersioningConfiguration Status Part PartNumber
    CompleteMultipartUpload""".split()
)
DOCUMENTS = st.recursive(
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace")),
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=3)).map(
        lambda made: f"<{made[0]}>".encode() + b"".join(made[1]) + f"</{made[0]}>".encode()
    ),
    max_leaves=12,
)


@bounded
@given(method=METHODS, target=TARGETS, headers=HEADERS, body=st.none() | st.binary(max_size=64))
def test_an_anonymous_client_changes_nothing(
    http_client: HTTPClient,
    room: str,
    method: str,
    target: bytes,
    headers: dict[str, str],
    body: bytes | None,
) -> None:
    with http_client.connect() as connection:
        raw = target.replace(b"ROOM", room.encode())
        reply = connection.request(
            http_client.build_request(method, raw, headers, body, signed=False)
        )
        reply = connection.receive() if reply.status == 100 else reply
        assert reply.status != 500
        assert reply.status >= 300 or method in ("GET", "HEAD")
    assert state(http_client, room) == UNTOUCHED


@bounded
@given(data=st.binary(max_size=300))
def test_raw_bytes_are_no_crash(http_client: HTTPClient, room: str, data: bytes) -> None:
    with http_client.connect() as connection:
        connection.send(data)
        connection.finish()
        try:
            rest = connection.rest()
        except ConnectionResetError:
            rest = b""
        assert b" 500 " not in rest[:20]
    assert state(http_client, room) == UNTOUCHED


@bounded
@given(target=TARGETS, headers=HEADERS)
def test_the_owner_reads_without_a_crash(
    http_client: HTTPClient, room: str, target: bytes, headers: dict[str, str]
) -> None:
    headers.pop("authorization", None)
    for method in ("GET", "HEAD"):
        raw = b"/" + room.encode() + target.replace(b"ROOM", b"kept")
        assert http_client.request(method, raw, headers).status != 500


@bounded
@given(
    address=st.sampled_from(
        [
            "POST /?delete",
            "PUT /?acl",
            "PUT /k?acl",
            "PUT /k?tagging",
            "PUT /?versioning",
            "POST /k?uploadId=none",
            "POST /k?restore",
            "PUT /none-bucket/",
        ]
    ),
    document=DOCUMENTS | st.binary(max_size=64),
)
def test_the_owners_documents_are_no_crash(
    http_client: HTTPClient, bucket: str, address: str, document: bytes
) -> None:
    method, _, target = address.partition(" ")
    assert http_client.request("PUT", f"/{bucket}/k", {}, b"kept").status == 200
    headers = {"content-md5": content_md5(document)}
    assert http_client.request(method, f"/{bucket}{target}", headers, document).status != 500
    for read in ("/?acl", "/?versions", "/?versioning", "/k?acl", "/k?tagging"):
        assert http_client.request("GET", f"/{bucket}{read}").status in (200, 404)


@bounded
@given(headers=HEADERS, key=st.text(min_size=1, max_size=20), body=st.binary(max_size=64))
def test_the_owners_headers_come_back_or_are_refused(
    http_client: HTTPClient, bucket: str, headers: dict[str, str], key: str, body: bytes
) -> None:
    headers.pop("authorization", None)
    raw = quote(key.encode("utf-8", "replace"), safe="")
    with http_client.connect() as connection:
        reply = connection.request(
            http_client.build_request("PUT", f"/{bucket}/{raw}", headers, body)
        )
        reply = connection.receive() if reply.status == 100 else reply
    assert reply.status != 500
    got = http_client.request("GET", f"/{bucket}/{raw}")
    assert got.status in (200, 400, 403, 404)
    if reply.status == 200 and "x-cos-copy-source" not in headers and "ETag" in reply:
        assert got.body == body or got.text("Code") == "InvalidObjectState"
    for read in (f"/{raw}?acl", f"/{raw}?tagging", "/", "/?versions"):
        assert http_client.request("GET", f"/{bucket}{read}").status != 500
