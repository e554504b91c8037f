"""Forms whose sender has a signed policy and tries to get more out of it than it allows."""

from typing import Any

import pytest

from coskit.protocol.auth.post_policy import read_policy
from coskit.protocol.errors import InvalidPolicyDocument
from tests.server.dialects import test_post_object as cos
from tests.server.dialects import test_s3_post_object as s3
from tests.server.support.http_client import HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")
Fields = list[tuple[str, str]]


def send(
    dialect: str, http_client: HTTPClient, bucket: str, conditions: list[Any], fields: Fields
) -> Reply:
    """Sign a policy with these conditions, and send it in a form with these fields first."""
    if dialect == "s3":
        text = s3.policy({"bucket": bucket}, *conditions)
        return cos.post(http_client, bucket, cos.form([*fields, *s3.second(http_client, text)]))
    signed = [(n, v) for n, v in cos.signed(http_client, bucket, "k", *conditions) if n != "key"]
    return cos.post(http_client, bucket, cos.form([*fields, *signed]))


DIALECTS = pytest.mark.parametrize("dialect", ["cos", "s3"])


@DIALECTS
@pytest.mark.parametrize(
    ("kind", "passes"),
    [
        ("image/png", True),
        ("image/png, image/gif", True),
        ("image/png,text/html", False),
        ("image/png, text/html", False),
        ("text/html,image/png", False),
        ("image/png,", False),
        (" image/png", True),
        ("IMAGE/PNG", False),
    ],
)
def test_each_type_of_a_list_has_to_be_allowed(
    http_client: HTTPClient, bucket: str, dialect: str, kind: str, passes: bool
) -> None:
    """Source: AWS, "POST policy", "Matching Content-Types in a Comma-Separated List".

    Browsers take the last type of such a header (Fetch, "extract a MIME type").
    """
    conditions: list[Any] = [["starts-with", "$Content-Type", "image/"]]
    conditions += [{"key": "k"}] if dialect == "s3" else []
    reply = send(dialect, http_client, bucket, conditions, [("key", "k"), ("Content-Type", kind)])
    assert (reply.status < 300) is passes, reply.outcome
    assert http_client.request("HEAD", f"/{bucket}/k").status == (200 if passes else 404)


@DIALECTS
@pytest.mark.parametrize(
    ("ranges", "code"),
    [
        ([(0, 4), (0, 100)], "EntityTooLarge"),
        ([(0, 100), (0, 4)], "EntityTooLarge"),
        ([(6, 100), (0, 100)], "EntityTooSmall"),
        ([(0, 100), (5, 5)], ""),
    ],
)
def test_all_ranges_of_sizes_hold(
    http_client: HTTPClient, bucket: str, dialect: str, ranges: list[tuple[int, int]], code: str
) -> None:
    conditions: list[Any] = [["content-length-range", *pair] for pair in ranges]
    conditions += [{"key": "k"}] if dialect == "s3" else []
    reply = send(dialect, http_client, bucket, conditions, [("key", "k")])
    assert (reply.outcome[1] if reply.status >= 300 else "") == code


@DIALECTS
@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ([("key", "k"), ("key", "other")], True),
        ([("key", "other"), ("key", "k")], False),
        ([("KEY", "k"), ("key", "other")], True),
        ([("Key", "other"), ("key", "k")], False),
        ([("key ", "other"), ("key", "k")], None),
    ],
)
def test_the_first_field_of_a_name_is_checked_and_used(
    http_client: HTTPClient, bucket: str, dialect: str, fields: Fields, passes: bool | None
) -> None:
    conditions = [{"key": "k"}] if dialect == "s3" else []
    reply = send(dialect, http_client, bucket, conditions, fields)
    if passes is not None:
        assert (reply.status < 300) is passes
        assert reply.status < 300 or reply.outcome == DENIED
    assert http_client.request("HEAD", f"/{bucket}/other").status == 404


@DIALECTS
@pytest.mark.parametrize(
    "filename", ["..", ".", "../../other", "..\\other", "a/../../b", "${filename}"]
)
def test_a_file_name_stays_behind_its_prefix(
    http_client: HTTPClient, bucket: str, dialect: str, filename: str
) -> None:
    given = [["starts-with", "$key", "f/"]]
    fields = [("key", "f/${filename}")]
    if dialect == "s3":
        text = s3.policy({"bucket": bucket}, *given)
        body = cos.form([*fields, *s3.second(http_client, text)], filename=filename)
        reply = cos.post(http_client, bucket, body)
    else:
        signed = cos.signed(http_client, bucket, "f/${filename}")
        reply = cos.post(http_client, bucket, cos.form(signed, filename=filename))
    assert reply.status < 300 or reply.status == 400, reply
    listed = S3HTTPClient(http_client).request("GET", f"/{bucket}/").texts("Key")
    assert all(key.startswith("f/") and key.count("/") == 1 for key in listed), listed


@DIALECTS
@pytest.mark.parametrize(
    "name", ["x-cos-copy-source", "x-amz-copy-source", "partNumber", "uploadId", "versionId"]
)
def test_a_field_makes_a_form_no_other_operation(
    http_client: HTTPClient, bucket: str, dialect: str, name: str
) -> None:
    """The policy allows the field, so that nothing but the operation itself refuses it."""
    assert http_client.request("PUT", f"/{bucket}/secret", {}, b"secret").status == 200
    conditions: list[Any] = [["starts-with", f"${name}", ""]]
    conditions += [{"key": "k"}] if dialect == "s3" else []
    send(dialect, http_client, bucket, conditions, [("key", "k"), (name, f"{bucket}/secret")])
    assert http_client.request("GET", f"/{bucket}/k").body in (b"hello", b"data") or (
        http_client.request("HEAD", f"/{bucket}/k").status == 404
    )


@pytest.mark.parametrize("expiration", [20261231, 2**70, None, True, ["2099-01-01T00:00:00Z"], {}])
def test_an_expiration_is_text(http_client: HTTPClient, bucket: str, expiration: object) -> None:
    """The text of the number 20261231 is an ISO 8601 date, too."""
    text = s3.policy({"bucket": bucket}, {"key": "k"}, expiration=expiration)
    reply = cos.post(http_client, bucket, cos.form([("key", "k"), *s3.second(http_client, text)]))
    assert reply.outcome == (400, "InvalidPolicyDocument")
    with pytest.raises(InvalidPolicyDocument):
        read_policy(text, ())
