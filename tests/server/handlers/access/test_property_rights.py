"""Rights to read an object's properties besides its content; no ACL gives these.

Sources: S3, "Mapping of ACL permissions and access policy permissions" (READ on an object is
`s3:GetObject` and `s3:GetObjectVersion`; on a bucket it is the three listings), and HeadObject (the
headers on locks and tags are for those who may read them).
"""

import itertools
import json

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, OTHER, account_client
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")
ATTRIBUTES = {"x-amz-object-attributes": "ETag"}
_numbers = itertools.count(1)

# What is asked, and what a stranger is answered where all is public-read.
TOLD = [
    ("GET", "k", {}, 200),
    ("HEAD", "k", {}, 200),
    ("GET", "k?versionId=VERSION", {}, 200),
    ("GET", "", {}, 200),
    ("GET", "?versions", {}, 200),
    ("GET", "?uploads", {}, 200),
    ("GET", "k?acl", {}, 403),
    ("GET", "k?tagging", {}, 403),
    ("GET", "k?tagging&versionId=VERSION", {}, 403),
    ("GET", "k?attributes", ATTRIBUTES, 403),
    ("GET", "k?retention", {"x-amz-date": ""}, 403),
    ("GET", "k?legal-hold", {"x-amz-date": ""}, 403),
    ("GET", "?acl", {}, 403),
    ("GET", "?location", {}, 403),
    ("GET", "?tagging", {}, 403),
    ("GET", "?policy", {}, 403),
    ("GET", "?cors", {}, 403),
    ("GET", "?lifecycle", {}, 403),
    ("GET", "?object-lock", {"x-amz-date": ""}, 403),
    ("GET", "?encryption", {"x-amz-date": ""}, 403),
    ("GET", "?publicAccessBlock", {"x-amz-date": ""}, 403),
    ("GET", "?ownershipControls", {"x-amz-date": ""}, 403),
    ("GET", "?policyStatus", {"x-amz-date": ""}, 403),
    ("GET", "?requestPayment", {"x-amz-date": ""}, 403),
]


@pytest.fixture(scope="module")
def shown(http_client: HTTPClient) -> tuple[str, str]:
    """Create a public bucket with a tagged, locked object; return its name and the version."""
    name = f"properties{next(_numbers)}-1250000000"
    lock = {"x-amz-bucket-object-lock-enabled": "true", "x-amz-acl": "public-read"}
    s3 = S3HTTPClient(http_client)
    assert s3.request("PUT", f"/{name}/", lock).status == 200
    headers = {
        "x-amz-acl": "public-read",
        "x-amz-tagging": "secret=yes",
        "x-amz-object-lock-legal-hold": "ON",
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z",
    }
    stored = s3.request("PUT", f"/{name}/k", headers, b"x")
    assert stored.status == 200, stored.body
    return name, stored["x-amz-version-id"]


@pytest.mark.parametrize(("method", "target", "headers", "status"), TOLD)
def test_public_read_is_the_content_and_the_listings(
    server: LocalServer,
    http_client: HTTPClient,
    shown: tuple[str, str],
    method: str,
    target: str,
    headers: dict[str, str],
    status: int,
) -> None:
    place = f"/{shown[0]}/{target.replace('VERSION', shown[1])}"
    other = account_client(server, OTHER)
    found = [http_client.request(method, place, headers, signed=False).status]
    sent = {name: text for name, text in headers.items() if text}
    found.append(S3HTTPClient(other).request(method, place, sent).status)
    if not headers:
        found.append(other.request(method, place).status)
    assert found == [status] * len(found)


LOCKS = ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date")
HOLD, COUNT = "x-amz-object-lock-legal-hold", "x-amz-tagging-count"
RIGHTS = [
    ("GetObjectRetention", LOCKS),
    ("GetObjectLegalHold", (HOLD,)),
    ("GetObjectTagging", (COUNT,)),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_readers_get_no_locks_and_no_tags_in_headers(
    server: LocalServer, http_client: HTTPClient, shown: tuple[str, str], method: str
) -> None:
    s3, friend = S3HTTPClient(http_client), S3HTTPClient(account_client(server, FRIEND))
    secret = {*LOCKS, HOLD, COUNT}

    def header_names(who: S3HTTPClient, *, signed: bool = True) -> set[str]:
        reply = who.request(method, f"/{shown[0]}/k", {"x-amz-date": ""} if not signed else {},
                        signed=signed)  # fmt: skip
        assert reply.status == 200
        return secret & {name for name, _ in reply.fields}

    assert header_names(s3) == secret
    assert header_names(friend) == header_names(s3, signed=False) == set()
    for right, headers in RIGHTS:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": FRIEND},
            "Action": f"s3:{right}",
            "Resource": f"arn:aws:s3:::{shown[0]}/*",
        }
        body = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
        assert s3.request("PUT", f"/{shown[0]}/?policy", None, body).status == 204
        assert header_names(friend) == set(headers)
        assert s3.request("DELETE", f"/{shown[0]}/?policy").status == 204


def copy(
    who: HTTPClient, dialect: str, source: str, target: str, directive: str = ""
) -> tuple[int, str]:
    """Copy an object and return the outcome."""
    prefix = "x-amz" if dialect == "s3" else "x-cos"
    bucket, _, key = source.partition("/")
    host = bucket if dialect == "s3" else f"{bucket}.cos.ap-local.myqcloud.com"
    headers = {f"{prefix}-copy-source": f"{host}/{key}"}
    if directive:
        headers[f"{prefix}-tagging-directive"] = directive
    ask = S3HTTPClient(who).request if dialect == "s3" else who.request
    return ask("PUT", f"/{target}", headers, b"").outcome


@pytest.mark.parametrize(("dialect", "replaced"), [("s3", "REPLACE"), ("cos", "Replaced")])
def test_a_copy_takes_tags_only_with_the_right_to_read_them(
    server: LocalServer,
    http_client: HTTPClient,
    shown: tuple[str, str],
    bucket: str,
    dialect: str,
    replaced: str,
) -> None:
    friend = account_client(server, FRIEND)
    grant = {"x-cos-grant-write": f'id="{FRIEND}"'}
    assert http_client.request("PUT", f"/{bucket}/?acl", grant, b"").status == 200
    source, target = f"{shown[0]}/k", f"{bucket}/copy"
    assert copy(friend, dialect, source, target) == DENIED
    assert copy(friend, dialect, source, target, replaced) == (200, "")
    assert http_client.request("GET", f"/{target}?tagging").texts("Key") == []
    assert copy(http_client, dialect, source, target) == (200, "")
    assert http_client.request("GET", f"/{target}?tagging").texts("Key") == ["secret"]
