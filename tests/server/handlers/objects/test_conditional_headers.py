"""Conditional headers are applied, or the request is refused.

Sources: botocore's model of S3, which names every header that S3 knows; RFC 9110 13.1 and 14.5;
S3's CopyObject and "Verifying bucket ownership"; COS's `x-cos-forbid-overwrite`.
"""

import gzip
import itertools
import json
from importlib import resources
from typing import Any

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.accounts import FRIEND
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

OLD, NEW = "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 2099 00:00:00 GMT"

# A guard with a value that does not hold, and the operations of both dialects that obey it.
TARGET = {"PutObject", "CopyObject", "CompleteMultipartUpload", "GetObject", "HeadObject"}
GUARDS: dict[str, tuple[str, set[str]]] = {
    "if-match": ('"0"', TARGET | {"s3:DeleteObject", "cos:AppendObject"}),
    "if-none-match": ("*", TARGET | {"cos:AppendObject"}),
    "if-unmodified-since": (OLD, TARGET | {"cos:AppendObject"}),
    "x-amz-bucket-object-lock-token": ("t", set()),
    "x-amz-expected-bucket-owner": (FRIEND, {"*"}),
    "x-amz-if-match-initiated-time": (OLD, set()),
    "x-amz-if-match-last-modified-time": (OLD, {"s3:DeleteObject"}),
    "x-amz-if-match-size": ("77", {"s3:DeleteObject"}),
    "x-amz-mfa": ("device 123456", set()),
    "x-amz-mp-object-size": ("77", {"CompleteMultipartUpload"}),
    "x-amz-object-if-match": ('"0"', set()),
    "x-amz-object-lock-event-hold": ("ON", set()),
    "x-amz-object-lock-event-hold-duration-days": ("1", set()),
    "x-amz-object-lock-event-hold-duration-years": ("1", set()),
    "x-amz-rename-source": ("/a", set()),
    "x-amz-rename-source-if-match": ('"0"', set()),
    "x-amz-rename-source-if-modified-since": (NEW, set()),
    "x-amz-rename-source-if-none-match": ("*", set()),
    "x-amz-rename-source-if-unmodified-since": (OLD, set()),
    "x-amz-source-expected-bucket-owner": (FRIEND, {"CopyObject", "UploadPartCopy"}),
    "x-amz-write-offset-bytes": ("0", set()),
    **{
        f"x-{vendor}-copy-source-if-{name}": (
            value,
            {f"{dialect}:CopyObject", f"{dialect}:UploadPartCopy"},
        )
        for vendor, dialect in (("amz", "s3"), ("cos", "cos"))
        for name, value in (
            ("match", '"0"'),
            ("none-match", "*"),
            ("modified-since", NEW),
            ("unmodified-since", OLD),
        )
    },
    "x-cos-forbid-overwrite": (
        "true",
        {
            f"cos:{n}"
            for n in ("PutObject", "CopyObject", "CompleteMultipartUpload", "AppendObject")
        },
    ),
    # No guard, but S3 stores and tells it.
    "x-amz-website-redirect-location": ("/a", set()),
}

# Headers of the model that keep nothing from being done, with the reason.
HARMLESS = {
    "x-amz-confirm-remove-self-bucket-access": "the owner may always change the policy here",
    "x-amz-request-payer": "agrees to pay, and nobody is charged",
    "x-amz-skip-destination-validation": "of an operation that is not here",
    "x-amz-bucket-namespace": "names the namespace of all buckets here",
    "x-amz-object-annotation-directive": "there are no annotations to copy",
    "x-amz-optional-object-attributes": "asks for more fields in a listing",
    "x-amz-transition-default-minimum-object-size": "of lifecycle rules",
    "if-modified-since": "RFC 9110 13.1.3: has no meaning but for GET and HEAD",
    "x-amz-client-token": "of RenameObject",
    "x-amz-create-session-mode": "of CreateSession",
}
DESCRIBING = (
    "cache-control", "content-", "expires", "range", "x-amz-acl",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-bypass-governance-retention", "x-amz-checksum-", "x-amz-copy-source", "x-amz-fwd-",
    "x-amz-grant-", "x-amz-max-parts", "x-amz-meta-", "x-amz-metadata-directive",
    "x-amz-object-attributes", "x-amz-object-lock-legal-hold", "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date", "x-amz-object-ownership", "x-amz-part-number-marker",
    "x-amz-request-route", "x-amz-request-token", "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-tagging",
)  # fmt: skip


def model_headers() -> set[str]:
    """Return every request header of botocore's model of S3."""
    pytest.importorskip("botocore")
    folder = resources.files("botocore").joinpath("data/s3/2006-03-01")
    packed = folder.joinpath("service-2.json.gz")
    if packed.is_file():
        model = json.loads(gzip.decompress(packed.read_bytes()))
    else:
        model = json.loads(folder.joinpath("service-2.json").read_bytes())
    shapes = [
        model["shapes"][o["input"]["shape"]] for o in model["operations"].values() if "input" in o
    ]
    members = [member for shape in shapes for member in shape["members"].values()]
    return {
        m["locationName"].lower() for m in members if m.get("location") in ("header", "headers")
    }


def test_every_header_of_s3_is_a_guard_or_none() -> None:
    unknown = model_headers() - GUARDS.keys() - HARMLESS.keys()
    assert {name for name in unknown if not name.startswith(DESCRIBING)} == set()


Request = tuple[str, str, dict[str, str], bytes | None]
ACL = b"<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"


def requests_of(http_client: HTTPClient, bucket: str, dialect: str) -> dict[str, Request]:
    """Return a request of each kind; without a guard all but the reads would change something."""
    prefix = "x-amz" if dialect == "s3" else "x-cos"
    host = bucket if dialect == "s3" else f"{bucket}.cos.ap-local.myqcloud.com"
    source = {f"{prefix}-copy-source": f"{host}/k"}
    directive = "REPLACE" if dialect == "s3" else "Replaced"
    restated = {f"{prefix}-storage-class": "STANDARD_IA", f"{prefix}-metadata-directive": directive}
    begun = http_client.request("POST", f"/{bucket}/up?uploads", {}, b"").text("UploadId")
    stored = http_client.request("PUT", f"/{bucket}/up?partNumber=1&uploadId={begun}", {}, b"x")[
        "ETag"
    ]
    parts = f"<Part><PartNumber>1</PartNumber><ETag>{stored.strip(chr(34))}</ETag></Part>"
    complete = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    delete = b"<Delete><Object><Key>k</Key></Object></Delete>"
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    asked: dict[str, Request] = {
        "PutObject": ("PUT", "k", {}, b"new"),
        "CopyObject": ("PUT", "k", {**source, **restated}, b""),
        "GetObject": ("GET", "k", {}, None),
        "HeadObject": ("HEAD", "k", {}, None),
        "DeleteObject": ("DELETE", "k", {}, None),
        "DeleteObjects": ("POST", "?delete", {"content-md5": content_md5(delete)}, delete),
        "CreateMultipartUpload": ("POST", "new?uploads", {}, b""),
        "UploadPart": ("PUT", f"up?partNumber=1&uploadId={begun}", {}, b"y"),
        "UploadPartCopy": ("PUT", f"up?partNumber=1&uploadId={begun}", source, b""),
        "ListParts": ("GET", f"up?uploadId={begun}", {}, None),
        "AbortMultipartUpload": ("DELETE", f"up?uploadId={begun}", {}, None),
        "CompleteMultipartUpload": ("POST", f"up?uploadId={begun}", {}, complete),
        "PutObjectAcl": ("PUT", "k?acl", {f"{prefix}-acl": "private"}, b""),
        "PutObjectTagging": ("PUT", "k?tagging", {}, tags),
        "GetObjectTagging": ("GET", "k?tagging", {}, None),
        "ListObjects": ("GET", "", {}, None),
        "PutBucketTagging": ("PUT", "?tagging", {"content-md5": content_md5(tags)}, tags),
        "DeleteBucketPolicy": ("DELETE", "?policy", {}, None),
        "HeadBucket": ("HEAD", "", {}, None),
    }  # fmt: skip
    if dialect == "cos":
        asked["AppendObject"] = ("POST", "grown?append&position=1", {}, b"y")
    return asked


def send(who: Any, bucket: str, request: Request, header: str, value: str) -> Reply:
    method, target, headers, body = request
    reply: Reply = who.request(method, f"/{bucket}/{target}", {**headers, header: value}, body)
    return reply


def state(http_client: HTTPClient, bucket: str) -> list[bytes]:
    """Return what there is to see of a bucket."""
    asked = ("?versions", "k", "k?acl", "k?tagging", "grown")
    found = [http_client.request("GET", f"/{bucket}/{target}").body for target in asked]
    uploads = http_client.request("GET", f"/{bucket}/?uploads")
    ids = zip(uploads.texts("Key"), uploads.texts("UploadId"), strict=True)
    listed = [
        http_client.request("GET", f"/{bucket}/{key}?uploadId={upload}").body for key, upload in ids
    ]
    return [
        *found,
        uploads.body,
        *listed,
        http_client.request("GET", f"/{bucket}/?tagging").outcome[1].encode(),
    ]


CASES = [
    (header, dialect)
    for header, dialect in itertools.product(GUARDS, ("s3", "cos"))
    if (header, dialect) != ("x-amz-website-redirect-location", "cos")
]


@pytest.mark.parametrize(("header", "dialect"), CASES)
def test_a_guard_is_obeyed_or_refused(
    http_client: HTTPClient, bucket: str, dialect: str, header: str
) -> None:
    assert http_client.request("PUT", f"/{bucket}/k", {}, b"old").status == 200
    assert http_client.request("POST", f"/{bucket}/grown?append&position=0", {}, b"x").status == 200
    value, obeying = GUARDS[header]
    if dialect == "cos" and header.startswith("x-amz-") and header != "x-amz-mp-object-size":
        obeying = set()  # it is one of the other dialect
    requests = requests_of(http_client, bucket, dialect)
    # There has to be something to overwrite.
    assert http_client.request("PUT", f"/{bucket}/up", {}, b"old").status == 200
    who = S3HTTPClient(http_client) if dialect == "s3" else http_client
    before = state(http_client, bucket)
    for name, request in requests.items():
        reply = send(who, bucket, request, header, value)
        if header == "if-none-match" and request[0] in ("GET", "HEAD") and name not in TARGET:
            assert reply.status == 200, name  # a whole answer is right too
        elif obeying & {"*", name, f"{dialect}:{name}"}:
            assert reply.status in (304, 400, 403, 404, 409, 412), (name, reply.status, reply.body)
        else:
            assert reply.status == 501, (name, reply.status, reply.body)
    assert [
        returned
        for returned, was in zip(state(http_client, bucket), before, strict=True)
        if returned != was
    ] == []


@pytest.mark.parametrize("dialect", ["s3", "cos"])
def test_guards_that_hold_let_pass(http_client: HTTPClient, bucket: str, dialect: str) -> None:
    stored = http_client.request("PUT", f"/{bucket}/k", {}, b"old")
    who, prefix = (
        (S3HTTPClient(http_client), "x-amz") if dialect == "s3" else (http_client, "x-cos")
    )
    requests = requests_of(http_client, bucket, dialect)
    for name, header, value in (
        ("UploadPart", "x-amz-expected-bucket-owner", OWNER),
        ("GetObject", "x-amz-expected-bucket-owner", OWNER),
        ("UploadPartCopy", "x-amz-source-expected-bucket-owner", OWNER),
        ("CopyObject", "x-amz-source-expected-bucket-owner", OWNER),
        ("CopyObject", f"{prefix}-copy-source-if-match", stored["ETag"]),
        ("GetObject", "x-amz-request-payer", "requester"),
        ("PutObject", "if-modified-since", NEW),
    ):
        if dialect == "cos" and header.startswith("x-amz-"):
            continue
        reply = send(who, bucket, requests[name], header, value)
        assert reply.status == 200, (name, header, reply.body)


EMPTY = ("if-match", "if-none-match", "x-amz-mfa", "x-amz-expected-bucket-owner")


@pytest.mark.parametrize("dialect", ["s3", "cos"])
@pytest.mark.parametrize("header", EMPTY)
def test_a_guard_that_says_nothing_is_refused(
    http_client: HTTPClient, bucket: str, dialect: str, header: str
) -> None:
    who = S3HTTPClient(http_client) if dialect == "s3" else http_client
    assert who.request("PUT", f"/{bucket}/k", {header: ""}, b"x").status in (400, 501)
    assert http_client.request("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("dialect", ["s3", "cos"])
def test_a_part_of_an_object_does_not_replace_it(
    http_client: HTTPClient, bucket: str, dialect: str
) -> None:
    who = S3HTTPClient(http_client) if dialect == "s3" else http_client
    assert who.request("PUT", f"/{bucket}/k", {}, b"whole").status == 200
    reply = who.request("PUT", f"/{bucket}/k", {"content-range": "bytes 0-0/5"}, b"W")
    assert reply.outcome == (400, "InvalidArgument")
    assert who.request("GET", f"/{bucket}/k").body == b"whole"


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("if-none-match", "*", 412),
        ("if-match", '"0"', 412),
        ("x-amz-expected-bucket-owner", FRIEND, 403),
        ("x-amz-mfa", "device 123456", 501),
        ("x-amz-write-offset-bytes", "0", 501),
    ],
)
def test_a_form_obeys_the_guards_of_its_request(
    http_client: HTTPClient, bucket: str, header: str, value: str, status: int
) -> None:
    assert http_client.request("PUT", f"/{bucket}/k", {}, b"old").status == 200
    body = (
        b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nnew\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b", header: value}
    assert http_client.request("POST", f"/{bucket}", headers, body).status == status
    assert http_client.request("GET", f"/{bucket}/k").body == b"old"
