"""Deletions that demand something of what they delete."""

import pytest

from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import request_s3

FAILED = (412, "PreconditionFailed")
PAST = "Thu, 01 Jan 2015 00:00:00 GMT"
ETAG = '"202cb962ac59075b964b07152d234b70"'


@pytest.fixture(params=["", "Enabled"])
def place(request: pytest.FixtureRequest, http_client: HTTPClient) -> str:
    """Make a bucket, with versions or without."""
    name = f"demands-{request.param.lower() or 'none'}"
    request_s3(http_client, "PUT", f"/{name}")
    if request.param:
        document = f"<VersioningConfiguration><Status>{request.param}</Status>"
        body = f"{document}</VersioningConfiguration>".encode()
        assert request_s3(http_client, "PUT", f"/{name}?versioning", {}, body).status == 200
    return name


@pytest.mark.parametrize(
    ("demand", "holds"),
    [
        ({"if-match": ETAG}, True),
        ({"if-match": "*"}, True),
        ({"if-match": '"other"'}, False),
        ({"x-amz-if-match-size": "3"}, True),
        ({"x-amz-if-match-size": "4"}, False),
        ({"x-amz-if-match-last-modified-time": PAST}, False),
        ({"if-match": ETAG, "x-amz-if-match-size": "4"}, False),
    ],
)
def test_an_object_is_deleted_if_it_is_the_one(
    http_client: HTTPClient, place: str, demand: dict[str, str], holds: bool
) -> None:
    target = f"/{place}/k"
    assert request_s3(http_client, "PUT", target, {}, b"123").status == 200
    reply = request_s3(http_client, "DELETE", target, demand)
    assert reply.status == 204 if holds else reply.outcome == FAILED
    assert (request_s3(http_client, "HEAD", target).status == 404) == holds
    assert request_s3(http_client, "DELETE", target).status == 204


def test_the_time_of_an_object_may_be_demanded(http_client: HTTPClient, place: str) -> None:
    target = f"/{place}/timed"
    request_s3(http_client, "PUT", target, {}, b"1")
    moment = request_s3(http_client, "HEAD", target)["Last-Modified"]
    assert (
        request_s3(
            http_client, "DELETE", target, {"x-amz-if-match-last-modified-time": moment}
        ).status
        == 204
    )
    assert request_s3(
        http_client, "DELETE", target, {"x-amz-if-match-last-modified-time": "noon"}
    ).outcome == (
        400,
        "InvalidArgument",
    )


def test_what_is_not_there_is_deleted_whatever_is_demanded(
    http_client: HTTPClient, place: str
) -> None:
    assert (
        request_s3(http_client, "DELETE", f"/{place}/never", {"if-match": '"other"'}).status == 204
    )


def test_each_of_many_has_demands_of_its_own(http_client: HTTPClient, place: str) -> None:
    for key in "abcd":
        request_s3(http_client, "PUT", f"/{place}/{key}", {}, b"123")
    document = (
        f"<Delete><Object><Key>a</Key><ETag>{ETAG}</ETag></Object>"
        "<Object><Key>b</Key><ETag>other</ETag></Object>"
        "<Object><Key>c</Key><Size>4</Size></Object>"
        "<Object><Key>d</Key></Object></Delete>"
    )
    reply = request_s3(http_client, "POST", f"/{place}?delete", {}, document.encode())
    assert reply.status == 200
    assert reply.texts("Code") == ["PreconditionFailed"] * 2
    left = [
        key for key in "abcd" if request_s3(http_client, "HEAD", f"/{place}/{key}").status == 200
    ]
    assert left == ["b", "c"]


def test_a_condition_on_one_of_two_entries_for_a_key_applies(
    http_client: HTTPClient, place: str
) -> None:
    request_s3(http_client, "PUT", f"/{place}/twice", {}, b"123")
    document = (
        "<Delete><Object><Key>twice</Key><ETag>other</ETag></Object>"
        "<Object><Key>twice</Key></Object></Delete>"
    )
    reply = request_s3(http_client, "POST", f"/{place}?delete", {}, document.encode())
    assert "PreconditionFailed" in reply.texts("Code")
    assert request_s3(http_client, "HEAD", f"/{place}/twice").status == 200
