"""GET Service page by page, and by region, time and tag.

Source: vendor: GET Service (List Buckets), its parameters and its response.
"""

import itertools
from collections.abc import Iterator

import pytest

from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

_numbers = itertools.count(1)


@pytest.fixture
def shelf(http_client: HTTPClient) -> Iterator[tuple[str, list[str]]]:
    """Create five buckets with a tag of their own; return the tag and the names in order."""
    tag = f"shelf-{next(_numbers)}"
    names = [f"{tag}-{letter}-1250000000" for letter in "abcde"]
    for name in names:
        assert (
            http_client.request("PUT", f"/{name}/", {"x-cos-tagging": f"{tag}=yes"}).status == 200
        )
    yield tag, names
    for name in names:
        assert http_client.request("DELETE", f"/{name}/").status == 204


def test_pages_follow_each_other(http_client: HTTPClient, shelf: tuple[str, list[str]]) -> None:
    tag, names = shelf
    found: list[list[str]] = []
    marker, more = "", "true"
    while more == "true":
        page = http_client.request("GET", f"/?tagkey={tag}&tagvalue=yes&max-keys=2&marker={marker}")
        assert page.text("Marker") == marker
        found.append(page.texts("Name"))
        more, marker = page.text("IsTruncated"), page.text("NextMarker")
        assert marker == (found[-1][-1] if more == "true" else "")
    assert found == [names[:2], names[2:4], names[4:]]


CHOICES = [
    ("", 5),
    ("&region=ap-local", 5),
    ("&region=ap-guangzhou", 0),
    ("&create-time=0&range=gt", 5),
    ("&create-time=0&range=lte", 0),
    ("&create-time=4102444800&range=lt", 5),
    ("&create-time=4102444800&range=gte", 0),
    ("&max-keys=2000", 5),
    ("&max-keys=9999", 5),
    ("&max-keys=3", 3),
]


@pytest.mark.parametrize(("query", "count"), CHOICES)
def test_buckets_are_chosen(
    http_client: HTTPClient, shelf: tuple[str, list[str]], query: str, count: int
) -> None:
    tag, names = shelf
    page = http_client.request("GET", f"/?tagkey={tag}&tagvalue=yes{query}")
    assert page.texts("Name") == names[:count]
    assert (page.text("IsTruncated") == "true") is (count == 3)


@pytest.mark.parametrize(
    "query", ["range=lt", "create-time=now&range=lt", "max-keys=0", "max-keys=x", "range=eq"]
)
def test_half_a_choice_is_none(http_client: HTTPClient, query: str) -> None:
    assert http_client.request("GET", f"/?{query}").outcome == (400, "InvalidArgument")


def test_the_marker_is_a_place_and_no_bucket(
    http_client: HTTPClient, shelf: tuple[str, list[str]]
) -> None:
    tag, names = shelf
    query = f"/?tagkey={tag}&tagvalue=yes&marker={names[1]}x"
    assert http_client.request("GET", query).texts("Name") == names[2:]


def test_s3_pages_too(http_client: HTTPClient, shelf: tuple[str, list[str]]) -> None:
    tag, names = shelf
    page = S3HTTPClient(http_client).request("GET", f"/?prefix={tag}-&max-buckets=2")
    assert (page.texts("Name"), page.text("ContinuationToken")) == (names[:2], names[1])
    token = page.text("ContinuationToken")
    rest = S3HTTPClient(http_client).request(
        "GET", f"/?prefix={tag}-&max-buckets=9&continuation-token={token}"
    )
    assert rest.texts("Name") == names[2:]
