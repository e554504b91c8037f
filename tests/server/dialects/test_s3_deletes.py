"""Deletions that demand something of what they delete."""

import pytest

from tests.server.support.s3 import ask
from tests.server.support.wire import Peer

FAILED = (412, "PreconditionFailed")
PAST = "Thu, 01 Jan 2015 00:00:00 GMT"
ETAG = '"202cb962ac59075b964b07152d234b70"'


@pytest.fixture(params=["", "Enabled"])
def place(request: pytest.FixtureRequest, peer: Peer) -> str:
    """Make a bucket, with versions or without."""
    name = f"demands-{request.param.lower() or 'none'}"
    ask(peer, "PUT", f"/{name}")
    if request.param:
        document = f"<VersioningConfiguration><Status>{request.param}</Status>"
        body = f"{document}</VersioningConfiguration>".encode()
        assert ask(peer, "PUT", f"/{name}?versioning", {}, body).status == 200
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
    peer: Peer, place: str, demand: dict[str, str], holds: bool
) -> None:
    target = f"/{place}/k"
    assert ask(peer, "PUT", target, {}, b"123").status == 200
    reply = ask(peer, "DELETE", target, demand)
    assert reply.status == 204 if holds else reply.outcome == FAILED
    assert (ask(peer, "HEAD", target).status == 404) == holds
    assert ask(peer, "DELETE", target).status == 204


def test_the_time_of_an_object_may_be_demanded(peer: Peer, place: str) -> None:
    target = f"/{place}/timed"
    ask(peer, "PUT", target, {}, b"1")
    moment = ask(peer, "HEAD", target)["Last-Modified"]
    assert ask(peer, "DELETE", target, {"x-amz-if-match-last-modified-time": moment}).status == 204
    assert ask(peer, "DELETE", target, {"x-amz-if-match-last-modified-time": "noon"}).outcome == (
        400,
        "InvalidArgument",
    )


def test_what_is_not_there_is_deleted_whatever_is_demanded(peer: Peer, place: str) -> None:
    assert ask(peer, "DELETE", f"/{place}/never", {"if-match": '"other"'}).status == 204


def test_each_of_many_has_demands_of_its_own(peer: Peer, place: str) -> None:
    for key in "abcd":
        ask(peer, "PUT", f"/{place}/{key}", {}, b"123")
    document = (
        f"<Delete><Object><Key>a</Key><ETag>{ETAG}</ETag></Object>"
        "<Object><Key>b</Key><ETag>other</ETag></Object>"
        "<Object><Key>c</Key><Size>4</Size></Object>"
        "<Object><Key>d</Key></Object></Delete>"
    )
    reply = ask(peer, "POST", f"/{place}?delete", {}, document.encode())
    assert reply.status == 200
    assert reply.texts("Code") == ["PreconditionFailed"] * 2
    left = [key for key in "abcd" if ask(peer, "HEAD", f"/{place}/{key}").status == 200]
    assert left == ["b", "c"]


def test_a_demand_on_one_of_two_entries_for_a_key_is_heeded(peer: Peer, place: str) -> None:
    ask(peer, "PUT", f"/{place}/twice", {}, b"123")
    document = (
        "<Delete><Object><Key>twice</Key><ETag>other</ETag></Object>"
        "<Object><Key>twice</Key></Object></Delete>"
    )
    reply = ask(peer, "POST", f"/{place}?delete", {}, document.encode())
    assert "PreconditionFailed" in reply.texts("Code")
    assert ask(peer, "HEAD", f"/{place}/twice").status == 200
