"""Form uploads of S3, byte for byte: stored objects, responses and refusals."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import md5, sha1
from hmac import digest
from typing import Any

import pytest

from coskit.protocol.s3.auth.post_signature import sign_form, signing_fields
from tests.server.dialects.test_post_object import Pairs, changed, form, post
from tests.server.support.http_client import HOST, HTTPClient, Reply
from tests.server.support.s3 import REGION, S3HTTPClient

DENIED = (403, "AccessDenied")


@pytest.fixture
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


def policy(*conditions: Any, lifetime: int = 60, **more: Any) -> str:
    """Return a policy as it stands in a form."""
    ends = datetime.fromtimestamp(time.time() + lifetime, UTC)
    usual = {"expiration": f"{ends:%Y-%m-%dT%H:%M:%S.000Z}", "conditions": list(conditions)}
    document = {name: value for name, value in (usual | more).items() if value is not None}
    return b64encode(json.dumps(document).encode()).decode()


def exactly(fields: dict[str, str], bucket: str) -> list[Any]:
    return [{name: value} for name, value in fields.items()] + [{"bucket": bucket}]


def fourth(
    http_client: HTTPClient, bucket: str, *more: Any, lifetime: int = 60, **fields: str
) -> Pairs:
    """Return the fields of a form that is signed in version 4."""
    given = {name.replace("_", "-"): value for name, value in fields.items()}
    now = int(time.time())
    given |= signing_fields(http_client.credentials, now, REGION)
    text = policy(*exactly(given, bucket), *more, lifetime=lifetime)
    return [*_signed4(http_client, text, now), *given.items()]


def _signed4(http_client: HTTPClient, text: str, now: int) -> Pairs:
    signature = sign_form(text, http_client.credentials, now, REGION)
    return [("policy", text), ("x-amz-signature", signature)]


def second(http_client: HTTPClient, text: str, **fields: str) -> Pairs:
    """Return the fields of a form whose policy is signed in version 2."""
    key = http_client.credentials.secret_key.encode()
    signature = b64encode(digest(key, text.encode(), sha1)).decode()
    given = {name.replace("_", "-"): value for name, value in fields.items()}
    made = {
        "AWSAccessKeyId": http_client.credentials.secret_id,
        "signature": signature,
        "policy": text,
    }
    return [*given.items(), *made.items()]


def test_a_signed_form_becomes_an_object(s3: S3HTTPClient, bucket: str) -> None:
    fields = fourth(
        s3.http_client,
        bucket,
        ["content-length-range", 5, 5],
        key="up/k",
        acl="private",
        Content_Type="text/plain",
        Cache_Control="no-cache",
        x_amz_meta_color="blau é",
        x_amz_storage_class="STANDARD_IA",
        x_amz_server_side_encryption="AES256",
    )
    reply = post(s3.http_client, bucket, form(fields))
    assert (reply.status, reply.body) == (204, b""), reply.body
    assert reply["ETag"] == f'"{md5(b"hello").hexdigest()}"'
    assert reply["Location"] == f"http://{HOST}/{bucket}/up/k"
    stored = s3.request("GET", f"/{bucket}/up/k")
    assert stored.body == b"hello"
    returned = {name.lower(): text for name, text in stored.fields}
    assert returned["content-type"] == "text/plain"
    assert returned["cache-control"] == "no-cache"
    assert returned["x-amz-storage-class"] == "STANDARD_IA"
    assert returned["x-amz-server-side-encryption"] == "AES256"
    assert returned["x-amz-meta-color"] == "=?UTF-8?B?YmxhdSDDqQ==?="  # RFC 2047, as S3 tells it


def test_the_older_signature_does_as_well(s3: S3HTTPClient, bucket: str) -> None:
    text = policy(
        {"bUcKeT": bucket},
        ["StArTs-WiTh", "$KeY", "up/"],
        {"AcL": "private"},
        ["starts-with", "$Content-Type", ""],
        ["eq", "$x-amz-meta-a", "1"],
        ["content-length-range", 0, 10],
    )
    fields = second(s3.http_client, text, kEy="up/${filename}", aCl="private", X_Amz_Meta_A="1")
    more = [*fields, ("x-ignore-me", "whatever")]
    assert post(s3.http_client, bucket, form(more, filename="a.txt")).status == 204
    stored = s3.request("GET", f"/{bucket}/up/a.txt")
    assert (stored.body, stored["x-amz-meta-a"]) == (b"hello", "1")


@pytest.mark.parametrize(("asked", "status"), [("200", 200), ("204", 204), ("404", 204)])
def test_the_response_has_the_status_that_the_form_names(
    s3: S3HTTPClient, bucket: str, asked: str, status: int
) -> None:
    reply = _with_status(s3, bucket, asked)
    assert (reply.status, reply.body) == (status, b"")


def _with_status(s3: S3HTTPClient, bucket: str, asked: str, key: str = "k") -> Reply:
    text = policy({"bucket": bucket}, {"key": key}, {"success_action_status": asked})
    fields = [*second(s3.http_client, text), ("key", key), ("success_action_status", asked)]
    return post(s3.http_client, bucket, form(fields))


def test_created_comes_with_a_document(s3: S3HTTPClient, bucket: str) -> None:
    reply = _with_status(s3, bucket, "201", "a&b 中")
    assert reply.status == 201
    assert reply.body.startswith(b"<?xml")
    assert b"<PostResponse>" in reply.body
    assert reply.text("Bucket") == bucket
    assert reply.body.decode().count("<Key>a&amp;b 中</Key>") == 1
    assert reply.text("ETag").strip('"') == md5(b"hello").hexdigest()
    assert reply.text("Location") == reply["Location"]


@pytest.mark.parametrize("name", ["success_action_redirect", "redirect"])
def test_a_browser_is_sent_on(s3: S3HTTPClient, bucket: str, name: str) -> None:
    for target, status in [("http://a.example/done?x=1", 303), ("nowhere", 204)]:
        text = policy({"bucket": bucket}, {"key": "k"}, {name: target})
        reply = post(
            s3.http_client,
            bucket,
            form([*second(s3.http_client, text), ("key", "k"), (name, target)]),
        )
        assert reply.status == status
        etag = f"%22{md5(b'hello').hexdigest()}%22"
        if status == 303:
            assert reply["Location"] == f"{target}&bucket={bucket}&key=k&etag={etag}"


def test_tags_come_as_a_document(s3: S3HTTPClient, bucket: str) -> None:
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1+2</Value></Tag></TagSet></Tagging>"
    text = policy({"bucket": bucket}, {"key": "k"}, ["starts-with", "$tagging", ""])
    fields = [*second(s3.http_client, text), ("key", "k"), ("tagging", tags)]
    assert post(s3.http_client, bucket, form(fields)).status == 204
    returned = s3.request("GET", f"/{bucket}/k?tagging")
    assert (returned.text("Key"), returned.text("Value")) == ("a b", "1+2")
    for bad in ("<Tagging>", "<X/>", "tags"):
        reply = post(s3.http_client, bucket, form(changed(fields, tagging=bad, key="k")))
        assert reply.outcome == (400, "MalformedXML")


def test_a_form_needs_no_policy_in_a_bucket_that_all_may_write(
    s3: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": "public-read-write"}).status == 200
    fields = [("key", "k"), ("acl", "public-read"), ("x-amz-meta-a", "1")]
    assert post(s3.http_client, bucket, form(fields)).status == 204
    stored = s3.http_client.request("GET", f"/{bucket}/k", signed=False)
    assert (stored.status, stored.body, stored["x-cos-meta-a"]) == (200, b"hello", "1")


def test_a_lock_comes_with_a_form(s3: S3HTTPClient) -> None:
    locked_bucket = "formvault-1250000000"
    assert (
        s3.request("PUT", f"/{locked_bucket}", {"x-amz-bucket-object-lock-enabled": "true"}).status
        == 200
    )
    fields = fourth(s3.http_client, locked_bucket, key="k", x_amz_object_lock_legal_hold="ON")
    reply = post(s3.http_client, locked_bucket, form(fields))
    assert reply.status == 204
    version = reply["x-amz-version-id"]
    assert s3.request("DELETE", f"/{locked_bucket}/k?versionId={version}").outcome == DENIED
    off = b"<LegalHold><Status>OFF</Status></LegalHold>"
    assert s3.request("PUT", f"/{locked_bucket}/k?legal-hold", None, off).status == 200
    assert s3.request("DELETE", f"/{locked_bucket}/k?versionId={version}").status == 204
    assert s3.request("DELETE", f"/{locked_bucket}").status == 204


REFUSED: list[tuple[list[Any], dict[str, Any], tuple[int, str]]] = [
    ([{"key": "k"}], {}, DENIED),  # nothing of the bucket
    ([{"bucket": "another"}, {"key": "k"}], {}, DENIED),
    ([{"bucket": ""}, {"key": "other"}], {}, DENIED),
    ([{"bucket": ""}, {"key": "k"}, {"acl": "private"}], {}, DENIED),  # the form lacks it
    ([{"bucket": ""}, {"key": "k"}, ["content-length-range", 6, 9]], {}, (400, "EntityTooSmall")),
    ([{"bucket": ""}, {"key": "k"}, ["content-length-range", 0, 4]], {}, (400, "EntityTooLarge")),
    (
        [{"bucket": ""}, {"key": "k"}, ["content-length-range", 0]],
        {},
        (400, "InvalidPolicyDocument"),
    ),
    (
        [{"bucket": ""}, {"key": "k"}, ["content-length-range", -1, 0]],
        {},
        (400, "InvalidPolicyDocument"),
    ),
    ([{"bucket": ""}, {"key": "k"}, {}], {}, (400, "InvalidPolicyDocument")),
    ([{"bucket": ""}, {"key": "k"}], {"lifetime": -1}, DENIED),
    ([{"bucket": ""}, {"key": "k"}], {"expiration": None}, (400, "InvalidPolicyDocument")),
    (
        [{"bucket": ""}, {"key": "k"}],
        {"expiration": "2126-01-01 00:00:00+00:00"},
        (400, "InvalidPolicyDocument"),
    ),
    ([], {"conditions": None}, (400, "InvalidPolicyDocument")),
    ([], {"conditions": None, "CONDITIONS": []}, (400, "InvalidPolicyDocument")),
]


@pytest.mark.parametrize(("conditions", "more", "outcome"), REFUSED)
def test_a_form_that_its_policy_does_not_allow_stores_nothing(
    s3: S3HTTPClient,
    bucket: str,
    conditions: list[Any],
    more: dict[str, Any],
    outcome: tuple[int, str],
) -> None:
    own = [{"bucket": bucket} if item == {"bucket": ""} else item for item in conditions]
    reply = post(
        s3.http_client, bucket, form([*second(s3.http_client, policy(*own, **more)), ("key", "k")])
    )
    assert reply.outcome == outcome
    assert reply["x-amz-request-id"]
    assert s3.request("HEAD", f"/{bucket}/k").status == 404


def test_a_field_that_the_policy_does_not_name_is_refused(s3: S3HTTPClient, bucket: str) -> None:
    """Otherwise a client with a signed policy could publish what it stores."""
    text = policy({"bucket": bucket}, {"key": "k"})
    for name, value in [("acl", "public-read"), ("x-amz-meta-a", "1"), ("Content-Type", "a/b")]:
        fields = [*second(s3.http_client, text), ("key", "k"), (name, value)]
        assert post(s3.http_client, bucket, form(fields)).outcome == DENIED
    assert s3.request("HEAD", f"/{bucket}/k").status == 404


def test_a_signature_is_of_its_policy_and_its_key(s3: S3HTTPClient, bucket: str) -> None:
    mismatch, unknown = (403, "SignatureDoesNotMatch"), (403, "InvalidAccessKeyId")
    new = fourth(s3.http_client, bucket, key="k")
    old = second(s3.http_client, policy({"bucket": bucket}, {"key": "k"}), key="k")
    other = policy({"bucket": bucket}, ["starts-with", "$key", ""])
    for fields, outcome in [
        (changed(new, policy=other), mismatch),
        (changed(new, x_amz_signature="0" * 64), mismatch),
        (changed(new, policy=None), DENIED),
        (changed(new, x_amz_credential=None), (400, "InvalidArgument")),
        (changed(old, policy=other), mismatch),
        (changed(old, signature="x"), mismatch),
        (changed(old, AWSAccessKeyId="nobody"), unknown),
        (changed(old, AWSAccessKeyId=None), (400, "InvalidArgument")),
        (changed(old, signature=None), (400, "InvalidArgument")),
        ([("key", "k"), ("policy", other), ("x-amz-meta-a", "1")], DENIED),
    ]:
        assert post(s3.http_client, bucket, form(fields)).outcome == outcome
    assert s3.request("HEAD", f"/{bucket}/k").status == 404


def test_a_wrong_checksum_stores_nothing(s3: S3HTTPClient, bucket: str) -> None:
    fields = second(s3.http_client, policy({"bucket": bucket}, {"key": "k"}), key="k")
    right = b64encode(sha1(b"hello").digest()).decode()
    wrong = b64encode(sha1(b"other").digest()).decode()
    for text, status in [(wrong, 400), ("none", 400), (right, 204)]:
        reply = post(s3.http_client, bucket, form([*fields, ("x-amz-checksum-sha1", text)]))
        assert reply.status == status
        found = s3.request("HEAD", f"/{bucket}/k").status
        assert found == (200 if status == 204 else 404)


def test_headers_of_the_request_are_none_of_the_object(s3: S3HTTPClient, bucket: str) -> None:
    added = {
        "x_amz_acl": "public-read",
        "x_amz_meta_a": "b",
        "x_amz_object_lock_mode": "GOVERNANCE",
    }
    fields = fourth(s3.http_client, bucket, key="k")
    assert post(s3.http_client, bucket, form(fields), **added).status == 204
    assert not s3.http_client.request("GET", f"/{bucket}/k?acl").texts("URI")
    assert "x-cos-meta-a" not in s3.http_client.request("HEAD", f"/{bucket}/k")


def test_a_form_is_signed_by_its_policy_alone(s3: S3HTTPClient, bucket: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=----limit"}
    body = form([("key", "k"), ("x-amz-meta-a", "b")])
    assert s3.request("POST", f"/{bucket}/", headers, body).outcome == DENIED
    assert s3.http_client.request("POST", f"/{bucket}/", headers, body).outcome == DENIED
    url = s3.http_client.url("POST", f"/{bucket}/")
    assert s3.http_client.request("POST", url, headers, body, signed=False).outcome == DENIED


def test_a_policy_is_good_for_a_year_at_most(s3: S3HTTPClient, bucket: str) -> None:
    year = 366 * 86_400
    for lifetime, status in ((year, 204), (2 * year, 403)):
        fields = fourth(s3.http_client, bucket, key="k", lifetime=lifetime)
        assert post(s3.http_client, bucket, form(fields)).status == status
