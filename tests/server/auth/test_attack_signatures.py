"""Attacks on signatures: forged, cut off, or with something added to the request.

Sources: MinIO CVE-2025-31489, CVE-2026-40344, CVE-2026-41145 and CVE-2026-34204, Ceph
CVE-2026-54330 and CVE-2026-39944, SeaweedFS CVE-2026-55873; S3, "Signature Calculations for the
Authorization Header: Transferring Payload in Multiple Chunks".
"""

import json
import time
from collections.abc import Mapping
from hashlib import sha256

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from coskit.protocol.endpoint import encode_query
from coskit.protocol.errors import CosServiceError
from coskit.protocol.s3.auth import sigv4
from coskit.server.auth.session_tokens import issue, open_token
from coskit.testing import LocalServer
from tests.server.auth.test_session_tokens import by_header, by_url, temporary
from tests.server.handlers.access.test_policies import ANYONE, statement
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import HOST, OWNER, HTTPClient, Reply, received
from tests.server.support.s3 import REGION, S3HTTPClient

FRAMED = b"4\r\nevil\r\n0\r\nx-amz-checksum-crc32:RiHeYQ==\r\n\r\n"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = [UNSIGNED, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "UNSIGNED-PAYLOAD", "e3b0c442"]
EXTRACT = {"x-amz-meta-snowball-auto-extract": "true"}


def about(kind: str, **more: str) -> dict[str, str]:
    """Return the headers of a body that comes in chunks."""
    named = {name.replace("_", "-"): value for name, value in more.items()}
    framed = {"x-amz-decoded-content-length": "4", "x-amz-trailer": "x-amz-checksum-crc32"}
    return {"x-amz-content-sha256": kind, **framed, **named}


def forgeries(http_client: HTTPClient, target: str) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return targets and headers that name a good key and have no good signature."""
    key = http_client.credentials.secret_id
    day = time.strftime("%Y%m%d", time.gmtime())
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{key}/{day}/{REGION}/s3/aws4_request"
    mark = "&" if "?" in target else "?"
    named = f"{target}{mark}X-Amz-Credential={scope.replace('/', '%2F')}"
    dated = {"x-amz-date": moment}
    listed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature="
    return {
        "a made-up signature": (target, {"authorization": listed + "0" * 64, **dated}),
        "an empty signature": (target, {"authorization": listed, **dated}),
        "no signature": (target, {"authorization": listed.rpartition(",")[0], **dated}),
        "version 2": (target, {"authorization": f"AWS {key}:{'A' * 27}=", **dated}),
        "a key in the query": (named, dated),
        "a key in the query and the header": (named, {"authorization": f"AWS4 {scope}", **dated}),
        "half a URL": (f"{named}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={moment}", {}),
        "a URL without a signature": (
            f"{named}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={moment}&X-Amz-Expires=60"
            "&X-Amz-SignedHeaders=host&X-Amz-Signature=",
            {},
        ),
        "a key of version 2 in the query": (f"{target}{mark}AWSAccessKeyId={key}", {}),
        "a key of COS in the query": (f"{target}{mark}q-ak={key}&q-sign-algorithm=sha1", {}),
        "a key of COS in the header": (
            target,
            {"authorization": f"q-sign-algorithm=sha1&q-ak={key}&q-signature="},
        ),
        "nothing": (target, {}),
    }


@pytest.mark.parametrize("forgery", forgeries(HTTPClient(0, "", ""), "/"))
@pytest.mark.parametrize("kind", KINDS)
def test_to_know_a_key_id_is_not_to_know_the_key(
    http_client: HTTPClient, bucket: str, forgery: str, kind: str
) -> None:
    upload = http_client.request("POST", f"/{bucket}/k?uploads", {}, b"").text("UploadId")
    for path in (f"/{bucket}/k", f"/{bucket}/k?partNumber=1&uploadId={upload}"):
        target, headers = forgeries(http_client, path)[forgery]
        for more in ({}, EXTRACT, {"content-encoding": "aws-chunked"}):
            sent = {**about(kind), **headers, **more}
            reply = http_client.request("PUT", target, sent, FRAMED, signed=False)
            assert reply.status in (400, 403, 501), reply.body
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []
    assert http_client.request("GET", f"/{bucket}/k?uploadId={upload}").texts("PartNumber") == []


@pytest.mark.parametrize("forgery", forgeries(HTTPClient(0, "", ""), "/"))
def test_a_forged_signature_is_not_taken_as_anonymous(
    http_client: HTTPClient, bucket: str, forgery: str
) -> None:
    """A public right does not apply to a request with a wrong signature."""
    rule = json.dumps({"Statement": [statement(bucket, "allow", ANYONE, "PutObject")]}).encode()
    assert http_client.request("PUT", f"/{bucket}/?policy", {}, rule).status == 204
    target, headers = forgeries(http_client, f"/{bucket}/k")[forgery]
    reply = http_client.request("PUT", target, {**about(UNSIGNED), **headers}, FRAMED, signed=False)
    stored = http_client.request("GET", f"/{bucket}/?versions").texts("Key")
    # Without a whole signature a request is refused, or one of nobody's, who may write here.
    assert (reply.status, stored) in ((200, ["k"]), (400, []), (403, []), (501, []))
    if stored:
        assert forgery in ("nothing", "a key in the query", "a key of COS in the query")


def presigned(http_client: HTTPClient, method: str, target: str) -> str:
    """Return a target of S3 that is signed for a minute, host and nothing else."""
    request = received(method, target.encode(), {"host": HOST})
    query = sigv4.presign(request, http_client.credentials, int(time.time()), REGION, 60)
    return f"{target.partition('?')[0]}?{encode_query(query)}"


ADDED = [
    {"x-amz-copy-source": "ROOM/kept"},
    {"x-amz-acl": "public-read"},
    {"x-amz-grant-full-control": 'id="1260000000"'},
    {"x-amz-tagging": "a=b"},
    {"x-amz-meta-a": "b"},
    {"x-amz-storage-class": "GLACIER"},
    {"x-amz-server-side-encryption": "AES256"},
    {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    {"x-amz-object-lock-mode": "COMPLIANCE"},
    {"x-amz-object-lock-legal-hold": "ON"},
    {"x-amz-website-redirect-location": "http://a.example"},
    {"x-amz-security-token": "x"},
    {"X-AMZ-ACL": "public-read"},
    about(UNSIGNED),
]


@pytest.mark.parametrize("added", ADDED, ids=lambda row: next(iter(row)))
def test_who_was_given_a_url_of_s3_adds_nothing_to_it(
    http_client: HTTPClient, room: str, bucket: str, added: dict[str, str]
) -> None:
    url = presigned(http_client, "PUT", f"/{bucket}/k")
    sent = {name: value.replace("ROOM", room) for name, value in added.items()}
    reply = http_client.request("PUT", url, sent, FRAMED, signed=False)
    assert reply.outcome == (403, "AccessDenied")
    assert http_client.request("GET", f"/{bucket}/?versions").texts("Key") == []
    assert http_client.request("PUT", url, {}, b"x", signed=False).status == 200


REPLICATED = [
    "x-minio-replication-server-side-encryption-sealed-key",
    "x-minio-replication-server-side-encryption-seal-algorithm",
    "x-minio-replication-server-side-encryption-iv",
    "x-minio-replication-encrypted-multipart",
    "x-minio-internal-server-side-encryption-iv",
    "x-minio-source-mtime",
    "x-minio-source-etag",
    "x-rustfs-source-replication-request",
    "x-amz-replication-status",
]


@pytest.mark.parametrize("dialect", ["cos", "s3"])
def test_a_writer_says_nothing_of_what_the_server_keeps(
    http_client: HTTPClient, bucket: str, dialect: str
) -> None:
    asking = S3HTTPClient(http_client) if dialect == "s3" else http_client
    headers = dict.fromkeys(REPLICATED, "2001-01-01T00:00:00Z")
    plain = asking.request("PUT", f"/{bucket}/plain", {}, b"data")
    reply = asking.request("PUT", f"/{bucket}/k", headers, b"data")
    assert reply.status in (200, 400, 501)
    if reply.status == 200:
        assert reply["ETag"] == plain["ETag"]
        returned = [names(asking.request("HEAD", f"/{bucket}/{key}")) for key in ("plain", "k")]
        assert returned[0] == returned[1]
        got = asking.request("GET", f"/{bucket}/k")
        assert got.body == b"data"
        assert "2001" not in got["Last-Modified"]


def names(reply: Reply) -> list[str]:
    return [name for name, _ in reply.fields]


@pytest.mark.parametrize(
    "service", ["s3tables", "sts", "iam", "s3-object-lambda", "s3express", "S3"]
)
def test_a_signature_for_another_service_is_none(
    http_client: HTTPClient, room: str, service: str
) -> None:
    keys = Credentials(http_client.credentials.secret_id, http_client.credentials.secret_key)
    for target in ("/", f"/{room}/kept"):
        digest = sha256(b"").hexdigest()
        request = AWSRequest("GET", f"http://{HOST}{target}", {"x-amz-content-sha256": digest})
        SigV4Auth(keys, service, REGION).add_auth(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert http_client.request("GET", target, headers, signed=False).status in (400, 403)


def test_no_key_signs_a_token(server: LocalServer, http_client: HTTPClient, room: str) -> None:
    """Not the owner's, not another account's: the secret of tokens is one of its own."""
    friend = account_client(server, FRIEND)
    ends = int(time.time()) + 600
    for secret in (
        server.secret_key,
        server.secret_id,
        friend.credentials.secret_key,
        friend.credentials.secret_id,
        OWNER,
        "",
    ):
        forged = HTTPClient(http_client.port, "", "")
        forged.credentials = issue(secret, OWNER, ends)
        for ask in (by_header, by_url):
            assert ask(forged, "GET", f"/{room}/kept").outcome == (403, "AccessDenied")


def test_no_bit_of_a_token_can_be_another(server: LocalServer) -> None:
    secret = "the server's"
    token = issue(secret, f"{OWNER}/77", 2**33, '{"statement": []}').token
    assert open_token(secret, token).account == f"{OWNER}/77"
    for at, character in enumerate(token):
        for bit in range(7):
            changed = token[:at] + chr(ord(character) ^ 1 << bit) + token[at + 1 :]
            with pytest.raises(CosServiceError):
                open_token(secret, changed)
    key = temporary(server)
    assert by_header(key, "GET", "/").status == 200
